//! What lies behind the program of an installer.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Sink};
use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use super::overlay;
use crate::fields::{name, u16_le, u32_le};
use crate::unpack::{Check, Promise, Steps, Unpacked, damaged, hand_over, stored};
use crate::zip::methods::Packed;
use crate::{Format, Glimpse};

const OLD: &[u8] = b"InstallShield\0";
const NEW: &[u8] = b"ISSetupStream\0";
/// Bytes of the header, and of an entry of either kind.
const HEADER: u64 = 46;
const OLD_ENTRY: u64 = 312;
const NEW_ENTRY: u64 = 24;
/// What names are encoded with, before they encode.
const KEY: [u8; 4] = [0x13, 0x35, 0x86, 0x07];
/// Where the key begins again.
const PERIOD: usize = 1024;
/// Longest name.
const NAME: u64 = 1024;

/// The installshield-msi format: entries with encoded content.
pub(crate) struct Setup;

fn magic(head: &[u8]) -> Option<usize> {
    let place = memmem::find(head, OLD).into_iter().chain(memmem::find(head, NEW)).min()?;
    // Debug data of the linker may stand in front.
    (place == 0 || head.starts_with(b"NB10") || head.starts_with(b"RSDS")).then_some(place)
}

impl Format for Setup {
    fn file_type(&self) -> FileType {
        FileType::new("installshield-msi")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        magic(glimpse.head.get(..512).unwrap_or(glimpse.head)).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 1024)?;
        let Some(place) = magic(&head) else {
            sink.gap(Reason::Unsupported, "no list of files begins here");
            return Ok(());
        };
        overlay(content.range(0, place as u64), sink)?;
        let count = u16_le(&head, place.saturating_add(14)).unwrap_or(0);
        let is_new = head.get(place..).is_some_and(|rest| rest.starts_with(NEW));
        // A kind of list whose entries have more behind them.
        let more = u32_le(&head, place.saturating_add(16)) == Some(4);
        let mut offset = HEADER.saturating_add(place as u64);
        for position in 1..=count {
            sink.pulse()?;
            let entry = content.window(offset, 312)?;
            let parsed = if is_new { Entry::parse_new(&entry, more) } else { Entry::parse_old(&entry) };
            let Some(mut entry) = parsed else {
                let detail = format!("entry {position} of {count} at offset {offset} ends too early");
                sink.gap(Reason::Truncated, &detail);
                return Ok(());
            };
            let mut start = offset.saturating_add(entry.header);
            if is_new {
                let length = usize::try_from(entry.name_size.min(NAME)).unwrap_or(0);
                let text = content.window(start, length)?;
                let units: Vec<u16> = text.chunks_exact(2).filter_map(|unit| u16_le(unit, 0)).collect();
                entry.name = String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned();
                entry.key = entry.name.clone().into_bytes();
                start = start.saturating_add(entry.name_size);
            }
            sink.listed(Listed {
                name: &entry.name,
                packed: entry.size,
                size: entry.size,
                encrypted: false,
                position: Some(position.into()),
            });
            let body = content.range(start, entry.size);
            entry.open(&body, offset, sink)?;
            offset = start.saturating_add(entry.size);
            if offset > content.size() {
                let detail =
                    format!("entry {:?}: {} of {} bytes are there", entry.name, body.size(), entry.size);
                sink.gap(Reason::Truncated, &detail);
                return Ok(());
            }
        }
        overlay(content.from(offset), sink)
    }
}

struct Entry {
    name: String,
    name_size: u64,
    key: Vec<u8>,
    flags: u32,
    size: u64,
    header: u64,
}

impl Entry {
    fn parse_old(bytes: &[u8]) -> Option<Self> {
        let text = bytes.get(..260)?;
        bytes.get(311)?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(260);
        Some(Self {
            name: name(text),
            name_size: 0,
            key: text.get(..end)?.to_vec(),
            flags: u32_le(bytes, 260)?,
            size: u32_le(bytes, 268)?.into(),
            header: OLD_ENTRY,
        })
    }

    fn parse_new(bytes: &[u8], more: bool) -> Option<Self> {
        Some(Self {
            name: String::new(),
            name_size: u32_le(bytes, 0)?.into(),
            key: Vec::new(),
            flags: u32_le(bytes, 4)?,
            size: u32_le(bytes, 10)?.into(),
            header: if more { NEW_ENTRY.saturating_mul(2) } else { NEW_ENTRY },
        })
    }

    fn open(&self, body: &Content, offset: u64, sink: &mut dyn Sink) -> Flow {
        let place = format!("entry at offset {offset} {:?}", self.name);
        let child = Child::member(&self.name);
        let is_encoded = self.flags & 6 != 0 && !self.key.is_empty();
        let promise = Promise { size: None, check: Check::None };
        let key = Key { bytes: self.key.clone(), restarts: self.flags & 4 != 0, position: 0 };
        let mut head = body.window(0, 2)?.into_owned();
        if is_encoded {
            key.clone().decode(&mut head);
        }
        let is_packed = matches!(*head, [first, second] if first & 15 == 8 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0);
        if !is_encoded && !is_packed {
            return sink.range(child, body.clone());
        }
        hand_over(sink, child, &place, body, promise, |body, progress| {
            let input: Box<dyn Read> = if is_encoded {
                Box::new(Decoded { input: Packed::new(body, progress), key })
            } else {
                stored(body, progress)?
            };
            if !is_packed {
                return Ok(input);
            }
            Ok(Box::new(Unpacked::new(Inflate::zlib(BufReader::new(input)), Vec::new(), 0, u64::MAX)))
        })?;
        Ok(())
    }
}

#[derive(Clone)]
struct Key {
    bytes: Vec<u8>,
    restarts: bool,
    position: usize,
}

impl Key {
    fn decode(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let place = self.position.checked_rem(self.bytes.len()).unwrap_or(0);
            let key = self.bytes.get(place).copied().unwrap_or(0) ^ KEY.get(place % 4).copied().unwrap_or(0);
            *byte = !(key ^ byte.rotate_left(4));
            self.position = self.position.wrapping_add(1);
            if self.restarts {
                self.position %= PERIOD;
            }
        }
    }
}

struct Decoded<R> {
    input: R,
    key: Key,
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.key.decode(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Deflate of any input.
pub(super) struct Inflate<R> {
    input: R,
    inflate: Decompress,
}

impl<R: BufRead> Inflate<R> {
    pub(super) fn plain(input: R) -> Self {
        Self { input, inflate: Decompress::new(false) }
    }

    fn zlib(input: R) -> Self {
        Self { input, inflate: Decompress::new(true) }
    }
}

impl<R: BufRead> Steps for Inflate<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut buffer = [0; 8192];
        let packed = self.input.fill_buf()?;
        let is_over = packed.is_empty();
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(packed, &mut buffer, FlushDecompress::None);
        let taken = usize::try_from(self.inflate.total_in().saturating_sub(before_in)).unwrap_or(0);
        let given = usize::try_from(self.inflate.total_out().saturating_sub(before_out)).unwrap_or(0);
        self.input.consume(taken);
        output.extend_from_slice(buffer.get(..given).unwrap_or_default());
        match result {
            Ok(Status::StreamEnd) => Ok(false),
            Ok(_) if is_over && given == 0 => {
                Err(io::Error::new(ErrorKind::UnexpectedEof, "the stream ends too early"))
            }
            Ok(_) if taken == 0 && given == 0 => Err(damaged("the stream does not go on")),
            Ok(_) => Ok(true),
            Err(_) => Err(damaged("invalid deflate stream")),
        }
    }
}

/// The installshield format: files as they are, each behind its name, path, version and size as texts.
pub(crate) struct Records;

struct Record {
    name: String,
    size: u64,
    header: u64,
}

impl Record {
    fn parse(bytes: &[u8], is_wide: bool) -> Option<Self> {
        let step = if is_wide { 2 } else { 1 };
        let mut texts = Vec::new();
        let mut at = 0_usize;
        for _ in 0..4 {
            let mut text = String::new();
            loop {
                let unit = if is_wide { u16_le(bytes, at)? } else { u16::from(*bytes.get(at)?) };
                at = at.saturating_add(step);
                match char::from_u32(unit.into()) {
                    Some('\0') => break,
                    Some(letter) if letter >= ' ' && text.len() < 1024 => text.push(letter),
                    _ => return None,
                }
            }
            texts.push(text);
        }
        let [title, path, version, size] = <[String; 4]>::try_from(texts).ok()?;
        let version_fits = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b' ');
        if title.is_empty()
            || !version_fits
            || size.is_empty()
            || !size.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let name = if path.is_empty() { title } else { path };
        Some(Self { name, size: size.parse().ok()?, header: at as u64 })
    }
}

/// Where records begin, and whether their texts are wide.
fn start(head: &[u8]) -> Option<(u64, bool)> {
    let places: [(usize, bool); 4] = [(0, false), (0, true), (4, true), (4, false)];
    places.into_iter().find_map(|(place, is_wide)| {
        let record = Record::parse(head.get(place..)?, is_wide)?;
        // Without a path it could be anything.
        record.name.contains('\\').then_some((place as u64, is_wide))
    })
}

impl Format for Records {
    fn file_type(&self) -> FileType {
        FileType::new("installshield")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        start(glimpse.head.get(..2048).unwrap_or(glimpse.head)).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some((mut offset, is_wide)) = start(&content.window(0, 2048)?) else { return Ok(()) };
        while offset < content.size() {
            sink.pulse()?;
            let Some(record) = Record::parse(&content.window(offset, 4096)?, is_wide) else {
                // A signature or zeros may follow.
                let rest = content.window(offset, 4096)?;
                let is_signature = rest.get(4..8) == Some(&[0, 2, 2, 0]);
                if !is_signature && rest.iter().any(|byte| *byte != 0) {
                    sink.gap(Reason::Damaged, &format!("no record begins at offset {offset}"));
                }
                break;
            };
            let begin = offset.saturating_add(record.header);
            let (name, size) = (record.name.as_str(), record.size);
            sink.listed(Listed { name, packed: size, size, encrypted: false, position: None });
            let body = content.range(begin, size);
            if body.size() < size {
                let detail =
                    format!("{name:?} at offset {offset}: {} of {size} bytes are there", body.size());
                sink.gap(Reason::Truncated, &detail);
            }
            sink.range(Child::member(name), body)?;
            offset = begin.saturating_add(size);
        }
        overlay(content.from(offset), sink)
    }
}
