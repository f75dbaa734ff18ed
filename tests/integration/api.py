#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""profagent.h: a program that links the stub does the same with the agent and
without, and what it says of its work is in the profile."""

import json
import os

from agent import Agent, Program
from lib import (AGENT, Scratch, PROGRAMS, expectations, profagent,
                 report_json, run, tap, wait_for, which)

API = os.path.join(PROGRAMS, "api")
SHARES = os.path.join(PROGRAMS, "shares")


def said(out):
    """What must be the same with the agent and without."""
    return [line for line in out.splitlines()
            if not line.startswith(("agent ", "expect ", "batches ",
                                    "function "))]


def by_label(scratch, key):
    got = report_json(["--by=label:" + key], scratch.files(), scratch)
    return {row["name"]: row["self_percent"] for row in got["rows"]}


def check_labels(scratch, out):
    """The child burns as much as one of the parent's functions: the shares
    of the parent are of four fifths of all."""
    shares = by_label(scratch, "route")
    step = by_label(scratch, "step")
    parent = 100 - shares.get("/forked", 0)
    tap.ok(10 < shares.get("/forked", 0) < 35,
           "a forked child goes on with the label", shares)
    for what, key, value, percent in (
            line[:4] for line in expectations(out) if line[0] == "label"):
        got = (shares if key == "route" else step).get(value, 0)
        expected = float(percent) * parent / 100
        tap.ok(abs(got - expected) < 10,
               "%s=%s: %.1f %%, %.1f %% expected" % (key, value, got,
                                                     expected), shares, step)


def spans_of(scratch, *words):
    done = profagent("spans", "--json", *words, env=dict(
        os.environ, XDG_RUNTIME_DIR=scratch.runtime))
    if done.status != 0:
        tap.note(done)
        return {}
    return {row["name"]: row for row in json.loads(done.out)}


def check_spans(scratch, out, what, files):
    """As long as asked, or longer on a busy machine."""
    spans = spans_of(scratch, *files)
    for name, count, p50, longest in (
            line[1:5] for line in expectations(out) if line[0] == "span"):
        row = spans.get(name, {})
        tap.ok(row.get("n") == int(count) and
               row["p50_ns"] >= 0.968 * int(p50) and
               row["max_ns"] >= int(longest) and
               row["p50_ns"] <= row["p95_ns"] <= row["p99_ns"] <=
               row["max_ns"] and
               row["mean_ns"] * row["n"] <= row["max_ns"] * row["n"] and
               row["mean_ns"] >= 0.9 * int(p50),
               "%s: span %s" % (what, name), row)


def test_both(scratch):
    alone = run([API, "300"], env=scratch.env(agent=False))
    with_agent = run([API, "300"], env=scratch.env())
    tap.equal(alone.out.splitlines()[0], "agent no", "without the agent")
    tap.equal(with_agent.out.splitlines()[0], "agent yes", "with the agent")
    for done, what in ((alone, "without"), (with_agent, "with")):
        tap.equal((done.status, said(done.out), done.err), (0, ["done"], ""),
                  what + ": every call did what it should")
    check_labels(scratch, with_agent.out)
    check_spans(scratch, with_agent.out, "file", scratch.files())
    profagent("symbolize", "-q", *scratch.files())
    check_spans(scratch, with_agent.out, "symbolized", scratch.files())
    done = profagent("spans", *scratch.files())
    tap.ok(done.status == 0 and done.out.split()[:8] == [
        "SPAN", "N", "TOTAL", "MEAN", "P50", "P95", "P99", "MAX"] and
        "quick" in done.out, "spans: a table", done)


def test_asleep(scratch):
    """launch() wakes an agent that was preloaded asleep."""
    done = run([API, "100"], env=scratch.env(START=0))
    tap.equal((done.status, said(done.out)), (0, ["done"]),
              "asleep: every call did what it should")
    tap.ok("/checkout" in by_label(scratch, "route"),
           "asleep: profiled from launch on")


def test_loop(scratch):
    done = run([API, "50", "loop"], env=scratch.env(FLUSH="50ms"))
    # several may have come before the program looked
    batches = [int(line.split()[1]) for line in done.out.splitlines()
               if line.startswith("batches ")]
    tap.ok(batches and batches[0] >= 2 and said(done.out) == ["done"],
           "an event loop gets what was sampled", done)
    done = run([API, "50", "loop"], env=scratch.env(agent=False))
    tap.ok("\nbatches 0\n" in done.out and said(done.out) == ["done"],
           "and nothing without the agent", done)


def test_query(scratch, **settings):
    """As many samples as the profile has, and still so after its end."""
    done = run([API, "300", "query"], env=scratch.env(**settings))
    tap.equal((done.status, said(done.out)), (0, ["done"]),
              "query %s: every call did what it should" % settings)
    asked = {line.split()[1]: int(line.split()[3])
             for line in done.out.splitlines() if line.startswith("function ")}
    rows = report_json(["--type=samples"], scratch.files(), scratch)["rows"]
    held = {row["name"]: row["total_ns"] for row in rows}
    for name in ("burn_checkout", "burn_pay", "burn_leaf", "recurse", "main"):
        tap.equal(asked.get(name), held.get(name, 0),
                  "query %s: samples of %s" % (settings, name))
    table = done.err.splitlines()
    tap.ok(len(table) == 8 and table[0].split() == [
        "FUNCTION", "OWN", "%", "DEEP", "%"] and {
            line.split()[0] for line in table[1:4]} == {
                "burn_leaf", "burn_checkout", "burn_pay"} and
        table[:4] == table[4:], "show: a table, the same after the end", done)
    alone = run([API, "20", "query"], env=scratch.env(agent=False))
    tap.equal((alone.status, said(alone.out), alone.err), (0, ["done"], ""),
              "query: without the agent")


def test_query_cxx(scratch):
    """C++ names, read by the runtime that the program is linked to."""
    names = os.path.join(PROGRAMS, "names")
    if not os.path.exists(names):
        return tap.skip("query: C++ names", "no C++ compiler")
    done = run([names, "300"], env=scratch.env())
    lines = sorted(done.out.splitlines())
    readable = "inner::busy<double>(double, std::"
    tap.ok(done.status == 0 and len(lines) == 3 and readable in lines[1] and
           lines[::2] == ["found 1 1 1 1", "function main"],
           "query: C++ names", done)
    tap.ok("inner::busy<double>(double" in done.err, "show: C++ names", done)
    return None


def test_query_asleep(scratch):
    test_query(scratch, START=0)


def query(scratch, *words):
    return profagent("query", *words, env=dict(
        os.environ, XDG_RUNTIME_DIR=scratch.runtime))


def rows_of(scratch, *words):
    done = query(scratch, "--json", *words)
    return json.loads(done.out) if done.status == 0 else {}


def test_query_command(scratch):
    with Program([SHARES, "60000"], scratch) as p:
        p.socket()
        pid = str(p.pid)
        tap.ok(wait_for(lambda: rows_of(scratch, pid)["samples"] > 50, 60),
               "profagent query: counts a running program")
        got = rows_of(scratch, pid, "--max=0")
        tap.ok(sum(row["self"] for row in got["rows"]) == got["samples"] and
               got["functions"] == len(got["rows"]) and
               all(row["self"] <= row["total"] <= got["samples"]
                   for row in got["rows"]),
               "profagent query: every sample has one function", got)
        inside = [row["total"] for row in got["rows"]
                  if row["name"] == "main"]
        # one may be of the loader: it takes less than a period
        tap.ok(inside and got["samples"] - inside[0] <= 1,
               "profagent query: all that was sampled was in main", got)
        some = rows_of(scratch, pid, "--filter=^burn_ha", "--max=1")
        tap.ok([row["name"] for row in some["rows"]] == ["burn_half"],
               "profagent query: by regular expression", some)
        done = query(scratch, pid, "-f", "burn_half")
        tap.ok(done.status == 0 and done.out.split()[:6] == [
            "FUNCTION", "OWN", "%", "DEEP", "%", "OBJECT"] and
            "burn_half" in done.out, "profagent query: a table", done)
        for words, status in (([pid, "-f", "("], 2), ([pid, "-n", "-1"], 2),
                              ([pid, "-n", "x"], 2), ([], 2),
                              (["999999999"], 1)):
            done = query(scratch, *words)
            tap.ok(done.status == status and done.err.count("\n") == 1,
                   "profagent query: wrong: %s" % words[-1:], done)
    with Program([SHARES, "60000"], scratch, START=0) as p:
        p.socket()
        done = query(scratch, str(p.pid))
        tap.ok((done.status, done.out) == (0, "") and
               "nothing was sampled" in done.err,
               "profagent query: of one asleep, which it does not wake", done)


def test_by_name(scratch):
    """Without the stub: the functions are looked up."""
    done = run([which("python3"), "-c",
                "import ctypes\n"
                "agent = ctypes.CDLL(None)\n"
                "agent.profagent_version.restype = ctypes.c_char_p\n"
                "print(agent.profagent_version() is not None)\n"
                "print(agent.profagent_label_push(b'route', b'/python'))\n"
                "print(sum(i * i for i in range(3000000)) > 0)\n"
                "print(agent.profagent_label_pop())\n"],
               env=scratch.env())
    tap.equal((done.status, done.out), (0, "True\n0\nTrue\n0\n"),
              "from Python by ctypes")
    tap.ok(by_label(scratch, "route").get("/python", 0) > 30,
           "from Python: its label")


def by_label_of(scratch, key):
    got = report_json(["--by=label:" + key],
                      scratch.files() + scratch.regions(), scratch)
    return {row["name"]: row["self_samples"] for row in got["rows"]}


def test_killed(scratch):
    """What a killed process had not written has its labels as well: here
    all of it, and that of a forked child, which ends as its parent does."""
    with Program([which("python3"), "-c",
                  "import ctypes, os, signal, time\n"
                  "agent = ctypes.CDLL(None)\n"
                  "def burn():\n"
                  "    end = time.process_time() + 0.5\n"
                  "    while time.process_time() < end: pass\n"
                  "agent.profagent_label_push(b'route', b'/killed')\n"
                  "agent.profagent_label_push(b'step', b'one')\n"
                  "burn()\n"
                  "if os.fork() == 0:\n"
                  "    burn()\n"
                  "    os.kill(os.getpid(), signal.SIGKILL)\n"
                  "os.wait()\n"
                  "os.kill(os.getpid(), signal.SIGKILL)\n"],
                 scratch, FLUSH="60s") as p:
        p.child.wait(60)
    rows = by_label_of(scratch, "route")
    all_samples = sum(rows.values())
    # of the start of python and of the child's first period nobody said it
    tap.ok(rows.get("/killed", 0) >= 30 and
           rows["/killed"] >= 0.7 * all_samples,
           "killed before it wrote: its labels", rows)
    step = by_label_of(scratch, "step")
    # a sample may have come between the two pushes
    tap.ok(0 <= rows.get("/killed", 0) - step.get("one", 0) <= 1,
           "killed before it wrote: all of a set", rows, step)


def test_live_spans(scratch):
    with Program([which("python3"), "-c",
                  "import ctypes, time\n"
                  "agent = ctypes.CDLL(None)\n"
                  "begin = agent.profagent_span_begin\n"
                  "begin.restype = ctypes.c_uint64\n"
                  "end = agent.profagent_span_end\n"
                  "end.argtypes = [ctypes.c_uint64]\n"
                  "agent.profagent_interval(ctypes.c_uint64(5000000))\n"
                  "for i in range(7):\n"
                  "    end(begin(b'live'))\n"
                  "time.sleep(600)\n"], scratch, START=0) as p:
        p.socket()
        tap.ok(wait_for(lambda: spans_of(scratch, str(p.pid)).get(
            "live", {}).get("n") == 7, 30), "of a running process, asleep",
            spans_of(scratch, str(p.pid)))
        with Agent(p.socket()) as agent:
            tap.equal(agent.status()["period_ns"], 5000000,
                      "the interval is what the program set")
            answer = agent.ask("spans")
            tap.ok(answer["ok"] and answer["left_out"] == 0 and
                   [(s["name"], s["n"]) for s in answer["spans"]] ==
                   [("live", 7)], "the verb of the socket", answer)
    for args, status in ((["/nonexistent"], 1), ([], 2), (["--x"], 2)):
        done = profagent("spans", *args)
        tap.ok(done.status == status and done.err.count("\n") == 1,
               "spans: wrong: %s" % args, done)


def test_static(scratch):
    """The stub in a static program: there can be no agent."""
    path = scratch.path("static.c")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#include <stdio.h>\n#include \"agent/profagent.h\"\n"
                "int main(void) { printf(\"%d\\n\", profagent_start());\n"
                "return 0; }\n")
    top = os.environ.get("top_srcdir", ".")
    archive = os.path.join(os.path.dirname(AGENT), "..",
                           "libprofagent-stub.a")
    done = run([which("gcc"), "-static", "-I", top, path, archive, "-o",
                scratch.path("static")])
    if done.status != 0 and "cannot find -lc" in done.err:
        tap.skip("a static program links", "no static libc")
        return
    tap.equal((done.status, done.err), (0, ""), "a static program links")
    done = run([scratch.path("static")], env=scratch.env())
    tap.equal(done.out, "-38\n", "and finds no agent: -ENOSYS")


def main():
    for test in (test_both, test_asleep, test_loop, test_by_name,
                 test_killed, test_live_spans, test_query, test_query_cxx,
                 test_query_asleep, test_query_command, test_static):
        with Scratch() as scratch:
            test(scratch)
    tap.done()


main()
