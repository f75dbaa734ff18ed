# SPDX-License-Identifier: MIT
"""What the integration tests share: TAP, runs with and without the agent, and
what the reader says about the profiles.

A test is a function that is called between tap.begin() and tap.end(); it says
tap.ok() for each case. Nothing it starts outlives it, nothing is written but
below a directory of its own.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SRC = os.environ.get("top_srcdir") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("top_builddir") or os.getcwd()
AGENT = os.path.join(BUILD, "agent", ".libs", "libprofagent.so")
# Another build of it, with sanitizers say, can be tried.
PROFAGENT = os.environ.get("TOOL") or os.path.join(BUILD, "tools", "profagent")
NOT_SAMPLED = "[not sampled]"
PROGRAMS = os.path.join(BUILD, "tests", "programs")


class Tap:
    """Test Anything Protocol on stdout; the plan comes last. Any thread."""

    def __init__(self):
        self.lock = threading.RLock()
        self.count = 0
        self.failed = 0
        self.begun = time.monotonic()

    def _line(self, good, name, rest=""):
        name = name.replace("#", "").replace("\n", " ")
        with self.lock:
            self.count += 1
            self.failed += not good
            print("%sok %d - %s%s" % ("" if good else "not ", self.count,
                                      name, rest), flush=True)

    def ok(self, good, name, *diagnosis):
        """One case. The diagnosis is printed when it failed."""
        with self.lock:
            self._line(bool(good), name)
            if not good:
                self.note(*diagnosis)
        return bool(good)

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, "got:      %r" % (got,),
                       "expected: %r" % (expected,))

    def skip(self, name, reason):
        self._line(True, name, " # SKIP " + reason)

    def note(self, *texts):
        for text in texts:
            for line in str(text).splitlines()[:60]:
                print("# " + line, flush=True)

    def done(self):
        self.note("took %.0f s" % (time.monotonic() - self.begun))
        print("1..%d" % self.count, flush=True)
        sys.exit(1 if self.failed else 0)


tap = Tap()


def memory_directory():
    """Where the agent puts its regions unless told otherwise, if there is room;
    a disk that is busy makes every process late. None: no such place."""
    try:
        at = os.statvfs("/dev/shm")
    except OSError:
        return None
    room = at.f_bavail * at.f_frsize
    return ("/dev/shm" if room >= 1 << 30 and os.access("/dev/shm", os.W_OK)
            else None)


class Scratch:
    """A directory that goes away, with one for profiles and one for regions."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="profagent-test-")
        os.chmod(self.dir, 0o755)
        self.profiles = os.path.join(self.dir, "profiles")
        # For everyone: a test gives its rights up and goes on writing.
        os.mkdir(self.profiles)
        os.chmod(self.profiles, 0o1777)
        self.runtime = tempfile.mkdtemp(prefix="profagent-test-",
                                        dir=memory_directory() or self.dir)
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.runtime, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def env(self, agent=True, **settings):
        """The environment of a run; settings are PROFAGENT_*."""
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("PROFAGENT_") and k != "LD_PRELOAD"}
        env["XDG_RUNTIME_DIR"] = self.runtime
        if agent:
            env["LD_PRELOAD"] = AGENT
        env["PROFAGENT_RATE"] = "250"
        env["PROFAGENT_OUTPUT"] = os.path.join(self.profiles, "%e.%p.pb.gz")
        for key, value in settings.items():
            env["PROFAGENT_" + key] = str(value)
        return env

    def files(self):
        """The profiles written so far."""
        return sorted(os.path.join(self.profiles, name)
                      for name in os.listdir(self.profiles))

    def regions(self):
        """Regions left behind: none after a clean exit."""
        return sorted(os.path.join(d, f)
                      for d, _, files in os.walk(self.runtime)
                      for f in files if f.endswith(".region"))


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err = status, out, err
        self.seconds = seconds

    def __str__(self):
        return "status %s\nstdout: %s\nstderr: %s" % (
            self.status, self.out[-2000:], self.err[-2000:])


def run(argv, env=None, cwd=None, timeout=120, stdin=None):
    """Runs to the end. A negative status is a signal, as in subprocess."""
    begin = time.monotonic()
    with subprocess.Popen(
            argv, env=env, cwd=cwd, text=True, errors="replace",
            stdin=subprocess.PIPE if stdin is not None
            else subprocess.DEVNULL, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            out, err = child.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            # Its own session: everything it started goes with it.
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
            err += "\n(killed after %d s)" % timeout
    return Result(child.returncode, out, err, time.monotonic() - begin)


def profagent(*args, env=None, timeout=120):
    return run([PROFAGENT] + list(args), env=env, timeout=timeout)


def report(args, files, scratch=None):
    """profagent report: its stdout, or a failed case and ""."""
    env = dict(os.environ)
    if scratch:
        env["XDG_RUNTIME_DIR"] = scratch.runtime
    done = profagent("report", *args, *files, env=env)
    if done.status != 0:
        tap.ok(False, "profagent report %s" % " ".join(args), done)
        return ""
    return done.out


def folded(files, scratch=None, *options):
    """[(frames, root first; value)] of one view of all files."""
    stacks = []
    for line in report(["--folded", *options], files, scratch).splitlines():
        stack, value = line.rsplit(" ", 1)
        stacks.append((stack.split(";"), int(value)))
    return stacks


def report_json(args, files, scratch=None):
    text = report(["--json"] + list(args), files, scratch)
    return json.loads(text) if text else {}


def frame_is(frame, name):
    """Whether a frame is that function, written with or without arguments."""
    return frame == name or frame.split("(")[0] == name.split("(")[0]


def share(stacks, name):
    """Inclusive percentage of a function."""
    total = sum(value for _, value in stacks)
    part = sum(value for frames, value in stacks
               if any(frame_is(f, name) for f in frames))
    return 100.0 * part / total if total else 0.0


def without_expectations(text):
    return "".join(line for line in text.splitlines(True)
                   if not line.startswith("expect "))


def expectations(text):
    return [line.split()[1:] for line in text.splitlines()
            if line.startswith("expect ")]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def which(name):
    """Path of a program, the distribution's own before any other."""
    path = "/usr/bin:/usr/sbin:/bin:/sbin:" + os.environ.get("PATH", "")
    return shutil.which(name, path=path)


def go_pprof(*args, timeout=120):
    """go tool pprof, kept from the network and from people's settings."""
    with tempfile.TemporaryDirectory() as home:
        env = dict(os.environ, HOME=home, PPROF_TMPDIR=home,
                   GOFLAGS="-mod=mod", GOTOOLCHAIN="local")
        return run([which("go"), "tool", "pprof"] + list(args), env=env,
                   timeout=timeout)


def go_total_ns(text):
    """Total of `go tool pprof -top`, "Showing nodes accounting for"."""
    found = re.search(r"of ([0-9.]+)(ns|us|ms|s|mins|hrs) total", text)
    if not found:
        return None
    unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "mins": 60e9,
            "hrs": 3600e9}[found.group(2)]
    return float(found.group(1)) * unit
