//! Chunks, which hold files one behind the other, and the files in them.

use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::Content;
use lzma_rust2::{Lzma2Reader, LzmaReader};
use md5::Digest;

use super::location::{Hash, Location, Version};
use crate::fields::u32_le;
use crate::unpack::{stored, unsupported, zlib};
use crate::zip::methods::{Packed, Progress, StreamEnd};

/// How a chunk begins.
pub(super) const CHUNK: &[u8] = b"zlb\x1a";
/// Largest dictionary that is decoded with.
const DICTIONARY: u32 = 256 << 20;
/// LZMA does not multiply its input more than this.
const RATIO: u64 = 16 << 10;

/// How a chunk is packed: its first bytes tell it, which the header does in a place that changes with every version.
enum Method {
    Bzip2,
    Lzma { properties: u8, dictionary: u32 },
    Lzma2 { dictionary: u32 },
    Zlib,
}

fn method(packed: &Content) -> io::Result<Method> {
    let head = packed.window(0, 6)?;
    let bound =
        u32::try_from(packed.size().saturating_mul(RATIO)).unwrap_or(u32::MAX).clamp(4096, DICTIONARY);
    Ok(match *head.as_ref() {
        [b'B', b'Z', b'h', ..] => Method::Bzip2,
        [properties, _, _, _, _, 0]
            if (41..225).contains(&properties) && !(properties == 0x78 && is_zlib(&head)) =>
        {
            Method::Lzma { properties, dictionary: u32_le(&head, 1).unwrap_or(0).min(bound) }
        }
        [size @ 0..=40, control, ..] if control <= 2 || control >= 0xe0 => {
            let bits = u32::from(size / 2).saturating_add(11);
            let dictionary = u32::from(2 | size & 1).checked_shl(bits).unwrap_or(u32::MAX);
            let dictionary = if size > 38 { u32::MAX } else { dictionary };
            Method::Lzma2 { dictionary: dictionary.min(bound) }
        }
        _ if is_zlib(&head) => Method::Zlib,
        [] => return Err(ErrorKind::UnexpectedEof.into()),
        _ => return Err(unsupported("the method of packing is not known")),
    })
}

/// Bytes that the decoder of a packed chunk holds beside what it puts out.
pub(super) fn memory(packed: &Content) -> u64 {
    match method(packed) {
        Ok(Method::Lzma { dictionary, .. } | Method::Lzma2 { dictionary }) => dictionary.into(),
        _ => 0,
    }
}

/// A decoder of what stands in a packed chunk.
pub(super) fn decoder(packed: &Content, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
    Ok(match method(packed)? {
        Method::Bzip2 => crate::zip::methods::decoder(12, packed, StreamEnd::Marker, progress)?,
        Method::Lzma { properties, dictionary } => {
            let input = Packed::new(&packed.from(5), progress);
            let mut reader = LzmaReader::new_with_props(input, u64::MAX, properties, dictionary, None)?;
            reader.set_defer_errors(true);
            Box::new(reader)
        }
        Method::Lzma2 { dictionary } => {
            let input = Packed::new(&packed.from(1), progress);
            Box::new(Lzma2Reader::new(input, dictionary, None))
        }
        Method::Zlib => zlib(packed, progress)?,
    })
}

fn is_zlib(head: &[u8]) -> bool {
    matches!(head, [first, second, ..] if first & 15 == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

/// What a chunk gives, as far as it was read; never read after an error.
pub(super) struct Chunk {
    decoder: Option<Box<dyn Read>>,
    progress: Rc<Progress>,
    pub(super) position: u64,
    pub(super) error: Option<io::Error>,
}

impl Chunk {
    pub(super) fn open(packed: &Content, is_packed: bool) -> io::Result<Self> {
        let progress = Rc::new(Progress::default());
        let decoder = if is_packed { decoder(packed, &progress)? } else { stored(packed, &progress)? };
        Ok(Self { decoder: Some(decoder), progress, position: 0, error: None })
    }

    pub(super) fn is_open(&self) -> bool {
        self.decoder.is_some()
    }

    /// The error of reading the content.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.progress.failure()
    }

    /// Reads over bytes.
    pub(super) fn skip(&mut self, count: u64) {
        // An error is kept.
        let _ = io::copy(&mut (&mut *self).take(count), &mut io::sink());
    }
}

impl Read for Chunk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return Ok(0) };
        match decoder.read(buffer) {
            Ok(count) => {
                if count == 0 && !buffer.is_empty() {
                    self.decoder = None;
                }
                self.position = self.position.saturating_add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.decoder = None;
                let kind = if self.progress.starved() { ErrorKind::UnexpectedEof } else { error.kind() };
                let copy = io::Error::new(kind, error.to_string());
                self.error = Some(io::Error::new(kind, error.to_string()));
                Err(copy)
            }
        }
    }
}

enum Sum {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

/// A file in a chunk.
pub(super) struct File<'a> {
    chunk: &'a mut Chunk,
    location: &'a Location,
    left: u64,
    sum: Option<Sum>,
    calls: Option<Calls>,
    /// What was read, of which the first bytes are ready and given.
    buffer: Vec<u8>,
    ready: usize,
    given: usize,
    /// An error behind what is still to be given.
    error: Option<io::Error>,
}

impl<'a> File<'a> {
    pub(super) fn new(chunk: &'a mut Chunk, location: &'a Location, version: Version) -> Self {
        let sum = match version.hash() {
            Hash::Md5 => Sum::Md5(md5::Md5::new()),
            Hash::Sha1 => Sum::Sha1(sha1::Sha1::new()),
            Hash::Sha256 => Sum::Sha256(sha2::Sha256::new()),
        };
        let calls = location.calls.then(|| Calls {
            start: 0,
            flips: version.is_at_least(5, 3, 9),
            is_old: !version.is_at_least(5, 2, 0),
        });
        let left = location.size;
        Self {
            chunk,
            location,
            left,
            sum: Some(sum),
            calls,
            buffer: Vec::new(),
            ready: 0,
            given: 0,
            error: None,
        }
    }

    fn fill(&mut self) {
        self.buffer.drain(..self.ready.min(self.buffer.len()));
        (self.ready, self.given) = (0, 0);
        let want = self.left.min(64 << 10);
        let before = self.buffer.len();
        let result = (&mut *self.chunk).take(want).read_to_end(&mut self.buffer);
        let got = self.buffer.len().saturating_sub(before) as u64;
        self.left = self.left.saturating_sub(got);
        let name = &self.location.name;
        match result {
            Err(error) => self.error = Some(io::Error::new(error.kind(), format!("{name:?}: {error}"))),
            Ok(_) if got < want => {
                let (there, size) = (self.location.size.saturating_sub(self.left), self.location.size);
                let what = format!("{name:?}: {there} of {size} bytes came out");
                self.error = Some(io::Error::new(ErrorKind::UnexpectedEof, what));
            }
            Ok(_) => {}
        }
        let is_last = self.left == 0 || self.error.is_some();
        self.ready = match &mut self.calls {
            Some(calls) => calls.undo(&mut self.buffer, is_last),
            None => self.buffer.len(),
        };
        let bytes = self.buffer.get(..self.ready).unwrap_or_default();
        match &mut self.sum {
            Some(Sum::Md5(sum)) => sum.update(bytes),
            Some(Sum::Sha1(sum)) => sum.update(bytes),
            Some(Sum::Sha256(sum)) => sum.update(bytes),
            None => {}
        }
    }

    fn finish(&mut self) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            self.sum = None;
            return Err(error);
        }
        let sum = match self.sum.take() {
            Some(Sum::Md5(sum)) => sum.finalize().to_vec(),
            Some(Sum::Sha1(sum)) => sum.finalize().to_vec(),
            Some(Sum::Sha256(sum)) => sum.finalize().to_vec(),
            None => return Ok(0),
        };
        if sum == self.location.hash {
            return Ok(0);
        }
        let what = format!("{:?}: the checksum is wrong", self.location.name);
        Err(io::Error::new(ErrorKind::InvalidData, what))
    }
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready
            && self.error.is_none()
            && (self.left > 0 || self.ready < self.buffer.len())
        {
            self.fill();
        }
        let ready = self.buffer.get(self.given..self.ready).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if count == 0 && !buffer.is_empty() {
            return self.finish();
        }
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        Ok(count)
    }
}

/// Undoes what was done to the addresses of calls and jumps in programs.
struct Calls {
    /// Offset of the next byte.
    start: u64,
    flips: bool,
    is_old: bool,
}

impl Calls {
    /// Undoes it in `bytes` and says how many of them are ready; the others have to be shown again with what follows.
    fn undo(&mut self, bytes: &mut [u8], is_last: bool) -> usize {
        let mut at = 0_usize;
        while at.saturating_add(5) < bytes.len() {
            let next = at.saturating_add(5);
            let offset = self.start.saturating_add(at as u64);
            let behind = u32::try_from(offset.saturating_add(5) & 0xffff_ffff).unwrap_or(0);
            let Some([0xe8 | 0xe9, address @ ..]) = bytes.get_mut(at..next) else {
                at = at.saturating_add(1);
                continue;
            };
            let number = u32_le(address, 0).unwrap_or(0);
            if self.is_old {
                address.copy_from_slice(&number.wrapping_sub(behind).to_le_bytes());
            } else if offset & 0xffff > 0x1_0000 - 5 {
                at = at.saturating_add(1);
                continue;
            } else if matches!(number >> 24, 0 | 0xff) {
                let relative = number.wrapping_sub(behind) & 0x00ff_ffff;
                let turned = self.flips && relative & 0x0080_0000 != 0;
                let high = number & 0xff00_0000 ^ if turned { 0xff00_0000 } else { 0 };
                address.copy_from_slice(&(high | relative).to_le_bytes());
            }
            at = next;
        }
        if is_last {
            at = bytes.len();
        }
        self.start = self.start.saturating_add(at as u64);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_undone() {
        let mut calls = Calls { start: 0x100, flips: true, is_old: false };
        // A call of what lies 16 bytes before it.
        let mut bytes = *b"\x90\xe8\xf6\x00\x00\x00\x90\x90\x90\x90";
        assert_eq!(calls.undo(&mut bytes, true), 10);
        assert_eq!(&bytes, b"\x90\xe8\xf0\xff\xff\xff\x90\x90\x90\x90");
        let mut far = *b"\xe8\x01\x02\x03\x04\x90\x90";
        calls.undo(&mut far, true);
        assert_eq!(&far, b"\xe8\x01\x02\x03\x04\x90\x90");
    }
}
