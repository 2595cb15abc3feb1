"""Makes the samples of pictures: `python3 pictures.py`, with Pillow for the pictures themselves."""

import io
import pathlib
import struct
import zlib

from PIL import Image

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
TEXT = b"a text that hides in a picture, long enough to come out\n"


def write(folder, name, data):
    (GOLDEN / folder).mkdir(exist_ok=True)
    (GOLDEN / folder / name).write_bytes(data)


def convert(kind, **options):
    picture = Image.new("RGB", (12, 10))
    picture.putdata([(x * 20, y * 20, 99) for y in range(10) for x in range(12)])
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks, end=True):
    rows = b"".join(b"\0" + bytes([x * 20, y * 20, 99] * 1) * 4 for x, y in zip(range(4), range(4)))
    picture = [chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)), *chunks, chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(picture) + (chunk(b"IEND", b"") if end else b"")


def pngs():
    texts = [
        chunk(b"tEXt", b"Comment\0" + TEXT),
        chunk(b"zTXt", b"Packed\0\0" + zlib.compress(TEXT)),
        chunk(b"iTXt", b"Inter\0\0\0de\0K\0" + TEXT),
        chunk(b"iTXt", b"Inter\0\1\0de\0K\0" + zlib.compress(TEXT)),
        chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"profile" * 20)),
        chunk(b"puNk", TEXT),
        chunk(b"eXIf", exif()),
    ]
    write("png", "texts.png", png(*texts))
    write("png", "overlay.png", png() + TEXT)
    write("png", "page.png", png(chunk(b"tEXt", b"x\0<html><script>alert('polyglot')</script></html>")))
    write("png", "no-end.png", png(end=False))
    write("png", "cut-chunk.png", png() [:60])
    write("png", "huge-length.png", png(struct.pack(">I", 0xFFFFFFFF) + b"zTXt" + b"k\0\0" + TEXT))
    write("png", "no-chunk.png", png()[:33] + TEXT)
    write("png", "damaged-zlib.png", png(chunk(b"zTXt", b"k\0\0" + zlib.compress(TEXT * 9)[:20] + b"XXXX")))


def exif():
    # A directory with a text, one with a thumbnail, and a circle.
    text = TEXT + b"\0"
    first = struct.pack("<H", 2) + struct.pack("<HHII", 270, 2, len(text), 100) + struct.pack("<HHII", 34665, 4, 1, 8)
    return (b"II\x2a\0\x08\0\0\0" + first + struct.pack("<I", 8)).ljust(100, b"\0") + text


def jpegs():
    plain = convert("jpeg")
    after = plain[:2]

    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    def with_(data):
        return after + data + plain[2:]

    write("jpeg", "comment.jpg", with_(segment(0xFE, b"<?php " + TEXT)))
    write("jpeg", "exif.jpg", with_(segment(0xE1, b"Exif\0\0" + exif())))
    write("jpeg", "xmp.jpg", with_(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + TEXT)))
    write("jpeg", "overlay.jpg", plain + TEXT)
    write("jpeg", "two.jpg", plain + plain)
    write("jpeg", "progressive.jpg", convert("jpeg", progressive=True) + TEXT)
    write("jpeg", "cut.jpg", plain[: len(plain) // 2])
    write("jpeg", "no-end.jpg", plain[:-2])
    write("jpeg", "short-segment.jpg", after + b"\xff\xfe\0\0" + TEXT)
    write("jpeg", "fill.jpg", after + b"\xff" * 40 + segment(0xFE, TEXT)[1:] + plain[2:])


def gifs():
    plain = convert("gif")
    blocks = b"".join(bytes([len(part)]) + part for part in (TEXT[:30], TEXT[30:])) + b"\0"
    write("gif", "comment.gif", plain[:-1] + b"\x21\xfe" + blocks + b";")
    write("gif", "application.gif", plain[:-1] + b"\x21\xff\x0bEVILAPP 1.0" + blocks + b";")
    write("gif", "unknown.gif", plain[:-1] + b"\x21\x77" + blocks + b";")
    write("gif", "overlay.gif", plain + TEXT)
    write("gif", "script.gif", b"GIF89a/*\x01\x00\x00\x00\x00,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;*/=1;alert('polyglot of gif and script')")
    write("gif", "cut.gif", plain[:-9])
    write("gif", "no-block.gif", plain[:-1] + b"\x77" + TEXT)


def bmps():
    pixels = bytes(range(4 * 12)) * 4
    def bmp(gap=b"", size=None, height=4):
        start = 54 + len(gap)
        total = start + len(pixels) if size is None else size
        return (struct.pack("<2sIII", b"BM", total, 0, start)
                + struct.pack("<IiiHHIIiiII", 40, 16, height, 1, 24, 0, 0, 0, 0, 0, 0) + gap + pixels)
    write("bmp", "plain.bmp", bmp())
    write("bmp", "upside-down.bmp", bmp(height=-4))
    write("bmp", "overlay.bmp", bmp() + TEXT)
    write("bmp", "gap.bmp", bmp(gap=TEXT))
    write("bmp", "wrong-size.bmp", bmp(size=9))
    write("bmp", "huge.bmp", bmp(height=0x7FFFFFFF))


def tiffs():
    plain = convert("tiff")
    write("tiff", "plain.tif", plain)
    write("tiff", "big.tif", convert("tiff", big_tiff=True))
    write("tiff", "overlay.tif", plain + TEXT)
    write("tiff", "comment.tif", convert("tiff", description=TEXT.decode()))
    write("tiff", "circle.tif", exif())
    write("tiff", "beyond.tif", b"II\x2a\0\xff\xff\xff\xff" + TEXT)
    write("tiff", "hole.tif", exif()[:40] + TEXT + b"\0" * 4 + exif()[100:])


def webps():
    plain = convert("webp")
    def chunks(*more):
        body = plain[8:] + b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1) for kind, data in more)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    write("webp", "texts.webp", chunks((b"EXIF", exif()), (b"XMP ", TEXT), (b"EVIL", TEXT)))
    write("webp", "overlay.webp", plain + TEXT)
    write("webp", "cut.webp", plain[:24])
    write("webp", "beyond.webp", chunks()[:-9] + b"EVIL\xff\xff\xff\x7f" + TEXT)


def icos():
    def ico(*icons):
        offset, table, body = 6 + 16 * len(icons), b"", b""
        for icon in icons:
            table += struct.pack("<BBBBHHII", 4, 4, 0, 0, 1, 24, len(icon), offset + len(body))
            body += icon
        return struct.pack("<HHH", 0, 1, len(icons)) + table + body
    dib = struct.pack("<IiiHHIIiiII", 40, 4, 8, 1, 24, 0, 0, 0, 0, 0, 0) + b"\x55" * 96
    write("ico", "two.ico", ico(dib, png(chunk(b"tEXt", b"c\0" + TEXT))))
    write("ico", "hidden.ico", ico(dib + TEXT, dib))
    write("ico", "overlay.ico", ico(dib) + TEXT)
    write("ico", "beyond.ico", ico(dib)[:40])
    write("ico", "program.ico", ico(b"MZ" + TEXT))


for make in (pngs, jpegs, gifs, bmps, tiffs, webps, icos):
    make()
