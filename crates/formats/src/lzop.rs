//! lzop: files packed with LZO1X.
//!
//! Specification: <https://github.com/nemequ/lzo/blob/master/doc/LZO.FAQ> and <https://docs.kernel.org/staging/lzo.html>,
//! which describes the stream. A header with the name is followed by blocks with their sizes.

use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink};

use crate::fields::{name, u16_be, u32_be};
use crate::unpack::{Steps, Unpacked, copy, crc32, damaged, reason, unsupported};
use crate::zip::methods::{Packed, Progress};
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"\x89LZO\0\r\n\x1a\n";
/// Largest block: other tools make 256 KiB, and the format allows 64 MiB.
const BLOCK: u32 = 64 << 20;
/// Flags: checksums of what comes out, and of what is packed.
const ADLER_OUT: u32 = 1;
const ADLER_PACKED: u32 = 2;
const EXTRA: u32 = 0x40;
const CRC_OUT: u32 = 0x100;
const CRC_PACKED: u32 = 0x200;
const FILTER: u32 = 0x800;

/// The lzop format.
pub(crate) struct Lzop;

impl Format for Lzop {
    fn file_type(&self) -> FileType {
        FileType::new("lzop")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        while content.window(offset, MAGIC.len())?.as_ref() == MAGIC {
            sink.pulse()?;
            let Some(header) = Header::parse(&content.window(offset, 512)?) else {
                sink.gap(Reason::Truncated, &format!("header at offset {offset} ends too early"));
                return Ok(());
            };
            let start = offset.saturating_add(header.size);
            let progress = Rc::new(Progress::default());
            let input = Packed::new(&content.from(start), &progress);
            if header.flags & FILTER != 0 {
                sink.gap(Reason::Unsupported, &format!("file at offset {offset} {:?}: filters", header.name));
            }
            let is_known = matches!(header.method, 1..=3 | 0x80);
            if !is_known {
                let detail = format!("file at offset {offset} {:?}: method {}", header.name, header.method);
                sink.gap(reason(ErrorKind::Unsupported), &detail);
                return sink.range(Child { name: "", relation: Relation::Overlay }, content.from(start));
            }
            let blocks = Blocks { input, flags: header.flags, has_ended: false };
            let mut body = Named { body: Unpacked::new(blocks, Vec::new(), 0, u64::MAX), offset };
            sink.child(Child { name: &header.name, relation: Relation::Stream }, &mut body)?;
            if let Some(error) = progress.failure() {
                return Err(error.into());
            }
            offset = start.saturating_add(progress.consumed().max(1));
        }
        if offset < content.size() {
            sink.anomaly("trailing-data", &format!("at offset {offset}"));
            sink.range(Child { name: "", relation: Relation::Overlay }, content.from(offset))?;
        }
        Ok(())
    }
}

struct Named<R> {
    body: R,
    offset: u64,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let place = self.offset;
        self.body
            .read(buffer)
            .map_err(|error| io::Error::new(error.kind(), format!("file at offset {place}: {error}")))
    }
}

struct Header {
    method: u8,
    flags: u32,
    name: String,
    size: u64,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let is_new = u16_be(bytes, 9)? >= 0x940;
        let method_at = if is_new { 15 } else { 13 };
        let method = *bytes.get(method_at)?;
        let flags_at: usize = if is_new { 17 } else { 14 };
        let flags = u32_be(bytes, flags_at)?;
        let filter = if flags & FILTER != 0 { 4 } else { 0 };
        // The mode and the time.
        let times = if is_new { 12 } else { 8 };
        let length_at = flags_at.checked_add(4)?.checked_add(filter)?.checked_add(times)?;
        let length = usize::from(*bytes.get(length_at)?);
        let start = length_at.checked_add(1)?;
        let end = start.checked_add(length)?;
        let name = name(bytes.get(start..end)?);
        let mut size = u64::try_from(end).ok()?.checked_add(4)?;
        if flags & EXTRA != 0 {
            size = size.checked_add(u32_be(bytes, end.checked_add(4)?)?.into())?.checked_add(8)?;
        }
        Some(Self { method, flags, name, size })
    }
}

struct Blocks<R> {
    input: R,
    flags: u32,
    has_ended: bool,
}

impl<R: Read> Blocks<R> {
    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }
}

impl<R: Read> Steps for Blocks<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.has_ended {
            return Ok(false);
        }
        let size = self.number()?;
        if size == 0 {
            self.has_ended = true;
            return Ok(false);
        }
        let packed = self.number()?;
        if size > BLOCK || packed > size {
            return Err(if packed > size {
                damaged("a block grew")
            } else {
                unsupported("a block is too large")
            });
        }
        let adler = if self.flags & ADLER_OUT != 0 { Some(self.number()?) } else { None };
        let sum = if self.flags & CRC_OUT != 0 { Some(self.number()?) } else { None };
        if packed < size {
            for flag in [ADLER_PACKED, CRC_PACKED] {
                if self.flags & flag != 0 {
                    self.number()?;
                }
            }
        }
        let mut bytes = Vec::new();
        (&mut self.input).take(packed.into()).read_to_end(&mut bytes)?;
        let is_cut = (bytes.len() as u64) < u64::from(packed);
        let start = output.len();
        let result = if packed == size {
            output.extend_from_slice(&bytes);
            Ok(())
        } else {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let mut fresh = Vec::new();
            let result = lzo(&bytes, &mut fresh, size);
            output.append(&mut fresh);
            result
        };
        if is_cut {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "a block ends too early"));
        }
        result?;
        let given = output.get(start..).unwrap_or_default();
        if given.len() as u64 != u64::from(size) {
            return Err(damaged("a block has another size"));
        }
        if sum.is_some_and(|sum| crc32(given) != sum) || adler.is_some_and(|sum| adler32(given) != sum) {
            return Err(damaged("the checksum of a block is wrong"));
        }
        Ok(true)
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = low.wrapping_add(u32::from(*byte)) % 65521;
        (low, high.wrapping_add(low) % 65521)
    });
    high << 16 | low
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn byte(&mut self) -> io::Result<usize> {
        let byte =
            self.bytes.get(self.at).copied().ok_or_else(|| damaged("a block of LZO ends too early"))?;
        self.at = self.at.saturating_add(1);
        Ok(usize::from(byte))
    }

    /// A length whose bits are all zero goes on in the bytes behind.
    fn length(&mut self, bits: usize, most: usize) -> io::Result<usize> {
        if bits > 0 {
            return Ok(bits);
        }
        let mut length = most;
        loop {
            match self.byte()? {
                0 => length = length.saturating_add(255),
                last => return Ok(length.saturating_add(last)),
            }
        }
    }

    fn literals(&mut self, count: usize, output: &mut Vec<u8>) -> io::Result<()> {
        let end = self.at.saturating_add(count);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = rest.get(..count).unwrap_or(rest);
        output.extend_from_slice(bytes);
        if bytes.len() < count {
            return Err(damaged("literals of LZO end too early"));
        }
        self.at = end;
        Ok(())
    }
}

/// Decodes a block of LZO1X of `size` bytes behind what is in `output`, which is empty.
///
/// # Errors
/// Damage in the block; what came out before counts.
pub(crate) fn lzo(bytes: &[u8], output: &mut Vec<u8>, size: usize) -> io::Result<()> {
    let mut input = Input { bytes, at: 0 };
    let mut state = 0;
    if let Some(first) = bytes.first().copied().filter(|first| *first >= 18) {
        input.at = 1;
        let count = usize::from(first).saturating_sub(17);
        input.literals(count, output)?;
        state = count.min(4);
    }
    while output.len() <= size {
        let code = input.byte()?;
        let (length, distance, trailing) = match code {
            0..=15 if state == 0 => {
                let count = input.length(code, 15)?.saturating_add(3);
                if count > size {
                    return Err(damaged("a block is larger than it says"));
                }
                input.literals(count, output)?;
                state = 4;
                continue;
            }
            0..=15 => {
                let high = input.byte()? << 2;
                let (length, more) = if state == 4 { (3, 2049) } else { (2, 1) };
                (length, (high | code >> 2).saturating_add(more), code & 3)
            }
            16..=31 => {
                let length = input.length(code & 7, 7)?.saturating_add(2);
                let word = input.byte()? | input.byte()? << 8;
                let distance = (word >> 2 | (code >> 3 & 1) << 14).saturating_add(16384);
                if distance == 16384 {
                    return Ok(());
                }
                (length, distance, word & 3)
            }
            32..=63 => {
                let length = input.length(code & 31, 31)?.saturating_add(2);
                let word = input.byte()? | input.byte()? << 8;
                (length, (word >> 2).saturating_add(1), word & 3)
            }
            _ => {
                let high = input.byte()? << 3;
                let length = if code < 128 {
                    (code >> 5 & 1).saturating_add(3)
                } else {
                    (code >> 5 & 3).saturating_add(5)
                };
                (length, (high | code >> 2 & 7).saturating_add(1), code & 3)
            }
        };
        let left = size.saturating_sub(output.len());
        copy(output, distance, length.min(left))?;
        if length > left {
            break;
        }
        input.literals(trailing, output)?;
        state = trailing;
    }
    Err(damaged("a block is larger than it says"))
}
