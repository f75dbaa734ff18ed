# SPDX-License-Identifier: MIT
"""A `profagent serve` of a test's own, and requests to it."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

from lib import PROFAGENT, wait_for


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return "%d %s" % (self.status, self.text[:500])


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Server:
    """Runs until the end of the block; stdout and stderr are files."""

    def __init__(self, scratch, *options, listen="127.0.0.1:0"):
        self.scratch = scratch
        self.log = scratch.path("serve.log")
        self.out = scratch.path("serve.out")
        env = dict(os.environ, XDG_RUNTIME_DIR=scratch.runtime,
                   XDG_CACHE_HOME=scratch.path("cache"))
        with open(self.out, "wb") as out, open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [PROFAGENT, "serve", "--listen", listen, *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=env)
        wait_for(lambda: self.printed() or self.child.poll() is not None, 30)
        found = re.search(r"(https?://[^/]*)/(?:\?token=(\w+))?",
                          self.printed())
        self.origin = found.group(1) if found else None
        self.token = found.group(2) if found else None

    def printed(self):
        with open(self.out, encoding="utf-8") as f:
            text = f.read()
        return text if text.endswith("\n") else ""

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        self.status = self.child.wait(30)

    def request(self, path, method="GET", token=True, headers=None, data=None,
                timeout=60, context=None):
        headers = dict(headers or {})
        if token and self.token:
            headers["Authorization"] = "Bearer " + self.token
        handlers = [NoRedirect]
        if context:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        opener = urllib.request.build_opener(*handlers)
        request = urllib.request.Request(self.origin + path, method=method,
                                         headers=headers, data=data)
        try:
            with opener.open(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def post(self, path, **kwargs):
        return self.request(path, method="POST", **kwargs)

    def stream(self, path):
        """An open event stream."""
        request = urllib.request.Request(
            self.origin + path,
            headers={"Authorization": "Bearer " + (self.token or "")})
        return urllib.request.urlopen(request, timeout=60)

    def memory(self):
        """Resident bytes."""
        with open("/proc/%d/statm" % self.child.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def next_event(stream):
    """(kind, data) of the next event that has data."""
    kind = "message"
    while True:
        line = stream.readline()
        if not line:
            return None
        line = line.decode().rstrip("\n")
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            return kind, json.loads(line[6:])
