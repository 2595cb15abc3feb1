//! What all file systems do while they are walked: name files, hand them over, note what is wrong, and show what no
//! file covers.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

use candor_object::{Child, Content, Flow, Listed, Reason, Relation, Sink};

use super::pieces::Pieces;
use crate::search::skip_zeros;

/// Gaps of one disk that are listed; more are counted.
const MOST_GAPS: u64 = 200;
/// Longest name that is made of the folders and the name of a file.
const LONGEST_NAME: usize = 4096;
/// Folders in folders.
const MOST_DEPTH: u32 = 256;
/// Files and folders of one disk.
const MOST_ENTRIES: u64 = 4 << 20;
/// Uncovered places that are handed over.
const MOST_PLACES: usize = 1000;

/// A walk over one file system.
pub(super) struct Walk<'a> {
    /// The disk.
    pub(super) content: &'a Content,
    /// What takes the files.
    pub(super) sink: &'a mut dyn Sink,
    gaps: u64,
    entries: u64,
    /// Digests, whose key nobody knows who makes disks.
    visited: HashSet<u64>,
    key: RandomState,
    is_full: bool,
    covered: Vec<(u64, u64)>,
}

/// A folder that is still to be read.
#[derive(Clone, Debug)]
pub(super) struct Folder<T> {
    /// Where it is.
    pub(super) place: T,
    /// Its name with those of the folders around it.
    pub(super) path: String,
    /// How many folders there are around it.
    pub(super) depth: u32,
}

impl<T> Folder<T> {
    /// The folder at the top.
    pub(super) fn root(place: T) -> Self {
        Self { place, path: String::new(), depth: 0 }
    }

    /// The name of something in the folder.
    pub(super) fn name(&self, name: &str) -> String {
        let mut path = if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) };
        if path.len() > LONGEST_NAME {
            let end = (0..=LONGEST_NAME).rev().find(|end| path.is_char_boundary(*end)).unwrap_or(0);
            path.truncate(end);
        }
        path
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(content: &'a Content, sink: &'a mut dyn Sink) -> Self {
        let (visited, key, covered) = (HashSet::new(), RandomState::new(), Vec::new());
        Self { content, sink, gaps: 0, entries: 0, visited, key, is_full: false, covered }
    }

    /// Notes a gap, if there were not too many.
    pub(super) fn gap(&mut self, reason: Reason, detail: &str) {
        self.gaps = self.gaps.saturating_add(1);
        if self.gaps <= MOST_GAPS {
            self.sink.gap(reason, detail);
        }
    }

    /// Whether something is met for the first time: a place with all that tells it from others at the same place. `false`
    /// also when there is too much, which is a gap.
    pub(super) fn visit(&mut self, place: impl Hash) -> bool {
        let digest = self.key.hash_one(place);
        if self.visited.len() as u64 >= MOST_ENTRIES {
            if !self.is_full && !self.visited.contains(&digest) {
                self.is_full = true;
                self.gap(Reason::Unsupported, "files and folders in more than 4 million places");
            }
            return false;
        }
        self.visited.insert(digest)
    }

    /// Whether one more entry may be looked at.
    pub(super) fn admit(&mut self) -> Result<bool, candor_object::Stop> {
        self.entries = self.entries.saturating_add(1);
        if self.entries.is_multiple_of(64) {
            self.sink.pulse()?;
        }
        if self.entries == MOST_ENTRIES {
            self.gap(Reason::Unsupported, "more than 4 million files and folders");
        }
        Ok(self.entries < MOST_ENTRIES)
    }

    /// A folder in a folder, if it was not seen before and not too deep.
    pub(super) fn folder<T>(
        &mut self,
        around: &Folder<T>,
        name: &str,
        id: impl Hash,
        place: T,
    ) -> Option<Folder<T>> {
        let path = around.name(name);
        if !self.visit(id) {
            self.sink.anomaly("folder-again", &format!("folder {path:?} was met before"));
            return None;
        }
        if around.depth >= MOST_DEPTH {
            self.gap(Reason::Unsupported, &format!("folder {path:?} is too deep"));
            return None;
        }
        Some(Folder { place, path, depth: around.depth.saturating_add(1) })
    }

    /// Remembers that a part of the disk was looked at.
    pub(super) fn cover(&mut self, offset: u64, size: u64) {
        if size > 0 && (self.covered.len() as u64) < MOST_ENTRIES {
            self.covered.push((offset, offset.saturating_add(size)));
        }
    }

    /// Hands a file over.
    pub(super) fn file(&mut self, name: &str, pieces: Pieces) -> Flow {
        let missing = pieces.missing(self.content.size());
        if missing > 0 {
            let detail = format!("{name:?}: {missing} of {} bytes lie behind the end", pieces.size());
            self.gap(Reason::Truncated, &detail);
        }
        if pieces.is_cut() {
            self.gap(Reason::Unsupported, &format!("{name:?} is in too many pieces"));
        }
        for (offset, size) in pieces.places() {
            self.cover(offset, size);
        }
        let size = pieces.size();
        self.sink.listed(Listed { name, packed: size, size, encrypted: false, position: None });
        pieces.hand_over(Child::member(name), self.content, self.sink)
    }

    /// Hands over what nothing covers between `from` and `to`, where it is not zeros.
    pub(super) fn uncovered(&mut self, from: u64, to: u64) -> Flow {
        let mut covered = std::mem::take(&mut self.covered);
        covered.sort_unstable();
        covered.push((to, to));
        let (mut offset, mut places, mut zeros) = (from, 0_usize, from);
        for (start, end) in covered {
            let start = start.min(to);
            if start > offset {
                if zeros <= offset {
                    zeros = skip_zeros(self.content, offset, self.sink)?;
                }
                let first = zeros;
                if first < start {
                    places = places.saturating_add(1);
                    if places > MOST_PLACES {
                        let detail = format!("what lies unused from offset {first} on, in too many places");
                        self.gap(Reason::Unsupported, &detail);
                        return Ok(());
                    }
                    let rest = self.content.range(first, start.saturating_sub(first));
                    self.sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
                }
            }
            offset = offset.max(end);
        }
        Ok(())
    }

    /// Hands over what lies behind the end of the file system, and ends the walk.
    pub(super) fn finish(&mut self, end: u64) -> Flow {
        if end < self.content.size() {
            let start = skip_zeros(self.content, end, self.sink)?;
            if start < self.content.size() {
                let rest = self.content.from(start);
                self.sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
            }
        }
        if self.gaps > MOST_GAPS {
            let more = self.gaps.saturating_sub(MOST_GAPS);
            self.sink.gap(Reason::Damaged, &format!("{more} more gaps of this disk are not listed"));
        }
        Ok(())
    }
}
