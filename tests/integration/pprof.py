# SPDX-License-Identifier: MIT
"""Profiles written by hand: fields of a protobuf message, and a profile of
addresses of a program without names."""

import gzip
import subprocess

LOADED_AT = 0x555555554000


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    """One field: a number, or text or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def code_segment(program):
    """Offset, address and size of the executable segment."""
    headers = subprocess.run(["readelf", "-lW", program], text=True,
                             capture_output=True, check=True).stdout
    for line in headers.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"] and words[6:8] == ["R", "E"]:
            return int(words[1], 16), int(words[2], 16), int(words[5], 16)
    raise ValueError("no code in " + program)


def write_addresses(path, program, addresses, build_id=""):
    """One sample at each address of the program."""
    offset, vaddr, size = code_segment(program)
    start = LOADED_AT + vaddr
    out = [field(1, field(1, 1) + field(2, 2)),
           field(3, field(1, 1) + field(2, start) + field(3, start + size) +
                 field(4, offset) + field(5, 3) + field(6, 4))]
    for i, address in enumerate(addresses):
        out.append(field(4, field(1, i + 1) + field(2, 1) +
                         field(3, LOADED_AT + address)))
        out.append(field(2, field(1, i + 1) + field(2, 1)))
    for text in ("", "samples", "count", program, build_id):
        out.append(field(6, text))
    with open(path, "wb") as f:
        f.write(gzip.compress(b"".join(out), 1))
