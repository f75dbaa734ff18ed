#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Files that are torn, empty, foreign or hostile: one clear line, a defined
exit status, what can be read is read, and never a crash.
"""

import gzip
import json
import os
import random
import re

import lib
from lib import tap

COMMANDS = (["report"], ["report", "--json"], ["report", "--tree"],
            ["report", "--folded"])


def good_profile(scratch):
    lib.run([os.path.join(lib.PROGRAMS, "threads"), "2500"], scratch.env(),
            scratch.dir)
    with open(scratch.files()[0], "rb") as f:
        return f.read()


def write(scratch, data):
    path = scratch.path("input.pb.gz")
    with open(path, "wb") as f:
        f.write(data)
    return path


def survived(done):
    return done.status in (0, 1, 2)


def check_refused(scratch, name, data):
    path = write(scratch, data)
    for command in COMMANDS:
        done = lib.profagent(*command, path)
        tap.ok(done.status == 1 and len(done.err.splitlines()) == 1 and
               path in done.err, "%s: %s: one line" % (
                   " ".join(command), name), done)


def check_torn(scratch, good):
    """Every prefix is read as far as it goes."""
    whole = sum(v for _, v in lib.folded([write(scratch, good)], scratch))
    last, broken, less = 0, [], []
    for percent in (99, 95, 80, 60, 40, 20):
        path = write(scratch, good[:len(good) * percent // 100])
        done = lib.profagent("report", "--folded", path)
        value = sum(int(line.rsplit(" ", 1)[1])
                    for line in done.out.splitlines() if " " in line)
        if not survived(done) or done.status == 0 and not done.err:
            broken.append((percent, str(done)))
        if percent >= 80 and value == 0:
            less.append(percent)
        last = max(last, value)
    tap.ok(not broken, "torn: every prefix is read or refused, and said so",
           *broken)
    tap.ok(not less and 0 < last <= whole,
           "torn: what is whole is shown", less, last, whole)


def check_torn_finished(scratch, good):
    """Of one that was compressed as a whole, each prefix is read, or said to be
    torn: not to be something else."""
    path = write(scratch, good)
    whole = scratch.path("whole.pb.gz")
    lib.profagent("symbolize", path, "-o", whole)
    with open(whole, "rb") as f:
        data = f.read()
    wrong = []
    for percent in range(1, 100, 7):
        done = lib.profagent("report", write(
            scratch, data[:len(data) * percent // 100]))
        if done.status not in (0, 1) or done.status == 1 and (
                "torn" not in done.err or done.err.count("\n") != 1):
            wrong.append((percent, str(done)))
    tap.ok(not wrong, "torn: a prefix of a finished profile is called that",
           *wrong[:2])


def check_flipped(scratch, good):
    """Bytes changed at random, inside and outside the compression."""
    rand = random.Random(1)
    raw = gzip.decompress(good)
    crashed = []
    for i in range(120):
        data = bytearray(good if i % 2 else raw)
        for _ in range(rand.choice((1, 3, 30))):
            data[rand.randrange(len(data))] = rand.randrange(256)
        data = bytes(data) if i % 2 else gzip.compress(bytes(data), 1)
        done = lib.profagent(*COMMANDS[i % len(COMMANDS)],
                             write(scratch, data), timeout=20)
        if not survived(done):
            crashed.append((i, str(done)))
    tap.ok(not crashed, "flipped bytes: no crash in 120 files", *crashed[:2])


def check_usage(scratch):
    done = lib.profagent("report")
    tap.ok(done.status == 2, "report: no file named", done)
    done = lib.profagent("report", "--nonsense", "x")
    tap.ok(done.status == 2 and "--nonsense" in done.err,
           "report: an unknown option", done)
    done = lib.profagent("report", "--by", "colour", "x")
    tap.ok(done.status == 2 and "colour" in done.err and
           "thread" in done.err, "report: a wrong --by", done)
    done = lib.profagent("report", "--filter", "(", "x")
    tap.ok(done.status == 2 and len(done.err.splitlines()) == 1,
           "report: a wrong regular expression", done)
    done = lib.profagent("report", scratch.path("nothing"))
    tap.ok(done.status == 1 and len(done.err.splitlines()) == 1,
           "report: a missing file", done)
    os.mkdir(scratch.path("empty-directory"))
    done = lib.profagent("report", scratch.path("empty-directory"))
    tap.ok(done.status == 1 and len(done.err.splitlines()) == 1,
           "report: a directory without profiles", done)


# What takes a number: command, option, and a word of what is valid.
NUMBERS = (
    (["report", "FILE"], "--limit", "0 for all"),
    (["report", "FILE"], "--min-percent", "0 to 100"),
    (["report", "FILE"], "--pid", "whole number"),
    (["report", "FILE"], "--from", "seconds"),
    (["report", "FILE", "--timeline"], "--interval", "500ms"),
    (["annotate", "work", "FILE"], "--context", "lines"),
    (["diff", "FILE", "FILE"], "--limit", "0 for all"),
    (["diff", "FILE", "FILE"], "--fail-over", "per cent"),
    (["flame", "FILE", "-o", "x.svg"], "--width", "200 to 20000"),
    (["query", "1"], "--max", "0 for all"),
    (["record", "1"], "--count", "samples"),
    (["record", "1"], "--duration", "500ms"),
    (["record", "1"], "--interval", "99Hz"),
    (["view", "FILE"], "--duration", "500ms"),
    (["serve"], "--spool", "1 to 65536"),
    (["serve"], "--push-interval", "1 to 3600"),
)
NO_NUMBERS = ("", "nan", "inf", "-1", "5x", "0x10", "1e400",
              "99999999999999999999999")


def check_numbers(scratch, good):
    """One line that names the option and what is valid, and status 2."""
    path = write(scratch, good)
    for words, option, valid in NUMBERS:
        wrong = []
        for number in NO_NUMBERS:
            done = lib.profagent(
                *[path if w == "FILE" else w for w in words],
                "%s=%s" % (option, number))
            if "built without" in done.err:
                break
            if done.status != 2 or done.out or option not in done.err or \
                    valid not in done.err or done.err.count("\n") != 1:
                wrong.append("%r: %s" % (number, done))
        tap.ok(not wrong, "%s %s: numbers that are none" % (
            words[0], option), *wrong[:3])


def check_pieces(scratch, good):
    """A timeline of too many pieces is refused, one of many is all there."""
    path = write(scratch, good)
    done = lib.profagent("report", "--timeline", "--interval", "1ns", path)
    tap.ok(done.status == 2 and done.err.count("\n") == 1 and
           "10000" in done.err, "timeline: too many pieces", done)
    sums = []
    for interval in ("1ms", "100ms", "10s"):
        done = lib.profagent("report", "--timeline", "--json", "--interval",
                             interval, path)
        pieces = json.loads(done.out)["timeline"] if done.status == 0 else []
        sums.append((sum(p["total_ns"] for p in pieces),
                     sum(p["samples"] for p in pieces)))
    tap.ok(len(set(sums)) == 1 and sums[0][1] > 0,
           "timeline: the sum does not depend on the pieces", sums, done)


def check_help():
    """Each command explains itself, refuses what it does not know, and has
    a manual page."""
    done = lib.profagent("--help")
    names = [n for n in re.findall(r"^  ([a-z]+) ", done.out, re.M)
             if n != "profagent"]
    tap.ok(done.status == 0 and len(names) > 20, "the list of commands",
           done)
    for name in names:
        done = lib.profagent(name, "--help")
        said = done.out or done.err
        if "built without" in said:
            tap.skip("%s --help" % name, said.strip())
        else:
            tap.ok(done.status == 0 and "Usage:" in done.out and
                   re.search(r"profagent-[a-z]+\(1\)", done.out),
                   "%s --help" % name, done)
        wrong = lib.profagent(name, "--no-such-option")
        tap.ok(wrong.status == 2 and wrong.err.count("\n") == 1,
               "%s: an unknown option" % name, wrong)
        page = os.path.join(lib.SRC, "tools", "profagent-%s.1" % name)
        tap.ok(os.path.exists(page), "%s: a manual page" % name)


def check_others_survive(scratch, good):
    """One bad file of several does not take the good ones with it."""
    bad = write(scratch, b"\0" * 1000)
    whole = sum(v for _, v in lib.folded(scratch.files(), scratch))
    done = lib.profagent("report", "--folded", bad, *scratch.files())
    value = sum(int(line.rsplit(" ", 1)[1])
                for line in done.out.splitlines())
    tap.ok(survived(done) and bad in done.err and value in (0, whole),
           "report: a bad file among good ones is named", done.err)


def main():
    with lib.Scratch() as scratch:
        good = good_profile(scratch)
        check_refused(scratch, "empty", b"")
        check_refused(scratch, "text", b"#!/bin/sh\necho hello\n" * 40)
        check_refused(scratch, "gzip of text", gzip.compress(b"hello " * 99))
        check_refused(scratch, "zeroes", b"\0" * 4096)
        check_refused(scratch, "noise", random.Random(2).randbytes(4096))
        check_torn(scratch, good)
        check_torn_finished(scratch, good)
        check_flipped(scratch, good)
        check_usage(scratch)
        check_numbers(scratch, good)
        check_pieces(scratch, good)
        check_help()
        check_others_survive(scratch, good)
    tap.done()


if __name__ == "__main__":
    main()
