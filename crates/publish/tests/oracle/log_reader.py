"""Verifies the log of a mirror with nothing but hashlib and `cryptography`, after the C2SP specifications.

Arguments: folder of the mirror, key of the log, then keys of witnesses. Prints the size of the log.
Follows signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles and tlog-proof; no code of Candor's.
"""
import base64
import hashlib
import os
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def vkey(text):
    name, number, encoded = text.split("+", 2)
    encoded = base64.b64decode(encoded)
    assert hashlib.sha256(name.encode() + b"\n" + encoded).digest()[:4].hex() == number
    return name, bytes.fromhex(number), encoded[0], Ed25519PublicKey.from_public_bytes(encoded[1:])


def verify(note, key):
    text, lines = note.rsplit("\n\n", 1)
    text += "\n"
    name, number, kind, public = vkey(key)
    for line in lines.splitlines():
        dash, who, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        if dash != "\u2014" or who != name or raw[:4] != number:
            continue
        if kind == 1:
            public.verify(raw[4:], text.encode())
        else:
            (time,) = struct.unpack(">Q", raw[4:12])
            public.verify(raw[12:], f"cosignature/v1\ntime {time}\n{text}".encode())
        return
    raise SystemExit(f"not signed by {name}")


def tile(path, index, width):
    path = os.path.join(mirror, path, "%03d" % index)
    with open(path if width == 256 else f"{path}.p/{width}", "rb") as file:
        return file.read()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node(tree(leaves[:half]), tree(leaves[half:]))


mirror, log, *witnesses = sys.argv[1:]
with open(os.path.join(mirror, "checkpoint"), encoding="utf-8") as file:
    checkpoint = file.read()
for key in [log, *witnesses]:
    verify(checkpoint, key)
origin, size, root = checkpoint.split("\n")[:3]
size, root = int(size), base64.b64decode(root)
assert origin == vkey(log)[0]
leaves, entries = [], []
for index in range((size + 255) // 256):
    width = min(256, size - index * 256)
    hashes, bundle = tile("tile/0", index, width), tile("tile/entries", index, width)
    assert len(hashes) == width * 32
    leaves += [hashes[start:start + 32] for start in range(0, len(hashes), 32)]
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        entries.append(bundle[2:2 + length])
        bundle = bundle[2 + length:]
assert len(entries) == size
assert [hashlib.sha256(b"\x00" + entry).digest() for entry in entries] == leaves
assert tree(leaves) == root
# The proof of each release, as RFC 9162, 2.1.3.2, verifies it.
for sequence in range(1, size + 1):
    folder = os.path.join(mirror, "releases", str(sequence))
    with open(os.path.join(folder, "statement"), "rb") as file:
        statement = file.read()
    with open(os.path.join(folder, "proof.tlog-proof"), encoding="utf-8") as file:
        head, note = file.read().split("\n\n", 1)
    magic, number, *proof = head.split("\n")
    assert magic == "c2sp.org/tlog-proof@v1" and number.startswith("index ")
    for key in [log, *witnesses]:
        verify(note, key)
    place, last = int(number[6:]), int(note.split("\n")[1]) - 1
    value = hashlib.sha256(b"\x00" + statement).digest()
    for neighbour in map(base64.b64decode, proof):
        assert last > 0
        if place & 1 or place == last:
            value = node(neighbour, value)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            value = node(value, neighbour)
        place, last = place >> 1, last >> 1
    assert last == 0 and value == base64.b64decode(note.split("\n")[2])
print(size)
