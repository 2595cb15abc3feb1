#!/usr/bin/env python3
"""Makes the samples of nsis with makensis of Debian's `nsis`: what lies behind the program, from the first header on."""

import os
import random
import struct
import subprocess
import tempfile

OUT = os.path.join(os.path.dirname(__file__), "..", "golden", "nsis")
MAGIC = b"\xef\xbe\xad\xdeNullsoftInst"
SCRIPT = r"""
Unicode {unicode}
SetCompressor {method}
Name "sample"
OutFile "{out}"
InstallDir "$PROGRAMFILES\Sample"
RequestExecutionLevel user
CRCCheck {crc}
Section "one"
SetOutPath $INSTDIR
File hello.txt
SetOutPath "$INSTDIR\sub folder"
File numbers.txt
File /oname=renamed.bin random.bin
File empty.txt
SectionEnd
"""


def make(folder, name, method, unicode="true", crc="on"):
    out = os.path.join(folder, name + ".exe")
    script = os.path.join(folder, name + ".nsi")
    with open(script, "w") as file:
        file.write(SCRIPT.format(unicode=unicode, method=method, out=out, crc=crc))
    subprocess.run(["makensis", "-V1", script], check=True, cwd=folder)
    with open(out, "rb") as file:
        whole = file.read()
    return whole[whole.index(MAGIC) - 4 :]


def main():
    os.makedirs(OUT, exist_ok=True)
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "hello.txt": b"a text in an installer\r\n",
            "numbers.txt": b"".join(b"%d\n" % n for n in range(600)),
            "random.bin": random.Random(1).randbytes(5000),
            "empty.txt": b"",
        }
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        for method in ["zlib", "bzip2", "lzma"]:
            made[method] = make(folder, method, method)
            made[method + "-solid"] = make(folder, method + "-solid", "/SOLID " + method)
        made["zlib-ansi"] = make(folder, "zlib-ansi", "zlib", "false", "off")
        made["lzma-solid-ansi"] = make(folder, "lzma-solid-ansi", "/SOLID lzma", "false")
    for method in ["zlib", "bzip2-solid", "lzma-solid"]:
        data = made[method]
        made[method + "-cut"] = data[: len(data) // 2]
        damaged = bytearray(data)
        for place in range(len(data) // 3, len(data) // 3 + 40):
            damaged[place] ^= 0x5A
        made[method + "-damaged"] = bytes(damaged)
    # The program finds the first header wherever it lies, and stops where that says.
    made["displaced"] = bytes(512) + made["zlib"] + b"behind the installer"
    wrong = bytearray(made["lzma-solid"])
    wrong[20:28] = struct.pack("<II", 5, 0xFFFFFFF0)
    made["wrong-sizes"] = bytes(wrong)
    short = bytearray(made["zlib"])
    short[24:28] = struct.pack("<I", 900)
    made["total-too-small"] = bytes(short)
    for name, data in made.items():
        with open(os.path.join(OUT, name), "wb") as file:
            file.write(data)


main()
