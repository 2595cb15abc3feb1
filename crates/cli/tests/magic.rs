//! Magic of signature files against what `clamscan` 1.4.6 finds with the same files: each row is a file of magic, content,
//! what ClamAV finds, and what is found here.
//!
//! The signatures are one for each target, so that what is found tells as what the content was looked at. Where the two
//! differ, something is found here besides, since our own recognition stays; where ClamAV has an error, the file has no line
//! for its level; and a PDF at some offset needs a format that recognises it there.

mod program;

use std::fs;

use program::Ground;

const TEXT: &[u8] = b"xxhe plain words here and there MARKERMARKER and more of them\n";
/// An archive of one deflated member, which holds `INNERINNER`.
const ZIP: &str = "504b0304140000000800000021003b31c10b0d0000002400000005000000612e62696e63f4f4f3730d02134c8c38d800504b0102140014000000\
    0800000021003b31c10b0d00000024000000050000000000000000000000000000000000612e62696e504b0506000000000100010033000000300000000000";
const GZIP: &str = "1f8b080000000000020363f4f4f3730d02134c8c38d8003b31c10b24000000";

#[derive(Clone, Copy)]
enum Content {
    Binary,
    Text,
    Zip,
    Far,
    BinaryZip,
    TextZip,
    Between,
    BinaryGzip,
}

impl Content {
    fn bytes(self) -> Vec<u8> {
        let high: Vec<u8> = (128..=255).collect();
        let start = b"\x81\x82xxhe\0\x01\x02\x03\xff\xfe\x90";
        let binary = [&start[..], &high, b"MARKERMARKER", &[0xff, 0xfe].repeat(8)].concat();
        let zip = hex::decode(ZIP).unwrap();
        match self {
            Self::Binary => binary,
            Self::Text => TEXT.to_vec(),
            Self::Zip => zip,
            Self::Far => {
                [&b"\x81\xff".repeat(510)[..], b"ABCD", &b"\xff\x81".repeat(9), b"MARKERMARKER"].concat()
            }
            Self::BinaryZip => [binary, zip].concat(),
            Self::TextZip => [TEXT.to_vec(), zip].concat(),
            Self::Between => [binary.clone(), zip, binary.repeat(40)].concat(),
            Self::BinaryGzip => [binary, hex::decode(GZIP).unwrap()].concat(),
        }
    }
}

/// What it is about, the lines, the content, what ClamAV finds, what is found here.
#[rustfmt::skip]
const ROWS: &[(&str, &str, Content, &str, &str)] = &[
    ("bytes of binary, MSEXE", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MSEXE", Content::Binary, "Pe", "Pe"),
    ("bytes of binary, MSOLE2", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MSOLE2", Content::Binary, "Ole2", "Ole2"),
    ("bytes of binary, MSWORD", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MSWORD", Content::Binary, "error", "error"),
    ("bytes of binary, HTML", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Binary, "Html2", "Html2"),
    ("bytes of binary, MAIL", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MAIL", Content::Binary, "Mail", "Mail"),
    ("bytes of binary, GRAPHICS", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_GRAPHICS", Content::Binary, "Image", "Image"),
    ("bytes of binary, GIF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_GIF", Content::Binary, "Image", "Image"),
    ("bytes of binary, PNG", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PNG", Content::Binary, "Image", "Image"),
    ("bytes of binary, JPEG", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_JPEG", Content::Binary, "Image", "Image"),
    ("bytes of binary, TIFF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_TIFF", Content::Binary, "Image", "Image"),
    ("bytes of binary, ELF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_ELF", Content::Binary, "Elf", "Elf"),
    ("bytes of binary, MACHO", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MACHO", Content::Binary, "Macho", "Macho"),
    ("bytes of binary, MACHO_UNIBIN", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MACHO_UNIBIN", Content::Binary, "Macho", "Macho"),
    ("bytes of binary, PDF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "Pdf", "Pdf"),
    ("bytes of binary, SWF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_SWF", Content::Binary, "Swf", "Swf"),
    ("bytes of binary, JAVA", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_JAVA", Content::Binary, "Java", "Java"),
    ("bytes of binary, RTF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_RTF", Content::Binary, "", ""),
    ("bytes of binary, ZIP", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_ZIP", Content::Binary, "", ""),
    ("bytes of binary, RAR", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_RAR", Content::Binary, "", ""),
    ("bytes of binary, 7Z", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_7Z", Content::Binary, "", ""),
    ("bytes of binary, GZ", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_GZ", Content::Binary, "", ""),
    ("bytes of binary, MSCAB", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_MSCAB", Content::Binary, "", ""),
    ("bytes of binary, LNK", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_LNK", Content::Binary, "", ""),
    ("bytes of binary, PS", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PS", Content::Binary, "", ""),
    ("bytes of binary, TNEF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_TNEF", Content::Binary, "", ""),
    ("bytes of binary, ISO9660", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_ISO9660", Content::Binary, "", ""),
    ("bytes of binary, AUTOIT", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_AUTOIT", Content::Binary, "", ""),
    ("bytes of binary, SCRENC", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_SCRENC", Content::Binary, "", ""),
    ("bytes of binary, RIFF", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_RIFF", Content::Binary, "", ""),
    ("bytes of text, MSEXE", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_MSEXE", Content::Text, "Pe", "Pe Text2"),
    ("bytes of text, PDF", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Text, "Pdf", "Pdf Text2"),
    ("bytes of text, GIF", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_GIF", Content::Text, "Image", "Image Text2"),
    ("bytes of text, ELF", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_ELF", Content::Text, "Elf", "Elf Text2"),
    ("bytes of text, MAIL", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_MAIL", Content::Text, "Mail", "Mail Text2"),
    ("bytes of text, HTML", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("bytes of text, ZIP", "0:0:78786865:D:CL_TYPE_ANY:CL_TYPE_ZIP", Content::Text, "", "Text2"),
    ("last of two", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF 0:2:7878:D:CL_TYPE_ANY:CL_TYPE_MSEXE", Content::Binary, "Pe", "Pe"),
    ("last of two, other order", "0:2:7878:D:CL_TYPE_ANY:CL_TYPE_MSEXE 0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "Pdf", "Pdf"),
    ("last of two offsets", "0:3:786865:D:CL_TYPE_ANY:CL_TYPE_PDF 0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_SWF", Content::Binary, "Swf", "Swf"),
    ("required type", "0:2:78786865:D:CL_TYPE_ZIP:CL_TYPE_PDF", Content::Binary, "Pdf", "Pdf"),
    ("other bytes", "0:2:78786866:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "", ""),
    ("other offset", "0:3:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "", ""),
    ("level too high", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF:500", Content::Binary, "error", ""),
    ("level range", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF:1:300", Content::Binary, "Pdf", "Pdf"),
    ("level too low", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF:1:100", Content::Binary, "error", ""),
    ("end of the head", "0:1020:41424344:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Far, "Pdf", "Pdf Text2"),
    ("beyond the head", "0:1021:424344ff81:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Far, "Text2", "Text2"),
    ("one byte", "0:0:81:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "Pdf", "Pdf"),
    ("empty description", "0:2:78786865::CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "Pdf", "Pdf"),
    ("overrides a zip", "0:0:504b0304:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Zip, "", "Inner"),
    ("names what it is", "0:0:504b0304:D:CL_TYPE_ANY:CL_TYPE_ZIP", Content::Zip, "Inner", "Inner"),
    ("pattern at the start", "1:2:78786865:D:CL_TYPE_ANY:CL_TYPE_PDF", Content::Binary, "Pdf", ""),
    ("pattern anywhere", "1:*:78786865:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("pattern in binary, HTML", "1:*:78786865:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Binary, "Html2", "Html2"),
    ("pattern with gap", "1:0:7878{2}20:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("pattern with choice", "1:0:(7878|7979)6865:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("pattern with wildcard", "1:0:78786865*4d41524b:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("pattern elsewhere", "1:1:78786865:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Text2", "Text2"),
    ("pattern at the end", "1:EOF-6:7468656d:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Text2", "Text2"),
    ("pattern within a range", "1:0,40:706c61696e:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("pattern beyond a range", "1:0,2:706c61696e:D:CL_TYPE_ANY:CL_TYPE_HTML", Content::Text, "Text2", "Text2"),
    ("pattern, required text", "1:*:78786865:D:CL_TYPE_TEXT_ASCII:CL_TYPE_HTML", Content::Text, "Html2", "Html2 Text2"),
    ("pattern, required zip", "1:*:78786865:D:CL_TYPE_ZIP:CL_TYPE_HTML", Content::Text, "Text2", "Text2"),
    ("pattern, mail", "1:*:78786865:D:CL_TYPE_ANY:CL_TYPE_MAIL", Content::Text, "Mail", "Mail Text2"),
    ("zip behind binary", "1:*:504b0304:D:CL_TYPE_ANY:CL_TYPE_ZIPSFX", Content::BinaryZip, "Inner", "Inner"),
    ("zip behind text", "1:*:504b0304:D:CL_TYPE_ANY:CL_TYPE_ZIPSFX", Content::TextZip, "Inner", "Inner"),
    ("zip between", "1:*:504b0304:D:CL_TYPE_ANY:CL_TYPE_ZIPSFX", Content::Between, "Inner", "Inner"),
    ("not a zip", "1:*:78786865:D:CL_TYPE_ANY:CL_TYPE_ZIPSFX", Content::Binary, "", ""),
    ("gzip within", "1:*:1f8b0800:D:CL_TYPE_ANY:CL_TYPE_GZ", Content::BinaryGzip, "", "Inner"),
    ("ignored", "0:2:78786865:D:CL_TYPE_ANY:CL_TYPE_IGNORED", Content::Binary, "", ""),
];

fn signatures() -> String {
    let targets = [
        ("Pe", 1),
        ("Ole2", 2),
        ("Mail", 4),
        ("Image", 5),
        ("Elf", 6),
        ("Macho", 9),
        ("Pdf", 10),
        ("Swf", 11),
        ("Java", 12),
    ];
    let mut lines: String = targets
        .iter()
        .map(|(name, target)| format!("{name}:{target}:*:4d41524b45524d41524b4552\n"))
        .collect();
    for (name, target) in [("Text2", 7), ("Html2", 3)] {
        lines.push_str(&format!("{name}:{target}:*:6d61726b65726d61726b6572\n"));
    }
    lines + "Inner:0:*:494e4e4552494e4e4552\n"
}

#[test]
fn magic_names_types_as_in_clamav() {
    let ground = Ground::new();
    fs::create_dir(ground.path("d")).unwrap();
    fs::write(ground.path("d/a.ndb"), signatures()).unwrap();
    let mut wrong = Vec::new();
    for (what, lines, content, _, expected) in ROWS {
        // Descriptions of the table have no spaces.
        fs::write(ground.path("d/a.ftm"), lines.replace(' ', "\n") + "\n").unwrap();
        fs::write(ground.path("x"), content.bytes()).unwrap();
        let ran = ground.run(&["clamscan", "--allmatch", "--no-summary", "-d", "d", "x"]);
        let names = ran.stdout.lines().filter_map(|line| line.strip_suffix(".UNOFFICIAL FOUND"));
        let mut names: Vec<&str> = names.filter_map(|line| line.split(": ").nth(1)).collect();
        names.sort_unstable();
        let found = if ran.status == 2 { "error".to_owned() } else { names.join(" ") };
        if found != *expected {
            wrong.push(format!("{what}: {found:?}, expected {expected:?}"));
        }
    }
    assert!(ROWS.len() >= 60 && wrong.is_empty(), "{wrong:#?}");
}

/// What ClamAV finds is found here, but for the rows that the head of this file explains.
#[test]
fn nothing_that_clamav_finds_is_missing() {
    for (what, _, _, theirs, ours) in ROWS {
        let missing =
            theirs.split_whitespace().any(|name| !ours.split_whitespace().any(|found| found == name));
        let explained = *what == "pattern at the start" || theirs == &"error";
        assert!(!missing || explained, "{what}: {theirs} and not {ours}");
    }
}
