//! The compression methods of zip: from a method number to a decoder.
//!
//! Specification: APPNOTE.TXT 6.3.10, sections 4.4.5 and 5. All of these streams end by themselves, so decoders
//! are given everything up to the end of the content: a header that claims too small a size (BadPack, 2024)
//! hides nothing. The `bzip2` backend aborts when it is read again after an error; nothing here does that.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Content, Reader};

use super::decoders::{
    Pieces, Streams, ZSTD_STARTS, lzma_dictionary, open_bzip2, open_lzma, open_xz, open_zstd,
};
use super::old::{self, WIDE};
use crate::held::briefly;

/// Stored: no compression.
pub(crate) const STORED: u16 = 0;
/// Deflate.
pub(crate) const DEFLATE: u16 = 8;

/// Implode with a window of 8 KiB, which a flag of the member tells.
pub(crate) const WIDE_IMPLODE: u16 = 6 | WIDE;

/// The name of a method, or nothing if APPNOTE assigns none to the number.
pub(crate) fn method_name(method: u16) -> Option<&'static str> {
    Some(match method {
        0 => "stored",
        1 => "shrink",
        2..=5 => "reduce",
        6 | WIDE_IMPLODE => "implode",
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
    matches!(method, 1..=6 | 8 | 9 | 12 | 14 | 20 | 93 | 95 | 98 | WIDE_IMPLODE)
}

/// How many bytes a decoder may have taken from its input beyond the end of its stream.
pub(crate) fn read_ahead(method: u16) -> u64 {
    match method {
        DEFLATE => 0,
        14 => 64 << 10,
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

    /// Whether the decoder has met the end of its input.
    pub(crate) fn starved(&self) -> bool {
        self.starved.get()
    }

    /// The error of reading the content, if there was one: not the decoder's fault.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.borrow_mut().take()
    }
}

/// A decoder of `method` for the stream at the start of `content`, which may be followed by other bytes.
///
/// Only LZMA and the methods from before deflate need to be told their `end`.
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
        DEFLATE => Box::new(Pieces::deflate(input)),
        9 => Box::new(Pieces::deflate64(input)),
        12 => Box::new(Streams::new(content, progress, open_bzip2, &[(0, b"BZh")])?),
        14 => open_lzma(input, content.size(), end)?,
        1..=6 | 98 | WIDE_IMPLODE => {
            let size = if let StreamEnd::Size(size) = end { size } else { u64::MAX };
            old::open(method, input, size)?
        }
        20 | 93 => Box::new(Streams::new(content, progress, open_zstd, ZSTD_STARTS)?),
        95 => Box::new(Streams::new(content, progress, open_xz, &[(0, b"\xfd7zXZ\0")])?),
        _ => {
            return Err(Error::new(ErrorKind::Unsupported, format!("method {method} is not supported")));
        }
    };
    Ok(Box::new(Truthful { decoder, progress: Rc::clone(progress) }))
}

/// Bytes that the decoder of `method` holds beside what it puts out, as the stream at the start of `content` says. A stream
/// behind it may say more, which no tool writes.
///
/// # Errors
/// Those of reading the content.
pub(crate) fn memory(method: u16, content: &Content) -> io::Result<u64> {
    let head = content.window(0, 32)?;
    let memory = match method {
        14 => lzma_dictionary(&head, content.size()).into(),
        20 | 93 => crate::zstd::window(&head).unwrap_or(0),
        95 => crate::xz::dictionary(&head),
        98 => old::ppmd_memory(&head).into(),
        _ => 0,
    };
    Ok(briefly(memory))
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
pub(crate) struct Packed {
    reader: BufReader<Reader>,
    progress: Rc<Progress>,
}

impl Packed {
    /// A cursor at the start of `content`.
    pub(crate) fn new(content: &Content, progress: &Rc<Progress>) -> Self {
        let capacity = usize::try_from(content.size()).unwrap_or(usize::MAX).clamp(16, 32 << 10);
        Self { reader: BufReader::with_capacity(capacity, content.reader()), progress: Rc::clone(progress) }
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
        self.progress.consumed.set(self.progress.consumed.get().saturating_add(count as u64));
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
