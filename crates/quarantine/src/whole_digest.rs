//! SHA-256 of a file of which only the parts between the holes are read.

use sha2::{Digest, Sha256};

/// A digest on its way.
#[derive(Debug, Default)]
pub(crate) struct WholeDigest {
    hash: Sha256,
    at: u64,
}

impl WholeDigest {
    /// Adds bytes at an offset that is not before those added so far; what was left out is zeros.
    pub(crate) fn push(&mut self, offset: u64, bytes: &[u8]) {
        self.zeros_until(offset);
        self.hash.update(bytes);
        self.at = self.at.saturating_add(bytes.len() as u64);
    }

    /// The digest of the file with this size.
    pub(crate) fn finish(mut self, size: u64) -> [u8; 32] {
        self.zeros_until(size);
        self.hash.finalize().into()
    }

    fn zeros_until(&mut self, offset: u64) {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        while self.at < offset {
            let left = offset - self.at;
            let zeros = usize::try_from(left).ok().and_then(|left| ZEROS.get(..left)).unwrap_or(&ZEROS);
            self.hash.update(zeros);
            self.at += zeros.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_zeros() {
        let mut digest = WholeDigest::default();
        digest.push(3, b"abc");
        digest.push(100_000, b"d");
        let mut whole = vec![0; 200_000];
        whole[3..6].copy_from_slice(b"abc");
        whole[100_000] = b'd';
        assert_eq!(digest.finish(200_000), <[u8; 32]>::from(Sha256::digest(&whole)));
    }
}
