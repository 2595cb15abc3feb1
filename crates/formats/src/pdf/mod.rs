//! PDF: every object in the file, reachable or not, with its stream decoded.
//!
//! Specification: ISO 32000-1 (PDF 1.7), <https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf>,
//! and ISO 32000-2 for the newer encryption. Readers repair nearly everything, each in another way, so that what a
//! document is depends on who reads it. Objects are therefore found by their words first, in streams and old versions
//! too, and tables only add those that are written oddly.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::Read;
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Link, Reason, Relation, Sink, Stop};
use memchr::memmem;

mod between;
pub(crate) mod cipher;
mod document;
mod facts;
mod filters;
mod find;
mod flate;
mod input;
mod lzw;
mod meter;
mod predictor;
mod security;
mod streams;
mod survey;
mod tables;
#[cfg(test)]
mod tests;
mod text_filters;
mod value;

pub(crate) use between::hands_over_archive;
use document::Document;
use facts::{Facts, Source, Text};

use crate::{Format, Glimpse};

/// Bytes in which the header has to be.
const HEADER: usize = 1024;
/// Bytes of all scripts, or of all parts of a form, that are joined.
const JOINED: usize = 16 << 20;
/// Longest name or address that is looked at.
const LONGEST_NAME: usize = 4096;
/// Launched programs that are told of.
const MOST_LAUNCHES: usize = 20;

/// PDF documents.
pub(crate) struct Pdf;

/// PDF documents behind something else.
pub(crate) struct DisplacedPdf;

impl Format for Pdf {
    fn file_type(&self) -> FileType {
        FileType::new("pdf")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"%PDF-")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        open(content, sink)
    }
}

impl Format for DisplacedPdf {
    fn file_type(&self) -> FileType {
        Pdf.file_type()
    }

    /// Texts speak of the header; documents have an object soon or its end at the end.
    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let start = glimpse.head.get(..HEADER).unwrap_or(glimpse.head);
        let Some(place) = memmem::find(start, b"%PDF-") else { return false };
        let rest = glimpse.head.get(place..).unwrap_or_default();
        let version = rest.get(5).is_some_and(u8::is_ascii_digit) && rest.get(6) == Some(&b'.');
        let object = memmem::find(rest, b" obj").is_some() && memmem::find(rest, b"<<").is_some();
        version && (object || memmem::find(glimpse.tail, b"startxref").is_some())
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        open(content, sink)
    }
}

/// A reader of a zlib stream that forgives what readers of documents do, and how far it came when it is over.
pub(crate) fn inflate(packed: &Content) -> (impl Read + use<>, Rc<Cell<u64>>) {
    filters::inflate(packed)
}

fn open(content: &Content, sink: &mut dyn Sink) -> Flow {
    let start = memmem::find(&content.window(0, HEADER)?, b"%PDF-").unwrap_or(0) as u64;
    let marks = find::marks(content, sink)?;
    if marks.objects.is_empty() {
        sink.gap(Reason::Damaged, "no object is found");
    }
    if marks.cut {
        sink.gap(Reason::Unsupported, "objects beyond the 1,048,576th are not looked at");
    }
    let trailers = tables::follow(content, &marks.trailers, &marks.starts, start, sink)?;
    let mut document = Document::new(content);
    let mut facts = survey::survey(&mut document, marks.objects, trailers, start, sink)?;
    for (number, name) in std::mem::take(&mut facts.files) {
        if let value::Value::Dictionary(streams) = document.resolve(&value::Value::Reference(number))? {
            facts.name_all(&streams, &name);
        }
    }
    if document.cut || facts.cut {
        sink.gap(Reason::Unsupported, "values that are too many, too long or too deep are not looked at");
    }
    tell(&mut document, &facts, sink)?;
    let mut position: u64 = 0;
    for index in 0..document.objects.len() {
        let Some(object) = document.objects.get(index).filter(|object| object.stream.is_some()).cloned()
        else {
            continue;
        };
        position = position.saturating_add(1);
        let name = match facts.names.get(&object.found.number) {
            Some(name) => Some(shown(&text(&mut document, name)?)),
            None => None,
        };
        streams::hand_over(&mut document, &object, name.as_deref(), position, sink)?;
    }
    for text in &facts.texts {
        let bytes = decrypt(&document, text);
        sink.child(Child { name: "text", relation: Relation::Stream }, &mut bytes.as_slice())?;
    }
    join(&mut document, "javascript", &facts.scripts, sink)?;
    join(&mut document, "xfa", &facts.forms, sink)?;
    between::hand_over(content, start, &document.objects, sink)
}

/// Tells of links and of what is started.
fn tell(document: &mut Document<'_>, facts: &Facts, sink: &mut dyn Sink) -> Flow {
    for source in facts.launches.iter().take(MOST_LAUNCHES) {
        let name = text(document, source)?;
        sink.anomaly("launch", &shown(&name));
    }
    if facts.launches.len() > MOST_LAUNCHES {
        sink.anomaly("launch", &format!("{} in all", facts.launches.len()));
    }
    if facts.rich_media {
        sink.anomaly("rich media", "");
    }
    if !sink.wants_links() {
        return Ok(());
    }
    for source in &facts.links {
        sink.pulse()?;
        let target = text(document, source)?;
        let target = target.get(..LONGEST_NAME).unwrap_or(&target);
        if !target.is_empty() {
            sink.link(Link { target, shown: b"", is_text: false });
        }
    }
    Ok(())
}

/// Hands over each script that is a text, and all of them together. Those that are streams are handed over with the
/// other streams.
fn join(document: &mut Document<'_>, name: &str, sources: &[Source], sink: &mut dyn Sink) -> Flow {
    let mut joined: Vec<u8> = Vec::new();
    let mut seen: HashSet<u32> = HashSet::new();
    let mut count: usize = 0;
    for source in sources {
        sink.pulse()?;
        let (bytes, is_new) = match source {
            Source::Text(text) => (decrypt(document, text), true),
            Source::Object(number) if !seen.insert(*number) => continue,
            Source::Object(number) => referred(document, *number, sink)?,
        };
        let plain = facts::decode(&bytes);
        if plain.is_empty() {
            continue;
        }
        if is_new || plain != bytes.as_slice() {
            sink.child(Child { name, relation: Relation::Stream }, &mut plain.as_ref())?;
        }
        if joined.len().saturating_add(plain.len()) > JOINED {
            sink.gap(Reason::Unsupported, &format!("{name}: more than 16 MiB are not joined beyond that"));
            break;
        }
        count = count.saturating_add(1);
        joined.extend_from_slice(&plain);
        if name == "javascript" {
            joined.push(b'\n');
        }
    }
    if count < 2 {
        return Ok(());
    }
    let name = format!("{name} joined");
    sink.child(Child { name: &name, relation: Relation::Stream }, &mut joined.as_slice())
}

/// The text that a reference leads to, and whether it is not a stream.
fn referred(document: &mut Document<'_>, number: u32, sink: &mut dyn Sink) -> Result<(Vec<u8>, bool), Stop> {
    if let Some(object) = document.stream_of(number).and_then(|index| document.objects.get(index)).cloned() {
        return Ok((streams::decode(document, &object, JOINED, sink)?.0, false));
    }
    Ok((text(document, &Source::Object(number))?, true))
}

/// A text as it is meant.
fn text(document: &mut Document<'_>, source: &Source) -> Result<Vec<u8>, Stop> {
    let Source::Object(number) = source else {
        let Source::Text(text) = source else { return Ok(Vec::new()) };
        return Ok(decrypt(document, text));
    };
    let owner = document.owner(*number);
    match document.resolve(&value::Value::Reference(*number))? {
        value::Value::Text(bytes) => Ok(decrypt(document, &Text { bytes: bytes.into_owned(), owner })),
        _ => Ok(Vec::new()),
    }
}

fn decrypt(document: &Document<'_>, text: &Text) -> Vec<u8> {
    let (Some(security), Some((number, generation))) = (&document.security, text.owner) else {
        return text.bytes.clone();
    };
    let key = security.key(number, generation, security.texts);
    let reader = filters::decrypted(Box::new(std::io::Cursor::new(text.bytes.clone())), security.texts, &key);
    streams::start_of(reader, u64::MAX)
}

/// A text to be shown, or a name.
fn shown(bytes: &[u8]) -> String {
    let text = facts::decode(bytes);
    String::from_utf8_lossy(text.get(..LONGEST_NAME).unwrap_or(&text)).into_owned()
}
