#!/usr/bin/env python3
"""Writes the samples into tests/golden/tnef: python3 crates/formats/tests/make/tnef.py

Everything is made here; tnefparse reads the good ones as they are meant. The attachments are texts.
"""
import pathlib, struct, zlib

OUT = pathlib.Path(__file__).parent.parent / "golden" / "tnef"
FIRST = (rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
         rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" b"\r\n"
         rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx")


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def rtf(text, end=True, wrong=0):
    """Compressed RTF: greedy references into all that came before."""
    window, tokens, at = bytearray(FIRST), [], 0
    while at < len(text):
        best, place = 0, 0
        for length in range(min(17, len(text) - at), 1, -1):
            found = bytes(window[-4000:]).rfind(text[at:at + length])
            if found >= 0:
                best, place = length, len(window) - len(window[-4000:]) + found
                break
        if best:
            tokens.append(struct.pack(">H", (place & 4095) << 4 | best - 2))
        else:
            best = 1
            tokens.append(text[at:at + 1])
        window += text[at:at + best]
        at += best
    if end:
        tokens.append(struct.pack(">H", (len(window) & 4095) << 4))
    body = b""
    for start in range(0, len(tokens), 8):
        group = tokens[start:start + 8]
        body += bytes([sum((len(token) == 2) << bit for bit, token in enumerate(group))]) + b"".join(group)
    return struct.pack("<IIII", len(body) + 12, len(text), 0x75465A4C, crc(body) ^ wrong) + body


def attribute(level, number, data, wrong=0, size=None):
    size = len(data) if size is None else size
    return struct.pack("<BII", level, number, size) + data + struct.pack("<H", (sum(data) ^ wrong) & 0xFFFF)


def pad(data):
    return data + bytes(-len(data) % 4)


def variable(tag, *values):
    return struct.pack("<II", tag, len(values)) + b"".join(struct.pack("<I", len(v)) + pad(v) for v in values)


def named(tag, name, rest):
    name = (name + "\0").encode("utf-16le")
    return struct.pack("<I", tag) + bytes(16) + struct.pack("<II", 1, len(name)) + pad(name) + rest


def properties(*items):
    return struct.pack("<I", len(items)) + b"".join(items)


def wide(text):
    return (text + "\0").encode("utf-16le")


def tnef(*attributes):
    return struct.pack("<IH", 0x223E9F78, 7) + b"".join(attributes)


VERSION = attribute(1, 0x00089006, struct.pack("<I", 0x10000))
CODE_PAGE = attribute(1, 0x00069007, struct.pack("<II", 1252, 0))
CLASS = attribute(1, 0x00078008, b"IPM.Microsoft Mail.Note\0")
RTF = rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}\f0\fs20 A letter in rich text. A letter in rich text.\par}"
MESSAGE = properties(
    struct.pack("<IHxx", 0x0E1B000B, 1),
    struct.pack("<IQ", 0x00390040, 0x01DA000000000000),
    struct.pack("<IIII", 0x80101003, 2, 3, 4)[:4] + bytes(16) + struct.pack("<II", 0, 0x8501) + struct.pack("<III", 2, 3, 4),
    named(0x8001001F, "keywords", struct.pack("<I", 1) + struct.pack("<I", 12) + wide("hello")),
    variable(0x1000001F, wide("The body, in Grüße.")),
    variable(0x10130102, b"<html><body><p>The body in HTML</p></body></html>"),
    variable(0x10090102, rtf(RTF)),
    variable(0x007D001E, b"Received: from a.example by b.example; Subject: a letter with a long header\0"),
)


def attachment(title, data, *items):
    begin = attribute(2, 0x00069002, struct.pack("<HIHH", 1, 0xFFFFFFFF, 0, 0) + bytes(4))
    parts = begin + (attribute(2, 0x00018010, title.encode("latin1") + b"\0") if title else b"")
    if data is not None:
        parts += attribute(2, 0x0006800F, data)
    return parts + (attribute(2, 0x00069005, properties(*items)) if items else b"")


ONE = attachment("LONGNA~1.TXT", b"The text of the first attachment.\n", variable(0x3707001F, wide("long name of the first.txt")))
TWO = attachment("zweite-\xe4.txt", b"The text of the second.\n")
INNER = tnef(VERSION, CODE_PAGE, CLASS, attachment("inner.txt", b"A text within a message within a message.\n"))
MESSAGE_ID = bytes.fromhex("07030200000000 00c000000000000046".replace(" ", ""))
THREE = attachment("", None, struct.pack("<II", 0x37050003, 5), variable(0x3701000D, MESSAGE_ID + INNER),
                   variable(0x3001001E, b"an embedded message\0"))
HEAD = VERSION + CODE_PAGE + CLASS

SAMPLES = {
    "letter.tnef": tnef(HEAD, attribute(1, 0x00069003, MESSAGE), ONE, TWO, THREE),
    "body.tnef": tnef(HEAD, attribute(1, 0x0002800C, b"A plain body.\0")) + bytes(2),
    # The name stands before the content, after it, or nowhere.
    "wrong-checksums.tnef": tnef(VERSION, attribute(2, 0x00069002, bytes(14), wrong=1),
                                 attribute(2, 0x0006800F, b"Readers show it all the same.\n", wrong=1),
                                 attribute(2, 0x00018010, b"shown.txt\0", wrong=1)),
    "rtf-damaged.tnef": tnef(VERSION, attribute(1, 0x00069003, properties(
        variable(0x10090102, rtf(RTF, wrong=1)), variable(0x10090102, rtf(RTF, end=False)),
        variable(0x10090102, rtf(RTF)[:50]), variable(0x10090102, rtf(RTF)[:8] + b"ABCD" + bytes(20))))),
    "junk-between.tnef": tnef(HEAD, ONE, b"Junk that is no attribute at all, long enough to be something.." * 2, TWO),
    "size-too-large.tnef": tnef(HEAD, attribute(2, 0x00069002, bytes(14)),
                                attribute(2, 0x0006800F, b"The first, with a size that would hide the second.", size=0x7FFFFFFF), TWO),
    "cut.tnef": tnef(HEAD, ONE, TWO)[:-20],
    "properties-damaged.tnef": tnef(HEAD, attribute(1, 0x00069003, MESSAGE[:-40]),
                                    attribute(1, 0x00069003, b"\xff\xff\xff\xff" + b"\x0b\x00\x1b\x0e" * 3 + b"\x99\x09\x00\x01 an unknown kind"), TWO),
    "two-names.tnef": tnef(attachment("a.txt", b"one content\n", variable(0x3704001E, b"b.txt\0"), variable(0x3707001E, b"../../c\x00hidden.exe\0"),
                                      variable(0x37010102, b"another content\n"))),
}
OUT.mkdir(parents=True, exist_ok=True)
for name, data in SAMPLES.items():
    (OUT / name).write_bytes(data)
