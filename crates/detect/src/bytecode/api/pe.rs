//! Facts of PE files, read from the object's own header.
//!
//! Source: Microsoft's PE format specification, and ClamAV's published structures for programs.

use super::{Arguments, Context, FAILED, Failure};
use crate::bytecode::interpreter::Host;

/// Most sections that are read, as in ClamAV.
const MAX_SECTIONS: u16 = 96;
/// What stands for a virtual address that is nowhere in the file.
const NOWHERE: u64 = 0xffff_ffff;
/// Size of the structure of facts that programs see.
const FACTS: usize = 648;
const SECTION_HEADER: u64 = 40;
/// Where parts of that structure begin.
const FILE_HEADER_AT: usize = 12;
const OPTIONAL_32_AT: usize = 36;
const OPTIONAL_64_AT: usize = 264;
const DIRECTORIES_AT: usize = 504;
const OTHERS_AT: usize = 632;
const DIRECTORIES: usize = 128;

/// The header of a PE file.
struct Header {
    /// Offset of the new header.
    start: u32,
    /// Signature and file header, 24 bytes.
    file: Vec<u8>,
    /// The optional header, as much as the file header says and there is.
    optional: Vec<u8>,
    is_64: bool,
    /// Size of all headers, which lie in memory as in the file.
    headers: u32,
    sections: Vec<Section>,
}

/// A section of a PE file: aligned, then as its header says.
#[derive(Clone, Copy, Default)]
struct Section {
    address: u32,
    virtual_size: u32,
    offset: u32,
    size: u32,
    characteristics: u32,
    plain: [u32; 4],
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let found = at.checked_add(4).and_then(|end| bytes.get(at..end)).and_then(|bytes| bytes.first_chunk());
    found.copied().map_or(0, u32::from_le_bytes)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    let found = at.checked_add(2).and_then(|end| bytes.get(at..end)).and_then(|bytes| bytes.first_chunk());
    found.copied().map_or(0, u16::from_le_bytes)
}

fn down(value: u32, alignment: u32) -> u32 {
    value.checked_rem(alignment).map_or(value, |over| value.saturating_sub(over))
}

fn up(value: u32, alignment: u32) -> u32 {
    if alignment == 0 { value } else { value.checked_next_multiple_of(alignment).unwrap_or(value) }
}

impl Header {
    /// Reads the header of the object; none if it is no PE file.
    fn read(host: &dyn Host) -> Result<Option<Self>, Failure> {
        let content = host.content();
        let part = |offset: u64, size: usize| -> Result<Vec<u8>, Failure> {
            Ok(content.window(offset, size)?.into_owned())
        };
        let old = part(0, 64)?;
        if old.len() < 64 || !old.starts_with(b"MZ") {
            return Ok(None);
        }
        let start = word(&old, 60);
        let file = part(u64::from(start), 24)?;
        if file.len() < 24 || !file.starts_with(b"PE\0\0") {
            return Ok(None);
        }
        let optional_at = u64::from(start).saturating_add(24);
        let optional = part(optional_at, usize::from(half(&file, 20)))?;
        let is_64 = half(&optional, 0) == 0x20b;
        let file_alignment = word(&optional, 36);
        let section_alignment = word(&optional, 32);
        let table = optional_at.saturating_add(u64::from(half(&file, 20)));
        let mut sections = Vec::new();
        for number in 0..half(&file, 6).min(MAX_SECTIONS) {
            let at = table.saturating_add(u64::from(number).saturating_mul(SECTION_HEADER));
            let header = part(at, 40)?;
            if header.len() < 40 {
                break;
            }
            let plain = [word(&header, 12), word(&header, 8), word(&header, 20), word(&header, 16)];
            // Windows reads from the disk's sector in which the data begins.
            let offset = down(plain[2], file_alignment.min(512));
            let over = plain[2].saturating_sub(offset);
            sections.push(Section {
                address: down(plain[0], section_alignment),
                virtual_size: up(plain[1], section_alignment),
                offset,
                size: up(plain[3].saturating_add(over), file_alignment),
                characteristics: word(&header, 36),
                plain,
            });
        }
        let headers = word(&optional, 60);
        Ok(Some(Self { start, file, optional, is_64, headers, sections }))
    }

    /// The offset in the file of a virtual address.
    fn offset(&self, address: u32, file_size: u64) -> Option<u64> {
        if address < self.headers {
            return (u64::from(address) < file_size).then_some(u64::from(address));
        }
        self.sections.iter().rev().find_map(|section| {
            let within = address.checked_sub(section.address)?;
            let holds = section.size != 0 && within < section.size;
            holds.then(|| u64::from(section.offset).saturating_add(u64::from(within)))
        })
    }
}

/// The facts that programs see as one structure; zeros where the object is no PE file.
pub(super) fn facts(host: &dyn Host) -> Result<Vec<u8>, Failure> {
    let mut facts = vec![0; FACTS];
    let mut put = |at: usize, bytes: &[u8]| {
        let end = at.saturating_add(bytes.len());
        if let Some(place) = facts.get_mut(at..end) {
            place.copy_from_slice(bytes);
        }
    };
    let Some(header) = Header::read(host)? else {
        // Of other executables programs see the entry point and the number of sections.
        if let Some(layout) = host.layout() {
            let entry = layout.entry_point.and_then(|entry| u32::try_from(entry).ok()).unwrap_or(0);
            put(4, &entry.to_le_bytes());
            put(8, &u16::try_from(layout.sections.len()).unwrap_or(u16::MAX).to_le_bytes());
        }
        return Ok(facts);
    };
    let size = host.content().size();
    let entry = header.offset(word(&header.optional, 16), size).and_then(|entry| u32::try_from(entry).ok());
    put(4, &entry.unwrap_or(0).to_le_bytes());
    put(8, &u16::try_from(header.sections.len()).unwrap_or(u16::MAX).to_le_bytes());
    put(FILE_HEADER_AT, &header.file);
    let (at, fixed): (_, usize) = if header.is_64 { (OPTIONAL_64_AT, 112) } else { (OPTIONAL_32_AT, 96) };
    let cut = header.optional.len().min(fixed.saturating_add(DIRECTORIES));
    let optional = header.optional.get(..cut).unwrap_or_default();
    put(at, optional);
    put(DIRECTORIES_AT, optional.get(fixed..).unwrap_or_default());
    let end = header
        .sections
        .iter()
        .map(|section| u64::from(section.offset).saturating_add(section.size.into()))
        .max();
    let overlay = end.filter(|end| *end < size).unwrap_or(0);
    let overlay_size = if overlay == 0 { 0 } else { size.saturating_sub(overlay) };
    let others =
        [header.start, low(overlay), low(overlay_size), header.headers].map(u32::to_le_bytes).concat();
    put(OTHERS_AT, &others);
    Ok(facts)
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The offset in the file of a virtual address.
pub(super) fn raw_address(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.spend(256)?;
    let size = context.host.content().size();
    let header = Header::read(context.host)?;
    Ok(header.and_then(|header| header.offset(arguments.unsigned(0), size)).unwrap_or(NOWHERE))
}

/// Writes what is known of a section.
pub(super) fn section(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.spend(256)?;
    let header = Header::read(context.host)?;
    let number = usize::try_from(arguments.unsigned(1)).unwrap_or(usize::MAX);
    let Some(section) = header.and_then(|header| header.sections.get(number).copied()) else {
        return Ok(FAILED);
    };
    let Section { address, virtual_size, offset, size, characteristics, plain } = section;
    let words =
        [address, virtual_size, offset, size, characteristics, plain[0], plain[1], plain[2], plain[3]];
    let bytes = words.map(u32::to_le_bytes).concat();
    context.memory.bytes_mut(arguments.pointer(0), bytes.len())?.copy_from_slice(&bytes);
    Ok(0)
}

/// Whether the icon of the program is in a group of signatures. There are no such signatures here, so that none
/// is; what the program wanted was left out.
pub(super) fn match_icon(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    context.leave_out("a program compares icons");
    Ok(0)
}
