#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The walker against libunwind, on the same samples of real programs and of
programs that have every kind of frame (tests/programs/oracle.c compares).

usage: walker.py [NAME...]
"""

import os
import re
import shutil
import subprocess
import sys
import time

import lib
from lib import tap

ORACLE = os.path.join(lib.BUILD, "tests", "programs", ".libs", "oracle.so")
SOURCES = os.path.join(lib.SRC, "tests", "programs")

# Of the samples in which both walkers reached the outermost frame, so many
# have to be equal.
AGREEMENT = 0.999

def allowed(samples):
    """Of so few samples as a run has, two strangers do not disprove 99.9 %."""
    return max(2, int((1 - AGREEMENT) * samples))


# Disagreements that are understood: program, what the oracle's line has to
# look like, the share of the samples that may be like it, and why ours is right.
# Anything else fails the test.
EXPLAINED = [
    # As many as run in the part without a table, a twentieth.
    ("no-table", r"differ \d+ (other|long) \S+ walk\+0x", 0.05,
     "libunwind knows rsp no more after a step along rbp"),
    ("walk|no-table", r"differ \d+ (long 0|other complete) walk\+0x\S+ - "
     r"ours walk\S+ -( theirs \?.*)?$", 0.005,
     "libunwind takes swapcontext for the outermost frame, or has garbage, "
     "while that loads the registers of the other context"),
    ("walk|no-table", r"differ \d+ short complete libc\S+ - theirs", 0.005,
     "the same trampoline: libunwind takes a word of the stack for its caller"),
    ("no-table", r"differ \d+ short no-rule walk\+0x", 0.02,
     "a leaf without a table and without a frame: we do not guess"),
    ("walk|no-table", r"truncated \d+ no-rule walk\+0x\S+ - ours libc", 0.02,
     "a sample within the trampoline of makecontext, which glibc describes as "
     "if it had been called"),
    ("no-table", r"truncated \d+ no-rule walk\+0x", 0.03,
     "no table, and no frame that could be shown to be one"),
    ("c\\+\\+", r"truncated \d+ no-module \?\+0x\S+ - ours walk", 0.04,
     "the last steps of a throw, where libgcc has written the registers of the "
     "frame that catches over those that its own frame saved"),
    ("cc1plus", r"(truncated|differ) \d+ (short )?no-rule libgmp", 0.01,
     "assembly of libgmp has no unwind table"),
    ("node", r"truncated \d+ (jit|no-(module|rule|table))", 0.2,
     "generated code that does not show that it keeps rbp"),
    ("node", r"differ \d+ short (jit|no-(module|rule|table))", 0.2,
     "the same, where libunwind follows rbp without looking"),
    ("node", r"differ \d+ (other|long) \S+ (\?|node)\+0x", 0.1,
     "generated code: libunwind skips the caller of a frame that has not set "
     "rbp yet, and loses rsp where it follows rbp"),
]

SQL = """
create table t (id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)
insert into t select i, 'name-' || (i * 7919 % 10007), i * 0.5 from n;
create index by_name on t (name);
select count(*), sum(value), min(name), max(name) from t;
select name, count(*) c from t group by name order by c desc, name limit 5;
select count(*) from t a join t b on a.id = b.id * 2 where a.name < b.name;
"""

PYTHON = """
import json, re, zlib, threading
def work():
    d = json.dumps([{'i': i, 's': 'x' * (i % 9)} for i in range(6000)])
    for i in range(25):
        d = json.dumps(json.loads(d))
        re.findall('"i": \\\\d*7,', d)
        zlib.compress(d.encode())
        try:
            json.loads(d[:-1])
        except ValueError:
            pass
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
"""

CPLUSPLUS = """
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
struct Base { virtual ~Base() {} virtual long value(int i) = 0; };
struct One : Base { long value(int i) override {
	if (i % 3 == 0) throw std::runtime_error("x" + std::to_string(i));
	return i; } };
static long work(Base *base, int seed)
{
	std::map<std::string, int> counts;
	std::regex digits("[0-9]+7");
	long hits = 0;
	for (int i = 0; i < 60000; i++) {
		std::string s = "key" + std::to_string((i * 7919 + seed) % 5003);
		counts[s]++;
		hits += std::regex_search(s, digits);
		try { hits += base->value(i); }
		catch (std::exception &e) { hits += e.what()[1]; }
	}
	std::vector<std::pair<std::string, int>> v(counts.begin(),
						   counts.end());
	std::sort(v.begin(), v.end(), [](auto &a, auto &b) {
		return a.second > b.second; });
	return hits;
}
int main()
{
	One one;
	long sums[3];
	std::vector<std::thread> threads;
	for (int i = 0; i < 3; i++)
		threads.emplace_back([&, i] { sums[i] = work(&one, i); });
	for (auto &t : threads)
		t.join();
	std::cout << sums[0] << std::endl;
}
"""

RUST = """
use std::collections::HashMap;
use std::thread;
fn work(seed: u64) -> u64 {
    let mut m: HashMap<String, u64> = HashMap::new();
    let mut v: Vec<u64> = Vec::new();
    for i in 0..60000u64 {
        *m.entry(format!("k{}", (i * 7919 + seed) % 5003)).or_insert(0) += i;
        v.push((i * 2654435761) % 1000003);
    }
    v.sort();
    let r = std::panic::catch_unwind(|| { if seed > 0 { panic!("x") } });
    v[7] + m.values().fold(0u64, |a, x| a.wrapping_add(*x))
        + (r.is_err() as u64)
}
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let t: Vec<_> = (0..3).map(|i| thread::spawn(move || {
        (0..9).map(|k| work(i * 7 + k)).fold(0u64, |a, x| a.wrapping_add(x))
    })).collect();
    for x in t { println!("{}", x.join().unwrap()); }
}
"""

JAVASCRIPT = """
function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2); }
let s = 0;
for (let i = 0; i < 20; i++) s += f(25);
let o = [];
for (let i = 0; i < 100000; i++) o.push({ a: i, b: 'x' + i });
o.sort((a, b) => a.b < b.b ? -1 : 1);
console.log(s, JSON.stringify(JSON.parse(JSON.stringify(o))).length);
"""


class Report:
    """The sum of the reports that a program and its children appended."""

    def __init__(self, text):
        self.numbers, self.ended, self.places = {}, {}, []
        for line in text.splitlines():
            cells = line.split()
            if cells[0] in ("differ", "truncated"):
                self.places.append(line)
            elif cells[0] == "ended":
                self.ended[cells[1]] = (self.ended.get(cells[1], 0) +
                                        int(cells[2]))
            else:
                self.numbers[cells[0]] = (self.numbers.get(cells[0], 0) +
                                          int(cells[1]))

    def __getitem__(self, key):
        return self.numbers.get(key, 0)

    def unexplained(self, name):
        """Lines that no entry above explains, and how often each entry was
        needed; one that was needed too often is a line as well."""
        open_lines, used = [], {}
        for line in self.places:
            for program, shape, most, reason in EXPLAINED:
                if (re.fullmatch(program, name) and re.match(shape, line)):
                    used.setdefault((reason, most), 0)
                    used[(reason, most)] += int(line.split()[1])
                    break
            else:
                open_lines.append(line)
        for (reason, most), count in used.items():
            if count > max(most * self["samples"], 3):
                open_lines.append("%d times: %s" % (count, reason))
        return open_lines, {reason: n for (reason, _), n in used.items()}


class Case:
    """A program under the oracle. `all_whole`: all its code has tables."""

    def __init__(self, name, argv, scratch, stdin=None, least=200,
                 all_whole=True, **settings):
        self.name, self.argv, self.scratch = name, argv, scratch
        self.stdin, self.least, self.all_whole = stdin, least, all_whole
        self.settings = settings

    def env(self):
        env = {k: v for k, v in os.environ.items()
               if k != "LD_PRELOAD" and not k.startswith("PROFAGENT_")}
        env["LD_PRELOAD"] = ORACLE
        env["ORACLE_OUTPUT"] = self.output()
        env.update(self.settings)
        return env

    def output(self):
        return self.scratch.path(self.name + ".oracle")

    def run(self, status=0):
        result = lib.run(self.argv, self.env(), cwd=self.scratch.dir,
                         stdin=self.stdin)
        if tap.equal(result.status, status, self.name + ": runs as without"):
            self.check()
        else:
            tap.note(result)

    def check(self):
        try:
            with open(self.output(), encoding="utf-8",
                      errors="replace") as f:
                report = Report(f.read())
        except OSError as error:
            tap.ok(False, self.name + ": the oracle reports", error)
            return
        both, agree = report["both"], report["agree"]
        open_lines, used = report.unexplained(self.name)
        differ = sum(int(line.split()[1]) for line in report.places
                     if re.match(r"differ \d+ (other complete|long 0)", line)
                     and line not in open_lines)
        tap.note("%s: %d samples, %d whole by both, %d equal (%.3f %%); ends: "
                 "%s" % (self.name, report["samples"], both, agree,
                         100 * agree / max(both, 1),
                         ", ".join("%s %d" % item for item in
                                   sorted(report.ended.items()) if item[1])))
        for reason, count in sorted(used.items()):
            tap.note("  explained %d times: %s" % (count, reason))
        tap.ok(both >= self.least, "%s: %d samples at least" % (
            self.name, self.least), both)
        tap.ok(agree + allowed(both) >= both - min(differ, both),
               "%s: agrees with libunwind" % self.name)
        tap.note(*open_lines)
        strange = sum(int(line.split()[1]) if line[0].isalpha()
                      else int(line.split()[0]) for line in open_lines)
        tap.ok(strange <= allowed(report["samples"]),
               "%s: every other difference is understood" % self.name,
               *open_lines)
        tap.equal(report["unsafe"], 0,
                  self.name + ": fault-safe reads give the same stacks")
        if self.all_whole:
            whole = report.ended.get("complete", 0)
            tap.ok(report["samples"] - whole - sum(used.values()) <=
                   allowed(report["samples"]),
                   self.name + ": nearly all stacks are whole",
                   "%d of %d" % (whole, report["samples"]))


def build(scratch, name, compiler, flags, *sources):
    """Compiles; returns the program, or None after a skipped case."""
    if shutil.which(compiler) is None:
        tap.skip(name, compiler + " is not installed")
        return None
    out = scratch.path("walk")
    done = subprocess.run([compiler, *flags, "-w", "-g", *sources, "-o", out,
                           "-pthread"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        tap.ok(False, name + ": compiles", done.stderr)
        return None
    return out


def check_frames():
    """Every kind of frame, from many compilers' settings."""
    variants = [
        ("gcc", "-O0"), ("gcc", "-O1"), ("gcc", "-O2"),
        ("gcc", "-O3 -march=native"), ("gcc", "-Os"),
        ("gcc", "-O2 -fno-omit-frame-pointer"), ("gcc", "-O2 -no-pie"),
        ("gcc", "-O2 -fcf-protection=full -fstack-protector-all "
                "-fstack-clash-protection"),
        ("clang", "-O0"), ("clang", "-O2"),
        ("clang", "-O3 -fomit-frame-pointer -march=native"),
    ]
    for compiler, flags in variants:
        with lib.Scratch() as scratch:
            program = build(scratch, compiler + " " + flags, compiler,
                            flags.split(), os.path.join(SOURCES, "walk.c"))
            if program:
                tap.note("%s %s" % (compiler, flags))
                Case("walk", [program, "1"], scratch, all_whole=False).run()


def check_no_table():
    """A part of the program that has no unwind table."""
    for flags in ["-O2 -fomit-frame-pointer", "-O2 -fno-omit-frame-pointer",
                  "-O0"]:
        with lib.Scratch() as scratch:
            part = scratch.path("part.o")
            done = subprocess.run(
                ["gcc", *flags.split(), "-fno-asynchronous-unwind-tables",
                 "-fno-unwind-tables", "-c", "-o", part,
                 os.path.join(SOURCES, "walk-no-table.c")], check=False)
            if not tap.equal(done.returncode, 0, "no-table compiles"):
                continue
            program = build(scratch, "no-table", "gcc",
                            ["-O2", "-DWALK_EXTERNAL"],
                            os.path.join(SOURCES, "walk.c"), part)
            if program:
                tap.note("no-table " + flags)
                Case("no-table", [program, "1"], scratch, all_whole=False,
                     ORACLE_REFRESH="1").run()


def real(name, command, least=200, stdin=None, **settings):
    """A program of the distribution, if it is there."""
    if shutil.which(command[0]) is None:
        tap.skip(name, command[0] + " is not installed")
        return
    with lib.Scratch() as scratch:
        Case(name, command, scratch, stdin=stdin, least=least,
             **settings).run()


def check_sqlite():
    real("sqlite3", ["sqlite3", ":memory:"], stdin=SQL)
    real("sqlite3", ["sqlite3", ":memory:"], stdin=SQL, ORACLE_LOOKUP="table",
         ORACLE_REFRESH="1")


def check_python():
    real("python3", ["/usr/bin/python3", "-c", PYTHON])


def check_openssl():
    for what in ["sha256", "rsa2048", "ecdsap256"]:
        real("openssl", ["openssl", "speed", "-seconds", "1", "-bytes",
                         "8192", what])


def check_cplusplus():
    for compiler, flags in [("g++", "-O0"), ("g++", "-O2"),
                            ("clang++", "-O2")]:
        with lib.Scratch() as scratch:
            source = scratch.path("walk.cc")
            with open(source, "w", encoding="utf-8") as f:
                f.write(CPLUSPLUS)
            program = build(scratch, compiler, compiler, flags.split(),
                            source)
            if program:
                Case("c++", [program], scratch, least=50).run()


def check_compilers():
    """Big programs in C++: compilers at work."""
    with lib.Scratch() as scratch:
        source = scratch.path("walk.cc")
        with open(source, "w", encoding="utf-8") as f:
            f.write(CPLUSPLUS)
        pre = scratch.path("walk.ii")
        if subprocess.run(["g++", "-E", source, "-o", pre],
                          check=False).returncode:
            tap.skip("compilers", "g++ is not installed")
            return
        cc1plus = lib.run(["g++", "-print-prog-name=cc1plus"]).out.strip()
        Case("cc1plus", [cc1plus, "-fpreprocessed", pre, "-O2", "-quiet",
                         "-o", "/dev/null"], scratch).run()
        clang = shutil.which("clang")
        if clang is None:
            tap.skip("clang", "clang is not installed")
            return
        Case("clang", [clang, "-fintegrated-cc1", "-O2", "-w", "-c", source,
                       "-o", "/dev/null"], scratch).run()


def check_rust():
    if shutil.which("rustc") is None:
        tap.skip("rust", "rustc is not installed")
        return
    with lib.Scratch() as scratch:
        source, program = scratch.path("walk.rs"), scratch.path("walk")
        with open(source, "w", encoding="utf-8") as f:
            f.write(RUST)
        done = lib.run(["rustc", "-O", source, "-o", program],
                       env=dict(os.environ))
        if tap.equal(done.status, 0, "rust compiles"):
            Case("rust", [program], scratch, least=50).run()


def check_node():
    with lib.Scratch() as scratch:
        if shutil.which("node") is None:
            tap.skip("node", "node is not installed")
            return
        Case("node", ["node", "-e", JAVASCRIPT], scratch, all_whole=False,
             ORACLE_REFRESH="1").run()


def check_redis():
    if shutil.which("redis-server") is None:
        tap.skip("redis-server", "it is not installed")
        return
    with lib.Scratch() as scratch:
        port = str(lib.free_port())
        case = Case("redis-server",
                    ["redis-server", "--port", port, "--save", "",
                     "--appendonly", "no", "--bind", "127.0.0.1"], scratch)
        with subprocess.Popen(case.argv, env=case.env(), cwd=scratch.dir,
                              stdout=subprocess.DEVNULL) as server:
            wait_for_redis(port)
            for command in [
                    ["redis-benchmark", "-p", port, "-n", "20000", "-q", "-t",
                     "set,get,lpush,lrange_100,zadd"],
                    ["redis-cli", "-p", port, "eval", "local x = 0 for i = 1,"
                     "2000000 do x = x + i % 7 end return x", "0"],
                    ["redis-cli", "-p", port, "shutdown", "nosave"]]:
                lib.run(command)
            server.wait(timeout=30)
        case.check()


def wait_for_redis(port):
    for _ in range(100):
        if "PONG" in lib.run(["redis-cli", "-p", port, "ping"]).out:
            return
        time.sleep(0.1)


CHECKS = {
    "frames": check_frames,
    "no-table": check_no_table,
    "sqlite3": check_sqlite,
    "python3": check_python,
    "openssl": check_openssl,
    "c++": check_cplusplus,
    "compilers": check_compilers,
    "rust": check_rust,
    "node": check_node,
    "redis-server": check_redis,
}


def main():
    if not os.path.exists(ORACLE):
        tap.skip("walker", "the oracle was not built: it needs libunwind")
        tap.done()
    for name in sys.argv[1:] or CHECKS:
        CHECKS[name]()
    tap.done()


main()
