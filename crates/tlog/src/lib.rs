//! Transparency logs as the C2SP specifications describe them: what a log signs, what witnesses cosign, and how a
//! client checks both. Bytes in, answers out: this crate opens no file and no connection, and asks no clock.
//!
//! A log is a Merkle tree (RFC 6962) that only grows. A [`Checkpoint`] names its size and root; it is the text of
//! a [`Note`], signed by the log and cosigned by witnesses, each with the time at which this was the
//! largest tree that it knew. A [`Policy`] says which of them must have signed. A [`Proof`] has all of that in one
//! file. Everything is read as if an attacker had written it.
//!
//! Ed25519 only: the specifications demand that lines of other algorithms are ignored, and they are.

#![forbid(unsafe_code)]

mod checkpoint;
mod cosignature;
mod encoding;
mod evidence;
mod key;
mod note;
mod policy;
mod proof;
mod submission;
mod tile;
mod tree;

pub use checkpoint::Checkpoint;
pub use cosignature::{Cosignature, cosign, cosigned};
pub use evidence::{Evidence, MAX_EVIDENCE, signed_by_any};
pub use key::{KeyKind, SigningKey, VerifyingKey};
pub use note::{MAX_NOTE, MAX_SIGNATURES, Note, NoteSignature};
pub use policy::{Assessment, Log, MAX_POLICY, Policy, PolicyError, Witness, WitnessState};
pub use proof::Proof;
pub use submission::{MAX_CONSISTENCY_HASHES, MAX_SUBMISSION, Submission};
pub use tile::{HASHES_PER_TILE, MAX_LEAVES, TilePath, bundle_of, entries_of, hashes_of, tiles_of};
pub use tree::{
    Hash, beginning_proof, consistency_proof, empty_root, inclusion_proof, leaf_hash, root_of, root_within,
    verify_consistency, verify_inclusion,
};

/// What is wrong with bytes that were to be a note, a key, a proof or a tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// They do not have the form that the specification demands.
    #[error("{0}")]
    Malformed(&'static str),
    /// A signature by a key that we know is wrong. The whole note is to be refused.
    #[error("the signature of {0} is wrong")]
    WrongSignature(String),
    /// The key that must have signed has not.
    #[error("it is not signed by {0}")]
    NotSigned(String),
    /// The hashes do not lead to the root.
    #[error("{0}")]
    NotProven(&'static str),
}
