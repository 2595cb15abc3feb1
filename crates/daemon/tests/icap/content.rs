//! Content that is detected, or not, or not examined, made on the spot.

/// The test file of EICAR, which lies nowhere in one piece.
pub(crate) fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD", r"-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// Bytes that no pattern is in and that do not compress.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// A zip with one stored member; bit 0 of the flags says that it is encrypted.
fn zip_with(name: &str, content: &[u8], flags: u16) -> Vec<u8> {
    let mut fields = Vec::new();
    for number in [20, flags, 0, 0, 0x21] {
        fields.extend_from_slice(&number.to_le_bytes());
    }
    let length = u32::try_from(content.len()).unwrap();
    for number in [crc32(content), length, length] {
        fields.extend_from_slice(&number.to_le_bytes());
    }
    let name_length = u16::try_from(name.len()).unwrap();
    fields.extend_from_slice(&name_length.to_le_bytes());
    fields.extend_from_slice(&[0, 0]);
    let mut zip = [b"PK\x03\x04".as_slice(), &fields, name.as_bytes(), content].concat();
    let directory = u32::try_from(zip.len()).unwrap();
    zip.extend_from_slice(&[b"PK\x01\x02\x14\x00".as_slice(), &fields, &[0; 14], name.as_bytes()].concat());
    let size = u32::try_from(zip.len()).unwrap() - directory;
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend_from_slice(&size.to_le_bytes());
    zip.extend_from_slice(&directory.to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    zip
}

/// A zip with one member.
pub(crate) fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    zip_with(name, content, 0)
}

/// A zip with one member that is encrypted: its checksum is of something else.
pub(crate) fn encrypted_zip() -> Vec<u8> {
    let mut zip = zip_with("secret.bin", &noise(100), 1);
    let directory = zip.len() - 22 - 46 - 10;
    for at in [14, directory + 16] {
        zip[at] ^= 0xff;
    }
    zip
}

/// Content as gzip, not compressed.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
    gzip.extend_from_slice(&length.to_le_bytes());
    gzip.extend_from_slice(&(!length).to_le_bytes());
    gzip.extend_from_slice(content);
    gzip.extend_from_slice(&crc32(content).to_le_bytes());
    gzip.extend_from_slice(&u32::from(length).to_le_bytes());
    gzip
}

/// A form with one uploaded file.
pub(crate) fn form(file: &[u8]) -> Vec<u8> {
    let head = "--XyZ\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nhello\r\n--XyZ\r\n\
                Content-Disposition: form-data; name=\"file\"; filename=\"up.bin\"\r\n\
                Content-Type: application/octet-stream\r\n\r\n";
    [head.as_bytes(), file, b"\r\n--XyZ--\r\n"].concat()
}
