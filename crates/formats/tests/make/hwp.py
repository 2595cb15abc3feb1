#!/usr/bin/env python3
"""Writes the samples into tests/golden/hwp5 and hwp3: python3 crates/formats/tests/make/hwp.py

No Hangul made them: they have the parts that the format looks for, as Hancom's documents write them down.
"""
import pathlib, struct, zlib
from ole2 import cfb

OUT = pathlib.Path(__file__).parent.parent / "golden"


def pack(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def record(tag, data, level=0):
    if len(data) < 0xFFF:
        return struct.pack("<I", tag | level << 10 | len(data) << 20) + data
    return struct.pack("<II", tag | level << 10 | 0xFFF << 20, len(data)) + data


def header(flags):
    return {"FileHeader": (b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05010000, flags)).ljust(256, b"\0")}


CONTROL = struct.pack("<HIIHH", 2, 0x73656364, 0, 0, 0)[:14] + struct.pack("<H", 2)
WORDS = "A paragraph of a 문서, first.".encode("utf-16le")
SECTION = (record(66, bytes(22)) + record(67, CONTROL + WORDS + b"\r\0", 1)
           + record(67, ("A long paragraph. " * 200).encode("utf-16le") + b"\r\0", 1))
SCRIPT = b"".join(struct.pack("<I", len(text)) + text.encode("utf-16le") for text in (
    "var Documents = XHwpDocuments;\r\n", "function OnDocument_New()\r\n{\r\n\t//an inert script\r\n}\r\n", "", "")) + b"\xff\xff\xff\xff"
OBJECT = cfb({"Contents": b"An object within a document.\n" * 4})
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n% inert\nshowpage\n"


def hwp(flags=1, pack=pack, **more):
    tree = header(flags)
    tree["DocInfo"] = pack(record(16, bytes(26)) + record(17, bytes(72)))
    tree["\u0005HwpSummaryInformation"] = b"\xfe\xff" + bytes(60)
    tree["BodyText"] = {"Section0": pack(SECTION)}
    tree["BinData"] = {"BIN0001.OLE": pack(struct.pack("<I", len(OBJECT)) + OBJECT), "BIN0002.eps": pack(POSTSCRIPT),
                       "BIN0003.txt": b"Stored as it is, though the document is packed.\n" * 3}
    tree["Scripts"] = {"DefaultJScript": pack(SCRIPT), "JScriptVersion": pack(struct.pack("<II", 1, 0))}
    tree["PrvText"] = WORDS
    tree.update(more)
    return cfb(tree)


plain = lambda data: data
GOOD = hwp()
HWP5 = {
    "document.hwp": GOOD,
    "not-packed.hwp": hwp(0, plain),
    "password.hwp": hwp(1 | 2, lambda data: bytes(byte ^ 0x5A for byte in data)),
    "distributed.hwp": hwp(1 | 4, BodyText={}, ViewText={"Section0": record(28, bytes(range(256))) + bytes(64)}),
    "damaged.hwp": hwp(BodyText={"Section0": pack(SECTION)[:20] + b"\xff" * 30, "Section1": b"\xff" * 90}),
    "wrong-records.hwp": hwp(BodyText={"Section0": pack(record(67, WORDS) + struct.pack("<II", 67 | 0xFFF << 20, 0xFFFFFFFF) + WORDS)}),
}


def hwp3(body, packed=1, password=0, blocks=b""):
    facts = bytearray(128)
    facts[96:98] = struct.pack("<H", password)
    facts[124] = packed
    facts[126:128] = struct.pack("<H", len(blocks))
    return b"HWP Document File V3.00 \x1a\1\2\3\4\5" + bytes(facts) + bytes(1008) + blocks + body


BODY = b"\x01\0fonts and styles" + "Paragraphs in a code of their own.".encode("utf-16le") * 4 + struct.pack("<II", 2, len(OBJECT)) + OBJECT + bytes(8)
BLOCK = struct.pack("<II", 3, 100) + b"A block of information. ".ljust(100, b".") + struct.pack("<II", 4, 3) + b"abc"
HWP3 = {
    "packed.hwp": hwp3(pack(BODY), blocks=BLOCK),
    "plain.hwp": hwp3(BODY, packed=0),
    "packed-but-says-not.hwp": hwp3(pack(BODY), packed=0),
    "password.hwp": hwp3(bytes(byte ^ 0x5A for byte in pack(BODY)), password=1234),
    "cut.hwp": hwp3(pack(BODY))[:-40],
    "wrong-block.hwp": hwp3(pack(BODY), blocks=struct.pack("<II", 3, 0xFFFFFFF0) + bytes(80)),
}
for folder, samples in (("hwp5", HWP5), ("hwp3", HWP3)):
    for name, data in samples.items():
        (OUT / folder / name).write_bytes(data)
