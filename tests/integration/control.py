#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Steering running programs: who may, what is answered, what it costs, and that
nothing is miscounted however often it is done."""

import os
import random
import signal
import socket
import stat
import subprocess
import threading
import time

import lib
from lib import (Scratch, PROGRAMS, profagent, report_json, run, tap, wait_for,
                 which, without_expectations)
from agent import Agent, Program, Watcher, count_in

SHARES = os.path.join(PROGRAMS, "shares")
THREADS = os.path.join(PROGRAMS, "threads")


def proc(pid, name):
    with open("/proc/%d/%s" % (pid, name)) as f:
        return f.read()


def flusher(pid):
    """The agent's thread: the only one besides the program's own."""
    tids = sorted(int(t) for t in os.listdir("/proc/%d/task" % pid))
    return [t for t in tids if t != pid]


def switches(pid, tid):
    """How often it went to sleep: what others take of its CPU is not its own."""
    return [int(line.split()[1]) for line in
            proc(pid, "task/%d/status" % tid).splitlines()
            if line.startswith("voluntary_ctxt_switches")][0]


def wakes(pid, tid):
    """The fewest in 2 s of three times: what lists all processes asks ours."""
    fewest = []
    for _ in range(3):
        time.sleep(0.5)
        before = switches(pid, tid)
        time.sleep(2)
        fewest.append(switches(pid, tid) - before)
        if fewest[-1] == 0:
            break
    return min(fewest)


def caught(pid):
    return [int(line.split()[1], 16)
            for line in proc(pid, "status").splitlines()
            if line.startswith("SigCgt")][0]


def test_asleep(scratch):
    """PROFAGENT_START=0: no timer, no handler, no wake-ups, no file."""
    with Program([SHARES, "60000"], scratch, agent=False) as p:
        wait_for(lambda: proc(p.pid, "comm").strip() == "shares")
        time.sleep(0.2)
        alone = caught(p.pid)
    with Program([SHARES, "60000"], scratch, START=0) as p:
        p.socket()
        tap.equal(proc(p.pid, "timers"), "", "asleep: no timer")
        tap.equal(caught(p.pid), alone, "asleep: no handler")
        threads = flusher(p.pid)
        tap.equal(len(threads), 1, "asleep: one thread of the agent's own")
        tap.equal(wakes(p.pid, threads[0]), 0, "asleep: it is never woken")
        tap.equal(scratch.files(), [], "asleep: no file")
        agent = Agent(p.socket())
        tap.equal(agent.status()["state"], "paused", "asleep: paused")
        tap.equal(agent.ask("start")["ok"], True, "asleep: start")
        tap.ok(wait_for(lambda: agent.status()["samples"] > 5),
               "asleep: samples come after start", agent.status())
        tap.ok("ID:" in proc(p.pid, "timers"), "running: there is a timer")
        agent.ask("stop")
        tap.equal(proc(p.pid, "timers"), "", "stopped: no timer")
        count = agent.status()["samples"]
        agent.close()
        tap.equal(wakes(p.pid, threads[0]), 0, "stopped: nobody is woken")
        agent = Agent(p.socket())
        tap.equal(agent.status()["samples"], count,
                  "stopped: no sample, and none forgotten")
    tap.equal(len(scratch.files()), 1, "the file is there")


def test_verbs(scratch):
    with Program([SHARES, "60000"], scratch) as p, Agent(p.socket()) as a:
        tap.equal(a.greeting["pid"], p.pid, "greeting: pid")
        tap.equal(a.greeting["profagent"], 1, "greeting: protocol")
        for verb in ("stop", "pause", "stop", "resume", "start", "start"):
            tap.equal(a.ask(verb), {"ok": True}, verb + " any time")
        for good in (100000, 1000000, 10**10):
            tap.ok(a.ask("interval %d" % good)["ok"] and
                   a.status()["period_ns"] == good, "interval %d" % good)
        a.ask("interval 5000000")
        for bad in ("0", "99999", "10000000001", "-1", "abc", "", "1e6",
                    "99999999999999999999999", " 5000000"):
            answer = a.ask("interval " + bad)
            tap.ok(not answer["ok"] and "100000" in answer["error"],
                   "interval %r is refused" % bad, answer)
        tap.equal(a.status()["period_ns"], 5000000,
                  "a bad interval changes nothing")
        for bad in ("", "nonsense", "STATUS", "status now", "interval",
                    "\0", "stat\0us"):
            answer = a.ask(bad)
            tap.ok(not answer["ok"] and answer["error"],
                   "%r is refused" % bad, answer)
        a.sock.sendall(b"status\r\nstatus\n")
        tap.ok(a.answer()["ok"] and a.answer()["ok"],
               "two requests at once, one with CR LF")
        tap.ok(wait_for(lambda: a.status()["samples"] > 0), "samples come")
        tap.equal(a.ask("flush"), {"ok": True}, "flush")
        tap.equal([a.status()["output"]], scratch.files(),
                  "flush: the file is there")
        tap.ok(report_json([], scratch.files(), scratch),
               "flush: and can be read")
        tap.equal(a.ask("reset"), {"ok": True}, "reset")
        tap.equal([os.path.basename(f) for f in scratch.files()],
                  ["shares.%d.old.pb.gz" % p.pid], "reset: the old one stays")


def test_commands(scratch):
    env = dict(os.environ, XDG_RUNTIME_DIR=scratch.runtime)

    def ask(*args):
        return profagent(*args, env=env)

    with Program([SHARES, "60000"], scratch, START=0) as p:
        p.socket()
        pid = str(p.pid)
        done = ask("ps")
        row = [line.split() for line in done.out.splitlines()
               if line.split()[0] == pid]
        tap.ok(row and row[0][1:5] == ["shares", "paused", "250", "Hz"],
               "ps: pid, program, state, rate", done)
        done = run([lib.PROFAGENT, "ps"], env=scratch.env(START=0))
        tap.ok("shares" in done.out and "profagent" not in done.out,
               "ps: not itself, where everything is preloaded", done)
        for args, out in ((["start", pid], "running at 250 Hz"),
                          (["pause", pid], "paused at 250 Hz"),
                          (["resume", pid], "running at 250 Hz"),
                          (["interval", pid, "5ms"], "running at 200 Hz"),
                          (["interval", pid, "100Hz"], "running at 100 Hz"),
                          (["stop", pid], "paused at 100 Hz"),
                          (["reset", pid], "a new file follows")):
            done = ask(*args)
            tap.equal((done.status, done.out), (
                0, "%s shares: %s\n" % (pid, out)), " ".join(args[::2]))
        done = ask("status", pid)
        tap.ok(done.status == 0 and "100 Hz asked" in done.out, "status",
               done)
        done = ask("start", "-q", pid)
        tap.equal((done.status, done.out), (0, ""), "--quiet")
    for args, word in ((["stop", pid], "there is no process"),
                       (["stop", str(os.getpid())], "without the agent"),
                       (["stop", "no-such-program"], "no-such-program")):
        done = ask(*args)
        tap.ok(done.status == 1 and word in done.err and
               done.err.count("\n") == 1, "one line: %s" % word, done)
    for args in (["stop"], ["interval", pid], ["interval", pid, "0"],
                 ["interval", pid, "11s"], ["interval", pid, "-1ms"],
                 ["interval", pid, "abc"], ["interval", pid, ""],
                 ["stop", "--all", "x"], ["ps", "x"], ["status", "--bogus"]):
        done = ask(*args)
        tap.ok(done.status == 2 and done.err.count("\n") == 1,
               "usage: " + " ".join(args), done)


def test_names_and_trees(scratch):
    env = dict(os.environ, XDG_RUNTIME_DIR=scratch.runtime)
    name = "tree-%d" % os.getpid()
    copy = scratch.path(name)
    shell = "%s 60000 & %s 60000 & wait" % (copy, copy)
    os.symlink(SHARES, copy)
    with Program(["/bin/sh", "-c", shell], scratch, START=0) as p:
        tap.ok(wait_for(lambda: len(p.sockets()) == 3), "three sockets",
               p.sockets())
        done = profagent("start", name, env=env)
        tap.ok(done.status == 0 and done.out.count("running") == 2,
               "by name: both of them", done)
        done = profagent("stop", "--tree", str(p.pid), env=env)
        tap.ok(done.status == 0 and done.out.count("paused") == 3,
               "--tree: all three", done)
        done = profagent("status", "--tree", "--json", str(p.pid), env=env)
        tap.ok(done.out.count('"state" : "paused"') == 3, "as JSON", done)


def test_forked_asleep(scratch):
    """Workers that were forked while asleep can be woken as well."""
    loop = "while :; do :; done"
    env = dict(os.environ, XDG_RUNTIME_DIR=scratch.runtime)
    with Program(["/bin/sh", "-c", "(%s) & (%s) & wait" % (loop, loop)],
                 scratch, START=0) as p:
        tap.ok(wait_for(lambda: len(p.sockets()) == 3, 60),
               "forked asleep: three sockets", p.sockets())
        states = []
        for path in p.sockets():
            with Agent(path) as a:
                status = a.status()
                states.append((status["state"], status["samples"],
                               status["cpu_ns"]))
        tap.equal(states, 3 * [("paused", 0, 0)],
                  "forked asleep: and they are so")
        for path in p.sockets():
            pid = int(os.path.basename(path).split(".")[0])
            tap.equal(proc(pid, "timers"), "", "forked asleep: no timer")
        done = profagent("start", "--tree", str(p.pid), env=env)
        tap.ok(done.status == 0 and done.out.count("running") == 3,
               "forked asleep: start --tree", done)

        def all_sampled():
            for path in p.sockets():
                if not os.path.basename(path).startswith("%d." % p.pid):
                    with Agent(path) as a:
                        if a.status()["samples"] < 5:
                            return False
            return True
        tap.ok(wait_for(all_sampled, 60), "forked asleep: then profiled")


def test_toggle(scratch):
    """PROFAGENT_TOGGLE: a signal starts and pauses, from asleep too."""
    with Program([SHARES, "60000"], scratch, START=0, TOGGLE="USR2") as p:
        agent = Agent(p.socket())

        def comes_to(state):
            return wait_for(lambda: agent.status()["state"] == state, 30)
        tap.ok(comes_to("paused"), "toggle: begins asleep")
        tap.equal(proc(p.pid, "timers"), "", "toggle: without a timer")
        for i in range(3):
            p.child.send_signal(signal.SIGUSR2)
            tap.ok(comes_to("running"), "toggle: a signal starts it")
            p.child.send_signal(signal.SIGUSR2)
            tap.ok(comes_to("paused"), "toggle: the next pauses it")
        tap.ok(p.child.poll() is None, "toggle: it lives")
        agent.close()
    script = ("import os, signal, time\n"
              "got = []\n"
              "print(signal.getsignal(signal.SIGUSR2))\n"
              "signal.signal(signal.SIGUSR2, lambda *a: got.append(1))\n"
              "os.kill(os.getpid(), signal.SIGUSR2)\n"
              "time.sleep(0.1)\n"
              "print(got)\n"
              "signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n"
              "os.kill(os.getpid(), signal.SIGUSR2)\n"
              "print(signal.getsignal(signal.SIGUSR2))\n")
    argv = [which("python3"), "-c", script]
    alone = run(argv, env=scratch.env(agent=False))
    done = run(argv, env=scratch.env(TOGGLE="USR2"))
    tap.equal((done.status, done.out, done.err),
              (alone.status, alone.out, alone.err),
              "toggle: a program that handles the signal keeps it")
    done = run(["/bin/sh", "-c", "trap '' USR2; exec %s -c 'print(1)'" %
                which("python3")], env=scratch.env(TOGGLE="SIGUSR2"))
    tap.ok(done.status == 0 and done.out == "1\n" and
           "PROFAGENT_TOGGLE" in done.err,
           "toggle: one that is ignored from the start: said", done)
    done = run(["/bin/true"], env=scratch.env(TOGGLE="NONSENSE"))
    tap.ok(done.status == 0 and "PROFAGENT_TOGGLE" in done.err,
           "toggle: a bad name: said", done)


def test_stale(scratch):
    """kill -9 leaves a socket; who looks next removes it."""
    with Program([SHARES, "60000"], scratch) as p:
        path = p.socket()
        p.child.send_signal(signal.SIGKILL)
        p.child.wait()
        tap.ok(os.path.exists(path), "killed: the socket is still there")
        profagent("ps", env=dict(os.environ,
                                 XDG_RUNTIME_DIR=scratch.runtime))
        tap.ok(not os.path.exists(path), "killed: ps removes it")
    with Program([SHARES, "100"], scratch) as p:
        path = p.socket()
        p.child.wait()
        tap.ok(not os.path.exists(path), "ended: it is gone")
    with Program([SHARES, "60000"], scratch) as p:
        path = p.socket()
        mode = os.stat(path).st_mode
        tap.equal(stat.S_IMODE(mode), 0o600, "the socket is 0600")
        tap.equal(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode),
                  0o700, "its directory is 0700")


def test_others_are_refused(scratch):
    if os.geteuid() != 0:
        tap.skip("others are refused", "needs root to become somebody else")
        return
    with Program([SHARES, "60000"], scratch) as p:
        path = p.socket()
        # as open as can be: the agent itself still looks who comes
        for at in (scratch.runtime, os.path.dirname(path)):
            os.chmod(at, 0o755)
        os.chmod(path, 0o666)
        done = run([which("setpriv"), "--reuid=65534", "--regid=65534",
                    "--clear-groups", which("python3"), "-c",
                    "import socket,sys\n"
                    "s=socket.socket(socket.AF_UNIX)\n"
                    "s.connect(sys.argv[1])\n"
                    "print(s.makefile().read())", path])
        tap.ok('"ok":false' in done.out and "root" in done.out,
               "another user is refused", done)
        with Agent(path) as a:
            tap.equal(a.status()["state"], "running",
                      "and changed nothing")


def test_hostile(scratch):
    """Nonsense, silence, half a request, no reading: others are served."""
    with Program([THREADS, "60000"], scratch, FLUSH="50ms") as p:
        path = p.socket()
        good = Agent(path)
        rude = [Agent(path) for _ in range(4)]
        rude[0].sock.sendall(os.urandom(200).replace(b"\n", b" "))
        rude[1].sock.sendall(b"x" * 100000)
        rude[2].sock.sendall(b"stat")
        rude[3].ask("subscribe")
        for _ in range(300):
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            s.close()
        for _ in range(100):
            a = Agent(path)
            a.sock.sendall(b"subscribe\nflush\n")
            a.close()
        tap.ok(good.status()["state"] == "running", "a good one is served")
        tap.ok("256" in rude[1].rest(), "too long a line is refused")
        # More than there are places: who has been silent goes.
        crowd = [Agent(path) for _ in range(40)]
        tap.ok(crowd[-1].status()["ok"], "the last of a crowd is served")
        for a in crowd:
            a.close()
        # 200 kB fit into the socket; then whole frames are lost.
        good = Agent(path)
        for _ in range(400):
            good.ask("flush")
        slow = rude[3]
        tap.ok(slow.ask("status")["ok"], "who was slow is answered")
        tap.ok(slow.ask("flush")["ok"], "and goes on")
        numbers = [number for number, _ in slow.frames]
        lost = numbers[-1] - numbers[0] + 1 - len(numbers)
        tap.ok(lost > 0 and all(count_in(data) >= 0
                                for _, data in slow.frames),
               "and got whole frames, %d, but not all: %d lost" %
               (len(numbers), lost))
        for a in rude:
            a.close()
        tap.ok(wait_for(lambda: good.status()["subscribers"] == 0),
               "who left is forgotten", good.status())
        good.close()


def test_record_killed(scratch):
    """A program killed before it wrote anything: what it did is recorded."""
    path = scratch.path("killed.record.pb.gz")
    with Program([SHARES, "600000"], scratch, START=0, FLUSH="60s") as p:
        socket_path = p.socket()
        with subprocess.Popen(
                [lib.PROFAGENT, "record", "-o", path, str(p.pid)], text=True,
                env=scratch.env(agent=False), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT) as recorder:
            with Agent(socket_path) as a:
                wait_for(lambda: a.status()["samples"] >= 60, 120)
                seen = a.status()["samples"]
            p.child.kill()
            p.child.wait()
            out = recorder.communicate(timeout=60)[0]
    tap.ok(recorder.returncode == 0 and os.path.exists(path),
           "record: of a program that is killed", out)
    got = report_json([], [path], scratch)
    rows = {row["name"]: row for row in got.get("rows", [])}
    tap.ok(rows.get("main", {}).get("total_samples", 0) >= seen - 1 and
           "burn_half" in rows,
           "record: nothing is lost by the kill, and it has names",
           seen, got.get("rows"))


def test_closed_descriptors(scratch):
    """A program that begins without stdin, stdout and stderr: what it opens
    gets their numbers, and none of ours is among them."""
    script = ("import os, time\n"
              "assert [os.open('/dev/null', os.O_RDWR) for _ in range(3)] "
              "== [0, 1, 2]\n"
              "open(%r, 'w').close()\n"
              "time.sleep(600)\n" % scratch.path("opened"))
    with Program(["/bin/sh", "-c", "exec \"$0\" -c \"$1\" 0<&- 1>&- 2>&-",
                  lib.which("python3"), script], scratch) as p:
        tap.ok(wait_for(lambda: os.path.exists(scratch.path("opened")), 60),
               "without stdin: the program gets the numbers it expects")
        with Agent(p.socket()) as a:
            tap.ok(a.status()["state"] == "running" and
                   a.ask("snapshot")["ok"], "and can be steered")


def test_short_lives(scratch):
    """Programs that end before, while and after their flusher begins, by
    themselves and after an exec of one that had a socket: nothing is left."""
    env = scratch.env()
    shell, bad = lib.which("sh"), []
    for i in range(60):
        rest = ("exit 0", "exec true", "exec %s -c :" % shell,
                "(exit 0)")[i % 4]
        nap = "sleep %.4f" % (i * 0.0001) if i % 3 else ":"
        got = lib.run([shell, "-c", "%s; %s" % (nap, rest)], env=env)
        left = [f for _, _, files in os.walk(scratch.runtime) for f in files]
        if got.status or got.err or left:
            bad.append((nap, rest, got.status, got.err, left))
    tap.equal(bad, [], "short lives: nothing is left, nothing is said")


def test_failed_exec(scratch):
    """The socket comes back, and who was connected has not noticed."""
    script = ("import os, time\n"
              "while not os.path.exists(%r): time.sleep(0.01)\n"
              "try: os.execv('/nonexistent', ['x'])\n"
              "except OSError: open(%r, 'w').close()\n"
              "time.sleep(600)\n" % (scratch.path("go"),
                                    scratch.path("failed")))
    with Program([lib.which("python3"), "-c", script], scratch) as p:
        path = p.socket()
        with Agent(path) as a:
            open(scratch.path("go"), "w", encoding="ascii").close()
            tap.ok(wait_for(lambda: os.path.exists(scratch.path("failed")),
                            60), "failed exec: the program goes on")
            tap.equal(a.status()["state"], "running",
                      "failed exec: the connection stays")
        tap.ok(wait_for(lambda: os.path.exists(path), 60),
               "failed exec: the socket is back")
        with Agent(path) as a:
            tap.equal(a.status()["state"], "running",
                      "failed exec: and answers")


def test_record(scratch):
    """Ends by itself, and leaves the program as it was: asleep, with the
    rate that it had."""
    path = scratch.path("some.record.pb.gz")
    with Program([SHARES, "600000"], scratch, START=0) as p:
        with Agent(p.socket()) as a:
            before = a.status()["period_ns"]
            for what in (["-n", "20", "-i", "5ms"], ["-d", "300ms"]):
                done = profagent("record", *what, "-o", path, str(p.pid),
                                 env=scratch.env(agent=False))
                got = report_json([], [path], scratch)["profile"]["samples"]
                tap.ok(done.status == 0 and
                       got >= (20 if what[0] == "-n" else 1),
                       "record %s" % " ".join(what), got, done)
                wait_for(lambda: a.status()["state"] == "paused", 30)
                status = a.status()
                tap.equal((status["state"], status["period_ns"]),
                          ("paused", before),
                          "and leaves the program as it was")


def test_record_several(scratch):
    """Of two programs: who they are is in the file."""
    path = scratch.path("two.record.pb.gz")
    with Program([SHARES, "600000"], scratch) as p, \
            Program([THREADS, "600000"], scratch) as q:
        p.socket(), q.socket()
        done = profagent("record", "-d", "1500ms", "-o", path, str(p.pid),
                         str(q.pid), env=scratch.env(agent=False))
    tap.ok(done.status == 0, "record: two programs", done)
    got = report_json(["--by", "process"], [path], scratch)
    names = ["shares (%d)" % p.pid, "threads (%d)" % q.pid]
    tap.equal(sorted(r["name"] for r in got["rows"]), names,
              "record: each with its name and its samples")
    tap.equal((got["health"]["processes"], got["health"]["foreign"]), (2, 0),
              "record: with the counters of both")
    head = profagent("report", path, env=scratch.env(agent=False)).out
    # Which of them sent its fragment first is first.
    tap.ok(any("%s, %s: 2 processes" % tuple(pair) in head
               for pair in (names, names[::-1])),
           "record: and both in the head of the report", head[:500])


def test_record_after_reset(scratch):
    """A new part of the file is none of a subscriber's: times go on."""
    path = scratch.path("part.record.pb.gz")
    with Program([SHARES, "600000"], scratch, FLUSH="200ms") as p:
        with Agent(p.socket()) as a:
            wait_for(lambda: a.status()["samples"] >= 10, 120)
            a.ask("reset")
            wait_for(lambda: a.status()["samples"] >= 20, 120)
        done = profagent("record", "-d", "1s", "-o", path, str(p.pid),
                         env=scratch.env(agent=False))
    tap.ok(done.status == 0, "record: of a program with a second file", done)
    duration = report_json([], [path], scratch)["profile"]["duration_ns"]
    tap.ok(duration >= 0.9e9, "record: the time that passed", duration)


VERBS = ["status", "start", "stop", "pause", "resume", "flush",
         "interval 1000000", "interval 4000000", "interval 20000000",
         "interval nonsense", "subscribe", "nonsense", "spans"]


def command(path, count, seed, bad):
    rng = random.Random(seed)
    agent = Agent(path)
    for _ in range(count):
        if rng.random() < 0.01:
            agent.close()
            agent = Agent(path)
        verb = rng.choice(VERBS)
        answer = agent.ask(verb)
        if answer.get("ok") != ("nonsense" not in verb):
            bad.append((verb, answer))
    agent.close()


def test_random_commands(scratch):
    """8 clients, 10 000 commands: the program computes the same, and every
    sample is in the file and with the subscriber exactly once."""
    count = int(os.environ.get("PROFAGENT_TEST_COMMANDS", "1250"))
    with Program([THREADS, "2000000"], scratch, START=0,
                 FLUSH="100ms") as p:
        path, bad = p.socket(), []
        watcher = Watcher(path)
        workers = [threading.Thread(target=command,
                                    args=(path, count, seed, bad))
                   for seed in range(8)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        tap.equal(bad, [], "8 x %d commands: each answered rightly" % count)
        with Agent(path) as a:
            a.ask("stop")
            status = a.status()
        p.child.send_signal(signal.SIGTERM)
        p.child.wait()
        watcher.join()
    got = report_json([], scratch.files(), scratch)
    tap.note("%d samples, %d lost" % (status["samples"], status["lost"]))
    tap.equal(sum(row["self_samples"] for row in got["rows"]),
              status["samples"], "file: every sample once")
    tap.equal(got["profile"]["total"], status["sampled_ns"],
              "file: every nanosecond once")
    if watcher.missed():
        tap.skip("subscriber: every sample once", "it was too slow for %d "
                 "frames" % watcher.missed())
    else:
        tap.equal(watcher.expirations(), status["expirations"],
                  "subscriber: every sample once")
    cpu, weight = status["cpu_ns"], status["sampled_ns"]
    tap.ok(abs(weight - cpu) < 0.1 * cpu, "weights follow the CPU time",
           weight, cpu)


def hammer(path, seed):
    rng = random.Random(seed)
    try:
        agent = Agent(path)
        while True:
            agent.ask(rng.choice(VERBS))
    except (OSError, ValueError, TypeError):
        return                  # the program has ended


def test_same_result(scratch):
    """What the program computes, and how it ends, does not change by it."""
    argv = [THREADS, "3000"]
    alone = run(argv, env=scratch.env(agent=False))
    with subprocess.Popen(argv, env=scratch.env(), text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        path = os.path.join(scratch.runtime, "profagent",
                            "%d.sock" % child.pid)
        wait_for(lambda: os.path.exists(path))
        workers = [threading.Thread(target=hammer, args=(path, seed))
                   for seed in range(8)]
        for w in workers:
            w.start()
        out, err = child.communicate(timeout=300)
        for w in workers:
            w.join(60)
    tap.equal((child.returncode, without_expectations(out), err),
              (alone.status, without_expectations(alone.out), alone.err),
              "8 clients at once: same output, same end")
    tap.ok(not any(w.is_alive() for w in workers),
           "and no client waits for an answer")


SIGNALS = """
import os, signal
def switches(tid):
    with open("/proc/self/task/%s/status" % tid) as f:
        return int(next(line for line in f
                        if line.startswith("voluntary")).split()[1])
(flusher,) = set(os.listdir("/proc/self/task")) - {str(os.getpid())}
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
before = switches(flusher)
for _ in range(20000):
    os.kill(os.getpid(), signal.SIGUSR1)
print(len(seen), switches(flusher) - before)
"""


def test_signals_wake_nobody(scratch):
    """Signals of the program, and samples, are none of the flusher's."""
    for _ in range(3):	# as in wakes()
        done = run([lib.which("python3"), "-c", SIGNALS], env=scratch.env())
        seen, switches = (int(x) for x in (done.out.split() or ["0", "-1"]))
        if seen == 20000 and 0 <= switches < 1000:
            break
    tap.equal(seen, 20000, "20000 signals arrive")
    tap.ok(0 <= switches < 1000, "and do not wake the flusher",
           "%d times" % switches, done)


def main():
    for test in (test_asleep, test_signals_wake_nobody, test_verbs,
                 test_commands, test_names_and_trees, test_forked_asleep,
                 test_toggle, test_stale, test_others_are_refused,
                 test_hostile, test_same_result, test_random_commands,
                 test_record, test_record_killed, test_record_several,
                 test_record_after_reset, test_closed_descriptors,
                 test_short_lives, test_failed_exec):
        with Scratch() as scratch:
            test(scratch)
    tap.done()


main()
