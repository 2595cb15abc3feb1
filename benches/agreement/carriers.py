"""Small valid files of the types that signatures are for, with room for what is planted."""

import re
import struct

from contents import FILLER, NotPlanted

ENTRY = 0x400
HEADERS = {
    "5": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    "10": b"%PDF-1.4\n%\n1 0 obj\n<</Type/Catalog>>\nendobj\n",
    "11": b"FWS\x05",
    "12": b"\xca\xfe\xba\xbe\x00\x00\x00\x32",
}


def carrier(description, pieces):
    """The bytes of a file that holds all pieces where they must lie."""
    target = description["Target"]
    if any(key in description for key in ("IconGroup1", "IconGroup2")):
        raise NotPlanted("an icon")
    if "Container" in description or "Intermediates" in description or "HandlerType" in description:
        raise NotPlanted("a container or a handler")
    if target in ("3", "4", "7"):
        raise NotPlanted("text in a normalised form")
    content = bytearray(header(target))
    room = max(0x2000, len(content))
    sections = {"1": [ENTRY], "6": [], "9": []}.get(target, [])
    fixed = []
    for place, data in pieces:
        start = offset(place, target, sections)
        if start == "end":
            continue
        if start is not None:
            fixed.append((start, data))
    end = max([room] + [start + len(data) for start, data in fixed])
    taken = bytearray(end)
    content = content.ljust(end, FILLER)
    taken[: len(header(target))] = b"\1" * len(header(target))
    for start, data in fixed:
        if any(taken[at] and content[at] != data[at - start] for at in range(start, start + len(data))):
            raise NotPlanted("an offset in the way of a header")
        content[start : start + len(data)] = data
        taken[start : start + len(data)] = b"\1" * len(data)
    for place, data in pieces:
        if offset(place, target, sections) is None:
            content += FILLER * 3 + data + FILLER * 3
    low, high = map(int, description.get("FileSize", "0-99999999999").split("-"))
    tails = [(int(place[4:].split(",")[0]), data) for place, data in pieces if place.startswith("EOF-")]
    length = max(len(content) + sum(back for back, _ in tails), low)
    if length > min(high, 64 << 20):
        raise NotPlanted("a size that is too small or too large")
    content = content.ljust(length, FILLER)
    for back, data in tails:
        content[len(content) - back : len(content) - back + len(data)] = data
    return finish(target, content)


def offset(place, target, sections):
    """A file offset, None for anywhere, `end` for what is counted from the end."""
    place = place.split(",")[0]
    if place == "*":
        return None
    if place.startswith("EOF-"):
        return "end"
    if place.isdigit():
        return int(place)
    if target == "1":
        if found := re.fullmatch(r"EP([+-]\d+)", place):
            return ENTRY + int(found[1])
        if found := re.fullmatch(r"(?:S0|SL)\+(\d+)", place):
            return ENTRY + int(found[1])
        if place == "SE0":
            return ENTRY + 0x800
    raise NotPlanted("an offset of an executable that is not made here")


def header(target):
    if target == "1":
        return pe()
    if target == "2":
        return ole2()
    if target == "6":
        return elf()
    if target == "9":
        return struct.pack("<7I", 0xFEEDFACE, 7, 3, 2, 0, 0, 0)
    if target in HEADERS:
        return HEADERS[target]
    if target == "0":
        return b"\x00\x01\x02\x03"
    raise NotPlanted(f"target {target}")


def pe():
    """One section that is the rest of the file; it begins with the entry point."""
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    size = 1 << 20
    coff = struct.pack("<2sHHIIIHH", b"PE", 0, 0x14C, 1, 0, 0, 0, 224)[0:0]
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, 224, 0x102)
    optional = struct.pack("<HBBIIIIIIIII", 0x10B, 6, 0, size, 0, 0, 0x1000, 0x1000, 0x2000, 0x400000, 0x1000, 0x200)
    optional += struct.pack("<HHHHHHIIIIHHIIIIII", 4, 0, 0, 0, 4, 0, 0, size + 0x1000, ENTRY, 0, 2, 0, 1 << 20, 4096, 1 << 20, 4096, 0, 16)
    optional += bytes(16 * 8)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", size, 0x1000, size, ENTRY, 0, 0, 0, 0, 0xE0000020)
    return (dos + coff + optional + section).ljust(ENTRY, b"\0")


def elf():
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return header + struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 0x100000, 0x100000, 7, 0x1000)


def ole2():
    """A header, a table of sectors and a folder; what follows belongs to a stream."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    return (head + struct.pack("<I", 0)).ljust(512, b"\xff")


def finish(target, content):
    """Puts right what depends on the length."""
    if target == "1":
        raw = (len(content) - ENTRY) & ~0x1FF
        at = 64 + 24 + 224
        struct.pack_into("<II", content, at + 8, raw, 0x1000)
        struct.pack_into("<I", content, at + 16, raw)
    if target == "11":
        content[4:8] = struct.pack("<I", len(content))
    return bytes(content)
