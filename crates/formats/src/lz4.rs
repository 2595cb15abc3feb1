//! lz4: every frame, one after the other, of the current and of the legacy format.
//!
//! Specification: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>. Frames in a row are one content.
//! A legacy frame (`lz4 -l`, Linux kernels) has no end mark: it ends with the input or where another frame begins.
//!
//! Decoded here and not by a library: the crates for it take a missing end for an end and give out nothing of a
//! block that is damaged or cut, which is all of a small file.

use std::hash::Hasher;
use std::io::{self, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Sink};
use twox_hash::XxHash32;

use crate::fields::{u32_le, u64_le};
use crate::frames::{self, Frame, Frames, HEAD, Input};
use crate::zstd::skippable;
use crate::{Format, Glimpse};

const MAGIC: u32 = 0x184d_2204;
const LEGACY_MAGIC: u32 = 0x184c_2102;
const LEGACY_BLOCK: usize = 8 << 20;
/// Largest compressed size of a legacy block: the bound that LZ4 gives for 8 MiB.
const LEGACY_BOUND: usize = LEGACY_BLOCK + LEGACY_BLOCK / 255 + 16;
/// How far back a match may reach.
const WINDOW: usize = 64 << 10;

/// The lz4 format.
pub(crate) struct Lz4;

impl Format for Lz4 {
    fn file_type(&self) -> FileType {
        FileType::new("lz4")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let mut head = glimpse.head;
        while let Some(size) = skippable(head) {
            let next = usize::try_from(size).ok().and_then(|size| head.get(8..)?.get(size..));
            head = next.unwrap_or_default();
        }
        matches!(u32_le(head, 0), Some(MAGIC | LEGACY_MAGIC))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

impl Frames for Lz4 {
    fn noun(&self) -> &'static str {
        "lz4 frame"
    }

    fn begins(&self, head: &[u8]) -> bool {
        match u32_le(head, 0) {
            Some(MAGIC) => true,
            Some(LEGACY_MAGIC) => u32_le(head, 4).is_none_or(|size| size as usize <= LEGACY_BOUND),
            _ => skippable(head).is_some(),
        }
    }

    fn open_frame(&self, head: &[u8], mut input: Input) -> io::Result<Frame> {
        if let Some(size) = skippable(head) {
            return Ok(Frame::Skippable { header: 8, size });
        }
        let header = Header::parse(head)?;
        io::copy(&mut Read::by_ref(&mut input).take(header.length), &mut io::sink())?;
        let hasher = XxHash32::with_seed(0);
        let blocks = Blocks { input, header, hasher, size: 0, output: Vec::new(), given: 0, end: None };
        Ok(Frame::Packed(Box::new(blocks)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Independent,
    Linked,
    Legacy,
}

struct Header {
    kind: Kind,
    /// Whether each block is followed by its checksum.
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    dictionary: Option<u32>,
    largest_block: usize,
    length: u64,
}

impl Header {
    fn parse(head: &[u8]) -> io::Result<Self> {
        if u32_le(head, 0) == Some(LEGACY_MAGIC) {
            return Ok(Self {
                kind: Kind::Legacy,
                block_checksums: false,
                content_checksum: false,
                content_size: None,
                dictionary: None,
                largest_block: LEGACY_BLOCK,
                length: 4,
            });
        }
        let ended = || {
            if head.len() < HEAD { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData }
        };
        let flags = *head.get(4).ok_or_else(ended)?;
        let sizes = *head.get(5).ok_or_else(ended)?;
        if flags >> 6 != 1 {
            return Err(io::Error::new(ErrorKind::Unsupported, format!("version {} is unknown", flags >> 6)));
        }
        let largest_block = match sizes >> 4 & 7 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            size => return Err(invalid(&format!("block size code {size} is unknown"))),
        };
        let mut length: usize = 6;
        let mut field = |bit: u8, size: usize| {
            (flags & bit != 0).then(|| {
                let at = length;
                length = length.saturating_add(size);
                at
            })
        };
        let content_size = field(8, 8).map(|at| u64_le(head, at).ok_or_else(ended)).transpose()?;
        let dictionary = field(1, 4).map(|at| u32_le(head, at).ok_or_else(ended)).transpose()?;
        let checksum = *head.get(length).ok_or_else(ended)?;
        if XxHash32::oneshot(0, head.get(4..length).unwrap_or_default()).to_le_bytes().get(1)
            != Some(&checksum)
        {
            return Err(invalid("the checksum of the header is wrong"));
        }
        Ok(Self {
            kind: if flags & 32 != 0 { Kind::Independent } else { Kind::Linked },
            block_checksums: flags & 16 != 0,
            content_checksum: flags & 4 != 0,
            content_size,
            dictionary,
            largest_block,
            length: length.saturating_add(1) as u64,
        })
    }
}

struct Blocks {
    input: Input,
    header: Header,
    hasher: XxHash32,
    size: u64,
    /// The output, behind the last bytes of what was before it, to which matches of linked blocks reach back.
    output: Vec<u8>,
    /// Where in the output the bytes begin that were not given out.
    given: usize,
    /// What follows the output: the end, or an error.
    end: Option<io::Result<()>>,
}

impl Blocks {
    /// Decodes the next block; what came out of a broken one stays in the output.
    fn next_block(&mut self) -> io::Result<()> {
        let kept = if self.header.kind == Kind::Linked {
            self.output.len().saturating_sub(WINDOW)
        } else {
            self.output.len()
        };
        self.output.drain(..kept.min(self.output.len()));
        self.given = self.output.len();
        let legacy = self.header.kind == Kind::Legacy;
        if legacy {
            let head = self.input.peek(8)?;
            if head.is_empty() || Lz4.begins(&head) {
                self.end = Some(Ok(()));
                return Ok(());
            }
        }
        let field = self.number()?;
        if field == 0 && !legacy {
            self.end = Some(self.check_end());
            return Ok(());
        }
        let stored = !legacy && field >> 31 == 1;
        let size = (if legacy { field } else { field & 0x7fff_ffff }) as usize;
        if size > if legacy { LEGACY_BOUND } else { self.header.largest_block } {
            return Err(invalid(&format!("a block of {size} bytes is too large")));
        }
        // Not reserved at once: the size is a claim.
        let mut block = Vec::new();
        Read::by_ref(&mut self.input).take(size as u64).read_to_end(&mut block)?;
        let decoded = if stored {
            self.output.extend_from_slice(&block);
            Ok(())
        } else {
            decompress(&block, &mut self.output, self.given.saturating_add(self.header.largest_block))
        };
        if block.len() < size {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let (Err(detail), Some(dictionary)) = (decoded, self.header.dictionary) {
            let detail = format!("dictionary {dictionary} is needed: {detail}");
            return Err(io::Error::new(ErrorKind::Unsupported, detail));
        }
        decoded.map_err(invalid)?;
        if self.header.block_checksums && self.number()? != XxHash32::oneshot(0, &block) {
            return Err(invalid("the checksum of a block is wrong"));
        }
        Ok(())
    }

    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn check_end(&mut self) -> io::Result<()> {
        // The hasher's 32 bits fill the lower half.
        if self.header.content_checksum && u64::from(self.number()?) != self.hasher.finish() {
            return Err(invalid("the checksum of the content is wrong"));
        }
        match self.header.content_size {
            Some(size) if size != self.size => {
                Err(invalid(&format!("{} bytes came out of {size}", self.size)))
            }
            _ => Ok(()),
        }
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.output.get(self.given..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            if let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) {
                to.copy_from_slice(from);
                self.hasher.write(from);
            }
            if count > 0 {
                self.given = self.given.saturating_add(count);
                self.size = self.size.saturating_add(count as u64);
                return Ok(count);
            }
            match self.end.take() {
                Some(Ok(())) => {
                    self.end = Some(Ok(()));
                    return Ok(0);
                }
                Some(Err(error)) => return Err(error),
                None => {
                    if let Err(error) = self.next_block() {
                        self.end = Some(Err(error));
                    }
                }
            }
        }
    }
}

fn invalid(detail: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, detail)
}

/// Appends the content of a block to `output`, which may grow to `limit` bytes and already holds what matches
/// may reach back to. What came before an error stays.
pub(crate) fn decompress(block: &[u8], output: &mut Vec<u8>, limit: usize) -> Result<(), &'static str> {
    const CUT: &str = "a block ends in the middle of a sequence";
    let mut rest = block;
    loop {
        let (token, after) = rest.split_first().ok_or(CUT)?;
        rest = after;
        let literals = length(usize::from(token >> 4), &mut rest).ok_or(CUT)?;
        let available = rest.len().min(literals);
        let (copied, after) = rest.split_at_checked(available).ok_or(CUT)?;
        if output.len().saturating_add(literals) > limit {
            return Err("a block has more content than its frame allows");
        }
        output.extend_from_slice(copied);
        if available < literals {
            return Err(CUT);
        }
        if after.is_empty() {
            return Ok(());
        }
        let (distance, after) = after.split_first_chunk::<2>().ok_or(CUT)?;
        rest = after;
        let distance = usize::from(u16::from_le_bytes(*distance));
        let size = length(usize::from(token & 15), &mut rest).ok_or(CUT)?.saturating_add(4);
        if output.len().saturating_add(size) > limit {
            return Err("a block has more content than its frame allows");
        }
        let start = output.len().checked_sub(distance).filter(|_| distance > 0);
        let start = start.ok_or("a match reaches back behind the start")?;
        // A match may overlap its own output; each round copies what is there and so doubles it.
        let mut left = size;
        while left > 0 {
            let count = output.len().saturating_sub(start).min(left);
            output.extend_from_within(start..start.saturating_add(count));
            left = left.saturating_sub(count);
        }
    }
}

/// A length that goes on in the next bytes if its first four bits are all set.
fn length(start: usize, rest: &mut &[u8]) -> Option<usize> {
    let mut length = start;
    if start == 15 {
        loop {
            let (byte, after) = rest.split_first()?;
            *rest = after;
            length = length.saturating_add(usize::from(*byte));
            if *byte < 255 {
                break;
            }
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_overlap_and_errors_keep_what_came_before() {
        let mut output = Vec::new();
        assert_eq!(decompress(&[0x1f, b'a', 1, 0, 0, 0x20, b'b', b'c'], &mut output, 100), Ok(()));
        assert_eq!(output, [&[b'a'; 20][..], b"bc"].concat());
        let mut output = Vec::new();
        assert!(decompress(&[0x30, b'a', b'b', b'c', 9, 0], &mut output, 100).is_err());
        assert_eq!(output, b"abc");
        let mut output = Vec::new();
        assert!(decompress(&[0x50, b'a', b'b'], &mut output, 100).is_err());
        assert_eq!(output, b"ab");
        assert!(decompress(&[0xf0, 255, 255, 255, 0], &mut Vec::new(), 100).is_err());
        assert!(decompress(&[], &mut Vec::new(), 100).is_err());
    }
}
