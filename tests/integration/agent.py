# SPDX-License-Identifier: MIT
"""A preloaded program, and a client of its agent that speaks the protocol of
agent/control-proto.h by hand."""

import json
import os
import socket
import subprocess
import threading
import time

from lib import wait_for


class Program:
    """Runs until the end of the block."""

    def __init__(self, argv, scratch, **settings):
        self.runtime = os.path.join(scratch.runtime, "profagent")
        self.child = subprocess.Popen(
            argv, env=scratch.env(**settings), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.pid = self.child.pid

    def sockets(self):
        if not os.path.isdir(self.runtime):
            return []
        return sorted(os.path.join(self.runtime, name)
                      for name in os.listdir(self.runtime)
                      if name.endswith(".sock"))

    def socket(self):
        path = os.path.join(self.runtime, "%d.sock" % self.pid)
        if not wait_for(lambda: os.path.exists(path)):
            raise AssertionError("no socket " + path)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        # Its own session: what it started ends with it.
        try:
            os.killpg(self.pid, 15)
        except ProcessLookupError:
            pass
        self.child.wait()


def connect(path):
    """Waits in the queue for as long as the kernel finds it full."""
    for _ in range(3000):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(30)
        try:
            sock.connect(path)
            return sock
        except BlockingIOError:
            sock.close()
            time.sleep(0.01)
    raise AssertionError("the queue of %s stays full" % path)


class Agent:
    def __init__(self, path):
        self.sock = connect(path)
        self.file = self.sock.makefile("rb")
        self.frames = []
        self.greeting = json.loads(self.file.readline())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def next(self):
        """An answer, or a frame as (number, bytes); None at the end."""
        line = self.file.readline()
        if not line:
            return None
        message = json.loads(line)
        if "member" not in message:
            return message
        data = self.file.read(message["member"])
        if len(data) < message["member"]:
            return None
        return message["number"], data

    def answer(self):
        """The next answer; frames before it are kept."""
        while True:
            message = self.next()
            if not isinstance(message, tuple):
                return message
            self.frames.append(message)

    def ask(self, request):
        self.sock.sendall(request.encode() + b"\n")
        return self.answer()

    def status(self):
        return self.ask("status")

    def rest(self):
        """All that still comes, as text."""
        try:
            return self.file.read().decode(errors="replace")
        except ConnectionError:
            return ""


class Watcher(threading.Thread):
    """Subscribes and reads until the agent ends or is told to."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.agent = Agent(path)
        self.answer = self.agent.ask("subscribe")
        self.start()

    def run(self):
        try:
            while True:
                message = self.agent.next()
                if message is None:
                    return
                if isinstance(message, tuple):
                    self.agent.frames.append(message)
        except OSError:
            return

    def missed(self):
        numbers = [number for number, _ in self.agent.frames]
        return numbers[-1] - numbers[0] + 1 - len(numbers)

    def expirations(self):
        return sum(count_in(data) for _, data in self.agent.frames)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of a protobuf message: an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif key & 7 == 0:
            value, at = varint(data, at)
        else:
            raise ValueError("wire type %d" % (key & 7))
        yield key >> 3, value


def count_in(fragment):
    """Sum of the first value of all samples: expirations of the clock."""
    total = 0
    for number, sample in fields(fragment):
        if number != 2:
            continue
        for inner, value in fields(sample):
            if inner == 2:
                total += (varint(value, 0)[0] if isinstance(value, bytes)
                          else value)
                break
    return total
