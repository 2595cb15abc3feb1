#!/usr/bin/env python3
"""Samples of file systems and disk images, made with the tools of Debian.

Needs genisoimage, xorriso, udftools, dosfstools, mtools, exfatprogs, e2fsprogs, ntfs-3g, squashfs-tools, qemu-utils.
Images are gzipped, because most of them is zeros: NAME.image.gz, which the tests unpack first.
Usage: disks.py [FORMAT...], in crates/formats/tests.
"""
import gzip, os, random, shutil, struct, subprocess, sys, tempfile, zlib

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
TEXT = b"The quick brown fox jumps over the lazy dog.\n"
random.seed(7)
NOISE = bytes(random.randrange(256) for _ in range(9000))


def run(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def put(folder, name, data):
    """Writes a sample, gzipped if it is large."""
    os.makedirs(os.path.join(GOLDEN, folder), exist_ok=True)
    if len(data) > 20000:
        name, data = name + ".image.gz", gzip.compress(data, 9, mtime=0)
    print(folder, name, len(data))
    open(os.path.join(GOLDEN, folder, name), "wb").write(data)


def tree(root):
    """A folder with a few files."""
    os.makedirs(os.path.join(root, "folder/inner"))
    for name, data in [("hello.txt", TEXT), ("folder/A long name, with spaces.bin", NOISE),
                       ("folder/inner/deep.txt", TEXT * 200), ("empty", b"")]:
        open(os.path.join(root, name), "wb").write(data)
    for path, folders, files in os.walk(root):
        for name in folders + files:
            os.utime(os.path.join(path, name), (1e9, 1e9))
    return root


def read(path):
    return open(path, "rb").read()


def iso9660(t):
    root, out = tree(t + "/tree"), t + "/out"
    run("genisoimage", "-quiet", "-no-pad", "-J", "-R", "-o", out, root)
    put("iso9660", "both", read(out))
    put("iso9660", "cut", read(out)[:-5000])
    damaged = bytearray(read(out))
    # The root's first record that is a folder now leads back to the root: a circle.
    place = struct.unpack_from("<I", damaged, 0x8000 + 158)[0] * 2048
    inner = damaged.index(b"FOLDER", place) - 33
    damaged[inner + 2:inner + 10] = damaged[0x8000 + 158:0x8000 + 166]
    put("iso9660", "circle", bytes(damaged))
    run("genisoimage", "-quiet", "-no-pad", "-o", out, root)
    put("iso9660", "plain", read(out) + b"\0" * 4096 + b"behind the end")
    open(root + "/boot.img", "wb").write(b"boot" * 600)
    run("genisoimage", "-quiet", "-no-pad", "-J", "-b", "boot.img", "-no-emul-boot", "-o", out, root)
    put("iso9660", "boot", read(out))
    # Joliet alone shows a file: hidden from plain ISO.
    run("genisoimage", "-quiet", "-no-pad", "-J", "-hide", "hello.txt", "-o", out, root)
    put("iso9660", "only-in-joliet", read(out))


def udf(t):
    root, out = tree(t + "/tree"), t + "/out"
    run("genisoimage", "-quiet", "-no-pad", "-udf", "-o", out, root)
    put("udf", "bridge", read(out))
    put("udf", "cut", read(out)[:-30000])


def blank(path, size):
    with open(path, "wb") as file:
        file.truncate(size)


def fat_image(t, out, *options, size=160 * 1024):
    blank(out, size)
    run("mkfs.fat", "-i", "12345678", *options, out)
    root = t + "/tree"
    if not os.path.exists(root):
        tree(root)
    run("mcopy", "-s", "-i", out, root + "/folder", root + "/hello.txt", root + "/empty", "::")


def fat(t):
    out = t + "/out"
    fat_image(t, out)
    put("fat", "fat12", read(out))
    put("fat", "cut", read(out)[:30000])
    run("mdel", "-i", out, "::hello.txt")
    put("fat", "deleted", read(out))
    data = bytearray(read(out))
    # The chain of every cluster leads to cluster 3.
    reserved = struct.unpack_from("<H", data, 14)[0] * 512
    data[reserved + 3:reserved + 600] = b"\x03\x30\x00" * 199
    put("fat", "circle", bytes(data))
    fat_image(t, out, "-F", "16", "-s", "1", size=2300 << 10)
    put("fat", "fat16", read(out))
    fat_image(t, out, "-F", "32", "-s", "1", size=600 << 10)
    put("fat", "fat32", read(out))


def exfat(t):
    """Nothing writes files into exFAT without mounting it: entries are put in by hand."""
    out = t + "/out"
    blank(out, 4 << 20)
    run("mkfs.exfat", "-c", "4K", out)
    data = bytearray(read(out))
    sector = 1 << data[108]
    heap = struct.unpack_from("<I", data, 88)[0] * sector
    table = struct.unpack_from("<I", data, 80)[0] * sector
    root = struct.unpack_from("<I", data, 96)[0]
    at = lambda cluster: heap + (cluster - 2) * 4096

    def entry(name, first, size, attributes=0, row=True, live=0x80):
        raw = name.encode("utf-16-le")
        names = [raw[i:i + 30].ljust(30, b"\0") for i in range(0, len(raw), 30)]
        head = struct.pack("<BBHH", live | 5, 1 + len(names), 0, attributes).ljust(32, b"\0")
        stream = struct.pack("<BBBBHHQIIQ", live | 0x40, 3 if row else 1, 0, len(name), 0, 0, size, 0, first, size)
        return head + stream + b"".join(bytes([live | 0x41, 0]) + part for part in names)

    place = at(root)
    while data[place]:
        place += 32
    entries = entry("hello.txt", 20, len(TEXT)) + entry("a folder with a long name", 21, 4096, 16)
    entries += entry("chain.bin", 30, len(NOISE), row=False) + entry("gone.txt", 40, len(TEXT), live=0)
    entries += entry("short chain", 50, 20000, row=False)
    data[place:place + len(entries)] = entries
    data[at(20):at(20) + len(TEXT)] = TEXT
    data[at(40):at(40) + len(TEXT)] = TEXT
    inner = entry("deep.txt", 22, len(TEXT * 50)) + entry("circle", 21, 4096, 16)
    data[at(21):at(21) + len(inner)] = inner
    data[at(22):at(22) + len(TEXT * 50)] = TEXT * 50
    for cluster, after, part in [(30, 33, 0), (33, 31, 1), (31, 0xffffffff, 2)]:
        part = NOISE[part * 4096:part * 4096 + 4096]
        data[at(cluster):at(cluster) + len(part)] = part
        struct.pack_into("<I", data, table + 4 * cluster, after)
    struct.pack_into("<I", data, table + 4 * 50, 0xffffffff)
    put("exfat", "files", bytes(data))


def ext(t):
    root, out = tree(t + "/tree"), t + "/out"
    open(root + "/sparse", "wb").write(TEXT + b"\0" * 70000 + TEXT)
    open(root + "/small", "wb").write(TEXT[:30])
    open(root + "/small as two", "wb").write(TEXT * 2)
    os.environ["E2FSPROGS_FAKE_TIME"] = "1000000000"
    for kind, options in [("ext2", []), ("ext3", ["-J", "size=1"]), ("ext4", []),
                          ("ext4-inline", ["-O", "inline_data", "-I", "256"])]:
        if os.path.exists(out):
            os.remove(out)
        size = "1800k" if kind == "ext3" else "256k"
        run("mke2fs", "-t", kind[:4], "-b", "1024", "-U", "clear", "-d", root, *options, out, size)
        put("ext", kind, read(out))
    put("ext", "cut", read(out)[:60000])


def ntfs(t):
    out = t + "/out"
    blank(out, 2 << 20)
    run("mkntfs", "-F", "-Q", "-s", "512", "-c", "512", out)
    for name, data in [("hello.txt", TEXT), ("long file with spaces.bin", NOISE), ("text.txt", TEXT * 200)]:
        open(t + "/file", "wb").write(data)
        run("ntfscp", out, t + "/file", name)
    open(t + "/file", "wb").write(b"a hidden stream")
    run("ntfscp", "-N", "hidden", out, t + "/file", "hello.txt")
    data = bytearray(read(out))
    # The table of upper case letters is large and of no use here.
    place = data.index(struct.pack("<64H", *range(64)))
    data[place:place + (128 << 10)] = bytes(128 << 10)
    put("ntfs", "files", bytes(data))
    put("ntfs", "cut", bytes(data[:1 << 20]))


def mbr_entry(kind, start, size):
    return struct.pack("<BBBBBBBBII", 0, 0, 0, 0, kind, 0, 0, 0, start, size)


def partitions(t):
    fat_image(t, t + "/fat", size=64 * 1024)
    volume = read(t + "/fat")
    sectors = len(volume) // 512

    def table(*entries):
        return bytes(446) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"

    disk = bytearray(512 * (3 * sectors + 64))
    disk[:512] = table(mbr_entry(6, 8, sectors), mbr_entry(5, 8 + sectors, 2 * sectors))
    disk[1024:1040] = b"hidden in a gap!"
    disk[8 * 512:8 * 512 + len(volume)] = volume
    base = 8 + sectors
    disk[base * 512:base * 512 + 512] = table(mbr_entry(6, 2, sectors), mbr_entry(5, 2 + sectors, 40))
    disk[(base + 2) * 512:(base + 2) * 512 + len(volume)] = volume
    second = base + 2 + sectors
    disk[second * 512:second * 512 + 512] = table(mbr_entry(0x83, 1, 8), mbr_entry(5, 0, 40))
    disk[(second + 1) * 512:(second + 1) * 512 + len(TEXT)] = TEXT
    put("mbr", "extended", bytes(disk))
    put("mbr", "cut", bytes(disk[:30000]))

    disk = bytearray(512 * (sectors + 128))
    disk[:512] = table(mbr_entry(0xee, 1, sectors + 127))
    entry = b"\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7" + b"\1" * 16
    entry += struct.pack("<QQQ", 40, 40 + sectors - 1, 0) + "data volume".encode("utf-16-le").ljust(72, b"\0")
    header = lambda at: b"EFI PART" + struct.pack("<IIIIQQQQ16sQII", 0x10000, 92, 0, 0, 1, 1, 34, 99, b"", at, 4, 128)
    disk[512:512 + 92] = header(2)[:92].ljust(92, b"\0")
    disk[1024:1024 + 128] = entry
    disk[40 * 512:40 * 512 + len(volume)] = volume
    # The copy at the end shows another partition.
    last = len(disk) - 512
    disk[last:last + 92] = header(last // 512 - 1)[:92].ljust(92, b"\0")
    disk[last - 512:last - 384] = entry[:32] + struct.pack("<QQQ", 110 + sectors, 112 + sectors, 0) + bytes(72)
    disk[(110 + sectors) * 512:(110 + sectors) * 512 + len(TEXT)] = TEXT
    put("gpt", "two-tables", bytes(disk))

    disk = bytearray(512 * 64)
    disk[:4] = b"ER\x02\x00"
    def apple(start, size, name, kind):
        return struct.pack(">HHIII32s32s", 0x504d, 0, 2, start, size, name, kind).ljust(512, b"\0")
    disk[512:1024] = apple(1, 2, b"Apple", b"Apple_partition_map")
    disk[1024:1536] = apple(10, 4, b"disk image", b"Apple_HFS")
    disk[5120:5120 + len(TEXT)] = TEXT
    put("apm", "one", bytes(disk))


def virtual(t):
    fat_image(t, t + "/fat")
    for folder, name, *options in [("qcow2", "plain"), ("qcow2", "packed", "-c"),
                                   ("qcow2", "zstd", "-c", "-o", "compression_type=zstd"),
                                   ("vmdk", "sparse"), ("vmdk", "stream", "-o", "subformat=streamOptimized"),
                                   ("vhd", "dynamic"), ("vhd", "fixed", "-o", "subformat=fixed"),
                                   ("vhdx", "dynamic", "-o", "block_size=1M"), ("vdi", "dynamic")]:
        run("qemu-img", "convert", "-f", "raw", "-O", "vpc" if folder == "vhd" else folder, *options,
            t + "/fat", t + "/out")
        data = read(t + "/out")
        put(folder, name, data)
        if name == "packed":
            put(folder, "cut", data[:-3000])
    # A disk of 100 GB with one small file system, whose table of partitions is read through its map.
    blank(t + "/large", 100 << 30)
    with open(t + "/large", "r+b") as file:
        sectors = os.path.getsize(t + "/fat") // 512
        file.write(bytes(446) + (mbr_entry(6, 2048, sectors) + mbr_entry(0x83, 1 << 20, 1 << 27)).ljust(64, b"\0"))
        file.write(b"\x55\xaa")
        file.seek(1 << 20)
        file.write(read(t + "/fat"))
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", t + "/large", t + "/out")
    put("qcow2", "100-gigabytes", read(t + "/out"))


def squashfs(t):
    root, out = tree(t + "/tree"), t + "/out"
    open(root + "/large", "wb").write(TEXT * 4000)
    for method in ["gzip", "xz", "zstd", "lz4", "lzo", "lzma"]:
        run("mksquashfs", root, out, "-noappend", "-nopad", "-comp", method, "-mkfs-time", "0", "-all-time", "0",
            "-b", "16384")
        put("squashfs", method, read(out))
        if method == "gzip":
            put("squashfs", "cut", read(out)[:-600])
            damaged = bytearray(read(out))
            damaged[200:260] = bytes(60)
            put("squashfs", "damaged", bytes(damaged))


def adc(data):
    """Packs with ADC: literals, and matches found by their first four bytes."""
    out, literals, seen, at = bytearray(), bytearray(), {}, 0

    def flush():
        for index in range(0, len(literals), 128):
            part = literals[index:index + 128]
            out.append(0x7f + len(part))
            out.extend(part)
        literals.clear()

    while at < len(data):
        before = seen.get(data[at:at + 4], -1)
        seen[data[at:at + 4]] = at
        length = 0
        while before >= 0 and at - before <= 65536 and length < 67 and data[before + length:before + length + 1] == \
                data[at + length:at + length + 1] != b"":
            length += 1
        distance = at - before - 1
        if length >= 4:
            flush()
            if distance < 1024 and length <= 18:
                out += bytes([(length - 3) << 2 | distance >> 8, distance & 255])
            else:
                out += bytes([0x40 | length - 4, distance >> 8, distance & 255])
        else:
            literals.append(data[at])
        at += max(length, 1) if length >= 4 else 1
    flush()
    return bytes(out)


def dmg(t):
    """No tool of Debian writes it: the footer and the table are put together here."""
    import base64, bz2, lzma
    fat_image(t, t + "/fat")
    disk = read(t + "/fat")
    packers = [(0x80000005, zlib.compress), (0x80000006, bz2.compress), (0x80000008, lzma.compress), (1, bytes)]

    def image(packers, step=16384):
        data, table = b"", b""
        for index in range(0, len(disk), step):
            chunk = disk[index:index + step]
            kind, pack = packers[index // step % len(packers)]
            if not any(chunk):
                kind, pack = 0, lambda chunk: b""
            packed = pack(chunk)
            table += struct.pack(">IIQQQQ", kind, 0, index // 512, len(chunk) // 512, len(data), len(packed))
            data += packed
        table += struct.pack(">IIQQQQ", 0xffffffff, 0, len(disk) // 512, 0, len(data), 0)
        mish = (b"mish" + struct.pack(">IQQQ", 1, 0, len(disk) // 512, 0)).ljust(200, b"\0")
        mish += struct.pack(">I", len(table) // 40) + table
        plist = b"<plist><dict><key>blkx</key><data>" + base64.encodebytes(mish) + b"</data></dict></plist>"
        koly = b"koly" + struct.pack(">IIIQQQ", 4, 512, 1, 0, 0, len(data))
        koly = koly.ljust(216, b"\0") + struct.pack(">QQ", len(data), len(plist))
        return data + plist + koly.ljust(512, b"\0")

    whole = image(packers)
    put("dmg", "packed", whole)
    put("dmg", "unknown-method", image([(0x80000009, zlib.compress)]))
    put("dmg", "adc", image([(0x80000004, adc)]))
    # pyliblzfse of PyPI; chunks below 4 KiB become LZVN.
    import liblzfse
    put("dmg", "lzfse", image([(0x80000007, liblzfse.compress)]))
    put("dmg", "lzvn", image([(0x80000007, liblzfse.compress)], 2048))
    damaged = bytearray(image([(0x80000007, liblzfse.compress), (0x80000004, adc)], 8192))
    for place in range(100, len(damaged) - 6000, 900):
        damaged[place] ^= 0xff
    put("dmg", "damaged-lzfse", bytes(damaged))
    damaged = bytearray(whole)
    damaged[20:60] = bytes(40)
    put("dmg", "damaged", bytes(damaged))


def main():
    makers = {name: function for name, function in globals().items()
              if callable(function) and name in ("iso9660", "udf", "partitions", "fat", "exfat", "ext", "ntfs",
                                                 "squashfs", "virtual", "dmg", "hfs")}
    for name in sys.argv[1:] or makers:
        with tempfile.TemporaryDirectory() as folder:
            makers[name](folder)


if __name__ == "__main__":
    main()
