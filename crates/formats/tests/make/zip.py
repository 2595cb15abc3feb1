#!/usr/bin/env python3
"""Writes the zip samples into tests/golden/zip: python3 crates/formats/tests/make/zip.py

Needs zip, 7z and zstd for the samples that real tools make. All contents are inert text.
"""
import bz2, lzma, os, pathlib, struct, subprocess, tempfile, zipfile, zlib

OUT = pathlib.Path(__file__).parent.parent / "golden" / "zip"
TEXT = b"".join(b"line %d of an inert sample\n" % i for i in range(20))
U = len(TEXT)


def deflate(data, level=9):
    c = zlib.compressobj(level, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def zip_lzma(data):
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}]
    # LZMA_ALONE writes properties, dictionary and an unknown size, and always a marker.
    alone = lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)
    return b"\x09\x14\x05\x00" + alone[:5] + alone[13:]


class Entry:
    """An entry whose local (l) and central (c) values can differ; c or l None leaves that header out."""

    def __init__(self, name=b"a.txt", data=TEXT, method=8, body=None, descriptor=None, local=True, central=True, **over):
        self.body = body if body is not None else (deflate(data) if method == 8 else data)
        base = dict(name=name, method=method, flags=0, crc=zlib.crc32(data), packed=len(self.body),
                    unpacked=len(data), extra=b"", comment=b"", disk=0, offset=None, version=20)
        self.l, self.c = dict(base), dict(base)
        for key, value in over.items():
            side, _, field = key.partition("_")
            for target, prefix in ((self.l, "l"), (self.c, "c")):
                if side == prefix:
                    target[field] = value
                elif key in base:
                    target[key] = value
        self.descriptor, self.has_local, self.has_central = descriptor, local, central
        if descriptor is not None:
            self.l.update(crc=0, packed=0, unpacked=0)
            self.l["flags"] |= 8
            self.c["flags"] |= 8

    def local(self):
        v = self.l
        head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", v["version"], v["flags"], v["method"], 0, 0x21, v["crc"],
                           v["packed"], v["unpacked"], len(v["name"]), len(v["extra"])) + v["name"] + v["extra"]
        if not self.has_local:
            head = bytes(len(head))
        tail = b""
        if self.descriptor is not None:
            tail = self.descriptor + struct.pack("<III", self.c["crc"], len(self.body), self.c["unpacked"])
        return head + self.body + tail

    def central(self, offset):
        v = self.c
        offset = offset if v["offset"] is None else v["offset"]
        return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, v["version"], v["flags"], v["method"], 0, 0x21,
                           v["crc"], v["packed"], v["unpacked"], len(v["name"]), len(v["extra"]),
                           len(v["comment"]), v["disk"], 0, 0, offset) + v["name"] + v["extra"] + v["comment"]


def end(count, size, offset, comment=b"", disk=0):
    return struct.pack("<4sHHHHIIH", b"PK\5\6", disk, disk, count, count, size, offset, len(comment)) + comment


def archive(entries, prefix=b"", count=None, shift=0, comment=b"", directory=True, gap=b"", disk=0, offset=None):
    out, offsets = prefix, []
    for entry in entries:
        offsets.append(len(out) - shift)
        out += entry.local()
    out += gap
    start = len(out)
    if not directory:
        return out
    shown = [(e, o) for e, o in zip(entries, offsets) if e.has_central]
    central = b"".join(e.central(o) for e, o in shown)
    count = len(shown) if count is None else count
    return out + central + end(count, len(central), start - shift if offset is None else offset, comment, disk)


def save(name, data):
    assert len(data) <= 20000, name
    (OUT / name).write_bytes(data)


def handmade():
    E, two = Entry, [Entry(), Entry(b"b.txt", b"second " + TEXT)]
    plain = archive(two)
    save("deflate.zip", plain)
    save("stored.zip", archive([E(method=0), E(b"empty", b"", 0), E(b"dir/", b"", 0)]))
    save("empty.zip", end(0, 0, 0))
    save("no-directory.zip", archive(two, directory=False))
    save("truncated-in-member.zip", plain[:len(two[0].local()) + 60])
    save("truncated-in-stored.zip", archive([E(method=0)])[:200])
    save("end-count-zero.zip", archive(two, count=0))
    save("end-wiped.zip", archive(two)[:-22] + b"PK\5\6" + bytes(18))
    save("directory-elsewhere.zip", archive(two, offset=7)[:-10] + struct.pack("<IIH", 3, 7, 0))
    save("comment.zip", archive(two, comment=b"PK\5\6 is no end record " + b"c" * 9000))
    save("central-stored-size-zero.zip", archive([E(c_method=0, c_packed=0, c_unpacked=0)]))
    save("local-stored-central-deflate.zip", archive([E(l_method=0, l_packed=3, l_unpacked=9)]))
    save("both-stored-deflate-inside.zip", archive([E(l_method=0, c_method=0)]))
    save("encrypted-flag-central.zip", archive([E(c_flags=1), E(b"b.txt", method=0, c_flags=1)]))
    save("encrypted-flag-local.zip", archive([E(l_flags=1)]))
    save("encrypted-flag-both.zip", archive([E(flags=1), E(b"b.txt", method=0, flags=0x41)]))
    save("same-name.zip", archive([E(), E(data=b"other " + TEXT)]))
    save("wrong-crc.zip", archive([E(crc=0x12345678), E(b"b.txt", method=0, crc=0x12345678)]))
    junk = b"MX junk before the archive " * 9
    save("prefix-shifted.zip", archive(two, prefix=junk, shift=len(junk)))
    save("prefix-absolute.zip", archive(two, prefix=junk))
    save("prefix-no-directory.zip", archive(two, prefix=junk, directory=False))
    save("start-missing.zip", plain[len(two[0].local()):])
    for name, sign in (("signed", b"PK\7\10"), ("bare", b"")):
        save(f"descriptor-{name}.zip", archive([E(descriptor=sign), E(b"b.txt", descriptor=sign)]))
        some = [E(descriptor=sign), E(b"s.txt", method=0, descriptor=sign), E(b"c.txt", method=0)]
        save(f"descriptor-{name}-no-directory.zip", archive(some, directory=False))
    nested = archive([E(b"inner.txt")])
    save("descriptor-stored-nested.zip",
         archive([E(b"in.zip", nested, 0, descriptor=b"PK\7\10"), E()], directory=False))
    save("nested-stored-cut.zip", archive([E(b"in.zip", nested, 0), E()], directory=False))
    save("local-only.zip", archive([E(), E(b"hidden.txt", b"hidden " + TEXT, central=False), E(b"c.txt")]))
    save("local-hidden-in-slack.zip",
         archive([E(body=deflate(TEXT) + E(b"hidden.txt", b"hidden " + TEXT).local()), E(b"c.txt")]))
    save("central-only.zip", archive([E(local=False), E(b"b.txt", method=0, local=False), E(b"c.txt")]))
    save("central-only-lost.zip", archive([E(c_offset=5000), E(b"gone.txt", c_offset=6000, local=False)]))
    save("header-elsewhere.zip", archive([E(c_offset=9), E(b"b.txt")]))
    kernel = E(b"k")
    local = kernel.local()
    many = b"".join(E(b"%d.txt" % i, body=kernel.body).central(0) for i in range(300))
    save("overlap-one-header.zip", local + many + end(300, len(many), len(local)))
    inner = E(b"inner", b"inner " + TEXT).local()
    outer = E(b"outer", method=0, data=inner)
    central = outer.central(0) + E(b"inner", b"inner " + TEXT).central(30 + 5)
    save("overlap-quoted.zip", outer.local() + central + end(2, len(central), len(outer.local())))
    wide = dict(packed=0xFFFFFFFF, unpacked=0xFFFFFFFF)
    body = deflate(TEXT)
    extra = struct.pack("<HHQQ", 1, 16, U, len(body))
    members = E(extra=extra, **wide).local()
    directory = E(extra=struct.pack("<HHQQQ", 1, 24, U, len(body), 0), offset=0xFFFFFFFF, **wide).central(0)
    end64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), len(members))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(members + directory), 1)
    save("zip64.zip", members + directory + end64 + locator + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF))
    save("zip64-prefix.zip",
         junk + members + directory + end64 + locator + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF))
    save("multi-disk.zip", archive([E(), E(b"b.txt", c_disk=1, c_offset=99999)], disk=2))
    save("spanned-marker.zip", archive(two, prefix=b"PK00"))
    save("names-differ.zip", archive([E(c_name=b"safe.txt", l_name=b"evil.exe")]))
    save("names-nasty.zip", archive([E(b"../../etc/x"), E(b"a.exe\0.txt"), E(b"\x81ber"), E("über".encode()),
                                     E(b""), E(b"C:\\x\\"), E(b"n" * 5000)]))
    save("directory-with-data.zip", archive([E(b"dir/"), E(b"dir2/", c_packed=0, c_unpacked=0, descriptor=b"PK\7\10")]))
    save("size-too-small.zip", archive([E(unpacked=100), E(b"b.txt", packed=5)]))
    save("size-too-large.zip", archive([E(packed=99999), E(b"b.txt", method=0, packed=99999)]))
    save("badpack.zip", archive([E(l_method=0x1234, l_packed=1), E(b"b.txt", c_method=0x4321, l_method=0x4321)]))
    save("deflate-damaged.zip", archive([E(body=deflate(TEXT)[:40] + b"\xff" * 40), E(b"b.txt")]))
    save("deflate-raw-inside.zip", archive([E(body=TEXT, unpacked=U)]))
    save("unsupported-methods.zip", archive([E(b"m%d" % m, b"xyz", method=m) for m in (1, 2, 5, 6, 10, 96, 97, 98, 99)]))
    save("bzip2.zip", archive([E(method=12, body=bz2.compress(TEXT)), E(b"b.txt", method=12, body=bz2.compress(TEXT)[:-9])]))
    save("bzip2-two-streams.zip", archive([E(data=TEXT + TEXT, method=12, body=bz2.compress(TEXT) * 2)]))
    save("xz.zip", archive([E(method=95, body=lzma.compress(TEXT)), E(b"b.txt")]))
    frame, skip = zstd(TEXT), b"\x53\x2a\x4d\x18\3\0\0\0abc"
    save("zstd.zip", archive([E(method=93, body=frame), E(b"b.txt", method=20, body=frame)]))
    save("zstd-frames.zip", archive([E(data=TEXT * 2, method=93, body=skip + frame + skip + frame)]))
    save("zstd-cut.zip", archive([E(method=93, body=frame[:60])])[:100])
    save("lzma.zip", archive([E(method=14, body=zip_lzma(TEXT), flags=2), E(b"b.txt")]))
    save("lzma-no-directory.zip",
         archive([E(method=14, body=zip_lzma(TEXT), flags=2, descriptor=b"PK\7\10"), E(b"b.txt")], directory=False))
    save("header-cut.zip", archive([E()], directory=False) + b"PK\3\4\x14\0\0\0")


    long = b"".join(b"%d*%d=%d\n" % (i, i, i * i) for i in range(1200))
    packed = {8: deflate(long), 12: bz2.compress(long, 1), 14: zip_lzma(long), 93: zstd(long * 20), 95: lzma.compress(long)}
    for method, body in packed.items():
        if len(body) < 15000:
            cut = E(method=method, data=long, body=body[:-60] + b"\xff" * 60, flags=2 if method == 14 else 0)
            save(f"damaged-end-method{method}.zip", archive([cut, E(b"b.txt")]))
            save(f"cut-end-method{method}.zip", archive([cut], directory=False)[:-60])
    blocks = b"".join(b"%d " % (i // 60) for i in range(50000))
    packed = zstd(blocks)
    save("zstd-blocks-cut.zip", archive([E(method=93, data=blocks, body=packed)])[:len(packed) - 30])


def real_tools():
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *a, **k: subprocess.run(a, cwd=folder, check=True, stdout=subprocess.DEVNULL, **k)
        path = pathlib.Path(folder)
        (path / "a.txt").write_bytes(TEXT)
        (path / "d").mkdir()
        (path / "d" / "b.txt").write_bytes(TEXT * 3)
        for file in (path / "a.txt", path / "d" / "b.txt", path / "d"):
            os.utime(file, (1767225600, 1767225600))
        run("zip", "-rq", "infozip.zip", "a.txt", "d")
        run("zip", "-q", "-P", "secret", "infozip-encrypted.zip", "a.txt")
        with open(path / "infozip-stream.zip", "wb") as out:
            subprocess.run(["zip", "-q", "-", "a.txt"], cwd=folder, check=True, stdout=out)
        for method in ("Deflate64", "BZip2", "LZMA", "PPMd"):
            run("7z", "a", "-tzip", f"-mm={method}", f"7z-{method.lower()}.zip", "a.txt", "d")
        run("7z", "a", "-tzip", "-mem=AES256", "-psecret", "7z-aes.zip", "a.txt")
        with zipfile.ZipFile(path / "python.zip", "w") as z:
            z.writestr("a.txt", TEXT, zipfile.ZIP_DEFLATED)
            z.writestr("l.txt", TEXT, zipfile.ZIP_LZMA)
            z.writestr("b.txt", TEXT, zipfile.ZIP_BZIP2)
        for file in path.glob("*.zip"):
            save(file.name, file.read_bytes())


OUT.mkdir(parents=True, exist_ok=True)
for old in OUT.glob("*.zip"):
    old.unlink()
handmade()
real_tools()
