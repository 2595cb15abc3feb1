//! Content for tests, made here so that no file of the repository has it.

/// The EICAR test file.
pub(crate) fn eicar() -> Vec<u8> {
    let halves = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];
    halves.concat().into_bytes()
}

/// A zip archive of members that are stored as they are.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let offset = archive.len() as u32;
        let mut common = Vec::new();
        // Version, flags (names in UTF-8), method, time and date.
        [20_u16, 0x800, 0, 0, 0x21].iter().for_each(|field| common.extend(field.to_le_bytes()));
        let size = content.len() as u32;
        [crc32fast::hash(content), size, size].iter().for_each(|field| common.extend(field.to_le_bytes()));
        [name.len() as u16, 0].iter().for_each(|field| common.extend(field.to_le_bytes()));
        archive.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\x14\x00".as_slice(), &common, &[0; 10]].concat());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, offset, size) = (members.len() as u16, archive.len() as u32, directory.len() as u32);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    [count, count].iter().for_each(|field| archive.extend(field.to_le_bytes()));
    [size, offset].iter().for_each(|field| archive.extend(field.to_le_bytes()));
    archive.extend([0, 0]);
    archive
}

/// A stream of gzip that ends too early: a gap.
pub(crate) fn truncated_gzip() -> Vec<u8> {
    // The head, and a stored block that announces five bytes and has two.
    [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), b"\x01\x05\0\xfa\xff", b"he"].concat()
}

/// A form with files.
pub(crate) fn form(files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, content) in files {
        body.extend(
            format!("--limit\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n")
                .into_bytes(),
        );
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--limit--\r\n");
    ("Content-Type: multipart/form-data; boundary=limit\r\n".to_owned(), body)
}
