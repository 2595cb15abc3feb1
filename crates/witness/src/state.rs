//! What the witness remembers, as text: of each log the latest checkpoint, with the cosignatures that it gave.
//!
//! ```text
//! candor.witness.state/v1
//! generation 42                        how often it was written
//! key witness.example/w1+...           the keys that cosigned what follows, one per line
//! logs 1
//! note 412                             for each log, sorted by origin: a signed note of so many bytes
//! <the note>
//! sha256 <hex of all that stands before this line>
//! ```

use std::collections::BTreeMap;

use candor_tlog::{Checkpoint, KeyKind, Note, VerifyingKey, cosigned};
use sha2::{Digest, Sha256};

const MAGIC: &str = "candor.witness.state/v1\n";
/// Most bytes of a state.
pub const MAX_STATE: usize = 80 << 20;
/// The last line: a word, a space, 64 digits, a newline.
const LAST_LINE: usize = 72;

/// What is remembered of all logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How often it was written.
    pub generation: u64,
    /// The keys that cosigned it.
    pub keys: Vec<VerifyingKey>,
    /// The latest checkpoint of each log.
    pub logs: BTreeMap<String, Kept>,
}

/// What is remembered of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What the note says.
    pub checkpoint: Checkpoint,
    /// When it was cosigned last, in seconds since 1970.
    pub time: u64,
    /// The checkpoint with the signatures of the log and the cosignatures of the witness.
    pub note: Note,
}

impl State {
    /// Reads a state. Each checkpoint must be cosigned by one of the state's own keys, so that nobody without a
    /// key changes it unseen; whether these keys are the right ones is for the caller.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_STATE {
            return Err("it is too long".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let end = text.len().checked_sub(LAST_LINE).ok_or("it is too short")?;
        let (text, last) = text.split_at_checked(end).ok_or("its last line is broken")?;
        if last != last_line(text) {
            return Err("it does not have the digest that it names".to_owned());
        }
        let mut rest = text.strip_prefix(MAGIC).ok_or("it is no state of version 1")?;
        let mut state = Self { generation: number(&mut rest, "generation ")?, ..Self::default() };
        while let Some((key, after)) = rest.strip_prefix("key ").and_then(|rest| rest.split_once('\n')) {
            let key: VerifyingKey = key.parse().map_err(|error| format!("a key: {error}"))?;
            if key.kind() != KeyKind::Cosignature || state.keys.contains(&key) {
                return Err("a key is none of a witness, or there twice".to_owned());
            }
            state.keys.push(key);
            rest = after;
        }
        for _ in 0..number(&mut rest, "logs ")? {
            let (note, after) = Note::read_counted(rest).map_err(|error| format!("a note: {error}"))?;
            let kept = Kept::of(note, &state.keys)?;
            let origin = kept.checkpoint.origin.clone();
            if state.logs.last_key_value().is_some_and(|(last, _)| *last >= origin) {
                return Err("its logs are not sorted".to_owned());
            }
            state.logs.insert(origin, kept);
            rest = after;
        }
        if rest.is_empty() { Ok(state) } else { Err("there are more lines than logs".to_owned()) }
    }

    /// The state as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{MAGIC}generation {}\n", self.generation);
        for key in &self.keys {
            text.push_str(&format!("key {key}\n"));
        }
        text.push_str(&format!("logs {}\n", self.logs.len()));
        let mut bytes = text.into_bytes();
        for kept in self.logs.values() {
            bytes.extend(kept.note.to_counted());
        }
        let last = last_line(&bytes);
        bytes.extend(last.into_bytes());
        bytes
    }
}

impl Kept {
    /// What a cosigned note says, if one of these keys cosigned it; the latest time counts.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn of(note: Note, keys: &[VerifyingKey]) -> Result<Self, String> {
        let checkpoint = Checkpoint::read(&note).map_err(|error| format!("a checkpoint: {error}"))?;
        let time = keys.iter().filter_map(|key| cosigned(&note, key).ok()).max();
        let time = time.ok_or_else(|| {
            format!("the checkpoint of {:?} is not cosigned by the witness itself", checkpoint.origin)
        })?;
        Ok(Self { checkpoint, time: time.time, note })
    }
}

fn last_line(before: impl AsRef<[u8]>) -> String {
    format!("sha256 {}\n", hex::encode(Sha256::digest(before)))
}

fn number(rest: &mut &str, word: &str) -> Result<u64, String> {
    let line = rest.strip_prefix(word).and_then(|rest| rest.split_once('\n'));
    let (digits, after) = line.ok_or_else(|| format!("the line \"{word}\" is missing"))?;
    let number = digits.parse().map_err(|_| format!("the line \"{word}\" has no number"))?;
    *rest = after;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use candor_tlog::{SigningKey, cosign};
    use proptest::prelude::*;

    use super::*;

    fn witness(seed: u8) -> SigningKey {
        SigningKey::new("witness.example.org/w", KeyKind::Cosignature, &[seed; 32]).expect("a key")
    }

    fn example() -> State {
        let key = witness(1);
        let mut state = State { generation: 7, keys: vec![key.public().clone()], logs: BTreeMap::new() };
        for (origin, size) in [("a log", 3), ("b", 0)] {
            let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: [7; 32] };
            let mut note = checkpoint.to_note().expect("a note");
            for time in [20, 10] {
                let line = cosign(&note, &key, time).expect("a line");
                note = Note::read(&[note.to_bytes(), line.to_line().into_bytes()].concat()).expect("a note");
            }
            state.logs.insert(origin.to_owned(), Kept { checkpoint, time: 20, note });
        }
        state
    }

    /// The text with the digest that it needs.
    fn sealed(text: &str) -> Vec<u8> {
        [text.as_bytes(), last_line(text).as_bytes()].concat()
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        let state = example();
        assert_eq!(State::read(&state.to_bytes()), Ok(state));
        assert_eq!(State::read(&State::default().to_bytes()), Ok(State::default()));
    }

    #[test]
    fn no_changed_or_missing_byte_is_overlooked() {
        let bytes = example().to_bytes();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(State::read(&changed).is_err(), "byte {place}");
            assert!(State::read(&bytes[..place]).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn a_forged_state_with_the_right_digest_is_refused() {
        let text = String::from_utf8(example().to_bytes()).expect("text");
        let text = &text[..text.len() - LAST_LINE];
        assert!(State::read(&sealed(text)).is_ok());
        let other_key = witness(2).public().to_string();
        for bad in [
            text.replace("\n3\n", "\n2\n"),
            text.replace("a log", "c log"),
            text.replace(&witness(1).public().to_string(), &other_key),
            text.replace("logs 2", "logs 1"),
            text.replace("logs 2", "logs 3"),
            text.replace("/v1", "/v2"),
            text.replace("generation 7", "generation"),
        ] {
            assert!(State::read(&sealed(&bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused(text in "(\\PC|\n){0,200}", generation: u64) {
            prop_assert!(State::read(text.as_bytes()).is_err());
            let right = sealed(&format!("{MAGIC}generation {generation}\n{text}"));
            prop_assert!(State::read(&right).is_err());
        }
    }
}
