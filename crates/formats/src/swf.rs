//! SWF: Flash files. Packed ones are handed over as what they are unpacked, and files in them as members.
//!
//! Specification: SWF File Format Specification, version 19,
//! <https://open-flash.github.io/mirrors/swf-spec-19.pdf>; the LZMA variant in
//! <https://web.archive.org/web/2016/http://forums.adobe.com/thread/852535>.

use std::io::{self, ErrorKind, Read};

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink};
use lzma_rust2::LzmaReader;

use crate::fields::{array, u16_le, u32_le};
use crate::{Format, Glimpse, pdf};

/// Bytes of the header that are never packed.
const HEADER: u64 = 8;
/// Bytes in front of an LZMA stream: those of the header, the packed size, and the properties.
const LZMA_HEADER: u64 = 17;
/// Largest dictionary that is decoded with.
const DICTIONARY_LIMIT: u32 = 128 << 20;
/// The tag with a file of any kind.
const BINARY_DATA: u16 = 87;
/// Shortest rest that is handed over.
const SHORTEST: u64 = 4;

/// The Flash format.
pub(crate) struct Swf;

impl Format for Swf {
    fn file_type(&self) -> FileType {
        FileType::new("swf")
    }

    /// Three letters could begin a text, which has no byte like those of the header.
    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let magic = [b"FWS", b"CWS", b"ZWS"].iter().any(|magic| glimpse.has(0, *magic));
        magic && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 32)?;
        let (Some(magic), Some(length)) = (array::<4>(&head, 0), u32_le(&head, 4)) else {
            sink.gap(Reason::Truncated, "the header ends too early");
            return Ok(());
        };
        let [kind, .., version] = magic;
        let plain = [&[b'F', b'W', b'S', version][..], &length.to_le_bytes()].concat();
        match kind {
            b'F' => tags(content, u64::from(length), sink),
            b'C' => {
                let (mut body, consumed) = pdf::inflate(&content.from(HEADER));
                sink.child(Child::stream(), &mut io::Cursor::new(plain).chain(&mut body))?;
                // The checksum is behind it.
                let end = consumed.get().saturating_add(HEADER).saturating_add(4);
                overlay(content, end, sink)
            }
            _ => match lzma(content, &head, length) {
                Ok(mut body) => sink.child(Child::stream(), &mut io::Cursor::new(plain).chain(&mut body)),
                Err(error) => {
                    sink.gap(Reason::Damaged, &format!("lzma header: {error}"));
                    Ok(())
                }
            },
        }
    }
}

fn overlay(content: &Content, end: u64, sink: &mut dyn Sink) -> Flow {
    let rest = content.from(end);
    if rest.size() < SHORTEST {
        return Ok(());
    }
    sink.range(Child { name: "", relation: Relation::Overlay }, rest)
}

/// Hands over the files in the tags of a plain file, and what is behind.
fn tags(content: &Content, length: u64, sink: &mut dyn Sink) -> Flow {
    // The first field of the frame's rectangle says how many bits the other four have; a rate and a count follow.
    let bits = content.window(HEADER, 1)?.first().map_or(0, |byte| u64::from(byte >> 3));
    let rectangle = bits.saturating_mul(4).saturating_add(5).div_ceil(8);
    let mut offset = HEADER.saturating_add(rectangle).saturating_add(4);
    let mut number: u64 = 0;
    while offset < content.size() {
        sink.pulse()?;
        let head = content.window(offset, 6)?;
        let Some(tag) = u16_le(&head, 0) else { break };
        let (header, size) = match (tag & 0x3f, u32_le(&head, 2)) {
            (0x3f, Some(size)) => (6, u64::from(size)),
            (0x3f, None) => break,
            (size, _) => (2, u64::from(size)),
        };
        let start = offset.saturating_add(header);
        let end = start.saturating_add(size);
        if tag >> 6 == BINARY_DATA {
            number = number.saturating_add(1);
            // Its number in the file and four reserved bytes come first.
            let data = content.range(start, size);
            sink.range(Child::member(&format!("binary data {number}")), data.from(6))?;
        }
        if end > content.size() {
            sink.gap(Reason::Truncated, &format!("tag {} at offset {offset} ends too early", tag >> 6));
        }
        offset = end;
        if tag == 0 {
            break;
        }
    }
    if offset.max(HEADER) < length && length > content.size() {
        sink.anomaly("size", &format!("{length} bytes are named and {} are there", content.size()));
    }
    overlay(content, offset, sink)
}

/// A reader of what is packed with LZMA.
fn lzma(content: &Content, head: &[u8], length: u32) -> io::Result<Unpacked> {
    let (Some(properties), Some(dictionary)) = (head.get(12), u32_le(head, 13)) else {
        return Err(ErrorKind::UnexpectedEof.into());
    };
    let expected = u64::from(length).saturating_sub(HEADER);
    let used = dictionary.min(DICTIONARY_LIMIT).min(length.max(1 << 16));
    let input = io::BufReader::with_capacity(32 << 10, content.from(LZMA_HEADER).reader());
    let mut reader = LzmaReader::new_with_props(input, u64::MAX, *properties, used, None)?;
    // Bytes come out before the error that follows them.
    reader.set_defer_errors(true);
    Ok(Unpacked { reader: Some(reader), expected, given: 0 })
}

/// What is unpacked. Most files have no mark at their end, so that they end where the header says, or go on.
struct Unpacked {
    reader: Option<LzmaReader<io::BufReader<candor_object::Reader>>>,
    expected: u64,
    given: u64,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else { return Ok(0) };
        // What is behind that is not decoded in one piece with it.
        let left = self.expected.saturating_sub(self.given);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let most = if left == 0 { buffer.len() } else { most };
        let result = reader.read(buffer.get_mut(..most).unwrap_or_default());
        match result {
            Ok(count @ 1..) => {
                self.given = self.given.saturating_add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            other => {
                self.reader = None;
                if self.given >= self.expected { Ok(0) } else { other }
            }
        }
    }
}
