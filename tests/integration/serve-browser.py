#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The live page of profagent serve in headless Chromium: see
serve-browser.mjs."""

import os
import subprocess

import lib
from lib import PROGRAMS, Scratch, profagent, tap, which
from agent import Program
from server import Server

HERE = os.path.dirname(os.path.abspath(__file__))


def watch(scratch, server, program):
    """Relays the cases; the program ends when the page is ready for it."""
    pictures = os.environ.get("PROFAGENT_TEST_PICTURES") or scratch.dir
    argv = [which("node"), os.path.join(HERE, "serve-browser.mjs"),
            server.origin, server.token, str(program.pid), pictures]
    seen = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    other = []
    for line in seen.stdout:
        line = line.rstrip("\n")
        if line.startswith("skip "):
            tap.skip("the live page", line[5:])
        elif line.startswith("ok "):
            tap.ok(True, line[3:])
        elif line.startswith("not ok "):
            tap.ok(False, line[7:])
        elif line == "ready to end":
            program.child.terminate()
            seen.stdin.write("\n")
            seen.stdin.flush()
        else:
            other.append(line)
            tap.note(line.lstrip("# "))
    tap.equal(seen.wait(60), 0, "the browser's test ended")


def main():
    with Scratch() as scratch:
        if not which("node"):
            tap.skip("the live page", "no node")
        elif "without libsoup" in profagent("serve", "--help").err:
            tap.skip("the live page", "built without libsoup")
        else:
            spans = os.path.join(PROGRAMS, "spans")
            with Program([spans, "600000"], scratch, START=0) as p:
                p.socket()
                with Server(scratch) as server:
                    watch(scratch, server, p)
    tap.done()


if __name__ == "__main__":
    main()
