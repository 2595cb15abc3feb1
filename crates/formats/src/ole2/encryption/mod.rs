//! Encrypted documents, and the passwords that open them.
//!
//! Specification: [MS-OFFCRYPTO] 2.3, [MS-XLS] 2.2.10, [MS-DOC] 2.2.6. Office opens what is encrypted with the password
//! `VelvetSweatshop` without asking, so malware is.

mod excel;
mod keys;
mod package;
mod rc4;
#[cfg(test)]
mod tests;
mod word;

use std::io::Read;
use std::sync::Arc;

use candor_object::{Child, FileType, Flow, Limit, Password, Reason, Sink, Stop};

use super::compound::Compound;
use super::entries::Entry;

pub(super) use excel::FIRST_RECORDS;

/// Passwords that Office itself tries: that of workbooks, and that of presentations.
const DEFAULT: [&str; 2] = ["VelvetSweatshop", "/01Hannes Ruescher/01"];
/// Rounds of hashes that are spent on a file.
const MOST_ROUNDS: u64 = 50_000_000;
/// Rounds of one password.
const MOST_SPINS: u32 = 10_000_000;
/// Rounds between two looks at the clock.
const ROUNDS_AT_ONCE: u32 = 10_000;
/// Longest description of an encryption.
const LONGEST_INFO: u64 = 64 << 10;

/// An encrypted stream among its neighbours.
#[derive(Clone, Copy)]
struct Place<'a> {
    compound: &'a Compound<'a>,
    entries: &'a [Entry],
    entry: &'a Entry,
}

/// The passwords, and what may still be spent on them.
struct Keyring {
    passwords: Option<Arc<[Password]>>,
    rounds: u64,
}

/// Opens what is encrypted, or notes that it is.
pub(super) fn open(compound: &Compound<'_>, entries: &[Entry], sink: &mut dyn Sink) -> Flow {
    let mut keyring = Keyring { passwords: None, rounds: MOST_ROUNDS };
    for entry in entries.iter().filter(|entry| entry.is_stream()) {
        sink.pulse()?;
        let place = Place { compound, entries, entry };
        let name = entry.path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "encryptedpackage" => package::open(place, &mut keyring, sink)?,
            "workbook" | "book" => excel::open(place, &mut keyring, sink)?,
            "worddocument" => word::open(place, &mut keyring, sink)?,
            "current user" if place.head(16).get(12..16) == Some(b"\xdf\xc4\xd1\xf3") => {
                place.locked("presentations are not decrypted", sink);
            }
            _ => {}
        }
    }
    Ok(())
}

impl<'a> Place<'a> {
    /// The stream of this name in the same storage.
    fn beside(self, name: &str) -> Option<Self> {
        let storage =
            self.entry.path.rfind('/').map_or("", |end| self.entry.path.get(..=end).unwrap_or_default());
        let is_it = |entry: &&Entry| {
            let path = &entry.path;
            entry.is_stream()
                && path.len() == storage.len().saturating_add(name.len())
                && path.starts_with(storage)
                && path.get(storage.len()..).is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        self.entries.iter().find(is_it).map(|entry| Place { entry, ..self })
    }

    /// The first bytes of the stream, as many as there are.
    fn head(self, most: u64) -> Vec<u8> {
        let mut head = Vec::new();
        // Damage was noted when the stream was handed over.
        let _ = self.compound.stream(self.entry).take(most).read_to_end(&mut head);
        head
    }

    fn stream(self) -> impl Read + use<'a> {
        self.compound.stream(self.entry)
    }

    /// Notes that it stays closed.
    fn locked(self, why: &str, sink: &mut dyn Sink) {
        sink.gap(Reason::Encrypted, &format!("the document is encrypted ({}): {why}", self.entry.path));
    }

    /// Hands over what a password made of it.
    fn opened(self, origin: &str, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
        sink.anomaly("opened-with-password", &format!("{}: {origin}", self.entry.path));
        sink.child(Child::member(&format!("{} (decrypted)", self.entry.path)), body)
    }
}

/// What came of trying passwords.
enum Tried<T> {
    Open(T, String),
    Closed,
}

impl Keyring {
    /// Tries passwords, each of which costs so many rounds; `open` says what one opens.
    fn try_all<T>(
        &mut self,
        rounds: u32,
        place: Place<'_>,
        sink: &mut dyn Sink,
        mut open: impl FnMut(&[u8], &mut dyn Sink) -> Result<Option<T>, Stop>,
    ) -> Result<Tried<T>, Stop> {
        if rounds > MOST_SPINS {
            let detail = format!("{}: {rounds} rounds of its key", place.entry.path);
            sink.gap(Reason::Limit(Limit::Time), &detail);
            return Ok(Tried::Closed);
        }
        let passwords = self.passwords.get_or_insert_with(|| sink.passwords(FileType::new("ole2")));
        let passwords = Arc::clone(passwords);
        let own =
            DEFAULT.iter().map(|password| (password.as_bytes(), "the password that Office tries itself"));
        let others = passwords.iter().map(|known| (known.bytes.as_slice(), known.origin.as_str()));
        for (password, origin) in own.chain(others) {
            sink.pulse()?;
            // Even those without a round cost something.
            let cost = u64::from(rounds).max(16);
            let Some(left) = self.rounds.checked_sub(cost) else {
                let detail = format!("{}: not all passwords were tried", place.entry.path);
                sink.gap(Reason::Limit(Limit::Time), &detail);
                return Ok(Tried::Closed);
            };
            self.rounds = left;
            if let Some(opened) = open(password, sink)? {
                return Ok(Tried::Open(opened, origin.to_owned()));
            }
        }
        place.locked("no known password opens it", sink);
        Ok(Tried::Closed)
    }
}

/// A password in UTF-16; nothing if it is no text.
fn utf16(password: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(password).ok()?;
    Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
}
