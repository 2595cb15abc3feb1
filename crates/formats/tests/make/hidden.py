#!/usr/bin/env python3
"""Disks on which something hides behind something else at the same place, and what another tool still shows.

genisoimage, mksquashfs, mkfs.ext4 and ntfs-3g make most of them, and fields are changed.
Usage: hidden.py [FORMAT...], in crates/formats/tests.
"""
import os, struct, sys, tempfile, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import file_systems
from disks import NOISE, TEXT, put, read, run

HIDDEN = b"what hides\n" * 40


def mbr(t):
    """A partition of one sector where a whole one begins."""
    os.mkdir(t + "/r")
    open(t + "/r/hidden.txt", "wb").write(HIDDEN)
    run("mkfs.ext4", "-q", "-N", "16", "-O", "^has_journal", "-d", t + "/r", t + "/e", "256k")
    volume, table = read(t + "/e"), bytearray(2048)
    for index, size in enumerate([1, len(volume) // 512]):
        struct.pack_into("<4xBxxxII", table, 446 + 16 * index, 0x83, 4, size)
    table[510:512] = b"\x55\xaa"
    put("mbr", "same-start", bytes(table) + volume)


def iso9660(t):
    """A folder that shows the first sector of another one; a file that is said to go on in the next, which is another."""
    os.makedirs(t + "/r/AAA")
    os.mkdir(t + "/r/BBB")
    for number in range(60):
        open(f"{t}/r/BBB/F{number:05}.TXT", "w").write(str(number))
    open(t + "/r/BBB/ZZZ.TXT", "wb").write(HIDDEN)
    run("genisoimage", "-quiet", "-o", t + "/i", t + "/r")
    disk = bytearray(read(t + "/i"))
    short, long = disk.index(b"\x03AAA") - 32, disk.index(b"\x03BBB") - 32
    disk[short + 2:short + 10] = disk[long + 2:long + 10]
    struct.pack_into("<I", disk, short + 10, 2048)
    struct.pack_into(">I", disk, short + 14, 2048)
    disk[disk.index(b"F00059.TXT;1") - 33 + 25] |= 0x80
    put("iso9660", "two-sizes", bytes(disk))


def squashfs(t):
    """A file that its folder calls a link."""
    os.mkdir(t + "/r")
    open(t + "/r/hidden.txt", "wb").write(HIDDEN)
    run("mksquashfs", t + "/r", t + "/s", "-noI", "-all-root", "-no-fragments")
    disk = bytearray(read(t + "/s"))
    struct.pack_into("<H", disk, disk.index(b"hidden.txt") - 4, 3)
    put("squashfs", "other-kind", bytes(disk))


def romfs(t):
    """A link to a header that is in no list."""
    def entry(next_one, kind, target, name, data=b""):
        name = name.ljust(len(name) // 16 * 16 + 16, b"\0")
        return struct.pack(">IIII", next_one | kind, target, len(data), 0) + name + data + bytes(-len(data) % 16)
    body = entry(64, 9, 32, b".") + entry(0, 8, 96, b"link.txt") + entry(0, 10, 0, b"hidden", HIDDEN)
    put("romfs", "hard-link", b"-rom1fs-" + struct.pack(">II", 32 + len(body), 0) + b"v".ljust(16, b"\0") + body)


def cramfs(t):
    """A folder that shows the first entry of another one."""
    def inode(mode, size, offset, name):
        return struct.pack("<HHII", mode, 0, size, len(name) // 4 | offset // 4 << 6) + name
    def file(data, offset):
        packed = zlib.compress(data)
        return (struct.pack("<I", offset + 4 + len(packed)) + packed).ljust((7 + len(packed)) // 4 * 4, b"\0")
    inner, first = 108, 140
    second = first + len(file(TEXT, first))
    body = (inode(0o40755, 32, inner, b"long") + inode(0o40755, 16, inner, b"part")
            + inode(0o100644, len(TEXT), first, b"text") + inode(0o100644, len(HIDDEN), second, b"hide")
            + file(TEXT, first) + file(HIDDEN, second))
    head = (struct.pack("<IIII", 0x28cd3d45, 4096, 1, 0) + b"Compressed ROMFS" + struct.pack("<IIII", 0, 0, 1, 5)
            + b"v".ljust(16, b"\0") + inode(0o40755, 32, 76, b""))
    put("cramfs", "two-sizes", (head + body).ljust(4096, b"\0"))


def ntfs(t):
    """A file that begins in the cluster in which another one begins, and goes on elsewhere."""
    for name, data in [("a", b"decoy " * 1000), ("b", bytes(4096) + HIDDEN * 4)]:
        open(f"{t}/{name}", "wb").write(data[:5500])
    run("truncate", "-s", "1500K", t + "/n")
    run("mkntfs", "-q", "-F", "-f", "-s", "512", "-c", "4096", t + "/n")
    for name in "ab":
        run("ntfscp", "-f", t + "/n", f"{t}/{name}", f"{name}.bin")
    disk = bytearray(read(t + "/n"))

    def runs(name):
        record = disk.rindex(b"FILE0", 0, disk.index((name + ".bin").encode("utf-16-le")))
        at = record + struct.unpack_from("<H", disk, record + 20)[0]
        while struct.unpack_from("<I", disk, at)[0] != 0x80:
            at += struct.unpack_from("<I", disk, at + 4)[0]
        place = at + struct.unpack_from("<H", disk, at + 32)[0]
        assert disk[place] == 0x21 and disk[place + 4] == 0, disk[place:place + 8].hex()
        return record, at, place, struct.unpack_from("<H", disk, place + 2)[0]

    (record, at, place, own), (_, _, _, other) = runs("a"), runs("b")
    size = struct.unpack_from("<I", disk, at + 4)[0]
    used = struct.unpack_from("<I", disk, record + 24)[0]
    disk[at + size + 8:record + used + 8] = disk[at + size:record + used]
    struct.pack_into("<I", disk, at + 4, size + 8)
    struct.pack_into("<I", disk, record + 24, used + 8)
    disk[place:place + 9] = b"\x21\1" + struct.pack("<H", other) + b"\x21\1" + struct.pack("<h", own - other) + b"\0"
    put("ntfs", "same-first", bytes(disk))


def hfsplus(t):
    """Attributes: of a name that is mostly small, of a packed file that is none, in more than eight places."""
    class Volume(file_systems.HfsPlus):
        def scattered(self, number, name, data):
            places, label = self.store(data, gap=True), file_systems.text16(name)
            extents = lambda some: b"".join(struct.pack(">II", *place) for place in some).ljust(64, b"\0")
            for first in range(0, len(places), 8):
                key = struct.pack(">HHII", 10 + len(label), 0, number, first) + label
                head = struct.pack(">IIQII", 0x20, 0, len(data), 0, len(places))
                value = head if first == 0 else struct.pack(">II", 0x30, 0)
                self.attributes.append(((number, name, first), key + value + extents(places[first:first + 8])))

    volume = Volume()
    number = volume.number
    volume.file(2, "a.txt", TEXT, attributes=[("com.apple.FinderInfo", HIDDEN), ("com.apple.decmpfs", HIDDEN[1:])])
    volume.scattered(number, "scattered", (TEXT * 900)[:40000])
    put("hfsplus", "attributes", volume.image())


def rar(t):
    """A folder with data."""
    def number(value):
        return bytes([value & 127 | 128]) + number(value >> 7) if value > 127 else bytes([value])
    def block(*fields):
        body = b"".join(field if isinstance(field, bytes) else number(field) for field in fields)
        body = number(len(body)) + body
        return struct.pack("<I", zlib.crc32(body)) + body
    data = HIDDEN
    member = block(2, 2, len(data), 5, len(data), 0o40755, struct.pack("<I", zlib.crc32(data)), 0, 1, 6, b"folder")
    put("rar", "rar50-folder-with-data.rar", b"Rar!\x1a\x07\x01\0" + block(1, 0, 0) + member + data + block(5, 0, 0))


def main():
    makers = [mbr, iso9660, squashfs, romfs, cramfs, ntfs, hfsplus, rar]
    for maker in makers:
        if len(sys.argv) < 2 or maker.__name__ in sys.argv[1:]:
            with tempfile.TemporaryDirectory() as t:
                maker(t)


if __name__ == "__main__":
    main()
