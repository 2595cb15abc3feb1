//! WinZip's AES encryption of zip members.
//!
//! Specification: <https://www.winzip.com/en/support/aes-encryption/>. A salt and two bytes to verify the password go before
//! the data, ten bytes of an HMAC behind it. The data is AES in counter mode, with a little-endian counter from 1 on.

use std::io;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use candor_object::{Content, Sink, Source, Stop};
use hmac::{Hmac, Mac};
use sha1::Sha1;

const BLOCK: u64 = 16;
/// Bytes that verify the password, and of the HMAC.
const VERIFIER: usize = 2;
const MAC: u64 = 10;
/// Rounds of the key derivation.
const ROUNDS: u32 = 1000;

/// An encrypted member, taken apart.
pub(super) struct Parts {
    salt: Vec<u8>,
    verifier: [u8; VERIFIER],
    data: Content,
    mac: Vec<u8>,
}

/// What a password gives.
pub(super) struct Keys {
    cipher: Cipher,
    authentication: Vec<u8>,
}

enum Cipher {
    Small(Aes128),
    Middle(Aes192),
    Large(Aes256),
}

impl Parts {
    /// Takes a member with a key of that many bytes apart; nothing if it is too short.
    pub(super) fn read(member: &Content, key: usize) -> io::Result<Option<Self>> {
        let salt = key / 2;
        let before = salt.saturating_add(VERIFIER);
        let Some(size) = member.size().checked_sub(before as u64).and_then(|size| size.checked_sub(MAC))
        else {
            return Ok(None);
        };
        let head = member.window(0, before)?;
        let data = member.range(before as u64, size);
        let mac = member.window((before as u64).saturating_add(size), 10)?.into_owned();
        let (salt, verifier) = head.split_at(salt.min(head.len()));
        let Some(verifier) = verifier.first_chunk().copied() else { return Ok(None) };
        Ok(Some(Self { salt: salt.to_vec(), verifier, data, mac }))
    }

    /// The data, still encrypted.
    pub(super) fn data(&self) -> &Content {
        &self.data
    }

    /// The keys that a password gives, if the verifier is right. One wrong password of 65,536 has a right one.
    pub(super) fn keys(&self, password: &[u8]) -> Option<Keys> {
        let key = self.salt.len().saturating_mul(2);
        let mut derived = vec![0; key.saturating_mul(2).saturating_add(VERIFIER)];
        pbkdf2::pbkdf2_hmac::<Sha1>(password, &self.salt, ROUNDS, &mut derived);
        let (keys, verifier) = derived.split_at_checked(key.saturating_mul(2))?;
        let (encryption, authentication) = keys.split_at_checked(key)?;
        if verifier != self.verifier {
            return None;
        }
        let cipher = match key {
            16 => Cipher::Small(Aes128::new_from_slice(encryption).ok()?),
            24 => Cipher::Middle(Aes192::new_from_slice(encryption).ok()?),
            _ => Cipher::Large(Aes256::new_from_slice(encryption).ok()?),
        };
        Some(Keys { cipher, authentication: authentication.to_vec() })
    }

    /// Whether the HMAC over the data is right.
    pub(super) fn is_authentic(&self, keys: &Keys, sink: &mut dyn Sink) -> Result<bool, Stop> {
        let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(&keys.authentication) else {
            return Ok(false);
        };
        let mut from = 0;
        while from < self.data.size() {
            sink.pulse()?;
            let window = self.data.window(from, 1 << 20)?;
            if window.is_empty() {
                break;
            }
            mac.update(&window);
            from = from.saturating_add(window.len() as u64);
        }
        Ok(mac.verify_truncated_left(&self.mac).is_ok())
    }
}

/// Decrypted data, readable at any offset.
pub(super) struct Decrypted {
    data: Content,
    keys: Keys,
}

impl Decrypted {
    pub(super) fn new(data: Content, keys: Keys) -> Self {
        Self { data, keys }
    }
}

impl Keys {
    /// Encrypts or decrypts bytes that begin at an offset: the two are the same.
    fn apply(&self, offset: u64, bytes: &mut [u8]) {
        let mut number = offset / BLOCK;
        let mut skip = usize::try_from(offset % BLOCK).unwrap_or(0);
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = 16_usize.saturating_sub(skip).min(rest.len());
            let (now, after) = rest.split_at_mut(size);
            number = number.saturating_add(1);
            let block = self.cipher.block(number);
            for (byte, key) in now.iter_mut().zip(block.iter().skip(skip)) {
                *byte ^= key;
            }
            skip = 0;
            rest = after;
        }
    }
}

impl Cipher {
    /// The block that the counter gives.
    fn block(&self, counter: u64) -> [u8; 16] {
        let mut block = u128::from(counter).to_le_bytes().into();
        match self {
            Self::Small(cipher) => cipher.encrypt_block(&mut block),
            Self::Middle(cipher) => cipher.encrypt_block(&mut block),
            Self::Large(cipher) => cipher.encrypt_block(&mut block),
        }
        block.into()
    }
}

impl Source for Decrypted {
    fn size(&self) -> u64 {
        self.data.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.data.read_at(offset, buffer)?;
        self.keys.apply(offset, buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_part_is_what_the_whole_holds(offset in 0_usize..1000, size in 0_usize..1000, large: bool) {
            let cipher = if large {
                Cipher::Large(Aes256::new_from_slice(&[7; 32]).unwrap())
            } else {
                Cipher::Small(Aes128::new_from_slice(&[7; 16]).unwrap())
            };
            let keys = Keys { cipher, authentication: Vec::new() };
            let plain: Vec<u8> = (0..777_u32).map(|place| (place * 5) as u8).collect();
            let mut bytes = plain.clone();
            keys.apply(0, &mut bytes);
            prop_assert_ne!(&bytes, &plain);
            let content = Content::from_source(Arc::new(Decrypted::new(Content::from_vec(bytes), keys)));
            let expected = &plain[offset.min(777)..(offset + size).min(777).max(offset.min(777))];
            let window = content.window(offset as u64, size).unwrap();
            prop_assert_eq!(window.as_ref(), expected);
        }
    }

    #[test]
    fn what_is_too_short_is_no_member() {
        for size in 0..28 {
            assert!(Parts::read(&Content::from_vec(vec![0; size]), 32).unwrap().is_none());
        }
        assert!(Parts::read(&Content::from_vec(vec![0; 28]), 32).unwrap().is_some());
    }
}
