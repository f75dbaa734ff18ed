#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""profagent diff: profiles of programs whose shares are known."""

import json
import os
import re
import subprocess

import lib
from lib import tap


def record(scratch, name, program, *args):
    """Starts a run with the agent; [process, its profile]."""
    path = scratch.path(name + ".pb.gz")
    child = subprocess.Popen(
        [os.path.join(lib.PROGRAMS, program), *args],
        env=scratch.env(OUTPUT=path), stdout=subprocess.PIPE, text=True)
    return child, path


def finish(*runs):
    """Their profiles, once they all have ended."""
    for child, _ in runs:
        out, _ = child.communicate(timeout=300)
        tap.ok(child.returncode == 0, "recorded %s" % child.args[0], out)
    return [path for _, path in runs]


def diff_json(*args):
    done = lib.profagent("diff", "--json", *args)
    if not tap.ok(done.status == 0, "diff --json", done):
        return {"rows": []}, {}
    got = json.loads(done.out)
    return got, {row["name"]: row for row in got["rows"]}


def shares_said(paths):
    """What report says of a function: the difference is between the same."""
    rows = lib.report_json(["--by", "function"], paths).get("rows", [])
    return {row["name"]: row for row in rows}


def check_same(same, again):
    """One pair in twenty may show a mark by chance, which test-diff counts;
    here nothing may be that certain but once in a thousand."""
    got, _ = diff_json("--total", same, again)
    tap.ok(got["rows"] and got["tested"] > 0 and
           all(row["p_adjusted"] > 0.001 for row in got["rows"]),
           "two runs of the same: no change",
           [row for row in got["rows"] if row["p_adjusted"] <= 0.001])
    done = lib.profagent("diff", "--total", same, again, "--fail-over", "0%")
    tap.equal(done.status, 3 if got["significant"] else 0,
              "two runs of the same: the status is that of the marks")
    got, _ = diff_json("--total", same, same)
    tap.ok(all(row["change"] == 0 for row in got["rows"]),
           "a profile and itself: every change is 0", got)


def check_changed(before, after):
    """shares has burn_half, _third, _fifth; threads has none of them."""
    got, rows = diff_json("--total", before, after)
    old, new = shares_said([before]), shares_said([after])
    for name in ("burn_half", "burn_third", "burn_self", "main"):
        row = rows.get(name)
        if not tap.ok(row, "%s is a row" % name, sorted(rows)):
            continue
        expected = [side[name]["total_percent"] if name in side else 0
                    for side in (old, new)]
        tap.ok(abs(row["before_percent"] - expected[0]) < 0.01 and
               abs(row["after_percent"] - expected[1]) < 0.01,
               "%s: shares as report has them" % name, row, expected)
        tap.ok(row["change_low"] <= row["change"] <= row["change_high"],
               "%s: the change lies in its interval" % name, row)
    for name in ("burn_half", "burn_self"):
        tap.ok(rows.get(name, {}).get("significant"),
               "%s changed significantly" % name, rows.get(name))
    changes = [abs(row["change"]) for row in got["rows"]]
    tap.equal(changes, sorted(changes, reverse=True), "sorted by change")
    growth, _ = diff_json("--total", "--sort", "growth", before, after)
    values = [row["change"] for row in growth["rows"]]
    tap.equal(values, sorted(values, reverse=True), "sorted by growth")


def check_status(before, after):
    cases = [
        (["--fail-over", "5%"], 3),
        (["--fail-over=5"], 3),
        (["--fail-over", "100.5%"], 0),
        (["--fail-over", "+5%", "--filter", "^burn_half$"], 0),
        (["--fail-over", "+5%", "--filter", "^burn_self$"], 3),
        (["--fail-over", "5%", "--filter", "^burn_half$"], 3),
        (["--fail-over", "5%", "--limit", "1", "--json"], 3),
        ([], 0),
    ]
    for args, status in cases:
        done = lib.profagent("diff", "--total", before, after, *args)
        tap.ok(done.status == status and done.err == "",
               "status %d: %s" % (status, " ".join(args)), done)


def check_text(before, after):
    done = lib.profagent("diff", "--total", before, after, "--limit", "3")
    lines = done.out.splitlines()
    rows = [line for line in lines
            if re.match(r"^\*? +\d+\.\d\d +\d+\.\d\d +[+-]", line)]
    tap.equal(len(rows), 3, "three rows")
    tap.ok(all(row.startswith("*") and "±" in row for row in rows),
           "the largest changes are marked and have error bars", done.out)
    tap.ok("--limit 0" in lines[-1], "what was cut off is said", done.out)
    tap.ok("\033" not in done.out, "no colours but on a terminal")


def check_sets(before, after):
    """Runs as one list each; the words may be given either way."""
    lists = ["--before", *before, "--after", *after]
    each = ["--before=" + path for path in before]
    each += ["--after=" + path for path in after]
    got, rows = diff_json("--total", *lists)
    same, _ = diff_json("--total", *each)
    tap.equal(got, same, "lists and single options say the same")
    tap.equal([run["path"] for run in got.get("before", [])], before,
              "the runs before are named")
    old = [shares_said([path])["burn_half"]["total_percent"]
           for path in before]
    tap.ok(abs(rows["burn_half"]["before_percent"] -
               sum(old) / len(old)) < 0.01,
           "the share of a set is the mean of its runs", rows["burn_half"])
    tap.ok(rows["burn_self"]["change"] > 0 and
           rows["burn_self"]["change_error"] > 0, "what is new has grown",
           rows["burn_self"])


def check_absolute(one, two):
    """Seconds of CPU per second, as the profile has them."""
    _, rows = diff_json("--total", "--absolute", one, two)
    for key, path in (("before_percent", one), ("after_percent", two)):
        profile = lib.report_json([], [path])["profile"]
        row = shares_said([path])["main"]
        expected = 100 * row["total_ns"] / profile["duration_ns"]
        tap.ok(abs(rows["main"][key] - expected) < 0.01,
               "absolute: main, " + key, rows["main"], expected)


def check_merges(before, after):
    for by in ("line", "module", "thread", "process", "address"):
        got, rows = diff_json("--total", "--by", by, before, after)
        tap.ok(got["rows"], "by %s there are rows" % by)
        if by == "process":
            tap.equal(sorted(rows), ["shares", "threads"],
                      "a process is its name")


def check_ranges(profile):
    """Two ranges of one profile: FILE@FROM..TO."""
    whole = sum(value for _, value in lib.folded([profile]))
    halves = [sum(value for _, value in lib.folded([profile + r]))
              for r in ("@..1", "@1s..")]
    tap.ok(min(halves) > 0 and 0.9 * whole <= sum(halves) <= whole * 1.001,
           "ranges are parts of the whole", whole, halves)
    got, rows = diff_json("--total", profile + "@..1", profile + "@1s..")
    tap.ok(rows.get("burn_half", {}).get("before_percent", 0) > 20,
           "two ranges of one profile are compared", got)
    for word, status in (("@2..1", 2), ("@1..x", 2), ("@900..", 1)):
        done = lib.profagent("diff", profile, profile + word)
        tap.ok(done.status == status and word in done.err and
               done.err.count("\n") == 1, "range %s is refused" % word, done)


def check_inlines(scratch, profile):
    """perf without inlined functions calls what they did by their callers."""
    path = scratch.path("perf.txt")
    with open(path, "w") as f:
        for i in range(50):
            f.write("shares 7 %d.5: 10000000 cpu-clock: \n"
                    "\tff burn_half+0x1 (/bin/shares)\n\n" % i)
    done = lib.profagent("diff", path, profile)
    tap.ok(done.status == 0 and "--no-inlines" in done.err and
           path in done.err, "one side without inlined functions: said", done)
    done = lib.profagent("diff", "--no-inlines", path, profile)
    tap.ok(done.status == 0 and done.err == "",
           "--no-inlines: both sides alike", done)


def check_usage(scratch, profile):
    """Each mistake: its status and one line that names it."""
    mistakes = [
        ([], 2, "which two profiles"),
        ([profile], 2, "which two profiles"),
        ([profile] * 3, 2, "which two profiles"),
        (["--before", profile], 2, "which two profiles"),
        ([profile, profile, "--before", profile], 2, "either"),
        ([profile, profile, "--sort", "x"], 2, "--sort x"),
        ([profile, profile, "--fail-over", "much"], 2, "--fail-over much"),
        ([profile, profile, "--fail-over", "nan"], 2, "--fail-over nan"),
        ([profile, profile, "--fail-over", "-5"], 2, "--fail-over -5"),
        ([profile, profile, "--limit", "-2"], 2, "--limit"),
        ([profile, profile, "--filter", "("], 2, "--filter"),
        ([profile, profile, "--type", "none"], 2, "none"),
        ([profile, profile, "--absolute", "--type", "samples"], 2,
         "--absolute"),
        ([profile, profile, "--nonsense"], 2, "nonsense"),
        ([profile, scratch.path("none.pb.gz")], 1, "none.pb.gz"),
    ]
    for args, status, word in mistakes:
        done = lib.profagent("diff", *args)
        tap.ok(done.status == status and word in done.err and
               done.err.count("\n") == 1 and done.out == "",
               "usage: " + " ".join(a for a in args if a != profile), done)


def main():
    with lib.Scratch() as scratch:
        a1, a2 = finish(record(scratch, "a1", "shares", "2500"),
                        record(scratch, "a2", "shares", "2500"))
        b1, b2 = finish(record(scratch, "b1", "threads"),
                        record(scratch, "b2", "threads"))
        check_same(a1, a2)
        check_changed(a1, b1)
        check_status(a1, b1)
        check_text(a1, b1)
        check_sets([a1, a2], [b1, b2])
        check_absolute(a1, a2)
        check_merges(a1, b1)
        check_ranges(a1)
        check_inlines(scratch, a1)
        check_usage(scratch, a1)
    tap.done()


if __name__ == "__main__":
    main()
