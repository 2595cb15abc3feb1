//! lzma: the "alone" format of LZMA Utils, one stream behind a header without magic.
//!
//! Specification: <https://tukaani.org/xz/lzma-file-format.txt>. Having no magic it is recognised last, and by
//! the header rules that liblzma has: a dictionary size of 2^n or 2^n + 2^(n-1), a size that is unknown or less
//! than 256 GiB, and a first byte of the range coder that is always 0.
//!
//! The dictionary size says how far back a match may reach. A stream may claim 4 GiB and use 1 KiB, so it is
//! decoded with at most 128 MiB, and only a match that really reaches further is an error.

use std::io::{self, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Sink};
use lzma_rust2::LzmaReader;

use crate::fields::{u32_le, u64_le};
use crate::frames::{self, Frame, Frames, Input};
use crate::{Format, Glimpse};

const HEADER: usize = 13;
/// The properties that nearly all writers use.
const USUAL: u8 = 0x5d;
/// Largest dictionary that is decoded with.
const DICTIONARY_LIMIT: u32 = 128 << 20;
/// Size of the content where the header does not give it.
const UNKNOWN: u64 = u64::MAX;
/// Largest size that is believed; liblzma has the same limit.
const LARGEST: u64 = 256 << 30;

/// The lzma format.
pub(crate) struct Lzma;

impl Format for Lzma {
    fn file_type(&self) -> FileType {
        FileType::new("lzma")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        self.begins(glimpse.head) && begins_to_decode(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

/// The fields of a header that is plausible: properties, dictionary size, content size.
fn header(head: &[u8]) -> Option<(u8, u32, u64)> {
    let properties = *head.first()?;
    let dictionary = u32_le(head, 1)?;
    let size = u64_le(head, 5)?;
    // The literal bits of both kinds may not be more than 4, and the range coder begins with a zero.
    let literals = (properties % 9).saturating_add(properties / 9 % 5);
    let plausible = properties < 225
        && literals <= 4
        && plausible_dictionary(dictionary)
        && (size == UNKNOWN || size < LARGEST)
        && head.get(HEADER) == Some(&0);
    plausible.then_some((properties, dictionary, size))
}

/// Whether the first bytes can be decoded. Plausible headers are common in binary files (one in 6,000 system
/// files), streams that decode are not; one that is damaged so early holds nothing that could be missed.
fn begins_to_decode(head: &[u8]) -> bool {
    /// Bytes that are decoded, and the dictionary for them.
    const TRIAL: usize = 256;
    let (Some((properties, _, size)), Some(stream)) = (header(head), head.get(HEADER..)) else {
        return false;
    };
    // Nothing needs no decoding: so short is also a stream that every document of Word has.
    if size == 0 && properties != USUAL {
        return false;
    }
    let Ok(mut reader) = LzmaReader::new_with_props(stream, size, properties, 4096, None) else {
        return false;
    };
    let mut trial = [0; TRIAL];
    let count = usize::try_from(size).unwrap_or(TRIAL).min(TRIAL);
    match reader.read_exact(trial.get_mut(..count).unwrap_or_default()) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::UnexpectedEof,
    }
}

/// Whether it is 2^n or 2^n + 2^(n-1), at least 4 KiB, or "as large as can be".
fn plausible_dictionary(size: u32) -> bool {
    let top = 31_u32.saturating_sub(size.leading_zeros());
    let rest = size & !(1_u32.wrapping_shl(top));
    size == u32::MAX || (size >= 4096 && (rest == 0 || rest == 1_u32.wrapping_shl(top) >> 1))
}

impl Frames for Lzma {
    fn noun(&self) -> &'static str {
        "lzma stream"
    }

    fn begins(&self, head: &[u8]) -> bool {
        header(head).is_some()
    }

    fn memory(&self, head: &[u8]) -> u64 {
        header(head).map_or(0, |(_, dictionary, _)| dictionary.min(DICTIONARY_LIMIT).into())
    }

    fn open_frame(&self, head: &[u8], mut input: Input) -> io::Result<Frame> {
        input.read_exact(&mut [0; HEADER])?;
        let (properties, dictionary, size) = header(head).ok_or(ErrorKind::InvalidData)?;
        let used = dictionary.min(DICTIONARY_LIMIT);
        let mut reader = LzmaReader::new_with_props(input, size, properties, used, None)?;
        // Bytes come out before the error that follows them, and a wrong end is an error.
        reader.set_defer_errors(true);
        reader.set_relaxed_end_condition(false);
        Ok(Frame::Packed(Box::new(Stream { reader: Some(reader), dictionary })))
    }
}

struct Stream {
    /// Gone when the stream is over or broken.
    reader: Option<LzmaReader<Input>>,
    dictionary: u32,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else {
            return Ok(0);
        };
        let result = reader.read(buffer);
        if matches!(&result, Ok(count) if *count > 0) {
            return result;
        }
        if matches!(&result, Err(error) if error.kind() == ErrorKind::Interrupted) {
            return result;
        }
        if let Some(reader) = self.reader.take() {
            let (input, unused) = reader.into_parts();
            input.give_back(unused.len());
        }
        match result {
            Err(error) if self.dictionary > DICTIONARY_LIMIT && error.kind() == ErrorKind::InvalidData => {
                let need = self.dictionary >> 20;
                let detail =
                    format!("{error}; the header asks for a dictionary of {need} MiB, and 128 MiB were used");
                Err(io::Error::new(ErrorKind::Unsupported, detail))
            }
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_are_powers_of_two_or_one_and_a_half() {
        for size in [4096, 6144, 1 << 16, 3 << 20, 8 << 20, 1 << 31, 3 << 30, u32::MAX] {
            assert!(plausible_dictionary(size), "{size}");
        }
        for size in [0, 1, 2048, 4097, 5 << 20, 0x2064_6f6c, u32::MAX - 1] {
            assert!(!plausible_dictionary(size), "{size}");
        }
    }

    #[test]
    fn a_plausible_header_before_other_content_is_not_recognised() {
        // The start of a `.kotlin_metadata` file, whose numbers happen to be those of a header.
        let head = b"\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0\x07\n[\n\x06kotlin\n\x13ArithmeticException\n";
        assert!(header(head).is_some() && !begins_to_decode(head));
    }

    #[test]
    fn text_and_zeros_are_no_header() {
        assert!(header(b"]\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0rest").is_some());
        assert!(header(&[0; 32]).is_none());
        assert!(header(b"]\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\x01rest").is_none());
        assert!(header(b"Plain text is no lzma stream").is_none());
        assert!(header(b"]\0\0").is_none());
    }
}
