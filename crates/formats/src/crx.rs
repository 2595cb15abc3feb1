//! crx: extensions of Chromium, a zip behind a header with keys and signatures.
//!
//! Specification: <https://chromium.googlesource.com/chromium/src/+/main/components/crx_file/crx3.proto>; version 2 has two
//! lengths and version 3 one.

use candor_object::{Child, Content, FileType, Flow, Reason, Sink};

use crate::fields::u32_le;
use crate::search::find;
use crate::{Format, Glimpse};

/// The crx format.
pub(crate) struct Crx;

impl Format for Crx {
    fn file_type(&self) -> FileType {
        FileType::new("crx")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"Cr24") && matches!(u32_le(glimpse.head, 4), Some(1..=16))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 16)?;
        let field = |at: usize| u64::from(u32_le(&head, at).unwrap_or(0));
        let version = field(4);
        let start = if version == 2 {
            field(8).saturating_add(field(12)).saturating_add(16)
        } else {
            field(8).saturating_add(12)
        };
        if version > 3 {
            sink.gap(Reason::Unsupported, &format!("version {version} of the header"));
        }
        let is_zip = |head: &[u8]| head.starts_with(b"PK\x03\x04");
        if is_zip(&content.window(start, 4)?) {
            sink.range(Child::part("header"), content.range(8, start.saturating_sub(8)))?;
            return sink.range(Child::stream(), content.from(start));
        }
        sink.gap(Reason::Damaged, &format!("no zip at offset {start}, where the header says that it is"));
        let found = find(content, 8, (1, 4), sink, is_zip)?;
        // A zip that is damaged at its start is found by its end.
        sink.range(Child::stream(), content.from(found.unwrap_or(8)))
    }
}
