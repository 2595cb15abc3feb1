#!/bin/sh
# The tools that `wrap.py` wraps with, from Debian. What cannot be had is left out; `wrap.py` names it.
set -u
export DEBIAN_FRONTEND=noninteractive
for package in 7zip arj brotli clamav cpio cramfsprogs default-jdk-headless dosfstools e2fsprogs gcab genisoimage jlha-utils \
  lcab libreoffice-calc-nogui libreoffice-writer-nogui lz4 lzip lzop makeself msitools mtools ncompress nsis ntfs-3g \
  p7zip-full parted qemu-utils qpdf rpm sharutils snzip squashfs-tools umoci upx-ucl wimtools xar zip zoo zstd; do
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "not installed: $package"
done
