#!/bin/sh
# Makes the samples of 7z with 7-Zip (Debian: p7zip-full), in the folder that is named.
set -eu
out=$(realpath "${1:-$(dirname "$0")/../golden/7z}")
mkdir -p "$out"
work=$(mktemp -d)
cd "$work"
for number in $(seq 1 60); do echo "Candor opens this line $number of an inert text."; done > text.txt
printf 'MZ inert\n' > small.exe
python3 -c "import sys; sys.stdout.buffer.write(b'MZ' + b''.join(bytes([0xe8, n % 251, n // 251, 0, 0, 0x90, n & 255]) for n in range(430)))" > program.exe


7z a -bd -m0=LZMA2 "$out/lzma2-solid.7z" text.txt small.exe >/dev/null
7z a -bd -m0=LZMA -ms=off "$out/lzma.7z" text.txt small.exe >/dev/null
7z a -bd -m0=PPMd "$out/ppmd.7z" text.txt >/dev/null
7z a -bd -m0=BZip2 "$out/bzip2.7z" text.txt >/dev/null
7z a -bd -m0=Deflate "$out/deflate.7z" text.txt >/dev/null
7z a -bd -mx=0 "$out/copy.7z" text.txt small.exe >/dev/null
7z a -bd -m0=BCJ2 -m1=LZMA -m2=LZMA -m3=LZMA -mb0:1 -mb0s1:2 -mb0s2:3 "$out/bcj2.7z" program.exe >/dev/null
7z a -bd -m0=delta:4 -m1=LZMA2 "$out/delta.7z" program.exe >/dev/null
7z a -bd -pinfected "$out/password-infected.7z" text.txt small.exe >/dev/null
7z a -bd -pinfected -mhe=on "$out/names-password-infected.7z" text.txt >/dev/null
7z a -bd -punknown "$out/password-unknown.7z" text.txt >/dev/null
7z a -bd -punknown -mhe=on "$out/names-password-unknown.7z" text.txt >/dev/null
head -c 200 "$out/lzma2-solid.7z" > "$out/truncated.7z"
python3 - "$out" <<'P'
import sys, pathlib
out = pathlib.Path(sys.argv[1])
data = bytearray((out / "copy.7z").read_bytes())
data[40] ^= 0xFF
(out / "wrong-checksum.7z").write_bytes(data)
data = bytearray((out / "lzma2-solid.7z").read_bytes())
data[90:94] = b"\xff\xff\xff\xff"
(out / "damaged.7z").write_bytes(data)
data = (out / "lzma.7z").read_bytes()
(out / "bytes-behind.7z").write_bytes(data + b"These bytes lie behind the archive.\n")
P
rm -rf "$work"
