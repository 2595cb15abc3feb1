//! The compression methods of zip: from a method number to a decoder.
//!
//! Specification: APPNOTE.TXT 6.3.10, sections 4.4.5 and 5. All of these streams end by themselves, so decoders
//! are given everything up to the end of the content: a header that claims too small a size (BadPack, 2024)
//! hides nothing. The `bzip2` backend aborts when it is read again after an error; nothing here does that.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read};
use std::rc::Rc;

use bzip2::bufread::BzDecoder;
use candor_object::{Content, Reader};
use deflate64::InflaterManaged;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::StreamingDecoder;

use crate::fields::{u16_le, u32_le};

/// Stored: no compression.
pub(crate) const STORED: u16 = 0;
/// Deflate.
pub(crate) const DEFLATE: u16 = 8;

/// Dictionaries larger than this are not opened (xz) or cut (LZMA): no object grows larger by default.
const MAX_DICTIONARY: u32 = 256 << 20;
/// LZMA cannot multiply its input more than about 7,000 times, so a dictionary need not be larger than this
/// times the input.
const MAX_RATIO: u64 = 16 << 10;
/// Streams without output that may follow one another; more are an attack on time.
const MAX_EMPTY_STREAMS: u32 = 1000;

/// The name of a method, or nothing if APPNOTE assigns none to the number.
pub(crate) fn method_name(method: u16) -> Option<&'static str> {
    Some(match method {
        0 => "stored",
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        7 => "tokenize",
        8 => "deflate",
        9 => "deflate64",
        10 => "dcl implode",
        12 => "bzip2",
        14 => "lzma",
        16 => "cmpsc",
        18 => "terse",
        19 => "lz77",
        20 | 93 => "zstd",
        94 => "mp3",
        95 => "xz",
        96 => "jpeg",
        97 => "wavpack",
        98 => "ppmd",
        99 => "aes",
        _ => return None,
    })
}

/// Whether [`decoder`] opens the method.
pub(crate) fn is_decoded(method: u16) -> bool {
    matches!(method, 8 | 9 | 12 | 14 | 20 | 93 | 95)
}

/// How many bytes a decoder may have taken from its input beyond the end of its stream.
pub(crate) fn read_ahead(method: u16) -> u64 {
    match method {
        DEFLATE => 0,
        14 | 95 => 64 << 10,
        _ => 8,
    }
}

/// What a decoder has done to its input.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    consumed: Cell<u64>,
    starved: Cell<bool>,
    failure: RefCell<Option<Error>>,
}

impl Progress {
    /// Bytes of input that the decoder has taken; see [`read_ahead`].
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// The error of reading the content, if there was one: not the decoder's fault.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.borrow_mut().take()
    }
}

/// A decoder of `method` for the stream at the start of `content`, which may be followed by other bytes.
///
/// Only LZMA needs to be told its `end`.
///
/// # Errors
/// `Unsupported` for a method that is not decoded; else a damaged stream header.
pub(crate) fn decoder(
    method: u16,
    content: &Content,
    end: StreamEnd,
    progress: &Rc<Progress>,
) -> io::Result<Box<dyn Read>> {
    let input = Packed::new(content, progress);
    let decoder: Box<dyn Read> = match method {
        DEFLATE => Box::new(DeflateDecoder::new(input)),
        9 => Box::new(Deflate64 {
            input,
            inflater: Box::new(InflaterManaged::new()),
        }),
        12 => Box::new(Streams::new(content, progress, open_bzip2, &[(0, b"BZh")])?),
        14 => open_lzma(input, content.size(), end)?,
        20 | 93 => Box::new(Streams::new(content, progress, open_zstd, ZSTD_STARTS)?),
        95 => Box::new(Streams::new(content, progress, open_xz, &[(0, b"\xfd7zXZ\0")])?),
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("method {method} is not supported"),
            ));
        }
    };
    Ok(Box::new(Truthful {
        decoder,
        progress: Rc::clone(progress),
    }))
}

/// How the end of an LZMA stream is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// By a marker in the stream, or not at all.
    Marker,
    /// By the size of the output.
    Size(u64),
}

/// The compressed input: counts what is taken and keeps errors of reading.
struct Packed {
    reader: BufReader<Reader>,
    progress: Rc<Progress>,
}

impl Packed {
    fn new(content: &Content, progress: &Rc<Progress>) -> Self {
        let capacity = usize::try_from(content.size())
            .unwrap_or(usize::MAX)
            .clamp(16, 32 << 10);
        Self {
            reader: BufReader::with_capacity(capacity, content.reader()),
            progress: Rc::clone(progress),
        }
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.reader.fill_buf() {
            Ok(bytes) => {
                if bytes.is_empty() {
                    self.progress.starved.set(true);
                }
                Ok(bytes)
            }
            Err(error) => {
                let copy = Error::from(error.kind());
                *self.progress.failure.borrow_mut() = Some(error);
                Err(copy)
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.progress
            .consumed
            .set(self.progress.consumed.get().saturating_add(count as u64));
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Says of an error after the input's end that the input ended too early, which not all decoders do.
struct Truthful {
    decoder: Box<dyn Read>,
    progress: Rc<Progress>,
}

impl Read for Truthful {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            if self.progress.starved.get() && error.kind() != ErrorKind::Unsupported {
                Error::new(ErrorKind::UnexpectedEof, error)
            } else {
                error
            }
        })
    }
}

struct Deflate64 {
    input: Packed,
    inflater: Box<InflaterManaged>,
}

impl Read for Deflate64 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The crate's own reader takes the end of the input for the end of the stream.
        while !buffer.is_empty() && !self.inflater.finished() {
            let input = self.input.fill_buf()?;
            let ended = input.is_empty();
            let result = self.inflater.inflate(input, buffer);
            self.input.consume(result.bytes_consumed);
            if result.data_error {
                return Err(Error::new(ErrorKind::InvalidData, "invalid deflate64 stream"));
            }
            if result.bytes_written > 0 {
                return Ok(result.bytes_written);
            }
            if ended && !self.inflater.finished() {
                return Err(Error::new(
                    ErrorKind::UnexpectedEof,
                    "incomplete deflate64 stream",
                ));
            }
        }
        Ok(0)
    }
}

type Open = fn(Packed) -> io::Result<Box<dyn Read>>;
type Starts = &'static [(usize, &'static [u8])];

const ZSTD_STARTS: Starts = &[(0, &[0x28, 0xb5, 0x2f, 0xfd]), (1, &[0x2a, 0x4d, 0x18])];

/// Streams of one kind in a row, which are one content: extra ones hide from decoders that stop at the first.
struct Streams {
    content: Content,
    progress: Rc<Progress>,
    open: Open,
    starts: Starts,
    current: Option<Box<dyn Read>>,
    empty: u32,
}

impl Streams {
    fn new(content: &Content, progress: &Rc<Progress>, open: Open, starts: Starts) -> io::Result<Self> {
        let current = Some(open(Packed::new(content, progress))?);
        let (content, progress) = (content.clone(), Rc::clone(progress));
        Ok(Self {
            content,
            progress,
            open,
            starts,
            current,
            empty: 0,
        })
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
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    "too many empty streams in a row",
                ));
            }
            let rest = self.content.from(self.progress.consumed());
            let head = rest.window(0, 8)?;
            let again = self
                .starts
                .iter()
                .any(|(offset, magic)| head.get(*offset..).is_some_and(|head| head.starts_with(magic)));
            self.current = if again {
                Some((self.open)(Packed::new(&rest, &self.progress))?)
            } else {
                None
            };
        }
        Ok(0)
    }
}

fn open_bzip2(input: Packed) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(BzDecoder::new(input)))
}

fn open_xz(input: Packed) -> io::Result<Box<dyn Read>> {
    let limit = (MAX_DICTIONARY >> 10).saturating_add(1 << 10);
    Ok(Box::new(XzReader::new_mem_limit(input, false, limit)))
}

fn open_zstd(mut input: Packed) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    if magic.get(1..) == Some(&[0x2a, 0x4d, 0x18]) && magic.first().is_some_and(|byte| byte >> 4 == 5) {
        let mut size = [0; 4];
        input.read_exact(&mut size)?;
        let skipped = u64::from(u32::from_le_bytes(size));
        return Ok(Box::new(Skip(input.take(skipped))));
    }
    let start = io::Cursor::new(magic).chain(input);
    let decoder = StreamingDecoder::new(start).map_err(|error| {
        let text = error.to_string();
        let large = text.contains("window");
        Error::new(
            if large {
                ErrorKind::Unsupported
            } else {
                ErrorKind::InvalidData
            },
            text,
        )
    })?;
    Ok(Box::new(decoder))
}

/// A skippable zstd frame: taken from the input, without output.
struct Skip(io::Take<Packed>);

impl Read for Skip {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        io::copy(&mut self.0, &mut io::sink())?;
        Ok(0)
    }
}

fn open_lzma(mut input: Packed, packed: u64, end: StreamEnd) -> io::Result<Box<dyn Read>> {
    // Two bytes of version, then the size of the properties, which is 5 for LZMA.
    let mut header = [0; 9];
    input.read_exact(&mut header)?;
    if u16_le(&header, 2) != Some(5) {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "lzma properties are not 5 bytes long",
        ));
    }
    let properties = header.get(4).copied().unwrap_or(0);
    let bound = u32::try_from(packed.saturating_mul(MAX_RATIO))
        .unwrap_or(u32::MAX)
        .clamp(4096, MAX_DICTIONARY);
    let dictionary = u32_le(&header, 5).unwrap_or(0).min(bound);
    let size = match end {
        StreamEnd::Marker => u64::MAX,
        StreamEnd::Size(size) => size,
    };
    let mut reader = LzmaReader::new_with_props(input, size, properties, dictionary, None)?;
    reader.set_defer_errors(true);
    Ok(Box::new(reader))
}
