//! RSA public operations, as far as signatures of containers need them.
//!
//! Only public numbers are involved, so that it does not matter how long a computation takes. The crate `rsa` is
//! not used, since it has an open advisory (RUSTSEC-2023-0071) for operations with private keys.

use num_bigint::BigUint;
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
    pub(super) fn from_bytes(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
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
    pub(super) fn recover(&self, signature: &BigUint) -> Option<BigUint> {
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
    pub(super) fn verifies_pss(&self, signature: &BigUint, digest: &[u8; HASH]) -> bool {
        self.recover_bytes(signature).is_some_and(|message| pss_holds(&message, digest))
    }

    /// Whether this is a signature with PKCS #1 v1.5 over content with this digest: RFC 8017, section 8.2.2.
    pub(super) fn verifies_pkcs1(&self, signature: &[u8], digest: &ContentDigest) -> bool {
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).unwrap_or(0);
        let (prefix, digest) = (digest.prefix(), digest.bytes());
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
pub(super) fn mgf1(seed: &[u8], length: usize) -> Vec<u8> {
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

/// A digest with its algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ContentDigest {
    Sha256(Vec<u8>),
    Sha384(Vec<u8>),
    Sha512(Vec<u8>),
}

impl ContentDigest {
    pub(super) fn sha256(bytes: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(bytes).to_vec())
    }

    pub(super) fn sha384(bytes: &[u8]) -> Self {
        Self::Sha384(Sha384::digest(bytes).to_vec())
    }

    pub(super) fn sha512(bytes: &[u8]) -> Self {
        Self::Sha512(Sha512::digest(bytes).to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) | Self::Sha384(bytes) | Self::Sha512(bytes) => bytes,
        }
    }

    /// The head of the structure `DigestInfo` in DER.
    fn prefix(&self) -> &'static [u8; 19] {
        match self {
            Self::Sha256(_) => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            Self::Sha384(_) => {
                b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
            }
            Self::Sha512(_) => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }
}
