//! Content that a signature is made for, put together when a test runs.
//!
//! No witness stands in this repository as it is: a `¬` breaks each, so that neither we nor other scanners
//! take the tests for what they detect.

/// Content with the one signature that detects it.
#[derive(Clone)]
pub(crate) struct Witness {
    /// The signature.
    pub(crate) name: &'static str,
    /// The file's name.
    pub(crate) file: String,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// A witness of bytes.
pub(crate) fn witness(name: &'static str, file: &str, bytes: Vec<u8>) -> Witness {
    Witness { name, file: file.to_owned(), bytes }
}

/// A witness of text.
pub(crate) fn text(name: &'static str, file: &str, text: &str) -> Witness {
    witness(name, file, plain(text))
}

/// What breaks a text. Forms of texts leave out what is not ASCII; where a break must hold there as well, it is the second.
const BREAKS: [char; 2] = ['¬', '`'];

/// A text without its breaks.
pub(crate) fn plain(text: &str) -> Vec<u8> {
    text.replace(BREAKS, "").into_bytes()
}

/// A text without its breaks in UTF-16.
pub(crate) fn wide(text: &str) -> Vec<u8> {
    text.replace(BREAKS, "").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The start of a program for Windows, then the parts with a zero byte behind each.
pub(crate) fn pe(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 0x200];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x40;
    bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
    append(bytes, parts)
}

/// The start of a program for Linux, then the parts with a zero byte behind each.
pub(crate) fn elf(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 0x1000];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    append(bytes, parts)
}

/// A shortcut of Windows with a command line.
pub(crate) fn lnk(command: &str) -> Vec<u8> {
    let mut bytes = vec![0; 0x4c];
    bytes[..8].copy_from_slice(b"\x4c\0\0\0\x01\x14\x02\0");
    append(bytes, &[wide(command)])
}

fn append(mut bytes: Vec<u8>, parts: &[Vec<u8>]) -> Vec<u8> {
    for part in parts {
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(&[0, 0]);
    }
    bytes
}
