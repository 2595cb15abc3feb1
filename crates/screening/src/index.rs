//! Several lists in one local file: JSON lines, the first a header with what the lists were, the last the SHA-256 of
//! all before it. An index that was damaged, or is none, is refused as a whole.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entry::Entry;
use crate::lists::{self, Problem};

const MAGIC: &str = "candor-screening-index";
const VERSION: u32 = 1;
/// The largest index that is opened, in bytes.
pub const LARGEST_INDEX: u64 = 2 * 1024 * 1024 * 1024;
const LONGEST_LINE: usize = 8 * 1024 * 1024;
/// The most entries of all lists together.
pub const MOST_ENTRIES: usize = 2_000_000;
/// The most lists in one index.
pub const MOST_LISTS: usize = 1000;

/// Where entries came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file.
    pub file: String,
    /// Its format.
    pub format: lists::Format,
    /// When the list was made, as ISO date, if it says so.
    pub date: Option<String>,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// How many parties it has.
    pub parties: usize,
    /// What could not be read of it.
    pub problems: Vec<Problem>,
}

/// Lists with where they came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// One for each list.
    pub sources: Vec<Source>,
    /// All entries.
    pub entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    magic: String,
    version: u32,
    entries: usize,
    sources: Vec<Source>,
}

#[derive(Serialize, Deserialize)]
struct Trailer {
    sha256: String,
}

/// Why an index is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("the index cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is none, or was damaged or changed.
    #[error("the index is refused: {0}")]
    Refused(String),
}

impl Index {
    /// Adds a list.
    ///
    /// # Errors
    /// When there are too many lists or entries.
    pub fn add(&mut self, file: &str, mut read: lists::Read) -> Result<(), Error> {
        if self.sources.len() >= MOST_LISTS || self.entries.len() + read.entries.len() > MOST_ENTRIES {
            return Err(Error::Refused(format!("more than {MOST_LISTS} lists or {MOST_ENTRIES} parties")));
        }
        self.sources.push(Source {
            file: file.to_owned(),
            format: read.kind,
            date: read.date,
            sha256: read.sha256,
            parties: read.entries.len(),
            problems: read.problems,
        });
        self.entries.append(&mut read.entries);
        Ok(())
    }

    /// The lists that the entries belong to, as they call themselves.
    pub fn lists(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.entries.iter().map(|entry| entry.list.as_str()).filter(|list| seen.insert(*list)).collect()
    }

    /// Writes the index.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut hash = Sha256::new();
        let mut put = |line: String| {
            hash.update(line.as_bytes());
            hash.update(b"\n");
            to.write_all(line.as_bytes())?;
            to.write_all(b"\n")
        };
        let header = Header {
            magic: MAGIC.to_owned(),
            version: VERSION,
            entries: self.entries.len(),
            sources: self.sources.clone(),
        };
        put(serde_json::to_string(&header)?)?;
        for entry in &self.entries {
            put(serde_json::to_string(entry)?)?;
        }
        let trailer = Trailer { sha256: hex::encode(hash.finalize()) };
        to.write_all(serde_json::to_string(&trailer)?.as_bytes())?;
        to.write_all(b"\n")
    }

    /// Opens an index and makes sure that it is whole.
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub fn read(source: impl Read) -> Result<Self, Error> {
        let mut reader = BufReader::new(source.take(LARGEST_INDEX));
        let mut hash = Sha256::new();
        let header = next(&mut reader, 1)?;
        let read: Header = serde_json::from_slice(&header)
            .map_err(|_| Error::Refused("it does not begin as an index does".to_owned()))?;
        if read.magic != MAGIC || read.version != VERSION {
            return Err(Error::Refused(format!("it is no index of version {VERSION}")));
        }
        let parties: usize = read.sources.iter().fold(0, |sum, source| sum.saturating_add(source.parties));
        if read.entries > MOST_ENTRIES || read.sources.len() > MOST_LISTS || parties != read.entries {
            return Err(Error::Refused("its header contradicts itself or the limits".to_owned()));
        }
        hash.update(&header);
        let mut entries = Vec::new();
        for at in 0..read.entries {
            let line = next(&mut reader, at + 2)?;
            let entry: Entry = serde_json::from_slice(&line)
                .map_err(|error| Error::Refused(format!("line {}: {error}", at + 2)))?;
            if entry.names.is_empty() {
                return Err(Error::Refused(format!("line {}: a party without a name", at + 2)));
            }
            hash.update(&line);
            entries.push(entry);
        }
        let trailer = next(&mut reader, read.entries + 2)?;
        let trailer: Trailer = serde_json::from_slice(&trailer)
            .map_err(|_| Error::Refused("its digest is missing".to_owned()))?;
        if trailer.sha256 != hex::encode(hash.finalize()) {
            return Err(Error::Refused("its digest is another: it was damaged or changed".to_owned()));
        }
        if reader.read(&mut [0])? != 0 {
            return Err(Error::Refused("something follows its end".to_owned()));
        }
        Ok(Self { sources: read.sources, entries })
    }
}

fn next(reader: &mut BufReader<io::Take<impl Read>>, line: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    reader.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut bytes)?;
    if bytes.last() != Some(&b'\n') {
        return Err(Error::Refused(format!("line {line} is missing, too long or cut short")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Vec<u8> {
        let mut index = Index::default();
        index
            .add("own.csv", lists::read_bytes("own.csv", b"name,country\nAcme,RU\nBeta,DE\n").unwrap())
            .unwrap();
        let mut bytes = Vec::new();
        index.write(&mut bytes).unwrap();
        assert_eq!(Index::read(&bytes[..]).unwrap(), index);
        bytes
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let whole = index();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(Index::read(&damaged[..]).is_err(), "byte {at}");
            assert!(Index::read(&whole[..at]).is_err(), "cut at {at}");
        }
        assert!(Index::read(&[&whole[..], b"x"].concat()[..]).is_err());
    }

    #[test]
    fn headers_that_promise_too_much_are_refused() {
        let huge =
            br#"{"magic":"candor-screening-index","version":1,"entries":18446744073709551615,"sources":[]}"#;
        assert!(Index::read(&[&huge[..], b"\n"].concat()[..]).is_err());
        assert!(Index::read(&b"{}\n"[..]).is_err());
    }
}
