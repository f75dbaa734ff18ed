#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs of many small cases (tests/programs/cases.h), each run without the
agent and with it at 1 kHz: the same output, the same end, and the share of the
functions it names. A case in which the two differ has met a trap.
"""

import concurrent.futures
import os
import sys

import lib
import programs
from lib import tap

MANAGERS = ("sigwait", "sigwaitinfo", "sigtimedwait", "signalfd")

# program, settings of the agent besides the usual, and the cases that have no
# meaning with them
RUNS = [
    ("masks", {}, ()),
    ("masks", {"CLOCK": "itimer"}, ()),
    ("owners", {}, ()),
    ("owners", {"CLOCK": "itimer"}, ()),
    ("owners", {"CLOCK": "perf"}, ()),
    # They wait for all signals, and 40 is then left to us.
    ("owners", {"SIGNAL": "40"}, MANAGERS),
    # Paused, no sample tells a sleeping thread to block what it asked to: the
    # first signal of the program may end its poll().
    ("owners", {"START": "0"}, MANAGERS),
]


def cases_of(program):
    return lib.run([os.path.join(lib.PROGRAMS, program)]).out.split()


def is_same(plain, mine):
    return (plain.status == mine.status and plain.err == mine.err and
            lib.without_expectations(plain.out) ==
            lib.without_expectations(mine.out))


def check(program, case, settings):
    argv = [os.path.join(lib.PROGRAMS, program), case]
    name = " ".join([program, case] + ["%s=%s" % s for s in settings.items()])
    with lib.Scratch() as scratch:
        plain = lib.run(argv, scratch.env(agent=False), scratch.dir)
        if plain.status == 77:
            return [(None, name, plain.out.strip())]
        mine = lib.run(argv, scratch.env(**{"RATE": "1000", **settings}),
                       scratch.dir)
        cases = [(is_same(plain, mine), name, "without:", plain, "with:", mine)]
        if lib.expectations(mine.out) and settings.get("START") != "0":
            cases += programs.profile_cases(name, mine.out, scratch)
        return cases


def main():
    wanted = sys.argv[1:]
    jobs = [(program, case, settings) for program, settings, without in RUNS
            if not wanted or program in wanted
            for case in cases_of(program) if case not in without]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(check, *job) for job in jobs]
        for future in futures:
            for case in future.result():
                if case[0] is None:
                    tap.skip(case[1], case[2])
                else:
                    tap.ok(*case)
    tap.done()


if __name__ == "__main__":
    main()
