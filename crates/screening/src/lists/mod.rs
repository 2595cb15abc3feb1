//! Lists of parties, one file per format. Whoever writes a list may be wrong or hostile: what is read is bounded,
//! and a broken record becomes a [`Problem`] and costs nothing but itself.

mod chunks;
mod countries;
mod csl_csv;
mod csl_json;
mod entity_list;
mod node;
mod own;
mod rows;
mod sdn_advanced;
mod sdn_csv;
mod sdn_xml;
mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::entry::Entry;

pub use countries::code as country_code;
pub use rows::{Row, Rows};

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: u64 = 512 * 1024 * 1024;
/// The longest record, in bytes.
pub const LONGEST_RECORD: usize = 256 * 1024;
/// The most entries of one list.
pub const MOST_ENTRIES: usize = 1_000_000;
/// The most problems that are kept; further ones are counted.
pub const MOST_PROBLEMS: usize = 1000;

/// A record, or a part of it, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line that the record starts in, from 1; 0 if it is about the file as a whole.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The formats that are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The Consolidated Screening List as CSV.
    CslCsv,
    /// The Consolidated Screening List as JSON.
    CslJson,
    /// Supplement No. 4 to 15 CFR part 744, as the eCFR's XML.
    EntityListXml,
    /// The same as CSV.
    EntityListCsv,
    /// OFAC's `SDN.XML`.
    SdnXml,
    /// OFAC's `SDN_ADVANCED.XML`.
    SdnAdvanced,
    /// OFAC's `sdn.csv`, with `alt.csv` and `add.csv` beside it.
    SdnCsv,
    /// A list of one's own, as CSV.
    OwnCsv,
    /// A list of one's own, as TOML.
    OwnToml,
}

/// A list that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its parties.
    pub entries: Vec<Entry>,
    /// What could not be read of it.
    pub problems: Vec<Problem>,
    /// Its format.
    pub kind: Format,
    /// When it was made, as ISO date, if it says so.
    pub date: Option<String>,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
}

/// Why a list could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// It is no list of a known format.
    #[error("{0}: this is no list that Candor knows; see docs/screening.md for the formats")]
    Unknown(String),
    /// It is larger than [`LARGEST_FILE`].
    #[error("{0}: larger than 512 MiB")]
    TooLarge(String),
}

/// Entries and problems as they come.
#[derive(Default)]
pub(crate) struct Sink {
    file: String,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    unsaid: u64,
    date: Option<String>,
}

impl Sink {
    fn new(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    fn problem(&mut self, line: u64, reason: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { file: self.file.clone(), line, reason: text::cut(&reason.into()) });
        } else {
            self.unsaid += 1;
        }
    }

    /// Takes an entry, cut to what is kept of it; one without a name is a problem.
    fn entry(&mut self, line: u64, mut entry: Entry) {
        text::tidy(&mut entry);
        if entry.names.is_empty() {
            self.problem(line, "a party without a name");
        } else if self.is_full() {
            self.unsaid += 1;
        } else {
            self.entries.push(entry);
        }
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }

    fn finish(mut self, kind: Format, sha256: String) -> Read {
        if self.unsaid > 0 {
            let reason = format!("{} further problems or parties beyond the limits of a list", self.unsaid);
            self.problems.push(Problem { file: self.file, line: 0, reason });
        }
        Read { entries: self.entries, problems: self.problems, kind, date: self.date, sha256 }
    }
}

/// Reads a list from a file, whose format is recognised by its content.
///
/// # Errors
/// When the file cannot be read, is too large, or is no list.
pub fn read(path: &Path) -> Result<Read, Error> {
    let name = path.display().to_string();
    let io = |error| Error::Io { file: name.clone(), error };
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(Error::TooLarge(name));
    }
    let beside = |other: &str| beside(path, other);
    read_from(&name, file, &beside)
}

/// Another file of the same folder, whatever the case of its name.
fn beside(path: &Path, wanted: &str) -> Option<(String, File)> {
    let names = [wanted.to_owned(), wanted.to_ascii_uppercase()];
    names.iter().find_map(|name| {
        let path = path.with_file_name(name);
        let file = File::open(&path).ok()?;
        let metadata = file.metadata().ok()?;
        (metadata.is_file() && metadata.len() <= LARGEST_FILE).then(|| (path.display().to_string(), file))
    })
}

/// Reads a list from memory, without files beside it.
///
/// # Errors
/// When it is no list.
pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<Read, Error> {
    read_from(name, bytes, &|_| None)
}

type Beside<'a> = dyn Fn(&str) -> Option<(String, File)> + 'a;

fn read_from(name: &str, source: impl io::Read, beside: &Beside<'_>) -> Result<Read, Error> {
    let io = |error| Error::Io { file: name.to_owned(), error };
    let hashing = Hashing { source: source.take(LARGEST_FILE), hash: Sha256::new() };
    let mut reader = BufReader::with_capacity(64 * 1024, hashing);
    let mut head = Vec::new();
    reader.by_ref().take(16 * 1024).read_to_end(&mut head).map_err(io)?;
    let format = recognise(&head).ok_or_else(|| Error::Unknown(name.to_owned()))?;
    let mut sink = Sink::new(name);
    let mut whole = io::Cursor::new(head).chain(reader);
    match format {
        Format::CslCsv => csl_csv::read(&mut whole, &mut sink),
        Format::CslJson => csl_json::read(&mut whole, &mut sink),
        Format::EntityListXml => entity_list::read_xml(&mut whole, &mut sink),
        Format::EntityListCsv => entity_list::read_csv(&mut whole, &mut sink),
        Format::SdnXml => sdn_xml::read(&mut whole, &mut sink),
        Format::SdnAdvanced => sdn_advanced::read(&mut whole, &mut sink),
        Format::SdnCsv => sdn_csv::read(&mut whole, &mut sink, beside),
        Format::OwnCsv => own::read_csv(&mut whole, &mut sink),
        Format::OwnToml => own::read_toml(&mut whole, &mut sink),
    }
    .map_err(io)?;
    let (_, mut reader) = whole.into_inner();
    io::copy(&mut reader, &mut io::sink()).map_err(io)?;
    let sha256 = hex::encode(reader.into_inner().hash.finalize());
    Ok(sink.finish(format, sha256))
}

struct Hashing<R> {
    source: R,
    hash: Sha256,
}

impl<R: io::Read> io::Read for Hashing<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(to)?;
        self.hash.update(to.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// The format of what starts like this.
fn recognise(head: &[u8]) -> Option<Format> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') {
        return match text {
            _ if text.contains("<sdnList") => Some(Format::SdnXml),
            _ if text.contains("<Sanctions") => Some(Format::SdnAdvanced),
            _ if text.contains("<TABLE")
                || text.contains("<TR")
                || text.contains("Part 744")
                || text.contains("<ECFR") =>
            {
                Some(Format::EntityListXml)
            }
            _ => None,
        };
    }
    if text.starts_with('{')
        || text.starts_with("[{")
        || text.starts_with("[\n")
        || text.starts_with("[ ")
        || text.starts_with("[\r")
    {
        return (text.contains("\"source\"") || text.contains("\"results\"")).then_some(Format::CslJson);
    }
    let first = text.lines().next().unwrap_or_default();
    let columns: Vec<String> = rows::split(first).iter().map(|column| rows::header(column)).collect();
    let has = |name: &str| columns.iter().any(|column| column == name);
    match () {
        () if has("source") && has("name") && (has("alt_names") || has("entity_number")) => {
            Some(Format::CslCsv)
        }
        () if has("country") && has("entity") => Some(Format::EntityListCsv),
        () if has("name") && !first.contains('=') => Some(Format::OwnCsv),
        () if columns.len() >= 11 && columns.first()?.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Format::SdnCsv)
        }
        () if text.contains("[[party]]") => Some(Format::OwnToml),
        () => None,
    }
}

/// Reads a line into `to`, of at most `most` bytes more; whether there was one.
pub(crate) fn line(reader: &mut dyn BufRead, to: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let count = reader.take(most as u64).read_until(b'\n', to)?;
    Ok(count > 0)
}

#[cfg(test)]
mod tests;
