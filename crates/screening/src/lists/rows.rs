//! Comma-separated values (RFC 4180) of unknown origin: a record has an end however its quotes are, and a broken one
//! costs itself only. The `csv` crate reads the fields; where records end is found out before, within bounds.

use std::io::{self, BufRead};

use super::LONGEST_RECORD;

const MOST_FIELDS: usize = 256;
/// How much may be read in vain for the ends of records before no record may have several lines any more: else a file
/// of nothing but open quotes would be read thousands of times.
const MOST_WASTED: usize = 64 * 1024 * 1024;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line it starts in, from 1.
    pub line: u64,
    /// Its fields, unquoted.
    pub fields: Vec<String>,
}

/// Reads records one after the other; a broken one is its line and what is wrong with it.
pub struct Rows<'r> {
    reader: &'r mut dyn BufRead,
    /// Lines that were taken for parts of a record and are not.
    pending: Vec<u8>,
    /// How much of them was read again.
    at: usize,
    /// How many bytes were read for records that had no end.
    wasted: usize,
    line: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
    /// Something follows a closing quote: the quote before was none that this one closes.
    Wrong,
}

impl State {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::FieldStart, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::QuoteInQuoted, b'"') | (Self::Quoted, _) => Self::Quoted,
            (Self::Wrong, _) => Self::Wrong,
            (Self::QuoteInQuoted, other) if !matches!(other, b',' | b'\r' | b'\n' | b' ') => Self::Wrong,
            (_, b',') => Self::FieldStart,
            _ => Self::Plain,
        }
    }
}

impl<'r> Rows<'r> {
    /// Reads from where the reader is.
    pub fn new(reader: &'r mut dyn BufRead) -> Self {
        Self { reader, pending: Vec::new(), at: 0, wasted: 0, line: 0 }
    }

    /// Adds the next line to `to`; whether there was one.
    fn next_line(&mut self, to: &mut Vec<u8>) -> io::Result<bool> {
        let before = to.len();
        let rest = self.pending.get(self.at..).unwrap_or_default();
        if !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            to.extend_from_slice(&rest[..end]);
            self.at += end;
            if to.ends_with(b"\n") {
                return Ok(true);
            }
        }
        super::line(self.reader, to, LONGEST_RECORD + 1)?;
        Ok(to.len() > before)
    }

    /// Has what was read after the first line of a record read again.
    fn again(&mut self, mut rest: Vec<u8>) {
        self.wasted += rest.len();
        rest.extend_from_slice(self.pending.get(self.at..).unwrap_or_default());
        self.pending = rest;
        self.at = 0;
    }

    /// The next record, or what is wrong with it.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn next_row(&mut self) -> io::Result<Option<Result<Row, (u64, String)>>> {
        loop {
            let mut record = Vec::new();
            if !self.next_line(&mut record)? {
                return Ok(None);
            }
            self.line += 1;
            let line = self.line;
            if record.len() > LONGEST_RECORD {
                self.skip_line(record.ends_with(b"\n"))?;
                return Ok(Some(Err((line, "the record is longer than 256 KiB".to_owned()))));
            }
            let first = record.len();
            let mut state = record.iter().fold(State::FieldStart, |state, byte| state.after(*byte));
            while state == State::Quoted && record.len() <= LONGEST_RECORD && self.wasted < MOST_WASTED {
                let before = record.len();
                let mut more = Vec::new();
                if !self.next_line(&mut more)? {
                    break;
                }
                record.append(&mut more);
                state = record[before..].iter().fold(state, |state, byte| state.after(*byte));
            }
            let several = record.len() > first;
            if state == State::Quoted || record.len() > LONGEST_RECORD || several && state == State::Wrong {
                let rest = record.split_off(first);
                self.again(rest);
                return Ok(Some(Err((line, "a quote is not closed".to_owned()))));
            }
            self.line += record[first..].iter().filter(|byte| **byte == b'\n').count() as u64;
            let text = String::from_utf8_lossy(&record);
            let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { &text };
            // OFAC's files end with the DOS end-of-file byte.
            if text.trim_matches(['\n', '\r', ' ', '\u{1a}']).is_empty() {
                continue;
            }
            return Ok(Some(Ok(Row { line, fields: split(text) })));
        }
    }

    fn skip_line(&mut self, mut ended: bool) -> io::Result<()> {
        while !ended {
            let mut part = Vec::new();
            if !self.next_line(&mut part)? {
                break;
            }
            ended = part.ends_with(b"\n");
        }
        Ok(())
    }
}

/// The fields of one record.
pub(crate) fn split(record: &str) -> Vec<String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record.as_bytes());
    let first = reader.records().next().and_then(Result::ok).unwrap_or_default();
    first.iter().take(MOST_FIELDS).map(str::to_owned).collect()
}

/// A name of a column as it is compared.
pub(crate) fn header(column: &str) -> String {
    let plain = column.trim().trim_start_matches('\u{feff}').to_lowercase();
    plain.replace([' ', '-'], "_").replace('/', "_")
}

/// The columns of a table, by name.
pub(crate) struct Columns(Vec<String>);

impl Columns {
    pub(crate) fn new(row: &Row) -> Self {
        Self(row.fields.iter().map(|field| header(field)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of the first of these columns that the table has.
    pub(crate) fn get<'r>(&self, row: &'r Row, names: &[&str]) -> &'r str {
        let at = names.iter().find_map(|name| self.0.iter().position(|column| column == name));
        at.and_then(|at| row.fields.get(at)).map_or("", |field| field.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Result<Row, (u64, String)>> {
        let mut source = text.as_bytes();
        let mut rows = Rows::new(&mut source);
        std::iter::from_fn(|| rows.next_row().unwrap()).collect()
    }

    fn row(line: u64, fields: &[&str]) -> Result<Row, (u64, String)> {
        Ok(Row { line, fields: fields.iter().map(|&field| field.to_owned()).collect() })
    }

    #[test]
    fn an_open_quote_costs_one_line() {
        let rows = all("a,\"b\nc\",d\n\"open,x\ny,z\n\nlast");
        assert_eq!(rows[0], row(1, &["a", "b\nc", "d"]));
        assert_eq!(rows[1], Err((3, "a quote is not closed".to_owned())));
        assert_eq!(rows[2..], [row(4, &["y", "z"]), row(6, &["last"])]);
    }

    #[test]
    fn an_open_quote_does_not_take_the_next_quoted_field() {
        let rows = all("\"open,x\na,\"DOE, Jane\",b\nc,d\n");
        assert_eq!(rows[0], Err((1, "a quote is not closed".to_owned())));
        assert_eq!(rows[1..], [row(2, &["a", "DOE, Jane", "b"]), row(3, &["c", "d"])]);
    }

    #[test]
    fn a_file_of_open_quotes_is_not_read_thousands_of_times() {
        let text = "x\",\"\n".repeat(1_000_000);
        let mut source = text.as_bytes();
        let mut rows = Rows::new(&mut source);
        let mut count = 0;
        while rows.next_row().unwrap().is_some() {
            count += 1;
        }
        assert!(count > 0 && rows.wasted < MOST_WASTED + 2 * LONGEST_RECORD, "{count}");
    }

    #[test]
    fn a_quote_within_a_field_is_a_letter() {
        assert_eq!(all("5\" disk,x\n2,y\n"), [row(1, &["5\" disk", "x"]), row(2, &["2", "y"])]);
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself() {
        let rows = all(&format!("{}\nb,c\n", "x".repeat(LONGEST_RECORD * 3)));
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(rows[1], row(2, &["b", "c"]));
    }
}
