//! Brotli, which has no sign: it is known by the name of the file (`.br`).
//!
//! Specification: RFC 7932, <https://www.rfc-editor.org/rfc/rfc7932>. There is neither a size nor a checksum.

use std::io::Read;

use brotli_decompressor::{BrotliDecoderParameter, Decompressor};
use candor_object::{Child, Content, FileType, Flow, Reader, Sink};

use crate::{Format, Glimpse};

/// Bytes read at once.
const BUFFER: usize = 32 << 10;

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
        // Other files have such names as well, and what fails at the first byte is none.
        if decoder(content).read_exact(&mut [0]).is_err() {
            return Ok(());
        }
        sink.child(Child::stream(), &mut decoder(content))
    }
}

fn decoder(content: &Content) -> Decompressor<Reader> {
    let mut decoder = Decompressor::new(content.reader(), BUFFER);
    // An extension that nobody writes into files, with windows of a GiB.
    decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
    decoder
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
    fn what_is_none_is_left_alone() {
        let sink = open(b"\x91 not a stream");
        assert!(sink.children.is_empty() && sink.gaps.is_empty());
        let cut = open(&PACKED[..PACKED.len() - 3]);
        assert!(matches!(cut.gaps.first(), Some((Reason::Truncated | Reason::Damaged, _))), "{:?}", cut.gaps);
    }
}
