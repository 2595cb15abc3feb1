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


def main():
    makers = {name: function for name, function in globals().items()
              if callable(function) and name in ("iso9660", "udf", "partitions", "fat", "exfat", "ext", "ntfs",
                                                 "squashfs", "virtual", "dmg", "hfs")}
    for name in sys.argv[1:] or makers:
        with tempfile.TemporaryDirectory() as folder:
            makers[name](folder)


if __name__ == "__main__":
    main()
