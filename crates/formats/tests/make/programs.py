#!/usr/bin/env python3
"""Makes the samples of asar and pyinstaller, from the formats' documents, without the tools."""

import json
import os
import struct
import zlib

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "golden")


def write(folder, name, data):
    os.makedirs(os.path.join(GOLDEN, folder), exist_ok=True)
    with open(os.path.join(GOLDEN, folder, name), "wb") as file:
        file.write(data)


def asar(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    padded = text + bytes(-len(text) % 4)
    sizes = struct.pack("<IIII", 4, len(padded) + 8, len(padded) + 4, len(text))
    return sizes + padded + data


def carchive(members, old=False, cut=0):
    data = b""
    table = b""
    for name, kind, packed, content, size in members:
        body = zlib.compress(content) if packed else content
        size = len(content) if size is None else size
        called = name.encode() + bytes(16 - (18 + len(name)) % 16)
        row = struct.pack(">IIIIBc", 18 + len(called), len(data), len(body), size, packed, kind) + called
        table += row
        data += body
    cookie = b"MEI\x0c\x0b\x0a\x0b\x0e"
    length = 24 if old else 88
    total = len(data) + len(table) + length
    cookie += struct.pack(">IIII", total, len(data), len(table), 311)
    if not old:
        cookie += b"libpython3.11.so.1.0".ljust(64, b"\0")
    return data[cut:] + table + cookie


HEADER = {
    "files": {
        "main.js": {"size": 20, "offset": "0"},
        "folder": {"files": {"..": {"size": 6, "offset": "20"}, "empty": {"size": 0, "offset": "26"}}},
        "native.node": {"size": 9, "unpacked": True},
        "link": {"link": "main.js"},
    }
}
DATA = b"console.log('hello')inside"
GOOD = asar(HEADER, DATA)
write("asar", "good", GOOD)
write("asar", "cut", GOOD[:-10])
write("asar", "rest", GOOD + b"more than is named")
write("asar", "header-cut", GOOD[:60])
write("asar", "no-json", asar(b'{"files": {', DATA))
BAD = {"files": {"a": {"size": -1, "offset": "0"}, "b": {"size": 3}, "c": {"size": 9, "offset": "99999999999999999999"}}}
write("asar", "bad-numbers", asar(BAD, DATA))

MEMBERS = [
    ("start", b"s", 1, b"a script that was compiled" * 3, None),
    ("stored.bin", b"b", 0, b"stored as it is", None),
    ("folder/data.txt", b"x", 1, b"a text " * 40, None),
    ("pyi-option", b"o", 0, b"", None),
]
GOOD = carchive(MEMBERS)
write("pyinstaller", "good", GOOD)
write("pyinstaller", "old", carchive(MEMBERS, old=True))
write("pyinstaller", "behind-junk", b"\x01junk" * 20 + GOOD + bytes(16) + b"\x01a signature")
write("pyinstaller", "start-cut", carchive(MEMBERS, cut=30))
write("pyinstaller", "wrong-size", carchive([MEMBERS[0][:4] + (5,)] + MEMBERS[1:]))
DAMAGED = bytearray(GOOD)
DAMAGED[10] ^= 0xFF
write("pyinstaller", "damaged", bytes(DAMAGED))
