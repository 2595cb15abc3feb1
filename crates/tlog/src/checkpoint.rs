//! Checkpoints: <https://c2sp.org/tlog-checkpoint>.

use crate::encoding::{base64, decimal, hash};
use crate::{Error, Hash, Note};

/// The state of a log: its size and the root of its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// The number of its entries.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a note. Extension lines may follow; nothing is made of them.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read(note: &Note) -> Result<Self, Error> {
        let text = note.text();
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(Error::Malformed("a checkpoint has three lines: origin, size, root"));
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(Error::Malformed("a checkpoint has no empty lines"));
        }
        Ok(Self { origin: origin.to_owned(), size: decimal(size)?, root: hash(root)? })
    }

    /// The note, which nobody has signed yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the origin cannot be a line.
    pub fn to_note(&self) -> Result<Note, Error> {
        if self.origin.is_empty() || self.origin.contains('\n') {
            return Err(Error::Malformed("the origin is one line"));
        }
        Note::unsigned(format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_read_as_they_are_written() {
        let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 20_852_163, root: [7; 32] };
        let note = checkpoint.to_note().expect("a note");
        assert_eq!(Checkpoint::read(&note), Ok(checkpoint));
    }

    #[test]
    fn malformed_checkpoints_are_refused() {
        let root = base64(&[7; 32]);
        let good = format!("o\n1\n{root}\n");
        let read = |text: &str| Checkpoint::read(&Note::unsigned(text.to_owned())?);
        assert!(read(&good).is_ok() && read(&format!("{good}extension\n")).is_ok());
        for bad in ["o\n", "o\n1\n", "o\n01\nx\n", "o\n-1\nx\n"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(read(&format!("\n1\n{root}\n")).is_err() && read(&format!("{good}\nx\n")).is_err());
        assert!(read(&good.replace("\n1\n", "\n18446744073709551616\n")).is_err());
    }
}
