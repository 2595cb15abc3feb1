//! ISO 9660 with Joliet and Rock Ridge, and what El Torito starts from.
//!
//! Specification: ECMA-119, <https://ecma-international.org/publications-and-standards/standards/ecma-119/>; Joliet,
//! <https://pismotec.com/cfs/jolspec.html>; Rock Ridge (IEEE P1282) with SUSP (P1281); El Torito,
//! <https://pdos.csail.mit.edu/6.828/2018/readings/boot-cdrom.pdf>.
//!
//! The disk has a tree for each descriptor, and they need not show the same files: all are walked, and each place is
//! handed over once, under the longest name that there is. What no tree shows comes out as an overlay.

use candor_object::{Content, FileType, Flow, Reason, Sink};

use super::pieces::Pieces;
use super::walk::{Folder, Walk};
use crate::fields::{self, u16_be, u16_le, u32_be, u32_le};
use crate::{Format, Glimpse};

const SECTOR: u64 = 2048;
/// Where the descriptors begin.
const DESCRIPTORS: u64 = 16;
const MAGIC: &[u8] = b"CD001";
/// Descriptors that are read.
const MOST_DESCRIPTORS: u64 = 64;
/// Largest folder that is read.
const LARGEST_FOLDER: u64 = 64 << 20;
/// Continued areas of one record that are followed.
const MOST_CONTINUED: u32 = 8;

const DIRECTORY: u8 = 2;
const MULTI_EXTENT: u8 = 0x80;

/// The ISO 9660 format.
pub(crate) struct Iso9660;

impl Format for Iso9660 {
    fn file_type(&self) -> FileType {
        FileType::new("iso9660")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // The bridge of UDF is both, and UDF is what systems read; its format opens both.
        let magic = |sector: usize| {
            let start = sector.saturating_mul(2048).saturating_add(1);
            glimpse.deep.get(start..).is_some_and(|rest| rest.starts_with(MAGIC))
        };
        magic(16) || magic(17)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut walk = Walk::new(content, sink);
        let end = open_trees(content, &mut walk)?;
        if super::udf::is_there(content)? {
            super::udf::open_volume(content, &mut walk)?;
        }
        walk.uncovered(0, end.min(content.size()))?;
        walk.finish(end)
    }
}

/// Which names a tree has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Names {
    Plain,
    Joliet,
}

struct Tree {
    names: Names,
    block: u64,
    root: (u64, u64),
}

/// Walks all trees; gives where the volume ends.
pub(super) fn open_trees(content: &Content, walk: &mut Walk<'_>) -> Result<u64, candor_object::Stop> {
    let mut trees = Vec::new();
    let mut boot = Vec::new();
    let mut end = DESCRIPTORS.saturating_mul(SECTOR);
    for sector in DESCRIPTORS..DESCRIPTORS.saturating_add(MOST_DESCRIPTORS) {
        let offset = sector.saturating_mul(SECTOR);
        let window = content.window(offset, super::usize_of(SECTOR))?;
        if window.get(1..6) != Some(MAGIC) {
            break;
        }
        walk.cover(offset, SECTOR);
        end = end.max(offset.saturating_add(SECTOR));
        match window.first() {
            Some(0) if window.get(7..30) == Some(b"EL TORITO SPECIFICATION".as_slice()) => {
                boot.extend(u32_le(&window, 0x47));
            }
            Some(1 | 2) => {
                if let Some((tree, size)) = descriptor(&window) {
                    end = end.max(size);
                    let table = u64::from(u32_le(&window, 132).unwrap_or(0));
                    let places = [u32_le(&window, 140), u32_be(&window, 148)];
                    for place in places.into_iter().flatten().filter(|_| table < 1 << 20) {
                        walk.cover(u64::from(place).saturating_mul(tree.block), table);
                    }
                    trees.push(tree);
                } else {
                    walk.gap(Reason::Truncated, &format!("descriptor at offset {offset} is cut"));
                }
            }
            // The end of the descriptors is believed by most; those behind it are read as well.
            _ => {}
        }
    }
    let has_rock_ridge = match trees.first() {
        Some(tree) => rock_ridge(content, tree)?,
        None => false,
    };
    if !has_rock_ridge {
        trees.sort_by_key(|tree| tree.names == Names::Plain);
    }
    for tree in &trees {
        walk_tree(content, tree, walk)?;
    }
    for catalog in boot {
        open_boot(content, u64::from(catalog).saturating_mul(SECTOR), walk)?;
    }
    Ok(end)
}

fn descriptor(window: &[u8]) -> Option<(Tree, u64)> {
    let joliet = matches!(window.get(88..91)?, b"%/@" | b"%/C" | b"%/E");
    let block = match u16_le(window, 128)? {
        size @ (512 | 1024 | 4096) => u64::from(size),
        _ => SECTOR,
    };
    let root = (u64::from(u32_le(window, 158)?).saturating_mul(block), u64::from(u32_le(window, 166)?));
    let names = if joliet && window.first() == Some(&2) { Names::Joliet } else { Names::Plain };
    let size = u64::from(u32_le(window, 80)?).saturating_mul(block);
    Some((Tree { names, block, root }, size))
}

/// Whether the first record of the root says that the tree has longer names.
fn rock_ridge(content: &Content, tree: &Tree) -> std::io::Result<bool> {
    let window = content.window(tree.root.0, 256)?;
    let size = window.first().copied().map_or(0, usize::from);
    Ok(window.get(34..size).is_some_and(|area| area.starts_with(b"SP") || area.starts_with(b"RR")))
}

fn walk_tree(content: &Content, tree: &Tree, walk: &mut Walk<'_>) -> Flow {
    if !walk.visit((tree.root, tree.names)) {
        return Ok(());
    }
    let mut folders = vec![Folder::root(tree.root)];
    while let Some(folder) = folders.pop() {
        let (offset, size) = folder.place;
        let there = size.min(content.size().saturating_sub(offset)).min(LARGEST_FOLDER);
        if there < size {
            let detail = format!("folder {:?}: {there} of {size} bytes can be read", folder.path);
            walk.gap(Reason::Truncated, &detail);
        }
        walk.cover(offset, there);
        let mut open = Open::default();
        for sector in 0..there.div_ceil(SECTOR) {
            if sector.is_multiple_of(1024) {
                walk.sink.pulse()?;
            }
            let start = sector.saturating_mul(SECTOR);
            let most = SECTOR.min(there.saturating_sub(start));
            let window = content.window(offset.saturating_add(start), super::usize_of(most))?;
            let mut rest: &[u8] = &window;
            while let Some((record, behind)) = next_record(rest) {
                rest = behind;
                if !walk.admit()? {
                    return Ok(());
                }
                if let Some(inner) = read_record(record, tree, &folder, &mut open, walk)? {
                    folders.push(inner);
                }
            }
        }
        open.close(&folder, walk)?;
    }
    Ok(())
}

/// A file of which more parts are to come, by its name.
#[derive(Default)]
struct Open {
    name: String,
    pieces: Pieces,
}

impl Open {
    /// Hands over what there is of the file.
    fn close(&mut self, folder: &Folder<Place>, walk: &mut Walk<'_>) -> Flow {
        let Self { name, pieces } = std::mem::take(self);
        // Files of no size share a place that means nothing.
        if pieces.size() > 0 && walk.visit(&pieces) {
            walk.file(&folder.name(&name), pieces)?;
        }
        Ok(())
    }
}

fn next_record(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = usize::from(*rest.first()?);
    if size < 34 { None } else { rest.split_at_checked(size) }
}

type Place = (u64, u64);

fn read_record(
    record: &[u8],
    tree: &Tree,
    folder: &Folder<Place>,
    open: &mut Open,
    walk: &mut Walk<'_>,
) -> Result<Option<Folder<Place>>, candor_object::Stop> {
    let (Some(extent), Some(size), Some(flags)) = (u32_le(record, 2), u32_le(record, 10), record.get(25))
    else {
        return Ok(None);
    };
    let attributes = u64::from(record.get(1).copied().unwrap_or(0)).saturating_mul(tree.block);
    let offset = u64::from(extent).saturating_mul(tree.block).saturating_add(attributes);
    let size = u64::from(size);
    let length = record.get(32).copied().map_or(0, usize::from);
    let raw = record.get(33..33_usize.saturating_add(length)).unwrap_or_default();
    if matches!(raw, [0] | [1]) {
        return Ok(None);
    }
    let name = match name_of(record, raw, tree, walk)? {
        name if name.is_empty() => format!("at {offset}"),
        name => name,
    };
    if flags & DIRECTORY != 0 {
        return Ok(walk.folder(folder, &name, (offset, size, tree.names), (offset, size)));
    }
    if record.get(26).is_some_and(|unit| *unit != 0) {
        walk.gap(Reason::Unsupported, &format!("{:?} is interleaved", folder.name(&name)));
    }
    if open.name != name {
        open.close(folder, walk)?;
        open.name = name;
    }
    open.pieces.push(Some(offset), size);
    if flags & MULTI_EXTENT == 0 {
        open.close(folder, walk)?;
    }
    Ok(None)
}

fn name_of(record: &[u8], raw: &[u8], tree: &Tree, walk: &mut Walk<'_>) -> std::io::Result<String> {
    if tree.names == Names::Joliet {
        let units = raw.chunks_exact(2).filter_map(|pair| u16_be(pair, 0));
        let name: String = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
        return Ok(without_version(&name));
    }
    // The area for systems begins at an even place.
    let start = 33_usize.saturating_add(raw.len()).next_multiple_of(2);
    let area = record.get(start..).unwrap_or_default();
    let long = long_name(area, walk)?;
    if !long.is_empty() {
        return Ok(fields::name(&long));
    }
    Ok(without_version(&String::from_utf8_lossy(raw)))
}

fn without_version(name: &str) -> String {
    let name = name.strip_suffix(";1").unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).trim_end_matches('\0').to_owned()
}

/// The name in the `NM` entries of Rock Ridge.
fn long_name(area: &[u8], walk: &mut Walk<'_>) -> std::io::Result<Vec<u8>> {
    let mut name = Vec::new();
    let mut area = area.to_vec();
    for _ in 0..MOST_CONTINUED {
        let mut continued = None;
        let mut rest: &[u8] = &area;
        while let (Some(sign), Some(size)) = (rest.get(..2), rest.get(2)) {
            let Some((entry, behind)) = rest.split_at_checked(usize::from(*size)).filter(|_| *size >= 4)
            else {
                break;
            };
            rest = behind;
            match sign {
                // The flags say that the name is that of the folder itself or of the one around it.
                b"NM" if entry.get(4).is_some_and(|flags| flags & 6 == 0) => {
                    name.extend_from_slice(entry.get(5..).unwrap_or_default());
                }
                b"CE" => {
                    continued = (|| {
                        let block = u64::from(u32_le(entry, 4)?).saturating_mul(SECTOR);
                        Some((block.saturating_add(u64::from(u32_le(entry, 12)?)), u32_le(entry, 20)?))
                    })();
                }
                b"ST" => break,
                _ => {}
            }
        }
        let Some((offset, size)) = continued else { break };
        let size = size.min(4096);
        walk.cover(offset, u64::from(size));
        area = walk.content.window(offset, super::usize_of(u64::from(size)))?.into_owned();
    }
    Ok(name)
}

/// The images that machines start from, which need not be in a tree.
fn open_boot(content: &Content, offset: u64, walk: &mut Walk<'_>) -> Flow {
    let catalog = content.window(offset, super::usize_of(SECTOR))?;
    if catalog.first() != Some(&1) {
        walk.gap(Reason::Damaged, &format!("no catalog for starting at offset {offset}"));
        return Ok(());
    }
    walk.cover(offset, SECTOR);
    for (index, entry) in catalog.chunks_exact(32).enumerate().skip(1) {
        let (Some(kind), Some(medium)) = (entry.first(), entry.get(1)) else { break };
        if *kind != 0x88 && !(index == 1 && *kind == 0) {
            continue;
        }
        let (Some(count), Some(sector)) = (u16_le(entry, 6), u32_le(entry, 8)) else { break };
        let start = u64::from(sector).saturating_mul(SECTOR);
        let size = match medium & 15 {
            1 => 1_228_800,
            2 => 1_474_560,
            3 => 2_949_120,
            // A whole hard disk, or as many sectors as the machine is told to load; loaders read on from there.
            _ => u64::from(count).saturating_mul(512).max(SECTOR),
        };
        let size = size.min(content.size().saturating_sub(start));
        if sector != 0 && size > 0 && walk.visit(start | 1 << 62) {
            let name = format!("boot image {index}");
            walk.file(&name, Pieces::one(start, size))?;
        }
    }
    Ok(())
}
