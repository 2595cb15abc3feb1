#!/bin/sh
# stored.cab and mszip.cab by Debian's gcab; the others are mszip.cab: cut.cab its first two thirds, damaged.cab with
# 40 bytes of 0xff in its middle, overlay.cab with a line behind it.
seq 1 9000 > numbers.txt
echo "a small text" > small.txt
gcab -c stored.cab small.txt
gcab -c -z mszip.cab small.txt numbers.txt
