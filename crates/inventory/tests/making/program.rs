//! A writer of programs of Windows that do nothing, with version information.

/// A program of 32 bit with these pairs.
pub(crate) fn program(pairs: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<Vec<u8>> = pairs.iter().map(|(key, value)| block(key, 1, &wide(value), &[])).collect();
    let table = block("040904b0", 1, &[], &pairs);
    let mut fixed = vec![0; 52];
    fixed[..4].copy_from_slice(&0xfeef_04bd_u32.to_le_bytes());
    let version = block("VS_VERSION_INFO", 0, &fixed, &[block("StringFileInfo", 1, &[], &[table])]);
    let mut section = Vec::new();
    for (entry, child) in [(16_u32, 0x8000_0018_u32), (1, 0x8000_0030), (0x409, 0x48)] {
        section.extend([0; 12]);
        section.extend([0, 0, 1, 0]);
        section.extend(entry.to_le_bytes());
        section.extend(child.to_le_bytes());
    }
    for word in [0x1000 + 0x58, version.len() as u32, 0, 0] {
        section.extend(word.to_le_bytes());
    }
    section.extend(version);
    let length = section.len() as u32;
    section.resize(section.len().next_multiple_of(512), 0);

    let mut bytes = b"MZ".to_vec();
    bytes.resize(60, 0);
    bytes.extend(64_u32.to_le_bytes());
    bytes.extend(b"PE\0\0\x4c\x01\x01\0");
    bytes.extend([0; 12]);
    bytes.extend([224, 0, 2, 1]);
    let optional = bytes.len();
    bytes.extend([0x0b, 1]);
    bytes.resize(optional + 28, 0);
    for word in [
        0x40_0000_u32,
        0x1000,
        0x200,
        4,
        0,
        4,
        0,
        0x2000,
        0x200,
        0,
        2,
        0x10_0000,
        0x1000,
        0x10_0000,
        0x1000,
        0,
        16,
    ] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0; 16]);
    bytes.extend([0x1000_u32, length].iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(optional + 224, 0);
    bytes.extend(b".rsrc\0\0\0");
    for word in [length, 0x1000, section.len() as u32, 0x200, 0, 0, 0, 0x4000_0040] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(512, 0);
    bytes.extend(section);
    bytes
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn block(key: &str, kind: u16, value: &[u8], within: &[Vec<u8>]) -> Vec<u8> {
    let length = if kind == 1 { value.len() / 2 } else { value.len() };
    let mut bytes = vec![0, 0];
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(wide(key));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(value);
    for inner in within {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(inner);
    }
    let length = bytes.len() as u16;
    bytes[..2].copy_from_slice(&length.to_le_bytes());
    bytes
}
