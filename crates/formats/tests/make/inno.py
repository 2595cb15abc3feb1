"""Makes the samples of inno, from the structures in Shared.Struct.pas. No compiler of Inno Setup made any of them."""

import bz2, hashlib, lzma, pathlib, struct, zlib

OUT = pathlib.Path(__file__).parent.parent / "golden" / "inno"
TEXT = b"This text stands for a file of an installer.\r\n" * 8
OTHER = bytes(i * 7 % 251 for i in range(3000))
CODE = b"\x90" * 20 + b"\xe8\x10\x00\x00\x00" + b"\x90" * 20 + b"\xe9\xf0\xff\xff\xff" + b"\x90" * 20


def raw(data, kind):
    return lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": kind, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}])


def lzma1(data):
    return b"\x5d" + struct.pack("<I", 1 << 16) + raw(data, lzma.FILTER_LZMA1)


def lzma2(data):
    return b"\x08" + raw(data, lzma.FILTER_LZMA2)


def block(data, version, packed=True):
    data = lzma1(data) if packed else data
    pieces = b"".join(struct.pack("<I", zlib.crc32(data[i:i + 4096])) + data[i:i + 4096] for i in range(0, len(data), 4096))
    head = struct.pack("<QB" if version >= (6, 7, 0) else "<IB", len(pieces), packed)
    return struct.pack("<I", zlib.crc32(head)) + head + pieces


def text(value, unicode):
    data = value.encode("utf-16-le" if unicode else "latin-1")
    return struct.pack("<I", len(data)) + data


def entry(name, place, version, unicode):
    out = text("", unicode) + text(name, unicode)
    out += text("", unicode) * (8 if version >= (5, 2, 5) else 7)
    if version >= (6, 5, 0):
        out += text("", unicode) * 6 + bytes(33)
    return out + bytes(20) + struct.pack("<IIQh", place, 32, 0, -1) + bytes(5)


def encode_calls(data):
    data, i = bytearray(data), 0
    while i + 5 < len(data):
        if data[i] not in (0xe8, 0xe9):
            i += 1
            continue
        if data[i + 4] in (0, 255):
            relative = int.from_bytes(data[i + 1:i + 4], "little")
            if relative & 0x800000:
                data[i + 4] ^= 255
            data[i + 1:i + 4] = ((relative + i + 5) & 0xffffff).to_bytes(3, "little")
        i += 5
    return bytes(data)


def digest(data, version):
    return hashlib.new("sha256" if version >= (6, 4, 0) else "sha1" if version >= (5, 3, 9) else "md5", data).digest()


def location(chunk, packed, offset, data, version, calls=False, compressed=True, encrypted=False, slice=0):
    out = struct.pack("<II", slice, slice) + struct.pack("<Q" if version >= (6, 5, 2) else "<I", chunk)
    out += struct.pack("<QQQ", offset, len(data), packed) + digest(data, version) + bytes(16)
    if version >= (6, 4, 3):
        return out + bytes([calls * 4 | encrypted * 8 | compressed * 16])
    out += bytes([calls * 16 | encrypted * 64 | compressed * 128])
    out += b"\0" if version >= (5, 1, 13) else b""
    return out + (b"\0" if version >= (6, 3, 0) else b"")


def installer(name, version, pack, unicode=True, front=b"", **options):
    """A chunk with three files, and one stored chunk with one."""
    files = [("{app}\\read me.txt", TEXT, False), ("{app}\\bin\\numbers.dat", OTHER, False), ("{tmp}\\code.bin", CODE, True)]
    plain = b"".join(encode_calls(data) if calls else data for _, data, calls in files)
    packed = pack(plain)
    data = front + b"zlb\x1a" + packed
    offset, places = 0, b""
    for _, content, calls in files:
        places += location(len(front), len(packed), offset, content, version, calls, **options)
        offset += len(content)
    places += location(len(data), len(TEXT), 0, TEXT, version, compressed=False)
    data += b"zlb\x1a" + TEXT
    script = b"\x01\x02{\0" + b"".join(entry(n, i, version, unicode) for i, (n, _, _) in enumerate(files))
    script += entry("{sys}\\stored.txt", 3, version, unicode) + b"end of the script"
    label = "Inno Setup Setup Data (%d.%d.%d)" % version + (" (u)" if unicode and version < (6, 3, 0) else "")
    header = label.encode().ljust(64, b"\0")
    if version >= (6, 5, 0):
        header += struct.pack("<I", 1) + bytes(49)
    header += block(script, version) + block(places, version)
    (OUT / name).write_bytes(data + header)
    return data, header


OUT.mkdir(exist_ok=True)
data, header = installer("lzma-5.5.7.bin", (5, 5, 7), lzma1)
(OUT / "header-first.bin").write_bytes(header + data)
(OUT / "no-header.bin").write_bytes(data)
(OUT / "cut.bin").write_bytes((header + data)[:-len(TEXT) - 400])
damaged = bytearray(header + data)
damaged[len(header) + 160] ^= 0x55
(OUT / "damaged.bin").write_bytes(damaged)
damaged = bytearray(header + data)
damaged[64 + 9 + 40] ^= 0x55
(OUT / "damaged-header.bin").write_bytes(damaged)
installer("lzma2-6.4.2.bin", (6, 4, 2), lzma2)
installer("lzma2-6.7.0.bin", (6, 7, 0), lzma2)
installer("zlib-5.1.0.bin", (5, 1, 0), zlib.compress, unicode=False)
installer("bzip2-6.0.0.bin", (6, 0, 0), bz2.compress)
installer("encrypted.bin", (6, 1, 0), lzma2, encrypted=True)
installer("other-slice.bin", (6, 1, 0), lzma2, slice=1)
data, header = installer("unknown-version.bin", (9, 1, 0), lzma2)
(OUT / "slice.bin").write_bytes(b"idska32\x1a" + struct.pack("<I", len(data) + 12) + data)
