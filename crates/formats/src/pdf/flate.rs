//! FlateDecode: ISO 32000-1, 7.4.4; RFC 1950 and 1951.
//!
//! Readers do without a right header and without the checksum, so both are only skipped here.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::input::Input;

/// A reader of the inflated bytes.
pub(super) struct Flate {
    input: Input,
    inflate: Decompress,
    begun: bool,
    end: Option<io::Result<()>>,
    header: u64,
    consumed: Option<Rc<Cell<u64>>>,
}

impl Flate {
    pub(super) fn new(reader: Box<dyn Read>) -> Self {
        Self {
            input: Input::new(reader),
            inflate: Decompress::new(false),
            begun: false,
            end: None,
            header: 0,
            consumed: None,
        }
    }

    /// The same, which tells how many bytes it read when it came to its end.
    pub(super) fn counting(self, consumed: &Rc<Cell<u64>>) -> Self {
        Self { consumed: Some(Rc::clone(consumed)), ..self }
    }

    /// Goes behind the header. Line ends that belong to no stream stand before some.
    fn skip_header(&mut self) -> io::Result<()> {
        let head = self.input.fill()?;
        let blank = head.iter().take(4).take_while(|byte| byte.is_ascii_whitespace()).count();
        let at = |count: usize| head.get(count..).is_some_and(is_header).then(|| count.saturating_add(2));
        // A header that is wrong is one all the same for most readers, if it names the method.
        let wrong = || head.first().filter(|byte| **byte & 0x0f == 8).map(|_| 2);
        let skip = at(0).or_else(|| at(blank)).or_else(wrong).unwrap_or(0);
        self.header = skip as u64;
        self.input.consume(skip);
        Ok(())
    }
}

/// Whether these bytes begin with the header of a zlib stream.
pub(super) fn is_header(head: &[u8]) -> bool {
    let number = crate::fields::u16_be(head, 0).unwrap_or(u16::MAX);
    number & 0x0f00 == 0x0800 && number >> 12 <= 7 && number.is_multiple_of(31) && number & 0x20 == 0
}

impl Read for Flate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.begun, true) {
            self.skip_header()?;
        }
        while self.end.is_none() && !buffer.is_empty() {
            let packed = match self.input.fill() {
                Ok(packed) => packed,
                Err(error) => {
                    self.end = Some(Err(error));
                    break;
                }
            };
            let ended = packed.is_empty();
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let result = self.inflate.decompress(packed, buffer, FlushDecompress::None);
            let read = self.inflate.total_in().saturating_sub(before_in);
            let written = self.inflate.total_out().saturating_sub(before_out);
            self.input.consume(usize::try_from(read).unwrap_or(usize::MAX));
            self.end = match result {
                Ok(Status::StreamEnd) => Some(Ok(())),
                Ok(_) if ended && written == 0 => Some(Err(ErrorKind::UnexpectedEof.into())),
                Ok(_) if read == 0 && written == 0 => {
                    Some(Err(io::Error::new(ErrorKind::InvalidData, "deflate data without progress")))
                }
                Ok(_) => None,
                Err(_) => Some(Err(io::Error::new(ErrorKind::InvalidData, "bad deflate data"))),
            };
            if let (Some(Ok(())), Some(consumed)) = (&self.end, &self.consumed) {
                consumed.set(self.header.saturating_add(self.inflate.total_in()));
            }
            if written > 0 {
                return Ok(usize::try_from(written).unwrap_or(usize::MAX).min(buffer.len()));
            }
        }
        match &mut self.end {
            Some(end) if !buffer.is_empty() => std::mem::replace(end, Ok(())).map(|()| 0),
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(bytes: Vec<u8>) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let whole = Flate::new(Box::new(io::Cursor::new(bytes))).read_to_end(&mut out).is_ok();
        (out, whole)
    }

    #[test]
    fn headers_and_checksums_do_not_matter() {
        let good = packed(b"some text some text");
        let expected = (b"some text some text".to_vec(), true);
        assert_eq!(unpacked(good.clone()), expected);
        assert_eq!(unpacked([b"\r\n", &good[..]].concat()), expected);
        assert_eq!(unpacked(good[2..].to_vec()), expected);
        assert_eq!(unpacked(good[..good.len() - 4].to_vec()), expected);
        let mut wrong = good.clone();
        wrong[1] = 0;
        assert_eq!(unpacked(wrong), expected);
        assert!(!unpacked(good[..12].to_vec()).1);
    }
}
