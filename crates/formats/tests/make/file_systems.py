#!/usr/bin/env python3
"""Samples of file systems that few tools make, and heads of volumes that are only named.

cramfs and romfs are made by mkfs.cramfs (util-linux-extra) and genromfs; HFS+ and disks of ESX (COWD) are put together
here, and were looked at with 7z and qemu-img. LZFSE needs pyliblzfse of PyPI.
Usage: file_systems.py [FORMAT...], in crates/formats/tests.
"""
import os, struct, sys, tempfile, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from disks import NOISE, TEXT, fat_image, mbr_entry, put, read, run, tree


def cramfs(t):
    root, out = tree(t + "/tree"), t + "/out"
    open(root + "/sparse", "wb").write(TEXT + bytes(20000) + TEXT)
    os.symlink("folder/inner/deep.txt", root + "/link")
    run("mkfs.cramfs", root, out)
    data = read(out)
    put("cramfs", "little", data)
    put("cramfs", "cut", data[:-3000])
    damaged = bytearray(data)
    place = data.rindex(b"\x78\xda") if b"\x78\xda" in data else data.rindex(b"\x78\x9c")
    damaged[place + 8:place + 30] = b"\xff" * 22
    put("cramfs", "damaged", bytes(damaged))
    # The root's offset as that of the folder in it: a circle.
    inner = damaged.index(b"inner") - 12
    circle = bytearray(data)
    circle[inner + 4:inner + 7] = data[68:71]
    circle[inner + 8:inner + 12] = struct.pack("<I", struct.unpack_from("<I", data, inner + 8)[0] & 63
                                               | struct.unpack_from("<I", data, 72)[0] & ~63)
    put("cramfs", "circle", bytes(circle))
    run("mkfs.cramfs", "-N", "big", "-p", root, out)
    put("cramfs", "big-behind-512", read(out))


def romfs(t):
    root, out = tree(t + "/tree"), t + "/out"
    os.symlink("folder/inner/deep.txt", root + "/link")
    os.link(root + "/hello.txt", root + "/again.txt")
    run("genromfs", "-d", root, "-f", out, "-V", "volume")
    data = bytearray(read(out))
    put("romfs", "plain", bytes(data) + b"behind the end")
    put("romfs", "cut", bytes(data[:-9500]))
    at = data.rindex(b"deep.txt") - 16
    # The list of a folder goes on in that of the root, and something is hidden behind a file.
    hidden = data.index(TEXT) + len(TEXT)
    data[hidden:hidden + 3] = b"odd"
    struct.pack_into(">I", data, at, 32 | struct.unpack_from(">I", data, at)[0] & 15)
    put("romfs", "circle", bytes(data))


BLOCK, NODE = 4096, 8192


def text16(text):
    return struct.pack(">H", len(text)) + text.encode("utf-16-be")


def node(kind, records, height=0, extra=0):
    body = struct.pack(">IIbBHH", 0, 0, kind, height, len(records), 0)
    offsets = []
    for record in records:
        offsets.append(len(body))
        body += record + bytes(len(record) % 2)
    offsets.append(len(body))
    table = b"".join(struct.pack(">H", offset) for offset in reversed(offsets))
    assert len(body) + len(table) <= NODE, len(body)
    return body + bytes(NODE - len(body) - len(table)) + table


def btree(records, longest, attributes):
    head = struct.pack(">HIIIIHHIIHIBBI", 1, 1, len(records), 1, 1, NODE, longest, 2, 0, 0, NODE, 0, 0xcf, attributes)
    first = node(1, [head.ljust(106, b"\0"), bytes(128), (b"\xc0" + bytes(NODE - 248 - 8))[:NODE - 256]])
    return first + node(-1, records, 1)


class HfsPlus:
    """A volume that is written once."""

    def __init__(self, sign=b"H+\0\4"):
        self.sign, self.blocks, self.next = sign, {}, 40
        self.catalog, self.attributes, self.overflow, self.number = [], [], [], 16
        self.folder(1, "volume", 2)

    def store(self, data, gap=False):
        """Where the data lies: in one place, or a block here and there."""
        count = -(-len(data) // BLOCK)
        places = []
        for index in range(count):
            self.blocks[self.next] = data[index * BLOCK:(index + 1) * BLOCK]
            if places and not gap:
                places[-1][1] += 1
            else:
                places.append([self.next, 1])
            self.next += 2 if gap else 1
        return places

    def fork(self, data, gap=False, file=0, kind=0, clump=0):
        places = self.store(data, gap)
        extents = b"".join(struct.pack(">II", *place) for place in places[:8]).ljust(64, b"\0")
        for index in range(8, len(places), 8):
            more = b"".join(struct.pack(">II", *place) for place in places[index:index + 8]).ljust(64, b"\0")
            self.overflow.append(struct.pack(">HBBII", 10, kind, 0, file, index) + more)
        return struct.pack(">QII", len(data), clump, -(-len(data) // BLOCK)) + extents

    def add(self, parent, name, record, number, thread):
        key = lambda parent, name: struct.pack(">HI", 4 + len(text16(name)), parent) + text16(name)
        self.catalog.append(((parent, name.lower()), key(parent, name) + record))
        self.catalog.append(((number, ""), key(number, "") + struct.pack(">HHI", thread, 0, parent) + text16(name)))

    def folder(self, parent, name, number=None):
        number = number or self.take()
        record = struct.pack(">HHII", 1, 0, 0, number) + bytes(20) + struct.pack(">IIBBHI", 0, 0, 0, 0, 0o40755, 0)
        self.add(parent, name, record.ljust(88, b"\0"), number, 3)
        return number

    def take(self):
        self.number += 1
        return self.number - 1

    def file(self, parent, name, data=b"", resources=b"", gap=False, packed=None, attributes=()):
        number = self.take()
        record = struct.pack(">HHII", 2, 2, 0, number) + bytes(20)
        record += struct.pack(">IIBBHI", 0, 0, 0, 0x20 if packed else 0, 0o100644, 0)
        record = record.ljust(88, b"\0") + self.fork(data, gap, number) + self.fork(resources, file=number, kind=0xff)
        self.add(parent, name, record, number, 4)
        if packed:
            self.attribute(number, "com.apple.decmpfs", packed)
        for label, value in attributes:
            self.attribute(number, label, value)

    def attribute(self, number, name, value):
        label = text16(name)
        key = struct.pack(">HHII", 10 + len(label), 0, number, 0) + label
        record = struct.pack(">IIII", 0x10, 0, 0, len(value)) + value
        self.attributes.append(((number, name), key + record + bytes(len(value) % 2)))

    def image(self):
        total = self.next + 4
        header = struct.pack(">2sH17IQ", self.sign[:2], self.sign[3], 0x100, 0x382e3130, 0, 0, 0, 0, 0,
                             5, 2, BLOCK, total, 4, self.next, BLOCK, BLOCK, self.number, 1, 1).ljust(112, b"\0")
        keep = self.next
        ordered = lambda records: [record for _, record in sorted(records)]
        self.next = 1
        header += self.fork(bytes([255]) * BLOCK)
        self.overflow.sort()
        parts = [btree(self.overflow, 10, 2), btree(ordered(self.catalog), 516, 6),
                 btree(ordered(self.attributes), 266, 6)]
        for part in parts:
            header += self.fork(part, clump=NODE)
        header += bytes(80)
        self.next = keep
        disk = bytearray(total * BLOCK)
        for block, data in self.blocks.items():
            disk[block * BLOCK:block * BLOCK + len(data)] = data
        disk[1024:1024 + len(header)] = header
        disk[-1024:-1024 + len(header)] = header
        return bytes(disk)


def packed_header(kind, data, body=b""):
    return struct.pack("<4sIQ", b"fpmc", kind, len(data)) + body


def chunks(data):
    return [data[index:index + 65536] for index in range(0, len(data), 65536)]


def zlib_fork(data):
    parts = [zlib.compress(part) for part in chunks(data)]
    parts[-1] = b"\xff" + chunks(data)[-1]
    offset, table = 4 + 8 * len(parts), struct.pack("<I", len(parts))
    for part in parts:
        table += struct.pack("<II", offset, len(part))
        offset += len(part)
    body = table + b"".join(parts)
    return (struct.pack(">IIII", 256, 260 + len(body), 4 + len(body), 50).ljust(256, b"\0")
            + struct.pack(">I", len(body)) + body
            + bytes(24) + struct.pack(">HHH4sIHH", 28, 50, 0, b"cmpf", 10, 1, 0xffff) + bytes(8))


def fork(data, pack):
    parts = [pack(part) for part in chunks(data)]
    offset, table = 4 + 4 * len(parts), b""
    for part in parts:
        table += struct.pack("<I", offset)
        offset += len(part)
    return table + struct.pack("<I", offset) + b"".join(parts)


def hfs_volume(sign=b"H+\0\4"):
    import liblzfse
    lzvn = lambda data: liblzfse.compress(data)[12:-4]
    large = TEXT * 3000
    volume = HfsPlus(sign)
    volume.file(2, "hello.txt", TEXT)
    folder = volume.folder(2, "folder")
    inner = volume.folder(folder, "inner")
    volume.file(folder, "A long name, with spaces.bin", NOISE, b"a resource fork" * 9)
    volume.file(inner, "pieces.txt", TEXT * 1000, gap=True)
    volume.file(inner, "\u00e9\u4e2d.txt", b"a name beyond ASCII", attributes=[("note", b"a text in an attribute")])
    volume.file(2, "empty")
    volume.file(2, "zlib inline", packed=packed_header(3, TEXT * 40, zlib.compress(TEXT * 40)))
    volume.file(2, "stored inline", packed=packed_header(3, TEXT, b"\xff" + TEXT))
    volume.file(2, "zlib fork", resources=zlib_fork(large), packed=packed_header(4, large))
    volume.file(2, "lzvn inline", packed=packed_header(7, TEXT * 40, lzvn(TEXT * 40)))
    volume.file(2, "lzvn fork", resources=fork(TEXT * 70, lzvn), packed=packed_header(8, TEXT * 70))
    volume.file(2, "lzfse fork", resources=fork(large, liblzfse.compress), packed=packed_header(12, large))
    volume.file(2, "unknown", resources=NOISE[:500], packed=packed_header(99, large))
    return volume


def hfsplus(t):
    data = hfs_volume().image()
    put("hfsplus", "files", data)
    put("hfsplus", "hfsx", hfs_volume(b"HX\0\5").image())
    put("hfsplus", "cut", data[:45 * BLOCK])
    damaged = bytearray(data)
    # A folder in itself, and a file with places behind the end.
    inner = damaged.index("inner".encode("utf-16-be"))
    struct.pack_into(">I", damaged, inner - 6, struct.unpack_from(">I", damaged, inner + 10 + 8)[0])
    far = damaged.index("hello.txt".encode("utf-16-be")) + 18 + 88 + 16
    struct.pack_into(">I", damaged, far, 1 << 20)
    put("hfsplus", "damaged", bytes(damaged))
    wrapper = bytearray(16384 + len(data) + 8192)
    wrapper[1024:1026] = b"BD"
    struct.pack_into(">HH", wrapper, 1024 + 12, 1, 3)
    struct.pack_into(">HI", wrapper, 1024 + 18, 99, 4096)
    struct.pack_into(">H", wrapper, 1024 + 28, 16)
    struct.pack_into(">2sHH", wrapper, 1024 + 124, b"H+", 2, len(data) // 4096)
    wrapper[16384:16384 + len(data)] = data
    wrapper[-600:-580] = b"outside of the volum"
    put("hfsplus", "wrapped", bytes(wrapper))


def cowd(t):
    fat_image(t, t + "/fat")
    disk = read(t + "/fat")
    for name, grain, flags in [("esx", 8, 3), ("esx-child", 1, 2)]:
        sectors, size = len(disk) // 512, grain * 512
        count = -(-sectors // (grain * 4096))
        data = bytearray(512 * 4 + 512 * (-(-count * 4 // 512)))
        directory = []
        for index in range(count):
            table, place = [], len(data)
            directory.append(place // 512)
            data += bytes(16384)
            for number in range(4096):
                part = disk[(index * 4096 + number) * size:][:size]
                table.append(len(data) // 512 if any(part) else 0)
                data += part if any(part) else b""
            data[place:place + 16384] = struct.pack("<4096I", *table)
        data[2048:2048 + 4 * count] = struct.pack("<%dI" % count, *directory)
        head = struct.pack("<4sIIIIIIIIII", b"COWD", 1, flags, sectors, grain, 4, count, len(data) // 512, 1, 16, 63)
        data[:len(head)] = head
        put("vmdk", name, bytes(data))


def heads(t):
    """The first sectors of volumes that are only named, each with its sign and a number or two, and alone zeros else."""
    to_go = b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"
    signs = {
        "luks": [(0, b"LUKS\xba\xbe\0\2" + struct.pack(">QQ", 16384, 3))],
        "bitlocker": [(0, b"\xeb\x58\x90-FVE-FS-\0\2\x08"), (510, b"\x55\xaa")],
        "btrfs": [(0x10040, b"_BHRfS_M"), (0x10000, NOISE[:32])],
        "xfs": [(0, b"XFSB\0\0\x10\0")],
        "lvm": [(512, b"LABELONE\1\0\0\0\0\0\0\0" + NOISE[:4] + b"\x20\0\0\0LVM2 001")],
        "apfs": [(0, NOISE[:8] + bytes([1, 0, 0, 0])), (32, b"NXSB\0\x10\0\0")],
        "refs": [(0, b"\0\0\0ReFS\0\0\0\0"), (16, b"FSRS\0\2")],
        "f2fs": [(1024, b"\x10\x20\xf5\xf2\1\0\x10\0")],
        "erofs": [(1024, b"\xe2\xe1\xf5\xe0" + NOISE[:4])],
    }
    volumes = {}
    for name, parts in signs.items():
        head = bytearray(0x11000 if name == "btrfs" else 8192)
        for at, data in parts:
            head[at:at + len(data)] = data
        volumes[name] = bytes(head)
        put("unopened", name, bytes(head))
    # All of them as partitions.
    at, entries, disk = 64, [], bytearray(64 * 512)
    for name, head in volumes.items():
        sectors = len(head) // 512
        entries.append(NOISE[at:at + 32] + struct.pack("<QQQ", at, at + sectors - 1, 0)
                       + name.encode("utf-16-le").ljust(72, b"\0"))
        disk += head
        at += sectors
    disk += bytes(512)
    disk[446:462], disk[510:512] = mbr_entry(0xee, 1, at), b"\x55\xaa"
    disk[512:604] = (b"EFI PART" + struct.pack("<IIIIQQQQ16sQII", 0x10000, 92, 0, 0, 1, 1, 34, at, b"", 2, len(entries), 128)).ljust(92, b"\0")
    disk[1024:1024 + 128 * len(entries)] = b"".join(entries)
    put("gpt", "not-opened", bytes(disk))
    fat_image(t, t + "/fat")
    to = bytearray(read(t + "/fat"))
    to[424:440] = to_go
    put("fat", "bitlocker-to-go", bytes(to))


def main():
    makers = [cramfs, romfs, hfsplus, cowd, heads]
    for maker in [maker for maker in makers if maker.__name__ in sys.argv[1:] or not sys.argv[1:]]:
        with tempfile.TemporaryDirectory() as folder:
            maker(folder)


if __name__ == "__main__":
    main()
