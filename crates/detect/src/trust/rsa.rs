//! RSA public operations, as far as signatures of programs, catalogs and signature containers need them.
//!
//! Only public numbers are involved, so that it does not matter how long a computation takes. The crate `rsa` is
//! not used, since it has an open advisory (RUSTSEC-2023-0071) for operations with private keys.

use md5::Md5;
use num_bigint::BigUint;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Largest modulus in bits. Stops certificates whose verification takes minutes.
const MAX_MODULUS: u64 = 8192;
/// Largest exponent in bits, for the same reason.
const MAX_EXPONENT: u64 = 64;
/// Length of SHA-256, and of the salt of PSS, in bytes.
const HASH: usize = 32;

/// An RSA public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl PublicKey {
    /// A key of two numbers, written in decimal; nothing if they are none or too large.
    pub fn from_decimal(modulus: &str, exponent: u64) -> Option<Self> {
        Self::new(modulus.parse().ok()?, exponent.into())
    }

    /// A key of two numbers, most significant byte first; nothing if they are too large.
    pub fn from_bytes(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let bytes = usize::try_from(MAX_MODULUS / 8).ok()?.saturating_add(1);
        if modulus.len() > bytes || exponent.len() > bytes {
            return None;
        }
        Self::new(BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent))
    }

    fn new(modulus: BigUint, exponent: BigUint) -> Option<Self> {
        let usable = modulus.bit(0) && modulus.bits() >= 512 && modulus.bits() <= MAX_MODULUS;
        let quick = exponent.bit(0) && exponent.bits() > 1 && exponent.bits() <= MAX_EXPONENT;
        (usable && quick).then_some(Self { modulus, exponent })
    }

    /// What was signed, without any padding taken away; nothing for what is no signature under this key.
    pub fn recover(&self, signature: &BigUint) -> Option<BigUint> {
        (signature < &self.modulus).then(|| signature.modpow(&self.exponent, &self.modulus))
    }

    /// What was signed, with as many bytes as the modulus has.
    fn recover_bytes(&self, signature: &BigUint) -> Option<Vec<u8>> {
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).ok()?;
        let bytes = self.recover(signature)?.to_bytes_be();
        let mut padded = vec![0; length.checked_sub(bytes.len())?];
        padded.extend(bytes);
        Some(padded)
    }

    /// Whether this is a signature with PSS, SHA-256, MGF1 with SHA-256 and a salt of 32 bytes over content with this
    /// digest: RFC 8017, section 9.1.2. The encoded message is as long as the modulus, all but one bit, as ClamAV has
    /// it also for a modulus with an odd number of bits.
    pub fn verifies_pss(&self, signature: &BigUint, digest: &[u8; HASH]) -> bool {
        self.recover_bytes(signature).is_some_and(|message| pss_holds(&message, digest))
    }

    /// Whether this is a signature with PKCS #1 v1.5 over content with this digest: RFC 8017, section 8.2.2.
    pub fn verifies_pkcs1(&self, signature: &[u8], digest: &ContentDigest) -> bool {
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).unwrap_or(0);
        let (prefix, digest) = (digest.algorithm.prefix(), digest.bytes.as_slice());
        let Some(padding) = length.checked_sub(prefix.len().saturating_add(digest.len()).saturating_add(3))
        else {
            return false;
        };
        if signature.len() != length || padding < 8 {
            return false;
        }
        let mut expected = vec![0, 1];
        expected.resize(padding.saturating_add(2), 0xff);
        expected.push(0);
        expected.extend_from_slice(prefix);
        expected.extend_from_slice(digest);
        self.recover_bytes(&BigUint::from_bytes_be(signature)) == Some(expected)
    }
}

fn pss_holds(message: &[u8], digest: &[u8; HASH]) -> bool {
    let Some((0xbc, message)) = message.split_last() else { return false };
    let Some(place) = message.len().checked_sub(HASH) else { return false };
    let (masked, hash) = message.split_at_checked(place).unwrap_or_default();
    let mask = mgf1(hash, masked.len());
    let mut block: Vec<u8> = masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let Some(first) = block.first_mut() else { return false };
    *first &= 0x7f;
    let Some(salt_at) = block.len().checked_sub(HASH) else { return false };
    let (padding, salt) = block.split_at_checked(salt_at).unwrap_or_default();
    let Some((1, zeros)) = padding.split_last() else { return false };
    let mut hasher = Sha256::new();
    hasher.update([0; 8]);
    hasher.update(digest);
    hasher.update(salt);
    zeros.iter().all(|byte| *byte == 0) && hasher.finalize().as_slice() == hash
}

/// MGF1 with SHA-256: RFC 8017, section B.2.1.
pub fn mgf1(seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length.saturating_add(HASH));
    let mut counter = 0_u32;
    while mask.len() < length {
        mask.extend_from_slice(
            &Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize(),
        );
        counter = counter.saturating_add(1);
    }
    mask.truncate(length);
    mask
}

/// An algorithm for digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5, RFC 1321: broken, and still met in old signatures.
    Md5,
    /// SHA-1, FIPS 180-4: broken, and still met in old signatures.
    Sha1,
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-384, FIPS 180-4.
    Sha384,
    /// SHA-512, FIPS 180-4.
    Sha512,
}

impl Algorithm {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The digest of bytes.
    pub fn digest(self, bytes: &[u8]) -> ContentDigest {
        let bytes = match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        };
        ContentDigest { algorithm: self, bytes }
    }

    /// The head of the structure `DigestInfo` in DER: RFC 8017, section 9.2.
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Md5 => b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
            Self::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
            Self::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
            Self::Sha384 => b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
            Self::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
        }
    }
}

/// A digest with its algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDigest {
    /// Which.
    pub algorithm: Algorithm,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
