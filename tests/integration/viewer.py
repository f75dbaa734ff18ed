# SPDX-License-Identifier: MIT
"""The terminal viewer in a real terminal (tmux): what is on the screen at several
sizes, what each key does to it, and that the terminal is as it was before on
every way out. Conditions are waited for; nothing depends on how long they take.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from lib import (PROFAGENT, PROGRAMS, Scratch, profagent,  # noqa: E402
                 run, tap, wait_for, which)

PATIENCE = 60  # seconds; on a busy machine things take long

# main > outer > hot (three quarters), cold (a quarter); one wide name.
PROGRAM = r"""
#include <unistd.h>
static volatile long x;
__attribute__((noinline)) void hot(void)
{
	for (long i = 0; i < 3000000; i++)
		x++;
}
__attribute__((noinline)) void f\u6f22\u5b57(void)
{
	for (long i = 0; i < 1000000; i++)
		x++;
}
__attribute__((noinline)) void outer(void)
{
	hot();
	f\u6f22\u5b57();
	x++;
}
int main(void)
{
	for (;;) {
		outer();
		usleep(2000);
	}
}
"""
WIDE = "f漢字"


class Terminal:
    """A shell in a terminal of tmux's; the screen is text, or with colours."""

    count = 0

    def __init__(self, scratch, columns=80, rows=24, **env):
        Terminal.count += 1
        self.socket = scratch.path("tmux%d" % Terminal.count)
        self.scratch = scratch
        full = dict(scratch.env(agent=False), LC_ALL="C.UTF-8", PS1="$ ",
                    HISTFILE="", **env)
        full.pop("TMUX", None)
        if "NO_COLOR" not in env:
            full.pop("NO_COLOR", None)
        self.env = full
        # the server, too, has our environment and nobody's settings
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns),
                  "-y", str(rows), "/bin/sh")
        self.tmux("set", "-g", "status", "off")
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        # what is typed before the shell has its prompt would be lost
        wait_for(lambda: self.text().strip(), PATIENCE)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args],
                              env=self.env, text=True, check=False,
                              capture_output=True).stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def command(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def screen(self, colors=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if colors else [])
                         ).rstrip("\n").split("\n")

    def text(self):
        return "\n".join(self.screen())

    def wait(self, pattern, seconds=PATIENCE):
        """Until the screen matches; whether it does."""
        return wait_for(lambda: re.search(pattern, self.text(), re.M),
                        seconds)

    def close(self):
        self.tmux("kill-server")


def build(scratch):
    source, program = scratch.path("app.c"), scratch.path("app")
    with open(source, "w") as f:
        f.write(PROGRAM)
    compiler = which(os.environ.get("CC", "cc").split()[0]) or which("cc")
    done = run([compiler, "-g", "-O1", "-fno-inline", "-o", program, source])
    return program if done.status == 0 else None


class App:
    """The program, preloaded."""

    def __init__(self, scratch, program, *args):
        self.child = subprocess.Popen(
            [program, *args], env=scratch.env(FLUSH="200ms"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.child.pid

    def end(self):
        self.child.terminate()
        self.child.wait()


def rows_of(screen):
    """[(mark and name, own %, deep %)] of the lines below the titles."""
    found = []
    for line in screen:
        at = re.match(r"^( *[-+ ] \S.*?) +(?:n/a|[0-9.]+[kM]?) "
                      r"(?:\S+ )?([0-9.]+) +(?:n/a|[0-9.]+[kM]?) +"
                      r"(?:\S+ )?([0-9.]+) *$", line)
        if at:
            found.append((at.group(1), float(at.group(2)),
                          float(at.group(3))))
    return found


def marks(screen):
    """{function: mark} of what is shown."""
    found = {}
    for text, _, _ in rows_of(screen):
        at = re.match(r" *([-+ ]) (\S+)", text)
        if at:
            found[at.group(2)] = at.group(1)
    return found


def record(scratch, program):
    """A profile of some seconds of it."""
    path = scratch.path("app.pb.gz")
    app = App(scratch, program)
    env = scratch.env(agent=False)
    wait_for(lambda: run([PROFAGENT, "status", str(app.pid)], env=env
                         ).status == 0, PATIENCE)
    done = profagent("record", "--count", "200", "--quiet", "-o", path,
                     str(app.pid), env=env)
    app.end()
    return path if done.status == 0 else None


# --- a file ------------------------------------------------------------------

def check_structure(screen, width, title):
    """The same at every width: head, titles, rows that reach the right edge."""
    tap.ok(re.match(r"CPU +[0-9.]+% \(\S+/\S+\)", screen[0])
           and "app.pb.gz" in screen[0],
           "%d columns: CPU share and title" % width, *screen[:3])
    tap.ok(re.search(r"samples, .* lost", screen[1]),
           "%d columns: samples and losses" % width, screen[1])
    tap.equal(screen[2].split(), title, "%d columns: titles" % width)
    tap.ok(max(map(len, screen)) <= width,
           "%d columns: nothing is wider" % width, *screen)
    rows = rows_of(screen)
    tap.ok(rows and 90 <= rows[0][2] <= 100,
           "%d columns: the first row is the heaviest" % width, *screen)


def check_sizes(term, path):
    short = ["FUNCTION", "OWN", "%", "DEEP", "%"]
    long = ["FUNCTION", "OWN", "TIME", "%", "DEEP", "TIME", "%"]
    term.command("%s view %s" % (PROFAGENT, path))
    if not tap.ok(term.wait(r"^NESTED"), "a file is shown", *term.screen()):
        return False
    check_structure(term.screen(), 80, short)
    for width, rows, title in ((200, 50, long), (300, 20, long),
                               (80, 24, short)):
        term.tmux("resize-window", "-x", str(width), "-y", str(rows))
        wait_for_width(term, width)
        check_structure(term.screen(), width, title)
    return True


def wait_for_width(term, width):
    """Until the last title stands where a screen so wide has it."""
    wait_for(lambda: len(term.screen()) > 2 and
             term.screen()[2].rstrip().rfind("%") == width - 4, PATIENCE)


def check_nested_keys(term):
    term.type(">")
    tap.ok(term.wait(r"^ +hot \("), "> goes down to the hotspot",
           *term.screen())
    shown = marks(term.screen())
    tap.equal((shown.get("main"), shown.get("outer"), shown.get("hot")),
              ("-", "-", " "), "expanded rows and leaves have their marks")
    tap.ok(WIDE in term.text(), "wide characters", *term.screen())
    line = [s for s in term.screen() if WIDE in s]
    cells = len(line[0]) + 2 if line else 0
    tap.equal(cells, 80, "a row with them is as wide as the screen")
    term.type("Left", "Left")
    tap.ok(term.wait(r"^ *\+ outer"), "left goes to the parent, and folds it",
           *term.screen())
    term.type("Right")
    tap.ok(term.wait(r"^ *- outer"), "right expands it again",
           *term.screen())
    term.type("Escape")
    term.type("h", "j", "h")
    tap.ok(term.wait(r"^\+ _start"), "esc leaves the row; h j h fold the "
           "first", *term.screen())
    term.type("d")
    tap.ok(term.wait(r"^- _start"), "d expands it", *term.screen())
    term.type("s", "w", "a")
    tap.ok(term.wait(r"^\+ _start"), "s w a: down, up, folded",
           *term.screen())


def check_layout_keys(term):
    term.type("-l", "\\")
    tap.ok(term.wait(r"^FLAT"), "\\ is flat", *term.screen())
    tap.ok(not any(m in "+-" for m in marks(term.screen()).values()),
           "flat rows have no marks", *term.screen())
    term.type("[")
    tap.ok(wait_for(lambda: rows_of(term.screen())[:1]
                    and "hot" in rows_of(term.screen())[0][0], PATIENCE),
           "[ sorts by the column before", *term.screen())
    term.type("r")
    tap.ok(term.wait(r"^FLAT REVERSED") and rows_of(term.screen())[0][1] == 0,
           "r turns it round", *term.screen())
    term.type("-l", "r]\\")
    tap.ok(term.wait(r"^CALLERS"), "\\ is callers", *term.screen())
    rows = rows_of(term.screen())
    tap.ok(rows and rows[0][0].startswith("+ hot")
           and rows[0][1] == rows[0][2], "callers begin with the hottest",
           *term.screen())
    term.type("-l", "\\t")
    tap.ok(term.wait(r"^NESTED BY THREAD") and term.wait(r"^\+ app"),
           "t is by thread", *term.screen())
    term.type("t")
    term.wait(r"^NESTED  ")


def check_search_and_help(term):
    term.type("Escape", "/")
    term.wait(r"^/_")
    term.type("-l", "HOT")
    term.wait(r"^/HOT_")
    term.type("Enter")
    tap.ok(term.wait(r"^'HOT': 1 row") and term.wait(r"^ +hot \("),
           "/ finds in folded rows", *term.screen())
    term.type("?")
    tap.ok(term.wait(r"^space +pause"), "? lists the keys", *term.screen())
    tap.ok(not any("..." in line for line in term.screen()[3:-1]),
           "? has room for all of it", *term.screen())
    term.type("x")
    tap.ok(term.wait(r"^NESTED"), "any key leaves the list", *term.screen())


def check_mouse(term):
    """A click, as a terminal sends it."""
    screen = term.screen()
    at = [i for i, line in enumerate(screen) if " outer (" in line]
    if not at:
        tap.ok(False, "outer is shown", *screen)
        return
    column = screen[at[0]].index("- outer") + 1
    where = chr(32 + column) + chr(32 + at[0] + 1)
    term.type("-l", "\033[M " + where + "\033[M#" + where)
    tap.ok(term.wait(r"^ *\+ outer"), "a click on its mark folds a row",
           *term.screen())


def check_colors(term):
    text = "\n".join(term.screen(colors=True))
    tap.ok(re.search(r"\033\[[0-9;]*46m", text), "the titles are on cyan",
           repr(text[:300]))
    term.type("Space")
    tap.ok(wait_for(lambda: re.search(r"\033\[[0-9;]*41m", "\n".join(
        term.screen(colors=True))), PATIENCE), "on red when paused")
    term.type("Space")


# --- ways out ----------------------------------------------------------------

def viewer_pid(term):
    """The viewer's pid, from its file of settings of the terminal."""
    try:
        with open(term.scratch.path("pid")) as f:
            return int(f.read())
    except (OSError, ValueError):
        return 0


def leave(term, path, how, name):
    """Runs it between two stty; both must say the same."""
    before, after = term.scratch.path("before"), term.scratch.path("after")
    for old in (before, after):
        if os.path.exists(old):
            os.unlink(old)
    # exec keeps the pid of the shell that told us its own
    term.command("clear; stty -a > %s; sh -c 'echo $$ > %s; exec %s view %s';"
                 " echo status $?; stty -a > %s" % (
                     before, term.scratch.path("pid"), PROFAGENT,
                     shlex.quote(path), after))
    if not tap.ok(term.wait(r"^NESTED"), name + ": it is shown",
                  *term.screen()):
        return ""
    how()
    good = wait_for(lambda: os.path.exists(after)
                    and os.path.getsize(after) > 0, PATIENCE)
    tap.ok(good and open(before).read() == open(after).read(),
           name + ": the terminal is as it was", *term.screen())
    tap.ok("NESTED" not in term.text(), name + ": so is the screen",
           *term.screen())
    found = re.search(r"^status (\d+)", term.text(), re.M)
    return found.group(1) if found else ""


def check_ways_out(term, path):
    def kill(signo):
        return lambda: os.kill(viewer_pid(term), signo)

    tap.equal(leave(term, path, lambda: term.type("q"), "q"), "0",
              "q: status 0")
    tap.equal(leave(term, path, lambda: term.type("C-c"), "Ctrl-C"), "0",
              "Ctrl-C: status 0")
    tap.equal(leave(term, path, kill(signal.SIGTERM), "SIGTERM"), "143",
              "SIGTERM: it dies of it")
    tap.equal(leave(term, path, kill(signal.SIGHUP), "SIGHUP"), "129",
              "SIGHUP: it dies of it")
    tap.equal(leave(term, path, kill(signal.SIGSEGV), "crash"), "139",
              "crash: it dies of it")


def check_stop(term, path):
    """Ctrl-Z gives the terminal back, fg takes it again."""
    term.command("clear; set -m; %s view %s" % (PROFAGENT, path))
    term.wait(r"^NESTED")
    term.type("C-z")
    tap.ok(wait_for(lambda: "NESTED" not in term.text(), PATIENCE),
           "Ctrl-Z: the shell is there", *term.screen())
    term.command("fg")
    tap.ok(term.wait(r"^NESTED"), "fg: the viewer is there", *term.screen())
    term.type("q")
    wait_for(lambda: "NESTED" not in term.text(), PATIENCE)


def file_in_terminal(scratch, path):
    term = Terminal(scratch)
    try:
        if check_sizes(term, path):
            check_nested_keys(term)
            check_layout_keys(term)
            check_search_and_help(term)
            check_mouse(term)
            check_colors(term)
        term.type("q")
        wait_for(lambda: "NESTED" not in term.text(), PATIENCE)
        check_ways_out(term, path)
        check_stop(term, path)
    finally:
        term.close()


def no_color(scratch, path):
    term = Terminal(scratch, NO_COLOR="1")
    try:
        term.command("%s view %s" % (PROFAGENT, path))
        good = term.wait(r"^NESTED")
        text = "\n".join(term.screen(colors=True))
        colors = re.findall(r"\033\[(?:[0-9;]*;)?(?:3|4|9|10)[0-7]m", text)
        tap.ok(good and not colors, "NO_COLOR: no colours", colors)
        tap.ok(re.search(r"\033\[[0-9;]*7m", text), "but reversed titles",
               repr(text[:300]))
    finally:
        term.close()


def as_text(path):
    """Where there is no terminal, or a dumb one."""
    done = profagent("view", path)
    tap.ok(done.status == 0 and "outer" in done.out and "\033" not in done.out,
           "no terminal: text", done)
    dumb = run(["script", "-qec", "%s view %s" % (PROFAGENT, path),
                "/dev/null"], env=dict(os.environ, TERM="dumb"))
    tap.ok(dumb.status == 0 and "outer" in dumb.out
           and "\033" not in dumb.out, "TERM=dumb: text", dumb)
    done = profagent("view")
    tap.ok(done.status == 2 and "what?" in done.err, "nothing named: usage",
           done)
    done = profagent("view", "no-such-program-anywhere")
    tap.ok(done.status == 1 and "no file" in done.err
           and len(done.err.splitlines()) == 1, "nothing of that name", done)


# --- running programs --------------------------------------------------------

def samples_of(term):
    found = re.search(r"([0-9.]+)(k?) samples", term.text())
    if not found:
        return -1
    return float(found.group(1)) * (1000 if found.group(2) else 1)


def check_pause(term):
    term.type("Space")
    tap.ok(term.wait(r"space go on"), "space pauses", *term.screen())
    frozen = rows_of(term.screen())
    count = samples_of(term)
    # long enough for many flushes
    time.sleep(2)
    tap.ok(rows_of(term.screen()) == frozen and samples_of(term) == count,
           "paused, nothing changes", *term.screen())
    term.type("Space")
    tap.ok(wait_for(lambda: samples_of(term) > count, PATIENCE),
           "going on shows the newest", *term.screen())


def check_focus(term):
    """The focused row and the expanded ones stay over refreshes."""
    wait_for(lambda: samples_of(term) > 20, PATIENCE)
    term.type("/")
    term.wait(r"^/_")
    term.type("-l", "hot")
    term.wait(r"^/hot_")
    term.type("Enter")
    term.wait(r"^ +hot \(")
    count = samples_of(term)
    wait_for(lambda: samples_of(term) > count + 20, PATIENCE)
    tap.ok(wait_for(lambda: [" hot (" in line for line in
                             term.screen(colors=True) if
                             re.search(r"\033\[[0-9;]*7m", line)] == [True],
                    PATIENCE),
           "refreshes keep the focus and what is expanded",
           *map(repr, term.screen(colors=True)))


def running(scratch, program):
    app = App(scratch, program)
    term = Terminal(scratch, columns=100)
    try:
        wait_for(lambda: profagent("status", str(app.pid),
                                   env=scratch.env(agent=False)).status == 0,
                 PATIENCE)
        term.command("%s view %d" % (PROFAGENT, app.pid))
        if not tap.ok(term.wait(r"^running") and term.wait("_start"),
                      "a running program is shown", *term.screen()):
            return
        tap.ok(re.search(r"app %d " % app.pid, term.screen()[0]),
               "program and pid are in the title", term.screen()[0])
        check_focus(term)
        check_pause(term)
        term.type("i")
        tap.ok(term.wait("last 10 s"), "i: the last seconds", *term.screen())
        term.type("i")
        tap.ok(term.wait("last step"), "i: the last step", *term.screen())
        term.type("i")
        app.end()
        tap.ok(term.wait("reconnecting") and term.wait(r"^ +hot \("),
               "it has ended: that is said, the rows stay", *term.screen())
        app = App(scratch, program)
        tap.ok(term.wait(r"app %d " % app.pid) and term.wait(r"^running"),
               "the next of its name is shown", *term.screen())
        tap.ok(term.wait(r"^ +hot \("), "with the rows that were expanded",
               *term.screen())
        term.type("q")
        tap.ok(wait_for(lambda: "running" not in term.text(), PATIENCE)
               and app.child.poll() is None,
               "the viewer goes, the program stays")
    finally:
        term.close()
        app.end()


def live(scratch, program):
    script = scratch.path("script.sh")
    with open(script, "w") as f:
        f.write("echo first words\n%s & pid=$!\n"
                "while [ ! -e %s ]; do sleep 0.1; done\n"
                "kill $pid; echo last words >&2\nexit 7\n"
                % (program, scratch.path("enough")))
    term = Terminal(scratch)
    try:
        term.command("cd %s; clear; %s live sh %s; echo status $?" % (
            scratch.dir, PROFAGENT, script))
        tap.ok(term.wait("^OUTPUT") and term.wait("^first words"),
               "live: the program's output is shown", *term.screen())
        tap.ok(term.wait(r"_start \(app\)"), "live: its children are seen",
               *term.screen())
        open(scratch.path("enough"), "w").close()
        tap.ok(term.wait("^ended with status 7"), "live: its end is said",
               *term.screen())
        term.type("q")
        tap.ok(term.wait(r"^status 7"), "live: its exit status is passed on",
               *term.screen())
        text = term.text()
        tap.ok("first words" in text and "last words" in text
               and "profagent run: " in text,
               "live: all its output is written out", *term.screen())
    finally:
        term.close()
    done = run([PROFAGENT, "live", "sh", "-c", "exit 5"],
               env=scratch.env(agent=False), cwd=scratch.dir)
    tap.equal(done.status, 5, "live, no terminal: the exit status")


def spans(scratch):
    """Of a running program and of its file."""
    program = os.path.join(PROGRAMS, "spans")
    asleep = App(scratch, "/bin/sleep", "600")
    app = App(scratch, program, "600000")
    term = Terminal(scratch)
    row = r"^/large, \"<b>\" +[0-9.k]+ +[0-9.a-z]+ +[0-9]+.*ms"
    try:
        wait_for(lambda: profagent("status", str(app.pid),
                                   env=scratch.env(agent=False)).status == 0,
                 PATIENCE)
        wait_for(lambda: profagent("status", str(asleep.pid),
                                   env=scratch.env(agent=False)).status == 0,
                 PATIENCE)
        term.command("%s view %d" % (PROFAGENT, asleep.pid))
        tap.ok(term.wait("waiting for data: no sample yet"),
               "why there is nothing to be seen", *term.screen())
        term.type("S")
        tap.ok(term.wait("counts no spans"), "S: nor spans", *term.screen())
        term.type("q")
        wait_for(lambda: "SPANS" not in term.text(), PATIENCE)
        term.command("clear; %s view %d" % (PROFAGENT, app.pid))
        term.wait(r"^NESTED")
        term.type("S")
        tap.ok(term.wait(r"^SPAN +CALLS +DEEP +/CALL +P50 +P95 +P99 +MAX") and
               term.wait(row) and term.wait(r"^/small +[0-9]"),
               "S: the spans of a running program", *term.screen())
        term.tmux("resize-window", "-x", "40", "-y", "12")
        tap.ok(term.wait(r"^SPAN +CALLS +DEEP +/CALL$"),
               "S: as many columns as there is room for", *term.screen())
        term.tmux("resize-window", "-x", "80", "-y", "24")
        term.type("Down", "PgUp", "G", "g")
        term.type("S")
        tap.ok(term.wait(r"^FUNCTION"), "S: and back", *term.screen())
        term.type("q")
        app.end()
        wait_for(lambda: "FUNCTION" not in term.text(), PATIENCE)
        path = [f for f in scratch.files() if "/spans." in f][0]
        term.command("clear; %s view %s" % (PROFAGENT, path))
        term.wait(r"^NESTED")
        term.type("S")
        tap.ok(term.wait(row), "S: the spans of a file", *term.screen())
        term.type("Escape")
        tap.ok(term.wait(r"^FUNCTION"), "esc leads back", *term.screen())
        term.type("q")
    finally:
        term.close()
        app.end()
        asleep.end()


def top(scratch, program):
    app = App(scratch, program)
    term = Terminal(scratch)
    try:
        term.command("%s top" % PROFAGENT)
        tap.ok(term.wait(r"^ *%d app +running +[0-9.]+ " % app.pid),
               "top: the program with its share", *term.screen())
        # other programs of this user may be there as well
        for _ in range(100):
            focus = [line for line in term.screen(colors=True)
                     if re.search(r"\033\[[0-9;]*7m", line)]
            if focus and str(app.pid) in focus[0]:
                break
            term.type("Down")
            time.sleep(0.1)
        tap.ok(term.wait(r"^ *%d app +running .* [0-9]+%% [a-z_]+" % app.pid),
               "top: and its hottest function", *term.screen())
        term.type("Enter")
        tap.ok(term.wait(r"app %d " % app.pid) and term.wait(r"^NESTED"),
               "top: Enter looks into it", *term.screen())
        term.type("q")
        tap.ok(term.wait(r"preloaded processes"), "top: q comes back",
               *term.screen())
        term.type("q")
        tap.ok(wait_for(lambda: "preloaded" not in term.text(), PATIENCE),
               "top: q ends it", *term.screen())
    finally:
        term.close()
    done = profagent("top", env=scratch.env(agent=False))
    tap.ok(done.status == 0 and re.search(r"%d +app" % app.pid, done.out),
           "top, no terminal: a table", done)
    app.end()


def remote(scratch, program):
    """A process that a server has, with its token and without."""
    if "libsoup" not in run(["ldd", PROFAGENT]).out:
        tap.skip("a process that a server has", "built without libsoup")
        return
    env = scratch.env(agent=False)
    app = App(scratch, program)
    log = scratch.path("serve.log")
    with open(log, "w") as out:
        server = subprocess.Popen([PROFAGENT, "serve", "--listen",
                                   "127.0.0.1:0"], env=env, stdout=out,
                                  stderr=subprocess.STDOUT)
    term = Terminal(scratch)
    try:
        wait_for(lambda: "token=" in open(log).read(), PATIENCE)
        found = re.search(r"http://([0-9.:]+)/\?token=(\w+)",
                          open(log).read())
        if not tap.ok(found, "a server", open(log).read()):
            return
        place = "%s/%d" % (found.group(1), app.pid)
        done = profagent("view", place, env=env)
        tap.ok(done.status == 1 and "401" in done.err
               and len(done.err.splitlines()) == 1,
               "a server: not without its token", done)
        done = profagent("view", place, "--duration", "1s",
                         env=dict(env, PROFAGENT_TOKEN=found.group(2)))
        tap.ok(done.status == 0 and "outer" in done.out,
               "a server, no terminal: text", done)
        term.command("%s view --token %s %s" % (PROFAGENT, found.group(2),
                                                place))
        tap.ok(term.wait(r"^running") and term.wait("_start"),
               "a server's process is shown", *term.screen())
        term.type(">")
        tap.ok(term.wait(r"^ +- outer"), "a server's process: keys",
               *term.screen())
        server.terminate()
        server.wait()
        tap.ok(term.wait("reconnecting") and term.wait(r"^ +- outer"),
               "the server has gone: that is said, the rows stay",
               *term.screen())
        term.type("q")
        tap.ok(wait_for(lambda: "NESTED" not in term.text(), PATIENCE),
               "q ends it", *term.screen())
    finally:
        term.close()
        server.kill()
        server.wait()
        app.end()


def main():
    with Scratch() as scratch:
        program = build(scratch)
        path = record(scratch, program) if program else None
        if not tap.ok(path, "a program to look at"):
            tap.done()
        as_text(path)
        if "ncursesw" not in run(["ldd", PROFAGENT]).out:
            tap.skip("the viewer in a terminal", "built without ncursesw")
            tap.done()
        if not which("tmux"):
            tap.skip("the viewer in a terminal", "no tmux")
            tap.done()
        file_in_terminal(scratch, path)
        no_color(scratch, path)
        running(scratch, program)
        live(scratch, program)
        spans(scratch)
        top(scratch, program)
        remote(scratch, program)
    tap.done()


if __name__ == "__main__":
    main()
