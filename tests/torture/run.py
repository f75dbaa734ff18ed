#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Test suites of other projects, with the agent and without: the same results.

Each suite runs once without and once with the agent at 1000 Hz. The tests
whose results differ run three times more in both ways: one that is never good
with the agent and ever without it is a finding, the others are unsteady by
themselves. Then stress-ng's stressors, and processes killed at random moments.
What was seen is kept in WORK/results.json and becomes tests/TORTURE.md.

usage: run.py BUILD-DIRECTORY [--work DIR] [--only REGEX] [--parts REGEX]
              [--rate HZ] [--clock NAME] [--output FILE]
"""

import argparse
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suites  # noqa: E402

AGAIN = 3
STRESS_SECONDS = 5
KILLS = 1000

# What the system does most in a program's name: processes, threads, signals,
# timers, memory.
STRESSORS = """fork vfork vforkmany clone exec spawn daemon zombie wait
    pthread session pidfd set prctl sched resched schedpolicy nice context
    mutex futex sem sem-sysv switch pipe eventfd sockpair poll epoll
    signal sigabrt sigchld sigfd sigfpe sigio sigpending sigpipe sigq sigrt
    sigsegv sigsuspend sigtrap signest kill alarm timer timerfd itimer
    nanosleep sleep clock vm vm-rw mmap mremap mprotect madvise mlock brk
    malloc bigheap stack userfaultfd procfs""".split()


# What differs each time, and why.
EXPLAINED = [
    ("psync2:PSYNC2: .*#", "who replicates from whom is drawn by lot; every "
     "set that was tried is ok"),
    ("^vforkmany$", "2 of 11 runs with the agent and 0 of 11 without, with "
     "some 20 000 processes that wait for each other; the cause is not known"),
]


def explanation(name):
    for pattern, why in EXPLAINED:
        if re.search(pattern, name):
            return " (%s)" % why
    return ""


class Torture:
    def __init__(self, args):
        self.args = args
        self.work = suites.Work(args.work)
        self.agent = os.path.join(args.build, "agent", ".libs",
                                  "libprofagent.so")
        self.profagent = os.path.join(args.build, "tools", "profagent")
        self.store = self.work.path("results.json")
        self.results = {}
        if os.path.exists(self.store):
            with open(self.store, encoding="utf-8") as f:
                self.results = json.load(f)

    def save(self):
        with open(self.store, "w", encoding="utf-8") as f:
            json.dump(self.results, f, indent=1)

    def wanted(self, name):
        return re.search(self.args.only, name, re.I)

    def environment(self, profiles):
        """Of a run; profiles is None without the agent."""
        env = {k: v for k, v in os.environ.items()
               if k in ("PATH", "HOME", "USER", "LOGNAME", "TERM", "SHELL")}
        env["LANG"] = env["LC_ALL"] = "C.UTF-8"
        if profiles:
            env.update(LD_PRELOAD=self.agent,
                       PROFAGENT_RATE=self.args.rate,
                       PROFAGENT_CLOCK=self.args.clock,
                       PROFAGENT_LOG=os.path.join(profiles, "log"),
                       PROFAGENT_OUTPUT=os.path.join(profiles,
                                                     "%e.%p.pb.gz"))
        return env

    def profiles(self):
        """A fresh directory that everyone may write to."""
        path = tempfile.mkdtemp(prefix="torture-")
        os.chmod(path, 0o1777)
        return path

    # --- suites -----------------------------------------------------------

    def one(self, suite, part, agent, note):
        """{test: result} of one part, once."""
        profiles = self.profiles() if agent else None
        begin = time.monotonic()
        try:
            got = suite.run(self.work, self.environment(profiles), part)
            note["seconds"][agent] += time.monotonic() - begin
            if agent:
                self.look_at(profiles, part, note)
            return got
        finally:
            if profiles:
                shutil.rmtree(profiles, ignore_errors=True)

    def look_at(self, directory, part, note):
        """Every profile opens; the agent's complaints are kept."""
        for path in glob.glob(directory + "/*.pb.gz*"):
            done = subprocess.run([self.profagent, "report", "--no-symbols",
                                   path], capture_output=True, check=False)
            note["profiles"] += 1
            if done.returncode:
                note["unreadable"].append(
                    part + ": " + done.stderr.decode(errors="replace")[-200:])
        if os.path.exists(directory + "/log"):
            with open(directory + "/log", errors="replace",
                      encoding="utf-8") as f:
                for line in f:
                    self.count_complaint(line, note)

    @staticmethod
    def count_complaint(line, note):
        text = re.sub(r"\d+", "N", line.strip())[:120]
        if re.search("error|warning|cannot|refused", text):
            note["log"][text] = note["log"].get(text, 0) + 1

    def suite(self, suite):
        note = {"date": time.strftime("%Y-%m-%d"), "rate": self.args.rate,
                "clock": self.args.clock, "seconds": [0, 0], "without": {},
                "agent": {}, "profiles": 0, "unreadable": [], "log": {},
                "differences": {}}
        try:
            suite.prepare(self.work)
        except suites.Unavailable as error:
            note["skipped"] = str(error)
            return note
        parts = [p for p in suite.parts() if re.search(self.args.parts, p)]
        for part in parts:
            self.part(suite, part, note)
            self.results[suite.name] = note
            self.save()
        return note

    def part(self, suite, part, note):
        got = [self.one(suite, part, agent, note) for agent in (0, 1)]
        for key, results in zip(("without", "agent"), got):
            for word in results.values():
                note[key][word] = note[key].get(word, 0) + 1
        history = {t: [[g.get(t, "-")] for g in got]
                   for t in sorted(set(got[0]) | set(got[1]))
                   if got[0].get(t) != got[1].get(t)}
        for _ in range(AGAIN if history else 0):
            for agent in (0, 1):
                again = self.one(suite, part, agent, note)
                for test, both in history.items():
                    both[agent].append(again.get(test, "-"))
        note["differences"].update(history)
        print(part, sum(map(len, got)), "results,", len(history), "differ",
              {t: b for t, b in history.items() if finding(b)} or "",
              flush=True)

    # --- stress-ng --------------------------------------------------------

    def stress(self):
        if not shutil.which("stress-ng"):
            return {"skipped": "no stress-ng"}
        known = subprocess.run(["stress-ng", "--stressors"], check=True,
                               capture_output=True, text=True).stdout.split()
        note = {"seconds": STRESS_SECONDS, "stressors": {}}
        for name in STRESSORS:
            if name in known:
                note["stressors"][name] = [self.stressor(name, agent)
                                           for agent in (False, True)]
        return note

    def stressor(self, name, agent):
        profiles = self.profiles()
        try:
            status, out = suites.command(
                ["stress-ng", "--" + name, "2", "--timeout",
                 "%ds" % STRESS_SECONDS, "--vm-bytes", "64M",
                 "--bigheap-growth", "64K", "--temp-path", profiles],
                env=self.environment(profiles if agent else None),
                cwd=profiles, seconds=STRESS_SECONDS + 180,
                log=self.work.log("stress-ng"))
        finally:
            shutil.rmtree(profiles, ignore_errors=True)
        if status == 0:
            return "skipped" if "skip" in out and "unsuccess" not in out \
                and "successful" not in out else "ok"
        return "status %d: %s" % (status, out.strip()[-200:])

    # --- kill -9 ----------------------------------------------------------

    def killed(self):
        script = os.path.join(os.path.dirname(os.path.dirname(
            os.path.abspath(__file__))), "integration", "killed.py")
        env = dict(os.environ, top_builddir=self.args.build)
        begin = time.monotonic()
        status, out = suites.command(["/usr/bin/python3", script, str(KILLS)],
                                     env=env, seconds=7200,
                                     log=self.work.log("killed"))
        return {"kills": KILLS, "status": status, "said": out.splitlines(),
                "seconds": round(time.monotonic() - begin)}

    # --- all --------------------------------------------------------------

    def run(self):
        for suite in suites.ALL:
            if self.wanted(suite.name):
                print("==", suite.name, flush=True)
                self.results[suite.name] = self.suite(suite)
                self.save()
        for name, step in (("stress-ng", self.stress),
                           ("killed", self.killed)):
            if self.wanted(name):
                print("==", name, flush=True)
                self.results[name] = step()
                print(json.dumps(self.results[name])[:2000], flush=True)
                self.save()


# --- the page --------------------------------------------------------------

def counts(counter):
    return ", ".join("%d %s" % (n, word) for word, n in
                     sorted(counter.items(), key=lambda x: -x[1]))


def finding(both):
    """Whether only the agent explains the difference."""
    bare, agent = both
    return not set(agent) & set(bare)


def suite_lines(name, note):
    if "skipped" in note:
        return ["### " + name, "", "Not run: " + note["skipped"], ""]
    findings = {t: b for t, b in note["differences"].items() if finding(b)}
    lines = ["### " + name, "",
             "%s Hz, clock %s. Without: %s. With: %s. %d profiles, %d of "
             "them did not open. %d results differed once; %d of them each "
             "time." % (
                 note["rate"], note["clock"], counts(note["without"]),
                 counts(note["agent"]), note["profiles"],
                 len(note["unreadable"]), len(note["differences"]),
                 len(findings)), ""]
    for test, (bare, agent) in sorted(note["differences"].items()):
        lines.append("- %s%s: without %s; with %s%s" % (
            "**each time** " if test in findings else "", test,
            ", ".join(bare), ", ".join(agent),
            explanation(test) if test in findings else ""))
    return lines + [""] * bool(note["differences"])


def stress_lines(note):
    if "skipped" in note:
        return ["Not run: " + note["skipped"]]
    good = [n for n, (a, b) in note["stressors"].items() if a == b == "ok"]
    lines = ["%d stressors, 2 instances each, %d s each without and with: %d "
             "end well both times: %s." % (
                 len(note["stressors"]), note["seconds"], len(good),
                 " ".join(good)), ""]
    for name, (bare, agent) in note["stressors"].items():
        if name not in good:
            lines.append("- %s: without %s; with %s%s" % (
                name, bare, agent.replace("\n", " "), explanation(name)))
    return lines


def page(results):
    lines = ["# Torture", "",
             "Made by `make torture`; Linux %s, glibc %s, %d cores." % (
                 platform.release().split("-")[0], platform.libc_ver()[1],
                 os.cpu_count()), "",
             "## Test suites of other projects", ""]
    for suite in suites.ALL:
        if suite.name in results:
            lines += suite_lines(suite.name, results[suite.name])
    if "stress-ng" in results:
        lines += ["## stress-ng", ""] + stress_lines(results["stress-ng"])
        lines.append("")
    if "killed" in results:
        note = results["killed"]
        lines += ["## kill -9", "", "%d processes killed at random moments, "
                  "%d s:" % (note["kills"], note["seconds"]), ""]
        lines += ["    " + line for line in note["said"]]
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--work")
    parser.add_argument("--only", default="")
    parser.add_argument("--parts", default="")
    parser.add_argument("--rate", default="1000")
    parser.add_argument("--clock", default="auto")
    parser.add_argument("--output")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    args.work = args.work or os.path.join(args.build, "torture")
    torture = Torture(args)
    torture.run()
    if args.output:
        with open(args.output, "w", encoding="utf-8") as f:
            f.write(page(torture.results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
