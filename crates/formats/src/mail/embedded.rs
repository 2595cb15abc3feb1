//! What lies in the middle of a text: uuencoded and yEnc files, encrypted text, and parts of a message that no
//! boundary leads to.
//!
//! Old mail readers show a uuencoded file anywhere in a text as an attachment, and lenient ones find parts
//! behind a damaged boundary; a bounce holds the whole message that it returns, attachments and all. One pass
//! over the lines finds them.

use candor_object::{Content, Sink, Stop};

use super::header::field;
use super::lines::Lines;
use super::transfer::{Transfer, transfers};
use super::{uu, yenc};

/// Things found in one text. Stops a text of a million `begin` lines from costing memory; what follows is a gap.
const MAX_FOUND: usize = 10_000;
/// Bytes of a line before a header block that are compared with later lines.
const MAX_MARKER: usize = 256;

/// Something in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A uuencoded file; its data begin at the offset.
    Uu(String, u64),
    /// The same in base64.
    Base64(String, u64),
    /// A yEnc file.
    Yenc(yenc::Begin, u64),
    /// A header block with a transfer encoding, and what follows it.
    Section(u64, u64),
    /// An encrypted text begins at the offset.
    Encrypted(u64),
}

impl Found {
    /// Where the data of an encoded file begin.
    pub(crate) fn data(&self) -> Option<u64> {
        match self {
            Self::Uu(_, start) | Self::Base64(_, start) | Self::Yenc(_, start) => Some(*start),
            Self::Section(..) | Self::Encrypted(_) => None,
        }
    }
}

/// What a text has in it.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The things in order.
    pub(crate) found: Vec<Found>,
    /// Where the search stopped because there were too many.
    pub(crate) excess: Option<u64>,
    /// The lines that files begin behind: where each starts, and where the next line does.
    pub(crate) lines: Vec<(u64, u64)>,
}

/// Searches a text.
pub(crate) fn search(text: &Content, sink: &mut dyn Sink) -> Result<Search, Stop> {
    let mut search = Search::default();
    let mut lines = Lines::new(text, 0);
    let mut begun: Option<(String, u64, u64)> = None;
    let mut run = Run::default();
    let mut section: Option<(u64, Vec<u8>)> = None;
    let mut last = (0_u64, 0_u64, Vec::new());
    let mut count = 0_u32;
    while let Some(line) = lines.next()? {
        if search.found.len() >= MAX_FOUND {
            search.excess = Some(line.start);
            break;
        }
        if !line.text.trim_ascii().is_empty()
            && let Some((name, from, start)) = begun.take()
            && (uu::data_length(line.text).is_some() || line.text == b"end")
        {
            search.lines.push((from, start));
            search.found.push(Found::Uu(name, start));
        }
        match line.text.first() {
            Some(b'b') => match uu::begin(line.text) {
                Some(uu::Begin::Uu(name)) => begun = Some((name, line.start, line.next)),
                Some(uu::Begin::Base64(name)) => {
                    search.lines.push((line.start, line.next));
                    search.found.push(Found::Base64(name, line.next));
                }
                None => {}
            },
            Some(b'=') => {
                if let Some(begin) = yenc::begin(line.text) {
                    search.lines.push((line.start, line.next));
                    search.found.push(Found::Yenc(begin, line.next));
                }
            }
            Some(b'-') => {
                if line.text.starts_with(b"-----BEGIN PGP MESSAGE-----") {
                    search.found.push(Found::Encrypted(line.start));
                }
                if let Some((start, marker)) = &section
                    && !marker.is_empty()
                    && line.text.starts_with(marker)
                {
                    search.found.push(Found::Section(*start, last.1));
                    section = None;
                }
            }
            _ => {}
        }
        if let Some((name, value)) = field(line.text) {
            if run.start.is_none() {
                let is_marked = last.2.starts_with(b"--") && last.2.len() > 2;
                run =
                    Run { start: Some(line.start), before: last.0, is_sectioned: false, marker: Vec::new() };
                if is_marked {
                    run.marker.clone_from(&last.2);
                } else {
                    run.before = line.start;
                }
            }
            let hides = || {
                value.trim_ascii().is_empty()
                    || transfers([value].into_iter()).iter().any(|transfer| *transfer != Transfer::Identity)
            };
            if name == "content-transfer-encoding" && !run.is_sectioned && hides() {
                run.is_sectioned = true;
                if let Some((start, _)) = section.take() {
                    search.found.push(Found::Section(start, run.before.max(start)));
                }
                section = run.start.map(|start| (start, run.marker.clone()));
            }
        } else if !matches!(line.text, [b' ' | b'\t', ..]) {
            run.start = None;
        }
        last.0 = line.start;
        last.1 = line.end;
        last.2.clear();
        if line.text.starts_with(b"--") {
            let marker = line.text.trim_ascii_end();
            last.2.extend_from_slice(marker.get(..MAX_MARKER).unwrap_or(marker));
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(1024) {
            sink.pulse()?;
        }
    }
    if let Some((start, _)) = section {
        search.found.push(Found::Section(start, text.size()));
    }
    Ok(search)
}

/// Lines in a row that are fields.
#[derive(Default)]
struct Run {
    start: Option<u64>,
    /// Where what is before the run ends.
    before: u64,
    is_sectioned: bool,
    /// The line before, if it looks like a boundary.
    marker: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use candor_object::{Budget, Limits};

    use super::*;
    use crate::Collector;

    fn found(text: &str) -> Vec<Found> {
        let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
        search(&Content::from_vec(text.into()), &mut sink).unwrap().found
    }

    #[test]
    fn finds_files_in_text() {
        let text = "Hi\nbegin 644 a b\n#0V%T\n`\nend\nbegin 644 of the day\nSo it goes.\nbegin-base64 644 c\nYQ==\n====\n";
        let places = (text.find("#0").unwrap() as u64, text.find("YQ").unwrap() as u64);
        assert_eq!(found(text), [Found::Uu("a b".into(), places.0), Found::Base64("c".into(), places.1)]);
    }

    #[test]
    fn finds_lost_parts() {
        let text =
            "Hi\n--x;y\nContent-Type: a/b\nContent-Transfer-Encoding:\n base64\n\nYQ==\n--x;y--\nafter\n";
        let start = text.find("Content-Type").unwrap() as u64;
        let end = text.find("\n--x;y--").unwrap() as u64;
        assert_eq!(found(text), [Found::Section(start, end)]);
        assert_eq!(found("Content-Transfer-Encoding: 7bit\n\nYQ==\n"), []);
        let two = "A: b\nContent-Transfer-Encoding: base64\n\nYQ==\n\nB: c\nContent-Transfer-Encoding: x\n\n";
        assert_eq!(found(two), [Found::Section(0, 46), Found::Section(46, two.len() as u64)]);
    }
}
