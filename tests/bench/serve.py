#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""profagent serve under load: many viewers, connections that come to nothing.

    make load

Says what the server's memory and the profiled program's work were before,
during and after. The work is that of a second of CPU time, since the load takes
CPUs away from everybody; pairs of a quiet and a loaded stretch, one after the
other, with the quiet ones against each other beside it. Fails if the server does
not answer, or if its memory goes on growing.
"""

import os
import socket
import statistics
import struct
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

from lib import Scratch, wait_for                      # noqa: E402
from agent import Program                              # noqa: E402
from server import Server, next_event                  # noqa: E402

VIEWERS, CONNECTIONS, HALF_OPEN, PAIRS = 100, 100000, 10000, 6
STRETCH = 4                     # seconds of each half of a pair

# Work and the CPU time it took, once a tenth of a second.
WORK = """
import time
def work():
    x = 0
    for i in range(20000):
        x = (x * 31 + i) & 0xffffff
    return x
n, told = 0, 0
while True:
    work()
    n += 1
    if time.monotonic() - told > 0.1:
        told = time.monotonic()
        with open(%r, "w") as f:
            f.write("%%d %%f\\n" %% (n, time.process_time()))
"""


class Work:
    def __init__(self, path):
        self.path = path

    def read(self):
        while True:
            with open(self.path) as f:
                words = f.read().split()
            if len(words) == 2:
                return int(words[0]), float(words[1])

    def rate(self, seconds):
        """Rounds of work a CPU second."""
        n, cpu = self.read()
        time.sleep(seconds)
        m, more = self.read()
        return (m - n) / (more - cpu)


class Viewer(threading.Thread):
    """As the page does: an event, then the document."""

    def __init__(self, server, pid):
        super().__init__(daemon=True)
        self.server, self.pid = server, pid
        self.seen, self.over = 0, False
        self.start()

    def run(self):
        api = "/api/processes/%d" % self.pid
        try:
            with self.server.stream(api + "/events") as stream:
                while not self.over and next_event(stream):
                    if self.server.request(api + "/profile.json").json():
                        self.seen += 1
        except OSError as error:
            if not self.over:
                print("a viewer: %s" % error)


def address(server):
    host, port = server.origin[7:].split(":")
    return host, int(port)


def connect_and_leave(server, count):
    """Half of them say goodbye, half are torn off as a port scan does."""
    for i in range(count):
        s = socket.create_connection(address(server), 60)
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
        s.close()


def half_open(server, count):
    held = []
    for i in range(count):
        s = socket.create_connection(address(server), 60)
        if i % 2:
            s.sendall(b"GET /processes HTTP/1.1\r\nHos")
        held.append(s)
        if len(held) > 2000:
            held.pop(0).close()
    return held


def show(server, what, begun=[time.monotonic()]):
    print("%6.1f s  %-46s %6.1f MiB" % (
        time.monotonic() - begun[0], what, server.memory() / 2**20),
        flush=True)
    return server.memory()


def show_ratios(name, ratios):
    print("%s: median %.4f, from %.4f to %.4f" % (
        name, statistics.median(ratios), min(ratios), max(ratios)))


def measure_viewers(server, work, pid):
    loaded, quiet = [], []
    for _ in range(PAIRS):
        first = work.rate(STRETCH)
        viewers = [Viewer(server, pid) for _ in range(VIEWERS)]
        wait_for(lambda: all(v.seen for v in viewers), 120)
        with_them = work.rate(STRETCH)
        seen = sorted(v.seen for v in viewers)
        for v in viewers:
            v.over = True
        for v in viewers:
            v.join(60)
        second = work.rate(STRETCH)
        loaded.append(with_them / first)
        quiet.append(second / first)
        show(server, "%d viewers; documents each: %d to %d" % (
            VIEWERS, seen[0], seen[-1]))
    show_ratios("work with %d viewers / with one" % VIEWERS, loaded)
    show_ratios("the same without, A/A", quiet)


def main():
    with Scratch() as scratch:
        counts = scratch.path("counts")
        with Program([sys.executable, "-c", WORK % counts], scratch,
                     START=0) as p, Server(scratch) as server:
            p.socket()
            wait_for(lambda: os.path.exists(counts))
            with server.stream("/api/processes/%d/events" % p.pid) as one:
                next_event(one)
                work = Work(counts)
                time.sleep(3)
                show(server, "one viewer")
                measure_viewers(server, work, p.pid)
                before = show(server, "before the connections")
                for k in range(5):
                    connect_and_leave(server, CONNECTIONS // 5)
                    show(server, "%d connections" % (
                        (k + 1) * CONNECTIONS // 5))
                held = half_open(server, HALF_OPEN)
                show(server, "%d half-open" % HALF_OPEN)
                for s in held:
                    s.close()
                answer = server.request("/healthz", timeout=60)
                after = show(server, "after them")
                print("it answers: %d; grown by %.1f MiB; connections "
                      "left: %s" % (
                          answer.status, (after - before) / 2**20,
                          [line for line in server.request(
                              "/metrics").text.splitlines()
                           if line.startswith("profagent_serve_conn")]))
            good = answer.status == 200 and after - before < 32 << 20
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
