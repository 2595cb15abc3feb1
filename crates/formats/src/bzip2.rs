//! bzip2: every stream, one after the other.
//!
//! Specification: <https://github.com/dsnet/compress/blob/master/doc/bzip2-format.pdf> (there is no official
//! one). Parallel compressors write many streams in a row, which are one content.
//!
//! libbz2-rs-sys aborts the process when it is called again after an error, so the decoder is dropped at the
//! first one. It checks a block only after it gave it out, so bytes that came with an error are kept.

use std::io::{self, BufRead, ErrorKind, Read};

use bzip2::{Decompress, Status};
use candor_object::{Content, FileType, Flow, Sink};

use crate::frames::{self, Frame, Frames, Input};
use crate::{Format, Glimpse};

/// Magic of a block (pi) and of the end of a stream (its square root), which an empty stream has at once.
const BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const STREAM_END: [u8; 6] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/// The bzip2 format.
pub(crate) struct Bzip2;

impl Format for Bzip2 {
    fn file_type(&self) -> FileType {
        FileType::new("bzip2")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        self.begins(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

impl Frames for Bzip2 {
    fn noun(&self) -> &'static str {
        "bzip2 stream"
    }

    fn begins(&self, head: &[u8]) -> bool {
        let Some((magic, block)) = head.split_first_chunk::<4>() else {
            return false;
        };
        // What is too short for a whole magic may still be the start of a truncated one.
        let block = block.get(..6).unwrap_or(block);
        matches!(magic, [b'B', b'Z', b'h', b'1'..=b'9'])
            && (BLOCK.starts_with(block) || STREAM_END.starts_with(block))
    }

    fn open_frame(&self, head: &[u8], input: Input) -> io::Result<Frame> {
        // A decoder allocates megabytes for a stream that holds nothing, and a file can have millions of them.
        let empty = head.get(4..14).and_then(|rest| rest.strip_prefix(&STREAM_END));
        if empty == Some(&[0; 4]) {
            return Ok(Frame::Skippable { header: 14, size: 0 });
        }
        let decoder = Decompress::new(false);
        Ok(Frame::Packed(Box::new(Stream { input, decoder: Some(decoder), error: None })))
    }
}

struct Stream {
    input: Input,
    /// Gone when the stream is over or broken.
    decoder: Option<Decompress>,
    /// An error that came together with output.
    error: Option<io::Error>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return self.error.take().map_or(Ok(0), Err);
            };
            let available = self.input.fill_buf()?;
            let ended = available.is_empty();
            let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
            let result = decoder.decompress(available, buffer);
            let read = decoder.total_in().saturating_sub(before_in);
            let written = decoder.total_out().saturating_sub(before_out);
            self.input.consume(usize::try_from(read).unwrap_or(usize::MAX));
            let written = usize::try_from(written).unwrap_or(usize::MAX).min(buffer.len());
            let error = match result {
                Ok(Status::StreamEnd) => None,
                Ok(Status::MemNeeded) => Some(io::Error::other("the decoder ran out of memory")),
                Ok(_) if written > 0 => return Ok(written),
                Ok(_) if ended => Some(ErrorKind::UnexpectedEof.into()),
                Ok(_) => continue,
                Err(error) => Some(io::Error::new(ErrorKind::InvalidData, format!("bad data ({error})"))),
            };
            self.decoder = None;
            self.error = error;
            if written > 0 {
                return Ok(written);
            }
        }
    }
}
