//! Shell archives: scripts that unpack what stands behind them (makeself), or in them (shar).
//!
//! Specification: <https://makeself.io/> and <https://www.gnu.org/software/sharutils/manual/sharutils.html>. Nothing is run. What
//! is packed behind a script is known by how it begins, in a line of its own; files in a script are what it gives to a
//! command up to a line that it names.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use candor_object::{Child, Content, FileType, Flow, Reader, Reason, Relation, Sink};
use memchr::{memchr_iter, memmem};

use crate::{Format, Glimpse};

/// How what is packed begins. A zip is opened behind any script, without this.
const STARTS: [&[u8]; 8] = [
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\x89LZO\0",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x9d",
];
/// Longest line that is looked at.
const LINE: u64 = 64 << 10;
/// Files of a script.
const FILES: u32 = 100_000;

/// Where the packed bytes behind a script begin.
fn payload(deep: &[u8]) -> Option<usize> {
    if !deep.starts_with(b"#!") {
        return None;
    }
    memchr_iter(b'\n', deep).map(|end| end.saturating_add(1)).find(|start| {
        let rest = deep.get(*start..).unwrap_or_default();
        let is_bzip2 = || rest.get(4..10) == Some(b"1AY&SY");
        let is_tar = || rest.get(257..262) == Some(b"ustar");
        let is_packed = STARTS.iter().any(|magic| rest.starts_with(magic));
        (is_packed && (!rest.starts_with(b"BZh") || is_bzip2())) || is_tar()
    })
}

/// The makeself format: a script with something packed behind it.
pub(crate) struct Makeself;

impl Format for Makeself {
    fn file_type(&self) -> FileType {
        FileType::new("makeself")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        payload(glimpse.deep).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let deep = content.window(0, crate::DEEP)?;
        let Some(start) = payload(&deep) else { return Ok(()) };
        let start = start as u64;
        sink.range(Child::part("script"), content.range(0, start))?;
        sink.range(Child { name: "", relation: Relation::Stream }, content.from(start))
    }
}

/// The shar format: a script with files in it.
pub(crate) struct Shar;

impl Format for Shar {
    fn file_type(&self) -> FileType {
        FileType::new("shar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let is_script = glimpse.has(0, b"#");
        is_script && memmem::find(glimpse.head, b"This is a shell archive").is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        let mut count = 0_u32;
        // What is left is a script of its own.
        while offset < content.size() {
            sink.pulse()?;
            let line = line(content, offset)?;
            offset = offset.saturating_add(line.len() as u64);
            let Some(document) = Document::parse(&line) else { continue };
            count = count.saturating_add(1);
            if count > FILES {
                sink.gap(Reason::Unsupported, &format!("files after the first {FILES}"));
                break;
            }
            let mut body = Body {
                reader: BufReader::new(content.from(offset).reader()),
                document: &document,
                line: Vec::new(),
                given: 0,
                taken: 0,
                end: false,
                at: offset,
                failure: None,
            };
            sink.child(Child::member(&document.name), &mut body)?;
            // What the sink did not want is read over.
            while !body.end {
                sink.pulse()?;
                body.next();
            }
            if let Some(error) = body.failure.take() {
                return Err(error.into());
            }
            offset = offset.saturating_add(body.taken.max(1));
        }
        if count == 0 {
            sink.gap(Reason::Unsupported, "no file was found in the script");
        }
        Ok(())
    }
}

fn line(content: &Content, offset: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut size = 256;
    loop {
        let window = content.window(offset, size)?;
        let end = memchr::memchr(b'\n', &window).map(|end| end.saturating_add(1));
        if end.is_some() || window.len() < size || size as u64 >= LINE {
            line.extend_from_slice(window.get(..end.unwrap_or(window.len())).unwrap_or_default());
            return Ok(line);
        }
        size = size.saturating_mul(4);
    }
}

/// What a line gives to a command.
struct Document {
    name: String,
    tag: Vec<u8>,
    /// A letter that stands in front of each line.
    prefix: Option<u8>,
}

impl Document {
    fn parse(line: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(line);
        let (before, after) = text.split_once("<<")?;
        let tag = word(after.trim_start_matches('-').trim_start())?;
        let name = before
            .rsplit_once('>')
            .or_else(|| after.rsplit_once('>'))
            .and_then(|(_, name)| word(name.trim_start()))
            .unwrap_or_default();
        let prefix = before
            .split_once("s/^")
            .and_then(|(_, rest)| rest.bytes().next())
            .filter(u8::is_ascii_alphanumeric);
        Some(Self { name, tag: tag.into_bytes(), prefix })
    }

    fn is_end(&self, line: &[u8]) -> bool {
        line.trim_ascii_end() == self.tag.as_slice()
    }
}

/// The first word, without what quotes it.
fn word(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let word = match quote {
        Some(quote) => text.get(1..)?.split(quote).next()?,
        None => text.split(|letter: char| letter.is_whitespace() || ";|&)>".contains(letter)).next()?,
    };
    let word: String = word.chars().filter(|letter| *letter != '\\').collect();
    (!word.is_empty()).then_some(word)
}

struct Body<'a> {
    reader: BufReader<Reader>,
    document: &'a Document,
    line: Vec<u8>,
    given: usize,
    /// Bytes of the script.
    taken: u64,
    end: bool,
    at: u64,
    failure: Option<io::Error>,
}

impl Body<'_> {
    /// Reads the next line; false if there is none because the script ends.
    fn next(&mut self) -> bool {
        self.line.clear();
        self.given = 0;
        let result = (&mut self.reader).take(LINE).read_until(b'\n', &mut self.line);
        self.taken = self.taken.saturating_add(self.line.len() as u64);
        match result {
            Ok(0) => self.end = true,
            Ok(_) if self.document.is_end(&self.line) => {
                self.end = true;
                self.line.clear();
                return true;
            }
            Ok(_) => {
                self.given = usize::from(
                    self.document.prefix.is_some_and(|prefix| self.line.first() == Some(&prefix)),
                );
                return true;
            }
            Err(error) => {
                self.end = true;
                self.failure = Some(error);
            }
        }
        false
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.line.len() && !self.end {
            if !self.next() {
                let what = format!(
                    "file at offset {}: no line {:?}",
                    self.at,
                    String::from_utf8_lossy(&self.document.tag)
                );
                return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
            }
        }
        let rest = self.line.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        Ok(count)
    }
}
