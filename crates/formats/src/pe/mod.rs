//! Portable executables: programs, libraries and drivers of Windows; and plain DOS programs.
//!
//! Specification: <https://learn.microsoft.com/windows/win32/debug/pe-format>; what the loader really accepts:
//! <https://github.com/corkami/docs/blob/master/PE/PE.md>. The PE header may lie anywhere, inside the DOS header
//! too ("tiny PE"), and sections may claim more bytes than the file has. Both are used against scanners that
//! expect what linkers write, so nothing here is refused for being unusual. Signatures that know a program by
//! its imports (imphash) rely on the names and their order.

use std::io;
use std::time::Instant;

use candor_object::{
    Child, Content, FileType, Flow, Icons, Layout, Reason, Relation, Section, Signed, Sink, Stop,
};

use crate::fields::u16_le;
use crate::{Format, Glimpse, embedded, packers};

mod authenticode;
mod header;
mod icon_statistics;
mod icons;
mod imports;
mod ordinals;
mod resources;
mod version_info;

pub(crate) use header::{Headers, Row};

/// Smaller resources are not handed over: they are settings, and are searched with the program.
const LEAST_RESOURCE: u32 = 64;

/// The portable executable format.
pub(crate) struct Pe;

/// Programs for DOS, and whatever else begins like one.
pub(crate) struct DosExe;

impl Format for Pe {
    fn file_type(&self) -> FileType {
        FileType::new("pe")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let Some(start) = new_header(glimpse) else {
            return false;
        };
        let seen =
            usize::try_from(start).ok().and_then(|start| glimpse.head.get(start..start.checked_add(4)?));
        match seen {
            Some(signature) => signature == b"PE\0\0",
            // The header may lie far beyond the head, and a program with a DOS stub of 5 KB still runs. Taking
            // a few old DOS programs for a PE costs nothing; the reverse would hide the entry point.
            None => u64::from(start).saturating_add(24) <= glimpse.size,
        }
    }

    fn layout(&self, content: &Content) -> io::Result<Option<Layout>> {
        let Some(headers) = header::read(content)? else {
            return Ok(None);
        };
        let end = headers.image_end(content.size());
        let sections = headers.sections.iter().map(|row| {
            let (offset, size) = headers.extent(row, content.size());
            Section { name: row.name.clone(), offset, size }
        });
        Ok(Some(Layout {
            entry_point: headers.entry_point(content.size()),
            sections: sections.collect(),
            overlay: (end < content.size()).then_some(end).filter(|_| headers.defect.is_none()),
            imports: imports::read(content, &headers)?.functions,
            version_info: version_info::pairs(content, &headers)?,
            complete: headers.defect.is_none(),
        }))
    }

    fn signed(&self, content: &Content) -> io::Result<Option<Signed>> {
        match header::read(content)? {
            Some(headers) => authenticode::signed(content, &headers),
            None => Ok(None),
        }
    }

    fn icons(&self, content: &Content, deadline: Instant) -> Icons {
        let mut statistics = Vec::new();
        let undecoded = icons::read(content, deadline, &mut statistics).err();
        Icons { statistics, undecoded }
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some(headers) = header::read(content)? else {
            return DosExe.open(content, sink);
        };
        let mut cut = headers.cut_sections(content.size());
        if let Some((index, row)) = cut.next() {
            // One gap for all of them, since a hostile header can claim hundreds.
            let (all, beyond) = (headers.sections.len(), cut.count().saturating_add(1));
            let detail = format!(
                "{beyond} of {all} sections reach beyond the end of the file, first section {index} {:?} at offset {}",
                row.name, row.file_offset
            );
            sink.gap(Reason::Truncated, &detail);
        }
        if let Some(detail) = imports::read(content, &headers)?.defect {
            sink.anomaly("import-table", &detail);
        }
        if let Some((reason, detail)) = &headers.defect {
            // Where the image ends is unknown, so nothing can be told apart as an overlay.
            sink.gap(*reason, detail);
            return Ok(());
        }
        let known = carried(content, &headers, sink)?;
        if !packers::open_pe(content, &headers, sink)? {
            packers::emulate(content, &headers, sink)?;
        }
        let end = headers.image_end(content.size());
        embedded::open(content, end, &known, sink)?;
        overlay(content, end, sink)
    }
}

impl Format for DosExe {
    fn file_type(&self) -> FileType {
        FileType::new("dos-exe")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // Two letters begin many a text; a program has a header of at least 28 bytes with some binary in it.
        is_dos(glimpse.head) && glimpse.size >= 28 && glimpse.head.iter().take(28).any(|byte| *byte < 9)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let window = content.window(0, 64)?;
        // In a program for OS/2 or 16-bit Windows (NE, LE, LX), this size is that of the DOS stub alone.
        if let Some(start) = header::new_header(&window) {
            let signature = content.window(u64::from(start), 2)?;
            if [b"NE", b"LE", b"LX"].iter().any(|known| signature.as_ref() == known.as_slice()) {
                return Ok(());
            }
        }
        // Self-extracting archives of the DOS age follow the image.
        match dos_image_end(&window) {
            Some(end) => overlay(content, end, sink),
            None => Ok(()),
        }
    }
}

/// Bytes of the program that the content begins with, without what follows its image.
pub(crate) fn image_end(content: &Content) -> io::Result<Option<u64>> {
    let headers = header::read(content)?.filter(|headers| headers.defect.is_none());
    Ok(headers.map(|headers| headers.image_end(content.size())))
}

/// Hands over resources that may be anything; their offsets and sizes.
fn carried(content: &Content, headers: &Headers, sink: &mut dyn Sink) -> Result<Vec<(u64, u64)>, Stop> {
    let (resources, more) = resources::carried(content, headers, LEAST_RESOURCE)?;
    let mut known = Vec::new();
    for (name, leaf) in resources {
        sink.range(Child::member(&name), content.range(leaf.offset, leaf.size.into()))?;
        known.push((leaf.offset, leaf.size.into()));
    }
    if more {
        sink.gap(Reason::Damaged, "there are more resources than are read");
    }
    Ok(known)
}

/// Hands over what follows the image, if there is anything.
fn overlay(content: &Content, end: u64, sink: &mut dyn Sink) -> Flow {
    if end >= content.size() {
        return Ok(());
    }
    sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end))
}

/// The loader of DOS takes both.
fn is_dos(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ") || bytes.starts_with(b"ZM")
}

fn new_header(glimpse: &Glimpse<'_>) -> Option<u32> {
    if glimpse.has(0, b"MZ") { header::new_header(glimpse.head) } else { None }
}

/// File offset of the end of the image, from the number of 512-byte blocks and the bytes in the last one.
fn dos_image_end(bytes: &[u8]) -> Option<u64> {
    let last = u64::from(u16_le(bytes, 2)?);
    let blocks = u64::from(u16_le(bytes, 4)?);
    let end = match last {
        0 => blocks.checked_mul(512)?,
        1..512 => blocks.checked_sub(1)?.checked_mul(512)?.checked_add(last)?,
        _ => return None,
    };
    // An image smaller than its own header is no image.
    (end >= 28).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_sizes_count_blocks() {
        let size = |last: u8, blocks: u8| dos_image_end(&[b'M', b'Z', last, 0, blocks, 0]);
        assert_eq!(size(0, 2), Some(1024));
        assert_eq!(size(1, 2), Some(513));
        assert_eq!(size(0, 0), None);
        assert_eq!(size(9, 0), None);
        assert_eq!(size(9, 1), None);
    }

    #[test]
    fn the_pe_header_may_lie_beyond_the_head() {
        let mut head = vec![0; crate::HEAD];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c..0x40].copy_from_slice(&8192_u32.to_le_bytes());
        let glimpse = |size| Glimpse { head: &head, deep: &head, tail: &[], size };
        assert!(Pe.recognises(&glimpse(9000)));
        assert!(!Pe.recognises(&glimpse(8192)));
        assert!(DosExe.recognises(&glimpse(8192)));
    }
}
