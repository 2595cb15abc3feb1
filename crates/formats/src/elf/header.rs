//! The headers of an ELF file: the file header, the program headers and the section headers.

use std::io;

use candor_object::{Content, Reason};

use crate::fields::{name, u16_be, u16_le, u32_be, u32_le, u64_be, u64_le};

/// Program headers that are kept; the kernel takes no more than 64 KiB of them, which are 1170 of 64 bits.
const MAX_SEGMENTS: u64 = 1170;
/// Section headers that are kept. Stops a claim of four billion (the number has 32 bits in the extended form);
/// objects built with one section per function do reach thousands.
const MAX_SECTIONS: u64 = 16_384;
/// Bytes of a name that are kept. Stops tables whose names are all the same long string.
const MAX_NAME: usize = 256;

/// Segment types.
pub(super) const LOAD: u32 = 1;
pub(super) const DYNAMIC: u32 = 2;
/// Section types without bytes in the file. In the first section, which is unused, the size has other meanings.
const UNUSED: u32 = 0;
const NOBITS: u32 = 8;
/// A file type that the linker makes relocatable objects of; their entry point means nothing.
const RELOCATABLE: u16 = 1;

/// How numbers are written in this file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Encoding {
    /// Whether addresses and offsets have 64 bits.
    pub(super) wide: bool,
    pub(super) big_endian: bool,
}

impl Encoding {
    /// A 16-bit number at `offset`.
    pub(super) fn half(self, bytes: &[u8], offset: usize) -> Option<u16> {
        if self.big_endian { u16_be(bytes, offset) } else { u16_le(bytes, offset) }
    }

    /// A 32-bit number at `offset`.
    pub(super) fn word(self, bytes: &[u8], offset: usize) -> Option<u32> {
        if self.big_endian { u32_be(bytes, offset) } else { u32_le(bytes, offset) }
    }

    /// An address at `offset`: 32 or 64 bits.
    pub(super) fn address(self, bytes: &[u8], offset: usize) -> Option<u64> {
        match (self.wide, self.big_endian) {
            (true, true) => u64_be(bytes, offset),
            (true, false) => u64_le(bytes, offset),
            (false, _) => self.word(bytes, offset).map(u64::from),
        }
    }

    /// The one of two field places that holds for this file: that of 32 bits or that of 64.
    pub(super) fn place(self, narrow: usize, wide: usize) -> usize {
        if self.wide { wide } else { narrow }
    }
}

/// A segment or a section.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    /// Offset of its name in the name section; 0 for segments.
    pub(super) name: u32,
    pub(super) kind: u32,
    pub(super) address: u64,
    pub(super) offset: u64,
    /// Bytes in the file; 0 for sections that have none.
    pub(super) size: u64,
}

impl Row {
    /// File offset of its end.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// The headers of an ELF file, as far as they could be read.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) encoding: Encoding,
    pub(super) segments: Vec<Row>,
    pub(super) sections: Vec<Row>,
    /// The section that holds the names of sections, if there is one.
    pub(super) names: Option<Row>,
    /// What is wrong with the headers, if anything is.
    pub(super) defect: Option<(Reason, String)>,
    entry: u64,
    relocatable: bool,
    tables_end: u64,
}

/// A table of rows as the file header describes it.
struct Table {
    what: &'static str,
    offset: u64,
    row_size: u64,
    count: u64,
    limit: u64,
}

/// Reads the headers; what is wrong with them goes into [`Headers::defect`].
pub(super) fn read(content: &Content) -> io::Result<Headers> {
    let bytes = content.window(0, 64)?;
    let mut headers = Headers::default();
    if read_all(content, &bytes, &mut headers)?.is_none() {
        headers.defect = Some((Reason::Truncated, "the file header is cut".to_owned()));
    }
    Ok(headers)
}

/// Fills in the headers; nothing where the file header is cut.
fn read_all(content: &Content, bytes: &[u8], headers: &mut Headers) -> io::Result<Option<()>> {
    let (wide, big_endian) = match bytes.get(4..6) {
        Some([class @ 1..=2, order @ 1..=2]) => (*class == 2, *order == 2),
        Some(other) => {
            let detail = format!("class and byte order {other:?} are unknown");
            headers.defect = Some((Reason::Damaged, detail));
            return Ok(Some(()));
        }
        None => return Ok(None),
    };
    let encoding = Encoding { wide, big_endian };
    headers.encoding = encoding;
    let half = |narrow, wide| encoding.half(bytes, encoding.place(narrow, wide)).map(u64::from);
    let (Some(kind), Some(entry), Some(segments_at), Some(sections_at)) = (
        encoding.half(bytes, 16),
        encoding.address(bytes, 24),
        encoding.address(bytes, encoding.place(28, 32)),
        encoding.address(bytes, encoding.place(32, 40)),
    ) else {
        return Ok(None);
    };
    let (Some(segment_size), Some(segment_count), Some(section_size), Some(section_count), Some(names)) =
        (half(42, 54), half(44, 56), half(46, 58), half(48, 60), half(50, 62))
    else {
        return Ok(None);
    };
    headers.relocatable = kind == RELOCATABLE;
    headers.entry = entry;
    let section_rows = |count| Table {
        what: "section",
        offset: sections_at,
        row_size: section_size,
        count,
        limit: MAX_SECTIONS,
    };

    // Numbers that do not fit into 16 bits stand in the first section header.
    let (mut segment_count, mut section_count, mut names) = (segment_count, section_count, names);
    if sections_at != 0 && (section_count == 0 || names == 0xffff || segment_count == 0xffff) {
        let first = content.window(sections_at, 64)?;
        if section_count == 0 {
            section_count = encoding.address(&first, encoding.place(20, 32)).unwrap_or(0);
        }
        if names == 0xffff {
            names = encoding.word(&first, encoding.place(24, 40)).unwrap_or(0).into();
        }
        if segment_count == 0xffff {
            segment_count = encoding.word(&first, encoding.place(28, 44)).unwrap_or(0).into();
        }
    }
    let segment_rows = Table {
        what: "program",
        offset: segments_at,
        row_size: segment_size,
        count: if segments_at == 0 { 0 } else { segment_count },
        limit: MAX_SEGMENTS,
    };
    headers.segments = rows(content, headers, &segment_rows, encoding.place(32, 56), segment)?;
    let section_rows = section_rows(if sections_at == 0 { 0 } else { section_count });
    headers.sections = rows(content, headers, &section_rows, encoding.place(40, 64), section)?;
    headers.names = usize::try_from(names).ok().and_then(|index| headers.sections.get(index)).copied();
    headers.tables_end = headers.tables_end.max(encoding.place(52, 64) as u64);
    Ok(Some(()))
}

/// The rows of a table; what is wrong with it becomes the defect of the headers.
fn rows(
    content: &Content,
    headers: &mut Headers,
    table: &Table,
    smallest: usize,
    parse: fn(Encoding, &[u8]) -> Option<Row>,
) -> io::Result<Vec<Row>> {
    let Table { what, offset, row_size, count, limit } = *table;
    if count == 0 {
        return Ok(Vec::new());
    }
    let wrong = |headers: &mut Headers, reason, detail: String| {
        headers
            .defect
            .get_or_insert_with(|| (reason, format!("the {what} headers at offset {offset} {detail}")));
    };
    let Some(row_size) = usize::try_from(row_size).ok().filter(|size| *size >= smallest) else {
        wrong(headers, Reason::Damaged, format!("have only {row_size} bytes each"));
        return Ok(Vec::new());
    };
    let kept = usize::try_from(count.min(limit)).unwrap_or(0);
    let mut rows = Vec::new();
    for index in 0..kept {
        let place = index.saturating_mul(row_size) as u64;
        // One row at a time, since a row may claim 64 KiB; a window in memory costs nothing.
        let bytes = content.window(offset.saturating_add(place), smallest)?;
        let Some(row) = parse(headers.encoding, &bytes) else {
            wrong(headers, Reason::Truncated, format!("end after {index} of {count}"));
            break;
        };
        rows.push(row);
    }
    if count > limit && rows.len() == kept {
        wrong(headers, Reason::Damaged, format!("claim to be {count}, of which {limit} are read"));
    }
    let size = rows.len().saturating_mul(row_size) as u64;
    headers.tables_end = headers.tables_end.max(offset.saturating_add(size));
    Ok(rows)
}

fn segment(encoding: Encoding, bytes: &[u8]) -> Option<Row> {
    Some(Row {
        name: 0,
        kind: encoding.word(bytes, 0)?,
        offset: encoding.address(bytes, encoding.place(4, 8))?,
        address: encoding.address(bytes, encoding.place(8, 16))?,
        size: encoding.address(bytes, encoding.place(16, 32))?,
    })
}

fn section(encoding: Encoding, bytes: &[u8]) -> Option<Row> {
    let kind = encoding.word(bytes, 4)?;
    let size = encoding.address(bytes, encoding.place(20, 32))?;
    Some(Row {
        name: encoding.word(bytes, 0)?,
        kind,
        address: encoding.address(bytes, encoding.place(12, 16))?,
        offset: encoding.address(bytes, encoding.place(16, 24))?,
        size: if matches!(kind, UNUSED | NOBITS) { 0 } else { size },
    })
}

/// The string at `offset` in the string table `table`; empty where there is none.
pub(super) fn string(content: &Content, table: Option<Row>, offset: u32) -> io::Result<String> {
    let Some(table) = table else {
        return Ok(String::new());
    };
    let left = usize::try_from(table.size.saturating_sub(offset.into())).unwrap_or(usize::MAX);
    let window = content.window(table.offset.saturating_add(offset.into()), left.min(MAX_NAME))?;
    Ok(name(&window))
}

impl Headers {
    /// File offset of what is loaded at `address`.
    pub(super) fn file_offset(&self, address: u64) -> Option<u64> {
        self.segments.iter().filter(|row| row.kind == LOAD).find_map(|row| {
            let inside = address.checked_sub(row.address)?;
            if inside < row.size { row.offset.checked_add(inside) } else { None }
        })
    }

    /// File offset of the entry point, if there is one in the file.
    pub(super) fn entry_point(&self, file_size: u64) -> Option<u64> {
        if self.entry == 0 || self.relocatable {
            return None;
        }
        self.file_offset(self.entry).filter(|offset| *offset < file_size)
    }

    /// File offset of the overlay: of the first byte after headers, segments and sections, if there is one.
    ///
    /// What claims to reach beyond the end of the file does not count, and a broken section table does not
    /// matter: the kernel ignores it, so that nonsense in it would else hide an overlay.
    pub(super) fn overlay(&self, file_size: u64) -> Option<u64> {
        if self.defect.is_some() && self.segments.is_empty() {
            return None;
        }
        let rows = self.segments.iter().chain(&self.sections).filter(|row| row.size > 0);
        let ends = rows.map(Row::end).filter(|end| *end <= file_size);
        Some(ends.fold(self.tables_end, u64::max)).filter(|end| *end < file_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(address: u64, offset: u64, size: u64) -> Row {
        Row { kind: LOAD, address, offset, size, ..Row::default() }
    }

    #[test]
    fn addresses_map_by_the_loaded_segments() {
        let note = Row { kind: 4, ..load(0x1000, 0, 0x100) };
        let segments = vec![note, load(0x1000, 0x40, 0x10), load(u64::MAX - 1, u64::MAX, 2)];
        let elf = Headers { segments, entry: 0x100f, ..Headers::default() };
        assert_eq!(elf.file_offset(0xfff), None);
        assert_eq!(elf.file_offset(0x100f), Some(0x4f));
        assert_eq!(elf.file_offset(0x1010), None);
        assert_eq!(elf.file_offset(u64::MAX), None, "no wrapping");
        assert_eq!(elf.entry_point(0x50), Some(0x4f));
        assert_eq!(elf.entry_point(0x4f), None);
    }

    #[test]
    fn the_overlay_follows_what_lies_in_the_file() {
        let mut elf = Headers { tables_end: 0x40, ..Headers::default() };
        elf.segments = vec![load(0, 0, 0x100), load(0, 0x80, u64::MAX)];
        elf.sections = vec![Row { offset: 0x300, ..Row::default() }];
        assert_eq!(elf.overlay(0x100), None);
        assert_eq!(elf.overlay(0x200), Some(0x100));
        elf.defect = Some((Reason::Damaged, String::new()));
        assert_eq!(elf.overlay(0x200), Some(0x100), "the kernel runs it all the same");
        elf.segments.clear();
        assert_eq!(elf.overlay(0x200), None);
    }
}
