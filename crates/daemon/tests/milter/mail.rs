//! Messages that the tests send.

/// The EICAR test file, which must not lie in the repository in one piece.
pub fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-", "TEST-FILE!$H+H*"].concat().into_bytes()
}

/// A message with an attachment, with CRLF.
pub fn with_attachment(name: &str, content: &[u8]) -> String {
    let head = "From: a@example.org\r\nTo: c@example.org\r\nSubject: test\r\nMIME-Version: 1.0\r\n";
    format!("{head}{}", mixed("outer", "application/octet-stream", name, &base64(content)))
}

/// A message with a message inside, which has the attachment.
pub fn nested(name: &str, content: &[u8]) -> String {
    let inner = with_attachment(name, content).replace("outer", "inner");
    let head = "From: a@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\n";
    format!(
        "{head}Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n--outer\r\n\r\nsee below\r\n--outer\r\n\
         Content-Type: message/rfc822\r\n\r\n{inner}\r\n--outer--\r\n"
    )
}

fn mixed(boundary: &str, kind: &str, name: &str, encoded: &str) -> String {
    format!(
        "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n\r\nhello\r\n--{boundary}\r\n\
         Content-Type: {kind}; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{encoded}\r\n--{boundary}--\r\n"
    )
}

/// Base64 in lines of 76 characters.
pub fn base64(content: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (number, three) in content.chunks(3).enumerate() {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() { letter.into() } else { '=' });
        }
        if number % 19 == 18 {
            text.push_str("\r\n");
        }
    }
    text
}

/// A zip archive with one stored member.
pub fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    archive(name, content, 0)
}

/// The same, encrypted: its checksum is that of what nobody here can read.
pub fn encrypted_zip(name: &str) -> Vec<u8> {
    archive(name, b"0123456789abcdef-no-key", 1)
}

fn archive(name: &str, content: &[u8], flags: u8) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    // From "version needed" to "extra length": stored, without time and extra fields.
    let mut common = vec![20, 0, flags, 0, 0, 0, 0, 0, 0x21, 0];
    common.extend_from_slice(&(crc32(content) ^ u32::from(flags)).to_le_bytes());
    common.extend_from_slice(&size);
    common.extend_from_slice(&size);
    common.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
    common.extend_from_slice(&[0, 0]);
    let local = [b"PK\x03\x04", &common[..], name.as_bytes(), content].concat();
    let central = [b"PK\x01\x02\x14\0", &common[..], &[0; 14], name.as_bytes()].concat();
    let lengths = [central.len(), local.len()].map(|length| u32::try_from(length).unwrap().to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &lengths.concat()[..], &[0, 0]].concat();
    [local, central, end].concat()
}

fn crc32(content: &[u8]) -> u32 {
    !content.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}
