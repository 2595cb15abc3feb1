//! Cryptographic messages: the `smime.p7m` of S/MIME, `.p7s`, `.p7b` and catalogs.
//!
//! Specification: RFC 5652 (CMS), RFC 3274 (compressed content), X.690 (BER). Signed and compressed content comes out;
//! whether the signature holds is not looked at. Mail programs write BER, with content in pieces and sizes left open.

use std::io::{self, ErrorKind, Read};

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink};
use flate2::read::ZlibDecoder;

use crate::{Format, Glimpse, HEAD, mail};

const SEQUENCE: u8 = 0x30;
const IDENTIFIER: u8 = 0x06;
const OCTETS: u8 = 0x04;
const PIECES: u8 = 0x24;
/// The first element with a tag of its own, which holds others.
const EXPLICIT: u8 = 0xa0;
/// How the identifiers of RFC 5652 begin: 1.2.840.113549.1.
const PREFIX: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];
/// How deep pieces may lie in pieces.
const DEPTH: usize = 16;
/// Pieces that may be empty: a reader that finds nothing is deaf to the time limit.
const MOST_EMPTY: u32 = 100_000;

/// The format.
pub(crate) struct Pkcs7;

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    Signed,
    Encrypted,
    Digested,
    Compressed,
}

impl Kind {
    /// The kind that an identifier names.
    fn of(identifier: &[u8]) -> Option<Self> {
        Some(match identifier.strip_prefix(&PREFIX)? {
            [7, 1] => Self::Data,
            [7, 2] => Self::Signed,
            [7, 3 | 4 | 6] | [9, 16, 1, 23] => Self::Encrypted,
            [7, 5] => Self::Digested,
            [9, 16, 1, 9] => Self::Compressed,
            _ => return None,
        })
    }
}

/// Whether a message begins here that this format opens or has a gap for.
pub(crate) fn begins(head: &[u8]) -> bool {
    kind(head).is_some()
}

fn kind(head: &[u8]) -> Option<Kind> {
    let outer = Element::parse(head)?;
    let rest = head.get(outer.header..)?;
    let name = Element::parse(rest).filter(|name| outer.tag == SEQUENCE && name.tag == IDENTIFIER)?;
    let size = usize::try_from(name.size?).ok().filter(|size| *size < 32)?;
    Kind::of(rest.get(name.header..)?.get(..size)?)
}

impl Format for Pkcs7 {
    fn file_type(&self) -> FileType {
        FileType::new("pkcs7")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        begins(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some(kind) = kind(&content.window(0, 64)?) else { return Ok(()) };
        if kind == Kind::Encrypted {
            sink.gap(Reason::Encrypted, "the message is encrypted");
            return overlay(content, sink);
        }
        let place = match inner(content, kind)? {
            Inner::Found(place) => place,
            // Signatures of what lies beside them, and collections of certificates.
            Inner::Nothing => return overlay(content, sink),
            Inner::Damaged(place) => {
                sink.gap(Reason::Damaged, &format!("the message at offset {place}"));
                return sink.range(Child { name: "", relation: Relation::Overlay }, content.from(place));
            }
        };
        let pieces = || Pieces::new(content, place);
        match Element::at(content, place.0)? {
            _ if kind == Kind::Compressed => {
                sink.child(Child::part(""), &mut ZlibDecoder::new(pieces()))?;
                as_message(&|| Box::new(ZlibDecoder::new(pieces())), sink)?;
            }
            Some(Element { tag: OCTETS, header, size: Some(size), .. }) => {
                let start = place.0.saturating_add(header as u64);
                let data = content.range(start, size);
                if data.size() < size {
                    let detail = format!("signed content: {} of {size} bytes", data.size());
                    sink.gap(Reason::Truncated, &detail);
                }
                sink.range(Child::part(""), data.clone())?;
                as_message(&|| Box::new(data.reader()), sink)?;
            }
            Some(Element { tag: PIECES, .. }) => {
                sink.child(Child::part(""), &mut pieces())?;
                as_message(&|| Box::new(pieces()), sink)?;
            }
            // Before CMS the content could be anything.
            _ => sink.range(Child::part(""), content.range(place.0, place.1.saturating_sub(place.0)))?,
        }
        overlay(content, sink)
    }
}

/// What is signed is a part of a message: its header may be too short to be known as that of a message.
fn as_message<'c>(body: &dyn Fn() -> Box<dyn Read + 'c>, sink: &mut dyn Sink) -> Flow {
    let mut head = Vec::new();
    // Damage was told when the content was handed over.
    let _ = body().take(HEAD as u64).read_to_end(&mut head);
    let is_part = head.get(..8).is_some_and(|word| word.eq_ignore_ascii_case(b"content-"));
    if !is_part || mail::is_message(&head) {
        return Ok(());
    }
    let header: &[u8] = b"MIME-Version: 1.0\r\nMessage-ID: <signed>\r\n";
    sink.child(Child::part("signed.eml"), &mut header.chain(body()))
}

/// Hands over what lies behind the message, if it has a size.
fn overlay(content: &Content, sink: &mut dyn Sink) -> Flow {
    let Some(Element { header, size: Some(size), .. }) = Element::at(content, 0)? else { return Ok(()) };
    let end = size.saturating_add(header as u64);
    if end < content.size() {
        sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end))?;
    } else if end > content.size() {
        sink.gap(Reason::Truncated, &format!("the message: {} of {end} bytes", content.size()));
    }
    Ok(())
}

/// Where the content is: its start and its end.
enum Inner {
    Found((u64, u64)),
    Nothing,
    Damaged(u64),
}

/// Finds the content of a message.
fn inner(content: &Content, kind: Kind) -> io::Result<Inner> {
    let mut walk = Walk { content, offset: 0, end: content.size() };
    let digested = kind == Kind::Digested;
    // Message, its kind, its content; version, algorithms.
    let way: &[(u8, bool)] = &[
        (SEQUENCE, true),
        (IDENTIFIER, false),
        (EXPLICIT, true),
        (SEQUENCE, true),
        (0x02, false),
        (if digested || kind == Kind::Compressed { SEQUENCE } else { 0x31 }, false),
        (SEQUENCE, true),
        (IDENTIFIER, false),
    ];
    let way = if kind == Kind::Data { way.get(..2).unwrap_or(way) } else { way };
    for (tag, enter) in way {
        if !walk.step(*tag, *enter)? {
            return Ok(Inner::Damaged(walk.offset));
        }
    }
    match Element::at(content, walk.offset)? {
        Some(element) if element.tag == EXPLICIT && walk.offset < walk.end => {
            walk.step(EXPLICIT, true)?;
            Ok(Inner::Found((walk.offset, walk.end)))
        }
        _ => Ok(Inner::Nothing),
    }
}

/// Goes into elements and over them.
struct Walk<'c> {
    content: &'c Content,
    offset: u64,
    end: u64,
}

impl Walk<'_> {
    /// Goes into or over the next element if it has the tag.
    fn step(&mut self, tag: u8, enter: bool) -> io::Result<bool> {
        let Some(element) = Element::at(self.content, self.offset)?.filter(|element| element.tag == tag)
        else {
            return Ok(false);
        };
        let start = self.offset.saturating_add(element.header as u64);
        match element.size {
            Some(size) if enter => {
                self.offset = start;
                self.end = self.end.min(start.saturating_add(size));
            }
            Some(size) => self.offset = start.saturating_add(size),
            None if enter => self.offset = start,
            None => {
                // An open size on what is gone over: its elements, up to the mark of the end.
                let mut open: usize = 1;
                self.offset = start;
                for _ in 0..10_000 {
                    let Some(inner) = Element::at(self.content, self.offset)? else { return Ok(false) };
                    self.offset = self.offset.saturating_add(inner.header as u64);
                    match inner.size {
                        None => open = open.saturating_add(1),
                        Some(0) if inner.tag == 0 => open = open.saturating_sub(1),
                        Some(size) => self.offset = self.offset.saturating_add(size),
                    }
                    if open == 0 {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The start of an element.
struct Element {
    tag: u8,
    header: usize,
    /// Bytes of what it holds, unless that is left open.
    size: Option<u64>,
}

impl Element {
    fn at(content: &Content, offset: u64) -> io::Result<Option<Self>> {
        Ok(Self::parse(&content.window(offset, 16)?))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
        if first < 0x80 {
            return Some(Self { tag, header: 2, size: Some(first.into()) });
        }
        let count = usize::from(first & 0x7f);
        if count == 0 {
            return Some(Self { tag, header: 2, size: None });
        }
        let digits = bytes.get(2..)?.get(..count).filter(|digits| digits.len() <= 8)?;
        let size = digits.iter().fold(0_u64, |size, digit| size << 8 | u64::from(*digit));
        Some(Self { tag, header: count.saturating_add(2), size: Some(size) })
    }
}

/// Reads content that lies in pieces.
struct Pieces<'c> {
    content: &'c Content,
    offset: u64,
    /// Bytes of the piece that are left.
    left: u64,
    /// Where the pieces around end; nothing where that is left open.
    around: Vec<Option<u64>>,
    /// Pieces without a byte so far.
    empty: u32,
    started: bool,
    failed: bool,
}

impl<'c> Pieces<'c> {
    fn new(content: &'c Content, (start, end): (u64, u64)) -> Self {
        Self {
            content,
            offset: start,
            left: 0,
            around: vec![Some(end)],
            empty: 0,
            started: false,
            failed: false,
        }
    }

    /// Goes on to the next piece; false at the end.
    fn next(&mut self) -> io::Result<bool> {
        while let Some(end) = self.around.last().copied() {
            // All pieces lie in the first element.
            if self.started && self.around.len() == 1 {
                return Ok(false);
            }
            if end.is_some_and(|end| self.offset >= end) {
                self.around.pop();
                continue;
            }
            let Some(element) = Element::at(self.content, self.offset)? else {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "the content ends between its pieces"));
            };
            let start = self.offset.saturating_add(element.header as u64);
            self.offset = start;
            self.started = true;
            match (element.tag, element.size) {
                (0, Some(0)) if self.around.len() > 1 => {
                    self.around.pop();
                }
                // The element around has its size open, and ends here.
                (0, Some(0)) => return Ok(false),
                (OCTETS, Some(0)) => {
                    self.empty = self.empty.saturating_add(1);
                    if self.empty > MOST_EMPTY {
                        return Err(io::Error::new(ErrorKind::InvalidData, "too many empty pieces"));
                    }
                }
                (OCTETS, Some(size)) => {
                    self.left = size;
                    return Ok(true);
                }
                (PIECES, size) if self.around.len() < DEPTH => {
                    self.around.push(size.map(|size| start.saturating_add(size)));
                }
                (tag, _) => {
                    let text = format!("a piece of the content at offset {start} has the tag {tag:#04x}");
                    return Err(io::Error::new(ErrorKind::InvalidData, text));
                }
            }
        }
        Ok(false)
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.failed {
            return Ok(0);
        }
        if self.left == 0 {
            match self.next() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.content.read_at(self.offset, buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            self.failed = true;
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "a piece of the content is cut"));
        }
        self.offset = self.offset.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
