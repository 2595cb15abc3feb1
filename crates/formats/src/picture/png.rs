//! PNG: chunks up to `IEND`. Texts, profiles, Exif and chunks that no specification knows come out.
//!
//! Specification: <https://www.w3.org/TR/png-3/>.

use std::time::Instant;

use candor_object::{Content, FileType, Flow, Sink, Undecoded};

use super::parts::Parts;
use crate::fields::{self, u32_be};
use crate::{Format, Glimpse};

/// The PNG format.
pub(crate) struct Png;

const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Length, type and checksum of a chunk.
const AROUND: u64 = 12;
/// Longest keyword of a text with what stands behind it before the text.
const KEYWORD: usize = 512;
/// Chunks of the specification that hold only numbers, and those that hold pixels.
const KNOWN: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"sBIT", b"sRGB", b"bKGD", b"hIST",
    b"pHYs", b"tIME", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI", b"oFFs", b"sTER",
];
/// Largest of those that hold numbers.
const LARGEST: u64 = 1024;

impl Format for Png {
    fn file_type(&self) -> FileType {
        FileType::new("png")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        super::perceptual_hash(content, "png", deadline)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut parts = Parts::new(content, sink);
        let mut offset = MAGIC.len() as u64;
        while offset < content.size() {
            parts.sink.pulse()?;
            let head = content.window(offset, 8)?;
            let (Some(size), Some(kind)) = (u32_be(&head, 0), fields::array::<4>(&head, 4)) else { break };
            let size = u64::from(size);
            let start = offset.saturating_add(8);
            let end = offset.saturating_add(AROUND).saturating_add(size);
            if !kind.iter().all(u8::is_ascii_alphabetic) {
                parts.odd("no-chunk", &format!("no chunk at offset {offset}"));
                return parts.overlay(offset);
            }
            if end > content.size() {
                parts.odd("cut-chunk", &format!("chunk {} at offset {offset}", kind.escape_ascii()));
            }
            chunk(&mut parts, kind, start, size)?;
            offset = end;
            if &kind == b"IEND" {
                return parts.overlay(offset);
            }
        }
        parts.odd("no-end", "the chunk IEND is missing");
        Ok(())
    }
}

/// Hands over what a chunk holds.
fn chunk(parts: &mut Parts<'_>, kind: [u8; 4], start: u64, size: u64) -> Flow {
    let name = kind.escape_ascii().to_string();
    let pixels = matches!(&kind, b"IDAT" | b"fdAT");
    if KNOWN.contains(&&kind) {
        return if pixels || size <= LARGEST { Ok(()) } else { parts.part(&name, start, size) };
    }
    let text = parts.content.window(start, KEYWORD.min(usize::try_from(size).unwrap_or(KEYWORD)))?;
    // Where the keyword ends, and where a text does that follows it.
    let end_of = |from: usize| {
        let rest = text.get(from..)?;
        Some(rest.iter().position(|byte| *byte == 0)?.saturating_add(from).saturating_add(1))
    };
    let keyword = end_of(0);
    let inner = match &kind {
        b"tEXt" => keyword.map(|at| (at, false)),
        b"zTXt" | b"iCCP" => keyword.map(|at| (at.saturating_add(1), true)),
        b"iTXt" => keyword.and_then(|at| {
            let packed = text.get(at) == Some(&1);
            Some((end_of(end_of(at.saturating_add(2))?)?, packed))
        }),
        _ => None,
    };
    let Some((at, packed)) = inner else { return parts.part(&name, start, size) };
    let keyword = fields::name(&text);
    let (name, from) = (format!("{name} {keyword}"), start.saturating_add(at as u64));
    let size = size.saturating_sub(at as u64);
    drop(text);
    if packed { parts.packed(&name, from, size) } else { parts.part(&name, from, size) }
}
