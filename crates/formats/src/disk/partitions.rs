//! Disks with a table of partitions: MBR with extended partitions, GPT, and Apple's.
//!
//! Specification: <https://en.wikipedia.org/wiki/Master_boot_record> (no standard exists); UEFI 2.10, chapter 5,
//! <https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html>; Inside Macintosh: Devices, chapter 3, for
//! Apple's, <https://developer.apple.com/library/archive/documentation/mac/Devices/Devices-126.html>.
//!
//! Systems differ in which table they believe, so all tables of a disk are read. What no partition covers comes out as
//! an overlay: there are boot loaders, and rootkits (TDL4, Rovnix) keep their files there.

use candor_object::{Content, FileType, Flow, Reason, Sink};

use super::pieces::Pieces;
use super::usize_of;
use super::walk::Walk;
use crate::fields::{self, u16_le, u32_be, u32_le, u64_le};
use crate::{Format, Glimpse};

const SECTOR: u64 = 512;
/// Logical partitions that are followed, and entries of other tables.
const MOST_PARTITIONS: u32 = 1024;

/// Disks with a master boot record.
pub(crate) struct Mbr;

/// Disks with a GUID partition table.
pub(crate) struct Gpt;

/// Disks with an Apple partition map.
pub(crate) struct Apm;

impl Format for Mbr {
    fn file_type(&self) -> FileType {
        FileType::new("mbr")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // Boot sectors of file systems end like it.
        let is_volume = glimpse.has(3, b"NTFS    ")
            || glimpse.has(3, b"EXFAT   ")
            || glimpse.has(3, b"-FVE-FS-")
            || glimpse.has(3, b"ReFS\0\0\0\0")
            || super::fat::is_boot_sector(glimpse.head);
        let flags = (0..4_usize).all(|index| {
            glimpse
                .head
                .get(446_usize.saturating_add(index.saturating_mul(16)))
                .is_some_and(|flag| flag & 0x7f == 0)
        });
        let fits = |entry: &Entry| entry.start > 0 && entry.start.saturating_mul(SECTOR) < glimpse.size;
        !is_volume && flags && glimpse.has(510, &[0x55, 0xaa]) && {
            let entries = table(glimpse.head);
            entries.iter().any(fits)
        }
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        open(content, sink)
    }
}

impl Format for Gpt {
    fn file_type(&self) -> FileType {
        FileType::new("gpt")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(512, b"EFI PART")
            || glimpse.deep.get(4096..).is_some_and(|rest| rest.starts_with(b"EFI PART"))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        open(content, sink)
    }
}

impl Format for Apm {
    fn file_type(&self) -> FileType {
        FileType::new("apm")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"ER") && (glimpse.has(512, b"PM\0\0") || glimpse.has(2048, b"PM\0\0"))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        open(content, sink)
    }
}

fn open(content: &Content, sink: &mut dyn Sink) -> Flow {
    let mut walk = Walk::new(content, sink);
    open_tables(content, &mut walk)?;
    walk.uncovered(0, content.size())?;
    walk.finish(content.size())
}

/// Hands over the partitions of all tables of the disk.
pub(super) fn open_tables(content: &Content, walk: &mut Walk<'_>) -> Flow {
    let first = content.window(0, 4096)?;
    for sector in [512_u64, 4096] {
        open_gpt(content, sector, walk)?;
    }
    if first.starts_with(b"ER") {
        open_apm(content, &first, walk)?;
    }
    if first.get(510..512) == Some(&[0x55, 0xaa]) {
        open_mbr(content, &first, walk)?;
    }
    Ok(())
}

fn hand_over(name: &str, start: u64, size: u64, walk: &mut Walk<'_>) -> Flow {
    let there = size.min(walk.content.size().saturating_sub(start));
    // A partition that is the whole disk is the disk again.
    if size == 0 || start == 0 || !walk.visit((start, size)) {
        return Ok(());
    }
    if there < size {
        walk.gap(Reason::Truncated, &format!("{name}: {there} of {size} bytes are there"));
    }
    if there == 0 {
        return Ok(());
    }
    walk.file(name, Pieces::one(start, there))
}

struct Entry {
    kind: u8,
    start: u64,
    size: u64,
}

fn table(sector: &[u8]) -> Vec<Entry> {
    let entries = sector.get(446..510).unwrap_or_default().chunks_exact(16);
    entries
        .filter_map(|entry| {
            let (kind, start, size) = (*entry.get(4)?, u32_le(entry, 8)?, u32_le(entry, 12)?);
            (kind != 0 && size != 0).then_some(Entry { kind, start: start.into(), size: size.into() })
        })
        .collect()
}

fn is_extended(kind: u8) -> bool {
    matches!(kind, 5 | 0x0f | 0x85 | 0xc5)
}

fn open_mbr(content: &Content, first: &[u8], walk: &mut Walk<'_>) -> Flow {
    for (index, entry) in table(first).iter().enumerate() {
        let number = index.saturating_add(1);
        if is_extended(entry.kind) {
            open_extended(content, entry, walk)?;
        } else if entry.kind != 0xee {
            let name = format!("partition {number}");
            hand_over(&name, entry.start.saturating_mul(SECTOR), entry.size.saturating_mul(SECTOR), walk)?;
        }
    }
    Ok(())
}

/// A chain of tables: of each, one entry is the partition and the other leads to the next table.
fn open_extended(content: &Content, extended: &Entry, walk: &mut Walk<'_>) -> Flow {
    let mut next = Some(0);
    let mut number = 5_u32;
    while let Some(offset) = next.take() {
        walk.sink.pulse()?;
        let here = extended.start.saturating_add(offset);
        let place = here.saturating_mul(SECTOR);
        if !walk.visit(place | 1 << 63) || number > MOST_PARTITIONS {
            walk.gap(
                Reason::Damaged,
                &format!("the tables at offset {place} lead in a circle or are too many"),
            );
            return Ok(());
        }
        let sector = content.window(place, usize_of(SECTOR))?;
        if sector.get(510..512) != Some(&[0x55, 0xaa]) {
            walk.gap(Reason::Damaged, &format!("no table of logical partitions at offset {place}"));
            return Ok(());
        }
        for entry in table(&sector) {
            if is_extended(entry.kind) {
                next = Some(entry.start);
            } else {
                let start = here.saturating_add(entry.start).saturating_mul(SECTOR);
                hand_over(&format!("partition {number}"), start, entry.size.saturating_mul(SECTOR), walk)?;
                number = number.saturating_add(1);
            }
        }
    }
    Ok(())
}

fn open_gpt(content: &Content, sector: u64, walk: &mut Walk<'_>) -> Flow {
    let last = content.size().saturating_sub(sector);
    // The copy at the end is read as well: the two need not agree.
    for place in [sector, last] {
        let header = content.window(place, 512)?;
        if !header.starts_with(b"EFI PART") {
            continue;
        }
        walk.cover(place, sector);
        let (Some(table), Some(count), Some(size)) =
            (u64_le(&header, 72), u32_le(&header, 80), u32_le(&header, 84))
        else {
            continue;
        };
        if !(128..=4096).contains(&size) {
            walk.gap(
                Reason::Damaged,
                &format!("table of partitions at offset {place}: entries of {size} bytes"),
            );
            continue;
        }
        if count > MOST_PARTITIONS {
            walk.gap(
                Reason::Unsupported,
                &format!("only {MOST_PARTITIONS} of {count} partitions are looked at"),
            );
        }
        for index in 0..u64::from(count.min(MOST_PARTITIONS)) {
            let at = table.saturating_mul(sector).saturating_add(index.saturating_mul(size.into()));
            let entry = content.window(at, 128)?;
            walk.cover(at, size.into());
            let (Some(first), Some(last)) = (u64_le(&entry, 32), u64_le(&entry, 40)) else { break };
            if entry.get(..16).is_none_or(|kind| kind == [0; 16]) {
                continue;
            }
            let units =
                entry.get(56..128).unwrap_or_default().chunks_exact(2).filter_map(|unit| u16_le(unit, 0));
            let units = units.take_while(|unit| *unit != 0);
            let label: String = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
            let number = index.saturating_add(1);
            let name = if label.is_empty() {
                format!("partition {number}")
            } else {
                format!("partition {number} {label}")
            };
            let sectors = last.saturating_sub(first).saturating_add(1);
            hand_over(&name, first.saturating_mul(sector), sectors.saturating_mul(sector), walk)?;
        }
    }
    Ok(())
}

fn open_apm(content: &Content, first: &[u8], walk: &mut Walk<'_>) -> Flow {
    let block = match fields::u16_be(first, 2) {
        Some(size @ (1024 | 2048 | 4096)) => u64::from(size),
        _ => SECTOR,
    };
    // Disks made on several systems have maps for blocks of several sizes.
    for step in [block, SECTOR] {
        let mut count = 1;
        let mut index = 1_u64;
        while index <= count && index <= u64::from(MOST_PARTITIONS) {
            let at = index.saturating_mul(step);
            let entry = content.window(at, usize_of(SECTOR))?;
            if !entry.starts_with(b"PM") {
                break;
            }
            walk.cover(at, SECTOR);
            count = u64::from(u32_be(&entry, 4).unwrap_or(0));
            let start = u64::from(u32_be(&entry, 8).unwrap_or(0)).saturating_mul(step);
            let size = u64::from(u32_be(&entry, 12).unwrap_or(0)).saturating_mul(step);
            let kind = fields::name(entry.get(48..80).unwrap_or_default());
            if !matches!(kind.as_str(), "Apple_partition_map" | "Apple_Free") {
                let label = fields::name(entry.get(16..48).unwrap_or_default());
                hand_over(&format!("partition {index} {label}"), start, size, walk)?;
            }
            index = index.saturating_add(1);
        }
    }
    Ok(())
}
