#!/usr/bin/env python3
"""Writes programs with other things in the middle into tests/golden/embedded: python3 crates/formats/tests/make/embedded.py

All of it is inert: texts in archives, and programs that return.
"""
import io
import struct
import zipfile
from upx import DOS, GOLDEN, pe_head


def archive(name, text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def pe(data):
    size = (len(data) + 511) // 512 * 512
    head = DOS + pe_head([(b".text", size, 0x1000, size, 0x200, 0x60000020)], 0x1000, 0x1000, {}, 0x1000 + size)
    return head.ljust(0x200, b"\0") + data.ljust(size, b"\0")


def elf(data):
    size = 0x78 + len(data)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    head += struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 0x1000)
    return head + data


if __name__ == "__main__":
    folder = GOLDEN / "embedded"
    folder.mkdir(exist_ok=True)
    text = b"an inert text in an archive " * 8
    inner = pe(b"\xc3" * 16 + b"an inert program in a program " * 4)
    signs = b"PK\x03\x04 MZ 7z\xbc\xaf\x27\x1c MSCF\0\0\0\0 Rar!\x1a \x7fELF are signs and nothing more"
    (folder / "zip.exe").write_bytes(pe(b"\xc3" * 100 + archive("in-pe.txt", text) + signs))
    (folder / "programs.exe").write_bytes(pe(b"\xc3" * 100 + inner + b"between" + elf(b"\xc3" * 40) + b"behind"))
    (folder / "nested.exe").write_bytes(pe(b"\xc3" * 8 + pe(b"\xc3" * 8 + pe(b"\xc3" * 8 + archive("deep.txt", text)))))
    (folder / "zip.elf").write_bytes(elf(b"\xc3" * 100 + archive("in-elf.txt", text) + b"\0" * 64) + b"overlay")
