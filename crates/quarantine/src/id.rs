//! The name of an entry: 128 random bits, so that nobody can foresee it.

use std::fmt;
use std::str::FromStr;

use rustix::rand::{GetRandomFlags, getrandom};

/// The id of an entry, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) [u8; 16]);

impl Id {
    /// A new one.
    pub(crate) fn random() -> std::io::Result<Self> {
        Ok(Self(random()?))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no id.
#[derive(Debug, thiserror::Error)]
#[error("it is no id; an id has 32 digits from 0 to f")]
pub struct NoId;

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoId)?;
        let id = Self(bytes);
        // Capitals would be a second name for the same entry.
        if id.to_string() == text { Ok(id) } else { Err(NoId) }
    }
}

/// Random bytes from the kernel.
pub(crate) fn random<const LENGTH: usize>() -> std::io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text() {
        let id = Id::random().unwrap();
        assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
        for wrong in ["", "00", "../../../etc/passwd", &"G".repeat(32), &"A".repeat(32), &"a".repeat(33)] {
            assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        }
    }
}
