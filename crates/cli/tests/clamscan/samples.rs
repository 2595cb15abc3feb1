//! Archives, made byte by byte.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// A zip whose members are compressed, so that what is in them is not seen from outside.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let packed = members.iter().map(|(name, content)| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        Member {
            name,
            packed: encoder.finish().unwrap(),
            size: u32::try_from(content.len()).unwrap(),
            checksum: crc32fast::hash(content),
        }
    });
    of(&packed.collect::<Vec<_>>(), 8, 0)
}

/// A zip with a member that is encrypted: its checksum is of something else.
pub(crate) fn encrypted_zip() -> Vec<u8> {
    of(&[Member { name: "secret", packed: vec![0x5a; 52], size: 40, checksum: 7 }], 0, 1)
}

struct Member<'a> {
    name: &'a str,
    packed: Vec<u8>,
    size: u32,
    checksum: u32,
}

fn of(members: &[Member<'_>], method: u16, flags: u16) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for Member { name, packed, size, checksum } in members {
        let offset = u32::try_from(zip.len()).unwrap();
        let mut fields = Vec::new();
        for number in [20, flags, method, 0, 0x21] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        for number in [*checksum, u32::try_from(packed.len()).unwrap(), *size] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        fields.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend_from_slice(&[0, 0]);
        zip.extend_from_slice(&[b"PK\x03\x04", fields.as_slice(), name.as_bytes(), packed].concat());
        directory.extend_from_slice(&[b"PK\x01\x02\x14\x00", fields.as_slice(), &[0; 10]].concat());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let (size, at) = (directory.len(), zip.len());
    zip.append(&mut directory);
    zip.extend_from_slice(&[b"PK\x05\x06\0\0\0\0", count.as_slice(), &count].concat());
    for number in [size, at] {
        zip.extend_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
    }
    zip.extend_from_slice(&[0, 0]);
    zip
}
