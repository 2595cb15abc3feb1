#!/bin/sh
# Samples of WIM by Debian's wimtools, and of these: truncated.wim the first two thirds of stored.wim, damaged.wim xpress.wim
# with 40 bytes of 0xff at a third.
mkdir -p tree/sub
seq 1 6000 > tree/numbers.txt
echo "a small text" > tree/small.txt
cp tree/small.txt tree/sub/again.txt
python3 -c "import sys; sys.stdout.buffer.write(b'MZ' + b''.join(bytes([0xe8, n % 251, n // 251, 0, 0, 0x90, n & 255]) for n in range(430)))" > tree/sub/code.bin
wimlib-imagex capture tree stored.wim --compress=none --no-acls
wimlib-imagex capture tree xpress.wim --compress=XPRESS --no-acls
wimlib-imagex capture tree lzx.wim --compress=LZX --no-acls
wimlib-imagex capture tree lzms.wim --compress=LZMS --no-acls
wimlib-imagex capture tree solid.wim --solid --no-acls
wimlib-imagex split xpress.wim split.wim 0.006
head -c $(($(stat -c %s stored.wim) * 2 / 3)) stored.wim > truncated.wim
at=$(($(stat -c %s xpress.wim) / 3))
{ head -c $at xpress.wim; head -c 40 /dev/zero | tr '\0' '\377'; tail -c +$((at + 41)) xpress.wim; } > damaged.wim
