"""Documents, installers and packed programs."""

import base64
import os
import shutil
import zlib

from archives import copied, run, tool

# These take a program and nothing else; the payload that they wrap is a copy of `true`.
ONLY_PROGRAMS = set()


def pdf_text(objects):
    """A PDF of these objects, with its cross-reference table."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<</Root 1 0 R /Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + table + trailer


def pdf_with(filters, encode):
    """A PDF with an embedded file behind these filters."""
    def make(source, work):
        with open(source, "rb") as file:
            data = encode(file.read())
        stream = b"<</Type /EmbeddedFile %s /Length %d>>\nstream\n%s\nendstream" % (filters, len(data), data)
        objects = [
            b"<</Type /Catalog /Pages 2 0 R /Names <</EmbeddedFiles <</Names [(inner.bin) 4 0 R]>>>>>>",
            b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
            b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99]>>",
            b"<</Type /Filespec /F (inner.bin) /EF <</F 5 0 R>>>>",
            stream,
        ]
        path = os.path.join(work, "out.pdf")
        with open(path, "wb") as file:
            file.write(pdf_text(objects))
        return path
    return [], make


def qpdf(*options):
    """The same, rewritten by qpdf."""
    def make(source, work):
        _, plain = pdf_with(b"/Filter /FlateDecode", zlib.compress)
        path = plain(source, work)
        run("qpdf", *options, path, f"{work}/made.pdf")
        return f"{work}/made.pdf"
    return ["qpdf"], make


def office(extension, member):
    """A document as a zip, with the payload where embedded objects lie."""
    def make(source, work):
        os.makedirs(f"{work}/d/{os.path.dirname(member)}")
        shutil.copyfile(source, f"{work}/d/{member}")
        kinds = "<?xml version='1.0'?><Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>"
        with open(f"{work}/d/[Content_Types].xml", "w", encoding="ascii") as file:
            file.write(kinds)
        run("zip", "-q", "-r", f"../out.{extension}", "[Content_Types].xml", member.split("/")[0], cwd=f"{work}/d")
        return f"{work}/out.{extension}"
    return ["zip"], make


def rtf(source, work):
    """An RTF document with a package object."""
    with open(source, "rb") as file:
        data = file.read()
    name = b"inner.bin\0"
    package = b"\x02\0" + name + name + b"\0\0\x03\0" + len(name).to_bytes(4, "little") + name
    package += len(data).to_bytes(4, "little") + data
    kind = b"Package\0"
    ole = (0x501).to_bytes(4, "little") + (2).to_bytes(4, "little") + len(kind).to_bytes(4, "little") + kind
    ole += bytes(8) + len(package).to_bytes(4, "little") + package
    path = f"{work}/out.rtf"
    with open(path, "wb") as file:
        file.write(b"{\\rtf1\\ansi text {\\object\\objemb{\\*\\objclass Package}{\\*\\objdata ")
        file.write(ole.hex().encode() + b"}}}")
    return path


def upx(*options):
    def make(source, work):
        path = f"{work}/packed"
        shutil.copyfile(source, path)
        os.chmod(path, 0o755)
        run("upx", "-q", *options, path)
        return path
    return ["upx"], make


def nsis(*compressor):
    def make(source, work):
        copied(source, work)
        with open(f"{work}/w.nsi", "w", encoding="ascii") as script:
            script.write(f"SetCompressor {' '.join(compressor)}\nOutFile out.exe\nInstallDir $TEMP\n"
                         "Section\nSetOutPath $INSTDIR\nFile inner.bin\nSectionEnd\n")
        run("makensis", "-V0", "w.nsi", cwd=work)
        return f"{work}/out.exe"
    return ["makensis"], make


def msi(source, work):
    copied(source, work)
    with open(f"{work}/w.wxs", "w", encoding="ascii") as file:
        file.write(
            "<?xml version='1.0'?><Wix xmlns='http://schemas.microsoft.com/wix/2006/wi'>"
            "<Product Name='w' Id='11111111-2222-3333-4444-555555555555' Language='1033' Version='1.0.0' Manufacturer='w' "
            "UpgradeCode='21111111-2222-3333-4444-555555555555'><Package InstallerVersion='200' Compressed='yes'/>"
            "<Media Id='1' Cabinet='a.cab' EmbedCab='yes'/><Directory Id='TARGETDIR' Name='SourceDir'>"
            "<Component Id='C' Guid='31111111-2222-3333-4444-555555555555'><File Id='F' Source='inner.bin'/></Component>"
            "</Directory><Feature Id='A' Level='1'><ComponentRef Id='C'/></Feature></Product></Wix>")
    run("wixl", "-o", "out.msi", "w.wxs", cwd=work)
    return f"{work}/out.msi"


def libreoffice(extension):
    """A flat text document with the file as an object, written by LibreOffice; as `.doc` it drops what is no document."""
    def make(source, work):
        with open(source, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        with open(f"{work}/in.fodt", "w", encoding="ascii") as file:
            file.write(
                '<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
                'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
                'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" office:version="1.3" '
                'office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text><text:p>'
                '<draw:frame><draw:object-ole><office:binary-data>' + data +
                '</office:binary-data></draw:object-ole></draw:frame></text:p></office:text></office:body></office:document>')
        run("soffice", f"-env:UserInstallation=file://{work}/profile", "--headless", "--convert-to", extension, "in.fodt",
            cwd=work)
        return f"{work}/in.{extension}"
    return ["soffice"], make


WRAPPERS = {
    "pdf-flate": pdf_with(b"/Filter /FlateDecode", zlib.compress),
    "pdf-ascii85": pdf_with(b"/Filter [/ASCII85Decode /FlateDecode]",
                            lambda data: base64.a85encode(zlib.compress(data)) + b"~>"),
    "pdf-hex": pdf_with(b"/Filter /ASCIIHexDecode", lambda data: data.hex().encode() + b">"),
    "pdf-object-streams": qpdf("--object-streams=generate"),
    "pdf-linearized": qpdf("--linearize"),
    "pdf-rc4": qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "128", "--"),
    "pdf-aes128": qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--"),
    "pdf-aes256": qpdf("--encrypt", "", "owner", "256", "--"),
    "docx": office("docx", "word/embeddings/inner.bin"),
    "xlsx": office("xlsx", "xl/embeddings/inner.bin"),
    "odt-libreoffice": libreoffice("odt"),
    "docx-libreoffice": libreoffice("docx"),
    "rtf": ([], rtf),
    "nsis-zlib": nsis("zlib"),
    "nsis-bzip2-solid": nsis("/SOLID", "bzip2"),
    "nsis-lzma": nsis("lzma"),
    "nsis-lzma-solid": nsis("/SOLID", "lzma"),
    "msi": (["wixl"], msi),
}
