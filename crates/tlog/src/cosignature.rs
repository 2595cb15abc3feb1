//! Cosignatures of witnesses: <https://c2sp.org/tlog-cosignature>, version 1, Ed25519.

use crate::note::NoteSignature;
use crate::{Error, KeyKind, Note, SigningKey, VerifyingKey};

/// A statement of a witness: at this time this was the largest consistent tree that it knew of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cosignature {
    /// Seconds since 1970.
    pub time: u64,
}

/// Checks that this witness cosigned the checkpoint in the note; of several lines the latest counts.
///
/// # Errors
/// [`Error::NotSigned`], and [`Error::WrongSignature`] if there is a line of this key that is wrong.
pub fn cosigned(note: &Note, key: &VerifyingKey) -> Result<Cosignature, Error> {
    let mut latest = None;
    for line in note.signatures().iter().filter(|line| line.is_of(key)) {
        let verified = (key.kind() == KeyKind::Cosignature)
            .then(|| line.signature.split_first_chunk())
            .flatten()
            .and_then(|(time, signature)| {
                let time = u64::from_be_bytes(*time);
                let sane = i64::try_from(time).is_ok();
                (sane && key.verifies(&message(note.text(), time), signature)).then_some(Cosignature { time })
            });
        let Some(cosignature) = verified else {
            return Err(Error::WrongSignature(key.name().to_owned()));
        };
        latest = latest.max(Some(cosignature));
    }
    latest.ok_or_else(|| Error::NotSigned(key.name().to_owned()))
}

/// The line with which a witness cosigns the checkpoint in a note at this time, in seconds since 1970.
///
/// # Errors
/// [`Error::Malformed`] if the key is not one of a witness, or the time is beyond 2^63 - 1.
pub fn cosign(note: &Note, key: &SigningKey, time: u64) -> Result<NoteSignature, Error> {
    if key.public().kind() != KeyKind::Cosignature || i64::try_from(time).is_err() {
        return Err(Error::Malformed("only the key of a witness cosigns, at a time that there is"));
    }
    let signature = key.sign(&message(note.text(), time));
    let timestamped = [&time.to_be_bytes()[..], &signature].concat();
    Ok(NoteSignature::new(key.public(), timestamped))
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Checkpoint;

    fn note() -> Note {
        let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 3, root: [7; 32] };
        checkpoint.to_note().expect("a note")
    }

    fn witness(seed: u8) -> SigningKey {
        SigningKey::new("witness.example.org/w", KeyKind::Cosignature, &[seed; 32]).expect("a key")
    }

    #[test]
    fn the_latest_cosignature_counts() {
        let (mut note, key) = (note(), witness(1));
        assert!(matches!(cosigned(&note, key.public()), Err(Error::NotSigned(_))));
        for time in [20, 30, 10] {
            let mut lines = note.to_bytes();
            lines.extend(cosign(&note, &key, time).expect("a line").to_line().into_bytes());
            note = Note::read(&lines).expect("a note");
        }
        assert_eq!(note.signatures().len(), 3);
        assert_eq!(cosigned(&note, key.public()), Ok(Cosignature { time: 30 }));
    }

    #[test]
    fn another_time_text_or_key_is_refused() {
        let (mut note, key) = (note(), witness(1));
        let line = cosign(&note, &key, 20).expect("a line");
        let mut later = line.clone();
        later.signature[7] += 1;
        note.put(later);
        assert!(matches!(cosigned(&note, key.public()), Err(Error::WrongSignature(_))));
        note.put(line.clone());
        assert!(matches!(cosigned(&note, witness(2).public()), Err(Error::NotSigned(_))));
        let mut other = Note::unsigned(note.text().replace('3', "4")).expect("a text");
        other.put(line);
        assert!(matches!(cosigned(&other, key.public()), Err(Error::WrongSignature(_))));
    }

    #[test]
    fn keys_of_notes_do_not_cosign() {
        let key = SigningKey::new("witness.example.org/w", KeyKind::Note, &[1; 32]).expect("a key");
        assert!(cosign(&note(), &key, 1).is_err() && cosign(&note(), &witness(1), u64::MAX).is_err());
    }
}
