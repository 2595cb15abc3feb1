//! Where each format keeps the parts of the guest's disk.
//!
//! Specifications: qcow2, <https://qemu-project.gitlab.io/qemu/interop/qcow2.html>; VMDK, VMware's Virtual Disk Format
//! 5.0; VHD, Microsoft's Virtual Hard Disk Image Format; VHDX, MS-VHDX; VDI has none but VirtualBox's own behaviour.

use std::borrow::Cow;
use std::io;

use candor_object::{Content, Reason};

use super::{Method, Place};
use crate::disk::usize_of;
use crate::fields::{u32_be, u32_le, u64_be, u64_le};

const SECTOR: u64 = 512;

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Qcow2,
    Vmdk,
    Vhdx,
    Vhd,
    Vdi,
}

/// How a guest's disk is found.
#[derive(Debug)]
pub(super) struct Map {
    /// Bytes of the guest's disk.
    pub(super) size: u64,
    /// Bytes that are found together.
    pub(super) unit: u64,
    table: Table,
}

#[derive(Debug)]
enum Table {
    Qcow2 { first: u64, count: u64, bits: u32, zstd: bool, entry: u64 },
    Vmdk { directory: u64, per_table: u64, packed: bool },
    Vhdx { table: u64, ratio: u64 },
    Fixed,
    Vhd { table: u64, count: u64, bitmap: u64 },
    Vdi { table: u64, count: u64, data: u64, step: u64 },
}

type Notes = Vec<(Reason, String)>;

impl Kind {
    /// The name of the type.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vhdx => "vhdx",
            Self::Vhd => "vhd",
            Self::Vdi => "vdi",
        }
    }

    /// Reads the headers; nothing if they are damaged.
    pub(super) fn read(self, content: &Content, notes: &mut Notes) -> io::Result<Option<Map>> {
        let head = content.window(0, 4096)?;
        let map = match self {
            Self::Qcow2 => qcow2(&head, notes),
            Self::Vmdk => vmdk(content, &head, notes)?,
            Self::Vhdx => vhdx(content, notes)?,
            Self::Vhd => vhd(content, notes)?,
            Self::Vdi => vdi(&head, notes),
        };
        Ok(map.filter(|map| map.unit > 0 && map.unit <= 512 << 20 && map.size < 1 << 60))
    }
}

fn parent(notes: &mut Notes) {
    let detail = "a part of the disk is in another file, on which this one is based";
    notes.push((Reason::Unsupported, detail.to_owned()));
}

fn qcow2(head: &[u8], notes: &mut Notes) -> Option<Map> {
    let bits = u32_be(head, 20).filter(|bits| (9..=21).contains(bits))?;
    let version = u32_be(head, 4)?;
    let features = if version >= 3 { u64_be(head, 72)? } else { 0 };
    if u64_be(head, 8)? != 0 {
        parent(notes);
    }
    if u32_be(head, 32)? != 0 {
        notes.push((Reason::Encrypted, "the disk is encrypted".to_owned()));
    }
    if features & 4 != 0 {
        notes.push((Reason::Unsupported, "the data of the disk is in another file".to_owned()));
    }
    match u32_be(head, 60)? {
        0 => {}
        count => notes.push((Reason::Unsupported, format!("{count} snapshots in the disk are not opened"))),
    }
    let zstd = features & 8 != 0 && head.get(104) == Some(&1);
    let entry = if features & 16 != 0 { 16 } else { 8 };
    let table = Table::Qcow2 { first: u64_be(head, 40)?, count: u32_be(head, 36)?.into(), bits, zstd, entry };
    Some(Map { size: u64_be(head, 24)?, unit: 1 << bits, table })
}

/// Disks of ESX, whose tables are all of the same size.
fn cowd(head: &[u8], notes: &mut Notes) -> Option<Map> {
    const ROOT: u32 = 1;
    if u32_le(head, 8)? & ROOT == 0 {
        parent(notes);
    }
    let unit = u64::from(u32_le(head, 16)?).checked_mul(SECTOR)?;
    let directory = u64::from(u32_le(head, 20)?).checked_mul(SECTOR)?;
    let table = Table::Vmdk { directory, per_table: 4096, packed: false };
    Some(Map { size: u64::from(u32_le(head, 12)?).checked_mul(SECTOR)?, unit, table })
}

fn vmdk(content: &Content, head: &[u8], notes: &mut Notes) -> io::Result<Option<Map>> {
    if head.starts_with(b"COWD") {
        return Ok(cowd(head, notes));
    }
    let mut head = head.to_vec();
    if u64_le(&head, 56) == Some(u64::MAX) {
        // The end of a stream has a copy of the header that knows where the directory is.
        head = content.window(content.size().saturating_sub(1024), 512)?.into_owned();
    }
    Ok((|| {
        let descriptor = content.window(u64_le(&head, 28)?.saturating_mul(SECTOR), 4096).ok()?;
        let text = String::from_utf8_lossy(&descriptor).to_ascii_lowercase();
        if text.contains("parentcid=") && !text.contains("parentcid=ffffffff") {
            parent(notes);
        }
        if text.matches("rw ").count() > 1 {
            notes.push((Reason::Unsupported, "other parts of the disk are in other files".to_owned()));
        }
        let unit = u64_le(&head, 20)?.checked_mul(SECTOR)?;
        let directory = u64_le(&head, 56)?.checked_mul(SECTOR)?;
        let packed = u32_le(&head, 8)? & 1 << 16 != 0;
        let per_table = u64::from(u32_le(&head, 44)?).max(1);
        let table = Table::Vmdk { directory, per_table, packed };
        Some(Map { size: u64_le(&head, 12)?.checked_mul(SECTOR)?, unit, table })
    })())
}

const REGION_TABLE: &[u8; 16] = b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
const REGION_METADATA: &[u8; 16] = b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";
const ITEM_PARAMETERS: &[u8; 16] = b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
const ITEM_SIZE: &[u8; 16] = b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
const ITEM_SECTOR: &[u8; 16] = b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f";

fn vhdx(content: &Content, notes: &mut Notes) -> io::Result<Option<Map>> {
    let mut newest = (0, false);
    for place in [64_u64 << 10, 128 << 10] {
        let header = content.window(place, 128)?;
        let log = header.get(48..64).is_some_and(|log| log.iter().any(|byte| *byte != 0));
        let sequence = u64_le(&header, 8).unwrap_or(0);
        if header.starts_with(b"head") && sequence >= newest.0 {
            newest = (sequence, log);
        }
    }
    if newest.1 {
        notes.push((Reason::Unsupported, "the log of the disk is not replayed".to_owned()));
    }
    let mut regions = content.window(192 << 10, 64 << 10)?;
    if !regions.starts_with(b"regi") {
        regions = content.window(256 << 10, 64 << 10)?;
    }
    let region = |wanted: &[u8; 16]| {
        let mut entries = regions.get(16..)?.chunks_exact(32);
        u64_le(entries.find(|entry| entry.starts_with(wanted))?, 16)
    };
    let (Some(table), Some(metadata)) = (region(REGION_TABLE), region(REGION_METADATA)) else {
        return Ok(None);
    };
    let items = content.window(metadata, 64 << 10)?;
    let item = |wanted: &[u8; 16]| -> Option<Vec<u8>> {
        let mut entries = items.get(32..)?.chunks_exact(32);
        let at = u32_le(entries.find(|entry| entry.starts_with(wanted))?, 16)?;
        Some(content.window(metadata.saturating_add(at.into()), 8).ok()?.into_owned())
    };
    Ok((|| {
        let parameters = item(ITEM_PARAMETERS)?;
        let unit = u64::from(u32_le(&parameters, 0)?);
        if u32_le(&parameters, 4)? & 2 != 0 {
            parent(notes);
        }
        let sector = u64::from(u32_le(&item(ITEM_SECTOR)?, 0)?);
        let ratio = sector.checked_mul(1 << 23)?.checked_div(unit)?.max(1);
        Some(Map { size: u64_le(&item(ITEM_SIZE)?, 0)?, unit, table: Table::Vhdx { table, ratio } })
    })())
}

fn vhd(content: &Content, notes: &mut Notes) -> io::Result<Option<Map>> {
    let mut footer = content.window(content.size().saturating_sub(SECTOR), 512)?;
    if !footer.starts_with(b"conectix") {
        footer = content.window(0, 512)?;
    }
    let (Some(kind), Some(size), Some(place)) =
        (u32_be(&footer, 60), u64_be(&footer, 48), u64_be(&footer, 16))
    else {
        return Ok(None);
    };
    if kind == 2 {
        // What is before the footer, whatever it says of its size.
        let size = content.size().saturating_sub(SECTOR);
        return Ok(Some(Map { size, unit: 1 << 20, table: Table::Fixed }));
    }
    if kind == 4 {
        parent(notes);
    }
    let header = content.window(place, 1024)?;
    Ok((|| {
        let unit = u64::from(u32_be(&header, 32)?);
        let bitmap = unit.div_ceil(SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        let (table, count) = (u64_be(&header, 16)?, u64::from(u32_be(&header, 28)?));
        Some(Map { size, unit, table: Table::Vhd { table, count, bitmap } })
    })())
}

fn vdi(head: &[u8], notes: &mut Notes) -> Option<Map> {
    if u32_le(head, 0x4c)? == 4 {
        parent(notes);
    }
    let unit = u64::from(u32_le(head, 0x178)?);
    let table = Table::Vdi {
        table: u32_le(head, 0x154)?.into(),
        data: u32_le(head, 0x158)?.into(),
        count: u32_le(head, 0x180)?.into(),
        step: unit.checked_add(u32_le(head, 0x17c)?.into())?,
    };
    Some(Map { size: u64_le(head, 0x170)?, unit, table })
}

/// Entries of a table that are looked at to see how long a hole is.
pub(super) const AHEAD: u64 = 512;
/// As many units as there are.
const REST: u64 = u64::MAX;

/// Entries of a table, from one on.
struct Entries<'a> {
    bytes: Cow<'a, [u8]>,
    size: usize,
}

impl Entries<'_> {
    /// The first one; nothing if it lies behind the end of the file.
    fn first(&self) -> Option<&[u8]> {
        self.bytes.get(..self.size)
    }

    /// How many entries there are in a row that tell of a hole, the first one being one. Where the file ends, nothing
    /// follows.
    fn holes(&self, is_hole: impl Fn(&[u8]) -> bool) -> u64 {
        let count = self.bytes.chunks_exact(self.size.max(1)).take_while(|entry| is_hole(entry)).count();
        if self.bytes.len() < self.size { REST } else { count.max(1) as u64 }
    }
}

impl Map {
    /// Where a unit is, and for how many units that holds, if nothing is there; of each table up to `ahead` entries are
    /// looked at.
    pub(super) fn place(&self, content: &Content, index: u64, ahead: u64) -> io::Result<(Place, u64)> {
        let (place, count) = self.find(content, index, ahead)?;
        let (Place::Raw(offset) | Place::Packed { offset, .. }) = place else { return Ok((place, count)) };
        let is_lost = offset >= content.size();
        let all = if matches!(self.table, Table::Fixed) { REST } else { 1 };
        Ok(if is_lost { (Place::Lost, all) } else { (place, count) })
    }

    fn find(&self, content: &Content, index: u64, ahead: u64) -> io::Result<(Place, u64)> {
        let entries = |table: u64, index: u64, size: u64, most: u64| {
            let offset = table.saturating_add(index.saturating_mul(size));
            let bytes = content.window(offset, usize_of(size.saturating_mul(most.min(ahead))))?;
            Ok::<_, io::Error>(Entries { bytes, size: usize_of(size) })
        };
        Ok(match self.table {
            Table::Fixed => (Place::Raw(index.saturating_mul(self.unit)), 1),
            Table::Qcow2 { first, count, bits, zstd, entry } => {
                let per_table = self.unit.checked_div(entry).unwrap_or(1).max(1);
                let (outer, inner) =
                    (index.checked_div(per_table).unwrap_or(0), index.checked_rem(per_table).unwrap_or(0));
                let left = per_table.saturating_sub(inner);
                let entries_of_first = entries(first, outer, 8, 1)?;
                let Some(found) = entries_of_first.first().filter(|_| outer < count) else {
                    return Ok((Place::Hole, REST));
                };
                let table = u64_be(found, 0).unwrap_or(0) & 0x00ff_ffff_ffff_fe00;
                if table == 0 {
                    return Ok((Place::Hole, left));
                }
                let entries = entries(table, inner, entry, left)?;
                let place = |entry: &[u8]| qcow2_place(u64_be(entry, 0).unwrap_or(0), bits, zstd);
                match entries.first().map_or(Place::Hole, place) {
                    Place::Hole => {
                        (Place::Hole, entries.holes(|entry| place(entry) == Place::Hole).min(left))
                    }
                    place => (place, 1),
                }
            }
            Table::Vmdk { directory, per_table, packed } => {
                let (outer, inner) =
                    (index.checked_div(per_table).unwrap_or(0), index.checked_rem(per_table).unwrap_or(0));
                let left = per_table.saturating_sub(inner);
                let tables = entries(directory, outer, 4, 1)?;
                let Some(found) = tables.first() else { return Ok((Place::Hole, REST)) };
                let table = u64::from(u32_le(found, 0).unwrap_or(0)).saturating_mul(SECTOR);
                if table == 0 {
                    return Ok((Place::Hole, left));
                }
                let entries = entries(table, inner, 4, left)?;
                let sector = |entry: &[u8]| u32_le(entry, 0).filter(|sector| *sector > 1);
                match entries.first().and_then(sector).map(|sector| u64::from(sector).saturating_mul(SECTOR))
                {
                    None => (Place::Hole, entries.holes(|entry| sector(entry).is_none()).min(left)),
                    Some(offset) if packed => {
                        let marker = content.window(offset, 12)?;
                        let size = u32_le(&marker, 8).unwrap_or(0).into();
                        (Place::Packed { offset: offset.saturating_add(12), size, method: Method::Zlib }, 1)
                    }
                    Some(offset) => (Place::Raw(offset), 1),
                }
            }
            Table::Vhdx { table, ratio } => {
                let before = index.checked_div(ratio).unwrap_or(0);
                let left = ratio.saturating_sub(index.checked_rem(ratio).unwrap_or(0)).max(1);
                let entries = entries(table, index.saturating_add(before), 8, left)?;
                let there = |entry: &[u8]| u64_le(entry, 0).filter(|entry| matches!(entry & 7, 6 | 7));
                match entries.first().and_then(there) {
                    Some(entry) => (Place::Raw(entry & !0xf_ffff), 1),
                    None => (Place::Hole, entries.holes(|entry| there(entry).is_none())),
                }
            }
            Table::Vhd { table, count, bitmap } => {
                let entries = entries(table, index, 4, count.saturating_sub(index))?;
                let there = |entry: &[u8]| u32_be(entry, 0).filter(|sector| *sector != u32::MAX);
                match entries.first().and_then(there) {
                    Some(sector) => {
                        let offset = u64::from(sector).saturating_mul(SECTOR);
                        (Place::Raw(offset.saturating_add(bitmap)), 1)
                    }
                    None => (Place::Hole, entries.holes(|entry| there(entry).is_none())),
                }
            }
            Table::Vdi { table, count, data, step } => {
                let entries = entries(table, index, 4, count.saturating_sub(index))?;
                let there = |entry: &[u8]| u32_le(entry, 0).filter(|block| *block < u32::MAX - 1);
                match entries.first().and_then(there) {
                    Some(block) => {
                        (Place::Raw(u64::from(block).saturating_mul(step).saturating_add(data)), 1)
                    }
                    None => (Place::Hole, entries.holes(|entry| there(entry).is_none())),
                }
            }
        })
    }
}

fn qcow2_place(entry: u64, bits: u32, zstd: bool) -> Place {
    let offset = entry & 0x00ff_ffff_ffff_fe00;
    if entry & 1 << 62 != 0 {
        let shift = 70_u32.saturating_sub(bits);
        let offset = entry & !(u64::MAX << shift);
        let sectors = (entry & !(3 << 62)) >> shift;
        let size = sectors.saturating_add(1).saturating_mul(SECTOR).saturating_sub(offset & 511);
        let method = if zstd { Method::Zstd } else { Method::Deflate };
        return Place::Packed { offset, size, method };
    }
    if entry & 1 != 0 || offset == 0 { Place::Hole } else { Place::Raw(offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_clusters_are_described_in_one_number() {
        let entry = 1 << 62 | 2 << 54 | 0x5_0123;
        let Place::Packed { offset, size, .. } = qcow2_place(entry, 16, false) else { panic!() };
        assert_eq!((offset, size), (0x5_0123, 3 * 512 - 0x123));
        assert_eq!(qcow2_place(1, 16, false), Place::Hole);
    }
}
