//! Proof that a log has two histories, in one file that anybody can check without asking anybody.
//!
//! What is portable:
//!
//! * Two checkpoints of *one size* with different roots, both signed by the log, are proof on their own.
//! * Two checkpoints of *different sizes* are proof together with hashes of the larger tree that lead to its root and
//!   make another root of the smaller tree than the log signed. The larger root pins these hashes, so no
//!   other ones can join the two trees. They are those of a consistency proof whose first hash is never left out
//!   ([`beginning_proof`](crate::beginning_proof)), and come from the tiles of the larger tree.
//! * Two checkpoints of different sizes and a consistency proof that leads nowhere are *no* proof: whoever has
//!   two honest checkpoints can add garbage. It is a question to the log, which must answer with a proof that holds.

use crate::encoding::{base64, hash};
use crate::tree::root_within;
use crate::{Checkpoint, Error, Hash, MAX_NOTE, Note, VerifyingKey};

const MAGIC: &str = "candor.tlog-evidence/v1";
/// A Merkle tree of 2^63 entries is this deep; one hash more than a consistency proof has.
const MAX_HASHES: usize = 64;
/// Most bytes of evidence.
pub const MAX_EVIDENCE: usize = 256 + MAX_HASHES * 50 + 2 * MAX_NOTE;

/// Two checkpoints that the log signed and that no one history has.
///
/// As text, the smaller tree first, each note with its length in bytes before it:
///
/// ```text
/// candor.tlog-evidence/v1
/// hash <base64>                 one line per hash; none for checkpoints of one size
/// note 412
/// <the signed note, of 412 bytes>
/// note 409
/// <the other one>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    first: Note,
    second: Note,
    hashes: Vec<Hash>,
}

impl Evidence {
    /// Evidence out of two checkpoints of one size, if they are that: signed by the log, and with different roots.
    /// `keys` are all keys of the log; each note must be signed by one of them.
    pub fn of(a: &Note, b: &Note, keys: &[VerifyingKey]) -> Option<Self> {
        Self::with(a, b, &[], keys)
    }

    /// Evidence out of two checkpoints, of different sizes perhaps, with hashes of the larger tree
    /// ([`beginning_proof`](crate::beginning_proof)).
    pub fn with(a: &Note, b: &Note, hashes: &[Hash], keys: &[VerifyingKey]) -> Option<Self> {
        let order = |note: &Note| Some((Checkpoint::read(note).ok()?.size, note.to_bytes()));
        let (first, second) = if order(a)? <= order(b)? { (a, b) } else { (b, a) };
        let evidence = Self { first: first.clone(), second: second.clone(), hashes: hashes.to_vec() };
        evidence.verify(keys).is_ok().then_some(evidence)
    }

    /// Checks that it convicts the log with these keys, and gives the two checkpoints, the smaller one first.
    ///
    /// # Errors
    /// [`Error::NotSigned`] or [`Error::WrongSignature`] if not both notes are the log's, [`Error::NotProven`] if they
    /// do not contradict each other, [`Error::Malformed`] if they are no checkpoints.
    pub fn verify(&self, keys: &[VerifyingKey]) -> Result<(Checkpoint, Checkpoint), Error> {
        let (first, second) = (Checkpoint::read(&self.first)?, Checkpoint::read(&self.second)?);
        if first.origin != second.origin {
            return Err(Error::NotProven("the checkpoints are of different logs"));
        }
        for note in [&self.first, &self.second] {
            signed_by_any(note, keys)?;
        }
        let root = if first.size == second.size {
            if !self.hashes.is_empty() {
                return Err(Error::Malformed("checkpoints of one size need no hashes"));
            }
            second.root
        } else {
            root_within(first.size, (second.size, &second.root), &self.hashes)?
        };
        if root == first.root {
            return Err(Error::NotProven("the checkpoints are of one history"));
        }
        Ok((first, second))
    }

    /// Reads evidence; whether it convicts anybody is for [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        const FORM: Error = Error::Malformed("it is no tlog-evidence of version 1");
        if bytes.len() > MAX_EVIDENCE {
            return Err(Error::Malformed("the evidence is too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("the evidence is not UTF-8"))?;
        let mut rest = text.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix('\n')).ok_or(FORM)?;
        let mut hashes = Vec::new();
        while let Some(after) = rest.strip_prefix("hash ") {
            let (encoded, after) = after.split_once('\n').ok_or(FORM)?;
            if hashes.len() == MAX_HASHES {
                return Err(Error::Malformed("the evidence has more hashes than any tree is deep"));
            }
            hashes.push(hash(encoded)?);
            rest = after;
        }
        let (first, rest) = Note::read_counted(rest)?;
        let (second, rest) = Note::read_counted(rest)?;
        if rest.is_empty() { Ok(Self { first, second, hashes }) } else { Err(FORM) }
    }

    /// The evidence as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{MAGIC}\n");
        for hash in &self.hashes {
            text.push_str(&format!("hash {}\n", base64(hash)));
        }
        [text.into_bytes(), self.first.to_counted(), self.second.to_counted()].concat()
    }
}

/// Checks that one of the keys of a log signed the note, and that no line of theirs is wrong.
///
/// # Errors
/// [`Error::NotSigned`], [`Error::WrongSignature`].
pub fn signed_by_any(note: &Note, keys: &[VerifyingKey]) -> Result<(), Error> {
    let mut result = Err(Error::NotSigned("a key of the log".to_owned()));
    for key in keys {
        match note.signed_by(key) {
            Ok(()) => result = Ok(()),
            Err(Error::NotSigned(_)) => {}
            Err(error) => return Err(error),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{KeyKind, SigningKey, beginning_proof, consistency_proof, leaf_hash, root_of};

    const ORIGIN: &str = "example.org/log";

    fn key(seed: u8) -> SigningKey {
        SigningKey::new(ORIGIN, KeyKind::Note, &[seed; 32]).expect("a key")
    }

    fn leaves(history: u8, size: usize) -> Vec<Hash> {
        (0..size).map(|number| leaf_hash(&[number as u8, if number < 3 { 0 } else { history }])).collect()
    }

    fn note(leaves: &[Hash], key: &SigningKey) -> Note {
        let (size, root) = (leaves.len() as u64, root_of(leaves));
        let mut note = Checkpoint { origin: ORIGIN.to_owned(), size, root }.to_note().expect("a note");
        note.sign(key);
        note
    }

    #[test]
    fn two_roots_of_one_size_convict() {
        let (log, keys) = (key(1), [key(1).public().clone()]);
        let (a, b) = (note(&leaves(0, 9), &log), note(&leaves(1, 9), &log));
        let evidence = Evidence::of(&a, &b, &keys).expect("evidence");
        assert_eq!(Evidence::of(&b, &a, &keys).as_ref(), Some(&evidence), "the order does not matter");
        let again = Evidence::read(&evidence.to_bytes()).expect("the evidence");
        assert_eq!(again.verify(&keys), evidence.verify(&keys));
        assert_eq!(again, evidence);
        assert!(Evidence::of(&a, &a, &keys).is_none(), "one history");
        assert!(
            Evidence::of(&a, &note(&leaves(1, 9), &key(2)), &keys).is_none(),
            "somebody else's checkpoint"
        );
        assert!(Evidence::of(&a, &note(&leaves(1, 10), &log), &keys).is_none(), "sizes that say nothing");
        // A log that changed its key is convicted by the old one and the new one together.
        let both = [key(1).public().clone(), key(2).public().clone()];
        assert!(Evidence::of(&a, &note(&leaves(1, 9), &key(2)), &both).is_some());
        assert!(Evidence::of(&a, &b, &[]).is_none());
    }

    #[test]
    fn trees_of_all_sizes_convict_with_hashes_and_only_then() {
        let (log, keys) = (key(1), [key(1).public().clone()]);
        for new in 5..20 {
            for old in 4..new {
                let (mine, theirs) = (leaves(0, new), leaves(1, new));
                let hashes = beginning_proof(&theirs, old).expect("inside");
                let (a, b) = (note(&mine[..old], &log), note(&theirs, &log));
                let evidence = Evidence::with(&a, &b, &hashes, &keys).expect("two histories");
                assert_eq!(Evidence::read(&evidence.to_bytes()), Ok(evidence.clone()));
                let honest = note(&mine, &log);
                let own = beginning_proof(&mine, old).expect("inside");
                assert!(Evidence::with(&a, &honest, &own, &keys).is_none(), "one history, {old} of {new}");
                assert!(Evidence::with(&a, &honest, &hashes, &keys).is_none(), "another's hashes");
                assert!(Evidence::with(&a, &b, &[], &keys).is_none(), "no hashes");
                // Without its first hash the proof leads nowhere, and nobody is convicted.
                let proof = consistency_proof(&theirs, old).expect("inside");
                assert_eq!(Evidence::with(&a, &b, &proof, &keys).is_some(), !old.is_power_of_two());
            }
        }
    }

    #[test]
    fn malformed_evidence_is_refused() {
        let (log, keys) = (key(1), [key(1).public().clone()]);
        let (a, b) = (note(&leaves(0, 9), &log), note(&leaves(1, 9), &log));
        let good = Evidence::of(&a, &b, &keys).expect("evidence").to_bytes();
        let text = String::from_utf8(good).expect("text");
        for bad in [
            String::new(),
            text.replace("v1", "v2"),
            text.replace("note 1", "note 2"),
            text.replace("note 1", "note 18446744073709551615"),
            text.replacen("note", "hash AAAA\nnote", 1),
            format!("{text}x"),
            text[..text.len() - 1].to_owned(),
        ] {
            assert!(Evidence::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn garbage_convicts_nobody(hashes in proptest::collection::vec(any::<Hash>(), 0..70), old in 0..20_usize, new in 0..20_usize) {
            let (log, keys) = (key(1), [key(1).public().clone()]);
            let tree = leaves(0, 20);
            let (a, b) = (note(&tree[..old], &log), note(&tree[..new], &log));
            prop_assert!(Evidence::with(&a, &b, &hashes, &keys).is_none());
        }

        #[test]
        fn what_is_read_is_written_again(place in 0..700_usize, byte: u8) {
            let (log, keys) = (key(1), [key(1).public().clone()]);
            let (tree, other) = (leaves(0, 7), leaves(1, 13));
            let hashes = beginning_proof(&other, 7).expect("inside");
            let evidence = Evidence::with(&note(&tree, &log), &note(&other, &log), &hashes, &keys);
            let mut bytes = evidence.expect("evidence").to_bytes();
            let place = place % bytes.len();
            bytes[place] = byte;
            if let Ok(read) = Evidence::read(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}
