#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 at random moments: every file opens, and what the threads had used
is in it, up to the last tick. CPU time is read from outside just before.

usage: killed.py [ROUNDS]	more than 25: four at a time
"""

import concurrent.futures
import os
import random
import signal
import subprocess
import sys
import time

import lib
from lib import tap

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 25
# A process killed with less CPU time than that had no sample: a tick, and what
# /proc rounds.
BEFORE_NS = 20 * 10 ** 6
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 10 ** 9 // TICKS


def one_round():
    """(read, CPU time used, expected to be lost at most)"""
    with lib.Scratch() as scratch:
        with subprocess.Popen(
                [os.path.join(lib.PROGRAMS, "killed"), "60000"],
                env=scratch.env(), cwd=scratch.dir,
                stdout=subprocess.DEVNULL) as child:
            time.sleep(random.uniform(0.3, 2.5))
            used = cpu_ns(child.pid)
            os.kill(child.pid, signal.SIGKILL)
        if used <= BEFORE_NS:
            return True, 0, 0
        files = scratch.files() + scratch.regions()
        stacks = lib.folded(files, scratch) if files else []
        return (stacks != [],
                sum(value for _, value in stacks), used)


def main():
    opened, read, used = 0, 0, 0
    missed = []
    with concurrent.futures.ThreadPoolExecutor(
            4 if ROUNDS > 25 else 1) as pool:
        rounds = list(pool.map(lambda _: one_round(), range(ROUNDS)))
    for good, got, cpu in rounds:
        opened += good
        read += got
        used += cpu
        missed.append(cpu - got)
    tap.note("%d rounds: %d open, %d of them killed before a sample was due; "
             "%.1f ms used, %.1f ms read" % (
                 ROUNDS, opened, sum(got == 0 for _, got, _ in rounds),
                 used / 1e6, read / 1e6))
    tap.equal(opened, ROUNDS, "killed: every profile opens")
    # Two threads, a period of 4 ms, a tick of 10 ms in /proc; and some time
    # passes between the look and the signal. Where others want the CPU, a
    # thread may run between the ticks for a while, and its expiration is not
    # noticed: rarely, and never as much as a flush has.
    late = sum(m > 60e6 for m in missed)
    tap.ok(late <= ROUNDS // 10 and max(missed) <= 200e6,
           "killed: nothing is lost but the last ticks",
           "%d rounds miss more than 60 ms, the worst %.1f ms" % (
               late, max(missed) / 1e6))
    # On average: of each of the two threads what its next expiration, a period
    # of 4 ms away, would have stood for, noticed at a tick of 4 ms; of the
    # process 5 ms before the agent was loaded; and 10 ms that /proc rounds.
    tap.ok(-10e6 * ROUNDS <= used - read <= (2 * (4e6 + 4e6) + 5e6) * ROUNDS,
           "killed: sum of %d rounds" % ROUNDS,
           "%.1f ms read, %.1f ms used" % (read / 1e6, used / 1e6))
    tap.done()


if __name__ == "__main__":
    main()
