//! Encrypted workbooks: the content of most records is encrypted, in blocks of 1024 bytes of the stream, or XOR-ed.
//!
//! Specification: [MS-XLS] 2.2.10 and 2.4.117 (`FilePass`), [MS-OFFCRYPTO] 2.3.7 (XOR).

use std::io::{self, Read};

use candor_object::{Flow, Sink};

use super::super::excel as macros;
use super::rc4::{Decryption, Header};
use super::{Keyring, LONGEST_INFO, Place, Tried, utf16};
use crate::fields::u16_le;

const BLOCK: usize = 1024;
const FILE_PASS: u16 = 0x2f;
const BOUND_SHEET: u16 = 0x85;
/// `BOF`, `FilePass`, `UsrExcl`, `FileLock`, `InterfaceHdr`, `RRDInfo` and `RRDHead`.
const PLAIN: [u16; 7] = [0x809, FILE_PASS, 0x194, 0x195, 0xe1, 0x196, 0x138];
/// A number that no record has, in the place of `FilePass`, so that what comes out is no encrypted workbook again.
const NOTHING: u16 = 0xffff;
/// Records in which `FilePass` is looked for: it comes second.
pub(in crate::ole2) const FIRST_RECORDS: u32 = 32;
/// What fills a password up: [MS-OFFCRYPTO] 2.3.7.2.
const PADDING: [u8; 15] =
    [0xbb, 0xff, 0xff, 0xba, 0xff, 0xff, 0xb9, 0x80, 0x00, 0xbe, 0x0f, 0x00, 0xbf, 0x0f, 0x00];

pub(super) fn open(place: Place<'_>, keyring: &mut Keyring, sink: &mut dyn Sink) -> Flow {
    let head = place.head(LONGEST_INFO);
    let Some(pass) = file_pass(&head) else { return Ok(()) };
    let Some(lock) = Lock::read(pass) else {
        place.locked("how is not known", sink);
        return Ok(());
    };
    let mut attempt = |password: &[u8], _: &mut dyn Sink| Ok(lock.open(password));
    if let Tried::Open(cipher, origin) = keyring.try_all(0, place, sink, &mut attempt)? {
        place.opened(&origin, &mut Decrypted::new(place.stream(), cipher.clone()), sink)?;
        let path = format!("{} (decrypted)", place.entry.path);
        macros::open(&path, Decrypted::new(place.stream(), cipher), sink)?;
    }
    Ok(())
}

/// The content of the record that says how a workbook is encrypted.
fn file_pass(head: &[u8]) -> Option<&[u8]> {
    let mut place = 0_usize;
    for number in 0..FIRST_RECORDS {
        let (kind, size) = (u16_le(head, place)?, usize::from(u16_le(head, place.checked_add(2)?)?));
        if number == 0 && kind & 0xff != 9 {
            return None;
        }
        let start = place.checked_add(4)?;
        let end = start.checked_add(size)?;
        if kind == FILE_PASS {
            return head.get(start..end);
        }
        place = end;
    }
    None
}

enum Lock {
    Xor { key: [u8; 2], verifier: u16 },
    Rc4(Header),
}

impl Lock {
    fn read(pass: &[u8]) -> Option<Self> {
        let xor = |at: usize| {
            let key = u16_le(pass, at)?.to_le_bytes();
            Some(Self::Xor { key, verifier: u16_le(pass, at.checked_add(2)?)? })
        };
        // Before Excel 97 there was XOR only.
        if pass.len() == 4 {
            return xor(0);
        }
        match u16_le(pass, 0)? {
            0 => xor(2),
            1 => Header::read(pass.get(2..)?).map(Self::Rc4),
            _ => None,
        }
    }

    fn open(&self, password: &[u8]) -> Option<Cipher> {
        match self {
            Self::Rc4(header) => {
                Some(Cipher::Rc4(Box::new(Decryption::new(header.open(&utf16(password)?)?, BLOCK))))
            }
            Self::Xor { key, verifier } => {
                let fits = (1..=15).contains(&password.len()) && xor_verifier(password) == *verifier;
                fits.then(|| Cipher::Xor(xor_array(password, *key)))
            }
        }
    }
}

/// [MS-OFFCRYPTO] 2.3.7.1.
fn xor_verifier(password: &[u8]) -> u16 {
    let length = u8::try_from(password.len()).unwrap_or(u8::MAX);
    let all = std::iter::once(&length).chain(password);
    let step =
        |verifier: u16, byte: &u8| (((verifier >> 14) & 1) | ((verifier << 1) & 0x7fff)) ^ u16::from(*byte);
    all.rev().fold(0, step) ^ 0xce4b
}

/// [MS-OFFCRYPTO] 2.3.7.2, with the key that the workbook names.
fn xor_array(password: &[u8], key: [u8; 2]) -> [u8; 16] {
    let mut array = [0; 16];
    let filled = password.iter().chain(&PADDING);
    for ((slot, byte), key) in array.iter_mut().zip(filled).zip(key.into_iter().cycle()) {
        *slot = (byte ^ key).rotate_right(1);
    }
    array
}

#[derive(Clone)]
enum Cipher {
    Xor([u8; 16]),
    Rc4(Box<Decryption>),
}

impl Cipher {
    /// Decrypts the content of a record, of which the first bytes may be plain.
    fn apply(&mut self, content: &mut [u8], plain: usize, position: usize) {
        match self {
            Self::Rc4(decryption) => {
                let plain = plain.min(content.len());
                decryption.skip(plain);
                decryption.apply(content.get_mut(plain..).unwrap_or_default());
            }
            Self::Xor(array) => {
                let first = position.wrapping_add(content.len()) % 16;
                let array = array.iter().cycle().skip(first);
                for (byte, key) in content.iter_mut().zip(array).skip(plain) {
                    *byte = (*byte ^ key).rotate_left(3);
                }
            }
        }
    }

    /// Leaves out the head of a record.
    fn skip(&mut self, count: usize) {
        if let Self::Rc4(decryption) = self {
            decryption.skip(count);
        }
    }
}

/// Reads a workbook record by record.
struct Decrypted<R> {
    source: R,
    cipher: Cipher,
    record: Vec<u8>,
    /// Bytes of the record that were read.
    read: usize,
    /// Bytes of the stream before the next record.
    position: usize,
    over: bool,
}

impl<R: Read> Decrypted<R> {
    fn new(source: R, cipher: Cipher) -> Self {
        Self { source, cipher, record: Vec::new(), read: 0, position: 0, over: false }
    }

    /// Reads the next record; one that is cut is decrypted as far as it is there.
    fn next(&mut self) -> io::Result<()> {
        self.record.clear();
        self.read = 0;
        let head = Read::by_ref(&mut self.source).take(4).read_to_end(&mut self.record)?;
        self.cipher.skip(head);
        self.position = self.position.saturating_add(head);
        let (Some(kind), Some(size)) = (u16_le(&self.record, 0), u16_le(&self.record, 2)) else {
            self.over = true;
            return Ok(());
        };
        let mut content = Vec::new();
        let result = Read::by_ref(&mut self.source).take(size.into()).read_to_end(&mut content);
        let plain = match kind {
            BOUND_SHEET => 4,
            kind if PLAIN.contains(&kind) => usize::MAX,
            _ => 0,
        };
        self.cipher.apply(&mut content, plain, self.position);
        self.position = self.position.saturating_add(content.len());
        if kind == FILE_PASS {
            self.record.splice(..2, NOTHING.to_le_bytes());
        }
        self.record.append(&mut content);
        if result.is_err() || self.record.len() < usize::from(size).saturating_add(4) {
            self.over = true;
        }
        // What was read before the error is given; the error itself was told of the stream as it is.
        Ok(())
    }
}

impl<R: Read> Read for Decrypted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.record.len() {
            if self.over {
                return Ok(0);
            }
            self.next()?;
        }
        let rest = self.record.get(self.read..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer.get_mut(..count).unwrap_or_default().copy_from_slice(rest.get(..count).unwrap_or_default());
        self.read = self.read.saturating_add(count);
        Ok(count)
    }
}
