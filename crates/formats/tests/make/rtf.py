#!/usr/bin/env python3
"""Writes the documents into tests/golden/rtf: python3 crates/formats/tests/make/rtf.py

They hold texts and pictures of no pixels; rtfobj of oletools reads the objects in them as they are meant.
"""
import pathlib, struct, sys, zlib

HERE = pathlib.Path(__file__).parent
OUT = HERE.parent / "golden" / "rtf"
OUT.mkdir(exist_ok=True)

sys.path.insert(0, str(HERE))
import ole2


def text(value):
    value = value.encode() + b"\0" if value else b""
    return struct.pack("<I", len(value)) + value


def ole1(name, data, form=2, topic="", size=None, tail=b"\1\5\0\0\0\0\0\0"):
    head = struct.pack("<II", 0x501, form) + text(name) + text(topic) + text("")
    if form == 1:
        return head + text("") + struct.pack("<II", 0, 0) + tail
    return head + struct.pack("<I", len(data) if size is None else size) + data + tail


def package(label, path, data, wide=True):
    body = struct.pack("<H", 2) + label.encode() + b"\0" + path.encode() + b"\0"
    command = path.encode() + b"\0"
    body += struct.pack("<HHI", 0, 3, len(command)) + command + struct.pack("<I", len(data)) + data
    if wide:
        for value in (path, label, path):
            body += struct.pack("<I", len(value)) + value.encode("utf-16-le")
    return body


TEXT = b"This is an attachment of a document, and it does nothing.\r\n" * 3
FILE = ole2.cfb({"Contents": TEXT, "\1CompObj": b"\1\0\xfe\xff" + b"\0" * 40})


def write(name, body):
    (OUT / name).write_bytes(body if isinstance(body, bytes) else body.encode("latin-1"))


def lines(data):
    digits = data.hex()
    return "\r\n".join(digits[at:at + 128] for at in range(0, len(digits), 128))


def document(body):
    return "{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Arial;}}\\pard Hello\\par\r\n" + body + "}"


def obj(data, words="\\objemb"):
    return "{\\object" + words + "{\\*\\objclass Thing}{\\*\\objdata " + data + "}{\\result{\\pict}}}"


pack = ole1("Package", package("note.txt", "C:\\Users\\a\\note.txt", TEXT))
write("package.rtf", document(obj(lines(pack))))
write("package-names.rtf", document(obj(lines(ole1("Package", package("note.txt", "C:\\a\\other.exe", TEXT))))))
write("compound.rtf", document(obj(lines(ole1("Some.Class.1", FILE)))))
write("link.rtf", document(obj(lines(ole1("OLE2Link", b"", form=1, topic="http://example.com/a.doc")), "\\objautlink\\objupdate")))
write("broken-header.rtf", document(obj(lines(b"\1\5\0\0\2\0\0\0\xff\xff\xff\xff" + FILE))))
write("size-too-large.rtf", document(obj(lines(ole1("Some.Class.1", TEXT, size=5000)))))
write("size-too-small.rtf", document(obj(lines(ole1("Some.Class.1", TEXT * 4, size=60)))))

digits = ole1("Package", package("note.txt", "C:\\a\\note.txt", TEXT)).hex()
words = ["\\b ", "{\\rtlch}", "\r\n\t", "{}", "\\par\\x ", "{\\b0 }", "\\*", "zz", "\\'zz", "{\\*\\unknown }", "\\" + "q" * 200 + "1 "]
hidden, at = "", 0
while at < len(digits):
    # Two digits stay together, since \' behind the first drops it.
    hidden += digits[at:at + 6] + words[at // 6 % len(words)]
    at += 6
write("obfuscated.rtf", document(obj(hidden)).replace("{\\rtf1", "{\\rt", 1))
write("digits-apart.rtf", document(obj("".join(digit + "\n" for digit in digits[:600]) + digits[600:])))
write("ignored-group.rtf", document(obj(digits[:80] + "{\\*\\unknown 4141}" + digits[80:])))
write("odd-digit.rtf", document(obj(digits[:80] + "4\\'41" + digits[80:])))
write("odd-count.rtf", document(obj(digits + "4")))
write("unclosed.rtf", "{\\rt{\\object{\\*\\objdata " + digits)
write("group-inside.rtf", document(obj("{\\b " + digits[:100] + "{" + digits[100:] + "}}")))
write("data-in-data.rtf", document(obj("4242{\\object{\\*\\objdata " + digits + "}}4343")))

raw = ole1("Package", package("note.txt", "C:\\a\\note.txt", TEXT))
half = len(raw) // 2
write("binary.rtf", document(obj(raw[:half].hex() + "\\bin%d " % (len(raw) - half) + raw[half:].decode("latin-1"))))
inner = obj(digits)
write("in-binary.rtf", document("{\\bin%d %s}" % (len(inner), inner)))
write("binary-too-long.rtf", document("\\bin99999999 " + inner))
write("binary-wraps.rtf", document("\\bin4294967296 " + inner))

def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
write("picture.rtf", document("{\\*\\shppict{\\pict{\\*\\picprop{\\sp{\\sn a}{\\sv 1}}}\\picw1\\pich1\\pngblip\r\n{\\*\\blipuid 00112233445566778899aabbccddeeff}" + lines(png) + "}}{\\pict\\pngblip\\bin%d " % len(png) + png.decode("latin-1") + "}"))
write("datastore.rtf", document("{\\*\\datastore " + lines(FILE) + "}{\\*\\themedata " + lines(TEXT) + "}"))
write("template.rtf", document("{\\*\\template http://example.com/a.dotm}"))
write("template-wide.rtf", document("{\\*\\template " + "".join("\\u%d ?" % ord(letter) for letter in "http://example.com/a.dotm") + "}"))
write("template-here.rtf", document("{\\*\\template C:\\\\Users\\\\a\\\\Normal.dotm}"))
write("fields.rtf", document(
    "{\\field{\\*\\fldinst{ DDE}{AUTO c:\\\\\\\\x.exe \"/k nothing\"}}{\\fldrslt x}}"
    "{\\field{\\*\\fldinst INCLUDEPICTURE \"http://example.com/a.png\"}{\\fldrslt}}"
    "{\\field{\\*\\fldinst HYPERLINK \"http://example.com/\"}{\\fldrslt here}}"))
write("behind.rtf", document("") + "{\\object{\\*\\objdata " + digits + "}}")
write("document-behind.rtf", document("") + "\r\n" + document(inner))
write("closed-early.rtf", document("}}" + inner))
