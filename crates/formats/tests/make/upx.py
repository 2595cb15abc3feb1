#!/usr/bin/env python3
"""Writes the packed programs into tests/golden/upx and the Mach-O files into tests/golden/macho:
python3 crates/formats/tests/make/upx.py

upx itself is not at hand, so the packed files are put together here, with an encoder for each of the codes of its own.
The programs are inert: their code is a few calls and a return.
"""
import lzma, pathlib, struct, zlib

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


class Bits:
    """Bits in words of `size` bytes, bytes between them."""

    def __init__(self, size):
        self.out, self.size, self.left, self.at = bytearray(), size, 0, 0

    def bit(self, bit):
        if self.left == 0:
            self.at, self.left = len(self.out), self.size * 8
            self.out += bytes(self.size)
        self.left -= 1
        if bit:
            word = int.from_bytes(self.out[self.at:self.at + self.size], "little") | 1 << self.left
            self.out[self.at:self.at + self.size] = word.to_bytes(self.size, "little")

    def bits(self, number, count):
        for place in reversed(range(count)):
            self.bit(number >> place & 1)

    def number_b(self, number):
        """An offset of NRV2B, or a length: a bit and a mark after each bit."""
        for place in reversed(range(number.bit_length() - 1)):
            self.bit(number >> place & 1)
            self.bit(place == 0)

    def number_d(self, number):
        """An offset of NRV2D and NRV2E."""
        digits, first = [], True
        while True:
            # Undo the last step: number = 2 * before + bit, where before is as the reader has it then.
            bit, before = number & 1, number >> 1
            if before == 1:
                digits.append([bit, 1] if first else [bit, 0])
                break
            # The reader did before = 2 * (last - 1) + low.
            low, last = before & 1, (before >> 1) + 1
            digits.append([low, bit, 1] if first else [low, bit, 0])
            number, first = last, False
        for group in reversed(digits):
            for bit in group:
                self.bit(bit)


def nrv(data, code, word):
    """Packs with greedy matches."""
    bits, at, last = Bits(word), 0, 1
    seen = {}
    far = 0xd00 if code == "b" else 0x500
    while at < len(data):
        key, best, offset = data[at:at + 3], 0, 0
        for place in reversed(seen.get(key, [])[-64:]):
            length = 0
            while at + length < len(data) and length < 2000 and data[place + length] == data[at + length]:
                length += 1
            if length > best:
                best, offset = length, at - place
        if best < 4:
            bits.bit(1)
            bits.out.append(data[at])
            seen.setdefault(key, []).append(at)
            at += 1
            continue
        bits.bit(0)
        coded = best - 1 - (offset > far)
        if code == "b":
            if offset == last:
                bits.number_b(2)
            else:
                bits.number_b((offset - 1 >> 8) + 3)
                bits.out.append(offset - 1 & 255)
            if coded < 4:
                bits.bits(coded, 2)
            else:
                bits.bits(0, 2)
                bits.number_b(coded - 2)
        else:
            short = 1 if (code == "d" and coded in (2, 3)) or (code == "e" and coded in (1, 2)) else 0
            if offset == last:
                bits.number_d(2)
                bits.bit(short)
            else:
                raw = (offset - 1 << 1) | (1 - short)
                bits.number_d((raw >> 8) + 3)
                bits.out.append(raw & 255)
            if code == "d":
                if coded < 4:
                    bits.bit(coded & 1)
                else:
                    bits.bit(0)
                    bits.number_b(coded - 2)
            elif short:
                bits.bit(coded - 1)
            elif coded in (3, 4):
                bits.bit(1)
                bits.bit(coded - 3)
            else:
                bits.bit(0)
                bits.number_b(coded - 3)
        last = offset
        for place in range(at, at + best):
            seen.setdefault(data[place:place + 3], []).append(place)
        at += best
    bits.bit(0)
    (bits.number_b if code == "b" else bits.number_d)((0xffffffff >> 8) + 3)
    bits.out.append(255)
    return bytes(bits.out)


def packed_lzma(data):
    filters = [{"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": 1 << 16}]
    return bytes([3 << 3 | 2, 3]) + lzma.compress(data, lzma.FORMAT_RAW, filters=filters)


def packed_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


PACK = {
    2: lambda data: nrv(data, "b", 4), 3: lambda data: nrv(data, "b", 1), 4: lambda data: nrv(data, "b", 2),
    5: lambda data: nrv(data, "d", 4), 8: lambda data: nrv(data, "e", 4), 9: lambda data: nrv(data, "e", 1),
    14: packed_lzma, 15: packed_deflate,
}


def filter26(code, mark, origin):
    """Calls and jumps say where to, with a mark."""
    code, at = bytearray(code), 0
    while at + 5 <= len(code):
        if code[at] in (0xe8, 0xe9):
            to = (struct.unpack_from("<I", code, at + 1)[0] + at + 1 + origin) & 0xffffffff
            if to < 1 << 24:
                struct.pack_into(">I", code, at + 1, to | mark << 24)
                at += 4
        at += 1
    return bytes(code)


def code(size):
    """Calls to one function from many places."""
    out = b""
    while len(out) < size:
        out += b"\x90" * (len(out) % 7) + b"\xe8" + struct.pack("<i", 0x400 - len(out) - 5) + b"\x31\xc0"
    return out[:size - 1] + b"\xc3"


# A program for Windows.

def pe_head(sections, entry, base, directories, size):
    head = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14c, len(sections), 0, 0, 0, 224, 0x102)
    head += struct.pack("<HBBIIIIII", 0x10b, 8, 0, 0x800, 0, 0, entry, base, 0x2000)
    head += struct.pack("<IIIHHHHHHIIIIHHIIIIII", 0x400000, 0x1000, 0x200, 4, 0, 0, 0, 4, 0, 0, size, 0x400, 0, 2, 0,
                        0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    for number in range(16):
        head += struct.pack("<II", *directories.get(number, (0, 0)))
    for name, memory, address, raw, offset, flags in sections:
        head += struct.pack("<8sIIIIIIHHI", name, memory, address, raw, offset, 0, 0, 0, 0, flags)
    return head


DOS = b"MZ" + bytes(58) + struct.pack("<I", 64)


def pe_upx(method, filter=0x26, header=True, tail=b""):
    text = code(0x800)
    data = bytearray(b"inert program, packed as upx does it. " * 10).ljust(0x400, b"\0")
    # Imports: one library, one function by name and one by number; the table has the addresses, the names follow it.
    imports, names, addresses = 0x2200, 0x2280, 0x2300
    original = [(b".text", 0x800, 0x1000, 0x800, 0x400, 0x60000020), (b".data", 0x400, 0x2000, 0x400, 0xc00, 0xc0000040)]
    head = pe_head(original, 0x1000, 0x1000, {1: (imports, 40)}, 0x3000)
    rows, head = head[248:], head[:248]
    filtered = filter26(text, 0x5a, 0) if filter else text
    image = bytearray(filtered.ljust(0x1000, b"\0") + bytes(data))
    list_at = len(image)
    # Where the library's name is from the packed file's imports on, and its table.
    image += struct.pack("<II", 0x40, addresses - 0x1000) + b"\x01ExitProcess\0" + b"\xff" + struct.pack("<H", 7) + b"\0"
    image += struct.pack("<I", 0)
    extra = len(image)
    image += head + rows + struct.pack("<II", list_at, names)
    image += struct.pack("<I", extra)
    packed = PACK[method](bytes(image))
    file_head = bytearray(DOS + pe_head([
        (b"UPX0", 0x3000, 0x1000, 0, 0x400, 0xe0000080),
        (b"UPX1", 0x2000, 0x4000, len(packed) + 511 & ~511, 0x400, 0xe0000040),
        (b"UPX2", 0x1000, 0x6000, 0x200, 0x400 + (len(packed) + 511 & ~511), 0xc0000040),
    ], 0x4100, 0x4000, {1: (0x6000, 0x40)}, 0x7000)).ljust(0x400, b"\0")
    if header:
        file_head[0x3e0:0x400] = b"UPX!" + struct.pack("<BBBBIIIIIBBBB", 13, 9, method, 9, 0, 0, len(image), len(packed),
                                                       0, filter, 0x5a if filter else 0, 0, 0)
    stub = bytes(0x40) + b"KERNEL32.dll\0"
    return bytes(file_head) + packed.ljust(len(packed) + 511 & ~511, b"\0") + stub.ljust(0x200, b"\0") + tail


# A program for Linux, of two pieces with a gap between them and a table of sections behind.

def elf_upx(method, machine=62, wide=True, magic=b"UPX!", sizes=True, filter=0):
    ehdr, phdr = (64, 56) if wide else (52, 32)
    head = ehdr + 2 * phdr

    def headers(pieces, entry):
        ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
        word = "Q" if wide else "I"
        out = ident + struct.pack("<HHI3" + word + "I6H", 2, machine, 1, entry, ehdr, 0, 0, ehdr, phdr, len(pieces), 0, 0, 0)
        for offset, size, flags in pieces:
            address = 0x400000 + offset
            if wide:
                out += struct.pack("<IIQQQQQQ", 1, flags, offset, address, address, size, size, 0x1000)
            else:
                out += struct.pack("<IIIIIIII", 1, offset, address, address, size, size, flags, 0x1000)
        return out

    text = code(0x500)
    data = (b"inert data of a packed program " * 20)[:0x200]
    original = bytearray(headers([(0, 0x700, 5), (0x1000, 0x200, 6)], 0x400200))
    original += bytes(0x200 - len(original)) + text
    original += bytes(0x1000 - len(original)) + data + b"sections would be here" * 3

    def block(piece, filter=0):
        data = filter26(piece, 0x5a, 0) if filter else piece
        packed = PACK[method](bytes(data))
        if len(packed) >= len(data):
            return struct.pack("<IIBBBB", len(data), len(data), 0, 0, 0, 0) + bytes(piece)
        return struct.pack("<IIBBBB", len(data), len(packed), method, filter, 0x5a if filter else 0, 0) + packed

    body = block(original[:head]) + block(original[head:0x700], filter) + block(original[0x1000:0x1200])
    stub = b"\xc3 the code that unpacks it ".ljust(64, b"\x90")
    rest = block(original[0x700:0x1000]) + block(original[0x1200:]) + struct.pack("<II", 0, 0x21585055)
    info = struct.pack("<I4sHBB", 0, magic, 64, 13, 22) + struct.pack("<III", 0, len(original) if sizes else 0, len(original))
    size = head + 24 + len(body) + len(stub)
    out = headers([(0, size, 5), (0, 0, 6)], 0x400000 + size - 64) + info + body + stub + rest
    out += b"UPX!" + bytes(28) + struct.pack("<I", head) if magic == b"UPX!" else b""
    return out, bytes(original)


# Mach-O.

def macho(wide=True, big=False, body=b"", segments=1, entry=True, commands_beyond=0):
    order = ">" if big else "<"
    word = "Q" if wide else "I"
    magic = 0xfeedfacf if wide else 0xfeedface
    cpu = (0x01000007 if not big else 0x01000012) if wide else (7 if not big else 18)
    size = 0x200 + len(body)
    sections = struct.pack(order + "16s16s2" + word + "7I" + ("I" if wide else ""), b"__text", b"__TEXT", 0x1200,
                           len(body), 0x200, 2, 0, 0, 0, 0, 0, *([0] if wide else []))
    segment = struct.pack(order + "16s4" + word + "4I", b"__TEXT", 0x1000, 0x1000, 0, size, 7, 5, 1, 0) + sections
    commands = [struct.pack(order + "II", 0x19 if wide else 1, len(segment) + 8) + segment] * segments
    if entry:
        commands.append(struct.pack(order + "IIQQ", 0x80000028, 24, 0x200, 0))
    joined = b"".join(commands)
    head = struct.pack(order + "7I", magic, cpu, 3, 2, len(commands) + commands_beyond, len(joined), 0) + (bytes(4) if wide else b"")
    return (head + joined).ljust(0x200, b"\0") + body


def fat(parts, wide=False, claimed=None):
    out, rows, at = b"", b"", 0x1000
    for cpu, part in parts:
        rows += struct.pack(">IIQQII", cpu, 3, at, len(part), 12, 0) if wide else struct.pack(">IIIII", cpu, 3, at, len(part), 12)
        out = out.ljust(at - 0x1000, b"\0") + part
        at = 0x1000 + (len(out) + 255 & ~255)
    head = struct.pack(">II", 0xcafebabf if wide else 0xcafebabe, len(parts) if claimed is None else claimed) + rows
    return head.ljust(0x1000, b"\0") + out


def macho_upx(method):
    original = macho(body=code(0x900))
    head_size = 32 + struct.unpack_from("<I", original, 20)[0]

    def block(piece):
        packed = PACK[method](piece)
        return struct.pack("<IIBBBB", len(piece), len(packed), method, 0, 0, 0) + packed

    info = struct.pack("<I4sHBB", 0, b"UPX!", 64, 13, 34) + struct.pack("<III", 0, len(original), len(original))
    body = info + block(original[:head_size]) + block(original[head_size:])
    packed = bytearray(macho(body=body + b"\xc3" * 32 + b"UPX!" + bytes(28)))
    return bytes(packed)


def write(folder, name, data):
    (GOLDEN / folder).mkdir(exist_ok=True)
    (GOLDEN / folder / name).write_bytes(data)


if __name__ == "__main__":
    for method, name in [(2, "nrv2b"), (5, "nrv2d"), (8, "nrv2e"), (14, "lzma"), (15, "deflate")]:
        write("upx", f"pe32-{name}.exe", pe_upx(method))
        write("upx", f"elf64-{name}.elf", elf_upx(method, filter=0x26)[0])
    write("upx", "pe32-without-header.exe", pe_upx(8, header=False, tail=b"overlay"))
    broken = bytearray(pe_upx(8))
    broken[0x480:0x490] = bytes(16)
    write("upx", "pe32-damaged.exe", bytes(broken))
    write("upx", "elf32-nrv2b-bytes.elf", elf_upx(3, 3, False)[0])
    write("upx", "elf32-arm-words-of-16-bits.elf", elf_upx(4, 40, False)[0])
    packed = elf_upx(8, magic=b"YTS\x99", sizes=False)[0]
    write("upx", "elf64-without-magic.elf", packed.replace(b"UPX!", b"YTS!"))
    write("upx", "elf64-cut.elf", elf_upx(8)[0][:0x300])
    write("upx", "macho64-nrv2e.macho", macho_upx(8))
    thin64, thin32, power = macho(body=b"\xc3" * 64), macho(wide=False, body=b"\xc3" * 32), macho(wide=False, big=True, body=b"\x4e\x80\0\x20" * 8)
    write("macho", "x86_64.macho", thin64 + b"overlay")
    write("macho", "ppc.macho", power)
    write("macho", "universal.macho", fat([(0x01000007, thin64), (7, thin32)]) + b"overlay")
    write("macho", "universal64.macho", fat([(0x01000007, thin64), (18, power)], wide=True))
    write("macho", "hidden-program.macho", fat([(7, thin32), (0x01000007, thin64)], claimed=1))
    write("macho", "claims-too-many.macho", fat([(7, thin32)], claimed=40))
    write("macho", "cut.macho", thin64[:0x210])
    write("macho", "commands-end-early.macho", macho(body=b"\xc3" * 8, commands_beyond=3))
    itself = struct.pack(">IIIIIII", 0xcafebabe, 1, 7, 3, 0, 4096, 0)
    write("macho", "refers-to-itself.macho", itself)
