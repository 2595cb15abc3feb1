//! The blocks of an archive as they follow each other, read here so that a cut or a damaged block does not hide the others.

use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};

use candor_object::{Child, Content, Flow, Reason, Relation, Sink};
use flate2::Crc;

use crate::fields::{u16_le, u32_le};
use crate::search::find;

use super::Clock;

/// The sign of archives of RAR 1.5 to 4, and that of RAR 5 and later.
pub(super) const OLD: &[u8; 7] = b"Rar!\x1a\x07\0";
pub(super) const NEW: &[u8; 8] = b"Rar!\x1a\x07\x01\0";
/// The most blocks of an archive that are read.
pub(super) const MOST_BLOCKS: usize = 1 << 16;
/// The largest header of RAR 5.
const LARGEST_HEADER: u64 = 2 << 20;
/// The largest header that is found again behind damage.
const FOUND_HEADER: usize = 512;
/// The most that a block may claim.
const LARGEST_DATA: u64 = 1 << 42;

/// A block's header.
#[derive(Clone, Copy, Debug)]
struct Block {
    kind: u64,
    /// Bytes of the header and of what belongs to it.
    whole: u64,
    /// What the checksum has to be, if it is another.
    repair: Option<[u8; 4]>,
    repaired: usize,
    /// Whether all behind it is encrypted.
    encrypts: bool,
}

/// An archive as it would be without its damage.
#[derive(Default)]
pub(super) struct Repaired {
    segments: Vec<(u64, Segment)>,
    size: u64,
    position: u64,
    clock: Clock,
}

#[derive(Clone)]
enum Segment {
    There(Content),
    Bytes([u8; 4], u64),
    /// Not there.
    Missing(u64),
}

impl Segment {
    fn size(&self) -> u64 {
        match self {
            Self::There(content) => content.size(),
            Self::Bytes(_, size) | Self::Missing(size) => *size,
        }
    }
}

/// Rounds of the key of encrypted headers as a power of two, if RAR 5 wrote them.
pub(super) fn header_rounds(archive: &Content) -> io::Result<Option<u8>> {
    let head = archive.window(0, 64)?;
    let read = || {
        let (_, at) = number(&head, 12)?;
        let (kind, at) = number(&head, at)?;
        let (flags, mut at) = number(&head, at)?;
        for bit in [1, 2] {
            if flags & bit != 0 {
                at = number(&head, at)?.1;
            }
        }
        let (_, at) = number(&head, at)?;
        let (_, at) = number(&head, at)?;
        head.get(at).copied().filter(|_| kind == 4)
    };
    Ok(if head.starts_with(NEW) { read() } else { None })
}

/// Goes from block to block; notes what is damaged and hands over what is none.
pub(super) fn walk(archive: &Content, sink: &mut dyn Sink) -> Result<Repaired, candor_object::Stop> {
    let is_new = archive.window(0, 8)?.starts_with(NEW);
    let mut offset = if is_new { NEW.len() } else { OLD.len() } as u64;
    let mut repaired = Repaired::default();
    repaired.push(Segment::There(archive.range(0, offset)));
    for count in 0_usize.. {
        if offset >= archive.size() {
            break;
        }
        if count == MOST_BLOCKS {
            sink.gap(
                Reason::Unsupported,
                &format!("blocks from offset {offset} on: more than {MOST_BLOCKS}"),
            );
            break;
        }
        sink.pulse()?;
        let block = read(archive, offset, is_new)?;
        let block = match block {
            Some(block) if block.repair.is_none() => block,
            // A checksum alone is wrong where another block follows.
            Some(block) if follows(archive, offset.saturating_add(block.whole), is_new)? => {
                sink.gap(Reason::Damaged, &format!("header at offset {offset}: wrong checksum"));
                block
            }
            _ => {
                let begins = |head: &[u8]| {
                    is_new
                        && parse_new(head)
                            .is_some_and(|block| block.repair.is_none() && matches!(block.kind, 2 | 3))
                        || !is_new
                            && parse_old(head).is_some_and(|block| {
                                block.repair.is_none() && matches!(block.kind, 0x74 | 0x7a)
                            })
                };
                let next = find(archive, offset.saturating_add(1), (1, FOUND_HEADER), sink, begins)?;
                let end = next.unwrap_or_else(|| archive.size());
                sink.gap(Reason::Damaged, &format!("no block from offset {offset} to offset {end}"));
                overlay(archive.range(offset, end.saturating_sub(offset)), sink)?;
                offset = end;
                continue;
            }
        };
        let end = offset.saturating_add(block.whole);
        if block.encrypts {
            repaired.push(Segment::There(archive.from(offset)));
            return Ok(repaired);
        }
        if let Some(checksum) = block.repair {
            repaired.push(Segment::Bytes(checksum, block.repaired as u64));
            let start = offset.saturating_add(block.repaired as u64);
            repaired.push(Segment::There(archive.range(start, end.saturating_sub(start))));
        } else {
            repaired.push(Segment::There(archive.range(offset, block.whole)));
        }
        if end > archive.size() {
            repaired.push(Segment::Missing(end.saturating_sub(archive.size())));
            let detail = format!(
                "the block at offset {offset}: {} bytes are missing",
                end.saturating_sub(archive.size())
            );
            sink.gap(Reason::Truncated, &detail);
        }
        offset = end;
        let is_end = block.kind == if is_new { 5 } else { 0x7b };
        if is_end {
            overlay(archive.from(offset), sink)?;
            break;
        }
    }
    Ok(repaired)
}

fn overlay(content: Content, sink: &mut dyn Sink) -> Flow {
    if content.size() == 0 {
        return Ok(());
    }
    sink.range(Child { name: "", relation: Relation::Overlay }, content)
}

fn follows(archive: &Content, offset: u64, is_new: bool) -> io::Result<bool> {
    if offset == archive.size() {
        return Ok(true);
    }
    Ok(read(archive, offset, is_new)?.is_some_and(|block| block.repair.is_none()))
}

fn read(archive: &Content, offset: u64, is_new: bool) -> io::Result<Option<Block>> {
    let head = archive.window(offset, FOUND_HEADER)?;
    if !is_new {
        let size = u16_le(&head, 5).unwrap_or(0);
        return Ok(parse_old(&archive.window(offset, usize::from(size))?));
    }
    let Some((size, at)) = number(&head, 4).filter(|(size, _)| *size <= LARGEST_HEADER) else {
        return Ok(None);
    };
    let size = usize::try_from(size).unwrap_or(0).saturating_add(at);
    Ok(if size <= FOUND_HEADER { parse_new(&head) } else { parse_new(&archive.window(offset, size)?) })
}

/// A number of seven bits a byte, and where it ends.
fn number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for index in 0..10_usize {
        let place = at.checked_add(index)?;
        let byte = *bytes.get(place)?;
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value, place.checked_add(1)?));
        }
    }
    None
}

fn parse_new(head: &[u8]) -> Option<Block> {
    let (size, start) = number(head, 4)?;
    let (kind, at) = number(head, start)?;
    if !(1..=5).contains(&kind) || size > LARGEST_HEADER {
        return None;
    }
    let (flags, mut at) = number(head, at)?;
    if flags & 1 != 0 {
        at = number(head, at)?.1;
    }
    let data = if flags & 2 != 0 { number(head, at)?.0 } else { 0 };
    let header = size.checked_add(start as u64)?;
    let bytes = head.get(4..usize::try_from(header).ok()?)?;
    let sum = crc(bytes).to_le_bytes();
    let whole = header.checked_add(data).filter(|_| data <= LARGEST_DATA)?;
    let repair = (!head.starts_with(&sum)).then_some(sum);
    Some(Block { kind, whole, repair, repaired: 4, encrypts: kind == 4 })
}

fn parse_old(head: &[u8]) -> Option<Block> {
    let kind = u64::from(*head.get(2)?);
    let flags = u16_le(head, 3)?;
    let header = u16_le(head, 5)?;
    if !(0x72..=0x7b).contains(&kind) || header < 7 {
        return None;
    }
    let is_file = matches!(kind, 0x74 | 0x7a);
    let mut data = 0_u64;
    if is_file || flags & 0x8000 != 0 {
        data = u64::from(u32_le(head, 7)?);
    }
    if is_file && flags & 0x100 != 0 {
        data |= u64::from(u32_le(head, 32)?).checked_shl(32)?;
    }
    let whole = u64::from(header).checked_add(data).filter(|_| data <= LARGEST_DATA)?;
    let [first, second, ..] = crc(head.get(2..usize::from(header))?).to_le_bytes();
    // Old comments lie within the header and are not summed; others sum parts of their data.
    let has_comment = kind == 0x73 && flags & 2 != 0 || kind == 0x74 && flags & 8 != 0;
    let is_summed = matches!(kind, 0x73 | 0x74 | 0x7a | 0x7b) && !has_comment;
    let repair = (is_summed && !head.starts_with(&[first, second])).then_some([first, second, 0, 0]);
    Some(Block { kind, whole, repair, repaired: 2, encrypts: kind == 0x73 && flags & 0x80 != 0 })
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

impl Repaired {
    /// The content as it is.
    pub(super) fn whole(content: &Content) -> Self {
        let mut this = Self::default();
        this.push(Segment::There(content.clone()));
        this
    }

    /// The same, which cannot be read when the time is up.
    pub(super) fn until(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn push(&mut self, segment: Segment) {
        let start = self.size;
        self.size = start.saturating_add(segment.size());
        self.segments.push((start, segment));
    }

    /// The same, from the beginning.
    pub(super) fn again(&self) -> Self {
        Self { segments: self.segments.clone(), size: self.size, position: 0, clock: self.clock }
    }

    /// What is there of a range, if it lies in one piece.
    pub(super) fn range(&self, start: u64, size: u64) -> Option<Content> {
        let index = self.segments.partition_point(|(begin, _)| *begin <= start).checked_sub(1)?;
        match self.segments.get(index)? {
            (begin, Segment::There(content)) => Some(content.range(start.saturating_sub(*begin), size)),
            _ => None,
        }
    }
}

impl Read for Repaired {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.clock.check()?;
        let index = self.segments.partition_point(|(begin, _)| *begin <= self.position);
        // Empty segments begin where the next one does, and so are passed over.
        let Some((begin, segment)) = index.checked_sub(1).and_then(|index| self.segments.get(index)) else {
            return Ok(0);
        };
        let within = self.position.saturating_sub(*begin);
        let count = match segment {
            Segment::There(content) => content.read_at(within, buffer)?,
            Segment::Bytes(bytes, size) => {
                let end = usize::try_from(*size).unwrap_or(0);
                let rest = bytes.get(usize::try_from(within).unwrap_or(end)..end).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                count
            }
            Segment::Missing(size) if within < *size && !buffer.is_empty() => {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the archive ends here"));
            }
            Segment::Missing(_) => 0,
        };
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Repaired {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.size.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = target.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.position)
    }
}
