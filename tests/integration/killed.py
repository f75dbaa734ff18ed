#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 at random moments: every file opens, and what the threads had used
is in it, up to the last tick. CPU time is read from outside just before.

usage: killed.py [ROUNDS]	more than 16: four at a time
"""

import collections
import concurrent.futures
import os
import random
import signal
import statistics
import subprocess
import sys
import time

import lib
from lib import tap

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 16
# What lacks where nobody else wants the CPUs: of each of two threads what its
# next expiration, a period of 4 ms away, would have stood for, noticed at a tick
# of 4 ms; and of the process 5 ms before the agent was loaded.
EXPECTED_NS = (2 * (4 + 4) + 5) * 10 ** 6
LATE_NS = 60 * 10 ** 6

# used, read, waited: CPU time used, of it read from the profile, and how long
# others ran instead; ns
Round = collections.namedtuple("Round", "kept begun used read waited")


def cpu_ns(pid):
    """CPU time of a process, by its clock (MAKE_PROCESS_CPUCLOCK in Linux)."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def waited_ns(pid):
    """For how long its threads have been ready to run, and did not."""
    total = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, tid),
                  encoding="ascii") as f:
            total += int(f.read().split()[1])
    return total


def one_round(kept):
    """kept: all of it is in memory, for nothing is written in that time."""
    with lib.Scratch() as scratch:
        with subprocess.Popen(
                [os.path.join(lib.PROGRAMS, "killed"), "60000"],
                env=scratch.env(FLUSH="60" if kept else "1"), cwd=scratch.dir,
                stdout=subprocess.DEVNULL) as child:
            time.sleep(random.uniform(0.3, 2.5))
            begun = scratch.regions() != []
            waited = waited_ns(child.pid)
            used = cpu_ns(child.pid)
            os.kill(child.pid, signal.SIGKILL)
        files = scratch.files() + scratch.regions()
        stacks = lib.folded(files, scratch) if files else []
        return Round(kept, begun, used, sum(value for _, value in stacks),
                     waited)


def missed_cases(rounds):
    kept = [r for r in rounds if r.kept]
    tap.ok(sum(r.read for r in kept) >= sum(r.used for r in kept) / 2,
           "killed: what is in memory alone is read", *kept)
    # Where others want the CPUs a thread may run between the ticks for a while,
    # and its expirations are not noticed.
    calm = [r for r in rounds if r.waited <= r.used / 10]
    names = ["killed: nothing is lost but the last ticks",
             "killed: the same on average"]
    if len(calm) < 5:
        for name in names:
            tap.skip(name, "others had the CPUs in all but %d of %d rounds" % (
                len(calm), len(rounds)))
        return
    missed = [r.used - r.read for r in calm]
    tap.ok(sum(m > LATE_NS for m in missed) <= len(calm) // 10, names[0],
           *calm)
    tap.ok(-EXPECTED_NS <= statistics.mean(missed) <= EXPECTED_NS, names[1],
           *calm)


def main():
    with concurrent.futures.ThreadPoolExecutor(
            4 if ROUNDS > 16 else 1) as pool:
        rounds = list(pool.map(lambda i: one_round(i % 2 == 1), range(ROUNDS)))
    begun = [r for r in rounds if r.begun]
    tap.note("%d rounds, in %d the agent had begun; %.1f ms used, %.1f ms read, "
             "%.1f ms waited" % (
                 ROUNDS, len(begun), sum(r.used for r in begun) / 1e6,
                 sum(r.read for r in begun) / 1e6,
                 sum(r.waited for r in begun) / 1e6))
    # 300 ms after the start, unless others had the CPUs
    tap.ok(all(r.begun or r.waited > r.used for r in rounds) and
           2 * len(begun) > ROUNDS,
           "killed: the agent begins in time", *rounds)
    missed_cases(begun)
    tap.done()


if __name__ == "__main__":
    main()
