#!/bin/sh
# Makes the binary samples again. Needs python3, openssl and osslsigncode; nothing here comes from anybody's product.
set -eu
cd "$(dirname "$0")/.."
python3 make/hive.py .
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
signed() { # FILE COMMON-NAME ORGANISATION
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key" -out "$work/certificate" -days 3650 \
    -subj "/C=RU/O=$3/CN=$2" -addext extendedKeyUsage=codeSigning 2>/dev/null
  python3 make/pe.py "$work/plain.exe"
  mkdir -p "$(dirname "$1")"
  rm -f "$1"
  osslsigncode sign -certs "$work/certificate" -key "$work/key" -h sha256 -in "$work/plain.exe" -out "$1" >/dev/null
}
signed signed/engine.dll "AO Kaspersky Lab" "AO Kaspersky Lab"
signed signed/other.dll "Example GmbH" "Example GmbH"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key" -out "$work/root" -days 3650 \
  -subj "/O=AO Kaspersky Lab/CN=Kaspersky Anti-Virus Personal Root Certificate" 2>/dev/null
mkdir -p windows-remnant/store linux-remnant/etc/ssl/certs
cp "$work/root" linux-remnant/etc/ssl/certs/kaspersky.pem
