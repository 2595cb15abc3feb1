#!/usr/bin/env python3
"""Writes yEnc and uuencoded samples into tests/golden/yenc and text: python3 crates/formats/tests/make/yenc.py"""
import binascii, pathlib, zlib

OUT = pathlib.Path(__file__).parent.parent / "golden"


def lines(data, width=128):
    out, row = bytearray(), bytearray()
    for byte in data:
        code = (byte + 42) & 255
        row += bytes([61, (code + 64) & 255]) if code in (0, 10, 13, 61) else bytes([code])
        if len(row) >= width:
            out += row + b"\r\n"
            row = bytearray()
    return bytes(out + row + (b"\r\n" if row else b""))


def whole(data, name, crc=None):
    crc = zlib.crc32(data) if crc is None else crc
    head = f"=ybegin line=128 size={len(data)} name={name}\r\n=yend size={len(data)} crc32={crc:08x}\r\n".encode()
    begin, end = head.split(b"=yend")
    return begin + lines(data) + b"=yend" + end


def part(data, number, total, start, name):
    piece = data[start:start + 300]
    return (f"=ybegin part={number} total={total} line=128 size={len(data)} name={name}\r\n=ypart begin={start + 1} end={start + len(piece)}\r\n".encode()
            + lines(piece) + f"=yend size={len(piece)} part={number} pcrc32={zlib.crc32(piece):08x}\r\n".encode())


TEXT = b"A text that is encoded with yEnc, of several lines.\n" * 10
uu = lambda data: b"begin 644 note.txt\n" + b"".join(binascii.b2a_uu(data[i:i + 45]) for i in range(0, len(data), 45)) + b"`\nend\n"
SAMPLES = {
    "yenc/whole.yenc": whole(TEXT, "a note.txt"),
    "yenc/two.yenc": b"\r\n" + whole(TEXT, "one.txt") + b"\r\n" + whole(bytes(range(256)) * 3, "two.dat"),
    "yenc/part.yenc": part(TEXT, 1, 2, 0, "note.txt"),
    "yenc/parts.yenc": part(TEXT, 1, 2, 0, "note.txt") + b"\r\n" + part(TEXT, 2, 2, 300, "note.txt"),
    "mail/yenc-parts.eml": b"From: a@example.org\r\nSubject: two parts\r\n\r\nHere they are.\r\n"
    + part(TEXT, 1, 2, 0, "note.txt") + b"\r\n" + part(TEXT, 2, 2, 300, "note.txt") + b"That was all.\r\n",
    "yenc/wrong-checksum.yenc": whole(TEXT, "note.txt", 0x12345678),
    "yenc/cut.yenc": whole(TEXT, "note.txt")[:-60],
    "text/uuencoded-within.txt": b"Unpack what follows.\n\n" + uu(TEXT) + b"\nThat was all.\n",
    "text/begin-base64-within.txt": b"#!text\nbegin-base64 644 note.txt\n" + binascii.b2a_base64(TEXT) + b"====\n",
    "text/pgp.asc": b"-----BEGIN PGP MESSAGE-----\n\naW5lcnQ=\n-----END PGP MESSAGE-----\n",
}
for name, data in SAMPLES.items():
    (OUT / name).write_bytes(data)
