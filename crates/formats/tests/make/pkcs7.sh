#!/bin/sh
# Writes the samples into tests/golden/pkcs7: crates/formats/tests/make/pkcs7.sh
# OpenSSL makes the messages with a key that is thrown away; Python damages some.
set -e
out=$(cd "$(dirname "$0")/../golden" && pwd)/pkcs7
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; mkdir -p "$out"
printf 'Content-Type: text/plain\r\n\r\nA letter that is signed.\r\n' > letter
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -subj /CN=nobody -days 1 2>/dev/null
openssl req -x509 -newkey rsa:1024 -nodes -keyout rkey -out rcert -subj /CN=nobody -days 1 2>/dev/null
openssl cms -sign -binary -nodetach -signer cert -inkey key -in letter -outform DER -out "$out/signed.p7m"
openssl cms -sign -binary -nodetach -stream -signer cert -inkey key -in letter -outform DER -out "$out/signed-pieces.p7m"
openssl cms -sign -binary -signer cert -inkey key -in letter -outform DER -out "$out/detached.p7s"
openssl cms -encrypt -binary -aes128 -in letter -outform DER -out "$out/encrypted.p7m" rcert
openssl cms -data_create -in letter -binary -outform DER -out "$out/data.p7m"
openssl cms -digest_create -in letter -binary -outform DER -out "$out/digested.p7m"
openssl crl2pkcs7 -nocrl -certfile cert -outform DER -out "$out/certificates.p7b"
python3 - "$out" <<'P'
import sys, zlib, pathlib
out = pathlib.Path(sys.argv[1])
def e(tag, body, open=False):
    if open: return bytes([tag, 0x80]) + body + b"\0\0"
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x82]) + n.to_bytes(2, "big")
    return bytes([tag]) + size + body
oid = lambda *tail: e(6, bytes.fromhex("2a864886f70d01") + bytes(tail))
text = b"Content-Type: text/plain\r\n\r\n" + b"A letter that is compressed.\r\n" * 9
def compressed(body):
    zip = e(0x30, e(6, bytes.fromhex("2a864886f70d0109100308")))
    return e(0x30, oid(9, 16, 1, 9) + e(0xa0, e(0x30, e(2, b"\0") + zip + e(0x30, oid(7, 1) + e(0xa0, body)))))
(out / "compressed.p7m").write_bytes(compressed(e(4, zlib.compress(text))) + b"What lies behind the message")
def signed(pieces, tail=b""):
    data = e(0x30, oid(7, 1) + e(0xa0, pieces, True), True)
    return e(0x30, oid(7, 2) + e(0xa0, e(0x30, e(2, b"\1") + e(0x31, b"", True) + data + e(0x31, b""), True), True), True) + tail
nest = e(4, b"the ") + e(0x24, e(4, b"pieces ") + e(4, b"") + e(0x24, e(4, b"lie in "), True)) + e(4, b"pieces\r\n")
(out / "nested-pieces.p7m").write_bytes(signed(e(0x24, nest, True)))
(out / "wrong-piece.p7m").write_bytes(signed(e(0x24, e(4, b"what came before ") + b"\x05\x00" + nest, True)))
deep = e(4, b"deep")
for _ in range(30): deep = e(0x24, deep)
(out / "deep.p7m").write_bytes(signed(deep))
part = b"Content-Type: application/octet-stream; name=note.txt\r\nContent-Transfer-Encoding: base64\r\n\r\nQSB0ZXh0IHRoYXQgaXMgYXR0YWNoZWQuCg==\r\n"
(out / "attachment.p7m").write_bytes(signed(e(4, part)))
whole = (out / "signed-pieces.p7m").read_bytes()
(out / "cut.p7m").write_bytes(whole[:90])
whole = (out / "signed.p7m").read_bytes()
(out / "damaged.p7m").write_bytes(whole[:24] + b"\x77" + whole[25:])
P
