#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A report of 10^6 samples, beside `go tool pprof -top` on the same file.

Two files: one whose samples are all different stacks, one that repeats 4000, as
many flushes of one program do. Each round runs both programs in an order drawn
anew; ratios are formed within rounds, and the median and the extremes are
printed. CPU time and memory are what the kernel counted for the process.

usage: report.py BUILD-DIRECTORY [--rounds N] [--samples N]
"""

import argparse
import gzip
import os
import random
import statistics
import subprocess
import sys
import tempfile

LOCATIONS, FUNCTIONS, DISTINCT = 20000, 5000, 4000


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(key, value):
    return varint(key << 3) + varint(value)


def samples(count, distinct, rand, ids):
    """Sample messages; each location has six that it may call."""
    callees = [[rand.randrange(1, LOCATIONS + 1) for _ in range(6)]
               for _ in range(LOCATIONS + 1)]
    value = field(2, varint(1) + varint(10101010))
    made = []
    for i in range(min(count, distinct)):
        at, stack = 1, [ids[1]]
        for _ in range(rand.randrange(15, 35)):
            at = callees[at][int(rand.random() * 6)]
            stack.append(ids[at])
        label = field(3, number(1, 6) + number(3, 1000 + i % 8))
        made.append(field(2, field(1, b"".join(reversed(stack))) + value +
                          label))
    if count > distinct:
        made = [made[int(rand.random() ** 2 * distinct)]
                for _ in range(count)]
    return made


def profile(count, distinct):
    rand = random.Random(1)
    ids = [varint(i) for i in range(LOCATIONS + 1)]
    names = [b"", b"samples", b"count", b"cpu", b"nanoseconds", b"/bin/big",
             b"tid"] + [b"function_%d" % i for i in range(FUNCTIONS)]
    out = [field(1, number(1, 1) + number(2, 2)),
           field(1, number(1, 3) + number(2, 4))]
    out += samples(count, distinct, rand, ids)
    out.append(field(3, number(1, 1) + number(2, 0x400000) +
                     number(3, 0x4000000) + number(5, 5) + number(7, 1)))
    out += [field(4, number(1, i) + number(2, 1) +
                  number(3, 0x400000 + i * 16) +
                  field(4, number(1, i % FUNCTIONS + 1) +
                        number(2, i % 1000)))
            for i in range(1, LOCATIONS + 1)]
    out += [field(5, number(1, i) + number(2, 6 + i))
            for i in range(1, FUNCTIONS + 1)]
    out += [field(6, name) for name in names]
    out += [number(9, 17 * 10 ** 17), number(10, 10 ** 10),
            field(11, number(1, 3) + number(2, 4)), number(12, 10101010)]
    return gzip.compress(b"".join(out), 6)


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


def compare(name, path, build, rounds, home):
    ours = [os.path.join(build, "tools", "profagent"), "report",
            "--no-symbols", path]
    theirs = pprof_of_go() + ["-top", path]
    rows = []
    for _ in range(rounds):
        order = random.sample(((0, ours), (1, theirs)), 2)
        got = {which: measure(argv, home) for which, argv in order}
        rows.append((got[0], got[1]))
    for k, what, unit in ((0, "CPU", "s"), (1, "memory", "MiB")):
        ratios = sorted(r[0][k] / r[1][k] for r in rows)
        print("%-10s %-7s ours %8.2f %-3s  go %8.2f %-3s  ratio %.3f "
              "(%.3f to %.3f)  budget < 1" % (
                  name, what, statistics.median(r[0][k] for r in rows), unit,
                  statistics.median(r[1][k] for r in rows), unit,
                  statistics.median(ratios), ratios[0], ratios[-1]),
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10 ** 6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for name, distinct in (("repeated", DISTINCT),
                               ("different", args.samples)):
            path = os.path.join(home, name + ".pb.gz")
            with open(path, "wb") as f:
                f.write(profile(args.samples, distinct))
            compare(name, path, args.build, args.rounds, home)


if __name__ == "__main__":
    main()
