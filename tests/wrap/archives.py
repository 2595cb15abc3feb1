"""Archives and compressed streams, made by their own tools."""

import bz2
import gzip
import lzma
import os
import shutil
import subprocess


def run(*command, cwd=None, stdin=None, stdout=None):
    """Runs a tool; its failure is an error."""
    subprocess.run(command, cwd=cwd, check=True, stdin=stdin, stdout=stdout or subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=120)


def copied(source, work, name="inner.bin"):
    """A copy of the file under a plain name in the folder."""
    path = os.path.join(work, name)
    shutil.copyfile(source, path)
    return name


def tool(out, *command):
    """A tool that is called in a folder in which the file is `inner.bin` and that makes the file `out`."""
    def make(source, work):
        copied(source, work)
        run(*command, cwd=work)
        return os.path.join(work, out)
    return [command[0]], make


def to_output(out, *command):
    """A tool that writes to its standard output."""
    def make(source, work):
        copied(source, work)
        path = os.path.join(work, out)
        with open(path, "wb") as file:
            run(*command, cwd=work, stdout=file)
        return path
    return [command[0]], make


def from_input(out, *command):
    """A tool that reads the file's name, or the file, from its standard input."""
    def make(source, work):
        copied(source, work)
        path = os.path.join(work, out)
        with open(path, "wb") as file:
            subprocess.run(command, cwd=work, check=True, input=b"inner.bin\n", stdout=file,
                           stderr=subprocess.DEVNULL, timeout=120)
        return path
    return [command[0]], make


def python(out, pack):
    """A packer of Python's library."""
    def make(source, work):
        path = os.path.join(work, out)
        with open(source, "rb") as file, open(path, "wb") as result:
            result.write(pack(file.read()))
        return path
    return [], make


def seven(out, *options):
    return tool(out, "7z", "a", "-bd", *options, out, "inner.bin")


def deb(source, work):
    os.makedirs(f"{work}/p/DEBIAN")
    os.makedirs(f"{work}/p/opt")
    shutil.copyfile(source, f"{work}/p/opt/inner.bin")
    with open(f"{work}/p/DEBIAN/control", "w", encoding="ascii") as control:
        control.write("Package: wrapped\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: x\n")
    run("dpkg-deb", "--root-owner-group", "-b", "p", "out.deb", cwd=work)
    return f"{work}/out.deb"


def rpm(payload):
    def make(source, work):
        copied(source, work)
        with open(f"{work}/w.spec", "w", encoding="ascii") as spec:
            spec.write("Name: wrapped\nVersion: 1\nRelease: 1\nSummary: x\nLicense: none\nBuildArch: noarch\n"
                       f"%define _binary_payload {payload}\n%description\nx\n"
                       "%install\nmkdir -p %{buildroot}/opt\ncp %{_sourcedir}/inner.bin %{buildroot}/opt/\n"
                       "%files\n/opt/inner.bin\n")
        run("rpmbuild", "-bb", "--define", f"_topdir {work}/top", "--define", f"_sourcedir {work}",
            "--define", "__os_install_post %{nil}", "w.spec", cwd=work)
        return f"{work}/top/RPMS/noarch/wrapped-1-1.noarch.rpm"
    return ["rpmbuild"], make


def unix_compress(source, work):
    copied(source, work)
    # It refuses to write what is larger than its source, unless it is told to.
    run("compress", "-f", "inner.bin", cwd=work)
    return f"{work}/inner.bin.Z"


def makeself(source, work):
    os.makedirs(f"{work}/d")
    shutil.copyfile(source, f"{work}/d/inner.bin")
    run("makeself", "--nox11", "d", "out.run", "x", "true", cwd=work)
    return f"{work}/out.run"


def wim(compression, *more):
    def make(source, work):
        os.makedirs(f"{work}/d")
        shutil.copyfile(source, f"{work}/d/inner.bin")
        run("wimlib-imagex", "capture", "d", "out.wim", f"--compress={compression}", *more, cwd=work)
        return f"{work}/out.wim"
    return ["wimlib-imagex"], make


def raw_lzma(data):
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


def appended(head):
    """Behind something else."""
    def make(source, work):
        copied(source, work)
        run("zip", "-q", "in.zip", "inner.bin", cwd=work)
        with open(f"{work}/in.zip", "rb") as file, open(f"{work}/out.bin", "wb") as out:
            out.write(head + file.read())
        return f"{work}/out.bin"
    return ["zip"], make


def self_extractor(source, work):
    """7-Zip's archive behind a program, as its self-extractors are."""
    copied(source, work)
    run("7z", "a", "-bd", "in.7z", "inner.bin", cwd=work)
    with open("/bin/true", "rb") as stub, open(f"{work}/in.7z", "rb") as archive, open(f"{work}/out", "wb") as out:
        out.write(stub.read() + archive.read())
    return f"{work}/out"


def oci(source, work):
    """An image whose second layer removes the file of the first."""
    copied(source, work)
    run("umoci", "init", "--layout", "image", cwd=work)
    run("umoci", "new", "--image", "image:latest", cwd=work)
    run("umoci", "insert", "--rootless", "--image", "image:latest", "inner.bin", "/inner.bin", cwd=work)
    run("umoci", "insert", "--rootless", "--image", "image:latest", "--whiteout", "/inner.bin", cwd=work)
    run("tar", "-cf", "out.tar", "-C", "image", ".", cwd=work)
    return os.path.join(work, "out.tar")


WRAPPERS = {
    "oci-umoci": (["umoci", "tar"], oci),
    "7z": seven("out.7z"),
    "7z-ppmd": seven("out.7z", "-m0=PPMd"),
    "7z-bzip2": seven("out.7z", "-m0=BZip2"),
    "7z-deflate": seven("out.7z", "-m0=Deflate"),
    "7z-copy": seven("out.7z", "-mx=0"),
    "7z-bcj2": seven("out.7z", "-m0=BCJ2", "-m1=LZMA", "-m2=LZMA", "-m3=LZMA", "-mb0:1", "-mb0s1:2", "-mb0s2:3"),
    "7z-aes": seven("out.7z", "-pinfected"),
    "7z-self-extractor": (["7z"], self_extractor),
    "zip": tool("out.zip", "zip", "-q", "out.zip", "inner.bin"),
    "zip-stored": tool("out.zip", "zip", "-q", "-0", "out.zip", "inner.bin"),
    "zip-crypto": tool("out.zip", "zip", "-q", "-P", "infected", "out.zip", "inner.bin"),
    "zip-bzip2": tool("out.zip", "zip", "-q", "-Z", "bzip2", "out.zip", "inner.bin"),
    "zip-aes": seven("out.zip", "-tzip", "-mem=AES256", "-pinfected"),
    "zip-lzma": seven("out.zip", "-tzip", "-mm=LZMA"),
    "zip-ppmd": seven("out.zip", "-tzip", "-mm=PPMd"),
    "zip-deflate64": seven("out.zip", "-tzip", "-mm=Deflate64"),
    "zip-behind-a-picture": appended(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "rar": tool("out.rar", "rar", "a", "-idq", "out.rar", "inner.bin"),
    "lha": tool("out.lzh", "jlha", "a", "out.lzh", "inner.bin"),
    "arj": tool("out.arj", "arj", "a", "out.arj", "inner.bin"),
    "zoo": tool("out.zoo", "zoo", "a", "out.zoo", "inner.bin"),
    "arc": tool("out.arc", "arc", "a", "out.arc", "inner.bin"),
    "cab": tool("out.cab", "lcab", "inner.bin", "out.cab"),
    "cab-mszip": tool("out.cab", "gcab", "-c", "-z", "out.cab", "inner.bin"),
    "tar": tool("out.tar", "tar", "cf", "out.tar", "inner.bin"),
    "tar-gz": tool("out.tgz", "tar", "czf", "out.tgz", "inner.bin"),
    "cpio-newc": from_input("out.cpio", "cpio", "-o", "-H", "newc"),
    "cpio-odc": from_input("out.cpio", "cpio", "-o", "-H", "odc"),
    "cpio-bin": from_input("out.cpio", "cpio", "-o", "-H", "bin"),
    "ar": tool("out.a", "ar", "rcs", "out.a", "inner.bin"),
    "deb": (["dpkg-deb"], deb),
    "rpm-gzip": rpm("w9.gzdio"),
    "rpm-xz": rpm("w6.xzdio"),
    "rpm-zstd": rpm("w19.zstdio"),
    "rpm-bzip2": rpm("w9.bzdio"),
    "wim": wim("none"),
    "wim-xpress": wim("xpress"),
    "wim-lzx": wim("lzx"),
    "wim-lzms-solid": wim("lzms", "--solid"),
    "gzip": python("out.gz", gzip.compress),
    "bzip2": python("out.bz2", bz2.compress),
    "xz": python("out.xz", lzma.compress),
    "lzma": python("out.lzma", raw_lzma),
    "zstd": to_output("out.zst", "zstd", "-q", "-c", "inner.bin"),
    "lz4": to_output("out.lz4", "lz4", "-q", "-c", "inner.bin"),
    "lzip": to_output("out.lz", "lzip", "-c", "inner.bin"),
    "lzop": to_output("out.lzo", "lzop", "-c", "inner.bin"),
    "brotli": tool("out.br", "brotli", "-o", "out.br", "inner.bin"),
    "snappy": to_output("out.sz", "snzip", "-c", "inner.bin"),
    "compress": (["compress"], unix_compress),
    "jar": tool("out.jar", "jar", "cf", "out.jar", "inner.bin"),
    "xar": tool("out.xar", "xar", "-cf", "out.xar", "inner.bin"),
    "makeself": (["makeself"], makeself),
}
