//! The site's own director: it says which of the public releases the site takes, and cannot make any of its own.
//!
//! Its word is a signed note: `candor.director/v1`, `site NAME`, `sequence N`, `expires TIME`.

use candor_tlog::{MAX_NOTE, Note, VerifyingKey};
use jiff::Timestamp;

use crate::place;
use crate::refusal::{About, Kind, Refusal};
use crate::staging::Staging;

const VERSION: &str = "candor.director/v1";

/// What a director says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direction {
    /// For which site, for people.
    pub site: String,
    /// The release that is to be taken.
    pub sequence: u64,
    /// Until when this holds.
    pub expires: Timestamp,
}

impl Direction {
    /// Reads the text of a note.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut field = |name: &str| lines.next()?.strip_prefix(name);
        if !field(VERSION)?.is_empty() {
            return None;
        }
        let direction = Self {
            site: field("site ")?.to_owned(),
            sequence: field("sequence ")?.parse().ok()?,
            expires: field("expires ")?.parse().ok()?,
        };
        lines.next().is_none().then_some(direction)
    }

    /// The text that a director signs.
    pub fn to_text(&self) -> String {
        format!("{VERSION}\nsite {}\nsequence {}\nexpires {}\n", self.site, self.sequence, self.expires)
    }
}

/// What the director with this key says in a staging folder.
///
/// # Errors
/// If it says nothing, nothing any more, or somebody else speaks in its name.
pub fn direction(staging: &Staging, key: &VerifyingKey, now: Timestamp) -> Result<Direction, Refusal> {
    let bytes = staging.read(place::DIRECTOR, MAX_NOTE as u64).about(Kind::Malformed, "director")?;
    let bytes = bytes
        .ok_or_else(|| Refusal::new(Kind::Director, "the site has a director, and there is no word of it"))?;
    let note = Note::read(&bytes).about(Kind::Malformed, "director")?;
    note.signed_by(key).about(Kind::Signature, "director")?;
    let direction = Direction::read(note.text());
    let direction =
        direction.ok_or_else(|| Refusal::new(Kind::Malformed, "director: it has another form"))?;
    if direction.expires <= now {
        let text = format!("what the director says ran out at {}", direction.expires);
        return Err(Refusal::new(Kind::Director, text));
    }
    Ok(direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_read_as_they_are_written() {
        let expires = "2026-11-22T20:00:00Z".parse().expect("a time");
        let direction = Direction { site: "Example AG".to_owned(), sequence: 7, expires };
        let text = direction.to_text();
        assert_eq!(Direction::read(&text), Some(direction));
        for bad in [
            text.replace("v1", "v2"),
            text.replace('7', "x"),
            format!("{text}more\n"),
            text.replace("site", "sites"),
        ] {
            assert_eq!(Direction::read(&bad), None, "{bad}");
        }
    }
}
