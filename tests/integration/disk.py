#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Disks that are full, for a while or for good, and files and directories
that vanish: the program does not notice, one line says so, and what was
sampled comes once there is room.
"""

import os
import subprocess
import time

import agent
import lib
from lib import tap

WORK = os.path.join(lib.PROGRAMS, "killed")
SHARES = os.path.join(lib.PROGRAMS, "shares")


class SmallDisk:
    """A tmpfs in place of the directory of profiles; None where we may not."""

    def __init__(self, scratch, size):
        self.dir, self.size = scratch.profiles, size
        self.mounted = False
        self.filler = os.path.join(self.dir, "filler")

    def __enter__(self):
        if os.geteuid() == 0:
            done = lib.run(["mount", "-t", "tmpfs", "-o",
                            "size=%s,mode=0777" % self.size, "none", self.dir])
            self.mounted = done.status == 0
        return self if self.mounted else None

    def fill(self):
        with open(self.filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"f" * 4096)
            except OSError:
                pass

    def make_room(self):
        os.remove(self.filler)

    def __exit__(self, *exc):
        if self.mounted:
            lib.run(["umount", "-l", self.dir])


def profiles(scratch):
    return [f for f in scratch.files() if not f.endswith("filler")]


def is_said_once(text):
    lines = text.splitlines()
    return len(lines) == 1 and "cannot write" in lines[0]


def check_full(name="full disk"):
    with lib.Scratch() as scratch, SmallDisk(scratch, "512k") as disk:
        if not disk:
            return tap.skip(name, "a small file system cannot be mounted here")
        disk.fill()
        plain = lib.run([SHARES, "400"], scratch.env(agent=False), scratch.dir)
        got = lib.run([SHARES, "400"], scratch.env(FLUSH="50ms"), scratch.dir)
        tap.ok(got.status == plain.status and
               lib.without_expectations(got.out) ==
               lib.without_expectations(plain.out),
               name + ": the program runs", got)
        tap.ok(is_said_once(got.err), name + ": one line says so", got)
        tap.equal((profiles(scratch), scratch.regions()), ([], []),
                  name + ": nothing half is left")
    return None


def sampled_ns(scratch):
    files = profiles(scratch)
    return sum(v for _, v in lib.folded(files, scratch)) if files else 0


def check_full_for_a_while(name="full for a while"):
    """File and subscriber both get each sample once."""
    with lib.Scratch() as scratch, SmallDisk(scratch, "512k") as disk:
        if not disk:
            return tap.skip(name, "a small file system cannot be mounted here")
        # It begins when the subscriber comes.
        with agent.Program([WORK, "60000"], scratch, FLUSH="100ms", START="0",
                           RATE="200") as program:
            path = program.socket()
            watcher = agent.Watcher(path)
            lib.wait_for(lambda: profiles(scratch), 30)
            disk.fill()
            time.sleep(1.5)
            before = sampled_ns(scratch)
            disk.make_room()
            lib.wait_for(lambda: sampled_ns(scratch) > before + 200e6, 30)
            asked = agent.Agent(path)
            tap.ok(asked.ask("pause").get("ok"), name + ": pauses")
            health = asked.ask("status")
            lib.wait_for(lambda: watcher.expirations() >=
                         health["expirations"], 20)
            tap.equal(health["lost"], 0, name + ": no sample is lost")
            tap.equal(watcher.expirations(), health["expirations"],
                      name + ": a subscriber sees each sample once")
            tap.equal(sampled_ns(scratch), health["sampled_ns"],
                      name + ": the file has each sample once")
    return None


def check_vanished(name, vanish, expected):
    """What was written goes with it; what follows is in a new file."""
    with lib.Scratch() as scratch:
        with subprocess.Popen([SHARES, "3000"], env=scratch.env(FLUSH="100ms"),
                              cwd=scratch.dir, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as child:
            lib.wait_for(scratch.files, 30)
            vanish(scratch)
            err = child.communicate(timeout=120)[1]
        tap.equal(child.returncode, 0, name + ": the program runs")
        tap.ok(expected(err), name + ": what is said", err)
        files = [os.path.join(d, f) for top in (scratch.dir, scratch.runtime)
                 for d, _, names in os.walk(top)
                 for f in names if f.endswith(".pb.gz")]
        stacks = lib.folded(files, scratch) if files else []
        total = sum(value for _, value in stacks)
        tap.ok(len(files) == 1 and total > 1e9,
               name + ": the rest is in one file", files, total)
        tap.equal(scratch.regions(), [], name + ": nothing is left behind")


def remove_file(scratch):
    os.remove(scratch.files()[0])


def remove_directory(scratch):
    remove_file(scratch)
    os.rmdir(scratch.profiles)


def main():
    check_full()
    check_full_for_a_while()
    check_vanished("file vanishes", remove_file, lambda err: err == "")
    check_vanished("directory vanishes", remove_directory, is_said_once)
    tap.done()


if __name__ == "__main__":
    main()
