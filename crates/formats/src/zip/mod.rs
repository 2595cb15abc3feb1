//! zip: every member that any reader could take out.
//!
//! Specification: APPNOTE.TXT 6.3.10 (PKWARE). A zip says everything twice, in local headers and in a central
//! directory, and readers believe one or the other; evasion lives in the difference. So the members are the
//! union of the central entries and of the local headers that a search finds where no member lies, in the order
//! of their offsets, and where two headers disagree about a member, both readings are handed over. Known
//! tricks: no or empty central directory, BadPack (methods and sizes of one header made up, 2024), the
//! encryption bit set on plain members (Android malware), stored members that are deflate streams, bytes before
//! the archive, and many entries for one piece of data (Fifield's bomb, 2019), which is taken out once.

mod decoders;
mod directory;
mod encryption;
mod entry;
mod header;
pub(crate) mod kinds;
pub(crate) mod methods;
mod old;
mod notes;
mod scan;
mod stream;
mod walk;
mod watch;

use candor_object::{Content, FileType, Flow, Sink};

use crate::fields::{u16_le, u32_le};
use crate::{Format, Glimpse};

/// Zips that begin like one.
pub(crate) struct Zip;

/// Zips with something else before them that no other format recognises: last in the list.
pub(crate) struct AppendedZip;

const NAME: &str = "zip";

impl Format for Zip {
    fn file_type(&self) -> FileType {
        FileType::new(NAME)
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, header::LOCAL)
            || glimpse.has(0, directory::END)
            || glimpse.has(0, b"PK\x07\x08PK")
            || glimpse.has(0, b"PK00PK\x03\x04")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        walk::open(content, sink)
    }
}

impl Format for AppendedZip {
    fn file_type(&self) -> FileType {
        FileType::new(NAME)
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        has_end(glimpse) || has_local(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        walk::open(content, sink)
    }
}

/// Whether the tail holds an end record whose comment fits and whose directory lies before it.
fn has_end(glimpse: &Glimpse<'_>) -> bool {
    let tail = glimpse.tail;
    let before = glimpse.size.saturating_sub(tail.len() as u64);
    memchr::memmem::rfind_iter(tail, directory::END).any(|place| {
        (|| {
            let record = tail.get(place..)?;
            let directory = u64::from(u32_le(record, 12)?);
            let comment = usize::from(u16_le(record, 20)?);
            let here = before.saturating_add(place as u64);
            Some(record.len() == comment.saturating_add(22) && directory > 0 && directory <= here)
        })() == Some(true)
    })
}

/// Whether the head holds a plausible local header: for archives that end too early or in a long comment.
fn has_local(head: &[u8]) -> bool {
    memchr::memmem::find_iter(head, header::LOCAL).any(|place| head.get(place..).is_some_and(begins))
}

/// Whether a plausible local header stands at the beginning.
pub(crate) fn begins(head: &[u8]) -> bool {
    let method = u16_le(head, 8).unwrap_or(u16::MAX);
    let version = u16_le(head, 4).unwrap_or(u16::MAX);
    let name = u16_le(head, 26).unwrap_or(0);
    head.starts_with(header::LOCAL)
        && methods::method_name(method).is_some()
        && version & 0xff <= 63
        && (1..1024).contains(&name)
}
