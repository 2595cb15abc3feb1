//! Passwords that whoever scans knows: read from a file by who may read files, and told to workers when they start.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candor_object::Password;
use serde::{Deserialize, Serialize};

/// Most passwords of a list.
pub const MOST_PASSWORDS: usize = 1000;
/// Longest password of a list, in bytes.
pub const LONGEST_PASSWORD: usize = 128;
/// Bytes of all passwords of a list: they go to a worker in one packet.
pub const MOST_PASSWORD_BYTES: usize = 48 << 10;
/// Longest file, which may have empty lines.
const LONGEST_FILE: usize = 1 << 20;

/// A list of passwords. What prints it says how many there are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwords(Vec<(u32, Vec<u8>)>);

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({})", self.0.len())
    }
}

impl Passwords {
    /// Reads a file with one password on each line; empty lines are none.
    ///
    /// # Errors
    /// With file, line and reason.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
        // Opening a FIFO would wait for ever.
        if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(format!("{}: it is no regular file", path.display()));
        }
        let file = File::open(path).map_err(unreadable)?;
        let mut text = Vec::new();
        file.take((LONGEST_FILE as u64).saturating_add(1)).read_to_end(&mut text).map_err(unreadable)?;
        Self::parse(&text).map_err(|(line, reason)| format!("{}:{line}: {reason}", path.display()))
    }

    /// Reads the lines; the number of the line that is wrong, and why.
    ///
    /// # Errors
    /// When there are too many, or too long ones.
    pub fn parse(text: &[u8]) -> Result<Self, (usize, String)> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut list = Vec::new();
        let mut bytes = 0_usize;
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1_u32..) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let wrong = |reason| Err((number as usize, reason));
            if line.is_empty() {
                continue;
            }
            if line.len() > LONGEST_PASSWORD {
                return wrong(format!("a password is longer than {LONGEST_PASSWORD} bytes"));
            }
            if line.contains(&0) {
                return wrong("a password has a NUL in it".to_owned());
            }
            bytes = bytes.saturating_add(line.len());
            if list.len() >= MOST_PASSWORDS {
                return wrong(format!("there are more than {MOST_PASSWORDS} passwords"));
            }
            if bytes > MOST_PASSWORD_BYTES {
                return wrong(format!("the passwords are longer than {MOST_PASSWORD_BYTES} bytes together"));
            }
            list.push((number, line.to_vec()));
        }
        if text.len() > LONGEST_FILE {
            return Err((1, format!("the file is longer than {LONGEST_FILE} bytes")));
        }
        Ok(Self(list))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The passwords as formats take them.
    pub fn passwords(&self) -> Vec<Password> {
        let password = |(line, bytes): &(u32, Vec<u8>)| Password {
            origin: format!("line {line} of the password file"),
            bytes: bytes.clone(),
        };
        self.0.iter().map(password).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passwords() {
        let list = Passwords::parse(b"\xef\xbb\xbfinfected\r\n\nwith space \n\xff\xfe").unwrap();
        let known: Vec<_> = list.passwords().into_iter().map(|known| (known.origin, known.bytes)).collect();
        let line =
            |number: u32, bytes: &[u8]| (format!("line {number} of the password file"), bytes.to_vec());
        assert_eq!(known, [line(1, b"infected"), line(3, b"with space "), line(4, b"\xff\xfe")]);
        assert_eq!(format!("{list:?}"), "Passwords(3)");
        assert!(Passwords::parse(b"\n\r\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_too_much_is_told_with_its_line() {
        let long = [b"a\n".to_vec(), vec![b'x'; LONGEST_PASSWORD + 1]].concat();
        assert_eq!(Passwords::parse(&long).unwrap_err().0, 2);
        assert_eq!(Passwords::parse(&b"x\n".repeat(MOST_PASSWORDS + 1)).unwrap_err().0, MOST_PASSWORDS + 1);
        let line = [vec![b'x'; 100], b"\n".to_vec()].concat();
        assert_eq!(Passwords::parse(&line.repeat(600)).unwrap_err().0, MOST_PASSWORD_BYTES / 100 + 1);
        assert_eq!(Passwords::parse(b"a\n\n\0").unwrap_err().0, 3);
    }
}
