//! Lists of digests: of objects, of sections, of import tables.

use super::carriers::{Kind, Slot};
use super::feature::Feature;

/// A list of digests of whole objects.
fn object(extension: &'static str, line: &str) -> Feature {
    Feature::new(&format!("{extension} {line}")).file(extension, line).has("hello", "hellp")
}

/// A list of digests of sections. Sections are known of PE only, in ClamAV.
fn section(extension: &'static str, line: &str) -> Feature {
    object(extension, line).only(&[Kind::Pe])
}

/// A list of digests of import tables, where they can be read.
fn imports(line: &str) -> Feature {
    Feature::new(&format!("imp {line}")).file("imp", line).only(&[Kind::Pe]).at(
        Slot::Import,
        "ExitProcess",
        "ExitProcesr",
    )
}

pub(crate) fn features() -> Vec<Feature> {
    vec![
        object("hdb", "<md5>:<size>:Hit\n<md5>:<size+1>:Never\n<md5>:<size-1>:Never"),
        object("hdb", "<md5>:*:Hit:73"),
        object("hdb", "<sha1>:<size>:Hit"),
        object("hdb", "<sha256>:*:Hit:73:255"),
        object("hsb", "<sha1>:<size>:Hit\n<miss-sha1>:<size+1>:Never"),
        object("hsb", "<sha256>:<size>:Hit\n<md5>:<size-1>:Never"),
        object("hsb", "<sha256>:*:Hit:73"),
        object("hsb", "<md5>:<size>:Hit"),
        object("hdu", "<md5>:<size>:Hit"),
        object("hsu", "<sha256>:<size>:Hit"),
        section("mdb", "<section-length>:<section-md5>:Hit\n<section-length>:<md5>:Never"),
        section("mdb", "*:<section-md5>:Hit:73"),
        section("msb", "<section-length>:<section-sha1>:Hit"),
        section("msb", "<section-length>:<section-sha256>:Hit\n512:<section-sha256>:Never"),
        section("msb", "*:<section-sha256>:Hit:73"),
        section("mdu", "<section-length>:<section-md5>:Hit"),
        section("msu", "<section-length>:<section-sha256>:Hit"),
        // Of "kernel32.exitprocess", and the length of that.
        imports("f9ade0aa18f660a34a4fa23392e21838:20:Hit\nf9ade0aa18f660a34a4fa23392e21838:21:Never"),
        imports("f9ade0aa18f660a34a4fa23392e21838:*:Hit"),
        imports("0a4314684b9f208adcaedd04b3960d3b41e9e57d:20:Hit"),
        imports("628479c496c561f2e5d3b4f1a0586c4016957c86abdff4f4b59ba7989c70fbf2:*:Hit"),
    ]
}
