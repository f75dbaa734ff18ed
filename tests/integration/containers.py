#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program preloaded and asleep in one container, looked at from another that
shares its process name space, and from the host: read-only roots, no rights, a
seccomp filter (pod.py). Services behind a filter that kills."""

import json
import os
import re
import shutil
import subprocess

from lib import (AGENT, PROFAGENT, PROGRAMS, Scratch, profagent, run, tap,
                 wait_for, which)
from pod import SHM, Pod, as_service

ENV = {"PATH": "/usr/bin:/bin"}
SLEEPING = dict(ENV, LD_PRELOAD="/app/libprofagent.so",
                PROFAGENT_START="0", PROFAGENT_RATE="250",
                PROFAGENT_OUTPUT="/tmp/%e.%p.pb.gz")
TRUTH = ("burn_half", "burn_third", "burn_fifth")


def fill(scratch):
    """What is in /app of both: the same name is another program beside."""
    for name in ("app", "side"):
        os.mkdir(scratch.path(name))
    shutil.copy(AGENT, scratch.path("app/libprofagent.so"))
    shutil.copy(PROFAGENT, scratch.path("side/profagent"))
    for where, program in (("app", "shares"), ("side", "places")):
        at = scratch.path(where + "/shares")
        shutil.copy(os.path.join(PROGRAMS, program), at)
        if which("objcopy"):
            run(["objcopy", "--remove-section=.note.gnu.build-id", at,
                 scratch.path(where + "/no-id")])


def begin(pod, scratch, shm):
    """Two containers; why there are none."""
    why = pod.container("app", {"/app": scratch.path("app"), "/tmp": "tmpfs",
                                "/dev/shm": shm})
    return why or pod.container("side", {"/app": scratch.path("side"),
                                         "/tmp": "tmpfs", "/dev/shm": shm})


def tool(pod, *args):
    return pod.run("side", "/app/profagent", *args, env=ENV)


def listed(pod):
    done = tool(pod, "ps", "--json")
    return json.loads(done.out) if done.status == 0 else []


def outer_pid(pod, inner):
    """Of a process of the pod, here."""
    waiting = [pod.child.pid]
    while waiting:
        pid = waiting.pop()
        try:
            with open("/proc/%d/status" % pid, encoding="utf-8") as f:
                numbers = re.search(r"^NSpid:\s(.*)$", f.read(), re.M)
            with open("/proc/%d/task/%d/children" % (pid, pid),
                      encoding="utf-8") as f:
                waiting += [int(word) for word in f.read().split()]
        except FileNotFoundError:
            continue
        if numbers.group(1).split()[1:] == [str(inner)]:
            return pid
    return None


def shares(text):
    """function -> total percent, of a report as text."""
    return {m.group(2): float(m.group(1)) for m in re.finditer(
        r"^ *[\d.]+ ±[\d.]+ +\S+(?: \w+)? +([\d.]+) ±[\d.]+ +\S+(?: \w+)? +"
        r"(\S+)", text, re.M)}


def check_report(pod, path, name):
    done = tool(pod, "report", "--limit", "0", path)
    found = shares(done.out)
    # 60 samples miss a function of 20 % once in 600 000 runs
    tap.ok(set(TRUTH) < set(found) and
           not any("wait_in" in f for f in found),
           name + ": names are those of the program's own file", done)
    tap.ok(found.get("main", 0) > 95, name + ": whole stacks", done)


def check_listed(pod, pids, name):
    wait_for(lambda: len(listed(pod)) >= len(pids), 30)
    tap.equal(sorted((p["pid"], p["state"]) for p in listed(pod)),
              sorted((pid, "paused") for pid in pids),
              name + ": ps shows each once, asleep")


def check_record(pod, pid, name):
    done = tool(pod, "record", "-n", "60", "-o", "/tmp/%d.pb.gz" % pid,
                str(pid))
    tap.ok(done.status == 0, name + ": record", done)
    check_report(pod, "/tmp/%d.pb.gz" % pid, name)
    tap.ok(wait_for(lambda: [p["state"] for p in listed(pod)
                             if p["pid"] == pid] == ["paused"], 30),
           name + ": and it sleeps again", listed(pod))


def check_snapshot(pod, pid, name):
    def seen():
        done = tool(pod, "snapshot", str(pid))
        return done.status == 0 and "main at" in done.out and any(
            f in done.out for f in TRUTH)

    tap.ok(wait_for(seen, 30), name + ": snapshot")


def check_host(pod, scratch, pid):
    """From outside, where the process has another number."""
    here = outer_pid(pod, pid)
    done = profagent("record", "-n", "60", "-o", scratch.path("host.pb.gz"),
                     str(here))
    tap.ok(done.status == 0, "from the host: record by its number there",
           done)
    done = profagent("report", "--limit", "0", scratch.path("host.pb.gz"))
    tap.ok(set(TRUTH) < set(shares(done.out)),
           "from the host: names, though the profile has its inner number",
           done)


def check_web(pod, pid):
    server = pod.start("side", "/bin/sh", "-c", "echo %s >/tmp/token; exec "
                       "/app/profagent serve --listen 127.0.0.1:8912 --token "
                       "/tmp/token" % ("k" * 32), env=ENV)
    asked = ["/usr/bin/curl", "-sS", "--retry", "20", "--retry-connrefused",
             "--retry-delay", "1", "-H", "Authorization: Bearer " + "k" * 32]
    address = "http://127.0.0.1:8912/processes/%d" % pid
    done = pod.run("app", *asked, "-o", "/tmp/web.pb.gz",
                   address + "/debug/pprof/profile?seconds=1", env=ENV)
    tap.ok(server and done.status == 0,
           "serve in the sidecar gives a profile", done)
    done = pod.run("app", "/bin/sh", "-c", "zcat /tmp/web.pb.gz | "
                   "grep -ac burn_half", env=ENV)
    tap.equal((done.status, done.out.strip() != "0"), (0, True),
              "which has the names of the program's own file")


def check_programs(pod, scratch, name):
    pids = [pod.start("app", "/app/shares", "600000", env=SLEEPING)]
    if which("objcopy"):
        pids.append(pod.start("app", "/app/no-id", "600000", env=SLEEPING))
    check_listed(pod, pids, name)
    check_record(pod, pids[0], name)
    check_snapshot(pod, pids[0], name)
    if pids[1:]:
        check_record(pod, pids[1], name + ", without a build id")
    return pids[0]


def test_shared_shm(scratch):
    """As in a Kubernetes pod: each has the same /dev/shm mounted."""
    with Pod() as pod:
        begin(pod, scratch, SHM)
        pid = check_programs(pod, scratch, "one /dev/shm")
        if which("curl"):
            check_web(pod, pid)
        else:
            tap.skip("serve in the sidecar", "no curl")


def test_own_shm(scratch):
    with Pod() as pod:
        begin(pod, scratch, "tmpfs")
        pid = check_programs(pod, scratch, "a /dev/shm each")
        check_host(pod, scratch, pid)


def test_service(scratch):
    """Behind a filter that kills, nothing is tried that it does not permit."""
    for settings in ({"RATE": 1000}, {"CLOCK": "cpu+wall"},
                     {"CLOCK": "ticker"}):
        done = subprocess.run(
            [os.path.join(PROGRAMS, "shares"), "1000"], timeout=120,
            preexec_fn=as_service, env=scratch.env(**settings),
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        name = "service, %s=%s: " % list(settings.items())[0]
        tap.equal(done.returncode, 0, name + "it ends as by itself")
        files = scratch.files()
        found = shares(profagent("report", "--limit", "0", "--type", "cpu",
                                 *files).out) if files else {}
        tap.ok(found.get("main", 0) > 95, name + "a profile", files, found)
        for file in files:
            os.unlink(file)


def main():
    with Scratch() as scratch:
        test_service(scratch)
        fill(scratch)
        with Pod() as pod:
            why = begin(pod, scratch, "tmpfs")
        if why:
            tap.skip("containers", "none can be made here: " +
                     why.splitlines()[-1])
        else:
            test_shared_shm(scratch)
            test_own_shm(scratch)
    tap.done()


if __name__ == "__main__":
    main()
