"""Disk images and file systems, made by the tools of their systems."""

import os
import shutil

from archives import copied, run, tool


def iso(*options):
    return tool("out.iso", "genisoimage", "-quiet", *options, "-o", "out.iso", "inner.bin")


def fresh(work, name, megabytes):
    path = os.path.join(work, name)
    with open(path, "wb") as file:
        file.truncate(int(megabytes * (1 << 20)))
    return path


def room(source, least):
    """Megabytes that hold the file."""
    return max(least, os.path.getsize(source) / (1 << 20) * 1.3 + least / 2)


def fat(bits, least):
    def make(source, work):
        copied(source, work)
        path = fresh(work, "out.img", room(source, least))
        run("mkfs.fat", "-s", "1" if bits > 12 else "4", "-F", str(bits), path)
        run("mcopy", "-i", path, "inner.bin", "::inner.bin", cwd=work)
        return path
    return ["mkfs.fat", "mcopy"], make


def ext(version):
    def make(source, work):
        os.makedirs(f"{work}/d")
        shutil.copyfile(source, f"{work}/d/inner.bin")
        path = fresh(work, "out.img", room(source, 2))
        run(f"mkfs.ext{version}", "-q", "-F", "-d", f"{work}/d", path)
        return path
    return [f"mkfs.ext{version}"], make


def ntfs(source, work):
    copied(source, work)
    path = fresh(work, "out.img", room(source, 2))
    run("mkntfs", "-q", "-F", "-Q", path)
    run("ntfscp", "-q", path, "inner.bin", "inner.bin", cwd=work)
    return path


def squashfs(compression):
    def make(source, work):
        os.makedirs(f"{work}/d")
        shutil.copyfile(source, f"{work}/d/inner.bin")
        run("mksquashfs", "d", "out.sqfs", "-comp", compression, "-quiet", "-no-progress", cwd=work)
        return f"{work}/out.sqfs"
    return ["mksquashfs"], make


def partitioned(label):
    """A FAT file system in the first partition."""
    def make(source, work):
        _, inner = fat(16, 8)
        image = inner(source, work)
        size = os.path.getsize(image)
        disk = fresh(work, "disk.img", size / (1 << 20) + 4)
        run("parted", "-s", disk, "mklabel", label, "mkpart", *(["p"] if label == "gpt" else ["primary"]), "2048s",
            f"{2048 + size // 512 - 1}s")
        with open(image, "rb") as file, open(disk, "r+b") as out:
            out.seek(1 << 20)
            out.write(file.read())
        return disk
    return ["mkfs.fat", "mcopy", "parted"], make


def virtual(kind, out, *options):
    """A disk of a virtual machine with an ext4 file system."""
    def make(source, work):
        _, inner = ext(4)
        image = inner(source, work)
        run("qemu-img", "convert", "-f", "raw", "-O", kind, *options, image, f"{work}/{out}")
        return f"{work}/{out}"
    return ["mkfs.ext4", "qemu-img"], make


WRAPPERS = {
    "iso": iso(),
    "iso-joliet": iso("-J"),
    "iso-rock-ridge": iso("-R"),
    "iso-udf": iso("-udf"),
    "fat12": fat(12, 2),
    "fat16": fat(16, 8),
    "fat32": fat(32, 34),
    "ext2": ext(2),
    "ext4": ext(4),
    "ntfs": (["mkntfs", "ntfscp"], ntfs),
    "squashfs-gzip": squashfs("gzip"),
    "squashfs-xz": squashfs("xz"),
    "squashfs-zstd": squashfs("zstd"),
    "squashfs-lz4": squashfs("lz4"),
    "squashfs-lzo": squashfs("lzo"),
    "mbr": partitioned("msdos"),
    "gpt": partitioned("gpt"),
    "qcow2": virtual("qcow2", "out.qcow2"),
    "qcow2-compressed": virtual("qcow2", "out.qcow2", "-c"),
    "vmdk": virtual("vmdk", "out.vmdk"),
    "vmdk-stream": virtual("vmdk", "out.vmdk", "-o", "subformat=streamOptimized"),
    "vhd": virtual("vpc", "out.vhd"),
    "vhd-fixed": virtual("vpc", "out.vhd", "-o", "subformat=fixed"),
    "vhdx": virtual("vhdx", "out.vhdx"),
    "vdi": virtual("vdi", "out.vdi"),
    "cramfs": tool("out.cramfs", "mkfs.cramfs", ".", "out.cramfs"),
}
