"""Makes the samples of PDF. Their payload is a harmless text that stands in none of them as it is.

Those whose names begin with `qpdf-` are written by qpdf (Debian package `qpdf`) from one of them, and the rest by hand.
Run it in this folder.
"""

import base64
import pathlib
import struct
import subprocess
import zlib

OUT = pathlib.Path(__file__).parent.parent / "golden" / "pdf"
PAYLOAD = b"A harmless payload of a test, which has to come out byte by byte.\r\n\x00\x01\xfe\xff" * 3


def a85(data):
    return base64.a85encode(data) + b"~>"


def stream(dictionary, data, length=None):
    size = len(data) if length is None else length
    size = b"" if size is False else b"/Length " + str(size).encode()
    return b"<<" + dictionary + size + b">>\nstream\n" + data + b"\nendstream"


class File:
    def __init__(self, header=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", before=b""):
        self.before = len(before)
        self.data = bytearray(before + header)
        self.places = {}

    def add(self, number, body, generation=0):
        self.places[number] = len(self.data) - self.before
        self.data += b"%d %d obj\n" % (number, generation) + body + b"\nendobj\n"

    def end(self, extra=b""):
        start = len(self.data) - self.before
        self.data += b"xref\n0 1\n0000000000 65535 f \n"
        for number, place in sorted(self.places.items()):
            self.data += b"%d 1\n%010d 00000 n \n" % (number, place)
        self.data += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
            max(self.places, default=0) + 1, extra, start)
        return start

    def write(self, name):
        (OUT / name).write_bytes(self.data)


def document(**options):
    file = File(**options)
    file.add(1, b"<</Type/Catalog/Pages 2 0 R/OpenAction 5 0 R/Names<</EmbeddedFiles<</Names[(a) 6 0 R]>>>>>>")
    file.add(2, b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
    file.add(3, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Annots[9 0 R]>>")
    file.add(4, stream(b"/Filter/FlateDecode", zlib.compress(b"BT /F1 12 Tf (Hello) Tj ET\n" * 20)))
    file.add(5, b"<</S/JavaScript/J#53 (app.alert\\(\\047hello\\047\\);)>>")
    file.add(6, b"<</Type/Filespec/F(payload.bin)/UF(\xfe\xff\0p\0\xe4\0y\0l\0o\0a\0d\0.\0b\0i\0n)/EF<</F 7 0 R>>>>")
    packed = a85(zlib.compress(PAYLOAD))
    file.add(7, stream(b"/Type/EmbeddedFile/Filter[/ASCII85Decode/FlateDecode]", packed))
    file.add(8, stream(b"/Type/XObject/Subtype/Image/Filter/DCTDecode", b"\xff\xd8\xff\xe0 no picture \xff\xd9"))
    file.add(9, b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(http://example.org/a)>>>>")
    return file


def lzw(data):
    """As wide as can be: a clear code before every 200 bytes."""
    bits, count, out = 0, 0, bytearray()
    codes = []
    for index, byte in enumerate(data):
        if index % 200 == 0:
            codes.append(256)
        codes.append(byte)
    for code in codes + [257]:
        bits = bits << 9 | code
        count += 9
    pad = -count % 8
    return (bits << pad).to_bytes((count + pad) // 8, "big")


def png_rows(data, columns):
    rows, above = bytearray(), bytes(columns)
    data = data + bytes(-len(data) % columns)
    for index in range(0, len(data), columns):
        row = data[index:index + columns]
        kind = index // columns % 5
        rows.append(kind)
        for place in range(columns):
            left = row[place - 1] if place else 0
            up = above[place]
            corner = above[place - 1] if place else 0
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            rows.append((row[place] - [0, left, up, (left + up) // 2, near][kind]) & 255)
        above = row
    return bytes(rows)


def main():
    OUT.mkdir(exist_ok=True)
    plain = document()
    plain.end()
    plain.write("embedded.pdf")

    filters = File()
    filters.add(1, b"<</Type/Catalog>>")
    hexed = PAYLOAD.hex().encode() + b">"
    filters.add(2, stream(b"/Filter/ASCIIHexDecode", hexed))
    filters.add(3, stream(b"/Filter/AHx", hexed[:9] + b"\n " + hexed[9:]))
    filters.add(4, stream(b"/Filter[/A85]", a85(PAYLOAD)))
    filters.add(5, stream(b"/Filter/LZWDecode", lzw(PAYLOAD)))
    runs = b"".join(bytes([len(part) - 1]) + part for part in (PAYLOAD[i:i + 100] for i in range(0, len(PAYLOAD), 100)))
    filters.add(6, stream(b"/Filter/RunLengthDecode", runs + b"\x80"))
    rows = zlib.compress(png_rows(PAYLOAD, 23))
    filters.add(7, stream(b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 23>>", rows))
    tiff = bytes((PAYLOAD[i] - (PAYLOAD[i - 1] if i % 30 else 0)) & 255 for i in range(len(PAYLOAD)))
    filters.add(8, stream(b"/Filter[/FlateDecode]/DecodeParms[<</Predictor 2/Columns 30>>]", zlib.compress(tiff)))
    filters.add(9, stream(b"/Filter 10 0 R/DecodeParms[null null]", hexed.replace(hexed, a85(zlib.compress(PAYLOAD)).hex().encode())))
    filters.add(10, b"[/ASCIIHexDecode /ASCII85Decode /Fl]")
    filters.add(11, stream(b"/Filter/Crypt/DecodeParms<</Name/Identity>>", PAYLOAD))
    filters.add(12, stream(b"/Filter[/Foo#42ar]", PAYLOAD))
    filters.add(13, stream(b"/Filter[/ASCII85Decode/JBIG2Decode]", a85(b"no picture at all")))
    filters.add(14, stream(b"/Filter[" + b"/FlateDecode " * 1000 + b"]", zlib.compress(PAYLOAD)))
    filters.add(15, stream(b"/Filter/ASCIIHexDecode/Filter/ASCII85Decode", hexed))
    filters.end()
    filters.write("filters.pdf")

    odd = document(header=b"%PDF-1.4\n", before=b"Something stands before the header, as readers allow.\n")
    odd.end()
    odd.data += b"This stands behind the end and is not part of the document."
    odd.write("displaced.pdf")

    lengths = File()
    packed = zlib.compress(PAYLOAD)
    lengths.add(1, stream(b"/Filter/FlateDecode", packed, 3))
    lengths.add(2, stream(b"/Filter/FlateDecode", packed, 99999999))
    lengths.add(3, stream(b"/Filter/FlateDecode", packed, False))
    lengths.data += b"4 0 obj\n<</Filter/FlateDecode/Length 5 0 R>>\nstream\r\n" + packed + b"\r\nendstream\nendobj\n"
    lengths.add(5, b"%d" % len(packed))
    lengths.add(6, stream(b"/Filter/FlateDecode/Length 6 0 R", packed, False))
    lengths.add(7, stream(b"/Filter/FlateDecode", packed[:40]))
    lengths.add(8, stream(b"/Filter/FlateDecode", packed[:60] + b"\xff" * 9 + packed[60:]))
    lengths.add(9, stream(b"/Filter/FlateDecode", packed + b" hidden behind the deflate stream, where no reader looks"))
    lengths.data += b"10 0 obj <</Filter/FlateDecode stream\n" + packed + b"\nendobj\n"
    lengths.data += b"11 0 obj <</Filter/FlateDecode>> stream\n" + packed
    lengths.write("lengths.pdf")

    hidden = document()
    start = hidden.end()
    # An update that replaces the file and deletes its name; the old version stays.
    hidden.add(7, stream(b"/Type/EmbeddedFile/Filter/FlateDecode", zlib.compress(b"nothing to see")))
    hidden.end(b"/Prev %d" % start)
    # An object that no table names, with comments in it, and one that only a table can find.
    hidden.data += b"77 0 obj % comment\n<</S/Launch/Mac<</F(see.txt)/P(/c calc)>>>> endobj\n"
    hidden.places = {78: len(hidden.data)}
    hidden.data += b"78 %obj\n0 %obj\nobj" + stream(b"/Filter/FlateDecode", zlib.compress(b"found by the table")) + b"\nendobj\n"
    hidden.end(b"/Prev %d" % start)
    # An object in a stream whose length hides it.
    inner = b"\nendstream endobj\n80 0 obj " + stream(b"/Filter/ASCIIHexDecode", b"hidden in a stream".hex().encode()) + b" endobj "
    hidden.add(79, stream(b"", b"BT ET" + inner))
    hidden.end()
    hidden.write("hidden.pdf")

    packed_objects = [
        (20, b"<</S/JavaScript/JS(this.first\\(\\))>>"),
        (21, b"<</Type/Filespec/F(inner.txt)/EF 22 0 R>>"),
        (22, b"<</F 30 0 R>>"),
        (23, b"<</XFA[(preamble) 31 0 R (rest) 32 0 R]>>"),
        (24, b"<</S/JavaScript/JS 33 0 R>>"),
        (25, b"[" * 30 + b"(deep)" + b"]" * 30),
    ]
    body, header = b"", b""
    for number, value in packed_objects:
        header += b"%d %d " % (number, len(body))
        body += value + b" "
    streams = File(header=b"%PDF-1.5\n")
    streams.add(1, b"<</Type/Catalog>>")
    streams.add(2, stream(b"/Type/ObjStm/N 6/First %d/Filter/FlateDecode" % len(header), zlib.compress(header + body)))
    # It holds itself and another object stream, as none may.
    streams.add(3, stream(b"/Type/ObjStm/N 2/First 8/Extends 3 0 R", b"3 0 2 5 " + b"null <</Type/ObjStm>>"))
    streams.add(4, stream(b"/Type/ObjStm/N 1000000000/First 99/Filter/FlateDecode", zlib.compress(b"9 9 9 9 9 9")))
    streams.add(30, stream(b"/Filter[/A85/Fl]", a85(zlib.compress(PAYLOAD))))
    streams.add(31, stream(b"/Filter/FlateDecode", zlib.compress(b"<xdp:xdp><template>")))
    streams.add(32, stream(b"/Filter/FlateDecode", zlib.compress(b"<script>xfa.host</script></template></xdp:xdp>")))
    streams.add(33, stream(b"/Filter/FlateDecode", zlib.compress("\ufeffthis.second()".encode("utf-16-be"))))
    place = len(streams.data)
    streams.places[34] = place
    entries = b"".join(struct.pack(">BIB", 1, streams.places.get(n, 0), 0) for n in range(35))
    streams.add(34, stream(b"/Type/XRef/Size 35/W[1 4 1]/Root 1 0 R/Prev %d/Filter/FlateDecode" % place, zlib.compress(entries)))
    streams.data += b"startxref\n%d\n%%%%EOF\n" % place
    streams.write("streams.pdf")

    nasty = File()
    nasty.add(1, b"<<" * 5000 + b"(deep)" + b">>" * 5000)
    nasty.add(2, b"2 0 R")
    nasty.add(3, stream(b"/Filter 3 0 R/Length 3 0 R", PAYLOAD, False))
    nasty.add(4, stream(b"/Filter 2 0 R/DecodeParms 2 0 R", b"filters that refer to themselves"))
    nasty.add(5, b"(never closed")
    nasty.add(6, b"<</JS 6 0 R/EF 6 0 R/XFA[6 0 R 6 0 R]/F 6 0 R>>")
    nasty.add(7, stream(b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(zlib.compress(bytes(3 << 20)))))
    nasty.add(8, stream(b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 999999999/Colors 32>>", zlib.compress(b"x")))
    nasty.data += b"trailer <</Prev 0/XRefStm 9>> startxref 5 startxref 99999999999999999999\n"
    nasty.write("nasty.pdf")

    script = document()
    script.add(12, b"<</S/JavaScript/JS<%s>>>" % (b"var a = 'a long script';" * 20).hex().encode())
    script.end()
    script.write("script.pdf")

    def qpdf(name, *arguments):
        command = ["qpdf", "--static-id", "--deterministic-id"] if "--encrypt" not in arguments else ["qpdf", "--static-id"]
        subprocess.run([*command, *arguments, OUT / "embedded.pdf", OUT / name], check=True)

    qpdf("qpdf-streams.pdf", "--object-streams=generate")
    qpdf("qpdf-linearized.pdf", "--linearize", "--object-streams=generate")
    for name, user, bits, *more in [
        ("rc4-40", "", "40"),
        ("rc4-128", "", "128"),
        ("aes-128", "", "128", "--use-aes=y"),
        ("aes-128-metadata", "", "128", "--use-aes=y", "--cleartext-metadata"),
        ("aes-256-r5", "", "256", "--force-R5"),
        ("aes-256-r6", "", "256"),
        ("password-r3", "infected", "128"),
        ("password-r6", "infected", "256"),
        ("unknown-password", "unknown", "256"),
    ]:
        weak = [] if bits == "256" else ["--allow-weak-crypto"]
        streams = ["--object-streams=generate"] if name.endswith(("r6", "128")) else ["--object-streams=preserve"]
        qpdf("qpdf-%s.pdf" % name, *weak, *streams, "--encrypt", user, "owner", bits, *more, "--")
    # A filter that takes megabytes for a byte.
    import zlib
    empty = b"\0\0\0\xff\xff" * (15 * (1 << 20) // 5)
    quiet = b"\x78\x9c" + (b"\0\1\0\xfe\xffA" + empty) * 40 + b"\1\0\0\xff\xff"
    packed = zlib.compress(zlib.compress(quiet, 9), 9)
    head = b"1 0 obj\n<</Filter[/FlateDecode/FlateDecode/FlateDecode]/Length %d>>\nstream\n" % len(packed)
    (OUT / "quiet.pdf").write_bytes(b"%PDF-1.5\n" + head + packed + b"\nendstream\nendobj\ntrailer <</Root 1 0 R>>\n%%EOF\n")
    # The owner's password opens it, too.
    qpdf("qpdf-owner-r3.pdf", "--allow-weak-crypto", "--encrypt", "unknown", "infected", "128", "--")
    qpdf("qpdf-owner-r6.pdf", "--encrypt", "unknown", "infected", "256", "--")
    # It says that it is encrypted and is not.
    lie = document()
    lie.add(10, b"<</Filter/Nonstandard/V 1>>")
    lie.end(b"/Encrypt 10 0 R")
    lie.write("not-encrypted.pdf")


main()
