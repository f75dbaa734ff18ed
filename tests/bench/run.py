#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The budgets of DESIGN section 12, measured: `make bench`.

Every row of the first table runs a program in several ways, the order drawn
anew each round, and compares within rounds: what the machine does meanwhile
hits all of them alike. The reference is the program without anything, or with
an empty handler; "A/A" is the reference against itself: what the machine alone
makes of the same comparison. Intervals are 95 % of the median, from the
binomial distribution of the order statistics.

usage: run.py BUILD-DIRECTORY [--scale N] [--section REGEX]
              [--only REGEX] [--output FILE]
"""

import argparse
import concurrent.futures
import json
import math
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ARGS = None
HERE = os.path.dirname(os.path.abspath(__file__))
GPERFTOOLS = "/usr/lib/x86_64-linux-gnu/libprofiler.so.0"
MIB = 1024


def build(*parts):
    return os.path.join(ARGS.build, *parts)


def agent():
    return build("agent", ".libs", "libprofagent.so")


def program(name):
    return build("tests", "bench", name)


def scaled(rounds):
    return max(3, round(rounds * ARGS.scale))


# --- ways to run a program ---------------------------------------------------

def runtime_directory():
    """In memory, as where a session has it, and where the agent goes else."""
    shm = "/dev/shm"
    return tempfile.TemporaryDirectory(dir=shm if os.path.isdir(shm) else None)


class Way:
    """A name, what it adds to the environment, before and after the command."""

    def __init__(self, name, env=None, before=(), after=()):
        self.name, self.env = name, env or {}
        self.before, self.after = list(before), list(after)

    def run(self, argv):
        """The number that the program prints first, in a directory of its
        own."""
        with tempfile.TemporaryDirectory() as scratch, \
                runtime_directory() as runtime:
            def place(text):
                return text.replace("%SCRATCH%", scratch)
            env = {k: v for k, v in os.environ.items()
                   if k != "LD_PRELOAD" and not k.startswith("PROFAGENT_")}
            env["XDG_RUNTIME_DIR"] = runtime
            env.update((k, place(v)) for k, v in self.env.items())
            command = [place(a) for a in self.before + argv + self.after]
            done = subprocess.run(command, env=env, cwd=scratch,
                                  stdin=subprocess.DEVNULL, check=False,
                                  capture_output=True)
        if done.returncode:
            raise RuntimeError("%s %s: status %d: %s" % (
                self.name, argv[0], done.returncode, done.stderr.decode()))
        return float(done.stdout.split()[0])


def with_agent(**settings):
    env = {"LD_PRELOAD": agent(), "PROFAGENT_RATE": "99",
           "PROFAGENT_OUTPUT": "%SCRATCH%/%e.%p.pb.gz"}
    env.update(("PROFAGENT_" + k, v) for k, v in settings.items())
    return Way("agent", env)


def with_gperftools(rate=99):
    if not os.path.exists(GPERFTOOLS):
        return None
    return Way("gperftools", {"LD_PRELOAD": GPERFTOOLS,
                              "CPUPROFILE": "%SCRATCH%/gperftools",
                              "CPUPROFILE_FREQUENCY": str(rate)})


def with_perf(rate=99):
    """perf record, where the kernel permits it."""
    argv = ["perf", "record", "-q", "-g", "-e", "cpu-clock", "-F", str(rate),
            "-o", "%SCRATCH%/perf.data", "--"]
    if not shutil.which("perf"):
        return None
    way = Way("perf", before=argv)
    try:
        way.run(["/bin/echo", "1"])
    except RuntimeError:
        return None
    return way


def plain_ways(perf=False):
    ways = [Way("reference"), Way("again"), with_agent(), with_gperftools()]
    return [w for w in ways + [perf and with_perf()] if w]


def clock_ways(rate):
    """The perf clock against the same clock with a handler of nothing."""
    return [Way("reference", after=[str(rate)]),
            Way("again", after=[str(rate)]),
            with_agent(CLOCK="perf", RATE=str(rate))]


def wall_ways():
    return [Way("reference"), Way("again"),
            with_agent(CLOCK="wall", RATE="100")]


def rounds_of(argv, rounds, ways):
    """{way: [number of each round]}, interleaved."""
    result = {w.name: [] for w in ways}
    for _ in range(rounds):
        for way in random.sample(ways, len(ways)):
            result[way.name].append(way.run(argv))
    return result


def starts_of(rounds):
    """The same for starting an empty program, by a program that starts it."""
    ways = plain_ways()
    with tempfile.TemporaryDirectory() as scratch, \
            runtime_directory() as runtime:
        env = dict(os.environ, CPUPROFILE=scratch + "/gperftools",
                   XDG_RUNTIME_DIR=runtime,
                   PROFAGENT_OUTPUT=scratch + "/%e.%p.pb.gz")
        out = subprocess.run(
            [program("bench-spawn"), str(rounds), program("bench-empty")]
            + [w.env.get("LD_PRELOAD", "-") for w in ways],
            env=env, capture_output=True, check=True, cwd=scratch).stdout
    table = [[float(x) for x in line.split()]
             for line in out.decode().splitlines()]
    return {w.name: [row[i] for row in table] for i, w in enumerate(ways)}


# --- the table of programs -----------------------------------------------------

def interval(values):
    """Median and its 95 % interval (Hahn and Meeker 1991, section 5.2)."""
    values = sorted(values)
    n = len(values)
    below, k = 0.0, 0
    while n < 1000:
        below += math.comb(n, k) / 2 ** n
        if below > 0.025:
            break
        k += 1
    if n >= 1000:
        k = int(n / 2 - 0.98 * math.sqrt(n))
    k = max(k, 1)
    return (statistics.median(values), values[k - 1], values[n - k])


class Row:
    """What is measured, how two numbers compare, and the budget."""

    def __init__(self, what, unit, measure, compare, budget, form):
        self.what, self.unit, self.measure = what, unit, measure
        self.compare, self.budget, self.form = compare, budget, form

    def run(self):
        self.numbers = self.measure()
        mine = self.pairs("agent")
        # The median of the difference from A/A has to fit; the interval
        # says how sure that is.
        verdict = ("within" if mine[2] <= self.budget else
                   "not shown" if mine[1] <= self.budget else "OVER")
        middle = [statistics.median(self.numbers[name])
                  for name in ("reference", "agent")]
        return ([self.what, "<= " + self.form % self.budget] +
                ["%.4g %s" % (m, self.unit) for m in middle] +
                [self.show("agent"), self.show("again"),
                 self.show("gperftools"), self.show("perf"),
                 str(len(self.numbers["agent"])), verdict])

    def pairs(self, name):
        return interval([self.compare(b, a) for a, b in
                         zip(self.numbers["reference"], self.numbers[name])])

    def show(self, name):
        if name not in self.numbers:
            return ""
        return "%s [%s, %s]" % tuple(self.form % x for x in self.pairs(name))


def ratio(b, a):
    return b / a


def difference(b, a):
    return b - a


def rows():
    def of(name, *args, rounds=10, ways=None):
        argv = [program(name)] + [str(a) for a in args]
        return lambda: rounds_of(argv, rounds, ways or plain_ways())

    def clock(rate, budget):
        return Row("CPU at %d kHz, perf clock" % (rate / 1000), "ms",
                   of("bench-cpu", 1, 250000, rounds=scaled(10),
                      ways=clock_ways(rate)), ratio, budget, "%.4f")

    def memory(threads, rounds):
        ways = plain_ways()
        if threads > 5000:
            ways = [w for w in ways if w.name != "gperftools"]
        return Row("memory, %d threads" % (threads + 1), "KiB",
                   of("bench-memory", threads, rounds=rounds, ways=ways),
                   difference, 4 * MIB + 24 * (threads + 1), "%+.0f KiB")

    def idle(begin, end):
        return Row("1000 idle threads, wall at 100 Hz, seconds %d to %d" %
                   (begin, end), "% of a core",
                   of("bench-idle", 1000, begin, end, rounds=3,
                      ways=wall_ways()), difference, 5, "%+.2f %%")

    few = scaled(10)
    # A second and more of CPU time: what starting costs has a row of its own,
    # and the flusher writes.
    return [
        Row("CPU at 99 Hz, one thread", "ms",
            of("bench-cpu", 1, 250000, rounds=scaled(24),
               ways=plain_ways(True)), ratio, 1.01, "%.4f"),
        Row("CPU at 99 Hz, 4 threads", "ms",
            of("bench-cpu", 4, 60000, rounds=scaled(16),
               ways=plain_ways(True)), ratio, 1.01, "%.4f"),
        clock(1000, 1.02), clock(10000, 1.05),
        Row("start of an empty program", "ms",
            lambda: starts_of(scaled(500)), difference, 0.3, "%+.3f ms"),
        Row("putc, one thread", "ns", of("bench-putc", rounds=few), ratio,
            1.02, "%.3f"),
        Row("shared_ptr copy, one thread", "ns",
            of("bench-shared-ptr", rounds=few), ratio, 1.02, "%.3f"),
        Row("fork, _exit, wait", "us", of("bench-fork", rounds=few),
            difference, 3.0, "%+.2f us"),
        Row("pthread_create, join", "us", of("bench-thread", rounds=few),
            difference, 3.0, "%+.2f us"),
        memory(0, 3), memory(100, 3), memory(1000, 3), memory(10000, 1),
        idle(0, 4), idle(8, 12),
    ]


HEAD = ["what", "budget", "reference", "with the agent", "agent / reference",
        "A/A", "gperftools", "perf -g", "rounds", "verdict"]


def line(cells):
    return "| " + " | ".join(cells) + " |"


def program_table(say):
    say(line(HEAD))
    say(line(["---"] * len(HEAD)))
    for row in rows():
        if not re.search(ARGS.only, row.what):
            continue
        try:
            say(line(row.run()))
        except RuntimeError as error:
            say(line([row.what, row.form % row.budget, "", "",
                      str(error)[:200].replace("\n", " ")] + [""] * 4 +
                     ["FAILED"]))


# --- numbers that have to be right ---------------------------------------------

def sampled(argv, scratch, **settings):
    """(what the program said, JSON of its report)"""
    out = os.path.join(scratch, "%08x.pb.gz" % random.getrandbits(32))
    env = dict(os.environ, LD_PRELOAD=agent(), PROFAGENT_OUTPUT=out,
               XDG_RUNTIME_DIR=scratch)
    env.update(("PROFAGENT_" + k, v) for k, v in settings.items())
    said = subprocess.run(argv, env=env, check=True, capture_output=True,
                          cwd=scratch, text=True).stdout
    text = subprocess.run([build("tools", "profagent"), "report", "--json",
                           "--limit", "0", out], check=True, text=True,
                          capture_output=True).stdout
    return said, json.loads(text)


def expected(said, what):
    """{name or "": value} of the "expect" lines of a program."""
    words = [text.split()[1:] for text in said.splitlines()
             if text.startswith("expect " + what + " ")]
    return {w[1] if len(w) > 3 else "": float(w[-2]) for w in words}


def weights_table(say):
    """Sum of the weights against the CPU time of the program's threads."""
    say(line(["program", "clock, Hz asked", "weights / CPU time", "budget",
              "verdict"]))
    say(line(["---"] * 5))
    for name, args, settings in (
            ("shares", ["1500"], {"RATE": "10"}),
            ("shares", ["1500"], {"RATE": "99"}),
            ("shares", ["1500"], {"CLOCK": "perf", "RATE": "1000"}),
            ("shares", ["1500"], {"CLOCK": "ticker", "RATE": "1000"}),
            ("shares", ["1500"], {"CLOCK": "perf", "RATE": "10000"}),
            ("threads", ["1500"], {"RATE": "99"}),
            ("short-threads", [], {"RATE": "99"})):
        with tempfile.TemporaryDirectory() as scratch:
            argv = [build("tests", "programs", name)] + args
            said, report = sampled(argv, scratch, **settings)
        # The process's time is the flusher's too, which is no sample's.
        cpu = (expected(said, "cpu-ns")[""] -
               report["health"]["flusher_cpu_ns"])
        share = report["profile"]["total"] / cpu
        say(line([name, "%s, %s" % (settings.get("CLOCK", "auto"),
                                    settings["RATE"]), "%.4f" % share,
                  "0.99 to 1.01",
                  "within" if abs(share - 1) <= 0.01 else "OVER"]))


def covered(run):
    """(intervals that hold the truth, intervals) of one run."""
    name, milliseconds, rate, seed = run
    with tempfile.TemporaryDirectory() as scratch:
        said, report = sampled([build("tests", "programs", name),
                                str(milliseconds), str(seed)],
                               scratch, RATE=str(rate))
    truth = expected(said, "share")
    truth.pop("main", None)
    bars = {row["name"]: row for row in report["rows"]}
    good = sum(bars[name]["total_low"] <= share <= bars[name]["total_high"]
               for name, share in truth.items() if name in bars)
    return good, len(truth)


def coverage_table(say):
    """Error bars of real runs of programs whose shares are known."""
    say(line(["program", "runs", "bars that hold the truth", "budget",
              "verdict"]))
    say(line(["---"] * 5))
    # Short phases by lot are what the bars are made for; phases as long as the
    # period are found more evenly than by chance, and the bars are wide then.
    for name, rate, runs, high in (("drawn", 500, 300, 0.96),
                                   ("shares", 250, 60, 1.0)):
        runs = scaled(runs)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(covered, [(name, 1000, rate, seed)
                                              for seed in range(runs)]))
        good, count = (sum(column) for column in zip(*results))
        # The bars of a run depend on each other: 1.96 of its own deviation.
        share = good / count
        spread = 1.96 * statistics.stdev(g / n for g, n in results) / (
            math.sqrt(runs))
        say(line(["%s, %d Hz" % (name, rate), "%d of 1 s" % runs,
                  "%d of %d, %.1f %% (+- %.1f)" % (good, count, 100 * share,
                                                   100 * spread),
                  "94 to %.0f %%" % (100 * high),
                  "within" if 0.94 <= share <= high else
                  "not shown" if share + spread >= 0.94 and
                  share - spread <= high else "OVER"]))


# --- other scripts ---------------------------------------------------------------

def walk_table(say):
    path = program("bench-walk")
    if not os.path.exists(path):
        say("bench-walk was not built: it compares with libunwind.")
        return
    say(line(["what", "frames", "median [5 %, 95 %]", "budget", "verdict"]))
    say(line(["---"] * 5))
    out = subprocess.run([path], capture_output=True, check=False, text=True)
    say(out.stdout.rstrip() + (out.stderr if out.returncode else ""))


def script(say, name, *args):
    argv = [sys.executable, os.path.join(HERE, name), ARGS.build] + list(args)
    out = subprocess.run(argv, capture_output=True, check=False, text=True)
    say(out.stdout.rstrip() +
        ("\n\n(exit status %d) %s" % (out.returncode, out.stderr[-500:])
         if out.returncode else ""))


def report_table(say):
    script(say, "report.py", "--rounds", str(scaled(3)))


def symbols_table(say):
    script(say, "symbols.py", "--rounds", str(scaled(3)))


def killed_table(say):
    done = subprocess.run(
        [sys.executable, os.path.join(HERE, "..", "integration",
                                      "killed.py"), str(scaled(20))],
        env=dict(os.environ, top_builddir=ARGS.build),
        capture_output=True, check=False, text=True)
    say("\n".join("    " + text for text in done.stdout.splitlines()))
    say("")
    say("1000 of them are part of `make torture`: tests/TORTURE.md.")


SECTIONS = [
    ("walk", "Walking the stack, and the handler", walk_table),
    ("program", "What a program pays", program_table),
    ("weights", "Sum of the weights", weights_table),
    ("coverage", "Shares of a program whose truth is known", coverage_table),
    ("report", "A report of 10^6 samples", report_table),
    ("symbols", "Names of 10^5 addresses", symbols_table),
    ("killed", "kill -9 at random moments", killed_table),
]


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for text in f:
            if text.startswith("model name"):
                model = text.split(":", 1)[1].strip()
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1]) >> 20
    return ("%s, %d cores, %d GiB, Linux %s, HZ %s, glibc %s; load at the "
            "start %.1f" % (model, os.cpu_count(), memory,
                            platform.release().split("-")[0], tick_rate(),
                            platform.libc_ver()[1], os.getloadavg()[0]))


def tick_rate():
    """Of the running kernel, by the coarse clock that moves with it."""
    begin = time.clock_getres(6)	# CLOCK_MONOTONIC_COARSE
    return "%d" % round(1 / begin)


HEADER = """# Measurements

Made by `make bench` on this machine: %s.

Compared: ratio or difference within rounds, median and its 95 %% interval. The
reference is the same program by itself; for the perf clock, the same program
with an event of the same kind and rate and a handler that does nothing. A/A: the
reference against itself. gperftools samples at 99 Hz too, perf is `perf record
-g -F 99`. Verdict: *within* when the whole interval keeps the budget, *not
shown* when only a part of it does, *OVER* when none; elsewhere by the median."""


def main():
    global ARGS
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--scale", type=float, default=1.0,
                        help="of the rounds: 0.2 for a look")
    parser.add_argument("--section", default="",
                        help="regular expression: " +
                        ", ".join(s[0] for s in SECTIONS))
    parser.add_argument("--only", default="",
                        help="rows of the section program: a regular "
                        "expression")
    parser.add_argument("--output")
    ARGS = parser.parse_args()
    ARGS.build = os.path.abspath(ARGS.build)
    text = []

    def say(what):
        text.append(what)
        print(what, flush=True)

    begin = time.monotonic()
    say(HEADER % machine())
    for name, title, table in SECTIONS:
        if re.search(ARGS.section, name):
            say("\n## %s\n" % title)
            table(say)
    say("\nThe whole took %.0f minutes; scale %g; load at the end %.1f." % (
        (time.monotonic() - begin) / 60, ARGS.scale, os.getloadavg()[0]))
    if ARGS.output:
        with open(ARGS.output, "w", encoding="utf-8") as f:
            f.write("\n".join(text) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
