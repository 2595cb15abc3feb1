//! Digests that packages have of their files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha384, Sha512};

/// The digest of a file, in the algorithm that its package uses; MD5 in Debian, SHA-256 in most with rpm. Whoever could
/// make a file with the digest of another and put it in its place could do anything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(Vec<u8>);

impl Digest {
    /// The digest of so many hexadecimal digits; nothing where no known algorithm has as many.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        let digest = Self(hex::decode(digits).ok()?);
        digest.algorithm().map(|_| digest)
    }

    /// Whether a file has this digest; it is read from its beginning, whatever its offset is.
    ///
    /// # Errors
    /// Those of reading.
    pub fn is_of(&self, file: &File) -> io::Result<bool> {
        let Some(mut algorithm) = self.algorithm() else { return Ok(false) };
        let mut buffer = vec![0; 64 << 10];
        let mut at = 0_u64;
        loop {
            match file.read_at(&mut buffer, at) {
                Ok(0) => return Ok(*algorithm.finalize() == *self.0),
                Ok(count) => {
                    algorithm.update(buffer.get(..count).unwrap_or_default());
                    at = at.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn algorithm(&self) -> Option<Box<dyn DynDigest>> {
        match self.0.len() {
            16 => Some(Box::new(Md5::default())),
            20 => Some(Box::new(Sha1::default())),
            32 => Some(Box::new(Sha256::default())),
            48 => Some(Box::new(Sha384::default())),
            64 => Some(Box::new(Sha512::default())),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn each_algorithm_is_known_by_its_length() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        for digits in [
            "900150983cd24fb0d6963f7d28e17f72",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            let digest = Digest::from_hex(digits.as_bytes()).unwrap();
            assert!(digest.is_of(&file).unwrap(), "{digits}");
            let other = Digest::from_hex(digits.replace('a', "b").replace("90", "91").as_bytes()).unwrap();
            assert!(!other.is_of(&file).unwrap(), "{digits}");
        }
        for digits in ["", "00", "zz", &"0".repeat(34)] {
            assert!(Digest::from_hex(digits.as_bytes()).is_none(), "{digits}");
        }
    }
}
