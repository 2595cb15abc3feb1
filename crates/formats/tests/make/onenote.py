#!/usr/bin/env python3
"""Writes the samples into tests/golden/onenote: python3 crates/formats/tests/make/onenote.py

No OneNote made them: they have the parts that the format looks for, as [MS-ONESTORE] and [MS-FSSHTTPB] write them down.
"""
import pathlib, struct, uuid

OUT = pathlib.Path(__file__).parent.parent / "golden" / "onenote"


def guid(text):
    return uuid.UUID(text).bytes_le


SECTION = guid("7B5C52E4-D88C-4DA7-AEB1-5378D02996D3")
FORMAT = guid("109ADD3F-911B-49F5-A5D0-1791EDC8AED8")
PACKED = guid("638DE92F-A6D4-4BC1-9A36-B3FC2511A5B7")
HEADER = guid("BDE316E7-2665-4511-A4C4-8D4D0B7A9EAC")
FOOTER = guid("71FBA722-0F79-4A0B-BB13-899256426B24")


def section(*parts):
    return (SECTION + bytes(16) + bytes(16) + FORMAT).ljust(1024, b"\0") + b"".join(parts)


def file(data, size=None, footer=FOOTER):
    size = len(data) if size is None else size
    return HEADER + struct.pack("<QIQ", size, 0, 0) + data + bytes(-(len(data) + 36) % 8) + footer


def text(words):
    return b"\x01\x1c" + words.encode("utf-16le") + b"\0\0\x02"


SCRIPT = b"<html><body><script>document.write('an inert page that is embedded')</script></body></html>\n"
NOTE = b"A text that is embedded in a notebook.\n"


def compact(number):
    for length in range(1, 8):
        if number < 1 << 7 * length:
            return (number << length | 1 << length - 1).to_bytes(length, "little")
    return b"\x80" + number.to_bytes(8, "little")


def start(kind, size, compound=0, wide=False):
    if size < 128 and kind < 64 and not wide:
        return struct.pack("<H", compound << 2 | kind << 3 | size << 9)
    if size < 0x7FFF:
        return struct.pack("<I", 2 | compound << 2 | kind << 3 | size << 17)
    return struct.pack("<I", 2 | compound << 2 | kind << 3 | 0x7FFF << 17) + compact(size)


def end(kind):
    return bytes([kind << 2 | 1])


def item(data):
    return compact(len(data)) + data


def element(kind, body):
    payload = bytes([0x0C]) + bytes(16) + bytes([0]) + compact(kind)
    return start(1, len(payload), 1) + payload + body + end(1)


def packed(*elements):
    head = SECTION + bytes(16) + bytes(16) + PACKED + bytes(4)
    store = bytes([0x0C]) + bytes(16) + bytes(16)
    body = start(0x7A, len(store), 1, True) + store + start(0x15, 1, 1) + b"\0" + b"".join(elements) + end(0x15)
    return head + body + struct.pack("<H", 0x7A << 2 | 3)


def blob(data):
    return element(10, start(2, len(item(data)), wide=True) + item(data))


def group(data):
    names = compact(2) + (bytes([0x0C]) + bytes(16)) + b"\x04" + bytes(16) + compact(1) + b"\0\0"
    body = names + item(data)
    return element(5, start(0x1E, 0, 1) + start(0x16, len(body), wide=True) + body + end(0x1E))


LARGE = b"".join(b"line %d of a text that needs more than 32 KiB\n" % i for i in range(900))
SAMPLES = {
    "section.one": section(text("Double click to view the page"), file(SCRIPT), text("page.hta"), b"\0" * 7, file(NOTE), text("note.txt")),
    # What is embedded in what is embedded comes out with it only.
    "nested.one": section(file(section(file(NOTE))), text("Something behind it")),
    "cut.one": section(file(NOTE), file(SCRIPT))[:-60],
    "wrong-size.one": section(file(SCRIPT, size=20), file(NOTE, size=1 << 40), text("behind the huge one"), file(NOTE)),
    "no-footer.one": section(file(NOTE, footer=b""), file(SCRIPT, footer=bytes(16))),
    "web.one": packed(blob(SCRIPT), group(NOTE * 3 + text("Text of a page in the web")), blob(LARGE)),
    "web-cut.one": packed(blob(SCRIPT), blob(LARGE))[:3000],
    "web-damaged.one": packed(blob(SCRIPT), struct.pack("<I", 2 | 3 << 3 | 0x7FFF << 17) + b"\x80\xff", blob(NOTE * 4)),
}
OUT.mkdir(parents=True, exist_ok=True)
for name, data in SAMPLES.items():
    (OUT / name).write_bytes(data)
