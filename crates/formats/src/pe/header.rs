//! The headers of a portable executable: what the loader reads before it maps anything.

use std::io;

use candor_object::{Content, Reason};

use crate::fields::{name, u16_le, u32_le};

/// Sections that are kept. Stops headers that claim 65,535 of them to make every mapping of an address a walk
/// over 65,535 rows; the loader of Windows XP refused more than 96, newer ones take more.
const MAX_SECTIONS: u16 = 256;

/// From the PE signature to the end of the data directories that are read (the last is that of signatures, the fifth).
const WINDOW: usize = 24 + 152;
/// Bytes of a row in the section table.
const ROW: usize = 40;
/// The loader reads raw data in disk sectors, whatever the headers say.
const SECTOR: u32 = 0x200;
/// Below this section alignment the loader maps the file as it is, and addresses are file offsets.
const PAGE: u32 = 0x1000;
const DLL: u16 = 0x2000;

/// The headers of a portable executable, as far as they could be read.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    /// File offset of the `PE` signature.
    pub(crate) start: u64,
    /// Whether the optional header has 64-bit fields (PE32+).
    pub(crate) wide: bool,
    /// Address of the first instruction.
    pub(crate) entry: u32,
    /// Address of the import table, 0 if there is none.
    pub(crate) imports: u32,
    /// Address of the tree of resources, 0 if there is none.
    pub(crate) resources: u32,
    /// File offset of the checksum.
    pub(crate) checksum: u64,
    /// File offset of the directory entry that names the table of signatures, if the header has room for it.
    pub(crate) signatures_entry: Option<u64>,
    /// File offset and size of the table of signatures, 0 if there is none.
    pub(crate) signatures: (u32, u32),
    /// The rows of the section table.
    pub(crate) sections: Vec<Row>,
    /// What is wrong with the headers, if anything is.
    pub(crate) defect: Option<(Reason, String)>,
    /// File offset of the end of the section table.
    table_end: u64,
    pub(crate) header_size: u32,
    section_alignment: u32,
    file_alignment: u32,
    dll: bool,
}

/// A row of the section table, as it stands there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) memory_size: u32,
    pub(crate) address: u32,
    pub(crate) file_size: u32,
    pub(crate) file_offset: u32,
    pub(crate) flags: u32,
}

/// File offset of the header that the DOS header names (`e_lfanew`).
pub(crate) fn new_header(dos_header: &[u8]) -> Option<u32> {
    u32_le(dos_header, 0x3c)
}

/// Reads the headers, or nothing where no PE header is; what is wrong with them goes into [`Headers::defect`].
pub(crate) fn read(content: &Content) -> io::Result<Option<Headers>> {
    let Some(start) = new_header(&content.window(0, 64)?).map(u64::from) else {
        return Ok(None);
    };
    let window = content.window(start, WINDOW)?;
    if !window.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    let mut headers = Headers { start, ..Headers::default() };
    let (Some(count), Some(optional_size), Some(characteristics)) =
        (u16_le(&window, 6), u16_le(&window, 20), u16_le(&window, 22))
    else {
        headers.defect = Some((Reason::Truncated, format!("the file header at offset {start} is cut")));
        return Ok(Some(headers));
    };
    headers.dll = characteristics & DLL != 0;
    let optional_start = start.saturating_add(24);
    headers.defect = read_optional(&mut headers, window.get(24..).unwrap_or_default())
        .map(|(reason, detail)| (reason, format!("the optional header at offset {optional_start} {detail}")));

    headers.checksum = optional_start.saturating_add(64);
    headers.signatures_entry = headers.signatures_entry.map(|place| place.saturating_add(optional_start));

    let table = optional_start.saturating_add(u64::from(optional_size));
    let kept = count.min(MAX_SECTIONS);
    let rows = content.window(table, usize::from(kept).saturating_mul(ROW))?;
    headers.sections = rows.chunks_exact(ROW).filter_map(row).collect();
    let found = headers.sections.len();
    headers.table_end = table.saturating_add(ROW.saturating_mul(found) as u64);
    if found < usize::from(kept) {
        let detail = format!("the section table at offset {table} ends after {found} of {count} sections");
        headers.defect.get_or_insert((Reason::Truncated, detail));
    } else if kept < count {
        let detail = format!("{count} sections are claimed, of which {MAX_SECTIONS} are read");
        headers.defect.get_or_insert((Reason::Damaged, detail));
    }
    Ok(Some(headers))
}

/// Fills in the fields of the optional header; returns what is wrong with it.
///
/// The loader reads the fields whatever size the file header gives to the optional header, and so does this:
/// a small size that lets the section table overlap with it is legal.
fn read_optional(headers: &mut Headers, bytes: &[u8]) -> Option<(Reason, String)> {
    let cut = Some((Reason::Truncated, "is cut".to_owned()));
    let Some(magic) = u16_le(bytes, 0) else { return cut };
    headers.wide = match magic {
        0x10b => false,
        0x20b => true,
        _ => return Some((Reason::Damaged, format!("has the unknown magic {magic:#x}"))),
    };
    let directories = if headers.wide { 112_usize } else { 96 };
    let (Some(entry), Some(section_alignment), Some(file_alignment), Some(header_size), Some(count)) = (
        u32_le(bytes, 16),
        u32_le(bytes, 32),
        u32_le(bytes, 36),
        u32_le(bytes, 60),
        u32_le(bytes, directories.saturating_sub(4)),
    ) else {
        return cut;
    };
    if section_alignment == 0 {
        return Some((Reason::Damaged, "has no section alignment".to_owned()));
    }
    headers.entry = entry;
    headers.section_alignment = section_alignment;
    headers.file_alignment = file_alignment;
    headers.header_size = header_size;
    if count > 1 {
        let Some(imports) = u32_le(bytes, directories.saturating_add(8)) else {
            return cut;
        };
        headers.imports = imports;
    }
    if count > 2 {
        headers.resources = u32_le(bytes, directories.saturating_add(16)).unwrap_or(0);
    }
    let entry = directories.saturating_add(32);
    if count > 4
        && let (Some(offset), Some(size)) = (u32_le(bytes, entry), u32_le(bytes, entry.saturating_add(4)))
    {
        headers.signatures_entry = Some(entry as u64);
        headers.signatures = (offset, size);
    }
    None
}

fn row(bytes: &[u8]) -> Option<Row> {
    Some(Row {
        name: name(bytes.get(..8)?),
        memory_size: u32_le(bytes, 8)?,
        address: u32_le(bytes, 12)?,
        file_size: u32_le(bytes, 16)?,
        file_offset: u32_le(bytes, 20)?,
        flags: u32_le(bytes, 36)?,
    })
}

impl Headers {
    /// File offset of the entry point, if it lies in the file.
    pub(crate) fn entry_point(&self, file_size: u64) -> Option<u64> {
        // A library without code says 0; in a program, 0 starts execution at the `MZ`.
        let unread = self.section_alignment == 0;
        if unread || self.dll && self.entry == 0 {
            return None;
        }
        self.file_offset(self.entry).filter(|offset| *offset < file_size)
    }

    /// File offset of what the loader maps at `address`; may lie beyond the end of the file.
    pub(crate) fn file_offset(&self, address: u32) -> Option<u64> {
        if self.section_alignment < PAGE {
            return Some(u64::from(address));
        }
        // From the last section to the first, since a section that is larger in the file than in memory is
        // overlaid by the one after it.
        let section = self.sections.iter().rev().find_map(|row| {
            let inside = address.checked_sub(row.address)?;
            (inside < row.file_size).then(|| self.loaded_offset(row).saturating_add(u64::from(inside)))
        });
        section.or_else(|| (address < self.header_size.max(SECTOR)).then_some(u64::from(address)))
    }

    /// File offset that the loader reads a section from: it forgets the part below a sector, so that a raw
    /// offset of 0x3ff means 0x200 (an old trick to shift the entry point for scanners that do not).
    fn loaded_offset(&self, row: &Row) -> u64 {
        let aligned = self.file_alignment >= SECTOR;
        u64::from(if aligned { row.file_offset & !(SECTOR.wrapping_sub(1)) } else { row.file_offset })
    }

    /// File offset and size of a section's data as section hashes and offsets into sections count them: from
    /// where the loader reads, in whole units of the file alignment, as far as the file has them.
    ///
    /// This is not what the table says where it is not aligned, and ClamAV's signatures depend on it: the only
    /// section of its test program `clam.exe` has the raw offset 1 and is hashed from offset 0.
    pub(crate) fn extent(&self, row: &Row, file_size: u64) -> (u64, u64) {
        let offset = self.loaded_offset(row);
        let off_grid = |row: &Row| row.file_offset.checked_rem(self.file_alignment).unwrap_or(0) != 0;
        let unit = if self.sections.iter().any(|row| off_grid(row) && row.file_offset.is_multiple_of(SECTOR))
        {
            SECTOR
        } else {
            self.file_alignment.max(1)
        };
        let size = u64::from(row.file_size).div_ceil(unit.into()).saturating_mul(unit.into());
        (offset, size.min(file_size.saturating_sub(offset)))
    }

    /// File offset of the first byte after the headers and all sections, as far as it lies in the file.
    ///
    /// A section that claims to reach beyond the end of the file counts with its size in memory, which is all
    /// that the loader reads of it; with its size in the file it would hide the overlay.
    pub(crate) fn image_end(&self, file_size: u64) -> u64 {
        let ends = self.sections.iter().filter(|row| row.file_size > 0).map(|row| {
            let end = u64::from(row.file_offset).saturating_add(u64::from(row.file_size));
            if end <= file_size { end } else { loaded_end(row) }
        });
        ends.fold(self.table_end, u64::max).min(file_size)
    }

    /// The sections of which the file does not have all that the loader would read.
    pub(crate) fn cut_sections(&self, file_size: u64) -> impl Iterator<Item = (usize, &Row)> {
        self.sections
            .iter()
            .enumerate()
            .filter(move |(_, row)| row.file_size > 0 && loaded_end(row) > file_size)
    }
}

/// File offset of the end of what the loader reads of a section: no more than its size in memory.
fn loaded_end(row: &Row) -> u64 {
    let sector = u64::from(SECTOR);
    let memory_size = u64::from(row.memory_size).div_ceil(sector).saturating_mul(sector);
    let file_size = u64::from(row.file_size);
    let loaded = if row.memory_size == 0 { file_size } else { file_size.min(memory_size) };
    u64::from(row.file_offset).saturating_add(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(section_alignment: u32, file_alignment: u32, rows: &[(u32, u32, u32, u32)]) -> Headers {
        let sections = rows.iter().map(|&(address, memory_size, file_offset, file_size)| Row {
            name: String::new(),
            memory_size,
            address,
            file_size,
            file_offset,
            flags: 0,
        });
        Headers {
            sections: sections.collect(),
            section_alignment,
            file_alignment,
            header_size: 0x400,
            ..Headers::default()
        }
    }

    #[test]
    fn addresses_map_as_the_loader_does() {
        let pe = headers(0x1000, 0x200, &[(0x1000, 0x1000, 0x5ff, 0x2000), (0x2000, 0x1000, 0x2600, 0x200)]);
        assert_eq!(pe.file_offset(0x10), Some(0x10), "the headers lie at address 0");
        assert_eq!(pe.file_offset(0x800), None);
        assert_eq!(pe.file_offset(0x1001), Some(0x401), "raw offsets lose the part below a sector");
        assert_eq!(pe.file_offset(0x2000), Some(0x2600), "later sections overlay earlier ones");
        assert_eq!(pe.file_offset(0x2300), Some(0x400 + 0x1300));
        assert_eq!(pe.file_offset(u32::MAX), None);
        let driver = headers(0x20, 0x20, &[(0x1000, 0x1000, 0x220, 0x2000)]);
        assert_eq!(driver.file_offset(0x1234), Some(0x1234), "low alignment maps the file as it is");
    }

    #[test]
    fn sections_are_whole_units_of_the_file_alignment() {
        let extents = |alignment, offset, size| {
            let pe = headers(0x1000, alignment, &[(0x1000, 0x1000, offset, size)]);
            pe.extent(&pe.sections[0], 0x3000)
        };
        assert_eq!(extents(0x200, 1, 0x123), (0, 0x200));
        assert_eq!(extents(0x1000, 0x1000, 1), (0x1000, 0x1000));
        assert_eq!(extents(0x1000, 0x400, 1), (0x400, 0x200), "off the grid of the file alignment");
        assert_eq!(extents(0x20, 0x220, 0x21), (0x220, 0x40));
        assert_eq!(extents(0, 0x220, 0x21), (0x220, 0x21));
        assert_eq!(extents(0x200, 0x2e00, u32::MAX), (0x2e00, 0x200), "cut at the end of the file");
        assert_eq!(extents(0x200, u32::MAX, 1), (0xffff_fe00, 0));
    }

    #[test]
    fn the_entry_point_of_a_library_may_be_missing() {
        let mut pe = headers(0x1000, 0x200, &[]);
        assert_eq!(pe.entry_point(0x1000), Some(0));
        pe.dll = true;
        assert_eq!(pe.entry_point(0x1000), None);
        pe.entry = 0x3ff;
        assert_eq!(pe.entry_point(0x3ff), None, "beyond the end");
    }

    #[test]
    fn a_huge_raw_size_hides_no_overlay() {
        let pe = headers(0x1000, 0x200, &[(0x1000, 0x80, 0x400, u32::MAX), (0x2000, 0x80, 0x1400, 0)]);
        assert_eq!(pe.image_end(0x8000), 0x600);
        assert_eq!(pe.cut_sections(0x8000).count(), 0);
        assert_eq!(pe.cut_sections(0x500).count(), 1);
        assert_eq!(pe.image_end(0x500), 0x500);
    }
}
