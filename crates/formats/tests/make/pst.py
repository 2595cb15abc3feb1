#!/usr/bin/env python3
"""Writes the samples into tests/golden/pst: python3 crates/formats/tests/make/pst.py

No Outlook made them: they have a node database with one message and its attachments, and neither maps of free space nor
folders. The bodies and attachments are texts.
"""
import pathlib, re, struct, zlib
from tnef import RTF, rtf, wide

OUT = pathlib.Path(__file__).parent.parent / "golden" / "pst"
SOURCE = (pathlib.Path(__file__).parent.parent.parent / "src" / "pst" / "encoding.rs").read_text()
FIRST, SECOND, INVERSE = ([int(x, 16) for x in re.findall(r"0x[0-9a-f]{2}\b", table)]
                          for table in re.findall(r"\[u8; 256\] = \[\n(.*?)\];", SOURCE, re.S))


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def cyclic(data, key):
    key = (key ^ key >> 16) & 0xFFFF
    out = bytearray()
    for byte in data:
        low, high = key & 255, key >> 8
        byte = FIRST[(byte + low) & 255]
        byte = SECOND[(byte + high) & 255]
        out.append((INVERSE[(byte - high) & 255] - low) & 255)
        key = key + 1 & 0xFFFF
    return bytes(out)


class Mailbox:
    def __init__(self, wide=True, method=1):
        self.wide, self.method = wide, method
        self.n = "Q" if wide else "I"
        self.file = bytearray(0x400)
        self.blocks, self.nodes, self.next = [], [], 4

    def block(self, data, internal=False):
        number = self.next | (2 if internal else 0)
        self.next += 4
        if not internal:
            if self.method == 1:
                data = bytes(FIRST[byte] for byte in data)
            elif self.method == 2:
                data = cyclic(data, number)
        self.file += bytes(-len(self.file) % 64)
        place = len(self.file)
        trailer = 16 if self.wide else 12
        size = (len(data) + trailer + 63) // 64 * 64
        sign = place ^ number
        sign = (sign >> 16 ^ sign) & 0xFFFF
        end = struct.pack("<HHIQ", len(data), sign, crc(data), number) if self.wide else struct.pack("<HHII", len(data), sign, number, crc(data))
        self.file += data + bytes(size - len(data) - trailer) + end
        self.blocks.append((number, place, len(data)))
        return number

    def data(self, data, size=8000):
        if len(data) <= size:
            return self.block(data)
        numbers = [self.block(data[at:at + size]) for at in range(0, len(data), size)]
        return self.block(struct.pack("<BBHI", 1, 1, len(numbers), len(data)) + b"".join(struct.pack("<" + self.n, n) for n in numbers), True)

    def inner(self, nodes):
        if not nodes:
            return 0
        head = struct.pack("<BBH", 2, 0, len(nodes)) + (bytes(4) if self.wide else b"")
        return self.block(head + b"".join(struct.pack("<" + self.n * 3, *node) for node in nodes), True)

    def page(self, kind, entries, size, level):
        self.file += bytes(-len(self.file) % 512)
        place, room = len(self.file), 488 if self.wide else 496
        body = b"".join(entries).ljust(room, b"\0") + struct.pack("<BBBB", len(entries), room // size, size, level) + (bytes(4) if self.wide else b"")
        number = self.next
        self.next += 4
        sign = place ^ number
        sign = (sign >> 16 ^ sign) & 0xFFFF
        tail = struct.pack("<IQ", crc(body), number) if self.wide else struct.pack("<II", number, crc(body))
        self.file += body + struct.pack("<BBH", kind, kind, sign) + tail
        return number, place

    def tree(self, kind, entries, size):
        """A tree with two levels where one page does not do."""
        most = (488 if self.wide else 496) // size
        if len(entries) <= most:
            return self.page(kind, [entry for _, entry in entries], size, 0)
        pages = []
        for at in range(0, len(entries), most):
            some = entries[at:at + most]
            pages.append((some[0][0], *self.page(kind, [entry for _, entry in some], size, 0)))
        return self.page(kind, [struct.pack("<" + self.n * 3, *page) for page in pages], struct.calcsize("<" + self.n * 3), 1)

    def heap(self, items, root=1, client=0xBC):
        body, offsets = bytearray(12), []
        for item in items:
            offsets.append(len(body))
            body += item
        offsets.append(len(body))
        body += bytes(len(body) % 2)
        place = len(body)
        body += struct.pack("<HH", len(items), 0) + b"".join(struct.pack("<H", offset) for offset in offsets)
        body[:12] = struct.pack("<HBBII", place, 0xEC, client, root << 5, 0)
        return bytes(body)

    def properties(self, values):
        """A heap of properties: (id, kind) to bytes in the heap, or a number."""
        items, records = [], b""
        for (number, kind), value in sorted(values.items()):
            if isinstance(value, bytes):
                items.append(value)
                value = (len(items) + 2) << 5
            records += struct.pack("<HHI", number, kind, value)
        return self.heap([struct.pack("<BBBBI", 0xB5, 2, 6, 0, 2 << 5), records] + items)

    def attachment(self, name, data):
        values = {(0x3707, 0x1F): wide(name)[:-2], (0x3705, 3): 1}
        nodes = []
        if len(data) > 3500:
            values[0x3701, 0x102] = 0x805F
            nodes.append((0x805F, self.data(data), 0))
        else:
            values[0x3701, 0x102] = data
        return self.data(self.properties(values)), self.inner(nodes)

    def close(self):
        node = "<" + ("QQQII" if self.wide else "IIII")
        entries = [(n[0], struct.pack(node, *n, 0x21, *([0] if self.wide else []))) for n in sorted(self.nodes)]
        nodes = self.tree(0x81, entries, struct.calcsize(node))
        block = "<" + ("QQHHI" if self.wide else "IIHH")
        entries = [(b[0], struct.pack(block, b[0], b[1], b[2], 2, *([0] if self.wide else []))) for b in sorted(self.blocks)]
        blocks = self.tree(0x80, entries, struct.calcsize(block))
        end = len(self.file)
        if self.wide:
            head = bytearray(564)
            head[8:16] = struct.pack("<HHHBB", 0x4D53, 23, 19, 1, 1)
            head[32:40] = struct.pack("<Q", self.next)
            head[184:248] = struct.pack("<QQQQQQQQ", end, 0x4400, 0, 0, *nodes, *blocks)
            head[248] = 2
            head[512:514] = bytes([0x80, self.method])
            head[4:8] = struct.pack("<I", crc(bytes(head[8:8 + 471])))
            head[524:528] = struct.pack("<I", crc(bytes(head[8:8 + 516])))
        else:
            head = bytearray(512)
            head[8:16] = struct.pack("<HHHBB", 0x4D53, 15, 19, 1, 1)
            head[168:200] = struct.pack("<IIIIIIII", end, 0x4400, 0, 0, *nodes, *blocks)
            head[200] = 2
            head[460:462] = bytes([0x80, self.method])
            head[4:8] = struct.pack("<I", crc(bytes(head[8:8 + 471])))
        head[:4] = b"!BDN"
        self.file[:len(head)] = head
        return bytes(self.file)


SHORT = b"The text of a small attachment.\n" * 3
LONG = b"".join(b"line %d of an attachment that needs two blocks\n" % i for i in range(200))


def mailbox(wide_numbers=True, method=1, close=True, more=0):
    box = Mailbox(wide_numbers, method)
    first, second = box.attachment("small note.txt", SHORT), box.attachment("large note.txt", LONG)
    inner = box.inner([(0x8025, *first), (0x8045, *second), (0x807F, box.data(rtf(RTF)), 0)])
    message = {(0x001A, 0x1F): wide("IPM.Note")[:-2], (0x0037, 0x1F): wide("A subject")[:-2], (0x1000, 0x1F): wide("The body, in Grüße.\r\n" * 4)[:-2],
               (0x1009, 0x102): 0x807F, (0x1013, 0x102): b"<html><body><p>The body in HTML</p></body></html>"}
    box.nodes.append((0x200024, box.data(box.properties(message)), inner))
    store = {(0x3001, 0x1F): wide("A mailbox")[:-2]}
    box.nodes.append((0x21, box.data(box.properties(store)), 0))
    for number in range(more):
        box.nodes.append((0x200044 + number * 32, box.data(box.properties({(0x1000, 0x1E): b"message %d of many" % number})), 0))
    return box.close() if close else box


def changed(data, place, value):
    return data[:place] + value + data[place + len(value):]


GOOD = mailbox()
BLOCKS = struct.unpack_from("<Q", GOOD, 240)[0]
NODES = struct.unpack_from("<Q", GOOD, 224)[0]
SAMPLES = {
    "permuted.pst": GOOD,
    "cyclic.pst": mailbox(method=2),
    "old.pst": mailbox(False, 0),
    "two-levels.pst": mailbox(more=40),
    # Its header says that the database ends before its tables.
    "cut.pst": GOOD[:len(GOOD) - 600],
    "version-36.ost": changed(GOOD, 10, b"\x24\0"),
    # The tree of nodes is a page that leads to itself.
    "circle.pst": changed(GOOD, NODES, struct.pack("<QQQ", 0, 0, NODES) * 20 + bytes(8) + bytes([20, 20, 24, 3])),
    "block-lost.pst": changed(GOOD, BLOCKS + 24 * 3, struct.pack("<Q", 0xFFFF0)),
}
OUT.mkdir(parents=True, exist_ok=True)
for name, data in SAMPLES.items():

    (OUT / name).write_bytes(data)
