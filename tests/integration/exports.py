#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What profagent export writes, opened by the tools that it is for: the same
total and the same names must come out. Without the tool the case is skipped;
for the Firefox profiler's format the rules of its tables are checked here."""

import json
import os
import re
import shutil

import lib
import readers
from lib import tap

FORMATS = ("pb.gz", "speedscope.json", "firefox.json", "json", "folded",
           "callgrind", "otlp", "perf")


def export(scratch, files, extension):
    path = scratch.path("out." + extension)
    done = lib.profagent("export", *files, "-o", path)
    tap.ok(done.status == 0 and os.path.getsize(path) > 0,
           "%s: written" % extension, done)
    return path


def total_of(stacks):
    return sum(value for _, value in stacks)


def close_to(a, b):
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1)


def check_folded(path, ours):
    stacks = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            stack, value = line.rstrip("\n").rsplit(" ", 1)
            stacks.append((stack.split(";"), int(value)))
    tap.equal(total_of(stacks), total_of(ours), "folded: the same total")
    tap.equal(sorted(stacks), sorted(ours), "folded: as report --folded")


def check_pprof(path, total):
    if not lib.which("go"):
        tap.skip("pprof", "go is not installed (golang-go)")
        return
    done = lib.go_pprof("-raw", path)
    values = [int(m) for m in re.findall(r"^ +\d+ +(\d+):", done.out, re.M)]
    tap.ok(done.status == 0 and close_to(sum(values), total),
           "pprof: go sees the same total", sum(values), total, done.err)
    tap.ok("burn_half" in done.out, "pprof: go sees our names")


def check_speedscope(paths, total):
    """Its own format, and two more that its importer knows."""
    package, reason = readers.speedscope_directory()
    for path in paths:
        name = "speedscope opens " + os.path.basename(path)
        if not package:
            tap.skip(name, reason)
            continue
        done = lib.run(["node", os.path.join(lib.SRC, "tests", "integration",
                                             "speedscope.cjs"), package, path])
        if done.status == 77:
            tap.skip(name, done.err.strip())
            continue
        if not tap.equal(done.status, 0, name):
            tap.note(done)
            continue
        seen = json.loads(done.out)
        tap.ok("burn_half" in seen["names"], name + ": our names",
               done.out[:500])
        if not path.endswith(".perf"):
            # It weighs the stacks of perf by its own rules.
            tap.ok(0 < seen["total"] <= total * (1 + 1e-6),
                   name + ": a total that can be", seen["total"], total)


def check_callgrind(path, total):
    if not shutil.which("callgrind_annotate"):
        tap.skip("callgrind", "callgrind_annotate is not installed (valgrind)")
        return
    done = lib.run(["callgrind_annotate", "--inclusive=yes", path])
    found = re.search(r"^ *([\d,]+) \(100.0%\)  PROGRAM TOTALS", done.out,
                      re.M)
    seen = int(found.group(1).replace(",", "")) if found else -1
    tap.ok(done.status == 0 and seen == total,
           "callgrind: callgrind_annotate sees the same total", done, total)
    main = re.search(r"^ *([\d,]+) .*:main \[", done.out, re.M)
    tap.ok(main and int(main.group(1).replace(",", "")) <= total,
           "callgrind: main is inclusive, and no more than all", done.out)


# --- Firefox -----------------------------------------------------------------

TABLES = {
    "samples": ("stack", "time", "weight", "threadCPUDelta"),
    "stackTable": ("frame", "prefix", "category", "subcategory"),
    "frameTable": ("address", "inlineDepth", "category", "subcategory",
                   "func", "nativeSymbol", "innerWindowID", "implementation",
                   "line", "column"),
    "funcTable": ("isJS", "relevantForJS", "name", "resource", "fileName",
                  "lineNumber", "columnNumber"),
    "resourceTable": ("lib", "name", "host", "type"),
    "nativeSymbols": ("libIndex", "address", "name", "functionSize"),
    "markers": ("data", "name", "startTime", "endTime", "phase", "category"),
}

# Column: the table, or list, that its numbers are rows of.
LINKS = {
    ("samples", "stack"): "stackTable",
    ("stackTable", "frame"): "frameTable",
    ("stackTable", "prefix"): "stackTable",
    ("frameTable", "func"): "funcTable",
    ("funcTable", "name"): "stringArray",
    ("funcTable", "fileName"): "stringArray",
    ("funcTable", "resource"): "resourceTable",
    ("resourceTable", "name"): "stringArray",
    ("resourceTable", "lib"): "libs",
}


def firefox_rows(profile, thread, table):
    if table == "libs":
        return len(profile["libs"])
    if table == "stringArray":
        return len(thread["stringArray"])
    return thread[table]["length"]


def firefox_mistakes(profile):
    for thread in profile["threads"]:
        for table, columns in TABLES.items():
            for column in columns:
                if len(thread[table][column]) != thread[table]["length"]:
                    yield "%s.%s has another length" % (table, column)
        for (table, column), target in LINKS.items():
            rows = firefox_rows(profile, thread, target)
            for value in thread[table][column]:
                if value is not None and not -1 <= value < rows:
                    yield "%s.%s: %r of %d" % (table, column, value, rows)
        for row, prefix in enumerate(thread["stackTable"]["prefix"]):
            if prefix is not None and prefix >= row:
                yield "stackTable: prefix %d of %d" % (prefix, row)
        times = thread["samples"]["time"]
        if times != sorted(times):
            yield "samples are not in the order of time"


def check_firefox(path, total):
    with open(path, encoding="utf-8") as f:
        profile = json.load(f)
    mistakes = list(firefox_mistakes(profile))
    tap.ok(not mistakes, "firefox: tables fit together", *mistakes[:10])
    tap.equal(profile["meta"]["preprocessedProfileVersion"], 48,
              "firefox: says its version")
    weights = sum(sum(t["samples"]["weight"]) for t in profile["threads"])
    tap.ok(close_to(weights * 1e6, total), "firefox: the same total",
           weights * 1e6, total)
    names = {t["stringArray"][n] for t in profile["threads"]
             for n in t["funcTable"]["name"]}
    tap.ok({"main", "burn_half"} <= names, "firefox: our names", names)
    delta = sum(sum(t["samples"]["threadCPUDelta"])
                for t in profile["threads"])
    tap.ok(close_to(delta, total), "firefox: the CPU time of each sample",
           delta, total)


# --- JSON --------------------------------------------------------------------

def check_json(path, total):
    with open(path, encoding="utf-8") as f:
        p = json.load(f)
    kind = p["sample_type"]
    tap.equal(p["schema"], "profagent-profile-1", "json: says its schema")
    tap.equal(p["sample_types"][kind], {"type": "cpu", "unit": "nanoseconds"},
              "json: says what its values are")
    tap.equal(sum(s["values"][kind] for s in p["samples"]), total,
              "json: the same total")
    bad = [s for s in p["samples"]
           if any(not 0 <= l < len(p["locations"]) for l in s["stack"])]
    bad += [l for l in p["locations"] for k in l.get("lines", [])
            if not 0 <= k["function"] < len(p["functions"])]
    tap.ok(not bad, "json: all indices are of something", *bad[:5])
    moments = sum(w for s in p["samples"] for _, w in s.get("moments", []))
    tap.ok(0 < moments <= total, "json: samples have their times", moments,
           total)


# --- OpenTelemetry -----------------------------------------------------------
# Protobuf by hand, with the numbers that opentelemetry-proto's profiles.proto
# gives the fields: what is tested does not tell what is right.

def wire_fields(data):
    """{number: [value]} of a message: bytes, or a number."""
    fields, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            if at + size > len(data):
                raise ValueError("a field goes beyond its message")
            value = data[at:at + size]
            at += size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def wire_packed(values, width=0):
    """A repeated number, packed; of `width` bytes, or a varint."""
    data = b"".join(values)
    if width:
        return [int.from_bytes(data[i:i + width], "little")
                for i in range(0, len(data), width)]
    out, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(value)
            value = shift = 0
    return out


def otlp_stacks(dictionary, stacks, strings):
    """Names of a stack of the dictionary, root first."""
    locations = [wire_fields(m) for m in dictionary[2]]
    functions = [wire_fields(m) for m in dictionary[3]]
    named = []
    for stack in stacks:
        names = []
        for at in wire_packed(stack.get(1, [])):
            for line in locations[at].get(3, []):
                function = functions[wire_fields(line)[1][0]]
                names.append(strings[function[1][0]])
        named.append(names[::-1])
    return named


def check_otlp(path, total):
    with open(path, "rb") as f:
        data = wire_fields(f.read())
    dictionary = wire_fields(data[2][0])
    strings = [s.decode() for s in dictionary[5]]
    stacks = [wire_fields(m) for m in dictionary[7]]
    attributes = [wire_fields(m) for m in dictionary[6]]
    tap.ok(strings[0] == "" and all(dictionary[table][0] == b"" for table in
                                    (1, 2, 3, 4, 6, 7)),
           "otlp: index 0 of every table is none")
    resource = wire_fields(data[1][0])
    known = {wire_fields(a)[1][0]: wire_fields(wire_fields(a)[2][0])
             for a in wire_fields(resource[1][0])[1]}
    tap.equal(known[b"service.name"], {1: [b"shares"]}, "otlp: the program")
    scope = wire_fields(resource[2][0])
    tap.equal(wire_fields(scope[1][0])[1], [b"profagent"], "otlp: who made it")
    profiles = {}
    for message in scope[2]:
        profile = wire_fields(message)
        kind = wire_fields(profile[1][0])
        profiles[strings[kind[1][0]], strings[kind[2][0]]] = profile
    profile = profiles["cpu", "nanoseconds"]
    tap.ok(("samples", "count") in profiles, "otlp: a profile a sample type")
    samples = [wire_fields(m) for m in profile[2]]
    tap.equal(sum(sum(wire_packed(s[4])) for s in samples), total,
              "otlp: the same total")
    begun = int.from_bytes(profile[3][0], "little")
    times = [(wire_packed(s.get(5, []), 8), wire_packed(s[4]))
             for s in samples]
    tap.ok(any(t for t, _ in times) and
           all(len(t) in (0, len(v)) for t, v in times) and
           all(begun <= x <= begun + profile[4][0] + 1e9
               for t, _ in times for x in t),
           "otlp: a time for each value", begun, times[:3])
    used = [wire_packed(s.get(2, [])) for s in samples]
    keys = {strings[attributes[a].get(1, [0])[0]] for u in used for a in u}
    tap.equal(keys, {"thread.name", "thread.id"}, "otlp: threads")
    names = otlp_stacks(dictionary, stacks, strings)
    of_half = sum(sum(wire_packed(s[4])) for s in samples
                  if "burn_half" in names[s.get(1, [0])[0]])
    tap.ok(0.35 * total < of_half < 0.65 * total, "otlp: our names",
           of_half, total, names[:5])


# --- the command -------------------------------------------------------------

def check_refusals(files):
    cases = (
        ([], 2, "which profile"),
        (files, 2, "where to"),
        (files + ["-o", "x.unknown"], 2, "says no format"),
        (files + ["-o", "-", "-f", "nothing"], 2, "there is no format"),
        (files + ["-o", "-", "-f", "json", "--type", "nothing"], 2,
         "has no sample type"),
        (["/nonexistent", "-o", "-", "-f", "json"], 1, "/nonexistent"),
        (files + ["-o", "/nonexistent/x.json"], 1, "/nonexistent/x.json"),
        (files + ["-o", "/dev/full", "-f", "json"], 1, "No space"),
    )
    for args, status, words in cases:
        done = lib.profagent("export", *args)
        tap.ok(done.status == status and words in done.err and
               done.err.count("\n") == 1, "refused: " + words, done)


def main():
    with lib.Scratch() as scratch:
        run = lib.run([lib.PROFAGENT, "run", lib.PROGRAMS + "/shares", "1500"],
                      scratch.env(agent=False), scratch.dir)
        files = scratch.files()
        if not tap.ok(run.status == 0 and files, "there is a profile", run):
            tap.done()
        ours = lib.folded(files, scratch)
        total = total_of(ours)
        paths = {e: export(scratch, files, e) for e in FORMATS}
        check_folded(paths["folded"], ours)
        check_pprof(paths["pb.gz"], total)
        check_speedscope([paths["speedscope.json"], paths["folded"],
                          paths["perf"]], total)
        check_callgrind(paths["callgrind"], total)
        check_firefox(paths["firefox.json"], total)
        check_json(paths["json"], total)
        check_otlp(paths["otlp"], total)
        check_refusals(files)
    tap.done()


if __name__ == "__main__":
    main()
