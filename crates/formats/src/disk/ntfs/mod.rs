//! NTFS: every record of the master file table, with alternate data streams, compressed and deleted files.
//!
//! Specification: <https://flatcap.github.io/linux-ntfs/ntfs/>, and MS-XCA section 2.5 for LZNT1,
//! <https://learn.microsoft.com/openspecs/windows_protocols/ms-xca>.
//!
//! The table is read from its first record to its last, and not the index of each folder: files that an index does not
//! show come out as well.

mod lznt1;

use std::collections::HashMap;
use std::io;

use candor_object::{Child, Content, FileType, Flow, Reason, Sink};

use super::pieces::Pieces;
use super::usize_of;
use super::walk::Walk;
use crate::fields::{u16_le, u32_le, u64_le};
use crate::unpack::Unpacked;
use crate::{Format, Glimpse};

const ATTRIBUTE_LIST: u32 = 0x20;
const FILE_NAME: u32 = 0x30;
const DATA: u32 = 0x80;
/// The file of the boot sectors, and its size.
const BOOT: u64 = 7;
const BOOT_SIZE: u64 = 8192;
/// The root folder.
const ROOT: u64 = 5;
/// Folders around a file whose names are put before its own.
const MOST_DEPTH: usize = 64;
/// Folders whose names are kept.
const MOST_FOLDERS: usize = 1 << 20;
/// Entries of a list of attributes that are followed.
const MOST_LISTED: usize = 4096;

/// The NTFS format.
pub(crate) struct Ntfs;

impl Format for Ntfs {
    fn file_type(&self) -> FileType {
        FileType::new("ntfs")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(3, b"NTFS    ")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 512)?;
        let mut walk = Walk::new(content, sink);
        let Some(volume) = Volume::parse(&head) else {
            walk.gap(Reason::Damaged, "the boot sector contradicts itself");
            return Ok(());
        };
        volume.walk(content, &mut walk)?;
        walk.finish(volume.end)
    }
}

struct Volume {
    cluster: u64,
    record: u64,
    table: u64,
    mirror: u64,
    end: u64,
}

/// An attribute of a record.
#[derive(Clone, Debug)]
struct Attribute {
    kind: u32,
    name: String,
    flags: u16,
    /// The first cluster of the file that it describes.
    first: u64,
    /// Clusters that are compressed together, as a power of two; 0 if they are not.
    unit: u16,
    size: u64,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Resident(Vec<u8>),
    /// Clusters of the disk or of a hole, and how many.
    Runs(Vec<(Option<u64>, u64)>),
}

struct Record {
    in_use: bool,
    is_folder: bool,
    base: u64,
    attributes: Vec<Attribute>,
}

impl Volume {
    fn parse(head: &[u8]) -> Option<Self> {
        let sector = u64::from(u16_le(head, 11)?);
        let per_cluster = match *head.get(13)? {
            count @ 1..=128 => u64::from(count),
            shift @ 244.. => 1 << u32::from(shift.wrapping_neg()),
            _ => return None,
        };
        if !matches!(sector, 256..=4096) || !sector.is_power_of_two() {
            return None;
        }
        let cluster = sector.checked_mul(per_cluster)?;
        let record = match *head.get(64)? {
            count @ 1..=127 => cluster.checked_mul(count.into())?,
            shift => 1_u64.checked_shl(shift.wrapping_neg().into())?,
        };
        if !matches!(record, 256..=65536) || !record.is_power_of_two() {
            return None;
        }
        Some(Self {
            cluster,
            record,
            table: u64_le(head, 48)?.saturating_mul(cluster),
            mirror: u64_le(head, 56)?.saturating_mul(cluster),
            end: u64_le(head, 40)?.saturating_add(1).saturating_mul(sector),
        })
    }

    /// The record at an offset of a content.
    fn read(&self, table: &Content, offset: u64) -> io::Result<Option<Record>> {
        let mut bytes = table.window(offset, usize_of(self.record))?.into_owned();
        Ok(if bytes.starts_with(b"FILE") { parse_record(&mut bytes) } else { None })
    }

    fn pieces(&self, attributes: &[&Attribute], size: u64) -> Pieces {
        let mut pieces = Pieces::default();
        for attribute in attributes {
            let Value::Runs(runs) = &attribute.value else { continue };
            let first = attribute.first.saturating_mul(self.cluster);
            pieces.push(None, first.saturating_sub(pieces.size()));
            for (cluster, count) in runs {
                let place = cluster.map(|cluster| cluster.saturating_mul(self.cluster));
                pieces.push(place, count.saturating_mul(self.cluster));
            }
        }
        pieces.resize(size);
        pieces
    }

    fn table(&self, content: &Content) -> io::Result<Option<Content>> {
        for place in [self.table, self.mirror] {
            let Some(record) = self.read(content, place)? else { continue };
            let data: Vec<_> = record.attributes.iter().filter(|one| one.kind == DATA).collect();
            let size = data.iter().map(|one| one.size).max().unwrap_or(0).min(content.size());
            if size > 0 {
                return Ok(Some(self.pieces(&data, size).content(content)));
            }
        }
        Ok(None)
    }

    fn walk(&self, content: &Content, walk: &mut Walk<'_>) -> Flow {
        let Some(table) = self.table(content)? else {
            walk.gap(Reason::Damaged, "the master file table cannot be found");
            return Ok(());
        };
        let count = table.size().checked_div(self.record).unwrap_or(0);
        let mut folders = HashMap::new();
        for number in 0..count {
            if number.is_multiple_of(64) {
                walk.sink.pulse()?;
            }
            let record = self.read(&table, number.saturating_mul(self.record))?;
            let Some(record) = record.filter(|record| record.is_folder) else { continue };
            if let Some(name) = best_name(&record.attributes).filter(|_| folders.len() < MOST_FOLDERS) {
                folders.insert(number, name);
            }
        }
        for number in 0..count {
            if !walk.admit()? {
                return Ok(());
            }
            let offset = number.saturating_mul(self.record);
            match self.read(&table, offset)? {
                Some(record) => self.hand_over(content, &table, (number, record), &folders, walk)?,
                None => {
                    let sign = table.window(offset, 4)?;
                    if sign.iter().any(|byte| *byte != 0) {
                        walk.gap(Reason::Damaged, &format!("record {number} of the master file table"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the attributes that did not fit into the record.
    fn extend(&self, content: &Content, table: &Content, number: u64, record: &mut Record) -> io::Result<()> {
        let Some(list) = record.attributes.iter().find(|one| one.kind == ATTRIBUTE_LIST) else {
            return Ok(());
        };
        let bytes = match &list.value {
            Value::Resident(bytes) => bytes.clone(),
            Value::Runs(_) => {
                let pieces = self.pieces(&[list], list.size.min(1 << 20));
                pieces.content(content).window(0, 1 << 20)?.into_owned()
            }
        };
        let mut rest: &[u8] = &bytes;
        let mut others = Vec::new();
        while let (Some(size), Some(place)) = (u16_le(rest, 4), u64_le(rest, 16)) {
            let place = place & 0xffff_ffff_ffff;
            if place != number && !others.contains(&place) && others.len() < MOST_LISTED {
                others.push(place);
            }
            match rest.get(usize::from(size)..) {
                Some(behind) if size >= 24 => rest = behind,
                _ => break,
            }
        }
        for place in others {
            let other = self.read(table, place.saturating_mul(self.record))?;
            if let Some(other) = other.filter(|other| other.base == number) {
                record.attributes.extend(other.attributes);
            }
        }
        record.attributes.sort_by_key(|one| one.first);
        Ok(())
    }

    fn hand_over(
        &self,
        content: &Content,
        table: &Content,
        (number, mut record): (u64, Record),
        folders: &HashMap<u64, (u64, String)>,
        walk: &mut Walk<'_>,
    ) -> Flow {
        // A part of another record, which its base record leads to; after deletion nothing does.
        if record.base != 0 && record.in_use {
            return Ok(());
        }
        self.extend(content, table, number, &mut record)?;
        let mut path = path(best_name(&record.attributes), number, folders);
        if !record.in_use {
            path.push_str(" (deleted)");
        }
        let mut names: Vec<_> =
            record.attributes.iter().filter(|one| one.kind == DATA).map(|one| &one.name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let parts: Vec<_> =
                record.attributes.iter().filter(|one| one.kind == DATA && one.name == *name).collect();
            let Some(first) = parts.first() else { continue };
            let path = if name.is_empty() { path.clone() } else { format!("{path}:{name}") };
            // The list of bad clusters is a hole as large as the disk.
            if number == 8 && name == "$Bad" {
                continue;
            }
            self.stream((content, number), &path, (first, &parts), walk)?;
        }
        Ok(())
    }

    fn stream(
        &self,
        (content, number): (&Content, u64),
        path: &str,
        (first, parts): (&Attribute, &[&Attribute]),
        walk: &mut Walk<'_>,
    ) -> Flow {
        if first.flags & 0x4000 != 0 {
            walk.gap(Reason::Encrypted, &format!("{path:?} is encrypted by the file system"));
        }
        if let Value::Resident(bytes) = &first.value {
            if !bytes.is_empty() {
                walk.sink.range(Child::member(path), Content::from_vec(bytes.clone()))?;
            }
            return Ok(());
        }
        if first.size == 0 {
            return Ok(());
        }
        if first.flags & 0xff != 0 && first.unit > 0 && first.unit <= 8 {
            let unit = self.cluster.saturating_mul(1 << first.unit).min(16 << 20);
            let size = first.size.next_multiple_of(unit);
            let pieces = self.pieces(parts, size);
            let units = lznt1::Units::new(content, &pieces, (unit, first.size));
            return walk
                .sink
                .child(Child::member(path), &mut Unpacked::new(units, Vec::new(), 0, first.size));
        }
        let pieces = self.pieces(parts, first.size);
        // The boot sectors are a file as well, which would be taken for a file system of its own.
        let first_place = pieces.places().next();
        let is_boot = number == BOOT && first_place == Some((0, first.size)) && first.size <= BOOT_SIZE;
        if !is_boot && first_place.is_some() && walk.visit(&pieces) {
            walk.file(path, pieces)?;
        }
        Ok(())
    }
}

fn parse_record(bytes: &mut [u8]) -> Option<Record> {
    // The last two bytes of each sector are kept elsewhere, to notice torn writes.
    let (at, count) = (usize::from(u16_le(bytes, 4)?), usize::from(u16_le(bytes, 6)?));
    for index in 1..count {
        let kept = at.checked_add(index.checked_mul(2)?)?;
        let kept = [*bytes.get(kept)?, *bytes.get(kept.checked_add(1)?)?];
        let end = index.checked_mul(512)?;
        let Some(place) = bytes.get_mut(end.checked_sub(2)?..end) else { break };
        place.copy_from_slice(&kept);
    }
    let flags = u16_le(bytes, 22)?;
    let mut attributes = Vec::new();
    let mut at = usize::from(u16_le(bytes, 20)?);
    while let Some(kind) = u32_le(bytes, at).filter(|kind| *kind != u32::MAX) {
        let size = usize_of(u32_le(bytes, at.checked_add(4)?)?);
        let Some(attribute) = bytes.get(at..at.checked_add(size)?) else { break };
        if size < 24 {
            break;
        }
        attributes.extend(parse_attribute(kind, attribute));
        at = at.checked_add(size)?;
    }
    Some(Record {
        in_use: flags & 1 != 0,
        is_folder: flags & 2 != 0,
        base: u64_le(bytes, 32)? & 0xffff_ffff_ffff,
        attributes,
    })
}

fn parse_attribute(kind: u32, bytes: &[u8]) -> Option<Attribute> {
    let name_size = usize::from(*bytes.get(9)?).checked_mul(2)?;
    let name_at = usize::from(u16_le(bytes, 10)?);
    let name = utf16(bytes.get(name_at..name_at.checked_add(name_size)?).unwrap_or_default());
    let flags = u16_le(bytes, 12)?;
    if *bytes.get(8)? == 0 {
        let (size, at) = (usize_of(u32_le(bytes, 16)?), usize::from(u16_le(bytes, 20)?));
        let value = bytes.get(at..at.checked_add(size)?.min(bytes.len()))?.to_vec();
        let (first, size) = (0, value.len() as u64);
        return Some(Attribute { kind, name, flags, first, unit: 0, size, value: Value::Resident(value) });
    }
    let runs = runs(bytes.get(usize::from(u16_le(bytes, 32)?)..)?);
    let (first, unit, size) = (u64_le(bytes, 16)?, u16_le(bytes, 34)?, u64_le(bytes, 48)?);
    Some(Attribute { kind, name, flags, first, unit, size, value: Value::Runs(runs) })
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|unit| u16_le(unit, 0));
    char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
}

/// The runs of clusters: each begins at a distance from the one before.
fn runs(mut bytes: &[u8]) -> Vec<(Option<u64>, u64)> {
    let mut runs = Vec::new();
    let mut place = 0_i64;
    while let Some((head, rest)) = bytes.split_first().filter(|(head, _)| **head != 0) {
        let (count_size, place_size) = (usize::from(head & 15), usize::from(head >> 4));
        let (Some(count), Some(behind)) = (rest.get(..count_size), rest.get(count_size..)) else { break };
        let (Some(delta), Some(behind)) = (behind.get(..place_size), behind.get(place_size..)) else { break };
        bytes = behind;
        let Some(count) = u64::try_from(number(count)).ok().filter(|_| count_size <= 8 && place_size <= 8)
        else {
            break;
        };
        if place_size == 0 {
            runs.push((None, count));
            continue;
        }
        place = place.saturating_add(number(delta));
        runs.push((Some(u64::try_from(place).unwrap_or(u64::MAX >> 24)), count));
    }
    runs
}

/// A signed little-endian number of any size.
fn number(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    i64::from_le_bytes(wide)
}

/// The folder and the name, preferring a long name.
fn best_name(attributes: &[Attribute]) -> Option<(u64, String)> {
    let names = attributes.iter().filter(|one| one.kind == FILE_NAME).filter_map(|one| {
        let Value::Resident(bytes) = &one.value else { return None };
        let size = usize::from(*bytes.get(64)?).checked_mul(2)?;
        let name = utf16(bytes.get(66..66_usize.checked_add(size)?.min(bytes.len()))?);
        Some((bytes.get(65)? == &2, u64_le(bytes, 0)? & 0xffff_ffff_ffff, name))
    });
    names.min_by_key(|(is_short, ..)| *is_short).map(|(_, folder, name)| (folder, name))
}

fn path(name: Option<(u64, String)>, number: u64, folders: &HashMap<u64, (u64, String)>) -> String {
    let Some((mut folder, name)) = name else { return format!("record {number}") };
    let mut parts = vec![name.as_str()];
    while let Some((around, name)) =
        folders.get(&folder).filter(|_| folder != ROOT && parts.len() < MOST_DEPTH)
    {
        parts.push(name);
        folder = *around;
    }
    parts.reverse();
    parts.join("/")
}
