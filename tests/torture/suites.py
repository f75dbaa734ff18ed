# SPDX-License-Identifier: MIT
"""Test suites of other projects: where they come from, how they are run, and
what their output says of each test.

A suite has prepare(work), which fetches and builds it below work.dir once,
parts(), and run(work, env, part), which returns {test: result}; each test's
name begins with its part and a colon. A result is a word; "ok" is the good
one. What cannot be had raises Unavailable with the reason.
"""

import glob
import os
import pwd
import re
import shutil
import subprocess
import xml.etree.ElementTree

ROOT = os.geteuid() == 0


class Unavailable(Exception):
    pass


def command(argv, cwd=None, env=None, seconds=1800, log=None, user=None):
    """(status, output) of a program; a negative status is a signal."""
    extra = {}
    if user and ROOT:
        entry = pwd.getpwnam(user)
        extra = {"user": entry.pw_uid, "group": entry.pw_gid,
                 "extra_groups": []}
    with subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True, **extra) as child:
        try:
            out = child.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            out = child.communicate()[0] + b"\n(killed: out of time)\n"
    text = out.decode(errors="replace")
    if log:
        with open(log, "a", encoding="utf-8") as f:
            f.write(text)
    return child.returncode, text


def must(argv, **options):
    status, out = command(argv, **options)
    if status:
        raise Unavailable("%s failed: %s" % (" ".join(argv[:3]),
                                             out.strip()[-300:]))
    return out


def status_of(part, status):
    """The first result of a part: how its program ended."""
    return {part + ":status": "ok" if status == 0 else "status %d" % status}


class Work:
    """A directory for what is fetched, built and logged."""

    def __init__(self, path):
        self.dir = os.path.abspath(path)
        for name in ("deb", "src", "root", "build", "logs", "apt"):
            os.makedirs(self.path(name), exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def log(self, name):
        return self.path("logs", name + ".log")

    def unpacked(self, *packages):
        """Unpacks binary packages below root/; installs nothing."""
        for package in packages:
            found = glob.glob(self.path("deb", package + "_*.deb"))
            if not found:
                must(["apt-get", "download", "-q", package],
                     cwd=self.path("deb"))
                found = glob.glob(self.path("deb", package + "_*.deb"))
            must(["dpkg-deb", "-x", found[0], self.path("root")])

    def source(self, package):
        """Directory of the source of a package, fetched and unpacked."""
        tree = self.path("build", package)
        if os.path.isdir(tree):
            return tree
        if not glob.glob(self.path("src", package + "_*.dsc")):
            self.fetch_source(package)
        dsc = glob.glob(self.path("src", package + "_*.dsc"))[0]
        must(["dpkg-source", "--no-check", "-x", dsc, tree])
        return tree

    def fetch_source(self, package):
        """From where the packages of Debian come from, with a list of sources
        of its own; apt's settings stay."""
        listed = subprocess.run(
            ["apt-get", "indextargets", "--format",
             "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)",
             "Created-By: Packages"], stdout=subprocess.PIPE, text=True,
            check=False).stdout
        sources = sorted({line.split(" ", 1)[1] for line in
                          listed.splitlines() if line.startswith("Debian ")})
        if not sources:
            raise Unavailable("apt has no package lists of Debian")
        with open(self.path("apt", "sources.list"), "w",
                  encoding="ascii") as f:
            f.writelines("deb-src %s\n" % source for source in sources)
        for name in ("lists/partial", "cache/archives/partial"):
            os.makedirs(self.path("apt", name), exist_ok=True)
        apt = ["apt-get", "-q",
               "-oDir::Etc::sourcelist=" + self.path("apt", "sources.list"),
               "-oDir::Etc::sourceparts=-",
               "-oDir::State::lists=" + self.path("apt", "lists"),
               "-oDir::Cache=" + self.path("apt", "cache")]
        must(apt + ["update"])
        must(apt + ["source", "--download-only", package],
             cwd=self.path("src"))


class Python:
    """CPython: what forks, signals, waits, and talks to processes."""

    name = "CPython"
    modules = """test_signal test_threading test_subprocess test_socket
        test_asyncio test_multiprocessing_fork test_multiprocessing_forkserver
        test_multiprocessing_spawn test_select test_poll test_epoll
        test_selectors test_fork1 test_os test_posix test_threadsignals
        test_wait3 test_wait4 test_concurrent_futures test_faulthandler
        test_eintr test_resource test_time test_mmap test_exceptions
        test_pty test_popen test_queue test_thread test_sys""".split()
    python = "/usr/bin/python3.11"

    def prepare(self, work):
        home = work.path("py", "test")
        if os.path.isdir(home):
            return
        if not os.path.exists(self.python):
            raise Unavailable("no " + self.python)
        work.unpacked("libpython3.11-testsuite")
        # The package holds the tests, the interpreter's what they share.
        shutil.copytree(work.path("root/usr/lib/python3.11/test"), home)
        shutil.copytree("/usr/lib/python3.11/test", home, dirs_exist_ok=True)

    # Hangs by itself now and then at the end of an interpreter; and virtual
    # sockets wait for a host that answers.
    ignore = ["test_4_daemon_threads", "*VSOCK*"]

    def parts(self):
        return self.modules

    def run(self, work, env, module):
        env = dict(env, PYTHONPATH=work.path("py"))
        xml_file = work.path("logs", "junit.xml")
        if os.path.exists(xml_file):
            os.remove(xml_file)
        status, _ = command([self.python, "-m", "test", "--junit-xml",
                             xml_file, "--timeout", "600"] +
                            ["--ignore=" + i for i in self.ignore] + [module],
                            env=env, cwd=work.path("py"),
                            log=work.log(self.name))
        results = status_of(module, status)
        if os.path.exists(xml_file):
            tree = xml.etree.ElementTree.parse(xml_file)
            for case in tree.iter("testcase"):
                name = "%s:%s" % (module, case.get("name").split()[-1]
                                  .strip("()"))
                # The name of a case that only ran is "name (class.name)".
                results[name + " " + case.get("name").split()[0]] = (
                    self.outcome(case))
        return results

    @staticmethod
    def outcome(case):
        for kind in ("failure", "error", "skipped"):
            if case.find(kind) is not None:
                return kind
        return "ok"


class Glib:
    """GLib's installed tests, one program each, TAP."""

    name = "GLib"
    # deprecated threads and files that the machine lacks take no harm; these
    # run for minutes by themselves.
    slow = {"mainloop-stress", "timeloop", "memory-monitor-dbus",
            "debugcontroller", "gdbus-threading"}

    def prepare(self, work):
        self.home = work.path("root/usr/libexec/installed-tests/glib")
        if not os.path.isdir(self.home):
            work.unpacked("libglib2.0-tests")

    def parts(self):
        for path in sorted(glob.glob(os.path.join(self.home, "*"))):
            name = os.path.basename(path)
            if (os.path.isfile(path) and os.access(path, os.X_OK) and
                    "." not in name and name not in self.slow):
                yield name

    def run(self, work, env, name):
        env = dict(env, G_TEST_SRCDIR=self.home, G_TEST_BUILDDIR=self.home,
                   GIO_USE_VFS="local")
        status, out = command([os.path.join(self.home, name), "--tap"],
                              env=env, cwd=work.path("build"), seconds=300,
                              log=work.log(self.name))
        results = status_of(name, status)
        for line in out.splitlines():
            m = re.match(r"(not ok|ok) \d+ -? ?(\S+)(.*SKIP)?", line)
            if m:
                results["%s:%s" % (name, m.group(2))] = (
                    "skipped" if m.group(3) else
                    m.group(1).replace("not ok", "failure"))
        return results


class Redis:
    """The server's own tests, each with servers of its own."""

    name = "redis"
    units = """unit/type/list unit/type/zset unit/type/hash unit/type/stream
        unit/expire unit/scan unit/other unit/multi unit/pubsub unit/sort
        unit/info unit/auth unit/acl unit/scripting unit/introspection
        unit/dump unit/latency-monitor unit/slowlog unit/limits unit/bitops
        unit/protocol unit/keyspace unit/tracking unit/shutdown
        unit/oom-score-adj integration/aof integration/rdb
        integration/replication-4 integration/replication-psync
        integration/block-repl integration/psync2 integration/logging
        integration/redis-cli""".split()

    def prepare(self, work):
        self.home = work.source("redis")
        for name in ("server", "cli", "benchmark", "check-aof", "check-rdb",
                     "sentinel"):
            target = os.path.join(self.home, "src", "redis-" + name)
            # One program that looks at its name; not all are installed.
            found = (shutil.which("redis-" + name) or
                     shutil.which("redis-check-rdb"))
            if not found:
                raise Unavailable("no redis-%s: install redis-tools" % name)
            if not os.path.exists(target):
                shutil.copy(os.path.realpath(found), target)
        if not shutil.which("tclsh"):
            raise Unavailable("no tclsh: install tcl")

    def parts(self):
        return self.units

    def run(self, work, env, unit):
        status, out = command(
            ["./runtest", "--single", unit, "--clients", "1", "--dont-clean",
             "--tags", "-slow -needs:debug"],
            cwd=self.home, env=env, seconds=600, log=work.log(self.name))
        out = re.sub(r"\x1b\[[0-9;]*m", "", out)
        results = status_of(unit, status)
        for line in out.splitlines():
            m = re.match(r"\[(ok|err|exception|skip)\]: ([^(]*)", line)
            if m:
                # Who replicates from whom is drawn by lot.
                name = re.sub(r"#\d", "#N", m.group(2).strip())
                results["%s:%s" % (unit, name)] = m.group(1)
        for path in glob.glob(os.path.join(self.home, "tests/tmp/*")):
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
        return results


class Sqlite:
    """SQLite's tests in its testfixture, file by file: threads, locks,
    memory maps, logs, and what computes."""

    name = "SQLite"
    files = """thread shared lock mmap wal journal pager select join insert
        func expr trigger vacuum busy attach backup sort window json
        fts3a multiplex async""".split()

    def prepare(self, work):
        self.home = work.source("sqlite3")
        self.program = os.path.join(self.home, "testfixture")
        if not os.path.exists(self.program):
            must(["./configure", "-q", "--enable-all"], cwd=self.home)
            must(["make", "-s", "-j%d" % os.cpu_count(), "testfixture"],
                 cwd=self.home)

    def parts(self):
        names = (os.path.basename(path) for path in
                 glob.glob(self.home + "/test/*.test"))
        # One word and a number; the long ones have more to their names.
        return sorted(name[:-5] for name in names if
                      re.fullmatch("(%s)[0-9]?[a-c]?" % "|".join(self.files),
                                   name[:-5]))

    def run(self, work, env, part):
        cwd = work.path("build", "sqlite3-run")
        shutil.rmtree(cwd, ignore_errors=True)
        os.mkdir(cwd)
        os.chmod(cwd, 0o1777)
        # As another user where we are root: some files are to be refused.
        test = os.path.join(self.home, "test", part + ".test")
        status, out = command([self.program, test], env=env, cwd=cwd,
                              seconds=600, log=work.log(self.name),
                              user="nobody")
        results = status_of(part, status)
        for line in out.splitlines():
            m = re.match(r"(\S+)\.\.\. Ok", line)
            if m:
                results.setdefault("%s:%s" % (part, m.group(1)), "ok")
            m = re.match(r"! (\S+) (?:expected|got)", line)
            if m:
                results["%s:%s" % (part, m.group(1))] = "failure"
        return results


class Postgres:
    """PostgreSQL's regression tests on a server of their own."""

    name = "PostgreSQL"

    def prepare(self, work):
        self.home = work.source("postgresql-15")
        self.prefix = work.path("pg")
        regress = os.path.join(self.home, "src/test/regress")
        self.program = os.path.join(regress, "pg_regress")
        if os.path.exists(self.program):
            return
        for argv in (["./configure", "-q", "--without-readline",
                      "--without-zlib", "--prefix=" + self.prefix],
                     ["make", "-s", "-j%d" % os.cpu_count()],
                     ["make", "-s", "install"],
                     ["make", "-s", "-C", "src/test/regress"]):
            must(argv, cwd=self.home)

    def parts(self):
        return ["parallel_schedule"]

    def run(self, work, env, part):
        cwd = work.path("build", "pg-run")
        shutil.rmtree(cwd, ignore_errors=True)
        os.mkdir(cwd)
        os.chmod(cwd, 0o777)
        regress = os.path.join(self.home, "src/test/regress")
        for name in ("testtablespace", "sql", "expected"):
            os.makedirs(os.path.join(cwd, name), exist_ok=True)
            os.chmod(os.path.join(cwd, name), 0o777)
        status, out = command(
            [self.program, "--inputdir=" + regress, "--outputdir=" + cwd,
             "--bindir=" + self.prefix + "/bin", "--dlpath=" + regress,
             "--temp-instance=" + cwd + "/instance", "--no-locale",
             "--max-concurrent-tests=20", "--port=61732",
             "--schedule=" + regress + "/" + part],
            env=env, cwd=cwd, seconds=2400, log=work.log(self.name),
            user="nobody")
        results = status_of(part, status)
        for line in out.splitlines():
            m = re.match(r"(?:test)?\s+(\w+)\s+\.\.\. (\w+)", line)
            if m:
                results["%s:%s" % (part, m.group(1))] = m.group(2)
        return results


ALL = [Python(), Glib(), Redis(), Sqlite(), Postgres()]
