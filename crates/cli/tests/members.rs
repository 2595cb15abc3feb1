//! Signatures over what an archive says of a member find the archive, also where the member cannot be opened.

mod program;

use std::fs;

use program::Ground;

const CONTENT: &[u8] = b"what the member holds";

/// A zip with one stored member of this name.
fn zip(name: &str, encrypted: bool) -> Vec<u8> {
    let crc = 0x1234_5678_u32;
    let size = CONTENT.len() as u32;
    let mut fields = Vec::new();
    fields.extend(20_u16.to_le_bytes());
    fields.extend(u16::from(encrypted).to_le_bytes());
    fields.extend([0; 2 + 4]);
    for number in [crc, size, size] {
        fields.extend(number.to_le_bytes());
    }
    fields.extend((name.len() as u16).to_le_bytes());
    fields.extend([0; 2]);
    let mut zip = [b"PK\x03\x04", &fields[..], name.as_bytes(), CONTENT].concat();
    let directory = zip.len() as u32;
    zip.extend(b"PK\x01\x02");
    zip.extend(20_u16.to_le_bytes());
    zip.extend(&fields);
    zip.extend([0; 2 + 2 + 2 + 4 + 4]);
    zip.extend(name.as_bytes());
    let length = zip.len() as u32 - directory;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(length.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend([0; 2]);
    zip
}

/// The lines of a signature file that find something in a zip: their numbers, counted from 1.
fn found(extension: &str, lines: &[&str], zip: &[u8]) -> Vec<usize> {
    let ground = Ground::new();
    let file = format!("a.{extension}");
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.push_str(&format!("Member.{}:{line}\n", number + 1));
    }
    fs::write(ground.path(&file), text).unwrap();
    ground.file("a.zip", zip);
    let json = ground.run(&["scan", "files", "--signatures", &file, "--format", "json"]).json();
    let mut numbers: Vec<usize> = json["roots"][0]["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("{json:#}"))
        .iter()
        .filter_map(|finding| finding["name"].as_str()?.strip_prefix("Member.")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// As `clamscan` 1.4.6 answers for such a zip.
#[test]
fn every_field_counts() {
    let plain = zip("a.exe", false);
    let size = CONTENT.len();
    let whole = plain.len();
    let (this, other) =
        (format!("*:{whole}:a.exe:{size}:{size}:0:1:*:*"), format!("*:{}:a.exe:*:*:*:*:*:*", whole + 1));
    let lines = [
        "CL_TYPE_ZIP:*:a.exe:*:*:*:*:*:*",
        "CL_TYPE_GZ:*:a.exe:*:*:*:*:*:*",
        this.as_str(),
        other.as_str(),
        "*:1-9999:^a\\.exe$:*:*:0:1-2:*:*",
        "*:*:A\\.EXE:*:*:*:*:*:*",
        "*:*:*:*:*:1:*:*:*",
        "*:*:*:*:*:*:2:*:*",
        "*:9999-1:a.exe:*:*:*:*:*:*",
        "CL_TYPE_ANY:0-500:.*\\.(exe|scr)$:*:*:*:*:*:*:1",
        "*:*:*:1:*:*:*:*:*",
        "*:*:*:*:1:*:*:*:*",
        "*:*:a.exe:*:*:*:*:*:*:999",
    ];
    assert_eq!(found("cdb", &lines, &plain), [1, 3, 5, 10]);
    // What is encrypted is not opened, but its name and sizes are there for all to see.
    assert_eq!(found("cdb", &lines, &zip("a.exe", true)), [1, 7, 10]);
    let old = ["0:a.exe:*:*:*:*:*:*", "1:a.exe:*:*:*:*:*:*", "*:b.exe:*:*:*:*:*:*", "0:*:21:21:*:0:1:*"];
    assert_eq!(found("zmd", &old, &plain), [1, 4]);
    assert_eq!(found("rmd", &old, &plain), [0; 0]);
}
