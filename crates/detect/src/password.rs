//! Passwords of archives: what the database knows, for the formats that can use it.

use candor_object::{MAX_PASSWORD, Password};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::image::{Kind, Writer};
use crate::strings::{Strings, Text};
use crate::{Database, Error};

/// Most passwords of a database: each is tried on an encrypted member until one fits.
pub const MAX_PASSWORDS: usize = 4096;

/// A password of a signature file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSignature {
    /// Its name.
    pub name: String,
    /// The file that it comes from.
    pub source: String,
    /// Type of the archives that it is for, or nothing for any.
    pub container: Option<String>,
    /// The password, at most [`MAX_PASSWORD`] bytes.
    pub bytes: Vec<u8>,
}

/// The same as a record of the image.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct PasswordRecord {
    name: Text,
    source: le::U16,
    /// Empty for any.
    container: Text,
    bytes: Text,
}

/// Collects passwords.
#[derive(Default)]
pub(crate) struct Compiler(Vec<PasswordRecord>);

impl Compiler {
    /// Adds a password; whether there was room for it.
    pub(crate) fn add(&mut self, signature: &PasswordSignature, strings: &mut Strings) -> bool {
        if self.0.len() >= MAX_PASSWORDS || signature.bytes.len() > MAX_PASSWORD {
            return false;
        }
        self.0.push(PasswordRecord {
            name: strings.add(&signature.name),
            source: strings.source(&signature.source),
            container: strings.add(signature.container.as_deref().unwrap_or_default()),
            bytes: strings.add_bytes(&signature.bytes),
        });
        true
    }

    /// Writes the section.
    pub(crate) fn finish(self, writer: &mut Writer) {
        writer.section(Kind::Passwords, 0, &self.0);
    }
}

/// The passwords for containers of a type, in the order in which they were added.
///
/// # Errors
/// [`Error::Damaged`].
pub(crate) fn passwords(database: &Database, container: &str) -> Result<Vec<Password>, Error> {
    let records = database.password_records()?.iter().take(MAX_PASSWORDS);
    let is_meant = |record: &&PasswordRecord| {
        let of = database.text(record.container);
        of.is_empty() || of == container
    };
    let password = |record: &PasswordRecord| {
        let bytes = database.bytes(record.bytes).filter(|bytes| bytes.len() <= MAX_PASSWORD);
        let bytes = bytes.ok_or(Error::Damaged("a password lies outside the file"))?.to_vec();
        let (name, source) = (database.text(record.name), database.source(record.source.get()));
        Ok(Password { origin: format!("{name} ({source})"), bytes })
    };
    records.filter(is_meant).map(password).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(name: &str, container: Option<&str>, bytes: &[u8]) -> PasswordSignature {
        let container = container.map(str::to_owned);
        PasswordSignature {
            name: name.to_owned(),
            source: "a.pwdb".to_owned(),
            container,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn each_container_has_its_own_and_those_for_any() {
        let mut compiler = crate::Compiler::default();
        assert!(compiler.password(&signature("One", Some("zip"), b"infected")));
        assert!(compiler.password(&signature("Two", None, &[0xff, 0, 7])));
        assert!(compiler.password(&signature("Three", Some("rar"), b"")));
        assert!(!compiler.password(&signature("Four", None, &[0; MAX_PASSWORD + 1])));
        let database = Database::from_vec(compiler.finish()).unwrap();
        let of = |container| {
            let passwords = database.passwords(container).unwrap();
            passwords.into_iter().map(|password| (password.origin, password.bytes)).collect::<Vec<_>>()
        };
        let one = ("One (a.pwdb)".to_owned(), b"infected".to_vec());
        let two = ("Two (a.pwdb)".to_owned(), vec![0xff, 0, 7]);
        let three = ("Three (a.pwdb)".to_owned(), Vec::new());
        assert_eq!(of("zip"), [one, two.clone()]);
        assert_eq!(of("7z"), std::slice::from_ref(&two));
        assert_eq!(of("rar"), [two, three]);
    }

    #[test]
    fn there_is_room_for_so_many_only() {
        let mut compiler = crate::Compiler::default();
        let all = (0..=MAX_PASSWORDS).filter(|_| compiler.password(&signature("One", None, b"x"))).count();
        assert_eq!(all, MAX_PASSWORDS);
    }
}
