//! Encrypted packages: documents of Office from 2007 on, which are zip archives.
//!
//! Specification: [MS-OFFCRYPTO] 2.3.4: `EncryptionInfo` says how `EncryptedPackage` is encrypted, in binary (standard)
//! or in XML (agile).

use std::io::{self, ErrorKind, Read};

use candor_object::{Flow, Reason, Sink, Stop};

use super::keys::{Hash, derived, fitted};
use super::rc4::Description;
use super::{Keyring, LONGEST_INFO, Place, Tried, utf16};
use crate::fields::{array, u16_le, u64_le};
use crate::pdf::cipher::{Aes, Block};

/// Rounds of a standard key.
const STANDARD_ROUNDS: u32 = 50_000;
/// Bytes that are encrypted together.
const SEGMENT: usize = 4096;
/// Ways to open a package that are tried.
const MOST_WAYS: usize = 8;
const VERIFIER_INPUT: [u8; 8] = [0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79];
const VERIFIER_VALUE: [u8; 8] = [0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e];
const KEY_VALUE: [u8; 8] = [0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6];

pub(super) fn open(place: Place<'_>, keyring: &mut Keyring, sink: &mut dyn Sink) -> Flow {
    let info = place.beside("EncryptionInfo").map(|info| info.head(LONGEST_INFO)).unwrap_or_default();
    let tried = match (u16_le(&info, 0), u16_le(&info, 2)) {
        (Some(4), Some(4)) => {
            let Some((data, ways)) = agile(info.get(8..).unwrap_or_default()) else {
                place.locked("its description cannot be read", sink);
                return Ok(());
            };
            let rounds = ways.iter().fold(0_u32, |sum, way| sum.saturating_add(way.rounds));
            keyring.try_all(rounds, place, sink, |password, sink| {
                let Some(password) = utf16(password) else { return Ok(None) };
                for way in &ways {
                    if let Some(key) = way.open(&password, sink)? {
                        return Ok(Aes::new(&key).map(|cipher| (cipher, Some(data.clone()))));
                    }
                }
                Ok(None)
            })?
        }
        (Some(2..=4), Some(2)) => {
            let Some(description) = Description::read(&info).filter(is_aes) else {
                place.locked("its description cannot be read", sink);
                return Ok(());
            };
            keyring.try_all(STANDARD_ROUNDS, place, sink, |password, sink| {
                let Some(password) = utf16(password) else { return Ok(None) };
                Ok(standard(&description, &password, sink)?.map(|cipher| (cipher, None)))
            })?
        }
        _ => {
            place.locked("how is not known", sink);
            return Ok(());
        }
    };
    if let Tried::Open((cipher, data), origin) = tried {
        let size = u64_le(&place.head(8), 0).unwrap_or(0);
        let there = place.entry.size.saturating_sub(8);
        // What is behind the size is padding, if it is no more than that.
        let is_padding = there.saturating_sub(size) < SEGMENT as u64;
        if size > there {
            sink.gap(
                Reason::Truncated,
                &format!("{}: it ends after {there} of {size} bytes", place.entry.path),
            );
        }
        let left = if is_padding { size.min(there) } else { there };
        let mut source = place.stream();
        io::copy(&mut Read::by_ref(&mut source).take(8), &mut io::sink())?;
        let mut body = Decrypted { source, cipher, data, number: 0, left, segment: Vec::new(), read: 0 };
        place.opened(&origin, &mut body, sink)?;
    }
    Ok(())
}

/// How the package itself is encrypted, where the description is XML.
#[derive(Clone)]
struct Data {
    salt: Vec<u8>,
    hash: Hash,
}

/// A way to get the key.
struct Way {
    hash: Hash,
    salt: Vec<u8>,
    rounds: u32,
    key_length: usize,
    hash_length: usize,
    verifier: Vec<u8>,
    verifier_hash: Vec<u8>,
    key: Vec<u8>,
}

impl Way {
    fn open(&self, password: &[u8], sink: &mut dyn Sink) -> Result<Option<Vec<u8>>, Stop> {
        let base = self.hash.spun(&self.salt, password, self.rounds, sink)?;
        Ok(self.key(&base))
    }

    fn key(&self, base: &[u8]) -> Option<Vec<u8>> {
        let decrypted = |bytes: &[u8], purpose: [u8; 8]| {
            let key = fitted(self.hash.of(base, &purpose), self.key_length);
            let mut bytes = bytes.to_vec();
            Aes::new(&key)?.decrypt_all(&mut bytes, block(&self.salt)?);
            Some(bytes)
        };
        let verifier = decrypted(&self.verifier, VERIFIER_INPUT)?;
        let expected = decrypted(&self.verifier_hash, VERIFIER_VALUE)?;
        let hash = self.hash.of(verifier.get(..self.salt.len()).unwrap_or(&verifier), &[]);
        let length = self.hash_length.min(hash.len());
        if length == 0 || hash.get(..length)? != expected.get(..length)? {
            return None;
        }
        Some(fitted(decrypted(&self.key, KEY_VALUE)?, self.key_length))
    }
}

fn block(bytes: &[u8]) -> Option<Block> {
    array(&fitted(bytes.to_vec(), 16), 0)
}

/// Reads the description in XML.
fn agile(xml: &[u8]) -> Option<(Data, Vec<Way>)> {
    let mut data = None;
    let mut ways = Vec::new();
    for start in memchr::memchr_iter(b'<', xml) {
        let element = xml.get(start.checked_add(1)?..)?;
        let element = element.get(..memchr::memchr(b'>', element).unwrap_or(element.len()))?;
        let name = element.split(|byte| byte.is_ascii_whitespace() || *byte == b'/').next()?;
        let name = name.rsplit(|byte| *byte == b':').next()?;
        match name {
            b"keyData" if data.is_none() => {
                data = Some(Data {
                    salt: base64(attribute(element, b"saltValue")?),
                    hash: Hash::named(attribute(element, b"hashAlgorithm")?)?,
                });
            }
            b"encryptedKey" if ways.len() < MOST_WAYS => ways.extend(way(element)),
            _ => {}
        }
    }
    data.zip((!ways.is_empty()).then_some(ways))
}

fn way(element: &[u8]) -> Option<Way> {
    let number = |name: &[u8]| -> Option<u32> {
        std::str::from_utf8(attribute(element, name)?).ok()?.trim().parse().ok()
    };
    let bytes = |name: &[u8]| Some(base64(attribute(element, name)?)).filter(|bytes| !bytes.is_empty());
    let is_aes = attribute(element, b"cipherAlgorithm").is_some_and(|name| name.eq_ignore_ascii_case(b"AES"));
    let chaining = attribute(element, b"cipherChaining").unwrap_or(b"ChainingModeCBC");
    if !is_aes || chaining != b"ChainingModeCBC" {
        return None;
    }
    Some(Way {
        hash: Hash::named(attribute(element, b"hashAlgorithm")?)?,
        salt: bytes(b"saltValue")?,
        rounds: number(b"spinCount")?,
        key_length: usize::try_from(number(b"keyBits")? / 8).ok().filter(|length| *length <= 32)?,
        hash_length: usize::try_from(number(b"hashSize")?).ok()?,
        verifier: bytes(b"encryptedVerifierHashInput")?,
        verifier_hash: bytes(b"encryptedVerifierHashValue")?,
        key: bytes(b"encryptedKeyValue")?,
    })
}

/// The value of an attribute.
fn attribute<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find_iter(element, name).find_map(|place| {
        let before = element.get(place.checked_sub(1)?)?;
        let rest = element.get(place.checked_add(name.len())?..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let (quote @ (b'"' | b'\''), rest) = rest.split_first()? else { return None };
        let is_whole = before.is_ascii_whitespace();
        is_whole.then(|| rest.get(..rest.iter().position(|byte| byte == quote)?)).flatten()
    })
}

fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter.wrapping_sub(b'A'),
            b'a'..=b'z' => letter.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => letter.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            let [byte, ..] = (bits >> count).to_le_bytes();
            bytes.push(byte);
        }
    }
    bytes
}

fn is_aes(description: &Description) -> bool {
    matches!(description.algorithm, 0 | 0x660e..=0x6610)
}

/// The cipher of a binary description, if the password, in UTF-16, is right.
fn standard(description: &Description, password: &[u8], sink: &mut dyn Sink) -> Result<Option<Aes>, Stop> {
    let hash = Hash::Sha1.spun(&description.salt, password, STANDARD_ROUNDS, sink)?;
    let hash = Hash::Sha1.of(&hash, &[0; 4]);
    let length = match description.bits {
        192 => 24,
        256 => 32,
        _ => 16,
    };
    let Some(cipher) = Aes::new(&derived(&hash, length)) else { return Ok(None) };
    let verifier = cipher.decrypt(description.verifier, [0; 16]);
    let mut expected = description.verifier_hash.clone();
    decrypt_each(&cipher, &mut expected);
    let is_right = expected.get(..20).is_some_and(|expected| Hash::Sha1.of(&verifier, &[]) == expected);
    Ok(is_right.then_some(cipher))
}

/// Decrypts each block for itself.
fn decrypt_each(cipher: &Aes, bytes: &mut [u8]) {
    for block in bytes.as_chunks_mut::<16>().0 {
        *block = cipher.decrypt(*block, [0; 16]);
    }
}

/// Reads a package.
struct Decrypted<R> {
    source: R,
    cipher: Aes,
    /// Nothing where each block is encrypted for itself.
    data: Option<Data>,
    /// The number of the next segment.
    number: u32,
    /// Bytes that are to come, what is in memory included.
    left: u64,
    segment: Vec<u8>,
    /// Bytes of the segment that were read.
    read: usize,
}

impl<R: Read> Decrypted<R> {
    fn next(&mut self) -> io::Result<()> {
        self.segment.clear();
        self.read = 0;
        let result = Read::by_ref(&mut self.source).take(SEGMENT as u64).read_to_end(&mut self.segment);
        let whole = self.segment.len() & !15;
        self.segment.truncate(whole);
        if self.segment.is_empty() {
            result?;
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the encrypted package is cut"));
        }
        match &self.data {
            Some(data) => {
                let start = data.hash.of(&data.salt, &self.number.to_le_bytes());
                self.cipher.decrypt_all(&mut self.segment, block(&start).unwrap_or_default());
            }
            None => decrypt_each(&self.cipher, &mut self.segment),
        }
        self.number = self.number.wrapping_add(1);
        Ok(())
    }
}

impl<R: Read> Read for Decrypted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        if self.read >= self.segment.len() {
            self.next()?;
        }
        let rest = self.segment.get(self.read..).unwrap_or_default();
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = rest.len().min(buffer.len()).min(most);
        buffer.get_mut(..count).unwrap_or_default().copy_from_slice(rest.get(..count).unwrap_or_default());
        self.read = self.read.saturating_add(count);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
