#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the preloaded library asks of a program and gives to it: libc alone,
old symbols only, everything bound at start, and no name but its map's.
"""

import os
import re

import lib
from lib import tap

MAP = os.path.join(lib.SRC, "agent", "libprofagent.map")
NEWEST = (2, 28)


def readelf(*options):
    return lib.run(["readelf", "-W", *options, lib.AGENT]).out


def names_of_map():
    text = re.sub(r"/\*.*?\*/|#.*", "", open(MAP, encoding="utf-8").read(),
                  flags=re.S)
    exported = re.search(r"global:(.*?)local:", text, re.S).group(1)
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*\*?", exported))


def symbols():
    """(name with version, defined, binding) of .dynsym"""
    for line in readelf("--dyn-syms").splitlines():
        cells = line.split()
        if len(cells) >= 8 and cells[0].rstrip(":").isdigit():
            yield cells[7], cells[6] != "UND", cells[4]


def check_needed():
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d")))
    extra = needed - {"libc.so.6", "ld-linux-x86-64.so.2"}
    tap.ok(not extra, "needs libc alone", sorted(needed))


def check_versions():
    newer = [name for name, defined, _ in symbols() if not defined
             for v in re.findall(r"@GLIBC_([0-9.]+)", name)
             if tuple(int(x) for x in v.split(".")) > NEWEST]
    versions = re.findall(r"Name: GLIBC_([0-9.]+)", readelf("-V"))
    newer += [v for v in versions
              if tuple(int(x) for x in v.split(".")) > NEWEST]
    tap.ok(not newer, "asks for no symbol newer than GLIBC_2.28", newer)
    other = [v for v in re.findall(r"Name: (\S+)", readelf("-V"))
             if not v.startswith("GLIBC_")]
    tap.ok(not other, "asks for symbols of libc alone", other)


def check_exports():
    exported = {name.split("@")[0] for name, defined, binding in symbols()
                if defined and binding != "LOCAL"}
    tap.equal(sorted(exported), sorted(names_of_map()),
              "exports its map and nothing else")
    tap.ok(not any("@" in name for name, defined, _ in symbols() if defined),
           "gives its names no version")


def check_flags():
    dynamic, segments = readelf("-d"), readelf("-l")
    tap.ok(re.search(r"FLAGS.*\bNOW\b", dynamic), "is bound at start")
    tap.ok(re.search(r"FLAGS.*\bNODELETE\b", dynamic), "is never unloaded")
    tap.ok("TEXTREL" not in dynamic, "has no relocations in its code")
    tap.ok("RPATH" not in dynamic and "RUNPATH" not in dynamic,
           "has no search path of its own")
    tap.ok(re.search(r"GNU_STACK\s.*\sRW\s", segments),
           "needs no executable stack", segments)
    tap.ok(readelf("-h").find("DYN") > 0 and "libprofagent.so" in dynamic,
           "is called libprofagent.so")


def check_tls():
    names = {name.split("@")[0] for name, _, _ in symbols()}
    tap.ok("__tls_get_addr" not in names,
           "has no thread-local variable that needs a call")
    size = re.search(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)",
                     readelf("-l"), re.M)
    tap.ok(not size or int(size.group(1), 16) <= 256,
           "takes at most 256 bytes of static TLS")


def main():
    if not lib.which("readelf"):
        tap.skip("linkage", "readelf is not installed (binutils)")
        tap.done()
    check_needed()
    check_versions()
    check_exports()
    check_flags()
    check_tls()
    tap.done()


if __name__ == "__main__":
    main()
