#!/usr/bin/env python3
"""Writes documents of Office and of open formats into tests/golden/office: python3 crates/formats/tests/make/office.py

They have the parts that matter here and no more, so that Office would not open most of them; the addresses lead nowhere.
"""
import io, pathlib, zipfile

OUT = pathlib.Path(__file__).parent.parent / "golden" / "office"
OUT.mkdir(exist_ok=True)
TYPES = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/>%s</Types>"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def relationships(*all):
    body = "".join('<Relationship Id="r%d" Type="%s%s" Target="%s"%s/>' % (at, R, kind, target, mode) for at, (kind, target, mode) in enumerate(all))
    return '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>' % body


def write(name, members, stored=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for member, body in members:
            info = zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0))
            info.compress_type = archive.compression
            archive.writestr(info, body)
    (OUT / name).write_bytes(out.getvalue())


EXTERNAL = ' TargetMode="External"'
ROOT = lambda main: ("_rels/.rels", relationships(("officeDocument", main, "")))
DOCUMENT = '<w:document xmlns:w="x"><w:body>%s</w:body></w:document>'
word = lambda body: ("word/document.xml", DOCUMENT % body)
types = ("[Content_Types].xml", TYPES % "")
targets = relationships(
    ("attachedTemplate", "http://example.com/a.dotm", EXTERNAL), ("oleObject", "mhtml:http://example.com/a.html!x-usc:", EXTERNAL),
    ("frame", "&#104;ttp://example.com/b", EXTERNAL), ("image", "\\\\server\\share\\a.png", EXTERNAL),
    ("attachedTemplate", "file:///C:\\Users\\a\\Normal.dotm", EXTERNAL), ("hyperlink", "http://example.com/c", EXTERNAL), ("styles", "styles.xml", ""))
for name, stored in (("targets.docx", False), ("targets-stored.docx", True)):
    write(name, [types, ROOT("word/document.xml"), word("<w:p/>"), ("word/_rels/settings.xml.rels", targets)], stored)
write("targets-utf16.docx", [types, word(""), ("word/_rels/settings.xml.rels", targets.encode("utf-16"))])
write("targets-other-names.docx", [types, word(""), ("WORD\\_RELS\\Settings.XML.RELS", targets.replace("<Relationship ", "<a:Relationship ").replace('"', "'"))])

run = lambda text: "<w:r><w:instrText>%s</w:instrText></w:r>" % text
mark = lambda kind: '<w:r><w:fldChar w:fldCharType="%s"/></w:r>' % kind
field = lambda *texts: mark("begin") + "".join(run(text) for text in texts) + mark("separate") + "<w:t>x</w:t>" + mark("end")
quoted = mark("begin") + run("QUOTE 68 68 69 65 85 84 79 32 97") + mark("end")
write("fields.docx", [types, word(
    field("DD", "EAU", "TO c:\\\\x.exe &quot;nothing&quot;") + mark("begin") + quoted + mark("end")
    + '<w:fldSimple w:instr="DDE x y"/>' + field("INCLUDEPICTURE \"http://example.com/a.png\"") + field("PAGE")
    + run("INCLUDETEXT \"\\\\\\\\server\\\\a\""))])
write("sheets.xlsx", [types, ("xl/workbook.xml",
    '<workbook xmlns="x"><sheets><sheet name="One" state="visible"/><sheet name="Two" state="veryHidden"/></sheets>'
    '<definedNames><definedName name="_xlnm.Auto_Open">Two!$A$1</definedName></definedNames></workbook>'),
    ("xl/externalLinks/externalLink1.xml", '<externalLink><ddeLink ddeService="cmd" ddeTopic="/c nothing"/></externalLink>'),
    ("xl/connections.xml", '<connections><connection><webPr url="http://example.com/a"/></connection></connections>'),
    ("xl/macrosheets/sheet1.xml", '<xm:macrosheet xmlns:xm="x"><c r="A1"><f>HALT()</f></c></xm:macrosheet>'),
    ("xl/worksheets/sheet1.xml", "<worksheet/>")])
write("slides.pptx", [types, ROOT("ppt/presentation.xml"), ("ppt/presentation.xml", "<p:presentation/>"),
    ("ppt/slides/_rels/slide1.xml.rels", relationships(("oleObject", "script:http://example.com/a", EXTERNAL)))])
manifest = '<manifest:manifest xmlns:manifest="x"/>'
write("open.ods", [("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml",
    '<office:document-content><table:dde-link><office:dde-source office:dde-application="soffice" office:dde-topic="a"/></table:dde-link>'
    '<draw:floating-frame xlink:href="http://example.com/frame"/><draw:image xlink:href="Pictures/a.png"/></office:document-content>'),
    ("meta.xml", '<meta:template xlink:href="http://example.com/a.ott"/>'), ("META-INF/manifest.xml", manifest)], True)
write("broken.docx", [types, word('<w:instrText>DDE x<![CDATA[ y]]></w:instrText><w:fldSimple w:instr="DDEAUTO z'), ("word/_rels/a.rels", '<Relationship Target="http://example.com/" Type=oleObject')])
# Types that are told by their first members.
write("book.epub", [("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<container/>")], True)
write("classes.jar", [("META-INF/", b""), ("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n"), ("A.class", b"\xca\xfe\xba\xbe\0\0\0\x34")])
write("app.apk", [("classes.dex", b"dex\n035\0"), ("AndroidManifest.xml", b"\3\0\x08\0" + b"\0" * 20), ("META-INF/MANIFEST.MF", "x")])
write("extension.vsix", [("extension.vsixmanifest", "<PackageManifest/>"), types, ("extension/package.json", "{}")])
write("pages.xps", [types, ROOT("FixedDocumentSequence.fdseq"), ("FixedDocumentSequence.fdseq", "<FixedDocumentSequence/>")])
write("app.appx", [types, ("AppxManifest.xml", "<Package/>"), ("a.txt", "text")])
write("library.nupkg", [types, ROOT("library.nuspec"), ("library.nuspec", "<package/>")])
write("package-1.0-py3-none-any.whl", [("package/__init__.py", "a = 1\n"), ("package-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")])
write("letter.hwpx", [("mimetype", "application/hwp+zip"), ("version.xml", "<version/>"), ("Contents/section0.xml", "<sec/>")], True)
