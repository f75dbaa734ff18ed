#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Real programs, with the agent and without: the same output, the same end,
and a profile that makes sense.

usage: real.py [NAME...]
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import lib
from lib import tap

SQL = """
create table t (id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 600000)
insert into t select i, 'name-' || (i * 7919 % 10007), i * 0.5 from n;
create index by_name on t (name);
select count(*), sum(value), min(name), max(name) from t;
select name, count(*) c from t group by name order by c desc, name limit 5;
select count(*) from t a join t b on a.id = b.id * 2 where a.name < b.name;
select sum(length(replace(name, '-', '--'))) from t where name like '%7%';
delete from t where id % 3 = 0;
select hex(substr(group_concat(id), 1, 40)) from (select id from t limit 50);
vacuum;
"""

PYTHON = """
import hashlib, json, re, sys, threading, zlib
def work(n):
    data = json.dumps([{"i": i, "s": "x" * (i % 9)} for i in range(9000 + n)])
    for _ in range(30):
        data = json.dumps(json.loads(data))
    packed = zlib.compress(data.encode(), 9)
    out.append((n, hashlib.sha256(packed).hexdigest(),
                len(re.findall(r'"i": \\d*7,', data))))
out = []
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
for line in sorted(out):
    print(*line)
sys.exit(6)
"""

CPLUSPLUS = """
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <thread>
#include <vector>
template <int N> struct F { static constexpr int v = F<N - 1>::v + N; };
template <> struct F<0> { static constexpr int v = 0; };
static long work(int seed)
{
	std::map<std::string, int> counts;
	std::regex digits("[0-9]+7");
	long hits = 0;
	for (int i = 0; i < 300000; i++) {
		std::string s = "key" + std::to_string((i * 7919L + seed) % 5003);
		counts[s]++;
		hits += std::regex_search(s, digits);
	}
	std::vector<std::pair<std::string, int>> v(counts.begin(),
						   counts.end());
	std::sort(v.begin(), v.end(), [](auto &a, auto &b) {
		return a.second > b.second || (a.second == b.second &&
					       a.first < b.first); });
	return hits * 1000 + v[0].second + F<200>::v;
}
int main()
{
	long sums[3];
	std::vector<std::thread> threads;
	for (int i = 0; i < 3; i++)
		threads.emplace_back([&sums, i] { sums[i] = work(i); });
	for (auto &t : threads)
		t.join();
	for (long s : sums)
		std::cout << s << std::endl;
	return 8;
}
"""


class Measured:
    """Runs to the end and says how much CPU time it and its children took."""

    def __init__(self, argv, env, cwd, stdin=None):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.result = lib.run(argv, env, cwd, stdin=stdin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_ns = 1e9 * (after.ru_utime + after.ru_stime -
                             before.ru_utime - before.ru_stime)


def check_profile(name, scratch, cpu_ns, functions, tolerance=6):
    """Sum of weights, names that must be there, whole stacks."""
    files = scratch.files()
    if not tap.ok(files, name + ": a profile was written"):
        return []
    stacks = lib.folded(files, scratch)
    total = sum(value for _, value in stacks)
    if cpu_ns:
        tap.ok(abs(total - cpu_ns) <= tolerance / 100 * cpu_ns,
               name + ": its CPU time is all there",
               "%.1f ms of %.1f ms" % (total / 1e6, cpu_ns / 1e6))
    for function, least in functions:
        got = lib.share(stacks, function)
        tap.ok(got >= least, "%s: %s is there" % (name, function),
               "%.1f %%, expected %d at least" % (got, least),
               lib.report(["--limit", "15"], files, scratch))
    return stacks


def check_whole(name, scratch, least):
    health = lib.report_json([], scratch.files(), scratch).get("health", {})
    samples, cut = health.get("samples", 0), health.get("truncated", 0)
    tap.ok(samples >= 100 and cut <= (1 - least / 100) * samples,
           "%s: %d %% of the stacks are whole" % (name, least),
           "%d of %d are not" % (cut, samples), health.get("truncated_by"))


def both(name, argv, functions, cwd=None, stdin=None, tolerance=6,
         ends_raw=False, order=list, look=None, whole=0):
    """A program that runs to its end by itself; ends_raw: by a system call
    of its own, so that its region tells the end of the story; order: what to
    do with its lines before they are compared; look: at the stacks; whole:
    percentage of the samples whose stack goes on to its first function.
    """
    with lib.Scratch() as scratch:
        plain = lib.run(argv, scratch.env(agent=False), cwd or scratch.dir,
                        stdin=stdin)
        mine = Measured(argv, scratch.env(), cwd or scratch.dir, stdin)
        got = mine.result
        tap.ok(order(got.out.splitlines()) == order(plain.out.splitlines())
               and got.err == plain.err,
               name + ": same output", "without:", plain, "with:", got)
        tap.equal(got.status, plain.status, name + ": same exit status")
        stacks = check_profile(name, scratch, mine.cpu_ns, functions,
                               tolerance)
        if look:
            look(stacks)
        if whole:
            check_whole(name, scratch, whole)
        if not ends_raw:
            tap.equal(scratch.regions(), [],
                      name + ": nothing is left behind")


def check_sqlite():
    program = lib.which("sqlite3")
    if not program:
        return tap.skip("sqlite3", "not installed (sqlite3)")
    return both("sqlite3", [program, ":memory:"],
                [("sqlite3_step", 60)], stdin=SQL)


def check_python():
    program = "/usr/bin/python3"
    if not os.path.exists(program):
        return tap.skip("python3", "not installed (python3)")
    return both("python3", [program, "-c", PYTHON],
                [("_PyEval_EvalFrameDefault", 60)], stdin="")


def check_cplusplus():
    """A compiler at work, and what it makes."""
    program = lib.which("g++")
    if not program:
        return tap.skip("C++", "no compiler (g++)")
    with lib.Scratch() as scratch:
        with open(scratch.path("work.cc"), "w", encoding="utf-8") as f:
            f.write(CPLUSPLUS)
        both("g++", [program, "-std=c++17", "-O2", "-S", "-o", "-",
                     "work.cc"], [], cwd=scratch.dir)
        made = lib.run([program, "-std=c++17", "-O2", "-g", "-o", "work",
                        "work.cc"], cwd=scratch.dir)
        if tap.equal(made.status, 0, "C++: compiles"):
            both("C++", [scratch.path("work")], [("work(int)", 85)])
    return None


def check_go():
    program = lib.which("go")
    if not program:
        return tap.skip("Go", "not installed (golang-go)")
    cache = os.path.join(lib.BUILD, "tests", "go-cache")
    with lib.Scratch() as scratch:
        source = os.path.join(lib.SRC, "tests", "programs", "burn.go")
        env = dict(os.environ, GOCACHE=cache, HOME=scratch.dir,
                   CGO_ENABLED="1", GO111MODULE="off", GOTOOLCHAIN="local")
        made = lib.run([program, "build", "-o", scratch.path("burn-go"),
                        source], env, scratch.dir, timeout=300)
        if not tap.ok(made.status == 0, "Go: compiles", made):
            return None
        for _ in range(2):
            both("Go", [scratch.path("burn-go")], [("main.hashAll", 10)],
                 tolerance=8, ends_raw=True)
    return None


def check_rust():
    program = lib.which("rustc")
    if not program:
        return tap.skip("Rust", "no compiler (rustc)")
    with lib.Scratch() as scratch:
        source = os.path.join(lib.SRC, "tests", "programs", "burn.rs")
        env = dict(os.environ)
        made = lib.run([program, "-O", "-g", "-o", scratch.path("burn-rust"),
                        source], env, scratch.dir, timeout=300)
        if not tap.ok(made.status == 0, "Rust: compiles", made):
            return None
        both("Rust", [scratch.path("burn-rust")],
             [("burn::count_words", 80)])
    return None


# --- servers -------------------------------------------------------------

class Server:
    """A server under the agent, or not; ends by what `stop` does."""

    def __init__(self, argv, env, cwd):
        self.child = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True)
        self.output = ""
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        self.output = self.child.stdout.read()

    def wait(self, seconds=20):
        """(status, CPU time in ns of the process and its children)"""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status, usage = os.wait4(self.child.pid, os.WNOHANG)
            if pid:
                self.reader.join()
                self.child.returncode = os.waitstatus_to_exitcode(status)
                return (self.child.returncode,
                        1e9 * (usage.ru_utime + usage.ru_stime))
            time.sleep(0.02)
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        self.reader.join()
        return (None, 0)


SESSION = ["set a 1", "incr a", "rpush l x y z", "lrange l 0 -1",
           "hset h f v", "hgetall h", "zadd z 1 one 2 two",
           "zrange z 0 -1 withscores", "eval 'return redis.sha1hex(\"x\")' 0",
           "debug digest-value a l h z", "dbsize", "type z"]


def redis_once(scratch, agent):
    """(answers, status, CPU ns, output) of one life of a server."""
    port = lib.free_port()
    program = scratch.path("redis-server")
    if os.path.exists(scratch.path("dump.rdb")):
        os.remove(scratch.path("dump.rdb"))
    if not os.path.exists(program):
        shutil.copy(lib.which("redis-server") or "/usr/bin/redis-check-rdb",
                    program)
    server = Server([program, "--port", str(port), "--bind", "127.0.0.1",
                     "--save", "", "--logfile", "/dev/null",
                     "--enable-debug-command", "yes"],
                    scratch.env(agent=agent), scratch.dir)
    cli = ["redis-cli", "-p", str(port)]
    lib.wait_for_port(port)
    answers = lib.run(cli, stdin="\n".join(SESSION) + "\n").out
    if agent:
        lib.run(["redis-benchmark", "-p", str(port), "-q", "-n", "60000", "-P",
                 "4", "-t", "set,get,lpush,zadd,lrange_100"])
        # A child of its own, while it works.
        answers += lib.run(cli + ["bgsave"]).out
    else:
        answers += lib.run(cli + ["bgsave"]).out
    lib.wait_for(lambda: "rdb_bgsave_in_progress:0" in
                 lib.run(cli + ["info", "persistence"]).out)
    lib.run(cli + ["shutdown", "nosave"])
    status, cpu = server.wait()
    return answers, status, cpu, server.output


def check_redis():
    if not lib.which("redis-benchmark"):
        return tap.skip("redis", "not installed (redis-tools)")
    with lib.Scratch() as scratch:
        plain = redis_once(scratch, False)
        mine = redis_once(scratch, True)
        tap.equal(mine[0], plain[0], "redis: same answers")
        tap.equal(mine[1], plain[1], "redis: same exit status")
        tap.equal(mine[3], plain[3], "redis: same output")
        check_profile("redis", scratch, mine[2], [("aeMain", 85)])
        tap.equal(scratch.regions(), [], "redis: nothing is left behind")
    return None


NGINX = """
worker_processes 2;
daemon off;
user %(user)s;
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %(dir)s/t1; proxy_temp_path %(dir)s/t2;
	fastcgi_temp_path %(dir)s/t3; uwsgi_temp_path %(dir)s/t4;
	scgi_temp_path %(dir)s/t5;
	gzip on; gzip_comp_level 6; gzip_types text/plain;
	server { listen 127.0.0.1:%(port)d; root %(dir)s/www; }
}
"""


def fetch(port, count, bodies):
    for _ in range(count):
        got = lib.run(["curl", "-sS", "--compressed", "-m", "10",
                       "http://127.0.0.1:%d/page.txt" % port])
        bodies.add((got.status, hash(got.out), len(got.out)))


def nginx_once(program, scratch, agent):
    port = lib.free_port()
    conf = scratch.path("nginx.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(NGINX % {"dir": scratch.dir, "port": port, "user":
                         "nobody nogroup" if os.getuid() == 0 else "x"})
    server = Server([program, "-p", scratch.dir, "-c", conf],
                    scratch.env(agent=agent), scratch.dir)
    lib.wait_for_port(port)
    bodies = set()
    clients = [threading.Thread(target=fetch, args=(port, 40, bodies))
               for _ in range(3)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    os.kill(server.child.pid, signal.SIGQUIT)
    status, cpu = server.wait()
    return bodies, status, cpu, server.output


def check_nginx():
    program = lib.which("nginx")
    if not program or not lib.which("curl"):
        return tap.skip("nginx", "not installed (nginx, curl)")
    with lib.Scratch() as scratch:
        os.mkdir(scratch.path("www"))
        with open(scratch.path("www/page.txt"), "w", encoding="utf-8") as f:
            for i in range(40000):
                f.write("line %d of %d, %x\n" % (i, i * i, i * 2654435761))
        plain = nginx_once(program, scratch, False)
        mine = nginx_once(program, scratch, True)
        tap.ok(len(mine[0]) == 1 and mine[0] == plain[0],
               "nginx: same answers", mine[0], plain[0])
        tap.equal(mine[1], plain[1], "nginx: same exit status")
        tap.equal(mine[3], plain[3], "nginx: same output")
        check_profile("nginx", scratch, mine[2], [("deflate", 40)])
        names = [os.path.basename(f) for f in scratch.files()]
        tap.ok(len(names) >= 2, "nginx: workers have profiles of their own",
               names)
        tap.equal(scratch.regions(), [], "nginx: nothing is left behind")
    return None


CHECKS = {
    "sqlite3": check_sqlite,
    "python3": check_python,
    "c++": check_cplusplus,
    "go": check_go,
    "rust": check_rust,
    "redis": check_redis,
    "nginx": check_nginx,
}


def main():
    for name in sys.argv[1:] or CHECKS:
        CHECKS[name]()
    tap.done()


if __name__ == "__main__":
    main()
