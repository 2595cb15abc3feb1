//! Witnesses of the test files, and where exactly the EICAR file ends.

use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

use crate::witness::{Witness, plain, text};
use crate::{names, scan};

const EICAR: &str = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-¬STANDARD-ANTIVIRUS-¬TEST-FILE!$H+H*";
const NAME: &str = "Candor.Test.Malware.Eicar-1";

pub(crate) fn witnesses() -> Vec<Witness> {
    vec![
        text(NAME, "eicar.com", EICAR),
        text(
            "Candor.Test.Unwanted.Eicar-1",
            "unwanted.com",
            "X5]+)D:)D<5N*PZ5[/EICAR-¬POTENTIALLY-UNWANTED-¬OBJECT-TEST!$*M*L\r\n",
        ),
        text(
            "Candor.Test.Spam.Gtube-1",
            "gtube.eml",
            "From: a@example.org\r\nTo: b@example.org\r\nSubject: test\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\
             Content-Type: text/x-none; charset=x\r\n\r\n\
             XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-¬STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n",
        ),
    ]
}

/// The names found in the EICAR string with something before and after it.
fn found(before: &[u8], after: &[u8]) -> Vec<String> {
    names(&scan("eicar.com", &[before, &plain(EICAR), after].concat()))
}

#[test]
fn the_string_has_68_bytes() {
    assert_eq!(plain(EICAR).len(), 68);
}

#[test]
fn white_space_may_follow_up_to_128_bytes() {
    for after in [b"".as_slice(), b"\r\n", b"\n", b"\x1a", b" \t\r\n\x1a", &[b' '; 60]] {
        assert_eq!(found(b"", after), [NAME], "{after:?}");
    }
}

#[test]
fn anything_else_makes_it_another_file() {
    let none = [""; 0];
    assert_eq!(found(b"", &[b' '; 61]), none);
    for after in [b"x".as_slice(), b"\0", b"\x0b", b"\x0c", b"\xa0", b"\r\nx", b" \xc2\xa0"] {
        assert_eq!(found(b"", after), none, "{after:?}");
    }
    let mut last = [b' '; 60];
    last[59] = b'x';
    assert_eq!(found(b"", &last), none);
    for before in [b" ".as_slice(), b"\n", b"\xef\xbb\xbf", b"x", b"MZ"] {
        assert_eq!(found(before, b""), none, "{before:?}");
    }
    let whole = plain(EICAR);
    assert_eq!(names(&scan("short", &whole[..67])), none);
    for place in 0..whole.len() {
        let mut other = whole.clone();
        other[place] ^= 0x20;
        assert_eq!(names(&scan("other", &other)), none, "byte {place}");
    }
}

#[test]
fn it_is_found_inside_of_archives_and_mail() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&plain(EICAR)).unwrap();
    let gzip = encoder.finish().unwrap();
    let zip = stored(b"eicar.com", &plain(EICAR));
    let twice = stored(b"inner.zip", &zip);
    let mail = format!(
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/octet-stream; name=eicar.com\r\nContent-Transfer-Encoding: quoted-printable\r\n\
         \r\n{}\r\n",
        EICAR.replace('¬', "")
    );
    for (file, bytes) in [("a.gz", gzip), ("a.zip", zip), ("twice.zip", twice), ("a.eml", mail.into_bytes())]
    {
        let report = scan(file, &bytes);
        assert_eq!(names(&report), [NAME], "{file}");
        let logical = report.findings.iter().filter(|finding| finding.detector == "logical");
        assert!(
            logical.map(|finding| finding.object.0).all(|object| object > 0),
            "{file} itself is not the test file"
        );
    }
}

/// A zip archive with one stored member.
fn stored(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(content);
    let size = (content.len() as u32).to_le_bytes();
    // From "version needed" to "extra length": stored, without flags, time and extra fields.
    let mut common = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    common.extend_from_slice(&crc.sum().to_le_bytes());
    common.extend_from_slice(&size);
    common.extend_from_slice(&size);
    common.extend_from_slice(&(name.len() as u16).to_le_bytes());
    common.extend_from_slice(&[0, 0]);
    let local = [b"PK\x03\x04".as_slice(), &common, name, content].concat();
    let central = [b"PK\x01\x02\x0a\0".as_slice(), &common, &[0; 14], name].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &(central.len() as u32).to_le_bytes(),
        &(local.len() as u32).to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    [local, central, end].concat()
}
