//! CHM: help files of Windows, which hold pages, scripts and programs.
//!
//! Specification: <https://www.nongnu.org/chmspec/latest/> and <https://www.russotto.net/chm/chmformat.html>. A directory in
//! chunks gives every file a section, an offset and a length. Section 0 is stored, section 1 is one LZX stream, which is
//! gone through once in the order of its offsets.

mod packed;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink, Stop};

use self::packed::Section;
use crate::fields::{u32_le, u64_le};
use crate::unpack::Claimed;
use crate::{Format, Glimpse};

/// Largest chunk of the directory.
const CHUNK: u32 = 64 << 10;
/// Entries that are read.
const ENTRIES: usize = 1 << 20;
/// Longest name.
const NAME: u64 = 4096;

/// The CHM format.
pub(crate) struct Chm;

/// A file, as the directory tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    section: u64,
    offset: u64,
    size: u64,
}

impl Format for Chm {
    fn file_type(&self) -> FileType {
        FileType::new("chm")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"ITSF") && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 0x60)?;
        let field = |at: usize| u64_le(&head, at);
        let (Some(directory), Some(size)) = (field(0x48), field(0x50)) else {
            sink.gap(Reason::Truncated, "the header");
            return Ok(());
        };
        let behind = directory.saturating_add(size);
        let data = match u32_le(&head, 4) {
            Some(0..=2) => behind,
            _ => field(0x58).unwrap_or(behind),
        };
        let mut entries = read_directory(&content.range(directory, size), sink)?;
        let mut claimed = Claimed::default();
        claimed.add(0, head.len() as u64);
        claimed.add(directory, size);
        if let (Some(offset), Some(size)) = (field(0x38), field(0x40)) {
            claimed.add(offset, size);
        }
        let stored = content.from(data);
        for entry in entries.iter().filter(|entry| entry.section == 0 && entry.size > 0) {
            sink.pulse()?;
            claimed.add(data.saturating_add(entry.offset), entry.size);
            listed(entry, sink);
            let body = stored.range(entry.offset, entry.size);
            if body.size() < entry.size {
                let detail =
                    format!("member {:?}: {} of {} bytes are there", entry.name, body.size(), entry.size);
                sink.gap(Reason::Truncated, &detail);
            }
            // The compressed section comes out as its files.
            if body.size() > 0 && entry.name != packed::CONTENT {
                sink.range(Child::member(&entry.name), body)?;
            }
        }
        for entry in entries.iter().filter(|entry| entry.section > 1) {
            let detail = format!("member {:?}: section {} is unknown", entry.name, entry.section);
            sink.gap(Reason::Unsupported, &detail);
        }
        let find = |name: &str| {
            let entry = entries.iter().find(|entry| entry.section == 0 && entry.name == name);
            entry.map(|entry| stored.range(entry.offset, entry.size))
        };
        let section = Section::new(find)?;
        entries.retain(|entry| entry.section == 1 && entry.size > 0);
        // Folders and empty files are in section 0 or have no size.
        entries.sort_by_key(|entry| (entry.offset, entry.size));
        if !entries.is_empty() {
            match section {
                Ok(section) => section.hand_over(&entries, sink)?,
                Err(error) => {
                    sink.gap(Reason::Damaged, &format!("{} packed members: {error}", entries.len()))
                }
            }
        }
        claimed.hand_over_rest(content, 0, sink)
    }
}

fn listed(entry: &Entry, sink: &mut dyn Sink) {
    sink.listed(Listed {
        name: &entry.name,
        packed: entry.size,
        size: entry.size,
        encrypted: false,
        position: None,
    });
}

/// The entries of all chunks of listings, in whatever order the chunks stand.
fn read_directory(directory: &Content, sink: &mut dyn Sink) -> Result<Vec<Entry>, Stop> {
    let head = directory.window(0, 0x54)?;
    let header = u64::from(u32_le(&head, 8).unwrap_or(0x54));
    let size = u32_le(&head, 0x10).unwrap_or(0);
    let mut entries = Vec::new();
    if !head.starts_with(b"ITSP") || !(32..=CHUNK).contains(&size) {
        sink.gap(Reason::Damaged, "the directory");
        if directory.size() > 0 {
            sink.range(Child { name: "", relation: Relation::Overlay }, directory.clone())?;
        }
        return Ok(entries);
    }
    let mut offset = header;
    while offset < directory.size() {
        sink.pulse()?;
        let chunk = directory.window(offset, usize::try_from(size).unwrap_or(usize::MAX))?;
        if chunk.starts_with(b"PMGL") {
            let free = usize::try_from(u32_le(&chunk, 4).unwrap_or(0)).unwrap_or(usize::MAX);
            let end = chunk.len().saturating_sub(free);
            let mut rest = chunk.get(0x14..end).unwrap_or_default();
            while !rest.is_empty() {
                if entries.len() >= ENTRIES {
                    sink.gap(Reason::Unsupported, &format!("members after the first {ENTRIES}"));
                    return Ok(entries);
                }
                let Some(entry) = read_entry(&mut rest) else {
                    sink.gap(Reason::Damaged, &format!("directory chunk at offset {offset}: an entry"));
                    break;
                };
                entries.push(entry);
            }
        }
        if chunk.len() < size as usize {
            sink.gap(Reason::Truncated, "the directory");
        }
        offset = offset.saturating_add(u64::from(size));
    }
    Ok(entries)
}

fn read_entry(rest: &mut &[u8]) -> Option<Entry> {
    let length = number(rest).filter(|length| *length <= NAME)?;
    let (name, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    let name = String::from_utf8_lossy(name).into_owned();
    Some(Entry { name, section: number(rest)?, offset: number(rest)?, size: number(rest)? })
}

/// A number in groups of seven bits, the highest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for _ in 0..10 {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value = value.checked_mul(128)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_numbers_of_seven_bits() {
        let mut rest: &[u8] = b"\x02/a\x01\x81\x00\x05rest";
        let entry = read_entry(&mut rest).unwrap();
        assert_eq!(entry, Entry { name: "/a".to_owned(), section: 1, offset: 128, size: 5 });
        assert_eq!(rest, b"rest");
        assert_eq!(number(&mut &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..]), None);
    }
}
