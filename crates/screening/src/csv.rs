//! Comma-separated values (RFC 4180) of unknown origin: bounded, with line numbers, and a broken record costs itself only.

/// The longest record, in bytes. A quote that is never closed must not swallow a list.
pub const LONGEST_RECORD: usize = 256 * 1024;
const MOST_FIELDS: usize = 256;

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// The line it starts in, from 1.
    pub line: u64,
    /// Its fields, unquoted.
    pub fields: Vec<String>,
}

/// A record that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line it starts in, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Reads records one after the other. After a broken one it goes on in the next line.
pub struct Records<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> Records<'a> {
    /// Reads text; a byte order mark is skipped.
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 }
    }

    fn skip(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.rest = rest;
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.rest.starts_with(['\n', '\r']) {
            self.skip(1);
        }
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        match split(self.rest) {
            Ok((fields, length)) => {
                self.skip(length);
                Some(Ok(Record { line, fields }))
            }
            Err(reason) => {
                let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
                self.skip(end);
                Some(Err(Broken { line, reason }))
            }
        }
    }
}

/// The fields of the record that the text starts with, and its length with its end of line.
fn split(text: &str) -> Result<(Vec<String>, usize), &'static str> {
    let bytes = text.as_bytes();
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let (mut quoted, mut at) = (false, 0);
    loop {
        if at > LONGEST_RECORD {
            return Err(if quoted { "a quote is not closed" } else { "the record is too long" });
        }
        if fields.len() >= MOST_FIELDS {
            return Err("too many fields");
        }
        let byte = bytes.get(at).copied();
        match (quoted, byte) {
            (true, None) => return Err("a quote is not closed"),
            (true, Some(b'"')) if bytes.get(at + 1) == Some(&b'"') => {
                field.push(b'"');
                at += 1;
            }
            (true, Some(b'"')) => quoted = false,
            (false, Some(b'"')) if field.is_empty() => quoted = true,
            (false, Some(b',')) => fields.push(take(&mut field)),
            (false, Some(b'\r')) if bytes.get(at + 1) == Some(&b'\n') => {}
            (false, None | Some(b'\n')) => {
                fields.push(take(&mut field));
                return Ok((fields, (at + 1).min(bytes.len())));
            }
            (_, Some(other)) => field.push(other),
        }
        at += 1;
    }
}

fn take(field: &mut Vec<u8>) -> String {
    // Cut at ASCII only, so it stays UTF-8.
    String::from_utf8_lossy(&std::mem::take(field)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_quote_costs_one_line() {
        let all: Vec<_> = Records::new("a,\"b\nc\",d\n\"open,x\ny,z\n").collect();
        assert_eq!(all[0], Ok(Record { line: 1, fields: vec!["a".into(), "b\nc".into(), "d".into()] }));
        assert_eq!(all[1], Err(Broken { line: 3, reason: "a quote is not closed" }));
        assert_eq!(all[2], Ok(Record { line: 4, fields: vec!["y".into(), "z".into()] }));
    }
}
