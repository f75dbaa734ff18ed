# SPDX-License-Identifier: MIT
"""Containers as a runtime makes them, by hand: processes with one process,
network and user name space and a read-only root each, without rights, behind a
seccomp filter.

Imported, class Pod starts this file as process 1 of such a pod, tells it on a
pipe what to run where, and ends all of it with itself.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

from lib import Result

UID = 1000
UNSHARE = ["unshare", "--user", "--map-user=%d" % UID, "--map-group=%d" % UID,
           "--keep-caps", "--pid", "--fork", "--kill-child", "--mount",
           "--net", "--ipc"]

BASE = "/mnt"                   # in the pod: for roots, and a shared directory
SHM = BASE + "/shm"

NEWNS = 0x20000
RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
REMOUNT, BIND, REC, PRIVATE = 32, 4096, 16384, 1 << 18
DETACH = 2
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 22, 38, 47
PR_CAPBSET_DROP = 24

# What Docker's profile refuses to a process without capabilities, of what the
# agent or the tools might try, before Linux 4.8 also the reading of memory:
# name, number on x86-64.
REFUSED = {"ptrace": 101, "pivot_root": 155, "mount": 165, "umount2": 166,
           "unshare": 272, "perf_event_open": 298, "setns": 308,
           "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
           "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425}
CLONE3 = 435
EPERM, ENOSYS = 1, 38
ERRNO, KILL = 0x50000, 0x80000000       # answers of a filter

# Of what it might try, systemd's SystemCallFilter=@system-service kills these.
DEADLY = ("ptrace", "mount", "umount2", "pivot_root", "perf_event_open",
          "setns", "unshare", "bpf", "userfaultfd", "kcmp")

libc = ctypes.CDLL(None, use_errno=True)


# --- inside ------------------------------------------------------------------

def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what + ": " +
                      os.strerror(ctypes.get_errno()))


def mount(source, target, kind=None, flags=0, data=None):
    check(libc.mount(source.encode(), target.encode(),
                     kind.encode() if kind else None,
                     ctypes.c_ulong(flags), data.encode() if data else None),
          "mount of " + target)


def locked_flags(path):
    """Those that a mount seen from another user name space must keep."""
    found = os.statvfs(path).f_flag
    return sum(flag for flag in (RDONLY, NOSUID, NODEV, NOEXEC)
               if found & flag) | (found & 0x400 and 1024) | (
                   found & 0x800 and 2048) | (found & 0x1000 and 1 << 21)


def bind(source, target, writable=False):
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "wb").close()
    mount(source, target, flags=BIND | REC)
    if not writable:
        mount("none", target,
              flags=BIND | REMOUNT | RDONLY | locked_flags(target))


def fill_root(root, binds):
    """A root file system: the host's programs, and what is given."""
    mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "mode=755")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "usr", "etc"):
        at = "/" + name
        if os.path.islink(at):
            os.symlink(os.readlink(at), root + at)
        elif os.path.isdir(at):
            bind(at, root + at)
    os.makedirs(root + "/dev")
    for name in ("null", "zero", "urandom"):
        bind("/dev/" + name, root + "/dev/" + name, writable=True)
    os.makedirs(root + "/proc")
    mount("proc", root + "/proc", "proc", NOSUID | NODEV | NOEXEC)
    for target, source in binds.items():
        if source == "tmpfs":
            os.makedirs(root + target)
            mount("tmpfs", root + target, "tmpfs", NOSUID | NODEV,
                  "mode=1777,size=64m")
        else:
            bind(source, root + target, writable=target == "/dev/shm")


def enter_root(root):
    mount("none", root, flags=REMOUNT | RDONLY | NOSUID | NODEV)
    os.chdir(root)
    check(libc.syscall(155, b".", b"."), "pivot_root")
    check(libc.umount2(b".", DETACH), "umount")
    os.chdir("/")


def filter_calls(answers):
    """A filter that has an answer to some calls: {number: answer}."""
    load, jump, give = 0x20, 0x15, 0x06
    program = [struct.pack("HBBI", load, 0, 0, 0)]
    for number, answer in answers.items():
        program += [struct.pack("HBBI", jump, 0, 1, number),
                    struct.pack("HBBI", give, 0, 0, answer)]
    program.append(struct.pack("HBBI", give, 0, 0, 0x7fff0000))
    code = ctypes.create_string_buffer(b"".join(program))
    prog = ctypes.create_string_buffer(
        struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    check(libc.prctl(PR_SET_SECCOMP, 2, prog, 0, 0), "seccomp")


def as_service():
    """preexec_fn of a program that systemd starts with a filter."""
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    filter_calls({REFUSED[name]: KILL for name in DEADLY})


def give_up_rights():
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    check(libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0), "ambient capabilities")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    # version 3, this process; no effective, permitted, inheritable ones
    check(libc.capset(struct.pack("II", 0x20080522, 0), bytes(24)), "capset")
    filter_calls({CLONE3: ERRNO | ENOSYS,
                  **{number: ERRNO | EPERM for number in REFUSED.values()}})


def start(request):
    return subprocess.Popen(
        request["argv"], env=request["env"], preexec_fn=give_up_rights,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def obey(request, children):
    if request["wait"] is None:
        child = subprocess.Popen(
            request["argv"], env=request["env"], preexec_fn=give_up_rights,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        children.append(child)
        return {"pid": child.pid}
    child = start(request)
    try:
        out, err = child.communicate(timeout=request["wait"])
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
    return {"status": child.returncode, "out": out.decode(errors="replace"),
            "err": err.decode(errors="replace")}


def serve(requests, answers, work):
    """One JSON line each; what fails is an answer as well."""
    for line in requests:
        try:
            answer = work(json.loads(line))
        except Exception as error:       # pylint: disable=broad-except
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Container:
    """A process with a root of its own that starts others in it."""

    def __init__(self, name, binds):
        there, self.requests = os.pipe()
        self.answers, back = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.requests)
            os.close(self.answers)
            self.live(name, binds, os.fdopen(there), os.fdopen(back, "w"))
            os._exit(0)
        os.close(there)
        os.close(back)
        self.requests = os.fdopen(self.requests, "w")
        self.answers = os.fdopen(self.answers)

    @staticmethod
    def live(name, binds, requests, answers):
        children = []
        answer = {}
        try:
            check(libc.unshare(NEWNS), "unshare")
            root = os.path.join(BASE, name)
            os.mkdir(root)
            fill_root(root, binds)
            enter_root(root)
        except OSError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if not answer:
            serve(requests, answers, lambda r: obey(r, children))

    def ask(self, request):
        self.requests.write(json.dumps(request) + "\n")
        self.requests.flush()
        return json.loads(self.answers.readline())


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH22x", b"lo", 0x41))


def main():
    containers = {}
    mount("none", "/", flags=REC | PRIVATE)
    mount("tmpfs", BASE, "tmpfs", NOSUID | NODEV, "mode=755")
    loopback_up()
    os.mkdir(SHM)
    mount("tmpfs", SHM, "tmpfs", NOSUID | NODEV, "mode=1777,size=64m")

    def work(request):
        name = request["in"]
        if "binds" not in request:
            return containers[name].ask(request)
        containers[name] = Container(name, request["binds"])
        return json.loads(containers[name].answers.readline())

    serve(sys.stdin, sys.stdout, work)


# --- outside -----------------------------------------------------------------

class Pod:
    """Until the end of the block; .error says why there can be none."""

    def __enter__(self):
        self.child = subprocess.Popen(
            UNSHARE + [sys.executable, os.path.abspath(__file__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *exc):
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass
        self.child.wait(30)
        self.child.stdout.close()
        self.child.stderr.close()

    def ask(self, **request):
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass                # what it said about that follows
        line = self.child.stdout.readline()
        if not line:
            return {"error": self.child.stderr.read().strip()}
        return json.loads(line)

    def container(self, name, binds):
        """Why there is none; binds: {path inside: path or "tmpfs"}."""
        return self.ask(**{"in": name, "binds": binds}).get("error")

    def start(self, name, *argv, env=None):
        """The number of a process that runs on, in the pod's name space."""
        answer = self.ask(**{"in": name, "argv": argv, "env": env or {},
                             "wait": None})
        return answer.get("pid") or answer

    def run(self, name, *argv, env=None, seconds=120):
        answer = self.ask(**{"in": name, "argv": argv, "env": env or {},
                             "wait": seconds})
        if "error" in answer:
            raise OSError(answer["error"])
        return Result(answer["status"], answer["out"], answer["err"], 0)


if __name__ == "__main__":
    main()
