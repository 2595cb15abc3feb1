"""Makes the samples of SWF, EPS and XDP, by hand. Run it in this folder."""

import base64
import lzma
import pathlib
import struct
import zlib

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


def tag(code, data):
    if len(data) < 63:
        return struct.pack("<H", code << 6 | len(data)) + data
    return struct.pack("<HI", code << 6 | 63, len(data)) + data


def write(folder, name, data):
    (GOLDEN / folder).mkdir(exist_ok=True)
    (GOLDEN / folder / name).write_bytes(data)


def swf():
    # A frame of 0 by 0 in fields of one bit, a rate, a count.
    body = b"\x08\x00" + struct.pack("<HH", 0x0C00, 1)
    body += tag(9, b"\xff\xff\xff")
    body += tag(87, struct.pack("<HI", 1, 0) + b"a file in a tag\n" * 9)
    body += tag(87, struct.pack("<HI", 2, 0) + b"another")
    body += tag(1, b"") + tag(0, b"")
    size = struct.pack("<I", 8 + len(body))
    write("swf", "plain.swf", b"FWS\x0a" + size + body)
    write("swf", "behind.swf", b"FWS\x0a" + size + body + b"something behind the end")
    write("swf", "cut.swf", b"FWS\x0a" + size + body[:80])
    packed = zlib.compress(body, 9)
    write("swf", "zlib.swf", b"CWS\x0a" + size + packed)
    write("swf", "zlib-behind.swf", b"CWS\x0a" + size + packed + b"something behind the end")
    write("swf", "zlib-cut.swf", b"CWS\x0a" + size + packed[:-9])
    write("swf", "zlib-wrong-size.swf", b"CWS\x0a\x09\0\0\0" + packed)
    write("swf", "zlib-damaged.swf", b"CWS\x0a" + size + packed[:20] + b"\xff" * 8 + packed[28:])
    alone = lzma.compress(body, format=lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}])
    # The size in the header of "alone" is left out.
    stream = alone[:5] + alone[13:]
    start = b"ZWS\x0d" + size + struct.pack("<I", len(stream) - 5)
    write("swf", "lzma.swf", start + stream)
    write("swf", "lzma-cut.swf", start + stream[:40])
    write("swf", "lzma-wrong-size.swf", b"ZWS\x0d\x0c\0\0\0" + start[8:] + stream)


def eps():
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
    tiff = b"II\x2a\x00\x08\x00\x00\x00" + bytes(20)
    header = struct.pack("<IIIIIIIH", 0xC6D3D0C5, 32, len(script), 0, 0, 32 + len(script), len(tiff), 0xFFFF)
    write("eps", "good.eps", header + bytes(2) + script + tiff)
    write("eps", "behind.eps", header + bytes(2) + script + tiff + b"something behind the parts")
    write("eps", "cut.eps", header + bytes(2) + script + tiff[:9])
    itself = struct.pack("<IIIIIIIH", 0xC6D3D0C5, 0, 0xFFFFFFFF, 0, 0, 1, 0xFFFFFFFF, 0xFFFF)
    write("eps", "itself.eps", itself + b"a part that is the file")


def xdp():
    document = (GOLDEN / "pdf" / "embedded.pdf").read_bytes()
    text = base64.encodebytes(document)
    head = b'<?xml version="1.0"?>\n<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">\n'
    script = b'<template><event><script contentType="application/x-javascript">xfa.host.messageBox("a");</script></event></template>'
    pdf = b'<pdf xmlns="http://ns.adobe.com/xdp/pdf/"><document><chunk>\n' + text + b"</chunk></document></pdf>"
    write("xdp", "good.xdp", head + script + pdf + b"\n</xdp:xdp>\n")
    write("xdp", "prefix.xdp", head + b"<a:chunk b='c'><![CDATA[" + text + b"]]></a:chunk ></xdp:xdp>")
    write("xdp", "cut.xdp", head + b"<chunk/>" + pdf[:1000])


swf()
eps()
xdp()
