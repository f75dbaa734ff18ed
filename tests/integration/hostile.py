#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Profiles made to hurt: every command ends in time, within bounded memory, and
what it writes is well formed.

usage: hostile.py [--locations N]

With --locations only a profile of so many distinct places is looked at, and
what that takes is measured.
"""

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.dom.minidom
import zlib

import lib
from lib import tap
from pprof import field, varint

CROWD = 1 << 20     # PPROF_READ_CROWD
MEMORY = 2 << 30	# bytes of address space that a command may have
EVIL = "\0\x1b[31m</script><script>alert(1)</script>\r\n\"'&\u202e\x7f\x9b1m"
FORMATS = ("pb.gz", "speedscope.json", "firefox.json", "json", "folded",
           "callgrind", "otlp", "perf")


# --- pprof by hand -----------------------------------------------------------

def head(*names):
    """Types, and the strings 1 to 4 with `names` from 5 on."""
    out = [field(6, s) for s in ("", "samples", "count", "cpu",
                                 "nanoseconds", *names)]
    out += [field(1, field(1, 1) + field(2, 2)),
            field(1, field(1, 3) + field(2, 4))]
    return b"".join(out)


def named(count, first=5):
    """Functions and locations 1 to `count`, of the strings from `first`."""
    out = []
    for i in range(count):
        out.append(field(5, field(1, i + 1) + field(2, first + i)))
        out.append(field(4, field(1, i + 1) + field(3, 4096 + i) +
                         field(4, field(1, i + 1) + field(2, 7))))
    return b"".join(out)


def sample(ids, value=10000000, label=None):
    packed = b"".join(varint(i) for i in ids)
    out = field(1, packed) + field(2, varint(1) + varint(value))
    if label:
        out += field(3, field(1, label[0]) + field(2, label[1]))
    return field(2, out)


def process(pid, run, parent):
    return field(1000, field(1, pid) + field(3, run) + field(4, "loop") +
                 field(14, parent))


def write(scratch, name, data, packed=True):
    path = scratch.path(name)
    with open(path, "wb") as f:
        f.write(gzip.compress(data, 1) if packed else data)
    return path


def command(*args, timeout=120):
    return lib.run(["prlimit", "--as=%d" % MEMORY, lib.PROFAGENT, *args],
                   timeout=timeout)


# --- what is shown -----------------------------------------------------------

def check_views(scratch, name, *files, formats=FORMATS):
    """Every way of looking at it ends well."""
    for args in (["report"], ["report", "--callers"],
                 ["report", "--json", "--tree"], ["report", "--by", "process"]):
        done = command(*args, *files)
        tap.ok(done.status == 0 and done.out, "%s: %s" %
               (name, " ".join(args)), str(done)[:600])
        if "--json" in args and done.status == 0:
            try:
                json.loads(done.out)
            except ValueError as e:
                tap.ok(False, name + ": JSON is well formed", e)
    for ending in formats + ("html", "svg"):
        path = scratch.path("out." + ending)
        verb = "flame" if ending in ("html", "svg") else "export"
        done = command(verb, *files, "-o", path)
        tap.ok(done.status == 0 and os.path.getsize(path) > 0,
               "%s: %s to .%s" % (name, verb, ending), str(done)[:600])


def controls(text):
    """What a terminal obeys, and what moves the text around it."""
    return re.findall("[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e"
                      "\u2066-\u2069]", text)


def check_names(scratch):
    path = write(scratch, "evil.pb.gz", head(EVIL, "main", "key") + named(2) +
                 sample([1, 2], label=(5, 5)))
    check_views(scratch, "evil names", path)
    for args in ([], ["--tree"], ["--folded"], ["--by", "label"],
                 ["--json", "--tree"]):
        done = command("report", *args, path)
        tap.equal(controls(done.out), [], "no control characters: report " +
                  " ".join(args))
    with open(scratch.path("out.html"), encoding="utf-8") as f:
        page = f.read()
    tap.ok("<script>alert" not in page and "\0" not in page and
           "\x1b" not in page, "the page: names are no markup")
    with open(scratch.path("out.svg"), encoding="utf-8") as f:
        drawing = f.read()
    xml.dom.minidom.parseString(drawing)
    tap.ok("<script" not in drawing, "the drawing: names are no markup")
    for ending in ("json", "speedscope.json", "firefox.json"):
        with open(scratch.path("out." + ending), encoding="utf-8") as f:
            json.load(f)
    for ending in ("folded", "callgrind", "perf"):
        with open(scratch.path("out." + ending), encoding="utf-8") as f:
            tap.equal(controls(f.read()), [], ending + ": one line a name")


def check_long_name(scratch):
    path = write(scratch, "long.pb.gz", head("x" * (1 << 20), "main") +
                 named(2) + sample([1, 2]))
    check_views(scratch, "a name of 1 MiB", path)


def check_deep(scratch):
    """60 stacks of 4096 frames that differ at the root, so no tree is shared."""
    names = ["f%d" % i for i in range(200)]
    out = [head(*names), named(len(names))]
    for i in range(60):
        out.append(sample([(k * (i + 1)) % 200 + 1 for k in range(4096)]))
    check_views(scratch, "4096 frames", write(scratch, "deep.pb.gz",
                                              b"".join(out)))


def check_loops(scratch):
    """Processes that are their own parents, ids that mean nothing."""
    one, two = "1" * 16, "2" * 16
    body = head("main") + named(1) + sample([1])
    files = [write(scratch, "a.pb.gz", body + process(1, one, two)),
             write(scratch, "b.pb.gz", body + process(2, two, one)),
             write(scratch, "c.pb.gz", body + process(3, "3" * 16, "3" * 16))]
    check_views(scratch, "parents in a circle", *files, formats=("json",))
    nowhere = sample([1, 9, 2 ** 63]) + field(4, field(1, 9) + field(2, 77) +
                                              field(4, field(1, 78)))
    check_views(scratch, "ids of nothing",
                write(scratch, "ids.pb.gz", body + nowhere),
                formats=("json", "pb.gz"))


# --- size --------------------------------------------------------------------

def check_bomb(scratch):
    """600 MiB of samples in as many KiB."""
    one = sample([1] * 1000)
    chunk = one * ((1 << 20) // len(one))
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    path = scratch.path("bomb.pb.gz")
    with open(path, "wb") as f:
        f.write(pack.compress(head("main") + named(1)))
        for _ in range(600):
            f.write(pack.compress(chunk))
        f.write(pack.flush())
    done = command("report", path)
    tap.ok(done.status == 1 and "expands" in done.err and
           done.err.count("\n") == 1, "a bomb is refused",
           os.path.getsize(path), done)


def write_locations(path, count):
    """Stacks of 128 places of a program, none of which is there twice."""
    lows = [bytes([k | 128]) for k in range(128)]
    with gzip.open(path, "wb", compresslevel=1) as f:
        f.write(head("/nonexistent/program"))
        f.write(field(3, field(1, 1) + field(3, 1 << 40) + field(5, 5)))
        for block in range(1, count // 128 + 1):
            # ids and addresses are numbers of four bytes, whatever they are
            high = bytes([block & 127 | 128, block >> 7 & 127 | 128,
                          block >> 14 & 127])
            f.write(b"".join([b"\x22\x0c\x08" + low + high +
                              b"\x10\x01\x18" + low + high
                              for low in lows]))
            f.write(field(2, field(1, b"".join(low + high for low in lows)) +
                          field(2, varint(1) + varint(10000000))))


def memory_of(*args):
    """Runs a command: its result, and the most it had in memory, in bytes."""
    out = tempfile.TemporaryFile()
    with subprocess.Popen([lib.PROFAGENT, *args], stdout=out,
                          stderr=out) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0)
    text = out.read().decode(errors="replace")
    tap.note("%s: %d MiB, %.1f s" % (" ".join(args), usage.ru_maxrss >> 10,
                                     usage.ru_utime + usage.ru_stime))
    return child.returncode, text, usage.ru_maxrss << 10


def check_locations(scratch, count):
    """As many places as no program has."""
    path = scratch.path("places.pb.gz")
    write_locations(path, count)
    out = scratch.path("places.html")
    for args in (["report", path], ["report", "--tree", path],
                 ["flame", path, "-o", out], ["diff", path, path]):
        status, text, memory = memory_of(*args)
        tap.ok(status == 0, "%d places: %s" % (count, args[0]), text[-600:])
        tap.ok(memory < 1 << 30, "%d places: %s in less than 1 GiB" %
               (count, args[0]), memory)
    if count < CROWD // 2:
        tap.ok(os.path.getsize(out) > 20 * count, "all of them are in the page")


def check_exports(scratch, path, count):
    """What is written row by row is all of it, what has names is not."""
    for ending, is_all in (("pb.gz", True), ("folded", False)):
        out = scratch.path("exported." + ending)
        status, text, memory = memory_of("export", path, "-o", out)
        tap.ok(status == 0 and is_all != ("told apart" in text),
               "export to %s: %s" % (ending, "all" if is_all else "a part"),
               text[-600:])
        tap.ok(memory < 150 * count, "in less than 150 bytes a place", memory)
        os.unlink(out)


def check_memory(scratch):
    """Of more places than can be looked at each costs next to nothing."""
    few, many = CROWD * 5 // 4, CROWD * 5 // 2
    taken = {}
    for count in (few, many):
        path = scratch.path("%d.pb.gz" % count)
        write_locations(path, count)
        for args in ("report", ), ("report", "--tree"):
            status, text, memory = memory_of(*args, path)
            taken[args, count] = memory
            tap.ok(status == 0 and "heaviest are told apart" in text and
                   "[small places]" in text, "%d places: %s" %
                   (count, " ".join(args)), text[-600:])
        if count == many:
            check_exports(scratch, path, count)
        done = command("report", "--json", "--by", "process", path)
        tap.equal(json.loads(done.out)["profile"]["total"],
                  count // 128 * 10000000,
                  "all of the time is there")
        os.unlink(path)
    for args in ("report", ), ("report", "--tree"):
        tap.ok(taken[args, few] < 300 * few, "%s: a place takes less than "
               "300 bytes" % " ".join(args), taken)
        more = taken[args, many] - taken[args, few]
        tap.ok(more < 40 * (many - few), "%s: one more less than 40" %
               " ".join(args), taken)


def check_growing(scratch):
    """A file that is written, a piece at a time, while it is read."""
    member = gzip.compress(head("main") + named(1) + sample([1]), 1)
    more = gzip.compress(sample([1]) * 50, 1)
    path = scratch.path("growing.pb.gz")
    stop = threading.Event()

    def grow():
        with open(path, "ab", buffering=0) as f:
            while not stop.is_set():
                for i in range(0, len(more), 7):
                    f.write(more[i:i + 7])
                time.sleep(0.001)

    with open(path, "wb") as f:
        f.write(member)
    writer = threading.Thread(target=grow)
    writer.start()
    values, bad = [], []
    for _ in range(10):
        done = command("report", "--folded", path)
        if done.status != 0:
            bad.append(str(done))
            continue
        values.append(int(done.out.split()[-1]))
    stop.set()
    writer.join()
    tap.ok(not bad, "a growing file is read each time", *bad[:2])
    tap.ok(values == sorted(values) and values and values[-1] > values[0],
           "and more of it each time", values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--locations", type=int)
    locations = parser.parse_args().locations
    sys.setrecursionlimit(30000)	# JSON of stacks is as deep as they are
    with lib.Scratch() as scratch:
        check_locations(scratch, locations or 100000)
        if locations:
            tap.done()
        check_names(scratch)
        check_long_name(scratch)
        check_deep(scratch)
        check_loops(scratch)
        check_bomb(scratch)
        check_memory(scratch)
        check_growing(scratch)
    tap.done()


if __name__ == "__main__":
    main()
