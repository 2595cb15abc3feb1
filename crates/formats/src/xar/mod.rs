//! xar: installer packages of macOS (`.pkg`), Safari extensions, signed archives.
//!
//! Specification: <https://github.com/apple-oss-distributions/xar/blob/main/xar/doc/xar.5> and
//! <https://en.wikipedia.org/wiki/Xar_(archiver)>. A header, a table of contents that is XML packed with zlib, and a heap
//! in which the table gives every file, and each of its extended attributes, an offset and a length.

mod toc;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Sink};

use self::toc::{Entry, Toc};
use crate::fields::{u16_be, u64_be};
use crate::unpack::{Check, Claimed, Promise, hand_over, stored, unsupported, zlib};
use crate::zip::methods::{StreamEnd, decoder};
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"xar!";
/// Smallest header.
const HEADER: u64 = 28;
/// Bytes of the table of contents that are read; installers have some MiB at most.
const TABLE: u64 = 64 << 20;

/// The xar format.
pub(crate) struct Xar;

impl Format for Xar {
    fn file_type(&self) -> FileType {
        FileType::new("xar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC) && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 28)?;
        let (Some(header), Some(packed)) = (u16_be(&head, 4), u64_be(&head, 8)) else {
            sink.gap(Reason::Truncated, "the header");
            return Ok(());
        };
        let header = u64::from(header);
        if header < HEADER {
            sink.anomaly("small-header", &format!("{header} bytes"));
        }
        let heap = header.saturating_add(packed);
        if heap > content.size() {
            sink.gap(Reason::Truncated, &format!("table of contents: it should end at offset {heap}"));
        }
        let packed = content.range(header, packed);
        let promise = Promise { size: u64_be(&head, 16), check: Check::None };
        hand_over(sink, Child::part("toc.xml"), "table of contents", &packed, promise, zlib)?;
        let toc = Toc::read(&packed, TABLE, sink)?;
        let mut claimed = Claimed::default();
        for (position, entry) in (1..).zip(&toc.entries) {
            sink.pulse()?;
            open_entry(content, heap, &toc.path(entry), entry, position, sink)?;
            claimed.add(heap.saturating_add(entry.offset), entry.length);
        }
        claimed.hand_over_rest(content, heap, sink)
    }
}

fn open_entry(
    content: &Content,
    heap: u64,
    name: &str,
    entry: &Entry,
    position: u64,
    sink: &mut dyn Sink,
) -> Flow {
    let size = entry.size.unwrap_or(entry.length);
    let (packed, position) = (entry.length, Some(position));
    sink.listed(Listed { name, packed, size, encrypted: false, position });
    let start = heap.saturating_add(entry.offset);
    let body = content.range(start, packed);
    let place = format!("member {name:?}");
    if body.size() < packed {
        let detail = format!("{place}: {} of {packed} bytes are there", body.size());
        sink.gap(Reason::Truncated, &detail);
    }
    if body.size() == 0 {
        return Ok(());
    }
    let child = Child::member(name);
    let promise = Promise { size: entry.size, check: Check::None };
    match entry.encoding.as_str() {
        "application/x-gzip" | "application/zlib" => {
            hand_over(sink, child, &place, &body, promise, |body, progress| {
                // Some writers mean what they say.
                match zlib(body, progress) {
                    Err(_) if body.window(0, 2)?.starts_with(b"\x1f\x8b") => stored(body, progress),
                    result => result,
                }
            })?;
        }
        "application/x-bzip2" => {
            hand_over(sink, child, &place, &body, promise, |body, progress| {
                decoder(12, body, StreamEnd::Marker, progress)
            })?;
        }
        // As it is: it is recognised by itself.
        "" | "application/octet-stream" | "application/x-xz" | "application/x-lzma" => {
            sink.range(child, body)?;
        }
        other => {
            sink.gap(
                Reason::Unsupported,
                &format!("{place}: {}", unsupported(&format!("encoding {other:?}"))),
            );
            sink.range(child, body)?;
        }
    }
    Ok(())
}
