#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Small objects of every kind that a profile may name, as inputs to begin with
for fuzz-objects: two compilers, DWARF 4 and 5, inlined calls, compressed
sections, a stripped one with its symbols in .gnu_debugdata, one whose debug
file is another, parts taken out by dwz, and split DWARF.

What a program is missing for is left out.

usage: objects.py DIRECTORY
"""

import os
import shutil
import subprocess
import sys
import tempfile

C = """int puts(const char *);
static inline int twice(int x) { return x * 2 + 1; }
__attribute__((noinline)) static int price(int x)
{ return twice(x) + twice(x + 3); }
int buy(int x) { puts("a"); return price(x) + 1; }
"""

CXX = """namespace shop {
struct cart { int n; __attribute__((noinline)) int add(int x); };
int cart::add(int x) { return n += x; }
namespace {
inline int twice(int x) { if (x) { int y = x * 2; return y + 1; } return x; }
__attribute__((noinline)) int price(cart &c, int x)
{ return c.add(twice(x)) + twice(c.n); }
}
int buy(cart &c, int x) { return price(c, x) + 1; }
}
"""

SMALL = ["-O2", "-fPIC", "-shared", "-nostdlib", "-fno-exceptions", "-w",
         "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=16",
         "-Wl,--hash-style=gnu", "-Qn", "-Wl,-z,norelro"]
KINDS = {
    "gcc4": ("gcc", ["-g", "-gdwarf-4"], "c"),
    "gcc5": ("gcc", ["-g", "-gdwarf-5"], "c"),
    "gcc5-64": ("gcc", ["-g", "-gdwarf-5", "-gdwarf64"], "c"),
    "gcc-z": ("gcc", ["-g", "-gz"], "c"),
    "gcc-z-gnu": ("gcc", ["-g", "-gz=zlib-gnu"], "c"),
    "gcc-types": ("g++", ["-g", "-fdebug-types-section"], "cc"),
    "gcc-plain": ("gcc", [], "c"),
    "g++4": ("g++", ["-g", "-gdwarf-4"], "cc"),
    "g++5": ("g++", ["-g", "-gdwarf-5"], "cc"),
    "clang4": ("clang", ["-g", "-gdwarf-4"], "c"),
    "clang5": ("clang", ["-g", "-gdwarf-5"], "c"),
    "clang++5": ("clang", ["-g", "-gdwarf-5"], "cc"),
    "clang++lines": ("clang", ["-gline-tables-only"], "cc"),
}


class Maker:
    def __init__(self, directory, scratch):
        self.directory, self.scratch = directory, scratch
        for name, text in (("small.c", C), ("small.cc", CXX)):
            with open(self.path(name), "w", encoding="ascii") as f:
                f.write(text)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def run(self, *argv):
        if not shutil.which(argv[0]):
            return False
        return subprocess.run(argv, cwd=self.scratch, check=False,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def keep(self, name, data):
        with open(os.path.join(self.directory, name), "wb") as f:
            f.write(data)

    def pair(self, name, first, second):
        """As fuzz-objects.c takes two files: 'S', the size of the first."""
        first = self.read(first)
        self.keep(name, b"S" + len(first).to_bytes(2, "little") + first +
                  self.read(second))

    def compile(self, compiler, flags, ending, out="object"):
        return self.run(compiler, *flags, *SMALL, "small." + ending, "-o", out)

    def plain(self):
        for name, (compiler, flags, ending) in KINDS.items():
            if not self.compile(compiler, flags, ending):
                continue
            self.keep(name, self.read("object"))
            many = bytearray(self.read("object"))
            many[15] = 1
            if name in ("g++5", "gcc5"):
                self.keep(name + "-many", bytes(many))

    def stripped(self):
        if not self.compile("gcc", ["-g", "-Wl,--build-id"], "c"):
            return
        self.run("objcopy", "--only-keep-debug", "object", "object.debug")
        self.run("objcopy", "--strip-all", "object", "bare")
        self.keep("stripped", self.read("bare"))
        self.pair("debug", "bare", "object.debug")
        self.run("objcopy", "--strip-debug", "object.debug", "mini")
        if self.run("xz", "-k", "mini") and self.run(
                "objcopy", "--add-section", ".gnu_debugdata=mini.xz", "bare"):
            self.keep("minidebug", self.read("bare"))

    def dwz(self):
        """What is in both of two objects goes into a third file."""
        same = ["-g", "-gdwarf-4", "-Wl,--build-id"]
        if self.compile("g++", same, "cc", "one") and self.compile(
                "g++", same + ["-O1"], "cc", "two") and self.run(
                    "dwz", "-m", "object.dwz", "-M", "object.dwz", "one",
                    "two"):
            self.pair("dwz", "one", "object.dwz")

    def split(self):
        for number in "4", "5":
            # -o object.so: the unit of it is object.so-small.dwo
            if self.run("gcc", "-g", "-gdwarf-" + number, "-gsplit-dwarf",
                        *[f for f in SMALL if not f.startswith("-Wl")
                          and f not in ("-shared", "-nostdlib")],
                        "-c", "small.c", "-o", "object.o") and self.run(
                    "gcc", *SMALL, "object.o", "-o", "object"):
                self.pair("split" + number, "object", "object.dwo")


def make(directory):
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        maker = Maker(directory, scratch)
        maker.plain()
        maker.stripped()
        maker.dwz()
        maker.split()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(sys.argv[1])
