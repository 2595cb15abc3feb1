//! FAT12, FAT16 and FAT32.
//!
//! Specification: Microsoft FAT, version 1.03, <https://academy.cba.mit.edu/classes/networking_communications/SD/FAT.pdf>.
//!
//! Deleted files are handed over as if their clusters lay in a row. A chain that leads in a circle or ends early is
//! continued by nothing: the file ends there, with a gap.

use candor_object::{Content, FileType, Flow, Reason, Sink, Stop};

use super::pieces::Pieces;
use super::walk::{Folder, Walk};
use crate::fields::{u16_le, u32_le};
use crate::{Format, Glimpse};

/// Largest folder that is read.
const LARGEST_FOLDER: u64 = 16 << 20;

/// The FAT formats.
pub(crate) struct Fat;

impl Format for Fat {
    fn file_type(&self) -> FileType {
        FileType::new("fat")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        is_boot_sector(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 512)?;
        let mut walk = Walk::new(content, sink);
        let Some(volume) = Volume::parse(&head) else {
            walk.gap(Reason::Damaged, "the boot sector contradicts itself");
            return Ok(());
        };
        if crate::unopened::is_bitlocker_to_go(&head) {
            // The files of this volume only tell that, and bring the program that opens the others.
            let detail = "bitlocker volumes cannot be opened without their keys";
            walk.gap(Reason::Encrypted, detail);
        }
        volume.walk(content, &mut walk)?;
        walk.finish(volume.end)
    }
}

/// Whether this is the boot sector of such a file system.
pub(super) fn is_boot_sector(head: &[u8]) -> bool {
    let jump = matches!(head.get(..3), Some([0xeb, _, 0x90] | [0xe9, _, _]));
    jump && !matches!(head.get(3..11), Some(b"NTFS    " | b"EXFAT   " | b"-FVE-FS-"))
        && Volume::parse(head).is_some()
}

struct Volume {
    /// Bits of an entry of the table.
    width: u64,
    table: u64,
    /// The root, where it is not a chain.
    root: (u64, u64),
    root_cluster: u64,
    data: u64,
    cluster: u64,
    clusters: u64,
    end: u64,
}

impl Volume {
    fn parse(head: &[u8]) -> Option<Self> {
        let sector = u64::from(u16_le(head, 11)?);
        let per_cluster = u64::from(*head.get(13)?);
        let reserved = u64::from(u16_le(head, 14)?);
        let tables = u64::from(*head.get(16)?);
        let media = *head.get(21)?;
        if !matches!(sector, 512 | 1024 | 2048 | 4096) || !per_cluster.is_power_of_two() || reserved == 0 {
            return None;
        }
        if !(1..=4).contains(&tables) || !matches!(media, 0xf0 | 0xf8..) {
            return None;
        }
        let root_entries = u64::from(u16_le(head, 17)?);
        let total = match u16_le(head, 19)? {
            0 => u64::from(u32_le(head, 32)?),
            small => u64::from(small),
        };
        let (table_size, root_cluster) = match u16_le(head, 22)? {
            0 => (u64::from(u32_le(head, 36)?), u64::from(u32_le(head, 44)?)),
            small => (u64::from(small), 0),
        };
        let root_size = root_entries.checked_mul(32)?.div_ceil(sector);
        let root = reserved.checked_add(tables.checked_mul(table_size)?)?;
        let data = root.checked_add(root_size)?;
        let clusters = total.checked_sub(data)?.checked_div(per_cluster)?;
        if table_size == 0 || clusters == 0 {
            return None;
        }
        let width = match clusters {
            _ if root_cluster > 0 && root_entries == 0 => 32,
            0..4085 => 12,
            4085..65525 => 16,
            _ => 32,
        };
        Some(Self {
            width,
            table: reserved.checked_mul(sector)?,
            root: (root.checked_mul(sector)?, root_entries.checked_mul(32)?),
            root_cluster,
            data: data.checked_mul(sector)?,
            cluster: per_cluster.checked_mul(sector)?,
            clusters,
            end: total.checked_mul(sector)?,
        })
    }

    fn offset(&self, cluster: u64) -> Option<u64> {
        let index = cluster.checked_sub(2).filter(|index| *index < self.clusters)?;
        index.checked_mul(self.cluster)?.checked_add(self.data)
    }

    /// The cluster that follows; nothing at the end of a chain.
    fn next(&self, content: &Content, cluster: u64) -> std::io::Result<Option<u64>> {
        let bit = cluster.saturating_mul(self.width);
        let window = content.window(self.table.saturating_add(bit >> 3), 4)?;
        let value = match self.width {
            12 => u16_le(&window, 0)
                .map(|value| u64::from(if bit & 7 == 0 { value & 0xfff } else { value >> 4 })),
            16 => u16_le(&window, 0).map(u64::from),
            _ => u32_le(&window, 0).map(|value| u64::from(value & 0x0fff_ffff)),
        };
        Ok(value.filter(|next| self.offset(*next).is_some()))
    }

    /// The clusters of a chain up to a size, and whether it was as long.
    fn chain(&self, content: &Content, first: u64, size: u64, sink: &mut dyn Sink) -> Result<Pieces, Stop> {
        let mut pieces = Pieces::default();
        let mut cluster = Some(first);
        let mut steps = 0_u64;
        while let Some(offset) = cluster.and_then(|cluster| self.offset(cluster)) {
            pieces.push(Some(offset), self.cluster);
            steps = steps.saturating_add(1);
            if steps.is_multiple_of(1024) {
                sink.pulse()?;
            }
            if pieces.size() >= size || steps > self.clusters {
                break;
            }
            cluster = match cluster {
                Some(cluster) => self.next(content, cluster)?,
                None => None,
            };
        }
        if pieces.size() > size {
            pieces.resize(size);
        }
        Ok(pieces)
    }

    fn walk(&self, content: &Content, walk: &mut Walk<'_>) -> Flow {
        let mut folders = vec![Folder::root(self.root_cluster)];
        walk.visit(self.root_cluster | 1 << 62);
        while let Some(folder) = folders.pop() {
            let pieces = if folder.place == 0 {
                Pieces::one(self.root.0, self.root.1)
            } else {
                self.chain(content, folder.place, LARGEST_FOLDER, walk.sink)?
            };
            let table = pieces.content(content);
            let mut long = LongName::default();
            for index in 0..table.size() >> 5 {
                let entry = table.window(index.saturating_mul(32), 32)?;
                if !walk.admit()? || entry.first() == Some(&0) {
                    break;
                }
                let inner = self.entry(&entry, &folder, &mut long, walk)?;
                folders.extend(inner);
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        entry: &[u8],
        folder: &Folder<u64>,
        long: &mut LongName,
        walk: &mut Walk<'_>,
    ) -> Result<Option<Folder<u64>>, Stop> {
        let (Some(attributes), Some(low), Some(size)) = (entry.get(11), u16_le(entry, 26), u32_le(entry, 28))
        else {
            return Ok(None);
        };
        if attributes & 0x3f == 0x0f {
            long.take(entry);
            return Ok(None);
        }
        let deleted = entry.first() == Some(&0xe5);
        let short = short_name(entry);
        let name = long.finish().filter(|name| !name.is_empty()).unwrap_or(short);
        if attributes & 8 != 0 || matches!(entry.get(..2), Some(b". " | b"..")) {
            return Ok(None);
        }
        let high = if self.width == 32 { u16_le(entry, 20).unwrap_or(0) } else { 0 };
        let first = u64::from(high) << 16 | u64::from(low);
        let size = u64::from(size);
        if attributes & 16 != 0 {
            if deleted || self.offset(first).is_none() {
                return Ok(None);
            }
            return Ok(walk.folder(folder, &name, first | 1 << 62, first));
        }
        let path = folder.name(&name);
        if size == 0 {
            return Ok(None);
        }
        if deleted {
            let offset = self.offset(first).filter(|offset| offset.saturating_add(size) <= self.end);
            if let Some(offset) = offset {
                let pieces = Pieces::one(offset, size);
                if walk.visit(&pieces) {
                    walk.file(&format!("{path} (deleted)"), pieces)?;
                }
            }
            return Ok(None);
        }
        let pieces = self.chain(walk.content, first, size, walk.sink)?;
        if pieces.size() < size {
            let detail =
                format!("{path:?}: the chain of its clusters ends after {} of {size} bytes", pieces.size());
            walk.gap(Reason::Damaged, &detail);
        }
        if walk.visit(&pieces) {
            walk.file(&path, pieces)?;
        }
        Ok(None)
    }
}

/// The parts of a long name, which come before the entry, the last first.
#[derive(Default)]
struct LongName {
    parts: Vec<[u16; 13]>,
}

impl LongName {
    fn take(&mut self, entry: &[u8]) {
        if entry.first().is_some_and(|order| order & 0x40 != 0) {
            self.parts.clear();
        }
        let places = [1_usize, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
        if self.parts.len() < 20 {
            self.parts.push(places.map(|place| u16_le(entry, place).unwrap_or(0)));
        }
    }

    fn finish(&mut self) -> Option<String> {
        let parts = std::mem::take(&mut self.parts);
        let units = parts.iter().rev().flatten().copied().take_while(|unit| !matches!(unit, 0 | 0xffff));
        (!parts.is_empty())
            .then(|| char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect())
    }
}

fn short_name(entry: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
    let mut base = entry.get(..8).unwrap_or_default().to_vec();
    if let Some(first) = base.first_mut().filter(|first| **first == 0xe5) {
        *first = b'_';
    }
    let extension = text(entry.get(8..11).unwrap_or_default());
    if extension.is_empty() { text(&base) } else { format!("{}.{extension}", text(&base)) }
}
