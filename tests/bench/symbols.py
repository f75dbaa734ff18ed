#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long names take, beside addr2line.

Builds a large C++ program with debug information (once; some minutes), draws
100 000 of its instructions, and has them named with all inlined calls by
`profagent report`, with nothing and everything in its cache, and by
`addr2line -i`, in the order drawn, in ascending order, which is the best case
for it, and with -C, as our names are demangled. The order is drawn anew each
round; ratios are formed within rounds and the median is printed with the 95 %
interval that the order statistics give. `go tool pprof -top` is given the same
file and a minute.

usage: symbols.py BUILD-DIRECTORY [--rounds N] [--units N] [--addresses N]
"""

import argparse
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
import pprof  # noqa: E402

BUDGET = 5.0

UNIT = r"""
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>
namespace unit@ {
template <int N> struct Key {
	int v;
	bool operator<(const Key &o) const { return v * N < o.v * N; }
	bool operator==(const Key &o) const { return v == o.v; }
};
template <int N> struct Hash {
	size_t operator()(const Key<N> &k) const { return k.v * 31u ^ N; }
};
template <int N> struct Node {
	std::vector<Key<N>> keys;
	std::map<Key<N>, std::string> names;
	std::unordered_map<Key<N>, std::vector<std::string>, Hash<N>> all;
	std::shared_ptr<Node> next;
	std::function<int(int)> f;
};
template <int N> int run(int n)
{
	Node<N> a;
	std::ostringstream out;

	for (int i = 0; i < n; i++) {
		Key<N> k{i ^ N};
		a.keys.push_back(k);
		a.names[k] += std::to_string(i);
		a.all[k].emplace_back(a.names[k]);
	}
	std::sort(a.keys.begin(), a.keys.end(),
		  [](const Key<N> &x, const Key<N> &y) {
			return x.v % N < y.v % N;
		  });
	std::stable_sort(a.keys.begin(), a.keys.end());
	a.next = std::make_shared<Node<N>>(a);
	a.f = [&](int x) { return x + (int)a.next->keys.size(); };
	for (auto &p : a.names)
		out << p.first.v << p.second;
	return a.f(out.str().size()) + (int)a.all.size();
}
int all(int n)
{
	return CALLS;
}
}
"""


def write_sources(directory, units):
    for i in range(units):
        calls = " + ".join("run<%d>(n)" % (i * 4 + j) for j in range(1, 4))
        with open(os.path.join(directory, "u%d.cc" % i), "w",
                  encoding="ascii") as f:
            f.write(UNIT.replace("@", str(i)).replace("CALLS", calls))
    with open(os.path.join(directory, "main.cc"), "w", encoding="ascii") as f:
        for i in range(units):
            f.write("namespace unit%d { int all(int); }\n" % i)
        f.write("int main(int c, char **)\n{\n\treturn (%s) & 1;\n}\n" %
                " + ".join("unit%d::all(c)" % i for i in range(units)))


def build_program(directory, units):
    """The program; built if it is not there."""
    path = os.path.join(directory, "large-%d" % units)
    if os.path.exists(path):
        return path
    os.makedirs(directory, exist_ok=True)
    write_sources(directory, units)
    cxx = os.environ.get("CXX", "g++")
    print("building a large program (%d units) ..." % units, file=sys.stderr)
    with open(os.path.join(directory, "Makefile"), "w",
              encoding="ascii") as f:
        f.write("large: $(patsubst %.cc,%.o,$(wildcard *.cc))\n"
                "\t$(CXX) $^ -o $@\n"
                "%.o: %.cc\n\t$(CXX) -g -O2 -c $< -o $@\n")
    subprocess.run(["make", "-s", "-C", directory, "CXX=" + cxx,
                    "-j%d" % os.cpu_count()], check=True)
    os.rename(os.path.join(directory, "large"), path)
    return path


def instructions(program, count):
    """`count` addresses of instructions, drawn the same way every time."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", program],
        capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^ +([0-9a-f]+):", listing, re.M)
    random.seed(1)
    return [int(a, 16) for a in random.sample(found, min(count, len(found)))]


def build_id(program):
    notes = subprocess.run(["readelf", "-n", program], text=True,
                           capture_output=True, check=True).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return found.group(1) if found else ""


class Bench:
    def __init__(self, args):
        self.args = args
        self.directory = os.path.join(os.path.abspath(args.build), "tests",
                                      "bench", "symbols")
        self.program = build_program(self.directory, args.units)
        drawn = instructions(self.program, args.addresses)
        self.count = len(drawn)
        self.profile = os.path.join(self.directory, "profile.pb.gz")
        pprof.write_addresses(self.profile, self.program, drawn,
                              build_id(self.program))
        self.drawn = self.write_list("drawn", drawn)
        self.sorted = self.write_list("sorted", sorted(drawn))
        self.cache = os.path.join(self.directory, "cache")

    def write_list(self, name, addresses):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as f:
            f.writelines("%x\n" % a for a in addresses)
        return path

    def run(self, argv, stdin=None):
        env = dict(os.environ, XDG_CACHE_HOME=self.cache)
        begun = time.monotonic()
        with open(stdin or os.devnull, "rb") as source:
            subprocess.run(argv, stdin=source, stdout=subprocess.DEVNULL,
                           env=env, check=True)
        return time.monotonic() - begun

    def profagent(self):
        return self.run([os.path.join(self.args.build, "tools", "profagent"),
                         "report", self.profile])

    def cold(self):
        shutil.rmtree(self.cache, ignore_errors=True)
        return self.profagent()

    def warm(self):
        if not os.path.isdir(self.cache):
            self.profagent()
        return self.profagent()

    def addr2line(self):
        return self.run(["addr2line", "-fie", self.program], self.drawn)

    def addr2line_sorted(self):
        return self.run(["addr2line", "-fie", self.program], self.sorted)

    def addr2line_demangled(self):
        return self.run(["addr2line", "-Cfie", self.program], self.drawn)

    def pprof(self, limit):
        """Seconds, or None if it was not done in time or is not there."""
        go = shutil.which("go") or "/usr/lib/go/bin/go"
        if not os.path.exists(go):
            return None
        begun = time.monotonic()
        child = subprocess.Popen([go, "tool", "pprof", "-top", self.profile],
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
            return None
        return time.monotonic() - begun


def interval(values):
    """The median and its 95 % interval by order statistics."""
    values = sorted(values)
    n = len(values)
    low = 0
    # The largest rank that the median is below in less than 2.5 % of cases.
    while sum(math.comb(n, k) for k in range(low + 1)) / 2 ** n < 0.025:
        low += 1
    low = max(low - 1, 0)
    return statistics.median(values), values[low], values[n - 1 - low]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--addresses", type=int, default=100000)
    bench = Bench(parser.parse_args())
    ways = {"report": bench.cold, "report, cached": bench.warm,
            "addr2line": bench.addr2line,
            "addr2line, sorted": bench.addr2line_sorted,
            "addr2line -C": bench.addr2line_demangled}
    times = {name: [] for name in ways}
    for _ in range(bench.args.rounds):
        for name in random.sample(list(ways), len(ways)):
            times[name].append(ways[name]())
    print("names of %d addresses of a C++ program of %d MiB, %d rounds" %
          (bench.count, os.path.getsize(bench.program) >> 20,
           bench.args.rounds))
    for name, values in times.items():
        print("  %-20s median %.2f s" % (name, statistics.median(values)))
    for ours in ("report", "report, cached"):
        for theirs in list(ways)[2:]:
            ratios = [b / a for a, b in zip(times[ours], times[theirs])]
            middle, low, high = interval(ratios)
            print("  %s is %.1f times faster than %s (95 %%: %.1f to %.1f; "
                  "budget %.0f)" % (ours, middle, theirs, low, high, BUDGET))
    took = bench.pprof(60)
    print("  go tool pprof -top   %s" %
          ("%.1f s" % took if took else "not there, or not done in 60 s"))


if __name__ == "__main__":
    main()
