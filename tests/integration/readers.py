#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Go's pprof reads what the agent writes, at every moment of its life, and
finds the same totals as our own report does.
"""

import json
import os
import subprocess
import time

import lib
from lib import tap

P = lib.PROGRAMS


def compare(name, files, scratch):
    """Both readers on the same bytes."""
    go = lib.go_pprof("-top", "-sample_index=cpu", "-nodecount=20", *files)
    # Only ours sees what a living process has not written yet.
    stacks = lib.folded(files, scratch, "--no-region")
    ours = sum(value for _, value in stacks)
    theirs = lib.go_total_ns(go.out)
    tap.ok(go.status == 0 and theirs is not None,
           name + ": go tool pprof -top opens it", go)
    # It prints three digits.
    tap.ok(theirs is not None and abs(theirs - ours) <= 0.006 * ours,
           name + ": both see the same CPU time",
           "go %s, ours %s" % (theirs, ours))
    return go.out


def raw_samples(files):
    """{stack of location ids: count} of go tool pprof -raw"""
    go = lib.go_pprof("-raw", *files)
    if go.status != 0:
        return None, go
    body = go.out.split("Samples:\n", 1)[1].split("Locations\n", 1)[0]
    lines = [line for line in body.splitlines()[1:] if ":" in line and
             line.strip()[0].isdigit()]
    return [int(line.split(":")[0].split()[0]) for line in lines], go


def check_finished():
    with lib.Scratch() as scratch:
        lib.run([P + "/shares", "1500"], scratch.env(), scratch.dir)
        compare("raw", scratch.files(), scratch)
        counts, go = raw_samples(scratch.files())
        tap.ok(counts and sum(counts) > 50, "raw: go tool pprof -raw opens it",
               go)
        text = lib.go_pprof("-raw", *scratch.files()).out
        tap.ok("PeriodType: cpu nanoseconds" in text and
               "Period: " in text and "samples/count" in text and
               "cpu/nanoseconds" in text, "raw: types and period", text[:400])
        tap.ok("thread:[shares]" in text, "raw: threads are labels",
               text[:1500])


def check_symbolized():
    with lib.Scratch() as scratch:
        lib.run([P + "/shares", "1500"], scratch.env(), scratch.dir)
        before = sum(v for _, v in lib.folded(scratch.files(), scratch))
        done = lib.profagent("symbolize", *scratch.files())
        tap.equal(done.status, 0, "symbolize: done")
        after = sum(v for _, v in lib.folded(scratch.files(), scratch))
        tap.equal(after, before, "symbolize: the totals stay")
        text = compare("symbolized", scratch.files(), scratch)
        tap.ok("burn_half" in text, "symbolized: go shows our names", text)
        with open(scratch.files()[0], "rb") as f:
            data = f.read()
        # One member alone: what readers of the first member need.
        tap.ok(subprocess.run(["gzip", "-t"], input=data,
                              check=False).returncode == 0,
               "symbolized: a whole gzip file")
        again = lib.profagent("symbolize", *scratch.files())
        tap.ok(again.status == 0 and
               sum(v for _, v in lib.folded(scratch.files(), scratch)) ==
               before, "symbolize: twice does no harm", again)


def check_growing():
    with lib.Scratch() as scratch:
        with subprocess.Popen([P + "/shares", "4000"], env=scratch.env(),
                              cwd=scratch.dir,
                              stdout=subprocess.DEVNULL) as child:
            lib.wait_for(scratch.files)
            for _ in range(3):
                with open(scratch.files()[0], "rb") as f:
                    copy = scratch.path("copy.pb.gz")
                    with open(copy, "wb") as g:
                        g.write(f.read())
                compare("growing", [copy], scratch)
                time.sleep(0.7)
            tap.equal(child.wait(), 0, "growing: the program ended well")


def check_rotated():
    with lib.Scratch() as scratch:
        lib.run([P + "/recursion", "250", "4000"],
                scratch.env(MAX_SIZE="64K", FLUSH="10ms"), scratch.dir)
        files = scratch.files()
        tap.ok(len(files) >= 2, "rotated: there are several files", files)
        for f in files:
            compare("rotated", [f], scratch)


def check_merged():
    """A process tree: both merge its files."""
    with lib.Scratch() as scratch:
        lib.run([P + "/fork-tree"], scratch.env(), scratch.dir)
        compare("tree", scratch.files(), scratch)
        ours = sum(v for _, v in lib.folded([scratch.profiles], scratch))
        each = sum(v for f in scratch.files()
                   for _, v in lib.folded([f], scratch))
        tap.equal(ours, each, "tree: a directory is all its files")


def speedscope_directory():
    """Where npm unpacked the package, or None and the reason."""
    where = os.path.join(lib.BUILD, "tests", "npm")
    package = os.path.join(where, "node_modules", "speedscope")
    if os.path.isdir(package):
        return package, ""
    if not lib.which("npm") or not lib.which("node"):
        return None, "npm is not installed"
    os.makedirs(where, exist_ok=True)
    done = lib.run(["npm", "install", "--no-audit", "--no-fund", "--prefix",
                    where, "speedscope"], timeout=60)
    if done.status or not os.path.isdir(package):
        return None, "npm cannot fetch the package"
    return package, ""


def check_speedscope():
    """It reads the first member alone: finished files have one."""
    package, reason = speedscope_directory()
    if not package:
        tap.skip("speedscope", reason)
        return
    with lib.Scratch() as scratch:
        lib.run([lib.PROFAGENT, "run", P + "/shares", "1500"],
                scratch.env(agent=False), scratch.dir)
        opened = lib.run(["node", os.path.join(lib.SRC, "tests", "integration",
                                               "speedscope.cjs"),
                          package, *scratch.files()])
        if opened.status == 77:
            tap.skip("speedscope", opened.err.strip())
            return
        if not tap.equal(opened.status, 0, "speedscope: opens it"):
            tap.note(opened)
            return
        seen = json.loads(opened.out)
        ours = sum(v for _, v in lib.folded(scratch.files(), scratch))
        tap.ok(seen["unit"] == "nanoseconds" and
               abs(seen["total"] - ours) <= 1e-6 * ours,
               "speedscope: the same CPU time", opened.out[:300], ours)
        tap.ok("burn_half" in seen["names"] and "main" in seen["names"],
               "speedscope: our names", opened.out[:300])


def main():
    check_speedscope()
    if not lib.which("go"):
        tap.skip("go tool pprof", "go is not installed (golang-go)")
        tap.done()
    check_finished()
    check_symbolized()
    check_growing()
    check_rotated()
    check_merged()
    tap.done()


if __name__ == "__main__":
    main()
