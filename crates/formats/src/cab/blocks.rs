//! The content of a folder: blocks that are decoded one after the other.

use std::io::{self, Error, ErrorKind, Read};

use candor_object::Content;
use flate2::{Decompress, FlushDecompress, Status};

use super::Folder;
use crate::bits::Lent;
use crate::fields::{u16_le, u32_le};
use crate::lzx::{FRAME, Lzx};
use crate::quantum::Quantum;
use crate::unpack::reason;

/// The lowest four bits of a folder's method.
enum Method {
    Stored,
    /// What was given out, as far as MSZIP looks back.
    MsZip(Vec<u8>),
    Quantum(Box<Quantum>),
    Lzx(Box<Lzx<Lent>>),
}

impl Method {
    fn new(method: u16) -> Result<Self, String> {
        let window = u32::from(method >> 8 & 31);
        match method & 15 {
            0 => Ok(Self::Stored),
            1 => Ok(Self::MsZip(Vec::new())),
            2 => Quantum::new(window)
                .map(|quantum| Self::Quantum(Box::new(quantum)))
                .ok_or_else(|| format!("method Quantum with a window of 2^{window}")),
            3 => Lzx::new(Lent::default(), window)
                .map(|lzx| Self::Lzx(Box::new(lzx)))
                .ok_or_else(|| format!("method LZX with a window of 2^{window}")),
            other => Err(format!("method {other}")),
        }
    }

    /// Whether a block can be read when the one before it was not whole.
    fn goes_on(&self) -> bool {
        matches!(self, Self::Stored | Self::MsZip(_))
    }

    /// Appends what comes out of a block of `size` bytes; what came before an error counts.
    fn decode(&mut self, data: &[u8], size: usize, output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Stored => {
                output.extend_from_slice(data);
                Ok(())
            }
            Self::MsZip(history) => {
                let result = inflate(history, data, output);
                history.extend_from_slice(output);
                let old = history.len().saturating_sub(FRAME);
                history.drain(..old);
                result
            }
            Self::Quantum(quantum) => quantum.frame(data, size, output),
            Self::Lzx(lzx) => {
                lzx.input().lend(data);
                lzx.frame(size, output)
            }
        }
    }
}

/// A folder that is being decoded.
pub(super) struct Blocks<'a> {
    content: &'a Content,
    /// Where the next block begins.
    pub(super) next: u64,
    left: u16,
    reserved: u64,
    method: Method,
    block: Vec<u8>,
    used: usize,
    /// Bytes of the folder that were given out.
    pub(super) position: u64,
    /// Blocks that were not what their headers say.
    wrong: u32,
    /// Whether the last one is such a block.
    is_wrong: bool,
    /// Why nothing more comes, once that is so.
    pub(super) end: Option<(ErrorKind, String)>,
}

impl<'a> Blocks<'a> {
    /// The folder, or what is unknown about its method.
    pub(super) fn new(content: &'a Content, folder: Folder, reserved: u64) -> Result<Self, String> {
        Ok(Self {
            content,
            next: folder.start,
            left: folder.blocks,
            reserved,
            method: Method::new(folder.method)?,
            block: Vec::new(),
            used: 0,
            position: 0,
            wrong: 0,
            is_wrong: false,
            end: None,
        })
    }

    /// Whether all blocks were there and are given out.
    pub(super) fn is_done(&self) -> bool {
        self.used >= self.block.len() && self.left == 0 && self.end.is_none()
    }

    /// Blocks whose bytes are all given out and that were not what their headers say.
    pub(super) fn wrong_before(&self) -> u32 {
        let current = self.is_wrong && self.used < self.block.len();
        self.wrong.saturating_sub(current.into())
    }

    /// Blocks that were not what their headers say, with that which is given out now.
    pub(super) fn wrong(&self) -> u32 {
        self.wrong
    }

    /// Makes sure that there is something to give out.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if self.used < self.block.len() {
            return Ok(());
        }
        if let Some((kind, what)) = &self.end {
            return Err(Error::new(*kind, what.clone()));
        }
        let at = self.next;
        let result = self.decode();
        let Err(error) = result else { return Ok(()) };
        let what = format!("block at offset {at}: {error}");
        self.end = Some((error.kind(), what.clone()));
        // What came out before the error is given out first.
        if self.block.is_empty() { Err(Error::new(error.kind(), what)) } else { Ok(()) }
    }

    fn decode(&mut self) -> io::Result<()> {
        let at = self.next;
        self.block.clear();
        self.used = 0;
        self.is_wrong = false;
        self.left = self.left.checked_sub(1).ok_or_else(|| cut("the folder has no more blocks"))?;
        let head = self.content.window(at, 8)?;
        let fields = (u32_le(&head, 0), u16_le(&head, 4), u16_le(&head, 6));
        let (Some(checksum), Some(packed), Some(size)) = fields else {
            return Err(cut("it is not there"));
        };
        let (packed, size) = (usize::from(packed), usize::from(size));
        let start = at.saturating_add(8).saturating_add(self.reserved);
        let data = self.content.window(start, packed)?;
        self.next = start.saturating_add(packed as u64);
        let sizes = head.get(4..8).unwrap_or_default();
        let is_cut = data.len() < packed;
        // The checksum is over the reserved bytes too; cabinets that have some are not checked.
        let is_changed = checksum != 0 && self.reserved == 0 && checksum != sum(sizes, sum(&data, 0));
        let split = size == 0;
        let wanted = if split { FRAME } else { size };
        let result = self.method.decode(&data, wanted, &mut self.block);
        if is_cut {
            return Err(cut("it is cut"));
        }
        if split {
            return Err(cut("it continues in the next cabinet"));
        }
        self.is_wrong = is_changed || self.block.len() != size || result.is_err();
        self.wrong = self.wrong.saturating_add(self.is_wrong.into());
        if !self.method.goes_on() || self.left == 0 {
            result?;
        }
        if self.block.len() < size && self.left > 0 {
            // So that the members behind it stand at their places.
            self.block.resize(size, 0);
        }
        if self.block.is_empty() { Err(Error::new(ErrorKind::InvalidData, "it is empty")) } else { Ok(()) }
    }

    /// The reason that nothing more comes.
    pub(super) fn why(&self) -> (candor_object::Reason, String) {
        match &self.end {
            Some((kind, what)) => (reason(*kind), what.clone()),
            None => (candor_object::Reason::Truncated, "the folder ends before it".to_owned()),
        }
    }
}

/// A block of MSZIP. What it may look back at goes before it as a stored block.
fn inflate(history: &[u8], data: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let packed =
        data.strip_prefix(b"CK").ok_or_else(|| Error::new(ErrorKind::InvalidData, "no MSZIP sign"))?;
    let mut input = Vec::with_capacity(history.len().saturating_add(packed.len()).saturating_add(5));
    if let Ok(length) = u16::try_from(history.len()) {
        input.push(0);
        input.extend_from_slice(&length.to_le_bytes());
        input.extend_from_slice(&(!length).to_le_bytes());
        input.extend_from_slice(history);
    }
    input.extend_from_slice(packed);
    let mut inflated = Vec::with_capacity(history.len().saturating_add(FRAME));
    let status = Decompress::new(false).decompress_vec(&input, &mut inflated, FlushDecompress::Finish);
    output.extend_from_slice(inflated.get(history.len()..).unwrap_or_default());
    match status {
        Ok(Status::StreamEnd) => Ok(()),
        _ => Err(Error::new(ErrorKind::InvalidData, "its deflate stream is damaged")),
    }
}

fn cut(what: &str) -> Error {
    Error::new(ErrorKind::UnexpectedEof, what)
}

/// The checksum of cabinets.
fn sum(bytes: &[u8], seed: u32) -> u32 {
    let mut words = bytes.chunks_exact(4);
    let sum = words.by_ref().fold(seed, |sum, word| sum ^ u32_le(word, 0).unwrap_or(0));
    sum ^ words.remainder().iter().fold(0, |rest, byte| (rest << 8) | u32::from(*byte))
}

/// A range of a folder, which begins where the folder stands.
pub(super) struct Member<'a, 'b> {
    pub(super) blocks: &'a mut Blocks<'b>,
    pub(super) left: u64,
    /// Whether it ends where the folder does.
    pub(super) open_end: bool,
}

impl Read for Member<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() || self.open_end && self.blocks.is_done() {
            return Ok(0);
        }
        self.blocks.fill()?;
        let ready = self.blocks.block.get(self.blocks.used..).unwrap_or_default();
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = ready.len().min(most);
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.blocks.used = self.blocks.used.saturating_add(count);
        self.blocks.position = self.blocks.position.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
