#!/usr/bin/env python3
"""Writes archives as PyInstaller does into tests/golden/pyinstaller: python3 crates/formats/tests/make/pyinstaller.py"""
import marshal, pathlib, struct, zlib

OUT = pathlib.Path(__file__).parent.parent / "golden" / "pyinstaller"
MAGIC = b"MEI\x0c\x0b\x0a\x0b\x0e"


def pyz(modules):
    head, body, table = b"PYZ\0\xcb\r\r\n", b"", []
    for name, data in modules:
        packed = zlib.compress(data)
        table.append((name, (0, 17 + len(body), len(packed))))
        body += packed
    return head + struct.pack(">I", 17 + len(body)) + bytes(5) + body + marshal.dumps(table)


def archive(members, record=88, cut_table=0):
    body, table = b"", b""
    for name, kind, compress, data in members:
        stored = zlib.compress(data) if compress else data
        field = name.encode() + b"\0"
        field += bytes(-(18 + len(field)) % 16)
        table += struct.pack(">IIIIBB", 18 + len(field), len(body), len(stored), len(data), compress, ord(kind)) + field
        body += stored
    table = table[:len(table) - cut_table]
    length = len(body) + len(table) + record
    last = MAGIC + struct.pack(">IIII", length, len(body), len(table), 311)
    return body + table + last.ljust(record, b"\0")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    modules = pyz([("inert", b"an inert module " * 9), ("package.more", b"another one " * 7)])
    members = [("start", "s", 1, b"print('inert')\n" * 5), ("data/readme.txt", "x", 1, b"inert data\n" * 20),
               ("PYZ-00.pyz", "z", 0, modules)]
    (OUT / "with-library.pkg").write_bytes(archive(members))
    (OUT / "old-record.pkg").write_bytes(archive(members, 24))
    (OUT / "between-others.pkg").write_bytes(b"before" + archive(members) + b"a signature behind")
    (OUT / "table-cut.pkg").write_bytes(archive(members, cut_table=20))
    (OUT / "record-cut.pkg").write_bytes(b"a program" + archive(members, 24)[:-4])
    (OUT / "modules.pyz").write_bytes(modules)
    (OUT / "modules-cut-table.pyz").write_bytes(modules[:-20])
    (OUT / "modules-no-table.pyz").write_bytes(modules[:60])
    (OUT / "modules-damaged-table.pyz").write_bytes(modules[:-30] + b"\xff" * 30)
