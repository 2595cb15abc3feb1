//! The decoders behind the methods, so wrapped that output before an error is never lost.
//!
//! Most crates drop what a call has put out when the same call ends in an error: up to a whole buffer, which for
//! a small member with a damaged end is everything.

use std::io::{self, BufRead, Error, ErrorKind, Read};
use std::rc::Rc;

use candor_object::Content;
use deflate64::InflaterManaged;
use flate2::{Decompress, FlushDecompress};
use lzma_rust2::{Action, LzmaReader, Status, XzStream};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::methods::{Packed, Progress, StreamEnd};
use crate::fields::{u16_le, u32_le};

/// Dictionaries of LZMA larger than this are cut: no object grows larger by default.
const MAX_DICTIONARY: u32 = 256 << 20;
/// LZMA cannot multiply its input more than about 7,000 times, so a dictionary need not be larger than this
/// times the input.
const MAX_RATIO: u64 = 16 << 10;
/// Streams without output that may follow one another; more are an attack on time.
const MAX_EMPTY_STREAMS: u32 = 1000;

/// What one call of a decoder has done.
struct Piece {
    consumed: usize,
    produced: usize,
    /// Whether the stream is over, or what is wrong with it.
    state: io::Result<bool>,
}

type Decode = Box<dyn FnMut(&[u8], &mut [u8]) -> Piece>;

/// A reader over a decoder that works piece by piece and says what it did even when it fails.
pub(super) struct Pieces {
    input: Packed,
    decode: Decode,
    /// Nothing while the stream goes on; then its end or its error, and the decoder is not called again.
    end: Option<io::Result<()>>,
}

impl Pieces {
    pub(super) fn deflate(input: Packed) -> Self {
        let mut inflate = Decompress::new(false);
        Self::new(input, move |packed, buffer| {
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let result = inflate.decompress(packed, buffer, FlushDecompress::None);
            Piece {
                consumed: moved(before_in, inflate.total_in()),
                produced: moved(before_out, inflate.total_out()),
                state: match result {
                    Ok(status) => Ok(status == flate2::Status::StreamEnd),
                    Err(_) => Err(damaged("invalid deflate stream")),
                },
            }
        })
    }

    pub(super) fn deflate64(input: Packed) -> Self {
        let mut inflate = Box::new(InflaterManaged::new());
        Self::new(input, move |packed, buffer| {
            let result = inflate.inflate(packed, buffer);
            let failed = result.data_error || inflate.errored();
            Piece {
                consumed: result.bytes_consumed,
                produced: result.bytes_written,
                state: if failed { Err(damaged("invalid deflate64 stream")) } else { Ok(inflate.finished()) },
            }
        })
    }

    pub(super) fn bzip2(input: Packed) -> Self {
        let mut decompress = bzip2::Decompress::new(false);
        Self::new(input, move |packed, buffer| {
            let (before_in, before_out) = (decompress.total_in(), decompress.total_out());
            let result = decompress.decompress(packed, buffer);
            Piece {
                consumed: moved(before_in, decompress.total_in()),
                produced: moved(before_out, decompress.total_out()),
                state: match result {
                    Ok(status) => Ok(status == bzip2::Status::StreamEnd),
                    Err(_) => Err(damaged("invalid bzip2 stream")),
                },
            }
        })
    }

    pub(super) fn xz(input: Packed) -> Self {
        let mut stream = XzStream::new_mem_limit(false, crate::xz::MEMORY_LIMIT);
        Self::new(input, move |packed, buffer| {
            // What a failed call has decoded is lost, so a call takes and gives little.
            let packed = packed.get(..16).unwrap_or(packed);
            let end = buffer.len().min(512);
            let result = stream.process(packed, buffer.get_mut(..end).unwrap_or_default(), Action::Run);
            match result {
                Ok(done) => Piece {
                    consumed: done.bytes_consumed,
                    produced: done.bytes_produced,
                    state: Ok(done.status == Status::StreamEnd),
                },
                Err(error) if error.kind() == ErrorKind::OutOfMemory => {
                    let error = Error::new(ErrorKind::Unsupported, "xz dictionary is too large");
                    Piece { consumed: 0, produced: 0, state: Err(error) }
                }
                Err(error) => Piece { consumed: 0, produced: 0, state: Err(error) },
            }
        })
    }

    fn new(input: Packed, decode: impl FnMut(&[u8], &mut [u8]) -> Piece + 'static) -> Self {
        Self { input, decode: Box::new(decode), end: None }
    }
}

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

fn moved(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(0)
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.end.is_none() && !buffer.is_empty() {
            let packed = self.input.fill_buf()?;
            let exhausted = packed.is_empty();
            let piece = (self.decode)(packed, buffer);
            self.input.consume(piece.consumed);
            match piece.state {
                Ok(true) => self.end = Some(Ok(())),
                Ok(false) if exhausted && piece.produced == 0 => {
                    return Err(Error::new(ErrorKind::UnexpectedEof, "stream ends too early"));
                }
                Ok(false) if piece.produced == 0 && piece.consumed == 0 => {
                    self.end = Some(Err(damaged("stream without progress")))
                }
                Ok(false) => {}
                Err(error) => self.end = Some(Err(error)),
            }
            if piece.produced > 0 {
                return Ok(piece.produced);
            }
        }
        match self.end.replace(Ok(())) {
            Some(Err(error)) => Err(error),
            _ => Ok(0),
        }
    }
}

pub(super) type Open = fn(Packed) -> io::Result<Box<dyn Read>>;
pub(super) type Starts = &'static [(usize, &'static [u8])];

pub(super) const ZSTD_STARTS: Starts = &[(0, &[0x28, 0xb5, 0x2f, 0xfd]), (1, &[0x2a, 0x4d, 0x18])];

/// Streams of one kind in a row, which are one content: extra ones hide from decoders that stop at the first.
pub(super) struct Streams {
    content: Content,
    progress: Rc<Progress>,
    open: Open,
    starts: Starts,
    current: Option<Box<dyn Read>>,
    empty: u32,
}

impl Streams {
    pub(super) fn new(
        content: &Content,
        progress: &Rc<Progress>,
        open: Open,
        starts: Starts,
    ) -> io::Result<Self> {
        let current = Some(open(Packed::new(content, progress))?);
        let (content, progress) = (content.clone(), Rc::clone(progress));
        Ok(Self { content, progress, open, starts, current, empty: 0 })
    }
}

impl Read for Streams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.current {
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.empty = 0;
                return Ok(count);
            }
            self.empty = self.empty.saturating_add(1);
            if self.empty > MAX_EMPTY_STREAMS {
                return Err(Error::new(ErrorKind::InvalidData, "too many empty streams in a row"));
            }
            let rest = self.content.from(self.progress.consumed());
            let head = rest.window(0, 8)?;
            let again = self
                .starts
                .iter()
                .any(|(offset, magic)| head.get(*offset..).is_some_and(|head| head.starts_with(magic)));
            self.current = if again { Some((self.open)(Packed::new(&rest, &self.progress))?) } else { None };
        }
        Ok(0)
    }
}

pub(super) fn open_bzip2(input: Packed) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(Pieces::bzip2(input)))
}

pub(super) fn open_xz(input: Packed) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(Pieces::xz(input)))
}

pub(super) fn open_zstd(mut input: Packed) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    if magic.get(1..) == Some(&[0x2a, 0x4d, 0x18]) && magic.first().is_some_and(|byte| byte >> 4 == 5) {
        let mut size = [0; 4];
        input.read_exact(&mut size)?;
        let skipped = u64::from(u32::from_le_bytes(size));
        return Ok(Box::new(Skip(input.take(skipped))));
    }
    let mut decoder = FrameDecoder::new();
    decoder.init(io::Cursor::new(magic).chain(&mut input)).map_err(|error| {
        let text = error.to_string();
        let large = matches!(error, FrameDecoderError::WindowSizeTooBig { .. });
        Error::new(if large { ErrorKind::Unsupported } else { ErrorKind::InvalidData }, text)
    })?;
    Ok(Box::new(Zstd { decoder, input, failure: None }))
}

struct Zstd {
    decoder: FrameDecoder,
    input: Packed,
    failure: Option<Error>,
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let blocks = BlockDecodingStrategy::UptoBlocks(1);
            if let Err(error) = self.decoder.decode_blocks(&mut self.input, blocks) {
                self.failure = Some(Error::new(ErrorKind::InvalidData, error.to_string()));
                // The decoder keeps a window of output until the last block. An empty last block, with room for
                // a checksum, makes it give that back.
                if !self.decoder.is_finished() {
                    let last = [1, 0, 0, 0, 0, 0, 0];
                    let blocks = BlockDecodingStrategy::UptoBlocks(1);
                    if self.decoder.decode_blocks(last.as_slice(), blocks).is_err() {
                        break;
                    }
                }
            }
        }
        match self.decoder.read(buffer)? {
            0 if !buffer.is_empty() => self.failure.take().map_or(Ok(0), Err),
            count => Ok(count),
        }
    }
}

/// A skippable zstd frame: taken from the input, without output.
struct Skip(io::Take<Packed>);

impl Read for Skip {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        io::copy(&mut self.0, &mut io::sink())?;
        Ok(0)
    }
}

/// The dictionary that LZMA with this header, of as many packed bytes, is decoded with.
pub(super) fn lzma_dictionary(header: &[u8], packed: u64) -> u32 {
    let bound =
        u32::try_from(packed.saturating_mul(MAX_RATIO)).unwrap_or(u32::MAX).clamp(4096, MAX_DICTIONARY);
    u32_le(header, 5).unwrap_or(0).min(bound)
}

pub(super) fn open_lzma(mut input: Packed, packed: u64, end: StreamEnd) -> io::Result<Box<dyn Read>> {
    // Two bytes of version, then the size of the properties, which is 5 for LZMA.
    let mut header = [0; 9];
    input.read_exact(&mut header)?;
    if u16_le(&header, 2) != Some(5) {
        return Err(Error::new(ErrorKind::InvalidData, "lzma properties are not 5 bytes long"));
    }
    let properties = header.get(4).copied().unwrap_or(0);
    let dictionary = lzma_dictionary(&header, packed);
    let size = match end {
        StreamEnd::Marker => u64::MAX,
        StreamEnd::Size(size) => size,
    };
    let mut reader = LzmaReader::new_with_props(input, size, properties, dictionary, None)?;
    reader.set_defer_errors(true);
    Ok(Box::new(reader))
}
