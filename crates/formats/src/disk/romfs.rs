//! romfs: files as they are, behind headers in lists.
//!
//! Specification: <https://docs.kernel.org/filesystems/romfs.html>.

use std::collections::HashSet;

use candor_object::{Content, FileType, Flow, Reason, Sink};

use super::pieces::Pieces;
use super::walk::{Folder, Walk};
use crate::fields::{name, u32_be};
use crate::{Format, Glimpse};

/// Bytes of a header with the longest name that is read.
const HEADER: usize = 16 + 1024;

/// The romfs format.
pub(crate) struct Romfs;

impl Format for Romfs {
    fn file_type(&self) -> FileType {
        FileType::new("romfs")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"-rom1fs-") && u32_be(glimpse.head, 8).is_some_and(|size| size >= 32)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut walk = Walk::new(content, sink);
        let head = content.window(0, HEADER)?;
        let size = u64::from(u32_be(&head, 8).unwrap_or(0));
        if size > content.size() {
            let detail = format!("{} of {size} bytes are there", content.size());
            walk.gap(Reason::Truncated, &detail);
        }
        let first = end_of_name(&head);
        walk.cover(0, first);
        walk.visit(first);
        let mut lists = Lists { folders: vec![Folder::root(first)], ..Lists::default() };
        loop {
            while let Some(folder) = lists.folders.pop() {
                lists.read(&folder, &mut walk)?;
            }
            // What only a link leads to is listed with it.
            let Some(link) = lists.links.pop() else { break };
            if !lists.headers.contains(&link.place) {
                lists.folders.push(link);
            }
        }
        walk.uncovered(0, size.min(content.size()))?;
        walk.finish(size)
    }
}

/// Names are padded to 16 bytes, with a NUL at least.
fn end_of_name(header: &[u8]) -> u64 {
    let text = header.get(16..).unwrap_or_default();
    let end = memchr::memchr(0, text).unwrap_or(text.len()) as u64;
    end.saturating_add(17).next_multiple_of(16)
}

/// The lists of headers.
#[derive(Default)]
struct Lists {
    /// Where lists begin that are still to be read.
    folders: Vec<Folder<u64>>,
    /// The headers that links lead to.
    links: Vec<Folder<u64>>,
    /// The headers that were read.
    headers: HashSet<u64>,
}

impl Lists {
    /// Reads the headers of a folder.
    fn read(&mut self, folder: &Folder<u64>, walk: &mut Walk<'_>) -> Flow {
        let mut at = folder.place;
        while at != 0 {
            if !walk.admit()? {
                return Ok(());
            }
            if !self.headers.insert(at) {
                walk.sink
                    .anomaly("folder-again", &format!("the list of {:?} leads into another", folder.path));
                return Ok(());
            }
            let header = walk.content.window(at, HEADER)?;
            let (Some(next), Some(target), Some(size)) =
                (u32_be(&header, 0), u32_be(&header, 4), u32_be(&header, 8))
            else {
                walk.gap(
                    Reason::Damaged,
                    &format!("folder {:?} leads to offset {at}, behind the end", folder.path),
                );
                return Ok(());
            };
            let label = name(header.get(16..).unwrap_or_default());
            let length = end_of_name(&header);
            walk.cover(at, length);
            let target = u64::from(target & !15);
            match next & 7 {
                // Every folder holds itself and the one around it.
                1 if matches!(label.as_str(), "." | "..") && !walk.visit(target) => {}
                1 if matches!(label.as_str(), "." | "..") => {
                    let (path, depth) = (folder.name(&label), folder.depth);
                    self.folders.push(Folder { place: target, path, depth });
                }
                1 => self.folders.extend(walk.folder(folder, &label, target, target)),
                0 => {
                    let (path, depth) = (folder.path.clone(), folder.depth);
                    self.links.push(Folder { place: target, path, depth });
                }
                // Links are texts as they are.
                2 | 3 if size > 0 => {
                    walk.file(&folder.name(&label), Pieces::one(at.saturating_add(length), size.into()))?;
                }
                _ => {}
            }
            at = u64::from(next & !15);
        }
        Ok(())
    }
}
