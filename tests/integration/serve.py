#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""profagent serve: every route and wrong input, who is let in, what reads it,
that it profiles only while somebody looks, and that nobody disturbs others."""

import base64
import concurrent.futures
import csv
import email
import http.server
import io
import json
import os
import shutil
import signal
import socket
import ssl
import threading
import time
import urllib.parse

import lib
from lib import PROGRAMS, Scratch, profagent, run, tap, wait_for, which
from agent import Agent, Program
from server import Server, next_event

SHARES = os.path.join(PROGRAMS, "shares")
FOREVER = "600000"


def is_line(answer):
    """One clear line, not a page of an accident."""
    text = answer.text
    return text.count("\n") == 1 and text.endswith("\n") and len(text) > 10


# --- routes -------------------------------------------------------------------

def description(server):
    return server.request("/api/openapi.json").json()


def check_routes(server, pid):
    """Each route that is described answers, as it is described."""
    doc = description(server)
    values = {"seconds": "1", "interval": "10ms", "filter": "burn",
              "limit": "3", "window": "30"}
    with server.stream("/api/processes/%d/events" % pid) as stream:
        next_event(stream)
        # flush and those that change come before the documents are read
        paths = sorted(doc["paths"], key=lambda p: ("profile" in p, p))
        for path in paths:
            for method, operation in doc["paths"][path].items():
                if path.endswith("/events"):
                    continue
                check_route(server, pid, path, method, operation, values)
    source = open(os.path.join(lib.SRC, "tools", "serve-routes.c"),
                  encoding="utf-8").read()
    table = source[source.index("serve_routes[] = {"):source.index("{ NULL }")]
    tap.equal(table.count('{ "GET"') + table.count('{ "POST"'),
              sum(len(methods) for methods in doc["paths"].values()),
              "routes: all of the table are described")


def check_route(server, pid, path, method, operation, values):
    query = "&".join(
        "%s=%s" % (p["name"], values[p["name"]])
        for p in operation.get("parameters", []) if p.get("in") == "query")
    url = (path.replace("{pid}", str(pid)).replace("{name}", "app.js") +
           ("?" + query if query else ""))
    headers = {"Accept": "text/html"} if path in ("/",) else {}
    answer = server.request(url, method=method.upper(), headers=headers)
    name = "%s %s" % (method.upper(), path)
    if path.endswith("/wall"):
        # what it measures is a matter of its clock
        tap.ok(answer.status in (200, 501), name, answer)
        return
    kind = list(operation["responses"]["200"]["content"])[0]
    tap.ok(answer.status == 200 and
           answer.headers["Content-Type"].startswith(kind) and answer.body,
           name, answer.headers["Content-Type"], answer)
    if kind == "application/json":
        tap.ok(isinstance(answer.json(), (dict, list)), name + ": JSON")
    tap.ok(answer.headers["X-Content-Type-Options"] == "nosniff" and
           answer.headers["Cache-Control"] == "no-store" and
           "frame-ancestors 'none'" in
           answer.headers["Content-Security-Policy"], name + ": is guarded",
           answer.headers)


def check_spans(server, scratch):
    """What a program counts, and of one asleep, which stays so."""
    with Program([os.path.join(PROGRAMS, "spans"), FOREVER], scratch,
                 START=0) as p:
        p.socket()
        for where in ("", "/tree"):
            path = "/api/processes/%d%s/spans" % (p.pid, where)
            wait_for(lambda: len(server.request(path).json()) == 2, 60)
            rows = server.request(path).json()
            tap.ok([row["name"] for row in rows] == [
                '/large, "<b>"', "/small"] and all(
                    0 < row["p50_ns"] <= row["p95_ns"] <= row["p99_ns"] <=
                    row["max_ns"] <= row["total_ns"] and
                    row["mean_ns"] * row["n"] <= row["total_ns"]
                    for row in rows), "spans" + where, rows)
            answer = server.request(path + ".csv")
            table = list(csv.DictReader(io.StringIO(
                answer.body.decode(), newline="")))
            tap.ok([row["name"] for row in table] == [
                '/large, "<b>"', "/small"] and all(
                    int(row["n"]) >= 1 for row in table) and
                "attachment" in answer.headers["Content-Disposition"],
                "spans%s: as CSV" % where, answer)
        state = server.request("/api/processes/%d" % p.pid).json()["state"]
        tap.equal(state, "paused", "spans: asking starts nothing")
        answer = server.request("/api/processes/%d/functions.csv" % p.pid)
        tap.ok(answer.status == 404, "table as CSV: only while watched",
               answer)
    answer = server.request("/api/processes/%d/spans" % p.pid)
    tap.ok(answer.status == 404, "spans: of one that has ended", answer)


def check_table(server, pid):
    """The rows as CSV are those of the JSON."""
    api = "/api/processes/%d/functions" % pid
    with server.stream("/api/processes/%d/events" % pid) as stream:
        next_event(stream)
        ask = api + ".csv?limit=1000&filter=burn"
        wait_for(lambda: server.request(ask).text.count("\n") > 1, 60)
        answer = server.request(ask)
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    tap.ok(rows and all("burn" in row["name"] and
                        int(row["self"]) <= int(row["total"]) and
                        0 <= float(row["self_percent"]) <= 100
                        for row in rows), "the table as CSV", answer)


def check_mistakes(server, pid):
    api, pprof = "/api/processes/%d" % pid, "/processes/%d/debug/pprof" % pid
    mistakes = [
        (400, "GET", "/processes/abc/"), (400, "GET", "/processes/0/"),
        (400, "GET", "/processes/-1/"), (400, "GET", "/api/processes/x/y"),
        (400, "GET", "/processes/99999999999/"),
        (404, "GET", "/nothing"), (404, "GET", "/api/nothing"),
        (404, "GET", "/processes/2147483646/"),
        (404, "GET", "/api/processes/2147483646"),
        (404, "GET", "/web/../../etc/passwd"), (404, "GET", "/web/none.js"),
        (404, "GET", pprof + "/heap"), (404, "GET", "/tree/"),
        (405, "POST", "/processes"), (405, "GET", api + "/pause"),
        (405, "DELETE", api), (405, "PUT", api + "/interval"),
    ]
    for bad in ("0", "-1", "abc", "", "3601", "1.5", "99999999999999999999"):
        mistakes.append((400, "GET", pprof + "/profile?seconds=" + bad))
    for bad in ("0", "301", "x"):
        mistakes.append((400, "GET", api + "/profile.json?window=" + bad))
        mistakes.append((400, "GET", api + "/profile.pb.gz?window=" + bad))
    for bad in ("(", "[", "*", "%FF"):
        mistakes.append((400, "GET", api + "/functions?filter=" + bad))
    for bad in ("x", "0", "-5"):
        mistakes.append((400, "GET", api + "/functions?limit=" + bad))
    before = server.request(api).json()["period_ns"]
    for bad in ("0", "10", "-1", "11s", "abc", "", "1e6", "99us"):
        mistakes.append((400, "POST", api + "/interval?interval=" + bad))
    mistakes.append((400, "POST", api + "/interval"))
    for status, method, path in mistakes:
        answer = server.request(path, method=method)
        tap.ok(answer.status == status and is_line(answer),
               "%s %s is %d and one line" % (method, path, status), answer)
    tap.equal(server.request(api).json()["period_ns"], before,
              "wrong intervals changed nothing")


def check_raw(server):
    """What is hardly HTTP: answered or cut off, and the server goes on."""
    host, port = server.origin[7:].split(":")
    for data in (b"\0\xff\n\n", b"GET\r\n\r\n", b"G" * 300000,
                 b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                 b"POST /processes HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Length: 99999999999999\r\n\r\nxxx"):
        with socket.create_connection((host, int(port)), 30) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                s.recv(100)
            except OSError:
                pass
    tap.equal(server.request("/healthz").status, 200, "it survives raw bytes")


# --- readers ----------------------------------------------------------------------

def check_go(server, pid):
    if not which("go"):
        tap.skip("go tool pprof", "no go")
        return
    for path, name in (("", "a process"), ("/tree", "a tree")):
        url = "%s/processes/%d%s/debug/pprof/profile?seconds=2&token=%s" % (
            server.origin, pid, path, server.token)
        done = lib.go_pprof("-top", "-cum", url)
        tap.ok(done.status == 0 and "burn_half" in done.out and
               "Type: cpu" in done.out and
               (lib.go_total_ns(done.out) or 0) > 1e7,
               "go tool pprof reads the URL of " + name, done)
    done = lib.go_pprof("-top", "%s/processes/%d/debug/pprof/profile?seconds=0"
                        "&token=%s" % (server.origin, pid, server.token))
    tap.ok(done.status != 0 and "no whole number from 1 to 3600" in done.err,
           "go tool pprof shows what we say is wrong", done)
    done = lib.go_pprof("-tree", "%s/processes/%d/debug/pprof/profile?"
                        "seconds=1&token=%s" % (server.origin, pid,
                                                server.token))
    tap.ok(done.status == 0 and "burn_half" in done.out,
           "go tool pprof -tree", done)


def check_go_without_names(server, scratch):
    """Of what is stripped nobody knows names: no reason to give up."""
    if not which("go") or not which("strip"):
        tap.skip("go tool pprof of a stripped program", "no go, or no strip")
        return
    path = scratch.path("stripped")
    lib.run(["strip", "-s", "-o", path, SHARES])
    with Program([path, "600000"], scratch, START=0) as p:
        p.socket()
        done = lib.go_pprof("-top", "%s/processes/%d/debug/pprof/profile?"
                            "seconds=2&token=%s" % (server.origin, p.pid,
                                                    server.token))
    tap.ok(done.status == 0 and "[stripped]" in done.out and
           (lib.go_total_ns(done.out) or 0) > 1e7,
           "go tool pprof of a stripped program", done)


def check_concurrent(server, pid):
    """Ten at once: each gets the same, within what one flush is."""
    url = "/processes/%d/debug/pprof/profile?seconds=2" % pid

    def fetch(_):
        return server.request(url)

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(fetch, range(10)))
    tap.equal([a.status for a in answers], [200] * 10, "ten profiles at once")
    path = server.scratch.path("many.pb.gz")
    totals = []
    for answer in answers:
        with open(path, "wb") as f:
            f.write(answer.body)
        totals.append(sum(v for _, v in lib.folded([path], server.scratch)))
    tap.ok(min(totals) > 0.3 * max(totals) > 0, "and they agree", totals)


def check_metrics(server, pid):
    text = server.request("/metrics").text
    for name in ("up", "running", "samples_total", "handler_seconds_total",
                 "flusher_cpu_seconds_total", "period_seconds", "threads"):
        tap.ok('profagent_%s{pid="%d",program="shares"} ' % (name, pid) in
               text, "metrics: " + name, text[:3000])
    for name in ("lost_total", "truncated_total"):
        tap.ok('profagent_%s{pid="%d",program="shares",reason="' %
               (name, pid) in text, "metrics: %s by reason" % name)
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        value = line.rsplit(" ", 1)[1]
        if not value.replace(".", "").replace("e-", "").isdigit():
            tap.ok(False, "metrics: a value", line)


# --- only while somebody looks ------------------------------------------------------

def status(program):
    with Agent(program.socket()) as agent:
        return agent.status()


def timers(program):
    with open("/proc/%d/timers" % program.pid) as f:
        return f.read()


def check_asleep(server, scratch):
    with Program([SHARES, FOREVER], scratch, START=0) as p:
        p.socket()
        api = "/api/processes/%d" % p.pid
        server.request("/processes")
        server.request(api)
        server.request("/metrics")
        tap.ok(timers(p) == "" and status(p)["state"] == "paused",
               "asleep: lists and metrics wake nobody", status(p))
        first, second = server.stream(api + "/events"), None
        tap.ok(wait_for(lambda: timers(p) != "", 30),
               "watched: it is profiled")
        second = server.stream(api + "/events")
        next_event(second)
        second.close()
        tap.ok(next_event(first) and next_event(first),
               "one of two leaves: the other goes on")
        tap.equal(status(p)["state"], "running", "and so does the profiling")
        document = server.request(api + "/profile.json").json()
        tap.equal(document["version"], 1, "a document of it")
        first.close()
        tap.ok(wait_for(lambda: status(p)["state"] == "paused" and
                        timers(p) == "", 30),
               "the last one leaves: it sleeps again", status(p))
        answer = server.request(api + "/functions")
        tap.ok(answer.status == 404 and is_line(answer),
               "nobody looks: there is nothing to show", answer)


def check_end(server, scratch):
    """The program ends while it is watched, and its status is its own."""
    with Program([SHARES, "2000"], scratch, START=0) as p:
        p.socket()
        stream = server.stream("/api/processes/%d/events" % p.pid)
        kinds = []
        while True:
            event = next_event(stream)
            if not event:
                break
            kinds.append(event[0])
        tap.equal(kinds[-1:], ["end"], "the stream says that it ended")
        tap.equal(p.child.wait(60), 0, "it ended as by itself")
    answer = server.request("/processes/%d/debug/pprof/profile?seconds=1" %
                            p.pid)
    tap.ok(answer.status == 404 and is_line(answer), "it is gone", answer)


def check_leaving(server, scratch):
    """Whoever leaves in the middle of a profile leaves nothing behind."""
    with Program([SHARES, FOREVER], scratch, START=0) as p:
        p.socket()
        host, port = server.origin[7:].split(":")
        for _ in range(5):
            with socket.create_connection((host, int(port)), 30) as s:
                s.sendall(("GET /processes/%d/debug/pprof/profile?seconds=600 "
                           "HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s"
                           "\r\n\r\n" % (p.pid, server.token)).encode())
                wait_for(lambda: status(p)["state"] == "running", 30)
        tap.ok(wait_for(lambda: status(p)["state"] == "paused", 30),
               "a profile that nobody waits for is not taken", status(p))


# --- who is let in ---------------------------------------------------------------------

def check_token(server, pid):
    doc = description(server)
    for path, methods in doc["paths"].items():
        url = path.replace("{pid}", str(pid)).replace("{name}", "app.js")
        for method in methods:
            answer = server.request(url, method=method.upper(), token=False)
            wanted = 200 if path == "/healthz" else 401
            tap.equal(answer.status, wanted, "anonymous: %s %s is %d" %
                      (method.upper(), path, wanted))
    answer = server.request("/nothing", token=False)
    tap.equal(answer.status, 401, "anonymous: does not learn what there is")
    html = {"Accept": "text/html"}
    answer = server.request("/?token=" + server.token, token=False,
                            headers=html)
    cookie = answer.headers["Set-Cookie"] or ""
    tap.ok(answer.status == 303 and "HttpOnly" in cookie and
           "SameSite=Strict" in cookie, "the token becomes a cookie", answer)
    answer = server.request("/", token=False, headers={
        "Cookie": cookie.split(";")[0], **html})
    tap.equal(answer.status, 200, "the cookie is good")


def check_origin(server, pid):
    path = "/api/processes/%d/flush" % pid
    for name, value, wanted in (
            ("Origin", "http://evil.example", 403),
            ("Origin", "null", 403), ("Sec-Fetch-Site", "cross-site", 403),
            ("Sec-Fetch-Site", "same-site", 403),
            ("Origin", server.origin, 200),
            ("Sec-Fetch-Site", "same-origin", 200)):
        answer = server.post(path, headers={name: value})
        tap.equal(answer.status, wanted, "POST with %s: %s is %d" %
                  (name, value, wanted))


def check_guesses(scratch):
    with Server(scratch) as server:
        seen = [server.request("/processes", token=False, headers={
            "Authorization": "Bearer %032x" % i}).status for i in range(30)]
        tap.ok(set(seen) == {401, 429} and seen[-1] == 429,
               "guessing is slowed down", seen)
        answer = server.request("/processes?token=x", token=False)
        tap.ok(answer.status == 429 and
               int(answer.headers["Retry-After"]) > 0 and is_line(answer),
               "and told how long", answer)
        tap.equal(server.request("/processes").status, 200,
                  "who knows the token does not wait")


def basic(name, password):
    text = base64.b64encode(("%s:%s" % (name, password)).encode()).decode()
    return {"Authorization": "Basic " + text}


def check_users(scratch, pid):
    users = scratch.path("users")
    lines = []
    for name, role in (("ann", "control"), ("bob", "view")):
        done = run([lib.PROFAGENT, "serve", "--new-user",
                    "%s:%s" % (name, role)], stdin=name + "-secret\n")
        lines.append(done.out)
        tap.ok(done.status == 0 and done.out.startswith(name + ":$y$"),
               "--new-user %s:%s" % (name, role), done)
    with open(users, "w") as f:
        f.writelines(lines)
    done = profagent("serve", "--users", users, "--listen", "127.0.0.1:0")
    tap.ok(done.status == 1 and "chmod 600" in done.err,
           "users: a file that others read is refused", done)
    os.chmod(users, 0o600)
    with Server(scratch, "--users", users, "--insecure",
                listen="0.0.0.0:0") as server:
        server.origin = server.origin.replace("0.0.0.0", "127.0.0.1")
        check_roles(server, pid)
        with open(users, "w") as f:
            f.write(lines[1])
        tap.equal(server.request("/processes", headers=basic(
            "ann", "ann-secret")).status, 401,
            "users: who is taken out of the file is out")
        tap.equal(server.request("/processes", headers=basic(
            "bob", "bob-secret")).status, 200, "users: who is in it stays")
        log = server.said()
    tap.ok("audit time=" in log and "user=ann" in log and "flush" in log and
           "user=bob" not in log, "users: changes are logged", log)


def check_roles(server, pid):
    flush = "/api/processes/%d/flush" % pid
    for headers, method, path, wanted in (
            ({}, "GET", "/processes", 401),
            (basic("ann", "ann-secret"), "GET", "/processes", 200),
            (basic("ann", "ann-secret"), "POST", flush, 200),
            (basic("bob", "bob-secret"), "GET", "/processes", 200),
            (basic("bob", "bob-secret"), "POST", flush, 403),
            (basic("bob", "ann-secret"), "GET", "/processes", 401),
            (basic("eve", "x"), "GET", "/processes", 401),
            ({"Authorization": "Basic %%%"}, "GET", "/processes", 401),
            ({"Authorization": "Bearer x"}, "GET", "/processes", 401)):
        answer = server.request(path, method=method, headers=headers)
        tap.ok(answer.status == wanted and (wanted == 200 or is_line(answer)),
               "users: %s %s is %d" % (headers, method, wanted), answer)


def check_unix(scratch):
    path = scratch.path("serve.sock")
    curl = which("curl")
    if not curl:
        tap.skip("unix socket", "no curl")
        return
    with Server(scratch, listen="unix:" + path):
        ask = [curl, "-s", "--unix-socket", path, "-w", "%{http_code}",
               "http://x/processes"]
        done = run(ask)
        tap.ok(done.out.endswith("200"), "unix: its own user is let in", done)
        os.chmod(path, 0o666)
        if os.geteuid() == 0 and which("setpriv"):
            done = run([which("setpriv"), "--reuid=65534", "--clear-groups",
                        *ask])
            tap.ok(done.out.endswith("403"), "unix: others are not", done)
        else:
            tap.skip("unix: others are not", "needs root and setpriv")
    tap.ok(not os.path.exists(path), "unix: the socket is removed")


def check_tls(scratch):
    openssl = which("openssl")
    if not openssl:
        tap.skip("TLS", "no openssl")
        return
    key, cert = scratch.path("key.pem"), scratch.path("cert.pem")
    run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", cert, "-days", "2"])
    with Server(scratch, "--cert", cert, "--key", key) as server:
        if not server.origin and "TLS" in server.said():
            tap.skip("TLS", server.said())
            return
        context = ssl.create_default_context(cafile=cert)
        answer = server.request("/processes", context=context)
        tap.ok(server.origin.startswith("https:") and answer.status == 200,
               "TLS", answer)


def check_usage(scratch):
    """What would be an open door, or is no sense: status 2 and one line."""
    for args, word in (
            (["--listen", "0.0.0.0:0"], "--users"),
            (["--listen", "[::]:0"], "--users"),
            (["--listen", "0.0.0.0:0", "--users", "x"], "--insecure"),
            (["--listen", "127.0.0.1:99999"], "HOST:PORT"),
            (["--listen", "127.0.0.1:0x50"], "HOST:PORT"),
            (["--listen", "127.0.0.1:-1"], "HOST:PORT"),
            (["--listen", ":80"], "HOST:PORT"),
            (["--listen", "unix:"], "unix:PATH"),
            (["--cert", "x"], "--key"), (["--key", "x"], "--cert"),
            (["--new-user", "x"], "NAME:ROLE"),
            (["--push-interval", "0"], "3600"), (["--spool", "0"], "MiB"),
            (["--push-labels", "x"], "KEY=VALUE"), (["--only", "("], "--only"),
            (["--spool-dir", "x"], "--push"),
            (["word"], "options only"), (["--nonsense"], "nonsense")):
        done = profagent("serve", *args)
        tap.ok(done.status == 2 and word in done.err and
               done.err.count("\n") == 1, "usage: " + " ".join(args), done)
    for args, word in (
            (["--listen", "nowhere.invalid:1"], "nowhere.invalid"),
            (["--users", scratch.path("none")], "none"),
            (["--push", "ftp://x"], "ftp://x"),
            (["--push", "http://127.0.0.1:1", "--spool-dir", "/proc/none"],
             "/proc/none"),
            (["--cert", "/none", "--key", "/none"], "/none")):
        done = profagent("serve", "--listen", "127.0.0.1:0", *args)
        tap.ok(done.status == 1 and word in done.err and
               done.err.count("\n") == 1, "usage: " + " ".join(args), done)


# --- pushing ----------------------------------------------------------------------------

class Store:
    """Takes what is pushed, or refuses it with a status of its own."""

    def __init__(self):
        self.got, self.status, self.asked = [], 200, 0
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["Content-Length"])
                body = self.rfile.read(size)
                store.asked += 1
                if store.status == 200:
                    store.got.append((self.path, self.headers, body))
                self.send_response(store.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = "http://ann:secret@127.0.0.1:%d/base" % (
            self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def check_pushed(scratch, p, path, headers, body):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    tap.ok(path.startswith("/base/ingest?") and query["format"] == ["pprof"]
           and int(query["until"][0]) > int(query["from"][0]) > 1e9,
           "push: where and when", path)
    name = query["name"][0]
    tap.ok(name.startswith("shares{pid=%d," % p.pid) and "env=test" in name,
           "push: of what", name)
    tap.equal(headers["Authorization"], basic("ann", "secret")[
        "Authorization"], "push: by whom")
    message = email.message_from_bytes(
        b"Content-Type: " + headers["Content-Type"].encode() +
        b"\r\n\r\n" + body)
    parts = {part.get_param("name", header="Content-Disposition"):
             part.get_payload(decode=True) for part in message.get_payload()}
    tap.ok("cpu" in json.loads(parts["sample_type_config"]),
           "push: the types of samples", parts)
    file = scratch.path("pushed.pb.gz")
    with open(file, "wb") as f:
        f.write(parts["profile"])
    tap.ok(lib.share(lib.folded([file], scratch), "burn_half") > 10,
           "push: the profile has names")


def check_push(scratch):
    store = Store()
    with Program([SHARES, FOREVER], scratch, START=0) as p:
        p.socket()
        store.status = 503
        with Server(scratch, "--push", store.url, "--push-interval", "1",
                    "--push-labels", "env=test", "--only", "^shares$"
                    ) as server:
            tap.ok(wait_for(lambda: store.asked > 1, 60),
                   "push: it is tried again")
            text = server.request("/metrics").text
            tap.ok("profagent_push_failures_total" in text and
                   "profagent_push_spool_bytes" in text, "push: counted")
            store.status = 200
            tap.ok(wait_for(lambda: any(
                "pid%%3D%d" % p.pid in path for path, _, _ in store.got), 60),
                   "push: it arrives", store.got)
            times = [path for path, _, _ in store.got
                     if "pid%%3D%d" % p.pid in path]
            check_pushed(scratch, p, *[g for g in store.got
                                       if g[0] == times[0]][0])
            said = server.said()
        tap.equal(said.count("cannot push"), 1, "push: a failure is said once")
        tap.ok("secret" not in said, "push: the password is not", said)
        tap.ok(wait_for(lambda: status(p)["state"] == "paused", 30),
               "push: when the server ends, programs sleep again")
    store.close()


def paths_of(store, p):
    return [path for path, _, _ in store.got if "pid%%3D%d" % p.pid in path]


def check_spool(scratch):
    """What could not be sent is sent by the next server, also when the first
    one was killed; a file that is not whole is named and skipped."""
    store, spool = Store(), scratch.path("spool")
    # other tests run programs of the usual name beside this one
    program = scratch.path("spooled%d" % os.getpid())
    shutil.copy(SHARES, program)
    options = ("--push", store.url, "--push-interval", "1", "--only",
               "^%s$" % os.path.basename(program), "--spool-dir", spool)

    def waiting():
        return sorted(f for f in os.listdir(spool) if f.endswith(".push"))

    store.status = 503
    with Program([program, FOREVER], scratch, START=0) as p:
        p.socket()
        with Server(scratch, *options) as server:
            tap.ok(wait_for(lambda: os.path.isdir(spool) and
                            len(waiting()) > 2, 90),
                   "spool: a file for each that waits")
            done = profagent("serve", "--listen", "127.0.0.1:0", *options)
            tap.ok(done.status == 1 and "another server" in done.err and
                   done.err.count("\n") == 1, "spool: for one server", done)
            server.child.kill()
            server.child.wait()
    first = waiting()
    with open(os.path.join(spool, first[1]), "r+b") as f:
        f.truncate(100)
    store.status = 200
    with Server(scratch, *options) as server:
        tap.ok(wait_for(lambda: waiting() == first[1:2], 60),
               "spool: the next server sends what waits", waiting())
        text = server.request("/metrics").text
        tap.ok("profagent_push_spool_bytes 0" in text, "spool: and has none",
               [line for line in text.splitlines() if "spool" in line])
        said = server.said()
    paths = paths_of(store, p)
    begun = [int(urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
                 ["from"][0]) for path in paths]
    tap.ok(len(paths) == len(first) - 1 and begun == sorted(begun),
           "spool: each once, in order", len(paths), first, begun)
    tap.ok(said.count(first[1]) == 1 and "skipped" in said,
           "spool: one line for what is not whole", said)
    store.close()


def is_stopped(p):
    tasks = "/proc/%d/task" % p.pid
    states = []
    for tid in os.listdir(tasks):
        with open("%s/%s/stat" % (tasks, tid)) as f:
            states.append(f.read().rsplit(")", 1)[1].split()[0])
    return set(states) == {"T"}


def serve_for_a_while(scratch, p, options):
    """A server that is ended when `p` has samples since it began. Where others
    have the CPUs, 2 s may be too short for names, which it says: once more."""
    for _ in range(6):
        before = status(p)["samples"]
        with Server(scratch, *options) as server:
            seen = wait_for(lambda: status(p)["samples"] > before + 20, 60)
        if "not ready in time" not in server.said():
            break
    tap.ok(seen and server.status == 0, "last: it is profiled, until the end",
           server.status, server.said())
    return server


def check_last(scratch):
    """A server that is ended asks for what its programs did since the last
    profile: it is sent, or waits where there is a directory."""
    store, spool = Store(), scratch.path("last")
    program = scratch.path("ended%d" % os.getpid())
    shutil.copy(SHARES, program)
    options = ("--push", store.url, "--push-interval", "3600", "--only",
               "^%s$" % os.path.basename(program), "--spool-dir", spool)

    with Program([program, FOREVER], scratch, START=0) as p:
        p.socket()
        server = serve_for_a_while(scratch, p, options)
        # it waits, too, where the store was too slow to take it in time
        tap.ok(paths_of(store, p) or os.listdir(spool),
               "last: at the end it is sent", server.said())
        store.status = 503
        before = len(os.listdir(spool))
        server = serve_for_a_while(scratch, p, options)
        waiting = os.listdir(spool)
        tap.ok(len(waiting) == before + 1 and
               all(f.endswith(".push") for f in waiting),
               "last: what cannot be sent waits", waiting, server.said())
        store.status = 200
        before = status(p)["samples"]
        with Server(scratch, *options) as server:
            tap.ok(wait_for(lambda: not os.listdir(spool), 60),
                   "last: and the next server sends it", os.listdir(spool))
            wait_for(lambda: status(p)["samples"] > before + 20, 60)
            os.kill(p.pid, signal.SIGSTOP)
            wait_for(lambda: is_stopped(p), 60)
            begun = time.monotonic()
        took = time.monotonic() - begun
        os.kill(p.pid, signal.SIGCONT)
        tap.ok(len(paths_of(store, p)) >= 2, "last: all of it",
               paths_of(store, p))
        tap.ok(server.status == 0 and took < 25 and
               server.said().count("not ready in time") == 1,
               "last: a program that is stopped does not keep it", took,
               server.status, server.said())
    store.close()


# --- many -------------------------------------------------------------------------------

def check_many(server, pid):
    """Viewers, and connections that come to nothing: a short form of `make
    load`. It lives, and what it holds comes back to what it was."""
    path = "/api/processes/%d/events" % pid
    viewers = [server.stream(path) for _ in range(20)]
    for viewer in viewers:
        tap.ok(next_event(viewer) is not None, "twenty viewers: one of them")
    host, port = server.origin[7:].split(":")
    before = server.memory()
    half = []
    for i in range(1500):
        s = socket.create_connection((host, int(port)), 30)
        if i % 3 == 0:
            s.sendall(b"GET /processes HT")
        if i % 3 == 1:
            s.close()
        else:
            half.append(s)
        if len(half) > 500:
            half.pop(0).close()
    tap.equal(server.request("/healthz").status, 200,
              "1500 connections that come to nothing: it answers")
    tap.ok(next_event(viewers[0]) and next_event(viewers[19]),
           "and viewers go on")
    grown = server.memory() - before
    tap.ok(grown < 64 << 20, "and it did not grow", grown)
    for s in half + viewers:
        s.close()


def main():
    with Scratch() as scratch:
        done = profagent("serve", "--help")
        if "without libsoup" in done.err:
            tap.skip("profagent serve", "built without libsoup")
            tap.done()
        check_usage(scratch)
        with Program([SHARES, FOREVER], scratch) as p:
            p.socket()
            with Server(scratch) as server:
                check_routes(server, p.pid)
                check_table(server, p.pid)
                check_spans(server, scratch)
                check_mistakes(server, p.pid)
                check_raw(server)
                check_token(server, p.pid)
                check_origin(server, p.pid)
                check_go(server, p.pid)
                check_go_without_names(server, scratch)
                check_concurrent(server, p.pid)
                check_metrics(server, p.pid)
                check_many(server, p.pid)
                check_asleep(server, scratch)
                check_leaving(server, scratch)
                check_end(server, scratch)
                said = server.said()
            tap.equal(server.status, 0, "it ends when asked to")
            tap.ok("CRITICAL" not in said and "WARNING" not in said,
                   "nothing went wrong inside", said[-3000:])
            check_guesses(scratch)
            check_users(scratch, p.pid)
            check_push(scratch)
            check_spool(scratch)
            check_last(scratch)
            check_unix(scratch)
            check_tls(scratch)
    tap.done()


if __name__ == "__main__":
    main()
