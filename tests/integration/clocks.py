#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The clocks: weights that sum to the CPU time at any rate, programs in step
with the kernel's tick, blocked time, no interrupted call, limits and refusals,
and the overhead budget.

	clocks.py [sums] [step] [calls] [wall] [limits] [budget] [bars]

CLOCKS_FULL=1 tries all combinations, which takes ten minutes; EINTR_SECONDS is
how long each clock has to interrupt a call, 3 by default, and with 60 or more
102 threads wait instead of 17. `bars` is run on request only: BARS_RUNS times, 40
by default, the error bars of known shares are compared with the truth.
"""

import concurrent.futures
import os
import sys

import lib
from lib import tap

P = lib.PROGRAMS
FULL = os.environ.get("CLOCKS_FULL", "") not in ("", "0")
BARS_RUNS = int(os.environ.get("BARS_RUNS", "40"))
EINTR_SECONDS = int(os.environ.get("EINTR_SECONDS", "3"))


def path(program):
    return os.path.join(P, program)


def too_busy():
    """Why shares of elapsed time cannot be compared, or None."""
    load = os.getloadavg()[0] / os.cpu_count()
    return ("%.1f others wait for each CPU: what threads wait for is mostly "
            "that" % load if load > 1.5 else None)


def run(scratch, argv, timeout=300, **settings):
    return lib.run([path(argv[0])] + [str(a) for a in argv[1:]],
                   scratch.env(**settings), scratch.dir, timeout)


def files_of(scratch, program):
    return [f for f in scratch.files()
            if os.path.basename(f).startswith(program + ".")]


def health_of(scratch, files=None):
    return lib.report_json([], files or scratch.files(),
                           scratch).get("health", {})


def total(scratch, sample_type="cpu"):
    """All of the profile, what no sample stands for included."""
    found = lib.report_json(["--type", sample_type], scratch.files(), scratch)
    return found["profile"]["total"] if found else 0


def rows(scratch, *options):
    found = lib.report_json(list(options) + ["--limit", "0"], scratch.files(),
                            scratch)
    return {row["name"]: row for row in found.get("rows", [])}


def perf_is_permitted():
    """With time in the kernel, which auto insists on."""
    try:
        with open("/proc/sys/kernel/perf_event_paranoid") as f:
            return os.geteuid() == 0 or int(f.read()) <= 1
    except OSError:
        return False


# --- sums ------------------------------------------------------------------------

SUMS = [
    ("auto", 99, ["shares", 1500]),
    ("auto", 10000, ["shares", 1500]),
    ("cputime", 10, ["shares", 2500]),
    ("ticker", 1000, ["short-threads", 128, 10000, 64]),
    ("cputime", 99, ["short-threads", 128, 10000, 64]),
    ("perf", 1000, ["short-threads", 5000, 20]),
    ("auto", 99, ["short-threads", 5000, 20]),
    ("itimer", 250, ["shares", 1500]),
]

# One thread, 200, and 50 000 that live 20 us; longer ones are fewer.
SUMS_FULL = [
    ("auto", rate, argv)
    for rate in [10, 99, 1000, 10000]
    for argv in [["shares", 3000],
                 ["short-threads", 200, 10000, 64],
                 ["short-threads", 50000, 20],
                 ["short-threads", 10000, 200],
                 ["short-threads", 2000, 2000],
                 ["short-threads", 200, 20000]]
] + [
    (clock, rate, argv)
    for clock in ["cputime", "perf", "ticker", "itimer"]
    for rate, argv in [(10, ["shares", 3000]), (10000, ["shares"]),
                       (1000, ["short-threads", 200, 10000, 64]),
                       (99, ["short-threads", 50000, 20])]
]


def check_sum(clock, rate, argv):
    name = "%s at %d Hz, %s" % (clock, rate, " ".join(map(str, argv)))
    with lib.Scratch() as scratch:
        done = run(scratch, argv, CLOCK=clock, RATE=rate)
        said = [w for w in lib.expectations(done.out) if w[0] == "cpu-ns"]
        if done.status != 0 or not said or not scratch.files():
            tap.ok(False, name + ": a profile", done)
            return
        health = health_of(scratch)
        # The program counts us with it; our beginning is a few ms.
        truth = float(said[0][1]) - health["flusher_cpu_ns"]
        got = total(scratch)
        if FULL:
            tap.note("%s: %.2f %% of %.0f ms, %.0f Hz achieved" % (
                name, 100 * got / truth, truth / 1e6, health["achieved_hz"]))
        tap.ok(abs(got - truth) <= 0.01 * truth + 6e6,
               name + ": weights are the CPU time",
               "%.1f ms of %.1f ms" % (got / 1e6, truth / 1e6), health)
        tap.ok(health["lost"] == 0 or got > 0.99 * truth,
               name + ": what was lost was made up for", health)


def sums():
    for case in SUMS_FULL if FULL else SUMS:
        yield (check_sum,) + case


# --- error bars ----------------------------------------------------------------------

def bars_of_run(clock, rate):
    """[(covered, function, interval, truth)] of one run."""
    with lib.Scratch() as scratch:
        done = run(scratch, ["shares", 800], CLOCK=clock, RATE=rate)
        found, said = rows(scratch), lib.expectations(done.out)
        # The program counts our thread with its own; the profile does not.
        cpu = [float(w[1]) for w in said if w[0] == "cpu-ns"][0]
        more = cpu / (cpu - health_of(scratch)["flusher_cpu_ns"])
        return [(found[w[1]]["total_low"] <= float(w[2]) * more <=
                 found[w[1]]["total_high"], w[1],
                 (found[w[1]]["total_low"], found[w[1]]["total_high"]),
                 float(w[2]) * more)
                for w in said
                if w[0] == "share" and w[1] != "main" and w[1] in found]


def check_bars(clock, rate):
    """Of 95 % intervals 94 % hold the truth; or so many that it may be luck."""
    bars = sum((bars_of_run(clock, rate) for _ in range(BARS_RUNS)), [])
    held, number = sum(b[0] for b in bars), len(bars)
    tap.note("%s at %d Hz: %d of %d intervals hold the truth: %.1f %%" % (
        clock, rate, held, number, 100 * held / number))
    # Two standard deviations of a binomial count.
    least = 0.94 * number - 2 * (number * 0.94 * 0.06) ** 0.5
    tap.ok(held >= least, "%s at %d Hz: error bars hold the truth" % (
        clock, rate), [b for b in bars if not b[0]])


def bars():
    for clock, rate in [("auto", 99), ("auto", 1000), ("cputime", 250),
                        ("ticker", 1000)]:
        yield check_bars, clock, rate


# --- in step with the tick -----------------------------------------------------------

# A busy machine leaves the program little time.
TOO_FEW = "%d samples are too few"


def shares_of(scratch, done, *options):
    """[(function, got, expected, samples)], of both functions together."""
    found = rows(scratch, *options)
    wanted = [w for w in lib.expectations(done.out) if w[0] == "share"]
    both = [found[w[1]] for w in wanted if w[1] in found]
    total = sum(r["total_ns"] for r in both) or 1
    samples = sum(r["total_samples"] for r in both)
    return [(w[1], 100 * found[w[1]]["total_ns"] / total
             if w[1] in found else 0.0, float(w[2]), samples) for w in wanted]


def check_step(clock, period, points):
    name = "%s, woken every %d ms" % (clock, period)
    with lib.Scratch() as scratch:
        done = run(scratch, ["lockstep", period, 10 if FULL else 6],
                   CLOCK=clock, RATE=1000)
        health = health_of(scratch)
        if clock == "perf" and "perf" not in "".join(health["clocks"]):
            tap.skip(name, "perf events are not permitted here")
            return
        if clock == "ticker" and too_busy():
            tap.skip(name, too_busy())
            return
        for function, got, expected, samples in shares_of(scratch, done):
            if samples < 1500:
                tap.skip("%s: share of %s" % (name, function), TOO_FEW %
                         samples)
                continue
            if FULL:
                tap.note("%s: %s %.2f %%, really %.2f" % (name, function, got,
                                                          expected))
            tap.ok(abs(got - expected) <= points,
                   "%s: share of %s" % (name, function),
                   "%.2f %%, really %.2f" % (got, expected), health)


def check_auto(period):
    name = "auto at 99 Hz, woken every %d ms" % period
    with lib.Scratch() as scratch:
        done = run(scratch, ["lockstep", period, 8], CLOCK="auto", RATE=99)
        health = health_of(scratch)
        clocks, notes = "".join(health["clocks"]), "\n".join(health["notes"])
        if perf_is_permitted():
            tap.ok("perf" in clocks and "sleep between ticks" in notes,
                   name + ": the thread was moved to perf", clocks, notes)
            # What came before the move is the reason for it.
            for function, got, expected, samples in shares_of(
                    scratch, done, "--from", "3"):
                if samples < 150:
                    tap.skip("%s: share of %s" % (name, function), TOO_FEW %
                             samples)
                    continue
                tap.ok(abs(got - expected) <= 12,
                       "%s: share of %s" % (name, function),
                       "%.2f %%, really %.2f" % (got, expected), health)
        else:
            tap.ok("ticker" in notes, name + ": says what would help", notes)


def check_auto_unprivileged():
    name = "auto without permission, woken every 4 ms"
    if os.geteuid() != 0 or not lib.which("setpriv"):
        tap.skip(name, "needs root, and setpriv to give it up")
        return
    with lib.Scratch() as scratch:
        os.chmod(scratch.runtime, 0o777)
        done = lib.run(["setpriv", "--reuid", "65534", "--regid", "65534",
                        "--clear-groups", path("lockstep"), "4", "20"],
                       scratch.env(CLOCK="auto", RATE=99), scratch.dir)
        files = files_of(scratch, "lockstep")
        if not files:
            tap.skip(name, "that user cannot read the build: %s" % done.err)
            return
        health = health_of(scratch, files)
        notes = "\n".join(health["notes"])
        tap.ok("perf" not in "".join(health["clocks"]) and
               ("in step" in notes or "more CPU time" in notes),
               name + ": the health line says that shares may be wrong",
               health)


def step():
    for period in [1, 4, 10] if FULL else [4]:
        yield check_step, "perf", period, 3
        yield check_auto, period
        if FULL:
            yield check_step, "ticker", period, 3
    if FULL:
        yield (check_auto_unprivileged,)


# --- no interrupted call ----------------------------------------------------------------

def check_calls(clock, seconds, each):
    name = "%s, %d s in calls that are never restarted" % (clock, seconds)
    with lib.Scratch() as scratch:
        done = run(scratch, ["eintr", seconds, each], CLOCK=clock, RATE=1000)
        lines = lib.without_expectations(done.out).splitlines()
        bad = [l for l in lines if not l.endswith(", EINTR 0")]
        tap.ok(done.status == 0 and len(lines) >= 17 and not bad,
               name + ": none is interrupted", *bad, done)
        tap.ok(scratch.files() and health_of(scratch)["samples"] > 100,
               name + ": samples were taken")


def build_go(scratch):
    """Path of the Go program, None if there is none: then it was said why."""
    program = lib.which("go")
    if not program:
        tap.skip("calls of Go", "not installed (golang-go)")
        return None
    env = dict(os.environ, HOME=scratch.dir, CGO_ENABLED="1",
               GOCACHE=os.path.join(lib.BUILD, "tests", "go-cache"),
               GO111MODULE="off", GOTOOLCHAIN="local")
    made = lib.run([program, "build", "-o", scratch.path("eintr-go"),
                    os.path.join(lib.SRC, "tests", "programs", "eintr.go")],
                   env, scratch.dir, timeout=300)
    if not tap.ok(made.status == 0, "calls of Go: compiles", made):
        return None
    return scratch.path("eintr-go")


def check_go_calls(clock, program, seconds, threads):
    name = "%s, %d s in calls of Go" % (clock, seconds)
    with lib.Scratch() as scratch:
        # Go interrupts its own threads to preempt them; not now.
        env = scratch.env(CLOCK=clock, RATE=1000)
        env["GODEBUG"] = "asyncpreemptoff=1"
        done = lib.run([program, str(seconds), str(threads)], env,
                       scratch.dir, timeout=seconds + 120)
        lines = done.out.splitlines()
        bad = [l for l in lines if not l.endswith(" waited, EINTR 0")]
        tap.ok(done.status == 0 and len(lines) == 3 and not bad,
               name + ": none is interrupted", *bad, done)
        tap.ok(scratch.files() and health_of(scratch)["samples"] > 20,
               name + ": samples were taken")


def check_go():
    with lib.Scratch() as scratch:
        program = build_go(scratch)
        clocks = ["auto", "perf", "cpu+wall"]
        if EINTR_SECONDS < 60:
            clocks = ["cpu+wall"]
        for clock in clocks if program else []:
            check_go_calls(clock, program, EINTR_SECONDS,
                           102 if EINTR_SECONDS >= 60 else 6)


def calls():
    yield (check_go,)
    # With itimer the kernel picks a thread that runs, and the signal may come
    # when it waits: that clock, as ticker, cannot promise anything.
    for clock in ["auto", "cputime", "perf", "wall", "cpu+wall"]:
        yield (check_calls, clock, EINTR_SECONDS,
               6 if EINTR_SECONDS >= 60 else 1)


# --- the wall clock ------------------------------------------------------------------------

def check_wall_shares(name, scratch, wanted):
    """Of what waits, each function has its part; of the whole, all."""
    waits = {w[1]: float(w[2]) for w in wanted
             if w[0] == "wall" and w[1].startswith("wait_")}
    if too_busy():
        tap.skip(name + ": time in each function", too_busy())
        return
    found = rows(scratch, "--type", "wall", "--thread", "^busy$")
    got = {f: found[f]["total_ns"] if f in found else 0 for f in waits}
    for function, percent in waits.items():
        expected = 100 * percent / sum(waits.values())
        is_now = 100 * got[function] / (sum(got.values()) or 1)
        tap.ok(abs(is_now - expected) <= 6,
               "%s: time in %s" % (name, function),
               "%.1f %% of the waiting, really %.1f" % (is_now, expected))


def check_wall_calls(name, scratch, wanted):
    for w in wanted:
        if w[0] != "call":
            continue
        found = rows(scratch, "--type", "wall", "--by", "label:call",
                     "--focus", w[1])
        blocked = {n: r["total_ns"] for n, r in found.items()
                   if not n.startswith("[")}
        tap.ok(w[1] == "wait_in_read" and not blocked or
               max(blocked, key=blocked.get, default="") == w[2],
               "%s: %s waits in %s" % (name, w[1], w[2]), found)


def check_wall(clock, rate):
    name = "%s at %d Hz" % (clock, rate)
    with lib.Scratch() as scratch:
        done = run(scratch, ["waits", 5, 20], CLOCK=clock, RATE=rate)
        wanted = lib.expectations(done.out)
        if done.status != 0 or not scratch.files():
            tap.ok(False, name + ": a profile", done)
            return
        check_wall_shares(name, scratch, wanted)
        check_wall_calls(name, scratch, wanted)
        count, seconds = [(int(w[1]), float(w[2])) for w in wanted
                          if w[0] == "idle"][0]
        threads = rows(scratch, "--type", "wall", "--by", "thread")
        health = health_of(scratch)
        tap.ok(health["truncated"] == 0, name + ": every stack is whole",
               health)
        types = lib.report_json(["--type", "wall"], scratch.files(),
                                scratch)["profile"]["types"]
        tap.equal("cpu" in types, clock == "cpu+wall",
                  name + ": CPU time beside it if asked for")
        # What they wait for a CPU before they have their names is another's.
        if too_busy():
            tap.skip(name + ": all time of threads", too_busy())
            return
        idle = threads.get("idle", {"total_ns": 0})["total_ns"] / 1e9
        tap.ok(abs(idle - count * seconds) <= 0.03 * count * seconds,
               name + ": idle threads have all their time",
               "%.2f s, really %.2f" % (idle, count * seconds))
        busy = threads.get("busy", {"total_ns": 0})["total_ns"] / 1e9
        tap.ok(abs(busy - seconds) <= 0.04 * seconds,
               name + ": a busy one, too",
               "%.2f s, really %.2f" % (busy, seconds))


def check_forked(clock):
    """A child that uses no CPU time is seen all the same."""
    name = "children that only wait, %s" % clock
    with lib.Scratch() as scratch:
        done = run(scratch, ["fork-waits"], CLOCK=clock, RATE=99, CHILDREN=0)
        tap.ok(done.out.startswith("sum of exit codes 16\n"),
               name + ": they end as ever", done)
        found = rows(scratch, "--type", "wall")
        for _, function, ms in lib.expectations(done.out):
            got = found.get(function, {"total_ns": 0})["total_ns"] / 1e6
            # The first period is not seen, nor what the flusher of each
            # waits for a CPU on a busy machine.
            tap.ok(0.5 * float(ms) <= got <= 1.02 * float(ms),
                   "%s: time in %s" % (name, function),
                   "%.0f ms, really %s" % (got, ms))
        tap.equal(scratch.regions(), [], name + ": nothing is left behind")


def wall():
    yield check_forked, "wall"
    yield check_wall, "cpu+wall", 99
    if FULL:
        yield check_wall, "wall", 99
        yield check_wall, "cpu+wall", 1000


# --- limits and refusals --------------------------------------------------------------------

def limited(scratch, limits, argv, **settings):
    return lib.run(["prlimit"] + limits + [path(argv[0])] +
                   [str(a) for a in argv[1:]], scratch.env(**settings),
                   scratch.dir)


def check_limit(name, limits, argv, note, **settings):
    if not lib.which("prlimit"):
        tap.skip(name, "prlimit is not installed (util-linux)")
        return
    with lib.Scratch() as scratch:
        done = limited(scratch, limits, argv, **settings)
        if not tap.ok(done.status == 0 and scratch.files(),
                      name + ": runs, with a profile", done):
            return
        health = health_of(scratch)
        notes = "\n".join(health["notes"])
        tap.ok(note in notes, name + ": the health line says why", notes)
        said = [w for w in lib.expectations(done.out) if w[0] == "cpu-ns"]
        truth = float(said[0][1]) - health["flusher_cpu_ns"]
        tap.ok(abs(total(scratch) - truth) <= 0.02 * truth + 6e6,
               name + ": no CPU time is missing",
               "%.1f of %.1f ms" % (total(scratch) / 1e6, truth / 1e6), health)


def check_limits():
    check_limit("no signals may be queued", ["--sigpending=0"],
                ["threads", 1000], "RLIMIT_SIGPENDING")
    # A new thread has a timer until the flusher comes with the event; the
    # first one has its event at once.
    check_limit("no signals may be queued, perf asked for",
                ["--sigpending=0"], ["threads", 1000], "RLIMIT_SIGPENDING",
                CLOCK="perf")
    check_limit("no signals may be queued, perf asked for, one thread",
                ["--sigpending=0"], ["shares"], "", CLOCK="perf")
    if perf_is_permitted():
        check_limit("few descriptors", ["--nofile=40"],
                    ["short-threads", 256, 30000, 64], "RLIMIT_NOFILE",
                    CLOCK="perf", RATE=1000)
    else:
        tap.skip("few descriptors", "perf events are not permitted here")


def limits():
    yield (check_limits,)


# --- budget ----------------------------------------------------------------------------------

def check_budget():
    name = "a budget of 2 % at 10 kHz"
    with lib.Scratch() as scratch:
        done = run(scratch, ["shares", 6000], CLOCK="perf", RATE=10000,
                   BUDGET="2%")
        health = health_of(scratch)
        notes = "\n".join(health["notes"])
        if "perf" not in "".join(health["clocks"]):
            tap.skip(name, "perf events are not permitted here")
            return
        tap.ok("overhead budget 2.00 %: cost" in notes,
               name + ": says what it did", done, notes)
        tap.ok(health["achieved_hz"] < 3000, name + ": lowers the rate",
               health)
        tap.equal(health["asked_hz"], 10000, name + ": keeps what was asked")
    with lib.Scratch() as scratch:
        run(scratch, ["shares"], CLOCK="cputime", RATE=99, BUDGET="5%")
        tap.ok("budget" not in "\n".join(health_of(scratch)["notes"]),
               "a budget that is not reached changes nothing")


def budget():
    yield (check_budget,)


PARTS = {"sums": sums, "step": step, "calls": calls, "limits": limits,
         "budget": budget}
ALONE = {"wall": wall, "bars": bars}


def run_part(part):
    """Two at a time: CPU clocks do not mind, and what waits does not either."""
    with concurrent.futures.ThreadPoolExecutor(1 if FULL else 2) as pool:
        for done in [pool.submit(*case) for case in part()]:
            done.result()


def run_alone(part):
    for case in part():
        case[0](*case[1:])


def main():
    for part in sys.argv[1:] or list(PARTS) + ["wall"]:
        if part in ALONE:
            run_alone(ALONE[part])
        elif part in PARTS:
            run_part(PARTS[part])
        else:
            sys.exit("clocks.py: no part is called %s; there are: %s"
                     % (part, ", ".join(list(PARTS) + list(ALONE))))
    tap.done()


if __name__ == "__main__":
    main()
