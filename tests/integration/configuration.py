#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PROFAGENT_* in the environment: what is right works, and what is wrong is
one clear line while the program runs on unharmed.
"""

import os
import shutil

import lib
import programs
from lib import tap

SHARES = os.path.join(lib.PROGRAMS, "shares")

# (variable, value, words that the line must hold besides both)
WRONG = [
    ("RATE", "fast", []),
    ("RATE", "0", []),
    ("RATE", "-5", []),
    ("RATE", "99999999999", []),
    ("CLOCK", "sundial", ["cputime", "itimer"]),
    ("UNWIND", "magic", ["cfi", "fp"]),
    ("DEPTH", "0", []),
    ("DEPTH", "many", []),
    ("FLUSH", "never", []),
    ("SIGNAL", "SIGNOTHING", []),
    ("SIGNAL", "KILL", []),
    ("TOGGLE", "SIGNOTHING", []),
    ("MAX_SIZE", "huge", []),
    ("START", "perhaps", []),
    ("CHILDREN", "2", []),
]


def work(scratch, ms="300", **settings):
    return lib.run([SHARES, ms], scratch.env(**settings), scratch.dir)


def check_wrong():
    for variable, value, words in WRONG:
        name = "PROFAGENT_%s=%s" % (variable, value)
        with lib.Scratch() as scratch:
            got = work(scratch, **{variable: value})
            lines = got.err.splitlines()
            tap.ok(len(lines) == 1 and "PROFAGENT_" + variable in lines[0] and
                   value in lines[0] and all(w in lines[0] for w in words),
                   name + ": one line says so", got)
            tap.ok(got.status == 0 and "three functions" in got.out,
                   name + ": the program ran", got)
            tap.equal(scratch.files(), [], name + ": no profile")


def check_unknown():
    with lib.Scratch() as scratch:
        got = work(scratch, RATTE="99")
        tap.ok(got.status == 0, "an unknown variable does no harm", got)


def check_help():
    with lib.Scratch() as scratch:
        got = work(scratch, HELP="1")
        text = got.out + got.err
        missing = [v for v in ("RATE", "OUTPUT", "FLUSH", "CLOCK", "UNWIND",
                               "DEPTH", "SIGNAL", "MAX_SIZE", "START", "LOG",
                               "CHILDREN")
                   if "PROFAGENT_" + v not in text]
        tap.ok(not missing, "PROFAGENT_HELP=1 prints the table", missing, got)


def check_output():
    with lib.Scratch() as scratch:
        where = os.path.join(scratch.profiles, "%%-%e-%p-%h.pb.gz")
        work(scratch, OUTPUT=where)
        names = [os.path.basename(f) for f in scratch.files()]
        host = os.uname().nodename
        tap.ok(len(names) == 1 and names[0].startswith("%-shares-") and
               names[0].endswith("-%s.pb.gz" % host),
               "the name of the output is filled in", names)
        mode = os.stat(scratch.files()[0]).st_mode & 0o777
        tap.equal(oct(mode), "0o600", "a profile is its owner's")


def check_clash():
    with lib.Scratch() as scratch:
        where = os.path.join(scratch.profiles, "same.pb.gz")
        for _ in range(3):
            work(scratch, OUTPUT=where)
        tap.equal([os.path.basename(f) for f in scratch.files()],
                  ["same.1.pb.gz", "same.2.pb.gz", "same.pb.gz"],
                  "an existing file is never written to")


def check_relative():
    """The path is made absolute at the start, wherever we go later."""
    with lib.Scratch() as scratch:
        os.mkdir(scratch.path("elsewhere"))
        got = lib.run(["/bin/sh", "-c", "cd elsewhere && exec %s 300" % SHARES],
                      scratch.env(OUTPUT="profiles/%e.pb.gz"), scratch.dir)
        there = os.path.join(scratch.dir, "elsewhere", "profiles",
                             "shares.pb.gz")
        tap.ok(got.status == 0 and
               (os.path.exists(scratch.profiles + "/shares.pb.gz") or
                os.path.exists(there) or
                not os.path.exists(os.path.dirname(there))),
               "a relative output does no harm", got, scratch.files())


def check_paused():
    with lib.Scratch() as scratch:
        got = work(scratch, START="0")
        tap.ok(got.status == 0 and not got.err,
               "PROFAGENT_START=0: the program runs", got)
        tap.equal(scratch.files(), [], "PROFAGENT_START=0: no profile")


def check_children():
    with lib.Scratch() as scratch:
        got = lib.run(["/bin/sh", "-c", SHARES + " 300; true"],
                      scratch.env(CHILDREN="0"), scratch.dir)
        names = [os.path.basename(f) for f in scratch.files()]
        tap.ok(got.status == 0 and not any(n.startswith("shares")
                                           for n in names),
               "PROFAGENT_CHILDREN=0 leaves children alone", names, got)


def check_unwritable():
    with lib.Scratch() as scratch:
        got = work(scratch, OUTPUT="/proc/nowhere/%e.pb.gz")
        lines = got.err.splitlines()
        tap.ok(got.status == 0 and "three functions" in got.out,
               "an unwritable output: the program ran", got)
        tap.ok(len(lines) == 1 and "/proc/nowhere" in lines[0],
               "an unwritable output: one line says so", got)


def check_idle():
    with lib.Scratch() as scratch:
        got = lib.run(["/bin/true"], scratch.env(), scratch.dir)
        tap.ok(got.status == 0 and not got.err and not scratch.files(),
               "no sample, no file", got, scratch.files())


def check_rotation():
    with lib.Scratch() as scratch:
        got = lib.run([os.path.join(lib.PROGRAMS, "recursion"), "250", "5000"],
                      scratch.env(MAX_SIZE="64K", FLUSH="10ms"), scratch.dir)
        files = scratch.files()
        sizes = [os.stat(f).st_size for f in files]
        tap.ok(got.status == 0 and len(files) == 2 and
               ".old." in files[0],
               "PROFAGENT_MAX_SIZE: rotated, two are kept", files, sizes, got)
        tap.ok(all(s <= 80 * 1024 for s in sizes),
               "PROFAGENT_MAX_SIZE: about that size", sizes)
        for f in files:
            tap.ok(lib.folded([f], scratch), "a rotated file can be read")


def check_age():
    with lib.Scratch() as scratch:
        got = lib.run([os.path.join(lib.PROGRAMS, "shares"), "4500"],
                      scratch.env(MAX_AGE="1s", KEEP="2", FLUSH="50ms"),
                      scratch.dir)
        names = [os.path.basename(f).split(".", 2)[2]
                 for f in scratch.files()]
        tap.ok(got.status == 0 and
               names == ["old.2.pb.gz", "old.pb.gz", "pb.gz"],
               "PROFAGENT_MAX_AGE, PROFAGENT_KEEP: rotated, three are kept",
               names, got)


def check_log():
    with lib.Scratch() as scratch:
        log = scratch.path("log")
        got = work(scratch, OUTPUT="/proc/nowhere/%e.pb.gz", LOG=log)
        tap.equal(got.err, "", "PROFAGENT_LOG: nothing goes to stderr")
        with open(log, encoding="utf-8") as f:
            text = f.read()
        tap.ok("/proc/nowhere" in text,
               "PROFAGENT_LOG: messages go to the file", got, text)
        got = work(scratch, OUTPUT="/proc/nowhere/%e.pb.gz", LOG="off")
        tap.equal(got.err, "", "PROFAGENT_LOG=off: no messages")


def check_no_environment():
    """Nothing but the agent: no PATH, no HOME, no settings."""
    with lib.Scratch() as scratch:
        got = lib.run([SHARES, "300"], {"LD_PRELOAD": lib.AGENT},
                      scratch.profiles)
        names = [os.path.basename(f) for f in scratch.files()]
        tap.ok(got.status == 0 and not got.err and len(names) == 1 and
               names[0].startswith("shares."),
               "no environment: a profile where the program began", names,
               got)


def check_hostile():
    """Values of any size and shape: one line, and the program runs."""
    huge = "x" * 120000
    for name, value in (("OUTPUT", huge), ("RATE", "9" * 120000),
                        ("LOG", "/" + huge), ("CLOCK", "%n%n%s" * 1000),
                        ("OUTPUT", "\x01\x7f/../%q"), ("FLUSH", "-" * 5000)):
        with lib.Scratch() as scratch:
            got = work(scratch, **{name: value})
            tap.ok(got.status == 0 and "three functions" in got.out and
                   len(got.err.splitlines()) == 1 and len(got.err) < 1000,
                   "hostile PROFAGENT_%s: one line" % name, got)
    with lib.Scratch() as scratch:
        env = scratch.env()
        env.update({"PROFAGENT_%d" % i: "y" * 1000 for i in range(100)})
        env["XDG_RUNTIME_DIR"] = "/" + huge
        got = lib.run([SHARES, "300"], env, scratch.dir)
        tap.ok(got.status == 0 and "three functions" in got.out and
               len(scratch.files()) == 1,
               "many unknown variables and a huge directory: a profile", got)


def check_two_agents():
    """Of two files of the agent the first one profiles."""
    with lib.Scratch() as scratch:
        other = scratch.path("libprofagent.so")
        shutil.copy(lib.AGENT, other)
        argv = [os.path.join(lib.PROGRAMS, "threads")]
        env = scratch.env()
        plain = lib.run(argv, scratch.env(agent=False), scratch.dir)
        for first, second in ((lib.AGENT, other), (other, lib.AGENT)):
            env["LD_PRELOAD"] = first + ":" + second
            got = lib.run(argv, env, scratch.dir)
            tap.ok(got.status == plain.status and got.err == plain.err and
                   lib.without_expectations(got.out) ==
                   lib.without_expectations(plain.out),
                   "two agents: the same output", plain, got)
            files = scratch.files()
            tap.equal(len(files), 1, "two agents: one profile")
            for case in programs.profile_cases("two agents", got.out, scratch):
                tap.ok(*case)
            for f in files:
                os.remove(f)


def main():
    check_no_environment()
    check_hostile()
    check_two_agents()
    check_wrong()
    check_unknown()
    check_help()
    check_output()
    check_clash()
    check_relative()
    check_paused()
    check_children()
    check_unwritable()
    check_idle()
    check_rotation()
    check_age()
    check_log()
    tap.done()


if __name__ == "__main__":
    main()
