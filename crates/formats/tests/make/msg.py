#!/usr/bin/env python3
"""Writes the samples into tests/golden/msg: python3 crates/formats/tests/make/msg.py

The attachments are texts. extract-msg reads the good ones as they are meant.
"""
import pathlib, struct
from ole2 import cfb
from tnef import RTF, rtf, wide

OUT = pathlib.Path(__file__).parent.parent / "golden" / "msg"
CLASS = bytes.fromhex("0b0d020000000000c000000000000046")
IDS = {"__nameid_version1.0": {"__substg1.0_00020102": b"", "__substg1.0_00030102": b"", "__substg1.0_00040102": b""}}


def s(tag, data):
    return {f"__substg1.0_{tag:08X}": data}


def properties(head, *tags):
    entries = b"".join(struct.pack("<IIII", tag, 6, size, 0) for tag, size in tags)
    return {"__properties_version1.0": bytes(head) + entries}


def attachment(number, long, short, data):
    tags = [(0x37010102, len(data)), (0x3707001F, len(long) * 2 + 2), (0x3704001F, len(short) * 2 + 2)]
    return {f"__attach_version1.0_#{number:08X}": {
        **properties(8, *tags), **s(0x3704001F, wide(short)[:-2]), **s(0x3707001F, wide(long)[:-2]),
        **s(0x37010102, data)}}


BODY = "The body of a message, in Grüße und мир.\r\n" * 2
HEADERS = "Received: from a.example by b.example\r\nSubject: Grüße\r\nFrom: a@a.example\r\n"
MESSAGE = {
    **s(0x001A001F, wide("IPM.Note")[:-2]), **s(0x0037001F, wide("A subject")[:-2]), **s(0x1000001F, wide(BODY)[:-2]),
    **s(0x10090102, rtf(RTF)), **s(0x10130102, b"<html><body><p>The body in HTML</p></body></html>"),
    **s(0x007D001F, wide(HEADERS)[:-2]),
}
INNER = {**properties(24, (0x1000001F, 40)), **s(0x001A001F, wide("IPM.Note")[:-2]), **s(0x1000001F, wide("An inner body")[:-2]),
         **s(0x10090102, rtf(RTF, wrong=1)), **attachment(0, "inner file.txt", "INNER~1.TXT", b"inner text\n" * 5)}
NESTED = {"__attach_version1.0_#00000002": {
    **properties(8, (0x3701000D, 0xFFFFFFFF)), **s(0x3001001F, wide("inner message")[:-2]),
    "__substg1.0_3701000D": INNER}}
RECIPIENT = {"__recip_version1.0_#00000000": {**properties(8), **s(0x3001001F, wide("A Recipient")[:-2])}}


def msg(*parts, mark=True):
    tree = dict(IDS)
    for part in (properties(32, (0x1000001F, len(BODY) * 2 + 2)),) + parts:
        tree.update(part)
    data = bytearray(cfb(tree))
    if mark:
        place = data.index("Root Entry".encode("utf-16le"))
        data[place + 80:place + 96] = CLASS
    return bytes(data)


FIRST = attachment(0, "the first attachment.txt", "FIRST~1.TXT", b"The text of an attachment.\n" * 4)
LONG = attachment(1, "large.txt", "large.txt", b"A longer text of an attachment.\n" * 200)
STRANGE = attachment(3, "../..\\\u202etxt.exe\0hidden", "x" * 8, b"a name that lies\n" * 4)
WHOLE = msg(MESSAGE, FIRST, LONG, NESTED, STRANGE, RECIPIENT)
SAMPLES = {
    "message.msg": WHOLE,
    "without-class.msg": msg(MESSAGE, FIRST, mark=False),
    "cut.msg": WHOLE[:len(WHOLE) // 2],
    "rtf-damaged.msg": msg({**s(0x10090102, rtf(RTF)[:40])}, {**s(0x10130102, b"<html>")}),
}
OUT.mkdir(parents=True, exist_ok=True)
for name, data in SAMPLES.items():
    (OUT / name).write_bytes(data)
