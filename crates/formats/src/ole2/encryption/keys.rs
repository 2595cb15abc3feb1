//! Keys out of passwords.
//!
//! Specification: [MS-OFFCRYPTO] 2.3.4.7 (standard), 2.3.4.11 to 2.3.4.13 (agile), 2.3.5.2 (CryptoAPI), 2.3.6.2 (RC4).

use candor_object::{Sink, Stop};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::ROUNDS_AT_ONCE;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let name: Vec<u8> = name.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_uppercase).collect();
        match name.as_slice() {
            b"MD5" => Some(Self::Md5),
            b"SHA1" => Some(Self::Sha1),
            b"SHA256" => Some(Self::Sha256),
            b"SHA384" => Some(Self::Sha384),
            b"SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(super) fn of(self, first: &[u8], second: &[u8]) -> Vec<u8> {
        fn digest<D: Digest>(first: &[u8], second: &[u8]) -> Vec<u8> {
            D::new().chain_update(first).chain_update(second).finalize().to_vec()
        }
        match self {
            Self::Md5 => digest::<Md5>(first, second),
            Self::Sha1 => digest::<Sha1>(first, second),
            Self::Sha256 => digest::<Sha256>(first, second),
            Self::Sha384 => digest::<Sha384>(first, second),
            Self::Sha512 => digest::<Sha512>(first, second),
        }
    }

    /// The hash of salt and password, and then of a number and itself, so many times.
    pub(super) fn spun(
        self,
        salt: &[u8],
        password: &[u8],
        rounds: u32,
        sink: &mut dyn Sink,
    ) -> Result<Vec<u8>, Stop> {
        let mut hash = self.of(salt, password);
        for round in 0..rounds {
            if round.is_multiple_of(ROUNDS_AT_ONCE) {
                sink.pulse()?;
            }
            hash = self.of(&round.to_le_bytes(), &hash);
        }
        Ok(hash)
    }
}

/// Bytes cut to a length, or filled up to it.
pub(super) fn fitted(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.resize(length, 0x36);
    bytes
}

/// What CryptoAPI makes of a hash as a key: [MS-OFFCRYPTO] 2.3.4.7.
pub(super) fn derived(hash: &[u8], length: usize) -> Vec<u8> {
    let with = |fill: u8| {
        let mut block = [fill; 64];
        for (slot, byte) in block.iter_mut().zip(hash) {
            *slot ^= byte;
        }
        Hash::Sha1.of(&block, &[])
    };
    let mut key = with(0x36);
    key.extend(with(0x5c));
    key.truncate(length);
    key
}
