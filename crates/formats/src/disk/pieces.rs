//! A file that lies in several places of a disk, read without being put together in memory.

use std::io::{self, Read};
use std::sync::Arc;

use candor_object::{Child, Content, Flow, Sink, Source};

/// Pieces that one file may have; a file of 256 MiB in blocks of 1 KiB has fewer.
const MOST_PIECES: usize = 1 << 18;

/// The places of a file.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Pieces {
    /// Where each piece ends in the file, and where it begins on the disk; nothing for a hole.
    pieces: Vec<(u64, Option<u64>)>,
    /// Whether there were too many pieces.
    cut: bool,
}

impl Pieces {
    /// A file in one place.
    pub(super) fn one(offset: u64, size: u64) -> Self {
        let mut pieces = Self::default();
        pieces.push(Some(offset), size);
        pieces
    }

    /// Adds the next piece, at an offset of the disk or a hole.
    pub(super) fn push(&mut self, offset: Option<u64>, size: u64) {
        if size == 0 {
            return;
        }
        let start = self.size();
        let end = start.saturating_add(size);
        let before = self.pieces.len().checked_sub(2).and_then(|index| self.pieces.get(index));
        let begins = before.map_or(0, |(end, _)| *end);
        if let Some((last_end, place)) = self.pieces.last_mut() {
            let follows = match (*place, offset) {
                (None, None) => true,
                (Some(place), Some(offset)) => {
                    place.checked_add(last_end.saturating_sub(begins)) == Some(offset)
                }
                _ => false,
            };
            if follows {
                *last_end = end;
                return;
            }
        }
        if self.pieces.len() >= MOST_PIECES {
            self.cut = true;
            return;
        }
        self.pieces.push((end, offset));
    }

    /// Bytes of all pieces.
    pub(super) fn size(&self) -> u64 {
        self.pieces.last().map_or(0, |(end, _)| *end)
    }

    /// Whether nothing more is taken.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Makes the file as long as its header says: longer ones are cut, and shorter ones end in a hole.
    pub(super) fn resize(&mut self, size: u64) {
        while self.pieces.len() >= 2
            && self.pieces.get(self.pieces.len().saturating_sub(2)).is_some_and(|(end, _)| *end >= size)
        {
            self.pieces.pop();
        }
        if size == 0 {
            self.pieces.clear();
        }
        match self.pieces.last_mut() {
            Some((end, _)) if *end > size => *end = size,
            _ => self.push(None, size.saturating_sub(self.size())),
        }
    }

    /// Where each piece lies on the disk, with its size.
    pub(super) fn places(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut start = 0_u64;
        self.pieces.iter().filter_map(move |(end, place)| {
            let size = end.saturating_sub(start);
            start = *end;
            place.map(|place| (place, size))
        })
    }

    /// Where the holes begin and end in the file.
    pub(super) fn holes(&self) -> Vec<(u64, u64)> {
        let mut start = 0_u64;
        let mut holes = Vec::new();
        for (end, place) in &self.pieces {
            if place.is_none() {
                holes.push((start, *end));
            }
            start = *end;
        }
        holes
    }

    /// Bytes that lie behind the end of a disk of that size.
    pub(super) fn missing(&self, disk: u64) -> u64 {
        let missing = |(place, size): (u64, u64)| place.saturating_add(size).saturating_sub(disk).min(size);
        self.places().map(missing).fold(0, u64::saturating_add)
    }

    /// The file as content of its own. What lies behind the end of the disk is zeros.
    pub(super) fn content(self, disk: &Content) -> Content {
        match self.pieces.as_slice() {
            [] => disk.range(0, 0),
            [(end, Some(place))] => disk.range(*place, *end),
            _ => Content::from_source(Arc::new(Scattered { disk: disk.clone(), pieces: self.pieces })),
        }
    }

    /// Hands the file over: as a range of the disk, unless holes make it larger than the disk, which must be paid for.
    pub(super) fn hand_over(self, child: Child<'_>, disk: &Content, sink: &mut dyn Sink) -> Flow {
        let holes = self.pieces.iter().any(|(_, place)| place.is_none());
        let large = self.size() > disk.size() || (holes && self.size() > 64 << 10);
        let content = self.content(disk);
        if large {
            let mut reader: Box<dyn Read> = Box::new(content.reader());
            sink.child(child, &mut reader)
        } else {
            sink.range(child, content)
        }
    }
}

struct Scattered {
    disk: Content,
    pieces: Vec<(u64, Option<u64>)>,
}

impl Scattered {
    /// The piece at an offset: where it begins in the file, where it ends, and where it is.
    fn piece(&self, offset: u64) -> Option<(u64, u64, Option<u64>)> {
        let index = self.pieces.partition_point(|(end, _)| *end <= offset);
        let (end, place) = *self.pieces.get(index)?;
        let start = index.checked_sub(1).and_then(|index| self.pieces.get(index)).map_or(0, |(end, _)| *end);
        Some((start, end, place))
    }
}

impl Source for Scattered {
    fn size(&self) -> u64 {
        self.pieces.last().map_or(0, |(end, _)| *end)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((start, end, place)) = self.piece(offset) else { return Ok(0) };
        let size = super::usize_of(end.saturating_sub(offset)).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..size) else { return Ok(0) };
        let read = match place {
            Some(place) => self.disk.read_at(place.saturating_add(offset.saturating_sub(start)), buffer)?,
            None => 0,
        };
        if let Some(rest) = buffer.get_mut(read..) {
            rest.fill(0);
        }
        Ok(size)
    }

    fn hole(&self, offset: u64) -> u64 {
        match self.piece(offset) {
            Some((_, end, None)) => end.saturating_sub(offset),
            Some((start, end, Some(place))) => {
                let hole = self.disk.hole(place.saturating_add(offset.saturating_sub(start)));
                hole.min(end.saturating_sub(offset))
            }
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_and_are_read_in_order() {
        let disk = Content::from_vec((0..100).collect());
        let mut pieces = Pieces::default();
        pieces.push(Some(10), 5);
        pieces.push(Some(15), 5);
        pieces.push(None, 3);
        pieces.push(Some(98), 4);
        assert_eq!((pieces.size(), pieces.missing(100)), (17, 2));
        let content = pieces.clone().content(&disk);
        let bytes = content.window(0, 100).unwrap();
        assert_eq!(bytes.as_ref(), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 0, 0, 98, 99, 0, 0]);
        assert_eq!((content.hole(10), content.hole(9)), (3, 0));
        pieces.resize(12);
        assert_eq!(pieces.size(), 12);
        pieces.resize(9);
        assert_eq!(pieces.content(&disk).as_slice().map(<[u8]>::len), Some(9));
        assert_eq!(Pieces::one(98, 9).content(&disk).size(), 2);
    }
}
