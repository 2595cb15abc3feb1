//! The resources of a portable executable: a tree of three levels (type, name, language) with data at its leaves.
//!
//! Specification: Microsoft, PE Format, "The .rsrc Section".

use std::io;

use candor_object::Content;

use super::header::Headers;
use crate::fields::{u16_le, u32_le};

/// Bytes of the head of a directory, and of an entry.
const HEAD: usize = 16;
const ENTRY: usize = 8;
/// Entries of one directory that are read.
const MAX_ENTRIES: u16 = 1024;
/// Leaves that are returned. Stops trees whose directories are all the same.
const MAX_LEAVES: usize = 256;
/// The bit that says that an entry leads to a directory.
const DIRECTORY: u32 = 1 << 31;

/// A piece of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// File offset.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) size: u32,
}

/// The data of all resources of a type, as far as it lies in the file.
pub(super) fn of_type(content: &Content, headers: &Headers, wanted: u32) -> io::Result<Vec<Leaf>> {
    Ok(numbered(content, headers, wanted)?.into_iter().map(|(_, leaf)| leaf).collect())
}

/// The same with their numbers, by which other resources refer to them.
pub(super) fn numbered(content: &Content, headers: &Headers, wanted: u32) -> io::Result<Vec<(u32, Leaf)>> {
    let mut leaves = Vec::new();
    let Some(root) = start(content, headers) else { return Ok(leaves) };
    for (id, to) in entries(content, root, 0)? {
        if id != wanted || to & DIRECTORY == 0 {
            continue;
        }
        for (number, to) in entries(content, root, to & !DIRECTORY)? {
            // A name leads to its languages; some linkers leave that level out.
            let languages =
                if to & DIRECTORY == 0 { vec![(0, to)] } else { entries(content, root, to & !DIRECTORY)? };
            for (_, to) in languages {
                if leaves.len() >= MAX_LEAVES {
                    return Ok(leaves);
                }
                leaves.extend(leaf(content, headers, root, to)?.map(|leaf| (number, leaf)));
            }
        }
    }
    Ok(leaves)
}

/// Types that show something and carry nothing: cursors, pictures, icons, menus, dialogs, strings, fonts, keys, messages,
/// version, and the manifest.
const SHOWN: [u32; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 16, 17, 20, 21, 22, 24];
/// Resources that are handed over at most.
const MAX_CARRIED: usize = 1024;

/// The data of resources that may be anything, each place once: of the type for raw data, or of one that Windows does
/// not know. The second value is whether there were too many of them.
pub(super) fn carried(
    content: &Content,
    headers: &Headers,
    least: u32,
) -> io::Result<(Vec<(String, Leaf)>, bool)> {
    let mut all: Vec<(String, Leaf)> = Vec::new();
    let Some(root) = start(content, headers) else { return Ok((all, false)) };
    let mut seen = std::collections::BTreeSet::new();
    let mut visits = 4 * MAX_CARRIED;
    for (kind, to) in entries(content, root, 0)? {
        if SHOWN.contains(&kind) || to & DIRECTORY == 0 {
            continue;
        }
        for (number, to) in entries(content, root, to & !DIRECTORY)? {
            let languages =
                if to & DIRECTORY == 0 { vec![(0, to)] } else { entries(content, root, to & !DIRECTORY)? };
            for (_, to) in languages {
                visits = visits.saturating_sub(1);
                if all.len() >= MAX_CARRIED || visits == 0 {
                    return Ok((all, true));
                }
                let leaf = leaf(content, headers, root, to)?.filter(|leaf| leaf.size >= least);
                if let Some(leaf) = leaf.filter(|leaf| seen.insert((leaf.offset, leaf.size))) {
                    let name = format!("{}/{}", called(content, root, kind)?, called(content, root, number)?);
                    all.push((name, leaf));
                }
            }
        }
    }
    Ok((all, false))
}

/// What a type or a resource is called: a name that stands elsewhere in the tree, or a number.
fn called(content: &Content, root: u64, id: u32) -> io::Result<String> {
    if id & DIRECTORY == 0 {
        return Ok(id.to_string());
    }
    let at = root.saturating_add((id & !DIRECTORY).into());
    let size = u16_le(&content.window(at, 2)?, 0).unwrap_or(0).min(64);
    let text = content.window(at.saturating_add(2), usize::from(size).saturating_mul(2))?;
    let units: Vec<u16> = text.chunks_exact(2).filter_map(|unit| u16_le(unit, 0)).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// File offset of the root of the tree.
fn start(content: &Content, headers: &Headers) -> Option<u64> {
    if headers.resources == 0 {
        return None;
    }
    headers.file_offset(headers.resources).filter(|start| *start < content.size())
}

/// The entries of a directory: what they are called, and where they lead to.
fn entries(content: &Content, root: u64, directory: u32) -> io::Result<Vec<(u32, u32)>> {
    let start = root.saturating_add(directory.into());
    let head = content.window(start, HEAD)?;
    let (Some(named), Some(numbered)) = (u16_le(&head, 12), u16_le(&head, 14)) else {
        return Ok(Vec::new());
    };
    let count = usize::from(named.saturating_add(numbered).min(MAX_ENTRIES));
    let rows = content.window(start.saturating_add(HEAD as u64), count.saturating_mul(ENTRY))?;
    Ok(rows.chunks_exact(ENTRY).filter_map(|row| Some((u32_le(row, 0)?, u32_le(row, 4)?))).collect())
}

fn leaf(content: &Content, headers: &Headers, root: u64, entry: u32) -> io::Result<Option<Leaf>> {
    if entry & DIRECTORY != 0 {
        return Ok(None);
    }
    let record = content.window(root.saturating_add(entry.into()), 16)?;
    let (Some(address), Some(size)) = (u32_le(&record, 0), u32_le(&record, 4)) else {
        return Ok(None);
    };
    let offset = headers.file_offset(address).filter(|offset| *offset < content.size());
    Ok(offset.map(|offset| Leaf { offset, size }))
}
