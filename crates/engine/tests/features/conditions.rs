//! What a target description asks besides the expression, and what a signature that is true leads to.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::carriers::{ALL, BINARY, EXECUTABLE, FLAT, Kind, Slot};
use super::feature::Feature;

/// The smallest program: where its trigger is true, it says its name.
const PROGRAM: &str = concat!(
    "ClamBCagaa|acmfef```c``a```|aenfofnfef``afaap`clamcoincidencejb:4096\n",
    "Hit;Engine:51-255,Target:0;0;'hello'\n",
    "Teddadahebedaacb`bbadb`b\n",
    "Ebkfaaaebgd|amcgefdgfgifbgegcgnfafmfef``\n",
    "Gde``hac`@`bedBhdBifBdg@`bad@Aa`\n",
    "A`b`bLaab`b`F``\n",
    "Bb`b`abbaeAb`AcdTcab`b`E\n",
);

fn gzip(bytes: Vec<u8>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip with one member, which is compressed, so that nothing of it is seen from outside.
pub(crate) fn zip(bytes: Vec<u8>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes);
    let mut fields = Vec::new();
    for number in [20_u16, 0, 8, 0, 0x21] {
        fields.extend(number.to_le_bytes());
    }
    for number in [checksum.sum(), packed.len() as u32, bytes.len() as u32] {
        fields.extend(number.to_le_bytes());
    }
    fields.extend([6, 0, 0, 0]);
    let mut zip = [b"PK\x03\x04", fields.as_slice(), b"member", &packed].concat();
    let directory = [b"PK\x01\x02\x14\0", fields.as_slice(), &[0; 14], b"member"].concat();
    let (size, at) = (directory.len() as u32, zip.len() as u32);
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    zip.extend([0, 0]);
    zip
}

/// A mail with one attachment.
fn mail(bytes: Vec<u8>) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut mail =
        b"Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\nFrom: a@example.org\nTo: b@example.org\n\
        Subject: a\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=a.bin\n\
        Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=a.bin\n\n"
            .to_vec();
    for line in bytes.chunks(54) {
        for three in line.chunks(3) {
            let bits =
                three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
            for digit in 0..4 {
                let is_there = digit <= three.len();
                mail.push(if is_there { DIGITS[bits >> (18 - 6 * digit) & 63] } else { b'=' });
            }
        }
        mail.push(b'\n');
    }
    mail
}

/// A condition, and others that do not hold.
fn condition(condition: &str, others: &[&str]) -> Feature {
    let feature = Feature::described(&format!("{condition},Target:0"), "0;'hello'").has("hello", "hellp");
    others
        .iter()
        .fold(feature, |feature, other| feature.never_described(&format!("{other},Target:0"), "0;'hello'"))
}

pub(crate) fn features() -> Vec<Feature> {
    let mut features = vec![
        condition(
            "FileSize:<size>-<size>",
            &["FileSize:<size+1>-<size+9>", "FileSize:0-<size-1>", "FileSize:<size>-1"],
        )
        .only(FLAT),
        condition("FileSize:0-<size+1>,Container:CL_TYPE_ANY", &["Container:CL_TYPE_ZIP"]),
        condition("Container:CL_TYPE_ZIP", &["Container:CL_TYPE_GZ", "Container:CL_TYPE_ANY"]).wrapped(zip),
        condition("Container:CL_TYPE_GZ", &["Container:CL_TYPE_ZIP", "Container:CL_TYPE_ANY"]).wrapped(gzip),
        condition("Container:CL_TYPE_MAIL", &["Container:CL_TYPE_ZIP", "Container:CL_TYPE_ANY"])
            .wrapped(mail),
        condition(
            "Intermediates:CL_TYPE_ZIP>CL_TYPE_GZ",
            &[
                "Intermediates:CL_TYPE_GZ>CL_TYPE_ZIP",
                "Intermediates:CL_TYPE_ZIP>CL_TYPE_ZIP",
                "Container:CL_TYPE_ZIP",
            ],
        )
        .wrapped(|bytes| zip(gzip(bytes))),
        condition(
            "Intermediates:CL_TYPE_ANY>CL_TYPE_GZ",
            &["Intermediates:CL_TYPE_MAIL>CL_TYPE_GZ", "Intermediates:CL_TYPE_ZIP>CL_TYPE_ANY>CL_TYPE_GZ"],
        )
        .wrapped(|bytes| zip(gzip(bytes)))
        .only(BINARY),
    ];
    // Each type has its number; the raw carrier has that of any type.
    let target = |carriers, others: &[&str]| {
        let feature = Feature::described("Target:<target>", "0;'hello'").has("hello", "hellp").only(carriers);
        others
            .iter()
            .fold(feature, |feature, other| feature.never_described(&format!("Target:{other}"), "0;'hello'"))
    };
    features.extend([
        target(ALL, &["4", "5", "9", "11", "12"]),
        target(&[Kind::Pe], &["2", "3", "6", "7", "10"]),
        target(&[Kind::Elf], &["1", "2", "3", "7", "10"]),
        target(&[Kind::Ole2], &["1", "3", "6", "7", "10"]),
        target(&[Kind::Pdf], &["1", "2", "3", "6"]),
        target(&[Kind::Html], &["1", "2", "6", "10"]),
    ]);
    // What begins otherwise is of another type.
    let magic = |kinds, hit: &str, miss: &str| {
        Feature::described("Target:<target>", "0;'hello'")
            .both(Slot::Body(0), "hello")
            .at(Slot::Start, hit, miss)
            .only(kinds)
    };
    features.extend([
        magic(&[Kind::Pe], "MZ", "MX"),
        magic(&[Kind::Elf], "\x7fELF", "\x7fELG"),
        magic(&[Kind::Pdf], "%PDF-1.4", "%PDG-1.4"),
    ]);
    features.push(
        Feature::described("Target:2", "0;'hello'")
            .both(Slot::Body(0), "hello")
            .at(Slot::Start, b"\xd0\xcf\x11\xe0", b"\xd0\xcf\x11\xe1")
            .only(&[Kind::Ole2]),
    );
    // Of executables; the twin's header says otherwise.
    let header = |condition: &str, others: &[&str]| {
        let target = ",Target:<target>";
        let feature = Feature::described(&format!("{condition}{target}"), "0;'hello'")
            .both(Slot::Body(0), "hello")
            .only(EXECUTABLE);
        others
            .iter()
            .fold(feature, |feature, other| feature.never_described(&format!("{other}{target}"), "0;'hello'"))
    };
    features.extend([
        header("EntryPoint:<entry>-<entry>", &["EntryPoint:<entry+2>-<entry+900>", "EntryPoint:0-<entry-1>"])
            .at(Slot::EntryAddress, b"\x40", b"\x41"),
        header("EntryPoint:<entry-4>-<entry>", &[]).at(Slot::EntryAddress, b"\x40", b"\x43"),
        header(
            "NumberOfSections:<sections>-<sections>",
            &["NumberOfSections:<sections+1>-99", "NumberOfSections:0-2"],
        )
        .at(Slot::SectionCount, b"\x04", b"\x03"),
        header(
            "NumberOfSections:<sections>-9,EntryPoint:0-<size>,FileSize:0-<size>",
            &["NumberOfSections:<sections>-9,FileSize:0-7"],
        )
        .at(Slot::SectionCount, b"\x04", b"\x03"),
    ]);
    features.push(
        Feature::new("a program")
            .file("cbc", PROGRAM)
            .has("hello", "hellp")
            .differs(ALL, "it refuses a program without what only its own compiler writes"),
    );
    // Looked at once more as a page, the content is folded.
    features.push(
        Feature::new("HandlerType:CL_TYPE_HTML")
            .file("ldb", "Handler;Engine:81-255,Target:0,HandlerType:CL_TYPE_HTML;0;'<HELLO>'")
            .file("ldb", "Hit;Engine:81-255,Target:3;0;'small world'")
            .has("<HELLO>SMALL   WORLD", "<HELLP>SMALL   WORLD")
            .only(&[Kind::Raw]),
    );
    features
}
