"""Makes the samples of installshield, sis, lzop, arc, zoo, makeself, shar, and of zip's old methods.

Tools of Debian: arc, lzop, makeself, shar (sharutils). All the others are written here from the formats' documents.
"""

import pathlib, shutil, struct, subprocess, tempfile, zlib

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
TEXT = b"This text stands for a file. It repeats itself: a file, a file, a file.\r\n" * 12
NUMBERS = bytes(i * i // 7 % 256 for i in range(5000))


def write(folder, name, data):
    (GOLDEN / folder).mkdir(exist_ok=True)
    (GOLDEN / folder / name).write_bytes(data)


def deflate(data):
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    return pack.compress(data) + pack.flush()


def damage(data, at):
    return data[:at] + bytes([data[at] ^ 0xa5]) + data[at + 1:]


# Cabinets: pieces of 32 KiB, behind their sizes.
def pieces(data):
    out = b""
    for i in range(0, len(data), 0x8000):
        piece = deflate(data[i:i + 0x8000])
        out += struct.pack("<H", len(piece)) + piece
    return out


def cabinet(*files, behind=b""):
    return (b"ISc(" + struct.pack("<IIII", 0x01000095, 0, 0x200, 0)).ljust(0x200, b"\0") + b"".join(map(pieces, files)) + behind


good = cabinet(TEXT, NUMBERS * 20, TEXT[:40])
write("installshield-cab", "three.cab", good)
write("installshield-cab", "cut.cab", good[:-30])
write("installshield-cab", "damaged.cab", damage(good, 0x240))
write("installshield-cab", "unpacked.cab", cabinet(TEXT, behind=TEXT[:300]))
write("installshield-cab", "data1.hdr", (b"ISc(" + struct.pack("<IIII", 0x01000095, 0, 0x200, 64)).ljust(0x200, b"\0") + bytes(64))


def records(*files):
    return b"".join(n + b"\0Disk1\\" + n + b"\x000.0.0.0\0%d\0" % len(d) + d for n, d in files)


good = records((b"data1.cab", cabinet(TEXT)), (b"setup.ini", TEXT))
write("installshield", "records.bin", good)
write("installshield", "cut.bin", good[:-20])
wide = b"".join(t.encode("utf-16-le") for t in ("setup.ini\0", "Disk1\\setup.ini\0", "\0", f"{len(TEXT)}\0"))
write("installshield", "wide.bin", struct.pack("<I", 1) + wide + TEXT)


def encode(data, name, restarts=True):
    key = [c ^ b"\x13\x35\x86\x07"[i % 4] for i, c in enumerate(name)]
    out = bytearray()
    for i, byte in enumerate(data):
        byte = ~byte & 255 ^ key[(i % 1024 if restarts else i) % len(key)]
        out.append((byte << 4 | byte >> 4) & 255)
    return bytes(out)


def setup(*files, new=False):
    out = (b"ISSetupStream\0" if new else b"InstallShield\0") + struct.pack("<H", len(files)) + bytes(30)
    for name, flags, data in files:
        body = encode(zlib.compress(data, 9), name, flags & 4) if flags else data
        if new:
            wide = name.decode().encode("utf-16-le")
            out += struct.pack("<IIHI", len(wide), flags, 0, len(body)) + bytes(8) + struct.pack("<H", 1) + wide + body
        else:
            out += name.ljust(260, b"\0") + struct.pack("<IIIQH", flags, 0, len(body), 0, 1).ljust(52, b"\0") + body
    return out


files = ((b"setup.ini", 6, TEXT), (b"numbers.dat", 6, NUMBERS), (b"continuous.dat", 2, NUMBERS), (b"plain.txt", 0, TEXT))
good = setup(*files)
write("installshield-msi", "old.bin", good)
write("installshield-msi", "debug-data-before.bin", b"NB10\0\0\0\0abcdefgh" + good + b"behind it")
write("installshield-msi", "new.bin", setup(*files, new=True))
write("installshield-msi", "cut.bin", good[:600])
write("installshield-msi", "damaged.bin", damage(good, 46 + 312 + 20))


# Packages of EPOC: the tables, then the files.
def sis(packed=True, bad_kind=False):
    names = [n.encode("utf-16-le") for n in ("C:\\one.txt", "C:\\two.dat")]
    bodies = [zlib.compress(d, 9) if packed else d for d in (TEXT, NUMBERS)]
    at = 100 + 44 * 2
    places = []
    for item in names + bodies:
        places.append(at)
        at += len(item)
    head = struct.pack("<IIII", 0x10000001, 0x10003a12, 0x10000419, 0x12345678)
    head += struct.pack("<8H", 0, 1, 2, 0, 0, 0, 33, 0) + struct.pack("<IHHHHI", 200, 0 if packed else 8, 0, 1, 0, 0)
    head = (head + struct.pack("<II", 96, 100)).ljust(100, b"\0")
    for i, data in enumerate((TEXT, NUMBERS)):
        head += struct.pack("<11I", 9 if bad_kind and i else 0, 0, 0, 0, 0, len(names[i]), places[i], len(bodies[i]), places[2 + i], len(data), 0)[:44]
    # The last number of a record is the type's place, which is 0.
    return head, names, bodies


def old_sis(**options):
    head, names, bodies = sis(**options)
    return head, b"".join(names + bodies)


def field(kind, body):
    out = struct.pack("<II", kind, len(body)) + body
    return out + bytes(-len(out) % 4)


def compressed(data, method=1):
    return struct.pack("<IQ", method, len(data)) + (zlib.compress(data, 9) if method == 1 else data)


def element(body):
    out = struct.pack("<I", len(body)) + body
    return out + bytes(-len(out) % 4)


def sisx(method=1):
    data = [field(3, compressed(TEXT)), field(3, compressed(NUMBERS, method))]
    units = struct.pack("<I", 31) + element(field(2, struct.pack("<I", 32) + b"".join(map(element, data))))
    contents = field(34, b"\1\2") + field(3, compressed(b"controller " * 9)) + field(30, field(2, units))
    return struct.pack("<IIII", 0x10201a7a, 0, 0xa000017f, 0x1234) + field(12, contents)


write("sis", "new.sis", sisx())
write("sis", "new-stored.sis", sisx(0))
write("sis", "new-method.sis", sisx(7))
write("sis", "new-cut.sis", sisx()[:-60])
write("sis", "new-damaged.sis", damage(sisx(), 0xb0))


# Records of 48 bytes have the place of a type behind them.
def epoc(**options):
    head, rest = old_sis(**options)
    table, shift = b"", 8
    for i in range(2):
        record = list(struct.unpack("<11I", head[100 + 44 * i:144 + 44 * i]))
        record[6] += shift
        record[8] += shift
        table += struct.pack("<11I", *record) + bytes(4)
    return head[:100] + table + rest


write("sis", "old.sis", epoc())
write("sis", "old-stored.sis", epoc(packed=False))
write("sis", "old-kind.sis", epoc(bad_kind=True))
write("sis", "old-cut.sis", epoc()[:250])


class Bits:
    def __init__(self):
        self.bits = []

    def put(self, value, width):
        self.bits += [value >> i & 1 for i in range(width)]

    def data(self):
        bits = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(sum(bit << j for j, bit in enumerate(bits[i:i + 8])) for i in range(0, len(bits), 8))


def member(method, packed, plain, flags=0, name=b"old.txt"):
    crc = zlib.crc32(plain)
    fixed = struct.pack("<HHHHHIIIHH", 20, flags, method, 0, 0, crc, len(packed), len(plain), len(name), 0)
    central = b"PK\1\2" + struct.pack("<H", 20) + fixed + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    local = b"PK\3\4" + fixed + name + packed
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def shrink(data, clear=False):
    bits, table, free, width, now = Bits(), {bytes([i]): i for i in range(256)}, 257, 9, b""
    for i, byte in enumerate(data):
        more = now + bytes([byte])
        if more in table:
            now = more
            continue
        if table[now] >= 1 << width:
            bits.put(256, width)
            bits.put(1, width)
            width += 1
        bits.put(table[now], width)
        if free < 8192:
            table[more] = free
            free += 1
        now = bytes([byte])
        if clear and i > len(data) // 2:
            # All that is no prefix of another goes. What was begun is a byte.
            clear = False
            bits.put(256, width)
            bits.put(2, width)
            # The decoder does not know the last yet.
            del table[more]
            prefixes = {key[:-1] for key in table if len(key) > 1}
            table = {key: code for key, code in table.items() if len(key) == 1 or key in prefixes}
            free = 8192
    bits.put(table[now], width)
    return bits.data()


def reduce(data, factor):
    """Followers for the letters of the text, and matches of what stood 37 bytes back."""
    bits = Bits()
    sets = {c: sorted({b for a, b in zip(data, data[1:]) if a == c})[:32] for c in set(data)}
    for byte in range(255, -1, -1):
        followers = sets.get(byte, [])
        bits.put(len(followers), 6)
        for follower in followers:
            bits.put(follower, 8)
    codes, i, length_mask = [], 0, 0xff >> factor
    while i < len(data):
        length = 0
        while i >= 74 and i + length < len(data) and data[i + length] == data[i + length - 74] and length < length_mask + 200:
            length += 1
        if length >= 4:
            count = length - 3
            codes += [144, min(count, length_mask)] + ([count - length_mask] if count >= length_mask else []) + [73]
            i += length
        else:
            codes += [data[i]] + ([0] if data[i] == 144 else [])
            i += 1
    last = 0
    for code in codes:
        followers = sets.get(last, [])
        if followers and code in followers:
            bits.put(0, 1)
            bits.put(followers.index(code), max(1, (len(followers) - 1).bit_length()))
        else:
            if followers:
                bits.put(1, 1)
            bits.put(code, 8)
        last = code
    return bits.data()


def implode(data, wide, literals):
    """Codes of 6 bits each for distances and lengths, of 8 for literals: inverted, the highest bit first."""
    bits = Bits()

    def tree(count, length):
        runs = [16] * (count // 16)
        bits.put(len(runs) - 1, 8)
        for run in runs:
            bits.put((run - 1) << 4 | length - 1, 8)

    def code(value, width):
        for i in range(width - 1, -1, -1):
            bits.put(~value >> i & 1, 1)

    if literals:
        tree(256, 8)
    tree(64, 6)
    tree(64, 6)
    low, i, least = 7 if wide else 6, 0, 3 if literals else 2
    while i < len(data):
        length = 0
        while i >= 74 and i + length < len(data) and data[i + length] == data[i + length - 74] and length < least + 300:
            length += 1
        if length >= least:
            bits.put(0, 1)
            bits.put(73 & (1 << low) - 1, low)
            code(73 >> low, 6)
            count = length - least
            code(min(count, 63), 6)
            if count >= 63:
                bits.put(count - 63, 8)
            i += length
        else:
            bits.put(1, 1)
            code(data[i], 8) if literals else bits.put(data[i], 8)
            i += 1
    return bits.data()


write("zip", "shrink.zip", member(1, shrink(TEXT + NUMBERS), TEXT + NUMBERS))
write("zip", "shrink-clear.zip", member(1, shrink(TEXT + NUMBERS, True), TEXT + NUMBERS))
for factor in (1, 2, 3, 4):
    write("zip", f"reduce-{factor}.zip", member(factor + 1, reduce(TEXT + b"\x90", factor), TEXT + b"\x90"))
write("zip", "implode.zip", member(6, implode(TEXT, False, False), TEXT))
write("zip", "implode-wide-literals.zip", member(6, implode(TEXT, True, True), TEXT, 6))
write("zip", "implode-damaged.zip", member(6, damage(implode(TEXT, False, True), 4), TEXT, 4))
write("zip", "implode-cut.zip", member(6, implode(TEXT, False, True)[:70], TEXT, 4))


def zoo_lzw(data):
    bits, table, free, width, now = Bits(), {bytes([i]): i for i in range(256)}, 258, 9, b""
    decoder = 257
    bits.put(256, 9)
    for byte in data:
        more = now + bytes([byte])
        if more in table:
            now = more
            continue
        bits.put(table[now], width)
        if free < 8192:
            table[more] = free
            free += 1
        # The decoder adds its codes one step later.
        decoder = min(decoder + 1, 8192)
        if decoder >= 1 << width and width < 13:
            width += 1
        now = bytes([byte])
    bits.put(table[now], width)
    decoder = min(decoder + 1, 8192)
    if decoder >= 1 << width and width < 13:
        width += 1
    bits.put(257, width)
    return bits.data()


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xa001 if crc & 1 else 0)
    return crc


def zoo(*files, loop=False):
    out = b"ZOO 2.10 Archive.\x1a".ljust(20, b"\0") + struct.pack("<IIiBB", 0xfdc4a7dc, 34, -34, 1, 0)
    for name, method, data in files:
        body = zoo_lzw(data) if method == 1 else data
        at, start = len(out), len(out) + 51
        following = 34 if loop else start + len(body)
        entry = struct.pack("<IBBIIHHHIIBBBBIH", 0xfdc4a7dc, 1, method, following, start, 0, 0, crc16(data), len(data), len(body), 1, 0, 0, 0, 0, 0)
        out += entry + name.ljust(13, b"\0") + body
    return out + struct.pack("<IBBII", 0xfdc4a7dc, 1, 0, 0, 0).ljust(51, b"\0")


good = zoo((b"text.txt", 1, TEXT), (b"numbers.dat", 1, NUMBERS * 3), (b"stored.txt", 0, TEXT))
write("zoo", "lzw.zoo", good)
write("zoo", "cut.zoo", good[:300])
write("zoo", "damaged.zoo", damage(good, 120))
write("zoo", "method.zoo", zoo((b"text.txt", 7, TEXT)))
write("zoo", "loop.zoo", zoo((b"text.txt", 0, TEXT), (b"again.txt", 0, TEXT), loop=True))


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    (folder / "files").mkdir()
    (folder / "files" / "text.txt").write_bytes(TEXT.replace(b"\r", b""))
    (folder / "files" / "numbers.dat").write_bytes(NUMBERS)
    run = lambda *command, **options: subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options).stdout
    for name in ("text.txt", "numbers.dat"):
        shutil.copy(folder / "files" / name, folder / name)
    (folder / "runs.txt").write_bytes(b"a" * 700 + b"\x90" + b"b" * 90)
    run("arc", "a", "good.arc", "text.txt", "numbers.dat", "runs.txt")
    run("arc", "aq", "squashed.arc", "text.txt", "numbers.dat")
    good = (folder / "good.arc").read_bytes()
    write("arc", "good.arc", good)
    write("arc", "squashed.arc", (folder / "squashed.arc").read_bytes())
    write("arc", "cut.arc", good[:-150])
    write("arc", "damaged.arc", damage(good, 60))
    for level in (1, 9):
        good = run("lzop", f"-{level}", "-c", "text.txt")
        write("lzop", f"level-{level}.lzo", good)
    good = run("lzop", "-c", "numbers.dat")
    write("lzop", "numbers.lzo", good)
    write("lzop", "two.lzo", good + run("lzop", "-1", "-c", "text.txt") + b"behind it")
    write("lzop", "cut.lzo", good[:200])
    write("lzop", "damaged.lzo", damage(good, 150))
    for kind in ("gzip", "xz", "bzip2"):
        run("makeself", f"--{kind}", "--nox11", "files", f"{kind}.run", "a sample", "./text.txt")
        write("makeself", f"{kind}.run", (folder / f"{kind}.run").read_bytes())
    write("shar", "text.shar", run("shar", "-V", "text.txt"))
    write("shar", "binary.shar", run("shar", "-B", "numbers.dat"))
    write("shar", "old.shar", b"# This is a shell archive\nsed 's/^X//' > 'one.txt' << 'END'\nXfirst\nX second\nEND\ncat > two.txt <<\\EOF\nplain\nEOF\n")
    write("shar", "cut.shar", b"# This is a shell archive\nsed 's/^X//' > 'one.txt' << 'END'\nXfirst\nX second\n")
