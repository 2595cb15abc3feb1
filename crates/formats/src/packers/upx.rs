//! What UPX packs with, whatever it packs: the header that tells how, and the methods.
//!
//! Specification: none; <https://github.com/upx/upx/blob/devel/doc/upx-doc.txt> names the methods. Malware removes the
//! header, or breaks it, so that `upx -d` refuses the file: whoever uses this finds the packed bytes without it too.

use std::io::{self, ErrorKind, Read};

use lzma_rust2::LzmaReader;

use super::nrv::{self, Code};
use crate::fields::u32_le;

/// Most bytes that are unpacked from one piece.
pub(super) const LIMIT: usize = 128 << 20;

/// How something was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Nrv(Code, usize),
    Lzma,
    Deflate,
}

impl Method {
    /// The method of that number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        let words = |code, first: u8| match number.wrapping_sub(first) {
            0 => Some(Self::Nrv(code, 4)),
            1 => Some(Self::Nrv(code, 1)),
            2 => Some(Self::Nrv(code, 2)),
            _ => None,
        };
        match number {
            2..=4 => words(Code::B, 2),
            5..=7 => words(Code::D, 5),
            8..=10 => words(Code::E, 8),
            14 => Some(Self::Lzma),
            15 => Some(Self::Deflate),
            _ => None,
        }
    }

    /// Those that are tried where nothing tells which it was.
    pub(super) const ALL: [Self; 8] = [
        Self::Nrv(Code::E, 4),
        Self::Nrv(Code::B, 4),
        Self::Nrv(Code::D, 4),
        Self::Lzma,
        Self::Nrv(Code::E, 1),
        Self::Nrv(Code::B, 1),
        Self::Nrv(Code::D, 1),
        Self::Deflate,
    ];

    /// Unpacks at most `size` bytes. What came out before damage comes with it.
    pub(super) fn unpack(self, packed: &[u8], size: usize) -> (Vec<u8>, io::Result<()>) {
        let size = size.min(LIMIT);
        let (out, result) = match self {
            // Its end mark says where it ends.
            Self::Nrv(code, word) => return nrv::unpack(packed, code, word, size),
            Self::Lzma => match lzma(packed, size) {
                Ok(reader) => read(reader, size),
                Err(error) => (Vec::new(), Err(error)),
            },
            Self::Deflate => read(flate2::read::DeflateDecoder::new(packed), size),
        };
        let short = result.is_ok() && out.len() < size;
        (out, if short { Err(ErrorKind::UnexpectedEof.into()) } else { result })
    }
}

/// A stream of LZMA behind two bytes of its own with the three properties.
fn lzma(packed: &[u8], size: usize) -> io::Result<LzmaReader<&[u8]>> {
    let (Some([first, second]), Some(rest)) = (packed.first_chunk::<2>(), packed.get(2..)) else {
        return Err(ErrorKind::UnexpectedEof.into());
    };
    let (position, high, literal) = (first & 7, second >> 4, second & 15);
    if first >> 3 != high.saturating_add(literal) || literal > 8 || high > 4 || position > 4 {
        return Err(ErrorKind::InvalidData.into());
    }
    let dictionary = u32::try_from(size).unwrap_or(u32::MAX).max(4096);
    LzmaReader::new(rest, size as u64, literal.into(), high.into(), position.into(), dictionary, None)
}

fn read(mut reader: impl Read, size: usize) -> (Vec<u8>, io::Result<()>) {
    let mut out = Vec::new();
    let result = reader.by_ref().take(size as u64).read_to_end(&mut out);
    (out, result.map(|_| ()))
}

/// The header of 32 bytes that tells how a program was packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackHeader {
    pub(super) method: u8,
    pub(super) unpacked: u32,
    pub(super) packed: u32,
    pub(super) filter: u8,
    pub(super) mark: u8,
}

/// Bytes of a [`PackHeader`].
pub(super) const PACK_HEADER: usize = 32;
/// What it begins with.
pub(super) const MAGIC: &[u8; 4] = b"UPX!";

impl PackHeader {
    /// The header at the start of `bytes`, whatever it begins with.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            method: *bytes.get(6)?,
            unpacked: u32_le(bytes, 16)?,
            packed: u32_le(bytes, 20)?,
            filter: *bytes.get(28)?,
            mark: *bytes.get(29)?,
        })
    }
}
