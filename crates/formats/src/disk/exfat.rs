//! exFAT.
//!
//! Specification: <https://learn.microsoft.com/windows/win32/fileio/exfat-specification>.
//!
//! Deleted files are handed over as far as they lie in a row.

use candor_object::{Content, FileType, Flow, Reason, Sink, Stop};

use super::pieces::Pieces;
use super::walk::{Folder, Walk};
use crate::fields::{u16_le, u32_le, u64_le};
use crate::{Format, Glimpse};

/// Largest folder that is read.
const LARGEST_FOLDER: u64 = 16 << 20;

/// The exFAT format.
pub(crate) struct ExFat;

impl Format for ExFat {
    fn file_type(&self) -> FileType {
        FileType::new("exfat")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(3, b"EXFAT   ")
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
    table: u64,
    data: u64,
    cluster: u64,
    clusters: u64,
    root: u64,
    end: u64,
}

/// Where a file begins, how long it is, and whether its clusters lie in a row.
#[derive(Clone, Copy, Debug)]
struct Place {
    first: u64,
    size: u64,
    row: bool,
}

impl Volume {
    fn parse(head: &[u8]) -> Option<Self> {
        let sector = u32::from(*head.get(108)?);
        let cluster = u32::from(*head.get(109)?).checked_add(sector)?;
        if !(9..=12).contains(&sector) || cluster > 25 {
            return None;
        }
        let bytes = |sectors: u32| u64::from(sectors).checked_mul(1 << sector);
        Some(Self {
            table: bytes(u32_le(head, 80)?)?,
            data: bytes(u32_le(head, 88)?)?,
            cluster: 1 << cluster,
            clusters: u64::from(u32_le(head, 92)?),
            root: u64::from(u32_le(head, 96)?),
            end: u64_le(head, 72)?.saturating_mul(1 << sector),
        })
    }

    fn offset(&self, cluster: u64) -> Option<u64> {
        let index = cluster.checked_sub(2).filter(|index| *index < self.clusters)?;
        index.checked_mul(self.cluster)?.checked_add(self.data)
    }

    fn pieces(&self, content: &Content, place: Place, sink: &mut dyn Sink) -> Result<Pieces, Stop> {
        let mut pieces = Pieces::default();
        if place.row {
            if let Some(offset) = self.offset(place.first) {
                pieces.push(Some(offset), place.size);
            }
            return Ok(pieces);
        }
        let (mut cluster, mut steps) = (place.first, 0_u64);
        while let Some(offset) = self.offset(cluster) {
            pieces.push(Some(offset), self.cluster);
            steps = steps.saturating_add(1);
            if steps.is_multiple_of(1024) {
                sink.pulse()?;
            }
            if pieces.size() >= place.size || steps > self.clusters {
                break;
            }
            let window = content.window(self.table.saturating_add(cluster.saturating_mul(4)), 4)?;
            cluster = u32_le(&window, 0).map_or(0, u64::from);
        }
        if pieces.size() > place.size {
            pieces.resize(place.size);
        }
        Ok(pieces)
    }

    fn walk(&self, content: &Content, walk: &mut Walk<'_>) -> Flow {
        let root = Place { first: self.root, size: LARGEST_FOLDER, row: false };
        let mut folders = vec![Folder::root(root)];
        walk.visit((self.root, LARGEST_FOLDER, false));
        while let Some(folder) = folders.pop() {
            let table = self.pieces(content, folder.place, walk.sink)?.content(content);
            let mut set = Set::default();
            for index in 0..table.size().min(LARGEST_FOLDER) >> 5 {
                let entry = table.window(index.saturating_mul(32), 32)?;
                if !walk.admit()? || entry.first() == Some(&0) {
                    break;
                }
                if let Some(found) = set.take(&entry) {
                    let inner = self.found(&folder, found, walk)?;
                    folders.extend(inner);
                }
            }
        }
        Ok(())
    }

    fn found(
        &self,
        folder: &Folder<Place>,
        set: Set,
        walk: &mut Walk<'_>,
    ) -> Result<Option<Folder<Place>>, Stop> {
        let units = set.name.iter().copied().take(usize::from(set.length));
        let name: String = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
        let Some(place) = set.place else { return Ok(None) };
        if set.is_folder {
            if set.deleted {
                return Ok(None);
            }
            return Ok(walk.folder(folder, &name, (place.first, place.size, place.row), place));
        }
        let mut path = folder.name(&name);
        if place.size == 0 {
            return Ok(None);
        }
        if set.deleted {
            path.push_str(" (deleted)");
            if !place.row {
                return Ok(None);
            }
        }
        let pieces = self.pieces(walk.content, place, walk.sink)?;
        if pieces.size() < place.size {
            let (there, size) = (pieces.size(), place.size);
            walk.gap(
                Reason::Damaged,
                &format!("{path:?}: the chain of its clusters ends after {there} of {size} bytes"),
            );
        }
        if walk.visit(&pieces) {
            walk.file(&path, pieces)?;
        }
        Ok(None)
    }
}

/// The entries that describe one file.
#[derive(Clone, Default)]
struct Set {
    deleted: bool,
    is_folder: bool,
    /// Entries that are still to come.
    left: u8,
    length: u8,
    place: Option<Place>,
    name: Vec<u16>,
}

impl Set {
    /// Takes an entry; gives the set when it is complete.
    fn take(&mut self, entry: &[u8]) -> Option<Self> {
        let kind = *entry.first()?;
        match kind | 0x80 {
            0x85 => {
                let attributes = u16_le(entry, 4)?;
                *self = Self {
                    deleted: kind & 0x80 == 0,
                    is_folder: attributes & 16 != 0,
                    left: *entry.get(1)?,
                    ..Self::default()
                };
                return None;
            }
            0xc0 if self.left > 0 => {
                self.length = *entry.get(3)?;
                let row = entry.get(1)? & 2 != 0;
                self.place = Some(Place { first: u32_le(entry, 20)?.into(), size: u64_le(entry, 24)?, row });
            }
            0xc1 if self.left > 0 => {
                self.name.extend(entry.get(2..32)?.chunks_exact(2).filter_map(|unit| u16_le(unit, 0)));
            }
            _ if self.left > 0 => {}
            _ => return None,
        }
        self.left = self.left.saturating_sub(1);
        (self.left == 0).then(|| std::mem::take(self))
    }
}
