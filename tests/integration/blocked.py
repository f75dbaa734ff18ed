#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What real programs wait in: of all samples of waiting threads, 95 % have a
whole stack, and the others say why not.

usage: blocked.py [NAME...]
"""

import glob
import json
import os
import pwd
import subprocess
import sys
import time

import lib
from lib import tap

# Percent of what waits. A thread may move while it is looked at.
LEAST = 95.0

PYTHON = """
import queue, select, socket, subprocess, threading, time

def waits(what):
    end = time.monotonic() + %(seconds)d
    while time.monotonic() < end:
        what()

a, b = socket.socketpair()
a.settimeout(0.05)
q = queue.Queue()
lock = threading.Lock()
poll = select.epoll()
poll.register(b, select.EPOLLIN)

def receive():
    try:
        a.recv(1)
    except TimeoutError:
        pass

def get():
    try:
        q.get(timeout=0.05)
    except queue.Empty:
        pass

kinds = [receive, get, lambda: time.sleep(0.05), lambda: poll.poll(0.05),
         lambda: select.select([b], [], [], 0.05),
         lambda: subprocess.run(["sleep", "0.1"])]
threads = [threading.Thread(target=waits, args=(k,)) for k in kinds]
for t in threads:
    t.start()
for t in threads:
    t.join()
"""

NGINX = """
worker_processes 2;
daemon off;
user %(user)s;
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log;
events { worker_connections 64; }
http {
	access_log off; gzip on; gzip_comp_level 9; gzip_types text/plain;
	client_body_temp_path %(dir)s/t1; proxy_temp_path %(dir)s/t2;
	fastcgi_temp_path %(dir)s/t3; uwsgi_temp_path %(dir)s/t4;
	scgi_temp_path %(dir)s/t5;
	server { listen 127.0.0.1:%(port)d; root %(dir)s/www; }
}
"""

SQL = """
create table t as select generate_series(1, 400000) as i;
select pg_sleep(0.5);
select count(*), sum(i) from t;
select pg_sleep(1);
"""


class Server:
    """Runs while the block does; stopped by SIGTERM."""

    def __init__(self, argv, scratch, **options):
        self.child = subprocess.Popen(
            argv, cwd=scratch.dir, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def samples_of(files, scratch):
    """[(weight, call, reason or None)] of what was blocked."""
    env = dict(os.environ, XDG_RUNTIME_DIR=scratch.runtime)
    done = lib.profagent("export", "--format=json", "--type=wall",
                         "--no-symbols", "-o", "-", *files, env=env)
    if done.status != 0:
        tap.ok(False, "profagent export", done)
        return [], {}
    found = json.loads(done.out)
    count = [t["type"] for t in found["sample_types"]].index("samples")
    samples = []
    for s in found["samples"]:
        labels = {x["key"]: x.get("text") for x in s.get("labels", [])}
        if labels.get("state") == "blocked":
            samples.append((s["values"][count], labels.get("call"),
                            s.get("cut_short")))
    return samples, found["health"]


def check_samples(name, scratch):
    files = scratch.files()
    if not tap.ok(files, name + ": a profile was written"):
        return
    samples, health = samples_of(files, scratch)
    number = sum(n for n, _, _ in samples)
    cut = {}
    for n, call, reason in samples:
        if reason:
            cut[(reason, call)] = cut.get((reason, call), 0) + n
    whole = 100 * (1 - sum(cut.values()) / number) if number else 0
    tap.ok(number >= 50, name + ": it was seen waiting", number)
    tap.ok(whole >= LEAST,
           "%s: %.1f %% of %d samples of waiting in %d processes are whole" % (
               name, whole, number, len(files)), cut)
    reasons = {reason for reason, _ in cut}
    tap.ok(reasons <= set(health["truncated_by"]),
           name + ": what is cut short says why", reasons, health)


def check_program(name, seconds="3"):
    with lib.Scratch() as scratch:
        done = lib.run([os.path.join(lib.PROGRAMS, name), seconds],
                       scratch.env(CLOCK="wall", RATE=99), scratch.dir)
        if tap.ok(done.status == 0, name + ": runs", done):
            check_samples(name, scratch)


def check_o2():
    check_program("eintr")


def check_fp():
    check_program("eintr-fp")


def check_python():
    with lib.Scratch() as scratch:
        done = lib.run(["/usr/bin/python3", "-c", PYTHON % {"seconds": 3}],
                       scratch.env(CLOCK="wall", RATE=99, CHILDREN=0),
                       scratch.dir)
        if tap.ok(done.status == 0, "python: runs", done):
            check_samples("python", scratch)


def check_redis():
    program = lib.which("redis-server") or lib.which("redis-check-rdb")
    if not program or not lib.which("redis-benchmark"):
        tap.skip("redis", "not installed (redis-tools)")
        return
    with lib.Scratch() as scratch:
        port = lib.free_port()
        # One program under several names: it goes by how it is called.
        os.symlink(os.path.realpath(program), scratch.path("redis-server"))
        with Server([scratch.path("redis-server"), "--port", str(port),
                     "--bind", "127.0.0.1", "--save", "", "--logfile",
                     "/dev/null"], scratch,
                    env=scratch.env(CLOCK="wall", RATE=99)):
            lib.wait_for_port(port)
            for _ in range(3):
                lib.run(["redis-benchmark", "-p", str(port), "-q", "-n",
                         "3000", "-t", "set,get"])
                time.sleep(0.6)
        check_samples("redis", scratch)


def check_nginx():
    program = lib.which("nginx")
    if not program or not lib.which("curl"):
        tap.skip("nginx", "not installed (nginx, curl)")
        return
    with lib.Scratch() as scratch:
        port = lib.free_port()
        conf = scratch.path("nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(NGINX % {"dir": scratch.dir, "port": port, "user":
                             "nobody nogroup" if os.getuid() == 0 else "x"})
        # A worker has a profile from its first sample of CPU time on.
        os.mkdir(scratch.path("www"))
        with open(scratch.path("www/page.txt"), "w", encoding="utf-8") as f:
            f.writelines("%d %d\n" % (i, i * i) for i in range(60000))
        with Server([program, "-p", scratch.dir, "-c", conf], scratch,
                    env=scratch.env(CLOCK="wall", RATE=99)):
            lib.wait_for_port(port)
            for _ in range(10):
                lib.run(["curl", "-s", "-m", "10", "-o", "/dev/null",
                         "--compressed",
                         "http://127.0.0.1:%d/page.txt" % port])
                time.sleep(0.15)
        check_samples("nginx", scratch)


def postgres_folder():
    """Where postgres and initdb lie, or None."""
    wanted = os.environ.get("POSTGRES_BIN", "/usr/lib/postgresql/*/bin")
    return next(iter(sorted(glob.glob(wanted))), None)


def check_postgres():
    folder = postgres_folder()
    if not folder:
        tap.skip("postgres", "not installed (postgresql-15)")
        return
    # It refuses to run as root.
    user = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
    with lib.Scratch() as scratch:
        for path in [scratch.dir, scratch.runtime]:
            if user:
                os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        data, port = scratch.path("data"), lib.free_port()
        made = subprocess.run(
            [folder + "/initdb", "-D", data, "-N", "--auth=trust", "-U", "me",
             "--locale=C"], cwd=scratch.dir, capture_output=True, text=True,
            check=False, env=scratch.env(agent=False), **user)
        if made.returncode != 0:
            tap.skip("postgres", "initdb fails: " + made.stderr[-200:])
            return
        env = scratch.env(CLOCK="wall", RATE=99)
        with Server([folder + "/postgres", "-D", data, "-p", str(port), "-k",
                     scratch.dir, "-h", "127.0.0.1", "-c", "jit=off"],
                    scratch, env=env, **user):
            if not tap.ok(lib.wait_for_port(port, 30), "postgres: starts"):
                return
            done = lib.run(["psql", "-h", "127.0.0.1", "-p", str(port), "-U",
                            "me", "-c", SQL, "postgres"]
                           ) if lib.which("psql") else None
            time.sleep(3 if not done else 1)
        check_samples("postgres", scratch)


CHECKS = {"o2": check_o2, "fp": check_fp, "python": check_python,
          "redis": check_redis, "nginx": check_nginx,
          "postgres": check_postgres}


def main():
    for name in sys.argv[1:] or CHECKS:
        if name not in CHECKS:
            sys.exit("blocked.py: no check is called %s; there are: %s"
                     % (name, ", ".join(CHECKS)))
        CHECKS[name]()
    tap.done()


if __name__ == "__main__":
    main()
