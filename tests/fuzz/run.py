#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Builds the fuzz targets with clang's libFuzzer and runs each for a while.

The build is one of its own, BUILD/fuzz, with AddressSanitizer and UBSan. What
is found beyond the corpus of the tree stays below BUILD/fuzz; --merge adds to
the tree what covers more than it does. Leaks and more than 1 GiB are failures
like crashes; the input of each is kept and named.

usage: run.py SOURCE BUILD [--seconds N] [--only REGEX] [--merge]
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

import objects

SANITIZE = "-fsanitize=fuzzer-no-link,address,undefined"
INPUT_MAX = 65536
COMMITTED_MAX = 4096


def clang():
    for name in ("clang", "clang-19", "clang-16", "clang-15", "clang-14"):
        if shutil.which(name):
            return name
    sys.exit("make fuzz needs clang with libFuzzer: apt-get install clang")


def build(source, directory):
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(os.path.join(directory, "config.status")):
        subprocess.run(
            [os.path.join(source, "configure"), "-q", "CC=" + clang(),
             "CFLAGS=-g -O1 -fno-omit-frame-pointer " + SANITIZE +
             " -fno-sanitize-recover=all"], cwd=directory, check=True)
    subprocess.run(["make", "-s", "-j%d" % os.cpu_count(),
                    "FUZZ_LDFLAGS=-fsanitize=fuzzer", "fuzz-build"],
                   cwd=directory, check=True)


class Target:
    def __init__(self, args, name):
        self.args, self.name = args, name
        short = name.replace("fuzz-", "corpus-")
        self.committed = os.path.join(args.source, "tests", "fuzz", short)
        self.found = os.path.join(args.build, "fuzz", short)
        self.program = os.path.join(args.build, "fuzz", "tests", "fuzz", name)
        os.makedirs(self.found, exist_ok=True)
        os.makedirs(self.committed, exist_ok=True)

    def run(self):
        """A line of the table, and whether it held."""
        if self.name == "fuzz-objects":
            objects.make(self.found)
        prefix = os.path.join(self.args.build, "fuzz", self.name + ".")
        log = prefix + "log"
        with open(log, "wb") as out:
            done = subprocess.run(
                [self.program, "-max_total_time=%d" % self.args.seconds,
                 "-rss_limit_mb=1024", "-timeout=25", "-detect_leaks=1",
                 "-max_len=%d" % INPUT_MAX, "-print_final_stats=1",
                 "-artifact_prefix=" + prefix, self.found, self.committed],
                stdout=out, stderr=subprocess.STDOUT, check=False,
                stdin=subprocess.DEVNULL,
                env=dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1"))
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        return self.describe(text, done.returncode, log)

    def describe(self, text, status, log):
        def last(pattern):
            found = re.findall(pattern, text)
            return found[-1] if found else "?"
        line = "%-20s %10s runs %6s/s  %6s edges  %5s MiB  " % (
            self.name, last(r"number_of_executed_units:\s*(\d+)"),
            last(r"average_exec_per_sec:\s*(\d+)"), last(r" cov: (\d+)"),
            last(r"peak_rss_mb:\s*(\d+)"))
        if status == 0:
            return line + "held", True
        what = last(r"SUMMARY: (.*)")
        where = last(r"Test unit written to (\S+)")
        return line + "FAILED: %s; input %s; log %s" % (what, where,
                                                        log), False

    def merge(self):
        """Into the tree: small inputs that reach what it does not."""
        small = os.path.join(self.args.build, "fuzz", "small")
        shutil.rmtree(small, ignore_errors=True)
        os.mkdir(small)
        for path in glob.glob(self.found + "/*"):
            if os.path.getsize(path) <= COMMITTED_MAX:
                shutil.copy(path, small)
        subprocess.run([self.program, "-merge=1", self.committed, small],
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("build")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="")
    parser.add_argument("--merge", action="store_true")
    args = parser.parse_args()
    args.source = os.path.abspath(args.source)
    args.build = os.path.abspath(args.build)
    names = sorted(os.path.basename(path)[:-2] for path in
                   glob.glob(os.path.join(args.source, "tests", "fuzz",
                                          "fuzz-*.c")))
    names = [n for n in names if re.search(args.only, n)]
    build(args.source, os.path.join(args.build, "fuzz"))
    held = True
    for name in names:
        target = Target(args, name)
        if args.merge:
            target.merge()
            continue
        line, good = target.run()
        held = held and good
        print(line, flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
