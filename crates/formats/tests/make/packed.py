#!/usr/bin/env python3
"""Writes programs that decode themselves into tests/golden/packed: python3 crates/formats/tests/make/packed.py

What they decode is inert: a text, a small program that is never run, and a return.
"""
import struct
from upx import DOS, GOLDEN, pe_head

BASE, FIRST, SIZE = 0x400000, 0x1000, 0x600


def program(stub, hidden, writable=True):
    flags = 0xe0000020 if writable else 0x60000020
    rows = [(b".text", SIZE, FIRST, SIZE, 0x400, 0xe0000020), (b".pack", 0x200, 0x2000, 0x200, 0xa00, flags)]
    head = DOS + pe_head(rows, 0x2000, FIRST, {}, 0x3000)
    return head.ljust(0x400, b"\0") + hidden.ljust(SIZE, b"\0") + stub.ljust(0x200, b"\0")


def exclusive_or(data, key):
    return bytes(byte ^ key for byte in data)


def stub(key, end):
    """mov esi, first; mov ecx, size; next: xor byte [esi], key; inc esi; loop next; end"""
    return (b"\xbe" + struct.pack("<I", BASE + FIRST) + b"\xb9" + struct.pack("<I", SIZE)
            + b"\x80\x36" + bytes([key]) + b"\x46\xe2\xfa" + end)


# push first; ret
JUMP = b"\x68" + struct.pack("<I", BASE + FIRST) + b"\xc3"
# push handler; push fs:[0]; mov fs:[0], esp; xor eax, eax; mov [eax], eax: the handler jumps by changing the context.
# handler: mov eax, [esp+12]; mov dword [eax+0xb8], first; xor eax, eax; ret
HANDLER = b"\x8b\x44\x24\x0c\xc7\x80\xb8\0\0\0" + struct.pack("<I", BASE + FIRST) + b"\x31\xc0\xc3"


def by_exception(at):
    before = 23
    setup = b"\x68" + struct.pack("<I", BASE + 0x2000 + at + before)
    setup += b"\x64\xff\x35\0\0\0\0\x64\x89\x25\0\0\0\0\x31\xc0\x89\0"
    assert len(setup) == before
    return setup + HANDLER


# The key is the first letter that the library exports, whose image is looked for downwards from the address to return to:
# mov eax, [esp]; and eax, 0xffff0000; again: cmp word [eax], "MZ"; je found; sub eax, 0x10000; jmp again
# found: mov edx, [eax+0x3c]; mov edx, [eax+edx+0x78]; mov edx, [eax+edx+0x20]; mov edx, [eax+edx]; mov dl, [eax+edx]
# mov esi, first; mov ecx, size; next: xor [esi], dl; inc esi; loop next
LIBRARY = (b"\x8b\x04\x24\x25\0\0\xff\xff\x66\x81\x38MZ\x74\x07\x2d\0\0\x01\0\xeb\xf2"
           b"\x8b\x50\x3c\x8b\x54\x10\x78\x8b\x54\x10\x20\x8b\x14\x10\x8a\x14\x10"
           b"\xbe" + struct.pack("<I", BASE + FIRST) + b"\xb9" + struct.pack("<I", SIZE) + b"\x30\x16\x46\xe2\xfb")


if __name__ == "__main__":
    folder = GOLDEN / "packed"
    folder.mkdir(exist_ok=True)
    small = (DOS + pe_head([(b".text", 0x10, FIRST, 0x10, 0x180, 0x60000020)], FIRST, FIRST, {}, 0x2000)).ljust(0x180, b"\0") + b"\xc3" * 16
    hidden = b"\x31\xc0\xc3" + b" an inert text that was hidden " * 8
    hidden = exclusive_or((hidden.ljust(0x200, b"\0") + small).ljust(SIZE, b"\0"), 0x5a)
    plain = stub(0x5a, JUMP)
    (folder / "jump.exe").write_bytes(program(plain, hidden))
    (folder / "exception.exe").write_bytes(program(stub(0x5a, by_exception(len(stub(0x5a, b"")))), hidden))
    (folder / "not-writable.exe").write_bytes(program(plain, hidden, writable=False))
    by_c = exclusive_or(exclusive_or(hidden, 0x5a), ord("C"))
    (folder / "library.exe").write_bytes(program(LIBRARY + JUMP, by_c))
    # An instruction that is not emulated. (An endless loop would make the tests slow.)
    (folder / "no-instruction.exe").write_bytes(program(stub(0x5a, b"\xd9\xf9\xff\xff"), hidden))
