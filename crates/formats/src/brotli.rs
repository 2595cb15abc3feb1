//! Brotli, which has no sign: it is known by the name of the file (`.br`).
//!
//! Specification: RFC 7932, <https://www.rfc-editor.org/rfc/rfc7932>. There is neither a size nor a checksum.

use std::io::{self, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use candor_object::{Child, Content, FileType, Flow, Reader, Reason, Relation, Sink};

use crate::search::skip_zeros;
use crate::unpack::damaged;
use crate::{Format, Glimpse};

/// Bytes read at once.
const BUFFER: usize = 32 << 10;
/// Streams one behind the other.
const MOST_STREAMS: usize = 1000;

/// The brotli format.
pub(crate) struct Brotli;

impl Format for Brotli {
    fn file_type(&self) -> FileType {
        FileType::new("brotli")
    }

    fn recognises(&self, _glimpse: &Glimpse<'_>) -> bool {
        false
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        // Other files have such names as well, and what fails at the first byte is none, or was one.
        if !begins(content) {
            sink.gap(Reason::Damaged, "its name is one of brotli, and nothing can be decoded");
            return Ok(());
        }
        let mut start = 0;
        for _ in 0..MOST_STREAMS {
            let mut stream = Stream::new(&content.from(start));
            sink.child(Child::stream(), &mut stream)?;
            let Some(end) = stream.end else { return Ok(()) };
            start = skip_zeros(content, start.saturating_add(end), sink)?;
            if start == content.size() || !begins(&content.from(start)) {
                break;
            }
        }
        // What seemed to be a stream may be none, so what is behind the last one comes out in any case.
        if start < content.size() {
            sink.range(Child { name: "", relation: Relation::Overlay }, content.from(start))?;
        }
        Ok(())
    }
}

/// Whether a first byte can be decoded.
fn begins(content: &Content) -> bool {
    Stream::new(content).read_exact(&mut [0]).is_ok()
}

/// Reads one stream.
struct Stream {
    input: Reader,
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    buffer: Vec<u8>,
    /// Where what was read and not decoded begins in the buffer.
    place: usize,
    /// Bytes that were read.
    read: u64,
    /// Where the stream ends, once it was decoded.
    end: Option<u64>,
}

impl Stream {
    fn new(content: &Content) -> Self {
        let memory = StandardAlloc::default;
        // Without an extension that nobody writes into files, with windows of a GiB.
        let state = Box::new(BrotliState::new_strict(memory(), memory(), memory()));
        Self { input: content.reader(), state, buffer: Vec::new(), place: 0, read: 0, end: None }
    }

    /// Reads more, behind what was decoded.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.resize(BUFFER, 0);
        let count = self.input.read(&mut self.buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.truncate(count);
        self.place = 0;
        self.read = self.read.saturating_add(count as u64);
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let (mut room, mut given, mut total) = (output.len(), 0, 0);
        while given == 0 && room > 0 && self.end.is_none() {
            let mut left = self.buffer.len().saturating_sub(self.place);
            let result = BrotliDecompressStream(
                &mut left,
                &mut self.place,
                &self.buffer,
                &mut room,
                &mut given,
                output,
                &mut total,
                &mut self.state,
            );
            match result {
                BrotliResult::ResultSuccess => self.end = Some(self.read.saturating_sub(left as u64)),
                BrotliResult::NeedsMoreInput if given == 0 => self.fill()?,
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure if given == 0 => return Err(damaged("the stream is damaged")),
                BrotliResult::ResultFailure => {}
            }
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{Budget, Limits, Reason};

    use super::*;
    use crate::Collector;

    /// A text that Google's tool packed, of which the first byte is the window.
    const PACKED: &[u8] = b"\x1b\xbb\x02\xf8\x9d\x07\x76\xac\xc3\xb2\x75\x2d\x88\x0f\x96\x41\x72\x73\x25\x96\xd6\x20\x69\x6c\x6f\xcb\x85\xae\x05\x91\x44\x93\xde\xb4\x0c\x6f\x88\x54\x13\xe9\xce\x6e\x49\xe1\xa7\xd0\x2f\x00";

    fn open(bytes: &[u8]) -> Collector {
        let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
        Brotli.open(&Content::from_vec(bytes.to_vec()), &mut sink).unwrap();
        sink
    }

    #[test]
    fn a_stream_comes_out() {
        let sink = open(PACKED);
        let text = sink.children[0].content.window(0, 9000).unwrap().into_owned();
        assert_eq!(text, "A text that is packed with brotli. ".repeat(20).as_bytes());
        assert!(sink.gaps.is_empty());
    }

    #[test]
    fn what_is_behind_comes_out() {
        let sink = open(&[PACKED, &[0; 7], b"behind"].concat());
        assert_eq!(sink.children.last().unwrap().content.window(0, 99).unwrap().as_ref(), b"behind");
        let sink = open(&[PACKED, PACKED].concat());
        assert_eq!(sink.children.iter().map(|child| child.content.size()).collect::<Vec<_>>(), [700, 700]);
    }

    #[test]
    fn what_is_none_is_left_alone() {
        let sink = open(b"\x91 not a stream");
        assert!(sink.children.is_empty());
        assert!(matches!(sink.gaps.first(), Some((Reason::Damaged, _))), "{:?}", sink.gaps);
        let cut = open(&PACKED[..PACKED.len() - 3]);
        assert!(matches!(cut.gaps.first(), Some((Reason::Truncated | Reason::Damaged, _))), "{:?}", cut.gaps);
    }
}
