#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs of many small cases (tests/programs/cases.h), each run without the
agent and with it at 1 kHz: the same output, the same end, and the share of the
functions it names. A case in which the two differ has met a trap.
"""

import os
import sys

import lib
import programs
from lib import tap

# Ends by which the region stays, for the reader to find.
KILLED = ("raw-forks", "die-prof", "die-62", "blocked-then-die",
          "default-again-then-die")
MANAGERS = ("sigwait", "sigwaitinfo", "sigtimedwait", "signalfd")

# Any clock will do for these.
ONE_CLOCK = ("forks-of-threads", "forks-in-handlers", "clones-share-memory",
             "vforks-of-threads", "spawns-of-threads", "raw-forks",
             "short-lives")
# The filter of these kills the agent, or the agent has nothing to do there.
CONFINED = lib.run([os.path.join(lib.PROGRAMS, "confined")]).out.split()
UNDER_FILTER = tuple(case for case in CONFINED if case != "filter-mild")

# program, settings of the agent besides the usual, and the cases that have no
# meaning with them
RUNS = [
    ("children", {}, ()),
    ("children", {"CLOCK": "perf", "RATE": "5000"}, ONE_CLOCK),
    ("confined", {}, ()),
    ("confined", {"SECCOMP": "stay"}, UNDER_FILTER),
    ("confined", {"CLOCK": "wall", "RATE": "99"},
     tuple(case for case in CONFINED if case != "filter-in-child")),
    ("environment", {"PARENT_RUN": "0123456789abcdef"}, ()),
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


def messages(text):
    """Without the one that no file can be written, where none can."""
    return [line for line in text.splitlines()
            if not line.startswith("profagent: cannot write ")]


def is_same(plain, mine):
    return (plain.status == mine.status and
            plain.err.splitlines() == messages(mine.err) and
            lib.without_expectations(plain.out) ==
            lib.without_expectations(mine.out))


def check(program, case, settings):
    argv = [os.path.join(lib.PROGRAMS, program), case]
    name = " ".join([program, case] + ["%s=%s" % s for s in settings.items()])
    with lib.Scratch() as scratch:
        plain = programs.run_alone(*argv)
        if plain.status == 77:
            return [(None, name, plain.out.strip())]
        mine = lib.run(argv, scratch.env(**{"RATE": "1000", **settings}),
                       scratch.dir)
        cases = [(is_same(plain, mine), name, "without:", plain, "with:", mine)]
        wanted = settings.get("START") != "0" and not (
            case == "filter-mild" and "SECCOMP" not in settings)
        if lib.expectations(mine.out) and wanted:
            cases += programs.profile_cases(name, mine.out, scratch)
        if case not in KILLED:
            cases.append((scratch.regions() == [],
                          name + ": nothing is left behind",
                          scratch.regions()))
        return cases


def main():
    wanted = sys.argv[1:]
    programs.say_cases(check, [
        (program, case, settings) for program, settings, without in RUNS
        if not wanted or program in wanted
        for case in cases_of(program) if case not in without])
    tap.done()


if __name__ == "__main__":
    main()
