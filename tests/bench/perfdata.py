# SPDX-License-Identifier: MIT
"""Writes perf.data files, for what is measured beside `perf report`.

The format is the one of tools/perf/Documentation/perf.data-file-format.txt in
Linux: a header, one perf_event_attr, records. Marks of finished rounds stand
where `perf record` sets them, so that perf need not hold the whole file back
to sort it by time.
"""

import struct

MAGIC = b"PERFILE2"
HEADER_SIZE = 104
ATTR_SIZE = 64                  # PERF_ATTR_SIZE_VER0

SOFTWARE, CPU_CLOCK = 1, 0
IP, TID, TIME, CALLCHAIN, PERIOD = 1, 2, 4, 0x20, 0x100
IS_MMAP, IS_COMM = 1 << 8, 1 << 9

MMAP, COMM, SAMPLE, FINISHED_ROUND = 1, 3, 9, 68
USER = 2                        # PERF_RECORD_MISC_USER
CONTEXT_USER = 2 ** 64 - 512

ROUND = 4000                    # samples


def record(kind, misc, body):
    return struct.pack("<IHH", kind, misc, 8 + len(body)) + body


def text(word):
    word = word.encode() + b"\0"
    return word + b"\0" * (-len(word) % 8)


def sample(pid, tid, time, period, stack):
    """`stack`: addresses, the leaf first."""
    return record(SAMPLE, USER, struct.pack(
        "<QIIQQ%dQ" % (len(stack) + 2), stack[0], pid, tid, time, period,
        len(stack) + 1, CONTEXT_USER, *stack))


def header(size):
    attr = struct.pack("<IIQQQQQIIQ", SOFTWARE, ATTR_SIZE, CPU_CLOCK, 1,
                       IP | TID | TIME | CALLCHAIN | PERIOD, 0,
                       IS_MMAP | IS_COMM, 0, 0, 0)
    attr += struct.pack("<QQ", 0, 0)
    return MAGIC + struct.pack(
        "<QQQQQQQQ", HEADER_SIZE, len(attr), HEADER_SIZE, len(attr),
        HEADER_SIZE + len(attr), size, 0, 0) + bytes(32) + attr


def write(path, program, start, size, threads, period, samples):
    """`threads`: their ids, the process's first; `samples`: (tid, stack) in the
    order taken; `program` is mapped from its first byte on at `start`."""
    pid = threads[0]
    written = 0
    with open(path, "wb") as f:
        f.write(header(0))
        out = [record(COMM, 0, struct.pack("<II", pid, tid) + text("big"))
               for tid in threads]
        out.append(record(MMAP, USER, struct.pack("<IIQQQ", pid, pid, start, size,
                                               0) + text(program)))
        for i, (tid, stack) in enumerate(samples, 1):
            out.append(sample(pid, tid, i * period, period, stack))
            if i % ROUND == 0:
                out.append(record(FINISHED_ROUND, 0, b""))
                written += f.write(b"".join(out))
                out = []
        written += f.write(b"".join(out))
        f.seek(0)
        f.write(header(written))
