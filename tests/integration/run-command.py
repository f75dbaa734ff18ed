#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""profagent run: the program's own end, whatever it is, and a finished
profile; where preloading cannot work it says so and runs the program.
"""

import os
import re
import shutil
import signal
import subprocess

import lib
from lib import tap

P = lib.PROGRAMS
EXITS = os.path.join(P, "exits")


def run(scratch, *args, options=(), **settings):
    env = scratch.env(agent=False, **settings)
    return lib.run([lib.PROFAGENT, "run", *options, "--", *args], env,
                   scratch.dir)


def check_ends():
    for way, status in (("return", 0), ("exit", 3), ("exit", 255),
                        ("_exit", 9), ("quick_exit", 1)):
        with lib.Scratch() as scratch:
            got = run(scratch, EXITS, way, str(status))
            tap.equal(got.status, status, "run: %s %d" % (way, status))
            tap.ok("ending by " + way in got.out, "run: its output", got)
            files = scratch.files()
            tap.ok(len(files) == 1, "run: one profile", files, got)
            tap.ok(files and files[0] in got.err or
                   files and os.path.basename(files[0]) in got.err,
                   "run: says where the profile is", got)


def check_signals():
    for way, sig in (("abort", signal.SIGABRT), ("segv", signal.SIGSEGV),
                     ("term", signal.SIGTERM), ("fpe", signal.SIGFPE)):
        with lib.Scratch() as scratch:
            got = run(scratch, EXITS, way)
            tap.equal(got.status, -sig, "run: ends by " + sig.name)
            tap.ok(len(scratch.files()) == 1,
                   "run: a profile though it died of " + sig.name, got)


def check_passing_on():
    """A signal for us is one for the program."""
    with lib.Scratch() as scratch:
        env = scratch.env(agent=False)
        with subprocess.Popen(
                [lib.PROFAGENT, "run", "--", "/bin/sh", "-c",
                 "trap 'echo got it; exit 12' TERM; echo ready;"
                 " while :; do sleep 0.1; done"],
                env=env, cwd=scratch.dir, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True) as child:
            child.stdout.readline()
            child.terminate()
            out = child.stdout.read()
            tap.ok(child.wait(20) == 12 and "got it" in out,
                   "run: SIGTERM is passed on", out, child.returncode)


def check_wrong():
    with lib.Scratch() as scratch:
        got = run(scratch, "/nonexistent/program")
        tap.ok(got.status == 127 and len(got.err.splitlines()) == 1 and
               "/nonexistent/program" in got.err,
               "run: a missing program", got)
        got = run(scratch, scratch.dir)
        tap.ok(got.status == 126 and len(got.err.splitlines()) == 1,
               "run: a directory is no program", got)
        got = lib.run([lib.PROFAGENT, "run"], scratch.env(agent=False))
        tap.ok(got.status == 2 and got.err, "run: no program named", got)
        got = lib.run([lib.PROFAGENT, "run", "--nonsense", "true"],
                      scratch.env(agent=False))
        tap.ok(got.status == 2 and "--nonsense" in got.err,
               "run: an unknown option", got)
        got = lib.run([lib.PROFAGENT, "nonsense"], scratch.env(agent=False))
        tap.ok(got.status == 2 and "nonsense" in got.err,
               "an unknown command", got)
        got = run(scratch, "/bin/true", RATE="quick")
        tap.ok("PROFAGENT_RATE" in got.err and got.status in (0, 1, 2),
               "run: a bad setting", got)


def check_static():
    with lib.Scratch() as scratch:
        got = run(scratch, os.path.join(P, "static-burn"))
        tap.ok(got.status == 5 and "static program done" in got.out,
               "run: a static program runs", got)
        tap.ok("static" in got.err, "run: says that it is static", got)


def check_setuid():
    if os.getuid() != 0:
        tap.skip("run: a setuid program", "needs root to make one")
        return
    with lib.Scratch() as scratch:
        program = scratch.path("setuid-burn")
        shutil.copy(os.path.join(P, "shares"), program)
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o6755)
        got = run(scratch, program, "200")
        tap.ok(got.status == 0 and "three functions" in got.out,
               "run: a setuid program runs", got)
        tap.ok("setuid" in got.err or "set-user-ID" in got.err,
               "run: says that it is setuid", got)


def check_symbolized():
    """A finished profile needs neither the program nor its libraries."""
    with lib.Scratch() as scratch:
        program = scratch.path("shares")
        shutil.copy(os.path.join(P, "shares"), program)
        run(scratch, program, "700")
        os.remove(program)
        stacks = lib.folded(scratch.files(), scratch)
        tap.ok(lib.share(stacks, "burn_half") > 30,
               "run: names stay when the program is gone", stacks[:5])


def check_stripped_code():
    """objdump knows no function of a stripped program by name; its unwind
    tables say where it begins."""
    if not lib.which("objdump") or not lib.which("objcopy"):
        return tap.skip("annotate --asm", "not installed (binutils)")
    with lib.Scratch() as scratch:
        program, debug = scratch.path("shares"), scratch.path("symbols")
        os.mkdir(debug)
        full = os.path.join(P, "shares")
        shutil.copy(full, program)
        for args in (["--only-keep-debug", full,
                      os.path.join(debug, "shares.debug")],
                     ["--strip-all", program]):
            lib.run(["objcopy", *args], os.environ, scratch.dir)
        run(scratch, program, "700")
        got = lib.profagent("annotate", "--asm", "--symbols", debug,
                            "burn_half", *scratch.files())
        tap.ok(got.status == 0 and len(got.out.splitlines()) > 6 and
               "outside" not in got.out,
               "annotate: code of a function that only a debug file names",
               got)
    return None


def check_parts():
    """A function in two parts, as compilers split the seldom from the rest,
    is shown with both, and no sample is left out."""
    if not lib.which("objdump") or not lib.which("nm"):
        return tap.skip("annotate --asm: parts", "not installed (binutils)")
    with lib.Scratch() as scratch:
        program = os.path.join(P, "parted")
        symbols = lib.run(["nm", program], os.environ, scratch.dir).out
        if "both_parts.cold" not in symbols:
            return tap.skip("annotate --asm: parts",
                            "this compiler keeps functions in one piece")
        run(scratch, program, "700")
        got = lib.profagent("annotate", "--asm", "both_parts",
                            *scratch.files())
        lines = got.out.splitlines()
        end = lines[1].index("self %") + len("self %")
        rows = [line for line in lines[2:] if line[:end].strip()]
        parts = [r for r in rows if re.search(r"part [12] of 2:$", r)]
        own = [float(r.split()[0]) for r in rows if r not in parts]
        tap.ok(got.status == 0 and len(parts) == 2 and
               "outside" not in got.out and ".cold" in parts[1],
               "annotate: both parts of a function are shown", got)
        # each is rounded to a digit
        tap.ok(abs(sum(own) - sum(float(r.split()[0]) for r in parts)) <=
               0.05 * (len(own) + 2) + 1e-6,
               "annotate: the parts have what their instructions have",
               parts, own)
        total = lib.share(lib.folded(scratch.files(), scratch), "both_parts")
        tap.ok(sum(own) > 0.75 * total,
               "annotate: all of the function is there", sum(own), total)
    return None


def check_quiet_program():
    with lib.Scratch() as scratch:
        got = run(scratch, "/bin/true")
        tap.ok(got.status == 0 and got.out == "",
               "run: a program without samples", got)


def check_script():
    """A shell that is too quick for a sample leaves no file; the profiles of
    what it starts are the run's all the same. What an earlier run left beside
    them is not."""
    with lib.Scratch() as scratch:
        for _ in range(2):
            got = run(scratch, "/bin/sh", "-c", '"$0" 700; :',
                      os.path.join(P, "shares"))
        lines = got.err.splitlines()
        files = [w[-1] for w in (x.split() for x in lines)
                 if "profile:" in w]
        tap.ok(any("shares" in f for f in files),
               "run: a script that starts a program", got)
        tap.ok("next: profagent report " + " ".join(files) in lines[-1],
               "run: says how to see this run alone", got)


def main():
    check_ends()
    check_signals()
    check_passing_on()
    check_wrong()
    check_static()
    check_setuid()
    check_symbolized()
    check_stripped_code()
    check_parts()
    check_quiet_program()
    check_script()
    tap.done()


if __name__ == "__main__":
    main()
