#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs in control groups that give them a tenth or half of a CPU, little
memory, few threads: they live and die as without the agent, what they used is
accounted for, and what cannot be profiled is said in one line."""

import json
import os
import re
import subprocess

from cgroup import Cgroup
from lib import (PROGRAMS, Scratch, expectations, profagent, run, tap,
                 wait_for, which, without_expectations)

CROWD = os.path.join(PROGRAMS, "crowd")
MIB = 1 << 20
# Of the loader, before the agent is there: 2 to 5 ms of CPU were seen.
BEGINNING_NS = 10e6
NO_THREAD = "no thread may be created"

BURN = """
import os, sys, time
def burn(s):
    until = time.process_time() + s
    while time.process_time() < until:
        pass
"""

# What does not fit comes after what is worth a profile.
GROW = BURN + """
burn(0.5)
print(len(bytearray(100 << 20)))
"""

CHILDREN = BURN + """
burn(0.3)
for i in range(3):
    pid = os.fork()
    if pid == 0:
        burn(0.3)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

# A sleeper has the last place until its sibling has used 0.1 of 0.5 seconds.
SIBLINGS = BURN + """
ready, go = os.pipe(), os.pipe()
sleeper = os.fork()
if sleeper == 0:
    time.sleep(1000)
pid = os.fork()
if pid == 0:
    burn(0.1)
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    burn(0.4)
    os._exit(7)
os.read(ready[0], 1)
os.kill(sleeper, 9)
print(os.waitstatus_to_exitcode(os.waitpid(sleeper, 0)[1]))
os.write(go[1], b"x")
print(pid, file=sys.stderr)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def python(text):
    return [which("python3"), "-c", text]


class Limited:
    """A program in a group of its own, with the agent or without."""

    def __init__(self, name, agent, argv, limits, settings=None):
        self.name, self.agent = name, agent
        self.scratch = Scratch().__enter__()
        self.group = Cgroup(**limits)
        self.why = self.group.make()
        self.out = self.err = ""
        if self.why is None:
            env = self.scratch.env(agent=agent, **(settings or {}))
            self.child = self.group.start(
                argv, env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, cwd=self.scratch.dir)

    def wait(self):
        try:
            self.out, self.err = self.child.communicate(timeout=120)
            self.status = self.child.returncode
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.out, self.err = self.child.communicate()
            self.status = "none: killed by the test"

    def said(self):
        return [line for line in self.err.splitlines()
                if line.startswith("profagent:")]

    def health(self, file):
        env = dict(os.environ, XDG_RUNTIME_DIR=self.scratch.runtime)
        done = profagent("report", "--json", file, env=env)
        tap.ok(done.status == 0, self.name + ": the profile is read", done)
        return json.loads(done.out)["health"] if done.status == 0 else None

    def close(self):
        self.group.remove()
        self.scratch.__exit__()

    def __str__(self):
        return "status %s\nstdout: %s\nstderr: %s" % (self.status, self.out,
                                                      self.err)


# --- what is true of each --------------------------------------------------------

def check_same(bare, agent):
    """Lives or dies the same way, and says the same."""
    tap.ok((bare.status, without_expectations(bare.out)) ==
           (agent.status, without_expectations(agent.out)),
           agent.name + ": as without the agent", bare, agent)


def check_sum(agent):
    """The weights, and what is said not to be sampled, are its CPU time, to
    which its clock of the process adds that of our thread."""
    files = agent.scratch.files()
    h = agent.health(files[0]) if len(files) == 1 else None
    if not tap.ok(h, agent.name + ": one profile", files, agent):
        return
    total = h["sampled_ns"] + h["not_sampled_ns"]
    tap.ok(abs(total - h["cpu_ns"]) <= 0.01 * h["cpu_ns"],
           agent.name + ": weights sum up", h)
    for what, value, tolerance in expectations(agent.out):
        if what == "cpu-ns":
            used = h["cpu_ns"] + h["flusher_cpu_ns"]
            tap.ok(abs(used - float(value)) <= BEGINNING_NS +
                   float(value) * float(tolerance) / 100,
                   agent.name + ": to its CPU time", value, h)
    tap.equal(agent.said(), [], agent.name + ": nothing is said")


# --- of some ------------------------------------------------------------------------

def check_one_less(bare, agent):
    """One task of the eight is ours: nothing else of it is visible."""
    made = [int(re.search(r"(\d+) threads", p.err).group(1))
            for p in (bare, agent)]
    tap.equal(made, [7, 6], agent.name + ": one thread less")
    check_sum(agent)


def check_alone(_bare, agent):
    tap.ok(len(agent.said()) == 1 and NO_THREAD in agent.err and
           "runs unprofiled" in agent.err,
           agent.name + ": one line says why there is no profile", agent)
    tap.equal((agent.scratch.files(), agent.scratch.regions()), ([], []),
              agent.name + ": and nothing is left")


def check_children(_bare, agent):
    """Each says for itself that it has none; their parent has one."""
    said = agent.said()
    tap.ok(len(said) == 3 and len(set(said)) == 3 and
           all(NO_THREAD in line for line in said),
           agent.name + ": one line from each that is not profiled", agent)
    tap.equal(len(agent.scratch.files()), 1, agent.name + ": one profile")


def check_siblings(_bare, agent):
    """As soon as there is a place: what it used before is not lost."""
    pid = re.search(r"^(\d+)$", agent.err, re.M).group(1)
    file = [f for f in agent.scratch.files() if ".%s." % pid in f]
    h = agent.health(file[0]) if file else None
    used = sum(h[key] for key in ("sampled_ns", "not_sampled_ns",
                                  "flusher_cpu_ns")) if h else 0
    tap.ok(used >= 0.5e9 - BEGINNING_NS, agent.name +
           ": it is profiled from its beginning", used, h, agent)


def check_killed(_bare, agent):
    tap.equal(agent.status, -9, agent.name + ": for want of memory")
    files = agent.scratch.files()
    h = agent.health(files[0]) if files else None
    # 0.5 s before the end, of which the last tick or two may be missing
    tap.ok(h and h["sampled_ns"] >= 0.4e9,
           agent.name + ": what came before is there", h, files)


# name, argv, limits, what else is checked
CASES = (
    ("64 threads, a tenth of a CPU", [CROWD, "64", "10"], {"cpu": 10},
     lambda bare, agent: check_sum(agent)),
    ("64 threads, half a CPU", [CROWD, "64", "20"], {"cpu": 50},
     lambda bare, agent: check_sum(agent)),
    ("64 threads, 16 MiB", [CROWD, "64", "10"], {"memory": 16 * MIB},
     lambda bare, agent: check_sum(agent)),
    ("python3, 16 MiB", python(BURN + "burn(0.2)"), {"memory": 16 * MIB},
     lambda bare, agent: check_sum(agent)),
    ("python3, more than 64 MiB", python(GROW), {"memory": 64 * MIB},
     check_killed),
    ("8 tasks", [CROWD, "64", "50"], {"pids": 8}, check_one_less),
    ("1 task", [CROWD, "0"], {"pids": 1}, check_alone),
    ("3 tasks, forked children", python(CHILDREN), {"pids": 3},
     check_children),
    ("4 tasks, then one more", python(SIBLINGS), {"pids": 4},
     check_siblings),
)


def test_cases():
    """All at once: most of their time is spent in waiting for a CPU."""
    pairs = []
    for name, argv, limits, check in CASES:
        pairs.append(([Limited(name, agent, argv, limits,
                               {"FLUSH": "100ms"} if agent else None)
                       for agent in (False, True)], check))
    for pair, check in pairs:
        why = [p.why for p in pair if p.why is not None]
        for p in pair:
            if p.why is None:
                p.wait()
        if why:
            tap.skip(pair[0].name, why[0])
        else:
            check_same(*pair)
            check(*pair)
        for p in pair:
            p.close()


# --- a server -------------------------------------------------------------------------

def redis(agent, limits, work):
    """A server in a group; `work` ends it. None: there is no such group."""
    server = Limited("redis-server", agent,
                     [which("redis-server"), "--port", "0", "--unixsocket",
                      "redis.sock", "--save", ""], limits)
    if server.why is not None:
        server.close()
        return server
    cli = [which("redis-cli"), "-s", server.scratch.path("redis.sock")]
    up = wait_for(lambda: run(cli + ["ping"]).out == "PONG\n", 60)
    if up:
        work(server, cli)
    else:
        server.child.kill()
    server.wait()
    return server


def use(server, cli):
    done = run([which("redis-benchmark"), "-s",
                server.scratch.path("redis.sock"), "-n", "3000", "-c", "10",
                "-t", "set,get", "-q"])
    server.served = done.status == 0 and run(cli + ["dbsize"]).out.strip()
    run(cli + ["shutdown", "nosave"])


def fill(server, cli):
    """More than there is room for."""
    server.served = None
    run(cli + ["eval", "for i = 1, 300000 do redis.call('set', i, "
               "string.rep('x', 200)) end", "0"])


def check_redis(name, limits, work, status):
    servers = [redis(agent, limits, work) for agent in (False, True)]
    if servers[0].why:
        tap.skip(name, servers[0].why)
        return
    bare, agent = servers
    agent.name = name
    tap.ok(bare.status == agent.status == status and
           bare.served == agent.served, name + ": as without the agent",
           bare, agent)
    h = [agent.health(file) for file in agent.scratch.files()]
    tap.ok(h and h[0] and h[0]["samples"] > 0, name + ": a profile", h)
    tap.equal(agent.said(), [], name + ": nothing is said")
    for server in servers:
        server.close()


def test_redis():
    if not (which("redis-server") and which("redis-benchmark")):
        tap.skip("redis-server", "it is not installed")
        return
    check_redis("redis-server, half a CPU, 64 MiB, 8 tasks",
                {"cpu": 50, "memory": 64 * MIB, "pids": 8}, use, 0)
    check_redis("redis-server, more than 16 MiB", {"memory": 16 * MIB}, fill,
                -9)


def main():
    test_cases()
    test_redis()
    tap.done()


if __name__ == "__main__":
    main()
