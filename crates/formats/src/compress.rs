//! compress: `.Z` files of Unix.
//!
//! Specification: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/compress.html> (the file is not described
//! there) and <https://en.wikipedia.org/wiki/Compress_(software)>. LZW with codes of 9 to 16 bits, written in groups of
//! eight: where the width changes, the rest of a group is left.

use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Sink};

use crate::unpack::{Check, Promise, Steps, Unpacked, damaged, hand_over, unsupported};
use crate::zip::methods::Packed;
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"\x1f\x9d";
const HEADER: u64 = 3;
const FIRST_WIDTH: u32 = 9;
const CLEAR: usize = 256;

/// The compress format.
pub(crate) struct Compress;

impl Format for Compress {
    fn file_type(&self) -> FileType {
        FileType::new("compress")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let flags = content.window(2, 1)?.first().copied().unwrap_or(0);
        let promise = Promise { size: None, check: Check::None };
        let body = content.from(HEADER);
        hand_over(sink, Child::stream(), "compress stream", &body, promise, |body, progress| {
            let most = u32::from(flags & 0x1f);
            if !(FIRST_WIDTH..=16).contains(&most) {
                return Err(unsupported(&format!("codes of {most} bits")));
            }
            let steps = Lzw::new(Packed::new(body, progress), most, flags & 0x80 != 0);
            Ok(Box::new(Unpacked::new(steps, Vec::new(), 0, u64::MAX)) as Box<dyn Read>)
        })?;
        Ok(())
    }
}

/// Codes in groups of eight.
pub(crate) struct Lzw<R> {
    input: R,
    most: u32,
    /// Whether a code clears the table.
    block: bool,
    width: u32,
    /// The group of eight codes that is read, and the bits of it that were.
    group: Vec<u8>,
    bit: usize,
    prefix: Vec<u16>,
    suffix: Vec<u8>,
    free: usize,
    previous: Option<usize>,
    first: u8,
}

impl<R: Read> Lzw<R> {
    pub(crate) fn new(input: R, most: u32, block: bool) -> Self {
        let size = 1_usize << most;
        Self {
            input,
            most,
            block,
            width: FIRST_WIDTH,
            group: Vec::new(),
            bit: 0,
            prefix: vec![0; size],
            suffix: vec![0; size],
            free: if block { 257 } else { 256 },
            previous: None,
            first: 0,
        }
    }

    fn code(&mut self) -> io::Result<Option<usize>> {
        let width = self.width as usize;
        if self.bit.saturating_add(width) > self.group.len().saturating_mul(8) {
            self.group.clear();
            self.bit = 0;
            Read::by_ref(&mut self.input).take(width as u64).read_to_end(&mut self.group)?;
            if self.group.len().saturating_mul(8) < width {
                return Ok(None);
            }
        }
        let code = (0..width).fold(0, |code, place| {
            let at = self.bit.saturating_add(place);
            let byte = self.group.get(at / 8).copied().unwrap_or_default();
            code | usize::from(byte >> (at % 8) & 1) << place
        });
        self.bit = self.bit.saturating_add(width);
        Ok(Some(code))
    }

    fn change_width(&mut self, width: u32) {
        self.width = width;
        self.group.clear();
        self.bit = 0;
    }
}

impl<R: Read> Steps for Lzw<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let table = 1_usize << self.most;
        if self.free >= 1 << self.width && self.width < self.most {
            self.change_width(self.width.saturating_add(1));
        }
        let Some(mut code) = self.code()? else { return Ok(false) };
        let Some(previous) = self.previous else {
            let byte = u8::try_from(code).map_err(|_| damaged("the first code is no byte"))?;
            output.push(byte);
            (self.previous, self.first) = (Some(code), byte);
            return Ok(true);
        };
        if self.block && code == CLEAR {
            self.free = CLEAR;
            self.change_width(FIRST_WIDTH);
            return Ok(true);
        }
        let met = code;
        let start = output.len();
        if code >= self.free {
            if code > self.free {
                return Err(damaged("a code is not yet known"));
            }
            output.push(self.first);
            code = previous;
        }
        // Prefixes are always smaller, but for what a clear code leaves; the table bounds the chain in any case.
        for _ in 0..table {
            if code < 256 {
                break;
            }
            output.push(self.suffix.get(code).copied().unwrap_or_default());
            code = usize::from(self.prefix.get(code).copied().unwrap_or_default());
        }
        self.first = u8::try_from(code).map_err(|_| damaged("a code leads to itself"))?;
        output.push(self.first);
        if let Some(appended) = output.get_mut(start..) {
            appended.reverse();
        }
        if let (Some(prefix), Some(suffix)) = (self.prefix.get_mut(self.free), self.suffix.get_mut(self.free))
        {
            *prefix = u16::try_from(previous).unwrap_or_default();
            *suffix = self.first;
            self.free = self.free.saturating_add(1);
        }
        self.previous = Some(met);
        Ok(true)
    }
}
