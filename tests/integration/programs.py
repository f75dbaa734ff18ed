#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every program of tests/programs, with the agent and without: the same
output, the same end, and a profile that says what the program says itself.
"""

import concurrent.futures
import functools
import os
import sys

import lib
from lib import tap

P = lib.PROGRAMS
PLUGIN = os.path.join(P, ".libs", "plugin.so")
STATIC = os.path.join(P, "static-burn")

# (arguments, settings of the agent besides the usual)
RUNS = [
    (["shares"], {}),
    (["shares"], {"RATE": "99"}),
    (["shares"], {"RATE": "1000"}),
    (["shares"], {"CLOCK": "itimer"}),
    (["threads"], {}),
    (["recursion", "10"], {}),
    (["recursion", "30"], {}),
    (["recursion", "100"], {}),
    (["recursion", "250"], {}),
    (["recursion", "3000"], {}),
    (["recursion-fp", "30"], {}),
    (["recursion-fp", "10"], {"UNWIND": "fp"}),
    (["recursion-fp", "250"], {"UNWIND": "fp"}),
    (["exceptions"], {}),
    (["exceptions"], {"RATE": "1000"}),
    (["short-threads", "50000", "20"], {}),
    (["short-threads", "2000", "1000"], {}),
    (["short-threads", "100", "20000"], {}),
    (["fork-tree"], {}),
    (["fork-tree"], {"CLOCK": "itimer"}),
    (["exec-chain"], {}),
    (["spawn"], {}),
    (["dlopen-loop", PLUGIN], {}),
    (["dlopen-loop", PLUGIN, "1000"], {"RATE": "1000"}),
    (["sigprof-owner", "handler"], {}),
    (["sigprof-owner", "sigwait"], {}),
    (["sigprof-owner", "signalfd"], {}),
    (["sigprof-owner", "ignore"], {}),
    (["blocked-signals"], {}),
    (["close-fds"], {}),
    (["killed"], {}),
    (["killed", "700"], {"FLUSH": "60"}),
    (["daemon"], {}),
    (["exec-static", STATIC], {}),
    (["eintr"], {}),
    (["small-stacks", "16"], {}),
    (["small-stacks", "24"], {}),
    (["thread-ends"], {}),
    (["setuid-drop"], {}),
    (["raw-clone"], {}),
    (["altstack"], {}),
    (["alone"], {}),
    (["exits", "return", "3"], {}),
    (["exits", "exit", "0"], {}),
    (["exits", "exit", "255"], {}),
    (["exits", "_exit", "1"], {}),
    (["exits", "_Exit", "4"], {}),
    (["exits", "quick_exit", "3"], {}),
    (["exits", "abort"], {}),
    (["exits", "segv"], {}),
    (["exits", "term"], {}),
    (["exits", "fpe"], {}),
    (["exits", "main"], {}),
]

# What a thread used since its last tick belongs to no function. Where others
# want the CPU ticks come late: 28 ms of 500 were seen.
LATE_NS = 40 * 10 ** 6

# Ends that leave the region behind, for the reader to find.
KILLED = {"killed", "exits abort", "exits segv", "exits term", "exits fpe"}


def share_cases(name, expect, stacks):
    function, percent, tolerance = expect
    got = lib.share(stacks, function)
    sampled = [(frames, value) for frames, value in stacks
               if frames[-1] != lib.NOT_SAMPLED]
    unsampled = sum(v for _, v in stacks) - sum(v for _, v in sampled)
    if abs(got - float(percent)) > float(tolerance) and unsampled <= LATE_NS:
        got = lib.share(sampled, function)
    return (abs(got - float(percent)) <= float(tolerance),
            "%s: share of %s" % (name, function),
            "%.2f %%, expected %s +- %s" % (got, percent, tolerance))


def sampled_of(files, scratch):
    """What was sampled, of each process standing for all that it used: how soon
    one of many is sampled is up to disks and to who waits for the CPUs."""
    stacks = []
    for file in files:
        own = lib.folded([file], scratch)
        sampled = [(frames, value) for frames, value in own
                   if frames[-1] != lib.NOT_SAMPLED]
        used, seen = (sum(value for _, value in s) for s in (own, sampled))
        stacks += [(frames, value * used / seen) for frames, value in sampled]
    return stacks


def at_least_cases(name, expect, stacks):
    function, percent = expect
    got = lib.share(stacks, function)
    return (got >= float(percent), "%s: %s was seen" % (name, function),
            "%.2f %%, expected at least %s" % (got, percent))


def depth_cases(name, expect, stacks):
    function, depth = expect
    got = max((sum(lib.frame_is(f, function) for f in frames)
               for frames, _ in stacks), default=0)
    return (got == int(depth), "%s: depth of %s" % (name, function),
            "%d, expected %s" % (got, depth))


def cpu_cases(name, expect, stacks):
    total, tolerance = (float(x) for x in expect)
    got = sum(value for _, value in stacks)
    return (abs(got - total) <= total * tolerance / 100,
            "%s: sum of all weights" % name,
            "%.1f ms, expected %.1f ms +- %.0f %%" % (
                got / 1e6, total / 1e6, tolerance))


def thread_cases(name, expect, threads):
    thread, percent, tolerance = expect
    total = sum(threads.values())
    got = 100.0 * threads.get(thread, 0) / total if total else 0
    return (abs(got - float(percent)) <= float(tolerance),
            "%s: share of thread %s" % (name, thread),
            "%.2f %%, expected %s +- %s of %r" % (got, percent, tolerance,
                                                  threads))


def process_cases(name, expect, files):
    process, count = expect
    got = sum(os.path.basename(f).startswith(process + ".") for f in files)
    return (got == int(count), "%s: files of %s" % (name, process),
            "%d, expected %s: %r" % (got, count,
                                     [os.path.basename(f) for f in files]))


def threads_of(files, scratch):
    items = lib.report_json(["--by", "thread", "--limit", "0"], files,
                            scratch).get("rows", [])
    return {item["name"]: item["total_ns"] for item in items}


def profile_cases(name, text, scratch):
    """Cases for what the program said that its profile must contain."""
    # What was killed before its first flush lies in its region alone.
    files = scratch.files() or scratch.regions()
    wanted = lib.expectations(text)
    # Code without frame pointers, such as the vdso, hides its caller.
    if "UNWIND=fp" in name:
        wanted = [w for w in wanted if w[1] != "burn_bottom"]
    # Before its first flush a process has not said what lies where.
    if "FLUSH=60" in name:
        wanted = [w for w in wanted if w[0] == "cpu-ns"]
    # For this clock the kernel counts ticks, not time.
    if "CLOCK=itimer" in name:
        wanted = [w for w in wanted if w[0] != "cpu-ns"]
    if not files:
        return [(False, name + ": a profile", "no file was written")]
    stacks = lib.folded(files, scratch)
    threads = (threads_of(files, scratch)
               if any(w[0] == "thread" for w in wanted) else {})
    sampled = (sampled_of(files, scratch)
               if any(w[0] == "sampled-share" for w in wanted) else [])
    of = {"share": (share_cases, stacks), "depth": (depth_cases, stacks),
          "sampled-share": (share_cases, sampled),
          "share-at-least": (at_least_cases, stacks),
          "cpu-ns": (cpu_cases, stacks), "thread": (thread_cases, threads),
          "process": (process_cases, files)}
    return [of[w[0]][0](name, w[1:], of[w[0]][1]) for w in wanted]


@functools.lru_cache(maxsize=None)
def run_alone(*argv):
    """Without the agent: once, whatever it is compared with."""
    with lib.Scratch() as scratch:
        return lib.run(argv, scratch.env(agent=False), scratch.dir)


def check(argv, settings):
    """All cases of one run, as arguments of tap.ok()."""
    name = " ".join([os.path.basename(a) for a in argv] +
                    ["%s=%s" % s for s in settings.items()])
    argv = [os.path.join(P, argv[0])] + argv[1:]
    if argv[0].endswith("/exceptions") and not os.path.exists(argv[0]):
        return [(None, name, "was not built (no C++ compiler)")]
    with lib.Scratch() as scratch:
        plain = run_alone(*argv)
        mine = lib.run(argv, scratch.env(**settings), scratch.dir)
        if plain.status == 77:
            return [(None, name, plain.out.strip())]
        same = (lib.without_expectations(plain.out) ==
                lib.without_expectations(mine.out))
        cases = [
            (same and mine.err == plain.err, name + ": same output",
             "without:", plain, "with:", mine),
            (mine.status == plain.status, name + ": same end",
             "without:", plain, "with:", mine),
        ]
        cases += profile_cases(name, mine.out, scratch)
        if name.split("=")[0] not in KILLED and not name.startswith("killed"):
            cases.append((scratch.regions() == [],
                          name + ": nothing is left behind",
                          scratch.regions()))
        return cases


def say_cases(function, runs):
    """The cases that function says of each, two at a time: CPU clocks do not
    mind."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(function, *r) for r in runs]
        for future in futures:
            for case in future.result():
                if case[0] is None:
                    tap.skip(case[1], case[2])
                else:
                    tap.ok(*case)


def main():
    wanted = sys.argv[1:]
    say_cases(check, [r for r in RUNS if not wanted or r[0][0] in wanted])
    tap.done()


if __name__ == "__main__":
    main()
