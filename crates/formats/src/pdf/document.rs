//! The objects of a file, however they were found, and the way from a reference to what it refers to.

use std::collections::HashMap;
use std::io;

use candor_object::Content;
use memchr::memmem::Finder;

use super::find::Found;
use super::security::Security;
use super::value::{Dictionary, Parser, Value, is_space};

/// Bytes that an object without its stream may have, tried in turn.
const SIZES: [usize; 4] = [4 << 10, 64 << 10, 1 << 20, 16 << 20];
/// Bytes of an object that is referred to.
const REFERRED: usize = 64 << 10;
/// References that lead to one another.
const LONGEST_CHAIN: u32 = 8;
/// How often a file may be read by objects that lie in one another, before only their starts are.
const MOST_WORK: u64 = 4;
/// Bytes of a start.
const START: usize = 256;

/// An object that lies in the file itself.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) found: Found,
    /// Where it ends.
    pub(super) end: u64,
    pub(super) stream: Option<Stream>,
    pub(super) kind: Kind,
}

/// Where the bytes of a stream lie, still encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What a stream is for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Other,
    /// It holds objects.
    Objects,
    /// It is a table of cross-references.
    Table,
}

/// An object in an object stream.
#[derive(Clone, Copy, Debug)]
struct Inside {
    stream: usize,
    offset: usize,
}

/// What is known of a file.
pub(super) struct Document<'a> {
    pub(super) content: &'a Content,
    /// In the order of the file.
    pub(super) objects: Vec<Object>,
    /// The last object of each number.
    latest: HashMap<u32, Found>,
    /// The object streams, decoded.
    pub(super) unpacked: Vec<Vec<u8>>,
    inside: HashMap<u32, Inside>,
    pub(super) security: Option<Security>,
    /// Whether it is encrypted and no password is known.
    pub(super) locked: bool,
    /// Bytes of values that may still be read.
    work: u64,
    /// Whether a value was too deep, too long or too much.
    pub(super) cut: bool,
    ends: [Search; 2],
}

/// Where a word was last looked for, and where it stands.
#[derive(Clone, Copy, Debug, Default)]
struct Search {
    from: u64,
    found: u64,
}

impl Search {
    /// The next place of `word` from `start` on. Streams without an end would otherwise search the file again and again.
    fn next(&mut self, content: &Content, start: u64, word: &[u8]) -> io::Result<Option<u64>> {
        const STEP: usize = 1 << 20;
        if start < self.from || start > self.found {
            self.from = start;
            self.found = u64::MAX;
            let finder = Finder::new(word);
            let mut offset = start;
            while offset < content.size() {
                let window = content.window(offset, STEP.saturating_add(word.len()))?;
                if let Some(place) = finder.find(&window) {
                    self.found = offset.saturating_add(place as u64);
                    break;
                }
                offset = offset.saturating_add(STEP as u64);
            }
        }
        Ok(Some(self.found).filter(|found| *found != u64::MAX))
    }
}

impl<'a> Document<'a> {
    pub(super) fn new(content: &'a Content) -> Self {
        Self {
            content,
            objects: Vec::new(),
            latest: HashMap::new(),
            unpacked: Vec::new(),
            inside: HashMap::new(),
            security: None,
            locked: false,
            work: content.size().saturating_mul(MOST_WORK).saturating_add(1 << 20),
            cut: false,
            // Nothing was searched yet.
            ends: [Search { from: u64::MAX, found: 0 }; 2],
        }
    }

    /// Tells of objects that references may mean.
    pub(super) fn know(&mut self, found: &[Found]) {
        self.latest.extend(found.iter().map(|found| (found.number, *found)));
    }

    /// Whether such an object lies in the file itself.
    pub(super) fn place(&self, number: u32) -> Option<u64> {
        self.latest.get(&number).map(|found| found.offset)
    }

    /// The object with whose key texts in this object are encrypted; none in object streams.
    pub(super) fn owner(&self, number: u32) -> Option<(u32, u32)> {
        self.latest.get(&number).map(|found| (found.number, found.generation))
    }

    /// Reads the value at an offset and what follows it.
    pub(super) fn read<T>(
        &mut self,
        offset: u64,
        most: usize,
        mut take: impl FnMut(Value<'_>, &mut Parser<'_>) -> T,
    ) -> io::Result<T> {
        let in_memory = self.content.as_slice().is_some();
        let most = if self.work == 0 { START } else { most };
        let mut sizes = SIZES.iter().copied().filter(|size| *size < most && !in_memory).chain([most]);
        loop {
            let size = sizes.next().unwrap_or(most);
            let window = self.content.window(offset, size)?;
            let mut parser = Parser::new(&window);
            let value = parser.value();
            let place = parser.place();
            self.work = self.work.saturating_sub(place as u64);
            // A keyword may follow.
            let near = place.saturating_add(256) > window.len() || parser.short;
            if near && window.len() == size && size < most {
                continue;
            }
            self.cut |= parser.cut || parser.short && window.len() == size;
            return Ok(take(value, &mut parser));
        }
    }

    /// The value that a reference leads to, or the value itself.
    ///
    /// # Errors
    /// Those of reading the content.
    pub(super) fn resolve(&mut self, value: &Value<'_>) -> io::Result<Value<'static>> {
        let mut value = value.clone().into_owned();
        for _ in 0..LONGEST_CHAIN {
            let Value::Reference(number) = value else { return Ok(value) };
            value = if let Some(found) = self.latest.get(&number).copied() {
                self.read(found.body, REFERRED, |value, _| value.into_owned())?
            } else {
                self.inside(number).map_or(Value::Other, |bytes| Parser::new(bytes).value().into_owned())
            };
        }
        Ok(Value::Other)
    }

    /// The bytes that begin with an object in an object stream.
    fn inside(&self, number: u32) -> Option<&[u8]> {
        let Inside { stream, offset } = *self.inside.get(&number)?;
        let rest = self.unpacked.get(stream)?.get(offset..)?;
        Some(rest.get(..REFERRED).unwrap_or(rest))
    }

    /// Remembers an object of the object stream that was added last.
    pub(super) fn know_inside(&mut self, number: u32, offset: usize) {
        let stream = self.unpacked.len().saturating_sub(1);
        self.inside.insert(number, Inside { stream, offset });
    }

    /// Where the stream ends that begins at `start`; whether its end was found, and whether where it should be.
    pub(super) fn stream_end(&mut self, start: u64, length: Option<u64>) -> io::Result<(u64, End)> {
        if let Some(end) = length.and_then(|length| start.checked_add(length))
            && end <= self.content.size()
        {
            let window = self.content.window(end, 64)?;
            let mut parser = Parser::new(&window);
            if parser.word(b"endstream") || parser.word(b"endobj") {
                return Ok((end, End::Right));
            }
        }
        let [streams, objects] = &mut self.ends;
        let found = match streams.next(self.content, start, b"endstream")? {
            Some(found) => Some(found),
            None => objects.next(self.content, start, b"endobj")?,
        };
        let Some(found) = found else { return Ok((self.content.size(), End::Missing)) };
        let low = found.saturating_sub(2).max(start);
        let before = self.content.window(low, usize::try_from(found.saturating_sub(low)).unwrap_or(0))?;
        let line = match before.as_ref() {
            [b'\r', b'\n'] => 2,
            [.., b'\r' | b'\n'] => 1,
            _ => 0,
        };
        Ok((found.saturating_sub(line), End::Wrong))
    }

    /// The dictionary of a stream.
    ///
    /// # Errors
    /// Those of reading the content.
    pub(super) fn dictionary(&mut self, object: &Object) -> io::Result<Dictionary<'static>> {
        let most = SIZES.last().copied().unwrap_or(REFERRED);
        self.read(object.found.body, most, |value, _| match value {
            Value::Dictionary(dictionary) => dictionary.into_owned(),
            _ => Dictionary::default(),
        })
    }

    /// The stream with this number: the last in the file.
    pub(super) fn stream_of(&self, number: u32) -> Option<usize> {
        let offset = self.place(number)?;
        let index = self.objects.binary_search_by_key(&offset, |object| object.found.offset).ok()?;
        self.objects.get(index).filter(|object| object.stream.is_some()).map(|_| index)
    }

    /// The bytes of a stream, encoded.
    pub(super) fn bytes_of(&self, stream: Stream) -> Content {
        self.content.range(stream.start, stream.end.saturating_sub(stream.start))
    }
}

/// How the end of a stream was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Where its length says.
    Right,
    /// By its word.
    Wrong,
    /// There is none.
    Missing,
}

/// Whether all of the bytes are white space.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| is_space(*byte))
}
