"""Writes the smallest program for Windows that can be signed; it returns at once. Usage: python3 pe.py FILE"""
import struct
import sys
from pathlib import Path


def main(path):
    text = b"\x31\xc0\xc3".ljust(512, b"\0")
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 512, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QIIHHHHHHIIIIHHQQQQII", 0x140000000, 0x1000, 512, 6, 0, 0, 0, 6, 0, 0, 0x2000, 512, 0, 3, 0x100,
                            0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    optional += bytes(8 * 16)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 3, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + coff + optional + section
    path.write_bytes(head.ljust(512, b"\0") + text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
