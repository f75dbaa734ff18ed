#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where all threads are: of preloaded programs, running or asleep, and of
others; that nothing is interrupted by it and nothing counted."""

import json
import os
import subprocess
import threading

from lib import (BUILD, Scratch, PROGRAMS, profagent, run, tap, wait_for,
                 which, without_expectations)
from agent import Agent, Program

PLACES = os.path.join(PROGRAMS, "places")
EINTR = os.path.join(PROGRAMS, "eintr")

BURN = ["burn_north", "burn_east", "burn_south", "burn_west"]
WAIT = ["wait_in_read", "wait_in_poll", "wait_in_cond", "wait_in_sleep",
        "wait_in_pause", "wait_in_usleep"]
CALLS = {"wait_in_read": "read", "wait_in_cond": "futex",
         "wait_in_pause": "pause"}
STATES = dict([(name, "running") for name in BURN] +
              [(name, "blocked") for name in WAIT])


def snapshot(scratch, *args):
    return profagent("snapshot", *args,
                     env=dict(os.environ, XDG_RUNTIME_DIR=scratch.runtime))


def places(done, pid):
    """function -> (state, call) of the ten threads, from --json."""
    found = {}
    if done.status != 0:
        return found
    for process in json.loads(done.out):
        if process["pid"] != pid:
            continue
        for thread in process["threads"]:
            names = [f["function"] for f in thread["frames"]]
            for name in set(names) & set(STATES):
                found[name] = (thread["state"], thread.get("call", ""))
    return found


def states(found):
    return {name: state for name, (state, _) in found.items()}


def wait_for_places(scratch, pid, strict=True):
    """One snapshot that shows all ten, once they are all there."""
    last = []

    def try_once():
        last[:] = [snapshot(scratch, "--json", str(pid))]
        found = places(last[0], pid)
        return (states(found) == STATES if strict
                else set(found) == set(STATES))

    good = wait_for(try_once, 60)
    return good, last[0]


def test_preloaded(scratch):
    for start, what in ((0, "asleep"), (1, "running")):
        with Program([PLACES], scratch, START=start) as p:
            agent = Agent(p.socket())
            before = agent.status()
            good, done = wait_for_places(scratch, p.pid)
            tap.ok(good, what + ": one snapshot shows ten threads in ten "
                   "functions, four running", done)
            found = places(done, p.pid)
            tap.ok(all(found[name][1] == call
                       for name, call in CALLS.items() if name in found),
                   what + ": and what they wait for", found)
            threads = json.loads(done.out)[0]["threads"]
            tap.equal(len(threads), 10,
                      what + ": the agent's own thread is not among them")
            after = agent.status()
            if start == 0:
                tap.equal((before["state"], after["state"],
                           after["samples"], after["expirations"]),
                          ("paused", "paused", 0, 0),
                          "asleep: it stays so, and nothing is counted")
            with open("/proc/%d/timers" % p.pid) as f:
                left = sum(line.startswith("ID:") for line in f)
            tap.ok(left == 0 if start == 0 else left <= 10,
                   what + ": no timer is left behind", left)
            agent.close()


def test_text(scratch):
    with Program([PLACES], scratch, START=0) as p:
        p.socket()
        wait_for_places(scratch, p.pid)
        done = snapshot(scratch, "places")
        lines = done.out.splitlines()
        tap.equal((done.status, lines[0]),
                  (0, "%d places: 10 threads" % p.pid), "by name: a heading")
        tap.equal(len([x for x in lines if x.startswith("Thread ")]), 10,
                  "a line for each thread")
        tap.ok(any(": blocked in " in x for x in lines) and
               any(x.endswith(": running") for x in lines),
               "which says its state", done.out)
        tap.ok(any(x.startswith("  #0 ") for x in lines) and
               any("places.c:" in x for x in lines),
               "frames with file and line", done.out)
        done = snapshot(scratch, "--no-symbols", str(p.pid))
        tap.ok("places+0x" in done.out and "wait_in_read" not in done.out,
               "--no-symbols", done)


def test_tree(scratch):
    shell = "%s & env -u LD_PRELOAD %s & wait" % (PLACES, PLACES)
    with Program(["/bin/sh", "-c", shell], scratch, START=0) as p:
        def three():
            done = snapshot(scratch, "--tree", str(p.pid))
            heads = [x for x in done.out.splitlines()
                     if not x.startswith(("Thread ", "  "))]
            return sum("places: 10 threads" in x for x in heads) == 2 and \
                any("sh: 1 thread" in x for x in heads)
        tap.ok(wait_for(three, 60),
               "--tree: the shell and its children, preloaded or not",
               snapshot(scratch, "--tree", str(p.pid)))


def test_stranger(scratch):
    if "HAVE_UNWIND_PTRACE 1" not in open(
            os.path.join(BUILD, "config.h"), encoding="utf-8").read():
        tap.skip("a program without the agent", "built without "
                 "libunwind-ptrace")
        return
    with subprocess.Popen([PLACES], env=scratch.env(agent=False),
                          stdout=subprocess.DEVNULL) as child:
        try:
            # One that runs may just wait for a CPU: no state is promised.
            good, done = wait_for_places(scratch, child.pid, strict=False)
            tap.ok(good, "without the agent: all ten functions", done)
            tap.ok(child.poll() is None, "and it goes on")
            if os.geteuid() == 0:
                done = run([which("setpriv"), "--reuid=65534",
                            "--regid=65534", "--clear-groups",
                            os.path.join(BUILD, "tools", "profagent"),
                            "snapshot", str(child.pid)])
                tap.ok(done.status == 1 and done.err.count("\n") == 1 and
                       ("ptrace is forbidden" in done.err or
                        "another user" in done.err),
                       "where it is forbidden: one line", done)
            else:
                tap.skip("where it is forbidden: one line",
                         "needs root to become somebody else")
        finally:
            child.kill()


def test_not_interrupted(scratch):
    """A program that counts EINTR, looked at all the time."""
    argv = [EINTR, "3"]
    alone = run(argv, env=scratch.env(agent=False))
    for start in (0, 1):
        with subprocess.Popen(argv, env=scratch.env(START=start), text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as child:
            path = os.path.join(scratch.runtime, "profagent",
                                "%d.sock" % child.pid)
            wait_for(lambda: os.path.exists(path))
            taken = []

            def look():
                try:
                    agent = Agent(path)
                    while True:
                        if agent.ask("snapshot") is None:
                            return
                        taken.append(len(agent.frames[-1][1]))
                except (OSError, ValueError):
                    return

            worker = threading.Thread(target=look)
            worker.start()
            out, err = child.communicate(timeout=300)
            worker.join(60)
        tap.equal((child.returncode, without_expectations(out), err),
                  (alone.status, without_expectations(alone.out), alone.err),
                  "START=%d: no call is interrupted by %d snapshots" %
                  (start, len(taken)))
        tap.ok(len(taken) > 3, "and there were some", len(taken))


def test_errors(scratch):
    for args, word in ((["no-such-program"], "no-such-program"),
                       (["999999999"], "there is no process")):
        done = snapshot(scratch, *args)
        tap.ok(done.status == 1 and word in done.err and
               done.err.count("\n") == 1, "one line: " + word, done)
    for args in ([], ["--all", "x"], ["--bogus"]):
        done = snapshot(scratch, *args)
        tap.ok(done.status == 2 and done.err.count("\n") == 1,
               "usage: " + " ".join(args), done)


def main():
    for test in (test_preloaded, test_text, test_tree, test_stranger,
                 test_not_interrupted, test_errors):
        with Scratch() as scratch:
            test(scratch)
    tap.done()


main()
