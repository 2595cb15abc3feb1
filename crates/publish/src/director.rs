//! The word of a site's own director: which public release the site takes.

use candor_tlog::{Note, SigningKey};
use candor_update::Timestamp;
use candor_update::director::Direction;

use crate::metadata::whole_seconds;

/// Signs it. The site is named as the key is.
///
/// # Errors
/// When the name of the key cannot stand in a note.
pub fn sign(key: &SigningKey, sequence: u64, expires: Timestamp) -> anyhow::Result<Note> {
    let site = key.public().name().to_owned();
    let direction = Direction { site, sequence, expires: whole_seconds(expires) };
    let mut note = Note::unsigned(direction.to_text())?;
    note.sign(key);
    Ok(note)
}

#[cfg(test)]
mod tests {
    use candor_tlog::KeyKind;

    use super::*;

    #[test]
    fn clients_read_what_directors_sign() {
        let key = SigningKey::new("example.org/site", KeyKind::Note, &[1; 32]).expect("a key");
        let expires = "2030-01-01T00:00:00Z".parse().expect("a time");
        let note = sign(&key, 7, expires).expect("a word");
        note.signed_by(key.public()).expect("signed");
        assert_eq!(
            note.text(),
            "candor.director/v1\nsite example.org/site\nsequence 7\nexpires 2030-01-01T00:00:00Z\n"
        );
        assert_eq!(Direction::read(note.text()).map(|direction| direction.sequence), Some(7));
    }
}
