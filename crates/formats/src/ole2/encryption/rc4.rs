//! Streams that are encrypted with RC4, which begins anew with another key every so many bytes.
//!
//! Specification: [MS-OFFCRYPTO] 2.3.5 (CryptoAPI) and 2.3.6 (the older one).

use std::io::{self, Read};

use super::keys::Hash;
use crate::fields::{array, u16_le, u32_le};
use crate::pdf::cipher::Rc4;

const RC4: u32 = 0x6801;
const RC4_OR_NONE: u32 = 0;

/// What the header of such an encryption says.
pub(super) struct Header {
    salt: [u8; 16],
    verifier: [u8; 16],
    /// Of 16 bytes in the older one, else of 20.
    verifier_hash: Vec<u8>,
    /// Bytes of a key; nothing in the older one.
    length: Option<usize>,
}

/// The fields of a binary description: see [MS-OFFCRYPTO] 2.3.2 and 2.3.3.
pub(super) struct Description {
    pub(super) algorithm: u32,
    pub(super) bits: u32,
    pub(super) salt: [u8; 16],
    pub(super) verifier: [u8; 16],
    pub(super) verifier_hash: Vec<u8>,
}

impl Description {
    /// Reads it, version and all.
    pub(super) fn read(info: &[u8]) -> Option<Self> {
        let header = usize::try_from(u32_le(info, 8)?).ok()?.checked_add(12)?;
        Some(Self {
            algorithm: u32_le(info, 20)?,
            bits: u32_le(info, 28)?,
            salt: array(info, header.checked_add(4)?)?,
            verifier: array(info, header.checked_add(20)?)?,
            verifier_hash: info.get(header.checked_add(40)?..)?.iter().copied().take(32).collect(),
        })
    }
}

impl Header {
    /// Reads it; nothing if it is of another kind.
    pub(super) fn read(info: &[u8]) -> Option<Self> {
        match (u16_le(info, 0)?, u16_le(info, 2)?) {
            (1, 1) => Some(Self {
                salt: array(info, 4)?,
                verifier: array(info, 20)?,
                verifier_hash: info.get(36..52)?.to_vec(),
                length: None,
            }),
            (2..=4, 2) => {
                let read = Description::read(info)?;
                let length = match read.bits {
                    0 => 5,
                    bits @ 40..=128 if bits.is_multiple_of(8) => usize::try_from(bits / 8).ok()?,
                    _ => return None,
                };
                let verifier_hash = read.verifier_hash.get(..20)?.to_vec();
                matches!(read.algorithm, RC4 | RC4_OR_NONE).then_some(Self {
                    salt: read.salt,
                    verifier: read.verifier,
                    verifier_hash,
                    length: Some(length),
                })
            }
            _ => None,
        }
    }

    /// The keys, if the password, in UTF-16, is right.
    pub(super) fn open(&self, password: &[u8]) -> Option<Keys> {
        let keys = match self.length {
            None => {
                let password = Hash::Md5.of(password, &[]);
                let one = [password.get(..5)?, &self.salt].concat();
                let mut base = Hash::Md5.of(&one.repeat(16), &[]);
                base.truncate(5);
                Keys { base, length: None }
            }
            Some(length) => Keys { base: Hash::Sha1.of(&self.salt, password), length: Some(length) },
        };
        let mut cipher = keys.cipher(0);
        let (mut verifier, mut hash) = (self.verifier, self.verifier_hash.clone());
        cipher.apply(&mut verifier);
        cipher.apply(&mut hash);
        let kind = if self.length.is_none() { Hash::Md5 } else { Hash::Sha1 };
        (kind.of(&verifier, &[]) == hash).then_some(keys)
    }
}

/// The keys of all blocks.
#[derive(Clone)]
pub(super) struct Keys {
    base: Vec<u8>,
    length: Option<usize>,
}

impl Keys {
    fn cipher(&self, block: u32) -> Rc4 {
        let number = block.to_le_bytes();
        let Some(length) = self.length else { return Rc4::new(&Hash::Md5.of(&self.base, &number)) };
        let mut key = Hash::Sha1.of(&self.base, &number);
        key.truncate(length);
        if length == 5 {
            key.resize(16, 0);
        }
        Rc4::new(&key)
    }
}

/// Decrypts a stream from its start on.
#[derive(Clone)]
pub(super) struct Decryption {
    keys: Keys,
    block_size: usize,
    block: u32,
    in_block: usize,
    cipher: Rc4,
}

impl Decryption {
    pub(super) fn new(keys: Keys, block_size: usize) -> Self {
        let cipher = keys.cipher(0);
        Self { keys, block_size, block: 0, in_block: 0, cipher }
    }

    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.in_block >= self.block_size {
                self.block = self.block.wrapping_add(1);
                self.in_block = 0;
                self.cipher = self.keys.cipher(self.block);
            }
            let count = self.block_size.saturating_sub(self.in_block).min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            self.cipher.apply(now);
            self.in_block = self.in_block.saturating_add(count);
            rest = later;
        }
    }

    /// Leaves out bytes that are not encrypted and count all the same.
    pub(super) fn skip(&mut self, count: usize) {
        self.apply(&mut vec![0; count]);
    }
}

/// Reads a stream of which all but its first bytes is encrypted.
pub(super) struct Decrypted<R> {
    pub(super) source: R,
    pub(super) decryption: Decryption,
    /// Bytes at the start that are not encrypted.
    pub(super) plain: usize,
}

impl<R: Read> Read for Decrypted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let read = buffer.get_mut(..count).unwrap_or_default();
        let plain = self.plain.min(count);
        self.plain = self.plain.saturating_sub(plain);
        self.decryption.skip(plain);
        self.decryption.apply(read.get_mut(plain..).unwrap_or_default());
        Ok(count)
    }
}
