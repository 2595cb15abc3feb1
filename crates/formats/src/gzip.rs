//! gzip: every member of the stream, one after the other.
//!
//! Specification: RFC 1952, <https://www.rfc-editor.org/rfc/rfc1952>. Several members in a row are one content
//! (section 2.2), which tools that read only the first member miss.
//!
//! The header is read here and not by flate2, which gives up at reserved flags and at a wrong header checksum;
//! other readers do not, so a header that is a little wrong must not hide its content.

use std::io::{self, BufRead, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Sink};
use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::fields::u32_le;
use crate::frames::{self, Frame, Frames, Input};
use crate::{Format, Glimpse};

const HEADER: usize = 10;
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
/// Longest name that is looked at; longer ones are cut.
const LONGEST_NAME: usize = 1024;

/// The gzip format.
pub(crate) struct Gzip;

impl Format for Gzip {
    fn file_type(&self) -> FileType {
        FileType::new("gzip")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, &[0x1f, 0x8b, 8])
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        // The first member is believed on its magic, those behind damage only on more.
        let plausible = content.window(0, HEADER)?.get(3..HEADER).is_some_and(plausible);
        if plausible { frames::open(&Self, content, sink) } else { frames::open(&AnyMember, content, sink) }
    }
}

/// Members whose headers no known writer writes.
struct AnyMember;

impl Frames for AnyMember {
    fn noun(&self) -> &'static str {
        Gzip.noun()
    }

    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(&[0x1f, 0x8b, 8])
    }

    fn open_frame(&self, head: &[u8], input: Input) -> io::Result<Frame> {
        Gzip.open_frame(head, input)
    }

    fn name(&self, content: &Content, offset: u64) -> io::Result<String> {
        Gzip.name(content, offset)
    }
}

/// Whether the header after the method (flags, time, extra flags, system) is one that a known writer writes.
fn plausible(rest: &[u8]) -> bool {
    let [flags, _, _, _, _, extra_flags, system] = *rest else {
        return false;
    };
    flags < 32 && matches!(extra_flags, 0 | 2 | 4) && (system <= 13 || system == 255)
}

impl Frames for Gzip {
    fn noun(&self) -> &'static str {
        "gzip member"
    }

    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(&[0x1f, 0x8b, 8]) && head.get(3..HEADER).is_some_and(plausible)
    }

    fn open_frame(&self, _head: &[u8], mut input: Input) -> io::Result<Frame> {
        let mut header = [0; HEADER];
        input.read_exact(&mut header)?;
        let [_, _, _, flags, ..] = header;
        if flags & EXTRA != 0 {
            let mut size = [0; 2];
            input.read_exact(&mut size)?;
            let size = u64::from(u16::from_le_bytes(size));
            io::copy(&mut Read::by_ref(&mut input).take(size), &mut io::sink())?;
        }
        for _ in [NAME, COMMENT].iter().filter(|flag| flags & **flag != 0) {
            input.skip_until(0)?;
        }
        if flags & HEADER_CRC != 0 {
            input.read_exact(&mut [0; 2])?;
        }
        Ok(Frame::Packed(Box::new(Member {
            input,
            inflate: Decompress::new(false),
            crc: Crc::new(),
            error: None,
            over: false,
        })))
    }

    fn name(&self, content: &Content, offset: u64) -> io::Result<String> {
        let header = content.window(offset, 12)?;
        let flags = header.get(3).copied().unwrap_or(0);
        if flags & NAME == 0 {
            return Ok(String::new());
        }
        let mut start = offset.saturating_add(HEADER as u64);
        if flags & EXTRA != 0 {
            let size = crate::fields::u16_le(&header, HEADER).unwrap_or(0);
            start = start.saturating_add(2).saturating_add(u64::from(size));
        }
        Ok(crate::fields::name(&content.window(start, LONGEST_NAME)?))
    }
}

struct Member {
    input: Input,
    inflate: Decompress,
    crc: Crc,
    /// An error that came together with output.
    error: Option<io::Error>,
    over: bool,
}

impl Member {
    fn inflate(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let available = self.input.fill_buf()?;
            let ended = available.is_empty();
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let result = self.inflate.decompress(available, buffer, FlushDecompress::None);
            let read = self.inflate.total_in().saturating_sub(before_in);
            let written = self.inflate.total_out().saturating_sub(before_out);
            self.input.consume(usize::try_from(read).unwrap_or(usize::MAX));
            let written = usize::try_from(written).unwrap_or(usize::MAX).min(buffer.len());
            match result {
                Ok(Status::StreamEnd) => self.over = true,
                Ok(_) if written == 0 && ended => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) if written == 0 => continue,
                Ok(_) => {}
                Err(_) => self.error = Some(io::Error::new(ErrorKind::InvalidData, "bad deflate data")),
            }
            return Ok(written);
        }
    }

    fn check_trailer(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        self.input.read_exact(&mut trailer)?;
        if u32_le(&trailer, 0) != Some(self.crc.sum()) {
            return Err(io::Error::new(ErrorKind::InvalidData, "the checksum is wrong"));
        }
        if u32_le(&trailer, 4) != Some(self.crc.amount()) {
            return Err(io::Error::new(ErrorKind::InvalidData, "the size in the trailer is wrong"));
        }
        Ok(())
    }
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.over && self.error.is_none() {
            let count = self.inflate(buffer)?;
            self.crc.update(buffer.get(..count).unwrap_or_default());
            if count > 0 {
                return Ok(count);
            }
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.check_trailer().map(|()| 0),
        }
    }
}
