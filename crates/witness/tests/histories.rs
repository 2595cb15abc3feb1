//! Whatever is sent in whatever order, with restarts between, all that is cosigned is one history.

mod ground;

use std::fs;

use candor_tlog::{Checkpoint, KeyKind, Note, SigningKey, cosigned, root_of};
use candor_witness::{Cosigners, Logs, Shelf, Store, Witness};
use ground::{Log, ORIGIN, WITNESS};
use proptest::prelude::*;

/// A request: which history, from where, to where, and whether the proof is spoiled or the program starts anew before.
#[derive(Clone, Copy, Debug)]
struct Asked {
    history: u8,
    old: usize,
    size: usize,
    spoiled: bool,
    restart: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let sizes = (0..3_u8, 0..9_usize, 0..9_usize);
    (sizes, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|((history, old, size), spoiled, restart)| Asked { history, old, size, spoiled, restart })
}

/// The roots of all histories for each size, so that equal beginnings are seen as equal.
fn root(history: u8, size: usize) -> [u8; 32] {
    root_of(&Log::with_history(history, size).leaves)
}

fn key() -> SigningKey {
    SigningKey::new(WITNESS, KeyKind::Cosignature, &[3; 32]).unwrap()
}

fn start(folder: &std::path::Path) -> Witness {
    let cosigners = Cosigners { signing: vec![key()], retired: Vec::new() };
    let store = Store::open(&folder.join("state"), &cosigners.known()).unwrap();
    let logs = Logs::from([(ORIGIN.to_owned(), vec![Log::new(0).key.public().clone()])]);
    Witness::new(logs, cosigners, store, Shelf::open(folder.join("evidence")).unwrap(), Box::new(|| 1000))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn one_history_only(requests in proptest::collection::vec(asked(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        Store::init(&folder.path().join("state"), &[key().public().clone()]).unwrap();
        let mut witness = Some(start(folder.path()));
        // What the witness must know: the size and the history of the last cosigned checkpoint.
        let (mut size, mut history) = (0, 0);
        for asked in requests {
            if asked.restart {
                drop(witness.take());
                witness = Some(start(folder.path()));
            }
            let mut request = Log::with_history(asked.history, asked.size).request(asked.old.min(asked.size), asked.size);
            request.old = asked.old as u64;
            if asked.spoiled {
                request.proof.push([7; 32]);
            }
            let continues = root(asked.history, size.min(asked.size)) == root(history, size.min(asked.size));
            let expected = match asked {
                Asked { old, size, .. } if old > size => 400,
                Asked { old, .. } if old != size => 409,
                Asked { size: new, .. } if new == size && !continues => 409,
                Asked { spoiled, .. } if spoiled || !continues => 422,
                _ => 200,
            };
            let answer = witness.as_ref().unwrap().add_checkpoint(&request.to_bytes());
            prop_assert_eq!(answer.status, expected, "{:?} after {} of {}", asked, size, history);
            prop_assert_eq!(answer.body.contains('—'), expected == 200);
            if expected == 200 {
                let note = Note::read(&[request.note.to_bytes(), answer.body.into_bytes()].concat()).unwrap();
                cosigned(&note, key().public()).unwrap();
                (size, history) = (asked.size, asked.history);
            }
        }
        drop(witness);
        let state = candor_witness::State::read(&fs::read(folder.path().join("state")).unwrap()).unwrap();
        let last = state.logs.get(ORIGIN).map(|kept| kept.checkpoint.clone());
        let expected = Checkpoint { origin: ORIGIN.to_owned(), size: size as u64, root: root(history, size) };
        prop_assert!(last.is_none_or(|last| last == expected));
    }
}
