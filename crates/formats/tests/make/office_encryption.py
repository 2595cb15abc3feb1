#!/usr/bin/env python3
"""Makes the encrypted documents of tests/golden/ole2. Packages with msoffcrypto-tool (agile); packages (standard), workbooks
and documents with XOR, RC4 and RC4 of CryptoAPI by hand, and msoffcrypto-tool opens those but with XOR. Needs
msoffcrypto-tool and pycryptodome of PyPI.

    python3 crates/formats/tests/make/office_encryption.py
"""

import hashlib
import io
import os
import random
import struct
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../golden/ole2")


def package():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("[Content_Types].xml"), "<Types/>")
        archive.writestr(zipfile.ZipInfo("word/document.xml"), "<w:t>harmless text</w:t>" * 20)
        archive.writestr(zipfile.ZipInfo("word/noise.bin"), random.Random(1).randbytes(5000))
    return out.getvalue()


def agile(name, password):
    from msoffcrypto.format.ooxml import OOXMLFile

    plain = os.path.join(tempfile.mkdtemp(), "plain.docx")
    with open(plain, "wb") as file:
        file.write(package())
    with open(plain, "rb") as file, open(os.path.join(OUT, name), "wb") as out:
        document = OOXMLFile.__new__(OOXMLFile)
        document.file = file
        document.format = "ooxml"
        document.type = "plain"
        document.encrypt(password, out)


def standard(password, bits):
    """[MS-OFFCRYPTO] 2.3.4.5 to 2.3.4.9: AES, each block for itself."""
    from Crypto.Cipher import AES

    digest = hashlib.sha1(SALT + password.encode("utf-16-le")).digest()
    for number in range(50000):
        digest = hashlib.sha1(struct.pack("<I", number) + digest).digest()
    digest = hashlib.sha1(digest + bytes(4)).digest()
    halves = (hashlib.sha1(bytes(own ^ fill for own, fill in zip(digest.ljust(64, b"\0"), [value] * 64))).digest()
              for value in (0x36, 0x5c))
    cipher = AES.new(b"".join(halves)[:bits // 8], AES.MODE_ECB)
    provider = "Microsoft Enhanced RSA and AES Cryptographic Provider\0".encode("utf-16-le")
    algorithm = {128: 0x660e, 256: 0x6610}[bits]
    header = struct.pack("<IIIIIIII", 0x24, 0, algorithm, 0x8004, bits, 0x18, 0, 0) + provider
    info = (struct.pack("<HHII", 4, 2, 0x24, len(header)) + header + struct.pack("<I", 16) + SALT
            + cipher.encrypt(VERIFIER) + struct.pack("<I", 20)
            + cipher.encrypt(hashlib.sha1(VERIFIER).digest().ljust(32, b"\0")))
    plain = package()
    hidden = cipher.encrypt(plain.ljust((len(plain) + 15) // 16 * 16, b"\0"))
    return [("EncryptionInfo", info), ("EncryptedPackage", struct.pack("<Q", len(plain)) + hidden)]


# XOR: [MS-OFFCRYPTO] 2.3.7, method 1.
PADDING = bytes.fromhex("bbffffbaffffb98000be0f00bf0f00")


def verifier(password):
    value = 0
    for byte in reversed(bytes([len(password)]) + password):
        value = ((value >> 14) & 1 | (value << 1) & 0x7fff) ^ byte
    return value ^ 0xce4b


def xor_array(password, key):
    filled = (password + PADDING)[:16]
    array = [byte ^ key.to_bytes(2, "little")[place % 2] for place, byte in enumerate(filled)]
    return bytes((byte >> 1 | byte << 7) & 0xff for byte in array)


def rc4(key, data):
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


SALT, VERIFIER = bytes(range(16)), bytes(range(100, 116))


def old_key(password, block):
    """[MS-OFFCRYPTO] 2.3.6.2."""
    first = hashlib.md5(password.encode("utf-16-le")).digest()[:5]
    base = hashlib.md5((first + SALT) * 16).digest()[:5]
    return hashlib.md5(base + struct.pack("<I", block)).digest()


def new_key(password, block):
    """[MS-OFFCRYPTO] 2.3.5.2, with 128 bits."""
    base = hashlib.sha1(SALT + password.encode("utf-16-le")).digest()
    return hashlib.sha1(base + struct.pack("<I", block)).digest()[:16]


def blocks(key, password, data, size):
    parts = range(0, len(data), size)
    return b"".join(rc4(key(password, at // size), data[at:at + size]) for at in parts)


def old_header(password):
    hidden = rc4(old_key(password, 0), VERIFIER + hashlib.md5(VERIFIER).digest())
    return struct.pack("<HH", 1, 1) + SALT + hidden


def new_header(password):
    hidden = rc4(new_key(password, 0), VERIFIER + hashlib.sha1(VERIFIER).digest())
    provider = "Microsoft Enhanced Cryptographic Provider v1.0\0".encode("utf-16-le")
    header = struct.pack("<IIIIIIII", 4, 0, 0x6801, 0x8004, 128, 1, 0, 0) + provider
    return (struct.pack("<HHII", 2, 2, 4, len(header)) + header + struct.pack("<I", 16) + SALT + hidden[:16]
            + struct.pack("<I", 20) + hidden[16:])


def rc4_workbook(key, header, password):
    """Records of a workbook with a text, of which all but the heads are encrypted."""
    plain, hidden = bytearray(), bytearray()

    def record(kind, content, encrypted=True):
        head = struct.pack("<HH", kind, len(content))
        plain.extend(head + content)
        hidden.extend(b"\1" * 4 + (b"\0" if encrypted else b"\1") * len(content))

    record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6), False)
    record(0x2f, struct.pack("<H", 1) + header(password), False)
    record(0x42, struct.pack("<H", 1200))
    for _ in range(12):
        record(0xfc, b"harmless text in a workbook " * 8)
    record(0x0a, b"")
    stream = blocks(key, password, bytes(plain), 1024)
    return bytes(own if keep else other for own, other, keep in zip(plain, stream, hidden))


def word(key, header, password):
    """A main stream and its table."""
    info = header(password)
    head = struct.pack("<HHHHHHHI", 0xa5ec, 0xc1, 0, 0x409, 0, 0x1300, 0xbf, len(info))
    main = head.ljust(68, b"\0") + b"harmless text of a document " * 60
    stream = main[:68] + blocks(key, password, main, 512)[68:]
    table = info + blocks(key, password, bytes(len(info)) + b"harmless table " * 30, 512)[len(info):]
    return [("WordDocument", stream), ("1Table", table)]


def workbook(password):
    """Records of a workbook with a text, XOR-ed."""
    key = 0x1234
    array = xor_array(password, key)
    out = bytearray()

    def record(kind, content, encrypted=True):
        out.extend(struct.pack("<HH", kind, len(content)))
        if encrypted:
            first = (len(out) + len(content)) % 16
            rolled = [(byte << 5 | byte >> 3) & 0xff for byte in content]
            content = bytes(byte ^ array[(first + place) % 16] for place, byte in enumerate(rolled))
        out.extend(content)

    record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6), False)
    record(0x2f, struct.pack("<HHH", 0, key, verifier(password)), False)
    record(0x42, struct.pack("<H", 1200))
    record(0xfc, b"harmless text in a workbook " * 8)
    record(0x0a, b"")
    return bytes(out)


def compound(streams):
    """A compound file of version 3 whose streams have at least 4096 bytes."""
    sectors, chains = [], []

    def put(data):
        start = len(chains)
        for at in range(0, len(data), 512):
            sectors.append(data[at:at + 512].ljust(512, b"\0"))
            chains.append(len(chains) + 1)
        chains[-1] = 0xfffffffe
        return start

    entries = []
    placed = [(name, put(data.ljust(4096, b"\0")), max(len(data), 4096)) for name, data in streams]

    def entry(name, kind, left, right, child, start, size):
        raw = name.encode("utf-16-le")
        return (raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw) + 2, kind, 1, left, right, child)
                + bytes(36) + struct.pack("<IQ", start, size))

    none = 0xffffffff
    entries.append(entry("Root Entry", 5, none, none, 1, 0xfffffffe, 0))
    for number, (name, start, size) in enumerate(placed, 1):
        entries.append(entry(name, 2, none, number + 1 if number < len(placed) else none, none, start, size))
    while len(entries) % 4:
        entries.append(bytes(64) + struct.pack("<HBBIII", 0, 0, 0, none, none, none) + bytes(48))
    directory = put(b"".join(entries))
    table = len(sectors)
    chains.append(0xfffffffd)
    sectors.append(b"".join(struct.pack("<I", chain) for chain in chains).ljust(512, b"\xff"))
    header = (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
              + struct.pack("<HHHHH6xIIIIIIIII", 0x3e, 3, 0xfffe, 9, 6, 0, 1, directory, 0, 4096,
                            0xfffffffe, 0, 0xfffffffe, 0))
    header += struct.pack("<I", table)
    return header.ljust(512, b"\xff") + b"".join(sectors)


def main():
    os.makedirs(OUT, exist_ok=True)
    agile("agile-velvet.docx", "VelvetSweatshop")
    agile("agile-infected.docx", "infected")
    agile("agile-unknown.docx", "nobody knows")
    for name, password in [("xor-velvet.xls", b"VelvetSweatshop"), ("xor-infected.xls", b"infected")]:
        with open(os.path.join(OUT, name), "wb") as out:
            out.write(compound([("Workbook", workbook(password))]))
    made = {
        "rc4-velvet.xls": [("Workbook", rc4_workbook(old_key, old_header, "VelvetSweatshop"))],
        "rc4-infected.doc": word(old_key, old_header, "infected"),
        "cryptoapi-velvet.xls": [("Workbook", rc4_workbook(new_key, new_header, "VelvetSweatshop"))],
        "cryptoapi-infected.doc": word(new_key, new_header, "infected"),
        "standard-infected.docx": standard("infected", 128),
        "standard-256-velvet.docx": standard("VelvetSweatshop", 256),
        "standard-unknown.docx": standard("nobody knows", 128),
    }
    for name, streams in made.items():
        with open(os.path.join(OUT, name), "wb") as out:
            out.write(compound(streams))
    data = open(os.path.join(OUT, "agile-velvet.docx"), "rb").read()
    with open(os.path.join(OUT, "agile-cut.docx"), "wb") as out:
        out.write(data[:len(data) * 2 // 3])


if __name__ == "__main__":
    main()
