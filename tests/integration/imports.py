#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Profiles of other tools, made by those tools: perf, gperftools, Go's
runtime/pprof, FlameGraph's format. The program's known shares must be seen."""

import glob
import os

import lib
from lib import tap

BURN = os.path.join(lib.PROGRAMS, "shares")

GO = """package main

import (
	"context"
	"os"
	"runtime/pprof"
	"time"
)

var sink int

//go:noinline
func burnHere(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for i := 0; i < 10000; i++ {
			sink += i
		}
	}
}

func main() {
	f, _ := os.Create(os.Args[1])
	pprof.StartCPUProfile(f)
	pprof.Do(context.Background(), pprof.Labels("request", "first"),
		func(context.Context) { burnHere(700 * time.Millisecond) })
	burnHere(300 * time.Millisecond)
	pprof.StopCPUProfile()
	f.Close()
	kept := make([][]byte, 0)
	for i := 0; i < 100; i++ {
		kept = append(kept, make([]byte, 1<<20))
	}
	h, _ := os.Create(os.Args[2])
	pprof.Lookup("heap").WriteTo(h, 0)
	h.Close()
	sink += len(kept)
}
"""


def check_shares(name, files):
    stacks = lib.folded(files)
    for function, percent in (("burn_half", 50), ("burn_third", 30),
                              ("burn_fifth", 20)):
        seen = lib.share(stacks, function)
        tap.ok(abs(seen - percent) <= 15, "%s: %s is about %d %%" %
               (name, function, percent), seen, stacks[:5])


def check_commands(name, path, scratch):
    """Not report alone takes it."""
    out = scratch.path("out.html")
    done = lib.profagent("flame", path, "-o", out)
    tap.ok(done.status == 0 and os.path.getsize(out) > 10000,
           name + ": flame draws it", done)
    done = lib.profagent("diff", path, path)
    tap.equal(done.status, 0, name + ": diff compares it")
    out = scratch.path("out.pb.gz")
    done = lib.profagent("export", path, "-o", out)
    tap.equal(done.status, 0, name + ": export writes it")
    tap.equal(sorted(lib.folded([out])), sorted(lib.folded([path])),
              name + ": and the copy is the same")


def check_perf(scratch):
    perf = lib.which("perf")
    if not perf:
        tap.skip("perf script", "perf is not installed (linux-perf)")
        return
    data = scratch.path("perf.data")
    done = lib.run([perf, "record", "-q", "-e", "cpu-clock:u", "-g", "-F",
                    "500", "-o", data, BURN, "1000"])
    if done.status != 0:
        tap.skip("perf script", "perf may not record here: " +
                 (done.err.strip().splitlines() or ["?"])[0])
        return
    done = lib.run([perf, "script", "-i", data])
    text = scratch.path("perf.txt")
    with open(text, "w", encoding="utf-8") as f:
        f.write(done.out)
    check_shares("perf script", [text])
    check_commands("perf script", text, scratch)
    report = lib.report([], [text])
    tap.ok("shares" in report.splitlines()[0] and "cpu:" in report,
           "perf script: the program, and CPU time", report[:300])
    plain = lib.run([perf, "script", "-i", data, "-F", "comm,tid,ip,sym"])
    with open(text, "w", encoding="utf-8") as f:
        f.write(plain.out)
    check_shares("perf script -F comm,tid,ip,sym", [text])
    done = lib.profagent("report", data)
    tap.ok(done.status == 1 and "perf script -i" in done.err,
           "perf.data: says how", done)
    done = lib.run([lib.PROFAGENT, "report", "--no-pager", "-"],
                   stdin=plain.out)
    tap.ok(done.status == 0 and "burn_half" in done.out,
           "perf script: from a pipe", done)


def check_gperftools(scratch):
    found = glob.glob("/usr/lib/*/libprofiler.so.0")
    if not found:
        tap.skip("gperftools", "libprofiler is not installed "
                 "(libgoogle-perftools4)")
        return
    path = scratch.path("gperftools.prof")
    lib.run([BURN, "1500"], env=dict(os.environ, CPUPROFILE=path,
                                     LD_PRELOAD=found[0]))
    check_shares("gperftools", [path])
    check_commands("gperftools", path, scratch)


def check_go(scratch):
    if not lib.which("go"):
        tap.skip("Go", "go is not installed (golang-go)")
        return
    source = scratch.path("made.go")
    with open(source, "w", encoding="ascii") as f:
        f.write(GO)
    program, cpu, heap = (scratch.path(n) for n in ("made", "cpu", "heap"))
    env = dict(os.environ, HOME=scratch.path("home"), GOFLAGS="-mod=mod",
               GOTOOLCHAIN="local")
    done = lib.run([lib.which("go"), "build", "-o", program, source],
                   env=env, timeout=300)
    if not tap.equal(done.status, 0, "Go: the program is built"):
        tap.note(done)
        return
    lib.run([program, cpu, heap])
    tap.ok(lib.share(lib.folded([cpu]), "main.burnHere") > 80,
           "Go: names that came with the file", lib.folded([cpu]))
    labels = lib.report(["--by", "label:request"], [cpu])
    tap.ok("first" in labels and "[no label]" in labels,
           "Go: its labels", labels)
    labels = lib.report(["--by", "label"], [cpu])
    tap.ok("request=first" in labels, "Go: labels by themselves", labels)
    stacks = lib.folded([cpu], None, "--label", "request=first")
    tap.ok(lib.share(stacks, "main.main.func1") > 99,
           "Go: --label KEY=VALUE", stacks)
    tap.ok(stacks == lib.folded([cpu], None, "--label", "request") and
           not lib.folded([cpu], None, "--label", "request=other"),
           "Go: --label KEY, and a value that is not there", stacks)
    report = lib.report([], [heap])
    tap.ok("inuse_space" in report and "main.main" in report,
           "Go: a heap profile, by its own type", report[:500])
    report = lib.report(["--type", "alloc_objects"], [heap])
    tap.ok("alloc_objects" in report, "Go: another type", report[:500])
    check_commands("Go", cpu, scratch)


def check_folded(scratch):
    path = scratch.path("stacks.folded")
    with open(path, "w", encoding="ascii") as f:
        f.write("main;a;b 30\nmain;c 70\n")
    tap.equal(sorted(lib.folded([path])), [(["main", "a", "b"], 30),
                                           (["main", "c"], 70)],
              "folded: the same stacks")
    check_commands("folded", path, scratch)
    out = scratch.path("out.perf")
    lib.profagent("export", path, "-o", out)
    tap.equal(sorted(lib.folded([out])), sorted(lib.folded([path])),
              "folded: by way of perf's text")


def main():
    with lib.Scratch() as scratch:
        check_folded(scratch)
        check_perf(scratch)
        check_gperftools(scratch)
        check_go(scratch)
    tap.done()


if __name__ == "__main__":
    main()
