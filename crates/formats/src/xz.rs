//! xz: every stream, with its blocks, filters and padding.
//!
//! Specification: <https://tukaani.org/xz/xz-file-format.txt>. Streams in a row are one content (section 2.2);
//! the padding between them should be a multiple of four zeros, which is not insisted on here.
//!
//! `XzReader` gives nothing out of a call in which an error occurs and nothing out of an LZMA2 chunk that is
//! cut, which is all of a small file. So after an error the stream is decoded once more by `XzStream`, which
//! gives out every byte before the error but remembers every block and knows fewer filters.

use std::io::{self, BufReader, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Reader, Sink};
use lzma_rust2::{Action, Status, XzReader, XzStream};

use crate::frames::{self, Frame, Frames, Input};
use crate::held::UNCOUNTED;
use crate::{Format, Glimpse};

const MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
/// Largest dictionary that is decoded; `xz -9` needs 64 MiB.
const DICTIONARY_LIMIT: u64 = 128 << 20;
/// KiB that a decoder may need besides.
const BESIDES: u32 = 1024;
/// Largest dictionary in KiB, with what is needed besides.
pub(crate) const MEMORY_LIMIT: u32 = (128 << 10) + BESIDES;
/// Bytes of a stream's header.
const HEADER: usize = 12;
/// Bytes asked of `XzReader` at once; more are lost at an error that the second pass cannot repair.
const STEP: usize = 512;
/// Bytes of a broken stream that are decoded a second time.
const SECOND_PASS: u64 = 16 << 20;

/// The number of the filter.
const LZMA2: u8 = 0x21;

/// The xz format.
pub(crate) struct Xz;

impl Format for Xz {
    fn file_type(&self) -> FileType {
        FileType::new("xz")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, &MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

impl Frames for Xz {
    fn noun(&self) -> &'static str {
        "xz stream"
    }

    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(&MAGIC)
    }

    fn memory(&self, head: &[u8]) -> u64 {
        dictionary(head)
    }

    fn open_frame(&self, head: &[u8], input: Input) -> io::Result<Frame> {
        let bytes = input.content();
        let limit = memory_limit(head);
        let reader = XzReader::new_mem_limit(input, false, limit);
        Ok(Frame::Packed(Box::new(Stream { reader: Some(reader), bytes, limit, put_out: 0, rescue: None })))
    }
}

/// The dictionary of the first block of the stream with this head (section 3.1 of the specification). A later one may
/// need a larger one, which no tool writes without being asked to; where it cannot be seen it may be as large as can be.
pub(crate) fn dictionary(head: &[u8]) -> u64 {
    let block = head.get(HEADER..).unwrap_or_default();
    // A block that begins with zero is the index: there is no block.
    if block.first() == Some(&0) {
        return 0;
    }
    lzma2_of(block).unwrap_or(DICTIONARY_LIMIT).min(DICTIONARY_LIMIT)
}

/// The dictionary of the filter LZMA2 in the header of a block.
fn lzma2_of(block: &[u8]) -> Option<u64> {
    let flags = *block.get(1)?;
    let mut rest = block.get(2..)?;
    // Both sizes may be left out.
    for is_there in [flags & 0x40 != 0, flags & 0x80 != 0] {
        if is_there {
            let end = rest.iter().position(|byte| byte & 0x80 == 0)?;
            rest = rest.get(end.saturating_add(1)..)?;
        }
    }
    for _ in 0..=flags & 3 {
        let (filter, size) = (*rest.first()?, *rest.get(1)?);
        let properties = rest.get(2..)?;
        if filter == LZMA2 {
            let bits = *properties.first()?;
            let shift = u32::from(bits / 2).saturating_add(11);
            return Some((2 | u64::from(bits & 1)).checked_shl(shift).unwrap_or(u64::MAX));
        }
        rest = properties.get(usize::from(size)..)?;
    }
    None
}

/// KiB that the decoder of the stream with this head may need: its dictionary, and what it needs besides.
fn memory_limit(head: &[u8]) -> u32 {
    u32::try_from(dictionary(head).max(UNCOUNTED) >> 10).unwrap_or(u32::MAX).saturating_add(BESIDES)
}

struct Stream {
    /// Gone after an error: it must not be read again.
    reader: Option<XzReader<Input>>,
    /// The compressed bytes from the start of the stream on.
    bytes: Content,
    /// KiB that the decoder may need.
    limit: u32,
    put_out: u64,
    /// The second pass, and the error that the first ended with.
    rescue: Option<(Rescue, io::Error)>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(reader) = &mut self.reader {
            let size = buffer.len().min(STEP);
            match reader.read(buffer.get_mut(..size).unwrap_or_default()) {
                Ok(count) => {
                    self.put_out = self.put_out.saturating_add(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    self.reader = None;
                    self.rescue = Some((
                        Rescue::new(self.bytes.range(0, SECOND_PASS), self.limit, self.put_out),
                        error,
                    ));
                }
            }
        }
        let Some((rescue, error)) = &mut self.rescue else {
            return Ok(0);
        };
        let count = rescue.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let over = io::Error::other("read after an error");
        Err(rescue.explain(std::mem::replace(error, over)))
    }
}

/// The second pass over a broken stream.
struct Rescue {
    stream: XzStream,
    /// KiB that it may need.
    limit: u32,
    input: BufReader<Reader>,
    /// Bytes of output that the first pass already gave out.
    known: u64,
    over: bool,
}

impl Rescue {
    fn new(bytes: Content, limit: u32, known: u64) -> Self {
        let input = BufReader::with_capacity(16 << 10, bytes.reader());
        Self { stream: XzStream::new_mem_limit(false, limit), limit, input, known, over: false }
    }

    /// Output that the first pass did not give out; 0 at the end or at the same error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.over {
            // An error hides how much came before it, but the counter of the stream does not; and what a single
            // byte of input brings is little.
            let mut byte = [0; 1];
            let count = self.input.read(&mut byte)?;
            let action = if count == 0 { Action::Finish } else { Action::Run };
            let mut rest = byte.get(..count).unwrap_or_default();
            loop {
                let before = self.stream.total_out();
                let result = self.stream.process(rest, buffer, action);
                let after = self.stream.total_out();
                let mut consumed = 0;
                match result {
                    Ok(done) => {
                        consumed = done.bytes_consumed;
                        self.over = done.status == Status::StreamEnd || (count == 0 && after == before);
                    }
                    Err(_) => self.over = true,
                }
                rest = rest.get(consumed..).unwrap_or_default();
                let written =
                    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX).min(buffer.len());
                let known =
                    usize::try_from(self.known.saturating_sub(before)).unwrap_or(usize::MAX).min(written);
                if written > known {
                    buffer.copy_within(known..written, 0);
                    return Ok(written.saturating_sub(known));
                }
                if self.over || (written == 0 && rest.is_empty()) {
                    break;
                }
            }
        }
        Ok(0)
    }

    /// The error, with what the second pass knows about it.
    fn explain(&self, error: io::Error) -> io::Error {
        let most = self.limit.saturating_sub(BESIDES) >> 10;
        let (kind, text) = match (error.kind(), self.stream.memory_usage()) {
            (ErrorKind::OutOfMemory, Some(need)) if need > self.limit => (
                ErrorKind::Unsupported,
                format!(
                    "a block needs a dictionary of {} MiB, more than the {most} MiB that are allowed",
                    need >> 10
                ),
            ),
            (ErrorKind::OutOfMemory, _) => {
                (ErrorKind::Unsupported, format!("a block needs a dictionary of more than {most} MiB"))
            }
            _ if error.to_string().contains("unsupported filter") => {
                (ErrorKind::Unsupported, error.to_string())
            }
            (kind, _) => (kind, error.to_string()),
        };
        io::Error::new(kind, text)
    }
}

#[cfg(test)]
mod tests {
    use super::dictionary;

    #[test]
    fn dictionaries_are_read_from_the_head() {
        let head = |block: &[u8]| [&[0; 12], block].concat();
        // As xz -6 writes it, with sizes as its threads write them, behind a filter, no block, and no filter that is known.
        assert_eq!(dictionary(&head(&[2, 0, 0x21, 1, 0x16])), 8 << 20);
        assert_eq!(dictionary(&head(&[2, 0xc0, 0x81, 1, 2, 0x21, 1, 0x1c])), 64 << 20);
        assert_eq!(dictionary(&head(&[2, 1, 4, 0, 0x21, 1, 0x1e])), 128 << 20);
        assert_eq!(dictionary(&head(&[0, 0])), 0);
        assert_eq!(dictionary(&head(&[2, 0, 0x30, 0])), 128 << 20);
        assert_eq!(dictionary(&head(&[2, 0, 0x21, 1, 40])), 128 << 20);
    }
}
