//! OneNote: sections, of which the embedded files and the text come out.
//!
//! Specification: [MS-ONESTORE], <https://learn.microsoft.com/openspecs/office_file_formats/ms-onestore>; what the web
//! exports is [MS-FSSHTTPB]. Files are found by the header that stands before each of them, whether or not anything refers
//! to it, so that damage in the structure around hides none.

mod packed;

use candor_object::{Child, Content, FileType, Flow, Limit, Reason, Relation, Sink, Stop};
use memchr::memmem;

use crate::fields::u64_le;
use crate::{Format, Glimpse};

/// Sections and tables of contents begin with their type.
const SECTION: [u8; 16] = *b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3";
const CONTENTS: [u8; 16] = *b"\xa1\x2f\xff\x43\xd9\xef\x76\x4c\x9e\xe2\x10\xea\x57\x22\x76\x5f";
/// What stands before an embedded file, and behind it.
const HEADER: [u8; 16] = *b"\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";
const FOOTER: [u8; 16] = *b"\x22\xa7\xfb\x71\x79\x0f\x0b\x4a\xbb\x13\x89\x92\x56\x42\x6b\x24";
/// Bytes of the header: its name, the size, and twelve that nobody uses.
const HEADER_SIZE: u64 = 36;
const STEP: usize = 256 << 10;
/// Embedded files that are handed over.
const MOST: u32 = 10_000;
/// Shortest text, in letters, and the most bytes of all texts.
const SHORTEST: usize = 6;
const TEXT: usize = 4 << 20;

/// The OneNote format.
pub(crate) struct OneNote;

impl Format for OneNote {
    fn file_type(&self) -> FileType {
        FileType::new("onenote")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, &SECTION) || glimpse.has(0, &CONTENTS)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut texts = Texts::default();
        let found = carve(content, &mut texts, sink)?;
        if packed::is_packed(content)? {
            packed::open(content, found > 0, sink)?;
        }
        texts.hand_over(sink)
    }
}

/// Hands over every embedded file; tells how many there were.
fn carve(content: &Content, texts: &mut Texts, sink: &mut dyn Sink) -> Result<u32, Stop> {
    let finder = memmem::Finder::new(&HEADER);
    let mut count: u32 = 0;
    let mut offset: u64 = 0;
    // Where the file before ends: a header within it is content of that file, and opened with it only.
    let mut inside: u64 = 0;
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, STEP.saturating_add(HEADER.len()))?;
        let places = window.len().min(STEP);
        // Text up to here was looked at.
        let mut done = offset.max(inside);
        for place in finder.find_iter(&window).take_while(|place| *place < places) {
            let at = offset.saturating_add(place as u64);
            count = count.saturating_add(1);
            if count > MOST {
                sink.gap(Reason::Limit(Limit::Objects), &format!("embedded files from offset {at} on"));
                return Ok(count);
            }
            texts.push(between(&window, offset, (done, at)));
            inside = inside.max(file(content, at, at < inside, sink)?);
            done = done.max(inside);
        }
        texts.push(between(&window, offset, (done, offset.saturating_add(places as u64))));
        offset = offset.saturating_add(places as u64);
    }
    Ok(count)
}

/// What a window at `offset` has between two places.
fn between(window: &[u8], offset: u64, (from, to): (u64, u64)) -> &[u8] {
    let place = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX).min(window.len());
    window.get(place(from)..place(to)).unwrap_or_default()
}

/// Hands over the embedded file whose header stands at `at`; tells where it ends.
fn file(content: &Content, at: u64, is_within: bool, sink: &mut dyn Sink) -> Result<u64, Stop> {
    let head = content.window(at, 36)?;
    let start = at.saturating_add(HEADER_SIZE);
    let Some(size) = u64_le(&head, 16) else {
        sink.gap(Reason::Truncated, &format!("header of an embedded file at offset {at}"));
        return Ok(start);
    };
    let end = start.saturating_add(size);
    let data = content.range(start, size);
    // Padding brings the whole to a multiple of eight bytes.
    let behind = content.window(end, FOOTER.len().saturating_add(7))?;
    let is_ended = data.size() == size && memmem::find(&behind, &FOOTER).is_some();
    // What merely looks like a header within a file comes out only where everything fits.
    if is_within && !is_ended {
        return Ok(0);
    }
    if data.size() < size {
        let detail = format!("embedded file at offset {at}: {} of {size} bytes", data.size());
        sink.gap(Reason::Truncated, &detail);
    } else if !is_ended {
        sink.gap(Reason::Damaged, &format!("embedded file at offset {at} has no end at offset {end}"));
    }
    sink.range(Child::member(&format!("embedded at {at}")), data)?;
    // A size that is not confirmed hides nothing behind it.
    Ok(if is_ended { end } else { start })
}

/// The text between embedded files: letters of ASCII in UTF-16, at even places or odd ones. What has one byte for each
/// letter can be read as it is.
#[derive(Default)]
struct Texts {
    text: Vec<u8>,
    is_cut: bool,
}

impl Texts {
    fn push(&mut self, bytes: &[u8]) {
        for start in [0, 1] {
            let units = bytes.get(start..).unwrap_or_default().as_chunks::<2>().0;
            let mut run: Vec<u8> = Vec::new();
            for unit in units {
                match *unit {
                    [letter @ (b' '..=b'~' | b'\t' | b'\r' | b'\n'), 0] => run.push(letter),
                    _ => self.end(&mut run),
                }
            }
            self.end(&mut run);
        }
    }

    fn end(&mut self, run: &mut Vec<u8>) {
        if run.len() >= SHORTEST {
            self.is_cut |= self.text.len() >= TEXT;
            if !self.is_cut {
                self.text.append(run);
                self.text.push(b'\n');
            }
        }
        run.clear();
    }

    fn hand_over(&self, sink: &mut dyn Sink) -> Flow {
        if self.is_cut {
            sink.gap(Reason::Limit(Limit::ObjectBytes), "text beyond 4 MiB is not taken out");
        }
        if self.text.is_empty() {
            return Ok(());
        }
        sink.child(Child { name: "text", relation: Relation::Part }, &mut self.text.as_slice())
    }
}
