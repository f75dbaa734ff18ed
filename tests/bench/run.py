#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The budgets of the agent, measured.

Every row runs a program without the agent, with it, and without it again, the
order drawn anew each round, and compares within rounds: what the machine does
meanwhile hits all of them alike. "A/A" is the program against itself: what
the machine alone makes of the same comparison. Intervals are 95 % of the
median, from the binomial distribution of the order statistics.

usage: run.py BUILD-DIRECTORY [--quick] [--only REGEX] [--output FILE]
"""

import argparse
import math
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile

ARGS = None
GPERFTOOLS = "/usr/lib/x86_64-linux-gnu/libprofiler.so.0"
MIB = 1024


def build(*parts):
    return os.path.join(ARGS.build, *parts)


def agent():
    return build("agent", ".libs", "libprofagent.so")


def program(name):
    return build("tests", "bench", name)


class Variant:
    """A way to run a program: NAME, and what it adds to the environment."""

    def __init__(self, name, env):
        self.name = name
        self.env = env

    def environment(self, scratch):
        env = dict(os.environ)
        env.pop("LD_PRELOAD", None)
        for key, value in self.env.items():
            env[key] = value.replace("%SCRATCH%", scratch)
        return env


def variants():
    result = [
        Variant("without", {}),
        Variant("again", {}),
        Variant("agent", {
            "LD_PRELOAD": agent(),
            "PROFAGENT_RATE": "99",
            "PROFAGENT_OUTPUT": "%SCRATCH%/%e.%p.pb.gz",
        }),
    ]
    if os.path.exists(GPERFTOOLS):
        result.append(Variant("gperftools", {
            "LD_PRELOAD": GPERFTOOLS,
            "CPUPROFILE": "%SCRATCH%/gperftools",
            "CPUPROFILE_FREQUENCY": "99",
        }))
    return result


def one_run(argv, variant, scratch):
    done = subprocess.run(argv, env=variant.environment(scratch),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          cwd=scratch, check=False)
    if done.returncode:
        raise RuntimeError("%s %s: status %d: %s" % (
            variant.name, argv, done.returncode, done.stderr.decode()))
    # gperftools talks on stdout, too; the number is the first line.
    return float(done.stdout.split()[0])


def rounds_of(argv, rounds):
    """{variant: [number of each round]}, interleaved."""
    result = {v.name: [] for v in variants()}
    for _ in range(rounds):
        order = variants()
        random.shuffle(order)
        for variant in order:
            with tempfile.TemporaryDirectory() as scratch:
                result[variant.name].append(one_run(argv, variant, scratch))
    return result


def starts_of(rounds):
    """The same for starting an empty program, by a program that starts it."""
    order = variants()
    with tempfile.TemporaryDirectory() as scratch:
        env = dict(os.environ, CPUPROFILE=scratch + "/gperftools",
                   PROFAGENT_OUTPUT=scratch + "/%e.%p.pb.gz")
        out = subprocess.run(
            [program("bench-spawn"), str(rounds), program("bench-empty")]
            + [v.env.get("LD_PRELOAD", "-") for v in order],
            env=env, capture_output=True, check=True, cwd=scratch).stdout
    table = [[float(x) for x in line.split()]
             for line in out.decode().splitlines()]
    return {v.name: [row[i] for row in table] for i, v in enumerate(order)}


def interval(values):
    """Median and its 95 % interval (Hahn and Meeker 1991, section 5.2)."""
    values = sorted(values)
    n = len(values)
    below, k = 0.0, 0
    while True:
        below += math.comb(n, k) / 2 ** n if n < 1000 else 0
        if below > 0.025 or n >= 1000:
            break
        k += 1
    if n >= 1000:
        k = int(n / 2 - 0.98 * math.sqrt(n))
    k = max(k, 1)
    return (statistics.median(values), values[k - 1], values[n - k])


def pairs(numbers, name, compare):
    return interval([compare(b, a) for a, b in
                     zip(numbers["without"], numbers[name])])


class Row:
    """What is measured, how two numbers compare, and the budget."""

    def __init__(self, what, unit, measure, compare, budget, form):
        self.what, self.unit, self.measure = what, unit, measure
        self.compare, self.budget, self.form = compare, budget, form

    def run(self):
        numbers = self.measure()
        mine = pairs(numbers, "agent", self.compare)
        same = pairs(numbers, "again", self.compare)
        other = (self.show(pairs(numbers, "gperftools", self.compare))
                 if "gperftools" in numbers else "not installed")
        # The median of the difference from A/A has to fit; the interval
        # says how sure that is.
        verdict = ("within" if mine[2] <= self.budget else
                   "not shown" if mine[1] <= self.budget else "OVER")
        return [self.what, self.form % self.budget,
                "%.4g %s" % (statistics.median(numbers["without"]), self.unit),
                "%.4g %s" % (statistics.median(numbers["agent"]), self.unit),
                self.show(mine), self.show(same), other,
                str(len(numbers["agent"])), verdict]

    def show(self, bounds):
        return "%s [%s, %s]" % tuple(self.form % x for x in bounds)


def ratio(b, a):
    return b / a


def difference(b, a):
    return b - a


def rows():
    n = 6 if ARGS.quick else 20

    def of(name, *args, rounds=n):
        argv = [program(name)] + [str(a) for a in args]
        return lambda: rounds_of(argv, rounds)

    def memory(threads):
        return Row("memory, %d threads" % (threads + 1), "KiB",
                   of("bench-memory", threads, rounds=3 if threads > 5000
                      else 6),
                   difference, 4 * MIB + 24 * (threads + 1), "%+.0f KiB")

    return [
        Row("CPU at 99 Hz, one thread", "ms", of("bench-cpu", 1, 200000),
            ratio, 1.01, "%.4f"),
        Row("CPU at 99 Hz, 4 threads", "ms", of("bench-cpu", 4, 60000),
            ratio, 1.01, "%.4f"),
        Row("start of an empty program", "ms",
            lambda: starts_of(100 if ARGS.quick else 500),
            difference, 0.3, "%+.3f ms"),
        Row("putc, one thread", "ns", of("bench-putc"), ratio, 1.02, "%.3f"),
        Row("shared_ptr copy, one thread", "ns", of("bench-shared-ptr"),
            ratio, 1.02, "%.3f"),
        Row("fork, _exit, wait", "us", of("bench-fork"), difference, 3.0,
            "%+.2f us"),
        Row("pthread_create, join", "us", of("bench-thread"), difference, 3.0,
            "%+.2f us"),
        memory(0), memory(100), memory(1000), memory(10000),
    ]


HEAD = ["what", "budget", "without", "with the agent", "compared", "A/A",
        "gperftools", "rounds", "verdict"]


def line(cells):
    return "| " + " | ".join(cells) + " |"


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for text in f:
            if text.startswith("model name"):
                model = text.split(":", 1)[1].strip()
    return "%s, %d cores, Linux %s, glibc %s; load at the start %.1f" % (
        model, os.cpu_count(), platform.release(), platform.libc_ver()[1],
        os.getloadavg()[0])


def walk_table():
    """What bench-walk prints, if it was built: it times the walker."""
    path = program("bench-walk")
    if not os.path.exists(path):
        return "bench-walk was not built: it compares with libunwind."
    out = subprocess.run([path], capture_output=True, check=False)
    return (out.stdout.decode() +
            ("\n(exit status %d)" % out.returncode if out.returncode else ""))


def main():
    global ARGS
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--output")
    ARGS = parser.parse_args()
    ARGS.build = os.path.abspath(ARGS.build)
    text = ["# Measurements", "", "Made by `make bench` on this machine: "
            + machine() + ".", "",
            "Compared: ratio or difference within rounds, median and its "
            "95 % interval; A/A: the program against itself. Verdict: "
            "*within* when the whole interval keeps the budget, *not shown* "
            "when only a part of it does, *OVER* when none.", "",
            line(HEAD), line(["---"] * len(HEAD))]
    print("\n".join(text), flush=True)
    for row in rows():
        if re.search(ARGS.only, row.what):
            try:
                text.append(line(row.run()))
            except RuntimeError as error:
                text.append(line([row.what, row.form % row.budget, "-", "-",
                                  str(error)[:200].replace("\n", " "),
                                  "-", "-", "-", "FAILED"]))
            print(text[-1], flush=True)
    if re.search(ARGS.only, "walk"):
        text += ["", "## Walking the stack", "", walk_table()]
        print("\n".join(text[-3:]), flush=True)
    if ARGS.output:
        with open(ARGS.output, "w", encoding="utf-8") as f:
            f.write("\n".join(text) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
