#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs whose debug information is split from them, in .dwo files and in
packages of those (.dwp): each instruction drawn gets the names, the inlined
calls and the lines that it gets in the same program built whole, and those
that llvm-symbolizer finds.

Packages are read by elfutils from 0.191 on; with an older one it must say so.
"""

import ctypes
import json
import os
import re
import subprocess

import lib
import pprof
from lib import tap

DRAWN = 300
PACKAGES_SINCE = (0, 191)

# Each unit has functions of its own, the header's are in both.
HEADER = r"""
struct rate { long value, unit; };
static inline __attribute__((always_inline)) long
scale(const struct rate *r, long n)
{
	long sum = 0;

	for (long i = 0; i < n; i++)
		sum += r->value * (i ^ r->unit) % 1009;
	return sum;
}
static inline __attribute__((always_inline)) long
convert(const struct rate *r, long n)
{
	if (n & 1)
		return scale(r, n) + 1;
	return scale(r, n / 2) - r->unit;
}
"""

C_UNIT = r"""
#include "rates.h"
static __attribute__((noinline)) long @_local(const struct rate *r, long n)
{
	return convert(r, n) * 3 + scale(r, 7);
}
long @(long n)
{
	struct rate r = { n, 5 };

	if (n < 3)
		return @_local(&r, n);
	return @_local(&r, n) + convert(&r, n + 2);
}
"""

CC_UNIT = r"""
#include "rates.h"
namespace @ {
template <int N> struct Table {
	long cells[N];
	long fill(const rate &r)
	{
		for (int i = 0; i < N; i++)
			cells[i] = convert(&r, i);
		return cells[N / 2];
	}
};
namespace {
template <class F> __attribute__((noinline)) long each(F f, long n)
{
	long sum = 0;
	for (long i = 0; i < n; i++)
		sum += f(i);
	return sum;
}
}
__attribute__((noinline)) long all(long n)
{
	Table<16> small;
	Table<48> large;
	rate r = { n, 3 };

	return each([&](long i) {
			r.value += i;
			return small.fill(r);
		}, n) + large.fill(r);
}
}
long first_@(long n) { return @::all(n) + 1; }
"""

MAIN = {
    "c": "long one(long), two(long);\nint main(int c, char **v)\n{\n"
         "\t(void)v;\n\treturn (one(c) + two(c)) & 1;\n}\n",
    "cc": "long first_one(long), first_two(long);\nint main(int c, char **)\n"
          "{\n\treturn (first_one(c) + first_two(c)) & 1;\n}\n",
}
UNIT = {"c": C_UNIT, "cc": CC_UNIT}
UNITS = ("one", "two", "main")
COMPILERS = (("gcc", "c"), ("g++", "cc"), ("clang", "c"), ("clang++", "cc"))
PACKERS = ("dwp", "llvm-dwp")
PACKAGE_OF = {"dwp": "binutils, or binutils-gold", "llvm-dwp": "llvm"}


def elfutils_version():
    """Of the library that profagent is linked with."""
    libdw = ctypes.CDLL("libdw.so.1")
    libdw.dwfl_version.restype = ctypes.c_char_p
    libdw.dwfl_version.argtypes = [ctypes.c_void_p]
    return tuple(map(int, libdw.dwfl_version(None).decode().split(".")[:2]))


# --- programs ---------------------------------------------------------------

def write_sources(directory, language):
    os.makedirs(directory)
    texts = {"rates.h": HEADER, "main." + language: MAIN[language]}
    for unit in UNITS[:2]:
        texts["%s.%s" % (unit, language)] = UNIT[language].replace("@", unit)
    for name, text in texts.items():
        with open(os.path.join(directory, name), "w", encoding="ascii") as f:
            f.write(text)


def build(directory, compiler, language, version, *options):
    """Whether "cart" was built there, by `compiler` as it is."""
    for unit in UNITS:
        done = lib.run([compiler, "-O2", "-g", "-gdwarf-%d" % version,
                        *options, "-c", "%s.%s" % (unit, language), "-o",
                        unit + ".o"], cwd=directory)
        if done.status:
            return done
    return lib.run([compiler, "-Wl,--build-id", "-o", "cart",
                    *[u + ".o" for u in UNITS]], cwd=directory)


def section(path, name):
    """The bytes of a section."""
    out = subprocess.run(["objcopy", "-O", "binary", "--only-section=" + name,
                          path, "/dev/stdout"], capture_output=True,
                         check=True)
    return out.stdout


def instructions(program):
    """Addresses in the functions of our own: the same every time."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", program],
        capture_output=True, text=True, check=True).stdout
    found = [int(a, 16) for a in re.findall(r"^ +([0-9a-f]+):", listing,
                                            re.M)]
    step = max(1, len(found) // DRAWN)
    return found[::step]


# --- what is said of the addresses ------------------------------------------

def named(program, addresses):
    """{address: [(function, file, line), innermost first]} and what was said
    on standard error."""
    path = program + ".pb.gz"
    pprof.write_addresses(path, program, addresses)
    env = dict(os.environ, XDG_CACHE_HOME=program + ".cache")
    done = lib.profagent("export", "-f", "json", "-o", "-", path, env=env)
    said = json.loads(done.out) if done.status == 0 else {"locations": []}
    frames = {}
    for location in said["locations"]:
        lines = []
        for line in location.get("lines", []):
            f = said["functions"][line["function"]]
            lines.append((f["system_name"],
                          os.path.basename(f.get("file", "")),
                          line.get("line", 0)))
        frames[int(location["address"], 16) - pprof.LOADED_AT] = lines
    return frames, done.err


def plain(name):
    """Without what compilers add to clones, and the scopes that are added
    where DWARF has no linkage name. None: named after its lambdas, which
    every reader spells in a way of its own."""
    last = name.split(".")[0].split("::")[-1]
    if "<" in name or "IZN" in name or last == "operator()":
        return None
    return last


def symbolizer(program, addresses):
    """The frames by llvm-symbolizer, with plain names."""
    done = lib.run(["llvm-symbolizer", "--obj=" + program, "--no-demangle",
                    "--output-style=JSON", "--inlines"],
                   stdin="".join("0x%x\n" % a for a in addresses))
    frames = {}
    for text in done.out.splitlines():
        one = json.loads(text)
        frames[int(one["Address"], 16)] = [
            (plain(s["FunctionName"]), os.path.basename(s["FileName"]),
             s["Line"]) for s in one.get("Symbol", [])]
    return frames


def differences(got, expected):
    return ["%x: got %s, expected %s" % (a, got.get(a), frames)
            for a, frames in sorted(expected.items()) if got.get(a) != frames]


def of_our_functions(frames):
    """What startup files brought has no debug information."""
    return {a: f for a, f in frames.items() if f and f[0][1]}


def truth(directory, compiler, language, version, name):
    """The names in the program built whole; None if that cannot be."""
    done = build(directory, compiler, language, version)
    if not tap.ok(done.status == 0, name + ": built whole", done):
        return None
    program = os.path.join(directory, "cart")
    frames = of_our_functions(named(program, instructions(program))[0])
    inlined = sum(len(f) > 1 for f in frames.values())
    tap.ok(len(frames) > 100 and inlined > 50,
           name + ": has enough to compare",
           "%d addresses, %d in inlined calls" % (len(frames), inlined))
    check_symbolizer(name, program, frames)
    return frames


def check_named(name, program, expected):
    got, said = named(program, sorted(expected))
    wrong = differences(got, expected)
    tap.ok(not wrong and not said.strip(),
           "%s: all as in the whole program" % name,
           "%d of %d differ" % (len(wrong), len(expected)), said, *wrong[:9])


def check_symbolizer(name, program, frames):
    """The oracle of all that follows, asked of the whole program: old ones
    do not follow .dwo files."""
    if not lib.which("llvm-symbolizer"):
        tap.skip(name + ": as llvm-symbolizer says",
                 "llvm-symbolizer is not installed (llvm)")
        return
    ours = {a: [(plain(f[0]), *f[1:]) for f in list_]
            for a, list_ in frames.items()}
    wrong = differences(symbolizer(program, sorted(frames)), ours)
    tap.ok(not wrong, name + ": as llvm-symbolizer says",
           "%d of %d differ" % (len(wrong), len(ours)), *wrong[:9])


def check_unread(name, program, expected, reason):
    """Nothing to be had from the package: outer functions, and one line."""
    got, said = named(program, sorted(expected))
    tap.ok("without inlined calls" in said and re.search(reason, said) and
           said.count("\n") == 1, name + ": is said not to be read", said)
    wrong = [a for a, frames in expected.items() if not got.get(a) or
             plain(got[a][-1][0]) != plain(frames[-1][0])]
    tap.ok(not wrong, name + ": functions are named all the same",
           *["%x: %s" % (a, got.get(a)) for a in wrong[:9]])


def check_packed(name, directory, packer, expected):
    """With a package, and no .dwo file left."""
    program = os.path.join(directory, "cart")
    done = lib.run([packer, "-o", "cart.dwp", *[u + ".dwo" for u in UNITS]],
                   cwd=directory)
    if done.status or not os.path.exists(program + ".dwp"):
        tap.skip(name, "%s does not pack it: %s" %
                 (packer, done.err.strip().splitlines()[-1:]))
        return
    moved = [u + ".dwo" for u in UNITS]
    for file in moved:
        os.rename(os.path.join(directory, file),
                  os.path.join(directory, "away-" + file))
    if elfutils_version() < PACKAGES_SINCE:
        check_unread(name, program, expected, r"cart\.dwp, .*\(0\.191 does\)")
    elif packer == "dwp" and "DWARF 5" in name and named(program, sorted(expected))[1]:
        # What dwp of binutils makes of DWARF 5 has no units, or no index.
        check_unread(name, program, expected, r"neither .*cart\.dwp nor")
    else:
        check_named(name, program, expected)
    for file in moved:
        os.rename(os.path.join(directory, "away-" + file),
                  os.path.join(directory, file))
    os.unlink(program + ".dwp")


def check_packer(name, packer, is_gcc_5, check):
    if not lib.which(packer):
        tap.skip(name, "%s is not installed (%s)" %
                 (packer, PACKAGE_OF[packer]))
    elif packer == "llvm-dwp" and is_gcc_5:
        # It does not step over the values of DW_FORM_implicit_const.
        tap.skip(name, "llvm-dwp (14 to 22) never ends with gcc's DWARF 5")
    else:
        check(name, packer)


def check_program(scratch, compiler, language, version):
    name = "%s, DWARF %d" % (compiler, version)
    directory = scratch.path("%s-%d" % (compiler, version))
    program = os.path.join(directory, "cart")
    write_sources(directory, language)
    expected = truth(directory, compiler, language, version, name)
    if not expected:
        return
    code = section(program, ".text")
    done = build(directory, compiler, language, version, "-gsplit-dwarf")
    if not tap.ok(done.status == 0 and section(program, ".text") == code,
                  name + ": the same code without its DWARF", done):
        return
    check_named(name + ", .dwo", program, expected)
    for packer in PACKERS:
        check_packer("%s, .dwp by %s" % (name, packer), packer,
                     compiler.startswith("g") and version == 5,
                     lambda case, p: check_packed(case, directory, p,
                                                  expected))


def main():
    with lib.Scratch() as scratch:
        for compiler, language in COMPILERS:
            if not lib.which(compiler):
                tap.skip(compiler, compiler + " is not installed")
                continue
            for version in (4, 5):
                check_program(scratch, compiler, language, version)
    tap.done()


if __name__ == "__main__":
    main()
