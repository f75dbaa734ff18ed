#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A report of 10^6 samples, beside `go tool pprof -top` and `perf report`.

Two profiles: one whose samples are all different stacks, one that repeats 4000,
as many flushes of one program do. We and pprof read the same file; perf reads
the same samples as a perf.data file, written here since a recording of its own
would have other stacks, and takes the same names from the symbols of a program
made for it. It is told not to print call graphs, which is the best case for
it. Each round runs all programs in an order drawn anew; ratios are formed
within rounds, and the median and the extremes are printed. CPU time and memory
are what the kernel counted for the process.

usage: report.py BUILD-DIRECTORY [--rounds N] [--samples N]
"""

import argparse
import gzip
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

import perfdata
import symbols                          # and the way to what follows
from pprof import field, varint

LOCATIONS, FUNCTIONS, DISTINCT = 20000, 5000, 4000
PLACES = LOCATIONS // FUNCTIONS         # locations of one function
PLACE_SIZE = 16                         # bytes between two of them
LOADED_AT = 0x400000
PERIOD = 10101010
THREADS = range(1000, 1008)


def draw_stacks(count, distinct):
    """(tid, [location, leaf first]); each location has six that it may call."""
    rand = random.Random(1)
    callees = [[rand.randrange(1, LOCATIONS + 1) for _ in range(6)]
               for _ in range(LOCATIONS + 1)]
    made = []
    for i in range(min(count, distinct)):
        at, stack = 1, [1]
        for _ in range(rand.randrange(15, 35)):
            at = callees[at][int(rand.random() * 6)]
            stack.append(at)
        made.append((THREADS[i % len(THREADS)], stack[::-1]))
    if count > distinct:
        made = [made[int(rand.random() ** 2 * distinct)]
                for _ in range(count)]
    return made


def samples(stacks):
    ids = [varint(i) for i in range(LOCATIONS + 1)]
    value = field(2, varint(1) + varint(PERIOD))
    return [field(2, field(1, b"".join(ids[at] for at in stack)) + value +
                  field(3, field(1, 6) + field(3, tid)))
            for tid, stack in stacks]


def profile(stacks):
    names = [b"", b"samples", b"count", b"cpu", b"nanoseconds", b"/bin/big",
             b"tid"] + [b"function_%d" % i for i in range(FUNCTIONS)]
    out = [field(1, field(1, 1) + field(2, 2)),
           field(1, field(1, 3) + field(2, 4))]
    out += samples(stacks)
    out.append(field(3, field(1, 1) + field(2, LOADED_AT) +
                     field(3, 0x4000000) + field(5, 5) + field(7, 1)))
    out += [field(4, field(1, i) + field(2, 1) +
                  field(3, LOADED_AT + i * PLACE_SIZE) +
                  field(4, field(1, (i - 1) // PLACES + 1) +
                        field(2, i % 1000)))
            for i in range(1, LOCATIONS + 1)]
    out += [field(5, field(1, i) + field(2, 6 + i))
            for i in range(1, FUNCTIONS + 1)]
    out += [field(6, name) for name in names]
    out += [field(9, 17 * 10 ** 17), field(10, 10 ** 10),
            field(11, field(1, 3) + field(2, 4)), field(12, PERIOD)]
    return gzip.compress(b"".join(out), 6)


def make_program(home):
    """A library with the functions of the profile, for perf's names."""
    source = os.path.join(home, "big.s")
    program = os.path.join(home, "big.so")
    with open(source, "w", encoding="ascii") as f:
        for i in range(FUNCTIONS):
            f.write(".globl function_%d\n.type function_%d, @function\n"
                    "function_%d: .skip %d, 0x90\n.size function_%d, %d\n" %
                    (i, i, i, PLACES * PLACE_SIZE, i, PLACES * PLACE_SIZE))
    subprocess.run([os.environ.get("CC", "gcc").split()[0], "-shared",
                    "-nostdlib", "-o", program, source], check=True)
    return program


def write_perf(path, program, stacks):
    offset, _ = symbols.code_segment(program)
    at = [LOADED_AT + offset + (i - 1) * PLACE_SIZE
          for i in range(LOCATIONS + 1)]
    perfdata.write(path, program, LOADED_AT, os.path.getsize(program),
                   THREADS, PERIOD, ((tid, [at[i] for i in stack])
                            for tid, stack in stacks))


def measure(argv, home):
    """(CPU seconds, MiB) of one run."""
    env = dict(os.environ, HOME=home, PPROF_TMPDIR=home, GOTOOLCHAIN="local",
               GOFLAGS="-mod=mod")
    with subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit("%s failed: %d" % (argv[0], child.returncode))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def pprof_of_go():
    """The program itself, so that the go command's own cost is left out."""
    done = subprocess.run(["go", "env", "GOTOOLDIR"], check=True,
                          capture_output=True, text=True)
    path = os.path.join(done.stdout.strip(), "pprof")
    return [path] if os.path.exists(path) else ["go", "tool", "pprof"]


def perf_works(path, home):
    """Whether names come out; perf is of no use to us otherwise."""
    if not shutil.which("perf"):
        return "perf is not installed"
    done = subprocess.run(perf_argv(path), capture_output=True, text=True,
                          errors="replace", check=False,
                          env=dict(os.environ, HOME=home))
    if done.returncode == 0 and "function_0" in done.stdout:
        return None
    return "perf cannot read what was written for it: %s" % (
        done.stderr.strip().splitlines() or ["no names"])[-1]


def perf_argv(path):
    return ["perf", "report", "--stdio", "-g", "none", "-i", path]


def compare(name, ways, rounds, home):
    """`ways`: (who, argv), ours first."""
    rows = []
    for _ in range(rounds):
        order = random.sample(range(len(ways)), len(ways))
        got = {i: measure(ways[i][1], home) for i in order}
        rows.append([got[i] for i in range(len(ways))])
    for i in range(1, len(ways)):
        for k, what, unit in ((0, "CPU", "s"), (1, "memory", "MiB")):
            ratios = sorted(r[0][k] / r[i][k] for r in rows)
            print("%-10s %-7s ours %8.2f %-3s  %-5s %8.2f %-3s  ratio %.3f "
                  "(%.3f to %.3f)  budget < 1" % (
                      name, what, statistics.median(r[0][k] for r in rows),
                      unit, ways[i][0],
                      statistics.median(r[i][k] for r in rows), unit,
                      statistics.median(ratios), ratios[0], ratios[-1]),
                  flush=True)


def write_files(path, data, count, distinct, home):
    stacks = draw_stacks(count, distinct)
    with open(path, "wb") as f:
        f.write(profile(stacks))
    write_perf(data, make_program(home), stacks)


def compare_profile(name, distinct, args, home):
    path = os.path.join(home, name + ".pb.gz")
    data = os.path.join(home, name + ".perf.data")
    # By a process of its own: what ours holds when it starts a program counts
    # as that program's memory.
    maker = multiprocessing.Process(
        target=write_files, args=(path, data, args.samples, distinct, home))
    maker.start()
    maker.join()
    if maker.exitcode:
        sys.exit("the profiles could not be made")
    ways = [("ours", [os.path.join(args.build, "tools", "profagent"),
                      "report", "--no-symbols", path]),
            ("go", pprof_of_go() + ["-top", path])]
    reason = perf_works(data, home)
    if reason:
        print("%-10s perf    not measured: %s" % (name, reason))
    else:
        ways.append(("perf", perf_argv(data)))
    compare(name, ways, args.rounds, home)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10 ** 6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for name, distinct in (("repeated", DISTINCT),
                               ("different", args.samples)):
            compare_profile(name, distinct, args, home)


if __name__ == "__main__":
    main()
