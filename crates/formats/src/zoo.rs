//! zoo: archives of Rahul Dhesi's zoo.
//!
//! Specification: <http://fileformats.archiveteam.org/wiki/Zoo>. Entries are a chain; what is deleted stays in it.

use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Sink};
use delharc::CompressionMethod;

use crate::bits::{Bits, LowFirst};
use crate::fields::{name, u16_le, u32_le};
use crate::unpack::{Check, Claimed, Promise, Steps, Unpacked, damaged, hand_over, stored, unsupported};
use crate::zip::methods::Packed;
use crate::{Format, Glimpse};

const SIGN: u32 = 0xfdc4_a7dc;
/// Entries of one archive.
const ENTRIES: u64 = 200_000;
/// Bytes of an entry before its long name.
const ENTRY: usize = 51;

/// The zoo format.
pub(crate) struct Zoo;

impl Format for Zoo {
    fn file_type(&self) -> FileType {
        FileType::new("zoo")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        u32_le(glimpse.head, 20) == Some(SIGN)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut claimed = Claimed::default();
        let head = content.window(0, 42)?;
        claimed.add(0, 34);
        let mut offset = u64::from(u32_le(&head, 24).unwrap_or(0));
        let mut last = 0;
        for position in 1..=ENTRIES {
            sink.pulse()?;
            let entry = content.window(offset, 512)?;
            let Some(entry) = Entry::parse(&entry) else {
                let reason = if offset >= content.size() { Reason::Truncated } else { Reason::Damaged };
                sink.gap(reason, &format!("no entry begins at offset {offset}"));
                break;
            };
            claimed.add(offset, ENTRY as u64);
            if entry.next == 0 {
                break;
            }
            sink.listed(Listed {
                name: &entry.name,
                packed: entry.packed,
                size: entry.size,
                encrypted: false,
                position: Some(position),
            });
            claimed.add(entry.offset, entry.packed);
            entry.open(&content.range(entry.offset, entry.packed), offset, sink)?;
            last = offset.max(last);
            if entry.next <= last {
                sink.gap(
                    Reason::Damaged,
                    &format!("entry at offset {offset} leads back to offset {}", entry.next),
                );
                break;
            }
            offset = entry.next;
        }
        claimed.hand_over_rest(content, 0, sink)
    }
}

struct Entry {
    method: u8,
    next: u64,
    offset: u64,
    crc: u16,
    size: u64,
    packed: u64,
    name: String,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        if u32_le(bytes, 0)? != SIGN {
            return None;
        }
        let mut title = name(bytes.get(38..51)?);
        if bytes.get(4) == Some(&2) {
            let length = bytes.get(56).copied().map_or(0, usize::from);
            let long = bytes.get(58..58_usize.saturating_add(length)).map(name).unwrap_or_default();
            if !long.is_empty() {
                title = long;
            }
        }
        Some(Self {
            method: *bytes.get(5)?,
            next: u32_le(bytes, 6)?.into(),
            offset: u32_le(bytes, 10)?.into(),
            crc: u16_le(bytes, 18)?,
            size: u32_le(bytes, 20)?.into(),
            packed: u32_le(bytes, 24)?.into(),
            name: title,
        })
    }

    fn open(&self, body: &Content, at: u64, sink: &mut dyn Sink) -> Flow {
        let place = format!("entry at offset {at} {:?}", self.name);
        let promise = Promise { size: Some(self.size), check: Check::Crc16(self.crc) };
        let (method, size) = (self.method, self.size);
        hand_over(sink, Child::member(&self.name), &place, body, promise, |body, progress| match method {
            0 => stored(body, progress),
            1 => Ok(Box::new(Unpacked::new(Lzd::new(Packed::new(body, progress)), Vec::new(), 0, size))),
            2 => crate::lha::decoder(CompressionMethod::Lh5, body, size, progress),
            _ => Err(unsupported(&format!("method {method} is not supported"))),
        })?;
        Ok(())
    }
}

const CLEAR: u16 = 256;
const END: u16 = 257;
const FIRST: u16 = 258;
const CODES: u16 = 1 << 13;

/// LZW with codes of 9 to 13 bits, one behind the other.
struct Lzd<R> {
    bits: LowFirst<R>,
    width: u32,
    /// Prefix and last byte of codes from the first that is none of the fixed.
    table: Vec<(u16, u8)>,
    previous: Option<u16>,
    first: u8,
}

impl<R: Read> Lzd<R> {
    fn new(input: R) -> Self {
        Self { bits: LowFirst::new(input), width: 9, table: Vec::new(), previous: None, first: 0 }
    }

    fn free(&self) -> u16 {
        FIRST.saturating_add(u16::try_from(self.table.len()).unwrap_or(CODES))
    }
}

impl<R: Read> Steps for Lzd<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let code = u16::try_from(self.bits.bits(self.width)?).unwrap_or(END);
        match code {
            END => return Ok(false),
            CLEAR => {
                self.table.clear();
                (self.width, self.previous) = (9, None);
                return Ok(true);
            }
            _ => {}
        }
        let Some(previous) = self.previous else {
            self.first = u8::try_from(code).map_err(|_| damaged("the first code is no byte"))?;
            output.push(self.first);
            self.previous = Some(code);
            return Ok(true);
        };
        let start = output.len();
        let mut at = code;
        if code >= self.free() {
            if code > self.free() {
                return Err(damaged("a code is not yet known"));
            }
            output.push(self.first);
            at = previous;
        }
        while let Some(place) = at.checked_sub(FIRST) {
            let Some((prefix, byte)) = self.table.get(usize::from(place)) else {
                return Err(damaged("a code leads to none"));
            };
            output.push(*byte);
            // Prefixes are always older, and so smaller.
            at = *prefix;
        }
        self.first = u8::try_from(at).map_err(|_| damaged("a code leads to none"))?;
        output.push(self.first);
        if let Some(appended) = output.get_mut(start..) {
            appended.reverse();
        }
        if self.free() < CODES {
            self.table.push((previous, self.first));
            if self.free() >= 1 << self.width && self.width < 13 {
                self.width = self.width.saturating_add(1);
            }
        }
        self.previous = Some(code);
        Ok(true)
    }
}
