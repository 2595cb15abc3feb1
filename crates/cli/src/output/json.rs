//! JSON: one document, or one object to a line. Written as it comes, so that memory does not grow.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use super::record::{End, Head, Root};
use super::{Detail, Output, Run, Summary, Target};
use crate::escape::is_dangerous;
use crate::examine::Scanned;
use crate::exit_status::Outcome;

/// How the records are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One document.
    Document,
    /// One object to a line.
    Lines,
}

/// The report for programs.
pub(crate) struct Json {
    writer: Box<dyn Write>,
    shape: Shape,
    detail: Detail,
    signatures: u64,
    head: Head,
    roots: u64,
    /// A document has its errors after the roots. Each stands for a path of the command line.
    errors: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "lowercase")]
enum Line<'a> {
    Root(Root<'a>),
    Error {
        message: &'a str,
    },
    Summary {
        run: &'a Head,
        #[serde(flatten)]
        end: End<'a>,
    },
}

impl Json {
    /// A report that goes to `target`.
    pub(crate) fn new(mut target: Target, run: &Run, shape: Shape) -> io::Result<Self> {
        let head = Head::new(run);
        if shape == Shape::Document {
            target.writer.write_all(b"{\"run\":")?;
            write(&mut target.writer, &head)?;
            target.writer.write_all(b",\n\"roots\":[")?;
        }
        Ok(Self {
            writer: target.writer,
            shape,
            detail: run.detail,
            signatures: run.signatures(),
            head,
            roots: 0,
            errors: Vec::new(),
        })
    }
}

impl Output for Json {
    fn scanned(&mut self, scanned: &Scanned) -> io::Result<()> {
        if !scanned.has_something_to_tell() && self.detail != Detail::Verbose {
            return Ok(());
        }
        let root = Root::new(scanned, self.detail);
        match self.shape {
            Shape::Lines => line(&mut self.writer, &Line::Root(root)),
            Shape::Document => {
                self.writer.write_all(if self.roots == 0 { b"\n" } else { b",\n" })?;
                self.roots += 1;
                write(&mut self.writer, &root)
            }
        }
    }

    fn error(&mut self, message: &str) -> io::Result<()> {
        match self.shape {
            Shape::Lines => line(&mut self.writer, &Line::Error { message }),
            Shape::Document => {
                self.errors.push(message.to_owned());
                Ok(())
            }
        }
    }

    fn finish(&mut self, summary: &Summary, outcome: Outcome) -> io::Result<()> {
        let end = End::new(summary, self.signatures, outcome);
        match self.shape {
            Shape::Lines => {
                let run = &self.head;
                line(&mut self.writer, &Line::Summary { run, end })
            }
            Shape::Document => {
                self.writer.write_all(b"],\n\"errors\":")?;
                write(&mut self.writer, &self.errors)?;
                self.writer.write_all(b",\n\"summary\":")?;
                write(&mut self.writer, &end)?;
                self.writer.write_all(b"}\n")?;
                self.writer.flush()
            }
        }
    }
}

fn line(writer: &mut dyn Write, record: &impl Serialize) -> io::Result<()> {
    write(writer, record)?;
    writer.write_all(b"\n")?;
    // Whoever reads line by line wants each when it is there.
    writer.flush()
}

/// Writes a record. Characters that are dangerous on a terminal are written as `\u` escapes, which are the
/// same text to every reader of JSON.
pub(crate) fn write(writer: &mut dyn Write, record: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(writer, Plain);
    record.serialize(&mut serializer).map_err(io::Error::from)
}

/// A document for programs that people read as well, with a line end behind it. It is as harmless as what
/// [`write`] writes.
pub(crate) fn pretty(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let text = serde_json::to_string_pretty(document)?;
    let mut plain = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // Ends of lines in strings are escaped already; those that are left are between them.
        if character != '\n' && is_dangerous(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                plain.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            plain.push(character);
        }
    }
    plain.push('\n');
    Ok(plain.into_bytes())
}

struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = fragment;
        while let Some(place) = plain.find(is_dangerous) {
            CompactFormatter.write_string_fragment(writer, &plain[..place])?;
            let mut characters = plain[place..].chars();
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            plain = characters.as_str();
        }
        CompactFormatter.write_string_fragment(writer, plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_the_same_text_and_plain() {
        let hostile = "a\x1b[2J\u{9b}\u{202e}\u{e0041}\"\\\n\x7fé";
        let mut bytes = Vec::new();
        write(&mut bytes, &hostile).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.chars().any(is_dangerous), "{text:?}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);

        let document = std::collections::BTreeMap::from([(hostile, [hostile])]);
        let text = String::from_utf8(pretty(&document).unwrap()).unwrap();
        assert!(!text.chars().any(|character| character != '\n' && is_dangerous(character)), "{text:?}");
        assert_eq!(text.lines().count(), 5);
        let read: std::collections::BTreeMap<String, [String; 1]> = serde_json::from_str(&text).unwrap();
        assert_eq!(read[hostile], [hostile]);
    }
}
