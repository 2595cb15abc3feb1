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
    # An instruction that is not emulated. (An endless loop would make the tests slow.)
    (folder / "no-instruction.exe").write_bytes(program(stub(0x5a, b"\xd9\xf9\xff\xff"), hidden))
