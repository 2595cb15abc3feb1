//! What logs, witnesses and mirrors send: notes, checkpoints, keys, policies, proofs, tiles, submissions to a witness,
//! evidence, and the state of a witness. What is read is written as it was, and nothing is proven by garbage.
#![no_main]

use std::sync::LazyLock;

use candor_tlog::{
    Checkpoint, Evidence, Hash, KeyKind, Note, Policy, Proof, SigningKey, Submission, VerifyingKey, cosign, cosigned,
    entries_of, leaf_hash, root_within, verify_consistency, verify_inclusion,
};
use candor_witness::State;
use libfuzzer_sys::fuzz_target;

static LOG: LazyLock<SigningKey> = LazyLock::new(|| key("example.org/log", KeyKind::Note));
static WITNESS: LazyLock<SigningKey> = LazyLock::new(|| key("example.org/w", KeyKind::Cosignature));

fn key(name: &str, kind: KeyKind) -> SigningKey {
    SigningKey::new(name, kind, &[7; 32]).expect("a name")
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, input)) = input.split_first() else { return };
    match kind % 9 {
        0 => note(input),
        1 => {
            if let Ok(submission) = Submission::read(input) {
                assert_eq!(submission.to_bytes(), input);
            }
        }
        2 => {
            if let Ok(evidence) = Evidence::read(input) {
                assert_eq!(evidence.to_bytes(), input);
                // The fuzzer does not have the key.
                assert!(evidence.verify(&[LOG.public().clone()]).is_err());
            }
        }
        3 => {
            if let Ok(proof) = Proof::read(input) {
                assert_eq!(proof.to_bytes(), input);
                assert!(proof.includes(b"an entry").is_err());
            }
        }
        4 => {
            if let Ok(text) = std::str::from_utf8(input) {
                drop(text.parse::<SigningKey>());
                if let Ok(key) = text.parse::<VerifyingKey>() {
                    assert_eq!(key.to_string().parse().as_ref(), Ok(&key));
                }
            }
        }
        5 => {
            drop(Policy::read(input));
        }
        6 => {
            if let Some((&width, bundle)) = input.split_first() {
                drop(entries_of(bundle, u64::from(width)));
            }
        }
        7 => hashes(input),
        _ => {
            if let Ok(state) = State::read(input) {
                assert_eq!(State::read(&state.to_bytes()), Ok(state));
            }
        }
    }
});

fn note(input: &[u8]) {
    let Ok(mut note) = Note::read(input) else { return };
    assert_eq!(note.to_bytes(), input);
    drop(Checkpoint::read(&note));
    assert!(note.signed_by(LOG.public()).is_err() && cosigned(&note, WITNESS.public()).is_err());
    // Signed by us it is ours, whatever it says.
    note.sign(&LOG);
    note.put(cosign(&note, &WITNESS, 7).expect("a key of a witness"));
    note.signed_by(LOG.public()).expect("we signed it");
    assert_eq!(cosigned(&note, WITNESS.public()).expect("we cosigned it").time, 7);
}

fn hashes(input: &[u8]) {
    let Some((sizes, rest)) = input.split_at_checked(16) else { return };
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (old, new) = (number(&sizes[..8]), number(&sizes[8..]));
    let proof: Vec<Hash> =
        rest.chunks_exact(32).take(80).map(|hash| hash.try_into().expect("32 bytes")).collect();
    let root = leaf_hash(b"nobody knows what is below this");
    assert!(verify_inclusion(&[1; 32], old, new, &root, &proof).is_err());
    assert!(verify_consistency((old, &[2; 32]), (new, &root), &proof).is_err());
    assert!(root_within(old, (new, &root), &proof).is_err());
}
