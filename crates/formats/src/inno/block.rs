//! The blocks behind the header: pieces of 4 KiB with a checksum each, which together are packed with LZMA or stored.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Content, Reason, Sink, Stop};
use lzma_rust2::LzmaReader;

use super::location::Version;
use crate::fields::{u32_le, u64_le};
use crate::unpack::crc32;
use crate::zip::methods::{Packed, Progress};

const PIECE: u64 = 4096;
/// Where a block may begin behind what it follows: there is a record on encryption in later versions.
const SEARCH: usize = 256;
/// Largest dictionary that is decoded with.
const DICTIONARY: u32 = 64 << 20;
/// Longest name.
const LONGEST: usize = 2048;

/// A block.
pub(super) struct Block {
    start: u64,
    /// Where it ends.
    pub(super) end: u64,
    is_packed: bool,
}

impl Block {
    /// The block that begins at `from` or soon behind it, known by the checksum of its head.
    pub(super) fn find(content: &Content, from: u64, version: Version) -> io::Result<Option<Self>> {
        let wide: usize = if version.is_at_least(6, 7, 0) { 9 } else { 5 };
        let window = content.window(from, SEARCH.saturating_add(16))?;
        for place in 0..SEARCH {
            let (Some(sum), Some(head)) = (
                u32_le(&window, place),
                window.get(place.saturating_add(4)..place.saturating_add(4).saturating_add(wide)),
            ) else {
                break;
            };
            if crc32(head) != sum || head.iter().all(|byte| *byte == 0) {
                continue;
            }
            let size = if wide == 9 { u64_le(head, 0) } else { u32_le(head, 0).map(u64::from) };
            let start = from.saturating_add(place as u64).saturating_add(4).saturating_add(wide as u64);
            let end = start.saturating_add(size.unwrap_or(0));
            return Ok(Some(Self { start, end, is_packed: head.last() != Some(&0) }));
        }
        Ok(None)
    }

    /// A decoder of the block.
    pub(super) fn open(&self, content: &Content, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
        let packed = content.range(self.start, self.end.saturating_sub(self.start));
        let mut pieces = Pieces { input: Packed::new(&packed, progress), left: 0 };
        if !self.is_packed {
            return Ok(Box::new(pieces));
        }
        let mut head = [0; 5];
        pieces.read_exact(&mut head)?;
        let dictionary = u32_le(&head, 1).unwrap_or(0).min(DICTIONARY);
        let mut reader = LzmaReader::new_with_props(pieces, u64::MAX, head[0], dictionary, None)?;
        reader.set_defer_errors(true);
        // The stream has no mark at its end.
        Ok(Box::new(Unmarked(reader, Rc::clone(progress))))
    }

    /// Tells of pieces whose checksum is wrong, and of an end that is missing.
    pub(super) fn check(&self, content: &Content, sink: &mut dyn Sink) -> Result<(), Stop> {
        if self.end > content.size() {
            let (start, size) = (self.start, self.end.saturating_sub(self.start));
            sink.gap(
                Reason::Truncated,
                &format!("block at offset {start}: not all of its {size} bytes are there"),
            );
        }
        let mut offset = self.start;
        let end = self.end.min(content.size());
        while offset.saturating_add(4) < end {
            sink.pulse()?;
            let size = end.saturating_sub(offset).saturating_sub(4).min(PIECE);
            let window = content.window(offset, usize::try_from(size.saturating_add(4)).unwrap_or(0))?;
            if u32_le(&window, 0) != window.get(4..).map(crc32) {
                sink.gap(
                    Reason::Damaged,
                    &format!("block at offset {}: wrong checksum at offset {offset}", self.start),
                );
                return Ok(());
            }
            offset = offset.saturating_add(4).saturating_add(size);
        }
        Ok(())
    }
}

/// The content of pieces.
struct Pieces {
    input: Packed,
    left: u64,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            let mut sum = Vec::new();
            (&mut self.input).take(4).read_to_end(&mut sum)?;
            if sum.len() < 4 {
                return Ok(0);
            }
            self.left = PIECE;
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(0));
        let count = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// LZMA without a mark or a size: the end of the input is its end.
struct Unmarked<R>(R, Rc<Progress>);

impl<R: Read> Read for Unmarked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if self.1.starved() && error.kind() != ErrorKind::Interrupted => Ok(0),
            other => other,
        }
    }
}

/// The names of files, by the place of their records: a path that begins with a constant in braces, behind which all that
/// a file has leads to a number that is the place of a record.
pub(super) fn names(
    script: &[u8],
    version: Version,
    files: usize,
    sink: &mut dyn Sink,
) -> Result<HashMap<usize, String>, Stop> {
    let mut names = HashMap::new();
    let mut at = 0_usize;
    let mut pulse_at = 0;
    while let Some(found) = memchr::memchr(b'{', script.get(at..).unwrap_or_default()) {
        let brace = at.saturating_add(found);
        at = brace.saturating_add(1);
        if at > pulse_at {
            sink.pulse()?;
            pulse_at = at.saturating_add(64 << 10);
        }
        let Some(start) = brace.checked_sub(4) else { continue };
        if let Some((name, place)) = file(script, start, version).filter(|(_, place)| *place < files) {
            names.entry(place).or_insert(name);
        }
    }
    Ok(names)
}

/// The name at `start`, and the place of the record of its file.
fn file(script: &[u8], start: usize, version: Version) -> Option<(String, usize)> {
    let (path, mut at) = text(script, start)?;
    let more = if version.is_at_least(5, 2, 5) { 8 } else { 7 };
    for _ in 0..more {
        at = text(script, at)?.1;
    }
    if version.is_at_least(6, 5, 0) {
        for _ in 0..6 {
            at = text(script, at)?.1;
        }
        at = at.checked_add(33)?;
    }
    let place = usize::try_from(u32_le(script, at.checked_add(20)?)?).ok()?;
    let name = if version.is_unicode {
        let units: Vec<u16> =
            path.chunks_exact(2).filter_map(|unit| crate::fields::u16_le(unit, 0)).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(path).into_owned()
    };
    Some((name, place))
}

/// The text at `at`, behind its length, and where it ends.
fn text(script: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let size = usize::try_from(u32_le(script, at)?).ok().filter(|size| *size <= LONGEST)?;
    let start = at.checked_add(4)?;
    let end = start.checked_add(size)?;
    Some((script.get(start..end)?, end))
}
