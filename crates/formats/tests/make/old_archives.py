"""Makes the samples of rpm, xar, lha, arj, compress, lzip, snappy, szdd, kwaj, crx, binhex, chm, alz and egg.

    apt-get install rpm lhasa arj ncompress lzip mscompress
    python3 crates/formats/tests/make/old_archives.py

What the field's tools can write is written by them (rpmbuild, arj, compress, lzip, mscompress); the rest is put together
here. `lha` of Debian (lhasa) only reads, so the packed members of lha are those that arj wrote: ARJ's methods 1 to 3 are
`-lh6-`.
"""
import binascii, os, pathlib, struct, subprocess, tempfile, zlib, bz2, lzma

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
TEXT = b"".join(b"line %d of a harmless text, which is %d long\n" % (n, n * n % 97) for n in range(60))
OTHER = bytes((n * n * 7 + n) % 251 for n in range(700)) + b"\xe8\x01\x02\x03\x04" * 9


def put(folder, name, data):
    path = GOLDEN / folder
    path.mkdir(exist_ok=True)
    (path / name).write_bytes(data)


def cut_and_broken(folder, stem, ext, data, broken_at):
    put(folder, f"{stem}-truncated.{ext}", data[: len(data) * 2 // 3])
    broken = bytearray(data)
    for place in range(broken_at, broken_at + 6):
        broken[place] ^= 0x5A
    put(folder, f"{stem}-damaged.{ext}", bytes(broken))


def run(*args, cwd=None, stdin=None):
    return subprocess.run(args, cwd=cwd, input=stdin, check=True, capture_output=True).stdout


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def rpm():
    with tempfile.TemporaryDirectory() as folder:
        spec = """Name: sample
Version: 1.0
Release: 1
Summary: s
License: MIT
BuildArch: noarch
%description
d
%prep
%build
%install
mkdir -p %{buildroot}/opt/sample
cat SOURCE > %{buildroot}/opt/sample/text
%post
echo installed for a test
%preun
echo removed after a test
%files
/opt/sample/text
""".replace("SOURCE", folder + "/text")
        open(folder + "/text", "wb").write(TEXT)
        open(folder + "/s.spec", "w").write(spec)
        for kind in ["w9.gzdio", "w9.bzdio", "w6.xzdio", "w6.lzdio", "w3.zstdio", "w.ufdio"]:
            run("rpmbuild", "-bb", "--define", f"_topdir {folder}/top", "--define", f"_binary_payload {kind}",
                "--define", "_build_id_links none", "--define", "_buildhost none", "--define", "source_date_epoch_from_changelog 0",
                folder + "/s.spec")
            made = next(pathlib.Path(folder + "/top/RPMS").rglob("*.rpm"))
            data = made.read_bytes()
            name = {"gz": "gzip", "bz": "bzip2", "xz": "xz", "lz": "lzma", "zs": "zstd", "uf": "none"}[kind.split(".")[1][:2]]
            put("rpm", name + ".rpm", data)
            made.unlink()
            if name == "gzip":
                put("rpm", "truncated-payload.rpm", data[:-60])
                put("rpm", "truncated-header.rpm", data[:900])
                signature = data.index(b"\x8e\xad\xe8\x01")
                broken = bytearray(data)
                broken[signature] = 0
                put("rpm", "no-signature-header.rpm", bytes(broken))
                main = data.index(b"\x8e\xad\xe8\x01", signature + 4)
                broken = bytearray(data)
                broken[main + 8 : main + 12] = b"\x7f\xff\xff\xff"
                put("rpm", "huge-index.rpm", bytes(broken))


def xar(toc, heap, header=28, packed=None):
    packed = zlib.compress(toc) if packed is None else packed
    return b"xar!" + struct.pack(">HHQQI", header, 1, len(packed), len(toc), 0) + packed + heap


def xars():
    parts = [b"\0" * 20, zlib.compress(TEXT), TEXT[:500], bz2.compress(OTHER), lzma.compress(TEXT), b"attribute value"]
    offsets = [sum(map(len, parts[:n])) for n in range(len(parts))]

    def data(n, size, style, tag="data", more=""):
        return (f"<{tag}>{more}<length>{len(parts[n])}</length><offset>{offsets[n]}</offset><size>{size}</size>"
                f"<encoding style='application/{style}'/></{tag}>")

    files = (f"<file id='1'><name>folder &amp; more</name><type>directory</type>"
             f"<file id='2'>{data(1, len(TEXT), 'x-gzip')}<type>file</type><name>gzip.txt</name></file>"
             f"<file id='3'><name>stored.txt</name>{data(2, 500, 'octet-stream')}</file></file>"
             f"<file id='4'><name>bzip2.bin</name>{data(3, len(OTHER), 'x-bzip2')}"
             f"{data(5, 15, 'octet-stream', 'ea', '<name>com.apple.x</name>')}</file>"
             f"<file id='5'><name>xz.txt</name>{data(4, len(TEXT), 'x-xz')}</file>")
    toc = ("<?xml version='1.0'?><xar><toc><checksum style='sha1'><size>20</size><offset>0</offset></checksum>"
           f"{files}</toc></xar>").encode()
    heap = b"".join(parts)
    good = xar(toc, heap)
    put("xar", "methods.xar", good)
    put("xar", "behind.xar", good + TEXT[:200])
    put("xar", "truncated.xar", good[:-300])
    put("xar", "broken-toc.xar", xar(toc[: len(toc) * 2 // 3] + b"<a></b>", heap))
    put("xar", "no-zlib.xar", xar(toc, heap, packed=toc))
    wrong = toc.replace(b"<offset>%d<" % offsets[3], b"<offset>999999999<").replace(b"x-xz", b"x-rot13")
    put("xar", "contradictory.xar", xar(wrong, heap))
    deep = b"<file><name>n</name>" * 400
    put("xar", "deep.xar", xar(b"<xar><toc>" + deep, heap))


def arjs():
    with tempfile.TemporaryDirectory() as folder:
        open(folder + "/text.txt", "wb").write(TEXT)
        open(folder + "/other.bin", "wb").write(OTHER)
        packed = {}
        for method in range(5):
            run("arj", "a", "-y", f"-m{method}", "a.arj", "text.txt", "other.bin", cwd=folder)
            data = open(folder + "/a.arj", "rb").read()
            os.unlink(folder + "/a.arj")
            put("arj", f"method-{method}.arj", data)
            packed[method] = data
        run("arj", "a", "-y", "-gsecret", "a.arj", "text.txt", cwd=folder)
        put("arj", "encrypted.arj", open(folder + "/a.arj", "rb").read())
        good = packed[1]
        cut_and_broken("arj", "method-1", "arj", good, good.index(b"text.txt") + 60)
        put("arj", "junk-behind.arj", good + TEXT[:100])
        second = good.index(b"\x60\xea", good.index(b"text.txt") + 8)
        broken = bytearray(good)
        broken[second + 6] ^= 1
        put("arj", "wrong-header-checksum.arj", bytes(broken))
        # The packed size of the first member reaches beyond the end.
        first = good.index(b"text.txt") - 30 - 4
        first = good.rindex(b"\x60\xea", 0, good.index(b"text.txt"))
        size = struct.unpack_from("<H", good, first + 2)[0]
        basic = bytearray(good[first + 4 : first + 4 + size])
        basic[12:16] = struct.pack("<I", 0x7FFFFFFF)
        head = b"\x60\xea" + struct.pack("<H", size) + bytes(basic) + struct.pack("<I", zlib.crc32(basic))
        put("arj", "huge-size.arj", good[:first] + head + good[first + len(head) :])
        # The packed bytes of the text, for lha.
        start = first + 4 + size + 4 + 2
        length = struct.unpack_from("<I", good, first + 4 + 12)[0]
        return good[start : start + length]


def lha_member(level, method, name, packed, data, crc=None, size=None):
    crc = crc16(data) if crc is None else crc
    size = len(data) if size is None else size
    if level == 0:
        body = method + struct.pack("<IIIBB", len(packed), size, 0, 0x20, 0) + bytes([len(name)]) + name + struct.pack("<H", crc)
        return bytes([len(body), sum(body) & 255]) + body + packed
    if level == 1:
        folder = b"\x02" + b"folder\xff"
        extra = folder + struct.pack("<H", 0)
        body = method + struct.pack("<IIIBB", len(packed) + len(extra), size, 0, 0x20, 1)
        body += bytes([len(name)]) + name + struct.pack("<HBH", crc, ord("U"), len(extra))
        return bytes([len(body), sum(body) & 255]) + body + extra + packed
    if level == 2:
        extra = [b"\x01" + name, b"\x02" + b"deep\xfffolder\xff"]
        sizes = [len(e) + 2 for e in extra] + [0]
        tail = b"".join(e + struct.pack("<H", s) for e, s in zip(extra, sizes[1:]))
        total = 26 + len(tail)
        return (struct.pack("<H", total) + method + struct.pack("<IIIBBHBH", len(packed), size, 0, 0x20, 2, crc, ord("U"), sizes[0])
                + tail + packed)
    extra = [b"\x01" + name]
    sizes = [len(e) + 4 for e in extra] + [0]
    tail = b"".join(e + struct.pack("<I", s) for e, s in zip(extra, sizes[1:]))
    total = 32 + len(tail)
    return (struct.pack("<H", 4) + method + struct.pack("<IIIBBHBII", len(packed), size, 0, 0x20, 3, crc, ord("U"), total, sizes[0])
            + tail + packed)


def lhas(lh6):
    levels = b"".join(
        lha_member(level, method, b"level%d.txt" % level, packed, TEXT)
        for level in range(4)
        for method, packed in [(b"-lh0-", TEXT), (b"-lh6-", lh6)])
    put("lha", "levels.lzh", levels + b"\0")
    one = lha_member(0, b"-lh6-", b"one.txt", lh6, TEXT)
    cut_and_broken("lha", "one", "lzh", one + b"\0", 40 + 200)
    put("lha", "wrong-crc.lzh", lha_member(0, b"-lh6-", b"one.txt", lh6, TEXT, crc=1) + b"\0")
    put("lha", "size-too-small.lzh", lha_member(2, b"-lh6-", b"one.txt", lh6, TEXT, size=100) + b"\0")
    put("lha", "unknown-method.lzh", lha_member(0, b"-lhq-", b"one.txt", lh6, TEXT) + one + b"\0")
    put("lha", "behind-the-end.lzh", one + b"\0" + one)
    put("lha", "junk-between.lzh", one + b"junk" * 9 + one)
    huge = bytearray(one)
    huge[7:11] = b"\xff\xff\xff\x7f"
    huge[1] = sum(huge[2 : 2 + huge[0]]) & 255
    put("lha", "huge-size.lzh", bytes(huge) + one + b"\0")


def streams():
    with tempfile.TemporaryDirectory() as folder:
        big = bytes((n * 2654435761 >> 13) & 255 if n % 3 else 65 for n in range(14000))
        for bits in (10, 12, 16):
            put("compress", f"bits-{bits}.Z", run("compress", "-b", str(bits), "-c", "-f", stdin=TEXT * 3 + big))
        text = run("compress", "-c", "-f", stdin=TEXT)
        cut_and_broken("compress", "text", "Z", text, 400)
        put("compress", "bits-31.Z", b"\x1f\x9d\x9f" + text[3:])
        put("compress", "empty.Z", b"\x1f\x9d\x90")
        one = run("lzip", "-9", stdin=TEXT)
        two = run("lzip", "-1", stdin=OTHER)
        put("lzip", "one.lz", one)
        put("lzip", "two-and-junk.lz", one + two + b"junk behind it")
        cut_and_broken("lzip", "one", "lz", one, 200)
        put("lzip", "wrong-crc-then-member.lz", one[:-20] + b"\0\0\0\0" + one[-16:] + two)
        open(folder + "/text.txt", "wb").write(TEXT)
        run("mscompress", "text.txt", cwd=folder)
        packed = next(p for p in pathlib.Path(folder).iterdir() if p.name != "text.txt").read_bytes()
        put("szdd", "text.tx_", packed)
        cut_and_broken("szdd", "text", "tx_", packed, 30)
        put("szdd", "wrong-size.tx_", packed[:10] + struct.pack("<I", 100) + packed[14:])
        literals = b"".join(b"\xff" + TEXT[n : n + 8] for n in range(0, 400, 8))
        put("szdd", "elder-whole.ba$", b"SZ \x88\xf0\x27\x33\xd1" + struct.pack("<I", 400) + literals)


def kwaj(method, body, size, name=b"SAMPLE\0TXT\0"):
    header = b"KWAJ\x88\xf0\x27\xd1"
    extra = struct.pack("<I", size) + name
    return header + struct.pack("<HHH", method, 14 + len(extra), 1 | 8 | 16) + extra + body


def kwajs():
    literals = b"".join(b"\xff" + TEXT[n : n + 8] for n in range(0, 400, 8))
    put("kwaj", "stored.tx_", kwaj(0, TEXT, len(TEXT)))
    put("kwaj", "inverted.tx_", kwaj(1, bytes(255 - b for b in TEXT), len(TEXT)))
    put("kwaj", "lzss.tx_", kwaj(2, literals, 400))
    # Method 3 with codes of equal length: runs of 32 literals, then matches of 17 bytes from 300 back.
    bits = "".join(["0000"] * 5) + "0000"
    text = TEXT[:320]
    for n in range(0, 320, 32):
        bits += "0000" + "11111" + "".join(f"{b:08b}" for b in text[n : n + 32])
    out = text
    for _ in range(20):
        bits += f"{15:04b}" + f"{300 >> 6:06b}" + f"{300 & 63:06b}"
        for _ in range(17):
            out += out[-300:-299]
    bits += "0" * (-len(bits) % 8)
    body = bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits), 8))
    put("kwaj", "huffman.tx_", kwaj(3, body, len(out)))
    whole = TEXT * 20
    blocks, history = b"", b""
    for n in range(0, len(whole), 32768):
        part = whole[n : n + 32768]
        pack = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history) if history else zlib.compressobj(9, zlib.DEFLATED, -15)
        data = b"CK" + pack.compress(part) + pack.flush()
        blocks += struct.pack("<H", len(data)) + data
        history = part
    blocks += b"\0\0"
    good = kwaj(4, blocks, len(whole))
    put("kwaj", "mszip.tx_", good)
    cut_and_broken("kwaj", "mszip", "tx_", good, 120)
    put("kwaj", "unknown-method.tx_", kwaj(9, TEXT, len(TEXT)))


def snappies():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)

    def masked(data):
        crc = 0xFFFFFFFF
        for byte in data:
            crc = crc >> 8 ^ table[(crc ^ byte) & 255]
        crc ^= 0xFFFFFFFF
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    def chunk(kind, data):
        return bytes([kind]) + struct.pack("<I", len(data))[:3] + data

    head = b"\xff\x06\0\0sNaPpY"
    plain = b"abcdefgh" * 40
    block = bytes([len(plain) & 127 | 128, len(plain) >> 7, 7 << 2]) + b"abcdefgh"
    left = len(plain) - 8
    while left:
        step = min(left, 64)
        block += bytes([(step - 1) << 2 | 2, 8, 0])
        left -= step
    packed = chunk(0, struct.pack("<I", masked(plain)) + block)
    stored = chunk(1, struct.pack("<I", masked(TEXT)) + TEXT)
    good = head + packed + chunk(0xFE, b"\0" * 7) + stored
    put("snappy", "chunks.sz", good)
    put("snappy", "two-streams-and-junk.sz", good + good + b"junk")
    cut_and_broken("snappy", "chunks", "sz", good, 40)
    put("snappy", "wrong-checksum.sz", head + chunk(0, b"\0\0\0\0" + block) + stored)
    put("snappy", "unknown-chunk.sz", head + packed + chunk(0x7F, b"what is it") + stored)


def crxs():
    import io, zipfile
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json"), '{"manifest_version": 3, "name": "sample"}')
    data = made.getvalue()
    put("crx", "version-2.crx", b"Cr24" + struct.pack("<III", 2, 9, 11) + b"k" * 9 + b"s" * 11 + data)
    put("crx", "version-3.crx", b"Cr24" + struct.pack("<II", 3, 20) + b"h" * 20 + data)
    put("crx", "wrong-length.crx", b"Cr24" + struct.pack("<II", 3, 7) + b"h" * 20 + data)
    put("crx", "no-zip.crx", b"Cr24" + struct.pack("<II", 3, 0x7FFFFFFF) + b"h" * 20)


def binhexes():
    alphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"

    def encode(raw):
        runs, n = b"", 0
        while n < len(raw):
            times = 1
            while n + times < len(raw) and raw[n + times] == raw[n] and times < 255:
                times += 1
            item = b"\x90\0" if raw[n] == 0x90 else raw[n : n + 1]
            if times > 3:
                runs += item + bytes([0x90, times])
            else:
                runs += item * times
            n += times
        bits = "".join(f"{b:08b}" for b in runs)
        bits += "0" * (-len(bits) % 6)
        text = ":" + "".join(alphabet[int(bits[n : n + 6], 2)] for n in range(0, len(bits), 6)) + ":"
        return "\r\n".join(text[n : n + 64] for n in range(0, len(text), 64))

    def crc(data):
        return struct.pack(">H", binascii.crc_hqx(data, 0))

    resource = b"\x90\x90" + b"r" * 90 + b"\x90" * 9
    name = b"sample.txt"
    head = bytes([len(name)]) + name + b"\0TEXTttxt" + struct.pack(">HII", 0, len(TEXT), len(resource))
    raw = head + crc(head) + TEXT + crc(TEXT) + resource + crc(resource)
    sign = "(This file must be converted with BinHex 4.0)\r\n\r\n"
    good = (sign + encode(raw) + "\r\n").encode()
    put("binhex", "forks.hqx", good)
    put("binhex", "text-behind.hqx", good + b"and this stands behind")
    put("binhex", "truncated.hqx", good[: len(good) // 2])
    put("binhex", "damaged.hqx", good[:600] + b"~~" + good[602:])
    put("binhex", "no-data.hqx", sign.encode())
    lying = bytes([len(name)]) + name + b"\0TEXTttxt" + struct.pack(">HII", 0, 0x7FFFFFFF, 5)
    put("binhex", "huge-fork.hqx", (sign + encode(lying + b"\0\0" + TEXT) + "\r\n").encode())


def encint(number):
    out = bytes([number & 127])
    while number >> 7:
        number >>= 7
        out = bytes([number & 127 | 128]) + out
    return out


def chm(files, stored, sizes=None, damage=None):
    """Packs with blocks that are stored: one block of 24 bits of size for each frame."""
    section = b"".join(files.values())
    size = len(section)
    section += b"\0" * (-size % 32768)
    packed, table = b"", []
    for n in range(0, len(section), 32768):
        table.append(len(packed))
        # A reset before every frame: no translation, kind 3, the size.
        bits = "0" + "011" + f"{32768:024b}" + "0000"
        words = [int(bits[i : i + 16], 2) for i in (0, 16)]
        packed += struct.pack("<HHIII", *words, 1, 1, 1) + section[n : n + 32768]
    if damage is not None:
        packed = packed[:damage] + b"\xff\xff\xff\xff" + packed[damage + 4 :]
    control = struct.pack("<I4sIIII", 5, b"LZXC", 2, 1, 1, 0) + b"\0" * 4
    resets = struct.pack("<IIIIQQQ", 2, len(table), 8, 40, len(section), len(packed), 32768) + b"".join(struct.pack("<Q", t) for t in table)
    system = "::DataSpace/Storage/MSCompressed/"
    zero = dict(stored)
    zero[system + "Content"] = packed
    zero[system + "ControlData"] = control
    zero[system + "Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable"] = resets
    entries, at = b"", 0
    for name, data in zero.items():
        entries += encint(len(name)) + name.encode() + b"\0" + encint(at) + encint(len(data))
        at += len(data)
    at = 0
    for name, data in files.items():
        length = (sizes or {}).get(name, len(data))
        entries += encint(len(name)) + name.encode() + b"\x01" + encint(at) + encint(length)
        at += len(data)
    chunk = 4096
    listing = b"PMGL" + struct.pack("<IIii", chunk - 20 - len(entries), 0, -1, -1) + entries
    listing += b"\0" * (chunk - len(listing))
    directory = b"ITSP" + struct.pack("<IIIIIIiIIiI", 1, 0x54, 10, chunk, 2, 1, -1, 0, 0, -1, 1)
    directory += b"\0" * (0x54 - len(directory)) + listing
    start = 0x60 + 0x18
    data = start + len(directory)
    head = b"ITSF" + struct.pack("<IIIII", 3, 0x60, 1, 0, 0x409) + b"g" * 32
    head += struct.pack("<QQQQQ", 0x60, 0x18, start, len(directory), data)
    total = data + sum(map(len, zero.values()))
    return head + struct.pack("<IIQII", 0x1FE, 0, total, 0, 0) + directory + b"".join(zero.values())


def chms():
    files = {"/page.htm": b"<html><body>a page of help</body></html>", "/text.txt": TEXT, "/other.bin": OTHER}
    good = chm(files, {"/#SYSTEM": b"system file of the help"})
    put("chm", "stored-blocks.chm", good)
    put("chm", "truncated.chm", good[:7000])
    put("chm", "damaged-frame.chm", chm(files, {}, damage=0))
    put("chm", "contradictory-sizes.chm", chm(files, {}, sizes={"/page.htm": 5000, "/other.bin": 99_999_999}))
    put("chm", "behind.chm", good + TEXT[:99])
    put("chm", "damaged-directory.chm", good.replace(b"ITSP", b"XXXX"))


def alz_member(name, data, method, packed, encrypted=0, crc=None, size=None):
    crc = zlib.crc32(data) if crc is None else crc
    size = len(packed) if size is None else size
    head = b"BLZ\x01" + struct.pack("<HBIBB", len(name), 0x20, 0, 0x40 | encrypted, 0)
    return head + struct.pack("<BBIII", method, 0, crc, size, len(data)) + name + b"k" * (12 * encrypted) + packed


def alzs():
    deflate = zlib.compress(TEXT, 9)[2:-4]
    start, end = b"ALZ\x01\x0a\0\0\0", b"CLZ\x01" + b"\0" * 8 + b"CLZ\x02"
    one = alz_member(b"deflate.txt", TEXT, 2, deflate)
    two = alz_member(b"stored.bin", OTHER, 0, OTHER)
    three = alz_member(b"bzip2.bin", OTHER, 1, bz2.compress(OTHER))
    good = start + one + two + three + end
    put("alz", "methods.alz", good)
    put("alz", "behind.alz", good + TEXT[:99])
    cut_and_broken("alz", "methods", "alz", good, 150)
    put("alz", "encrypted.alz", start + alz_member(b"secret.txt", TEXT, 2, deflate, encrypted=1) + two + end)
    put("alz", "wrong-crc.alz", start + alz_member(b"deflate.txt", TEXT, 2, deflate, crc=1) + two + end)
    put("alz", "huge-size.alz", start + alz_member(b"deflate.txt", TEXT, 2, deflate, size=0x7FFFFFFF) + two + end)
    put("alz", "unknown-method.alz", start + alz_member(b"deflate.txt", TEXT, 9, deflate) + b"junk" + two + end)


def egg_field(kind, data):
    return struct.pack("<IBH", kind, 0, len(data)) + data


def egg_file(name, data, blocks, extra=b""):
    out = struct.pack("<IIQ", 0x0A8590E3, 1, len(data)) + egg_field(0x0A8591AC, name) + extra + struct.pack("<I", 0x08E28222)
    for method, part, packed in blocks:
        crc = zlib.crc32(part)
        out += struct.pack("<IBBIII", 0x02B50C13, method, 0, len(part), len(packed), crc) + struct.pack("<I", 0x08E28222) + packed
    return out


def eggs():
    start = b"EGGA" + struct.pack("<HII", 0x100, 7, 0) + struct.pack("<I", 0x08E28222)
    end = struct.pack("<I", 0x08E28222)
    deflate = zlib.compress(TEXT, 9)[2:-4]
    alone = lzma.compress(TEXT, lzma.FORMAT_ALONE)
    packed = b"\x09\x04\x05\0" + alone[:5] + alone[13:]
    one = egg_file(b"deflate.txt", TEXT, [(1, TEXT, deflate)])
    two = egg_file(b"stored.bin", OTHER, [(0, OTHER, OTHER)])
    three = egg_file(b"bzip2.bin", OTHER, [(2, OTHER, bz2.compress(OTHER))])
    four = egg_file(b"lzma.txt", TEXT, [(4, TEXT, packed)])
    good = start + one + two + three + four + end
    put("egg", "methods.egg", good)
    cut_and_broken("egg", "methods", "egg", good, 150)
    put("egg", "azo.egg", start + egg_file(b"azo.txt", TEXT, [(3, TEXT, deflate)]) + two + end)
    put("egg", "encrypted.egg", start + egg_file(b"secret.txt", TEXT, [(1, TEXT, deflate)], egg_field(0x08D1470F, b"k" * 20)) + two + end)
    put("egg", "two-blocks.egg", start + egg_file(b"two.bin", OTHER, [(0, OTHER[:400], OTHER[:400]), (0, OTHER[400:], OTHER[400:])]) + end)
    put("egg", "junk-between.egg", start + one + b"what is this" + two + end)


if __name__ == "__main__":
    eggs()
    chms()
    alzs()
    rpm()
    xars()
    lhas(arjs())
    streams()
    kwajs()
    snappies()
    crxs()
    binhexes()
