//! Proofs in one file: <https://c2sp.org/tlog-proof>.

use crate::encoding::{base64, decimal, hash, unbase64};
use crate::{Checkpoint, Error, Hash, MAX_NOTE, Note, leaf_hash, verify_inclusion};

/// A Merkle tree of 2^63 entries is this deep.
const MAX_HASHES: usize = 63;
/// Most bytes of the extra data.
const MAX_EXTRA: usize = 64 << 10;
const MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// What proves that an entry is in a log: its number, its neighbours in the tree, and the checkpoint with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the application wants to keep beside it; nobody has signed it.
    pub extra: Option<Vec<u8>>,
    /// The number of the entry, from 0.
    pub index: u64,
    /// Its neighbours on the way to the root, deepest first.
    pub hashes: Vec<Hash>,
    /// The checkpoint, with the signatures of the log and of witnesses.
    pub checkpoint: Note,
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        const FORM: Error = Error::Malformed("it is no tlog-proof of version 1");
        if bytes.len() > MAX_NOTE + 2 * MAX_EXTRA {
            return Err(Error::Malformed("the proof is too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("the proof is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(FORM)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(MAGIC) {
            return Err(FORM);
        }
        let mut line = lines.next().ok_or(FORM)?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            extra = Some(unbase64(encoded)?);
            line = lines.next().ok_or(FORM)?;
        }
        let index = decimal(line.strip_prefix("index ").ok_or(FORM)?)?;
        let hashes: Vec<Hash> = lines.by_ref().take(MAX_HASHES + 1).map(hash).collect::<Result<_, _>>()?;
        if hashes.len() > MAX_HASHES {
            return Err(Error::Malformed("the proof has more hashes than any tree is deep"));
        }
        Ok(Self { extra, index, hashes, checkpoint: Note::read(note.as_bytes())? })
    }

    /// Checks that this entry is in the tree of the checkpoint. Who signed that is for a [`Policy`](crate::Policy).
    ///
    /// # Errors
    /// [`Error::Malformed`] for a note that is no checkpoint, [`Error::NotProven`].
    pub fn includes(&self, entry: &[u8]) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::read(&self.checkpoint)?;
        let leaf = leaf_hash(entry);
        verify_inclusion(&leaf, self.index, checkpoint.size, &checkpoint.root, &self.hashes)?;
        Ok(checkpoint)
    }

    /// The proof as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{MAGIC}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", base64(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            text.push_str(&format!("{}\n", base64(hash)));
        }
        text.push('\n');
        [text.into_bytes(), self.checkpoint.to_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyKind, SigningKey, inclusion_proof, root_of};

    fn proof(extra: Option<Vec<u8>>) -> Proof {
        let leaves: Vec<Hash> = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry)).to_vec();
        let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 3, root: root_of(&leaves) };
        let mut note = checkpoint.to_note().expect("a note");
        note.sign(&SigningKey::new("example.org/log", KeyKind::Note, &[1; 32]).expect("a key"));
        Proof { extra, index: 1, hashes: inclusion_proof(&leaves, 1).expect("inside"), checkpoint: note }
    }

    #[test]
    fn proofs_are_read_as_they_are_written() {
        for extra in [None, Some(b"context".to_vec())] {
            let proof = proof(extra);
            assert_eq!(Proof::read(&proof.to_bytes()), Ok(proof));
        }
    }

    #[test]
    fn only_the_entry_is_proven() {
        let proof = proof(None);
        assert_eq!(proof.includes(b"b").expect("it is in").size, 3);
        assert!(proof.includes(b"a").is_err());
        assert!(Proof { index: 0, ..proof.clone() }.includes(b"b").is_err());
        assert!(Proof { hashes: Vec::new(), ..proof }.includes(b"b").is_err());
    }

    #[test]
    fn no_flipped_byte_proves_the_entry_under_the_key() {
        let key = SigningKey::new("example.org/log", KeyKind::Note, &[1; 32]).expect("a key");
        let bytes = proof(None).to_bytes();
        let holds = |bytes: &[u8]| {
            Proof::read(bytes).is_ok_and(|proof| {
                proof.includes(b"b").is_ok() && proof.checkpoint.signed_by(key.public()).is_ok()
            })
        };
        assert!(holds(&bytes));
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            assert!(!holds(&flipped), "byte {place}");
        }
    }
}
