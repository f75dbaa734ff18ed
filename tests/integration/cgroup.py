# SPDX-License-Identifier: MIT
"""A control group of one's own: programs that get a part of a CPU, little
memory, few threads. Version 2, or version 1 with a hierarchy for each."""

import itertools
import os
import subprocess
import time

PERIOD_US = 100000
ROOT = "/sys/fs/cgroup"

# What a limit is called: of version 1 its controller and files, of 2 one file.
V1 = {"cpu": ("cpu", {"cpu.cfs_period_us": lambda n: PERIOD_US,
                      "cpu.cfs_quota_us": lambda n: n * PERIOD_US // 100}),
      "memory": ("memory", {"memory.limit_in_bytes": lambda n: n,
                            "memory.memsw.limit_in_bytes": lambda n: n}),
      "pids": ("pids", {"pids.max": lambda n: n})}
V2 = {"cpu": {"cpu.max": lambda n: "%d %d" % (n * PERIOD_US // 100,
                                              PERIOD_US)},
      "memory": {"memory.max": lambda n: n, "memory.swap.max": lambda n: 0},
      "pids": {"pids.max": lambda n: n}}
OPTIONAL = ("memory.memsw.limit_in_bytes", "memory.swap.max")
numbers = itertools.count()


def own_groups():
    """controller -> directory of this process's group; "" that of version 2."""
    found = {}
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        for line in f:
            _, names, path = line.rstrip("\n").split(":", 2)
            for name in names.split(","):
                top = os.path.join(ROOT, name) if name else ROOT
                if os.path.isdir(top + path):
                    found[name] = top + path
    return found


def write(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="ascii") as f:
        f.write(str(value))


class Cgroup:
    """Limits: cpu (percent of one), memory (bytes), pids (tasks). Below our own
    group; of version 2 below the nearest above it whose children may have
    such limits, for a group with processes in it gives none to children."""

    def __init__(self, **limits):
        self.limits = limits
        self.name = "profagent-test-%d-%d" % (os.getpid(), next(numbers))
        self.dirs = []

    def make(self):
        """Why there is none, or None."""
        try:
            for limit, value in self.limits.items():
                self.add(limit, value)
        except (OSError, KeyError) as e:
            self.remove()
            return str(e)
        return None

    def add(self, limit, value):
        own = own_groups()
        if V1[limit][0] in own:
            self.fill(own[V1[limit][0]], V1[limit][1], value)
        elif "" in own:
            self.fill(self.above(own[""], limit), V2[limit], value)
        else:
            raise OSError("no cgroup with the controller " + limit)

    @staticmethod
    def above(directory, limit):
        while directory.startswith(ROOT):
            with open(os.path.join(directory, "cgroup.subtree_control"),
                      encoding="ascii") as f:
                if limit in f.read().split():
                    return directory
            directory = os.path.dirname(directory)
        raise OSError("the controller %s is not for children" % limit)

    def fill(self, parent, files, value):
        path = os.path.join(parent, self.name)
        if path not in self.dirs:
            os.mkdir(path)
            self.dirs.append(path)
        for name, text in files.items():
            if name not in OPTIONAL or os.path.exists(
                    os.path.join(path, name)):
                write(path, name, text(value))

    def enter(self):
        """In the child that is to run there."""
        for path in self.dirs:
            write(path, "cgroup.procs", 0)

    def start(self, argv, env, **kwargs):
        return subprocess.Popen(argv, env=env, preexec_fn=self.enter,
                                stdin=subprocess.DEVNULL, **kwargs)

    def remove(self):
        """All that ran in it has ended; the kernel may need a moment more."""
        for path in self.dirs:
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.05)
        self.dirs = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()
