//! Microsoft cabinets: stored and MSZIP folders.
//!
//! Specification: <https://learn.microsoft.com/previous-versions/bb417343(v=msdn.10)> and [MS-MCI] for MSZIP,
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-mci>.
//!
//! The members of a folder are ranges of one stream of blocks. It is decoded once, block by block; only members
//! that lie before the place where the decoder stands, as they do in no cabinet that tools write, start it again.

use std::io::{self, ErrorKind, Read};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};
use flate2::{Decompress, FlushDecompress, Status};

use crate::fields::{self, u16_le, u32_le};
use crate::{Format, Glimpse};

const HEADER: u64 = 36;
/// Bytes that MSZIP looks back, and that a block has at most.
const BLOCK: usize = 32 << 10;
/// Longest name that is believed.
const LONGEST_NAME: usize = 1024;
/// How often folders are decoded again from their start.
const RESTARTS: u32 = 32;
/// Gaps of single members that are listed; the rest is counted.
const GAPS: u64 = 1000;

/// The cabinet format.
pub(crate) struct Cab;

#[derive(Clone, Copy)]
struct Folder {
    start: u64,
    blocks: u16,
    method: u16,
}

impl Format for Cab {
    fn file_type(&self) -> FileType {
        FileType::new("cab")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"MSCF\0\0\0\0")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some(cabinet) = Cabinet::parse(content)? else {
            sink.gap(Reason::Truncated, "the cabinet's header is cut");
            return Ok(());
        };
        if cabinet.size > content.size() {
            let detail = format!("cabinet: {} of {} bytes are there", content.size(), cabinet.size);
            sink.gap(Reason::Truncated, &detail);
        }
        cabinet.members(content, sink)?;
        if cabinet.size >= HEADER && cabinet.size < content.size() {
            sink.range(Child { name: "", relation: Relation::Overlay }, content.from(cabinet.size))?;
        }
        Ok(())
    }
}

struct Cabinet {
    size: u64,
    files: u64,
    count: u16,
    /// Bytes that every block's header has more.
    reserved: u64,
    continued: bool,
    folders: Vec<Folder>,
}

impl Cabinet {
    fn parse(content: &Content) -> io::Result<Option<Self>> {
        // The header, three reserved areas, four names and the folders; what is longer is cut.
        let head = content.window(0, 1 << 20)?;
        Ok(Self::parse_head(&head))
    }

    fn parse_head(head: &[u8]) -> Option<Self> {
        let size = u64::from(u32_le(head, 8)?);
        let files = u64::from(u32_le(head, 16)?);
        let (folder_count, count, flags) = (u16_le(head, 26)?, u16_le(head, 28)?, u16_le(head, 30)?);
        let mut at: usize = 36;
        let (mut per_folder, mut reserved) = (0, 0);
        if flags & 4 != 0 {
            let area = usize::from(u16_le(head, 36)?);
            per_folder = usize::from(*head.get(38)?);
            reserved = u64::from(*head.get(39)?);
            at = area.saturating_add(40);
        }
        // Two names each of the cabinet before and the one behind.
        let names = u16::from(flags & 1 != 0).saturating_add(u16::from(flags & 2 != 0)).saturating_mul(2);
        for _ in 0..names {
            let end = head.get(at..)?.iter().position(|byte| *byte == 0)?;
            at = at.saturating_add(end).saturating_add(1);
        }
        let mut folders = Vec::new();
        for _ in 0..folder_count {
            let Some(start) = u32_le(head, at) else { break };
            let (blocks, method) = (u16_le(head, at.saturating_add(4)), u16_le(head, at.saturating_add(6)));
            let (Some(blocks), Some(method)) = (blocks, method) else { break };
            folders.push(Folder { start: u64::from(start), blocks, method });
            at = at.saturating_add(8).saturating_add(per_folder);
        }
        Some(Self { size, files, count, reserved, continued: flags & 1 != 0, folders })
    }

    fn members(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = self.files;
        let mut open: Option<(usize, Blocks<'_>)> = None;
        let (mut restarts, mut gaps) = (0_u32, 0_u64);
        for position in 1..=self.count {
            sink.pulse()?;
            let head = content.window(offset, 16_usize.saturating_add(LONGEST_NAME))?;
            let fields = (u32_le(&head, 0), u32_le(&head, 4), u16_le(&head, 8));
            let (Some(size), Some(start), Some(index)) = fields else {
                let missing = u32::from(self.count).saturating_sub(u32::from(position)).saturating_add(1);
                sink.gap(Reason::Truncated, &format!("{missing} members have no entry at offset {offset}"));
                break;
            };
            let raw = head.get(16..).unwrap_or_default();
            let length = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
            let raw = raw.get(..length).unwrap_or_default();
            let name = fields::name(raw);
            offset = offset.saturating_add(17).saturating_add(length as u64);
            let (size, start) = (u64::from(size), u64::from(start));
            let listed =
                Listed { name: &name, packed: size, size, encrypted: false, position: Some(position.into()) };
            sink.listed(listed);

            // 0xfffe: it continues in the next cabinet; what is here of it comes out.
            let number = if index == 0xfffe { self.folders.len().checked_sub(1) } else { Some(index.into()) };
            let folder = number.and_then(|number| Some((number, *self.folders.get(number)?)));
            let problem = match folder {
                _ if index == 0xfffd || index == 0xffff => Some("it began in another cabinet".to_owned()),
                None => Some(format!("there is no folder {index}")),
                Some((0, _)) if self.continued => Some("its folder began in another cabinet".to_owned()),
                Some((_, folder)) => match folder.method & 15 {
                    0 | 1 => None,
                    2 => Some("method Quantum".to_owned()),
                    3 => Some("method LZX".to_owned()),
                    other => Some(format!("method {other}")),
                },
            };
            let mut gap = |sink: &mut dyn Sink, reason, text: &str| {
                gaps = gaps.saturating_add(1);
                if gaps <= GAPS {
                    sink.gap(reason, &format!("member {name:?}: {text}"));
                }
            };
            let (number, folder) = match (folder, problem) {
                (Some(folder), None) => folder,
                (_, problem) => {
                    gap(sink, Reason::Unsupported, &problem.unwrap_or_default());
                    continue;
                }
            };
            let again =
                open.as_ref().is_none_or(|(which, blocks)| *which != number || blocks.position > start);
            if again {
                // A folder that is decoded for the first time, in the order of the folders, costs nothing twice.
                if open.as_ref().is_some_and(|(which, _)| *which >= number) {
                    restarts = restarts.saturating_add(1);
                }
                if restarts > RESTARTS {
                    gap(sink, Reason::Unsupported, "the members overlap too often");
                    continue;
                }
                open = Some((number, Blocks::new(content, folder, self.reserved)));
            }
            let Some((_, blocks)) = &mut open else { continue };
            while blocks.position < start {
                sink.pulse()?;
                if !blocks.skip(start) {
                    break;
                }
            }
            if blocks.position < start {
                gap(sink, Reason::Damaged, "the folder is damaged or cut before it");
                continue;
            }
            let wrong = blocks.wrong;
            if size > 0 {
                sink.child(Child::member(&name), &mut Member { blocks, left: size })?;
            }
            if blocks.wrong > wrong {
                gap(sink, Reason::Damaged, "a block's checksum or size is wrong");
            }
        }
        if gaps > GAPS {
            let more = gaps.saturating_sub(GAPS);
            sink.gap(Reason::Unsupported, &format!("{more} more members could not be opened"));
        }
        Ok(())
    }
}

/// The content of a folder.
struct Blocks<'a> {
    content: &'a Content,
    next: u64,
    left: u16,
    reserved: u64,
    packed: bool,
    block: Vec<u8>,
    used: usize,
    history: Vec<u8>,
    /// Bytes of the folder that were given out.
    position: u64,
    wrong: u32,
    broken: bool,
}

impl<'a> Blocks<'a> {
    fn new(content: &'a Content, folder: Folder, reserved: u64) -> Self {
        Self {
            content,
            next: folder.start,
            left: folder.blocks,
            reserved,
            packed: folder.method & 15 == 1,
            block: Vec::new(),
            used: 0,
            history: Vec::new(),
            position: 0,
            wrong: 0,
            broken: false,
        }
    }

    /// Goes on towards `target`, one block at most; whether it came further.
    fn skip(&mut self, target: u64) -> bool {
        if self.used >= self.block.len() && self.fill().is_err() {
            return false;
        }
        let wanted = usize::try_from(target.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let count = wanted.min(self.block.len().saturating_sub(self.used));
        self.used = self.used.saturating_add(count);
        self.position = self.position.saturating_add(count as u64);
        count > 0
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::new(ErrorKind::InvalidData, "the folder is damaged before this"));
        }
        let filled = self.decode();
        self.broken |= filled.is_err();
        filled
    }

    fn decode(&mut self) -> io::Result<()> {
        let at = self.next;
        self.left =
            self.left.checked_sub(1).ok_or_else(|| error(ErrorKind::UnexpectedEof, at, "no more blocks"))?;
        let head = self.content.window(at, 8)?;
        let fields = (u32_le(&head, 0), u16_le(&head, 4), u16_le(&head, 6));
        let (Some(checksum), Some(packed), Some(size)) = fields else {
            return Err(error(ErrorKind::UnexpectedEof, at, "it is cut"));
        };
        let (packed, size) = (usize::from(packed), usize::from(size));
        let start = at.saturating_add(8).saturating_add(self.reserved);
        let data = self.content.window(start, packed)?;
        if data.len() < packed {
            return Err(error(ErrorKind::UnexpectedEof, at, "it is cut"));
        }
        self.next = start.saturating_add(packed as u64);
        let sizes = head.get(4..8).unwrap_or_default();
        // The checksum is over the reserved bytes too; cabinets that have some are not checked.
        if checksum != 0 && self.reserved == 0 && checksum != sum(sizes, sum(&data, 0)) {
            self.wrong = self.wrong.saturating_add(1);
        }
        if size == 0 {
            return Err(error(ErrorKind::UnexpectedEof, at, "it continues in the next cabinet"));
        }
        self.used = 0;
        let (block, whole) =
            if self.packed { inflate(&self.history, &data, at)? } else { (data.into_owned(), true) };
        self.block = block;
        if self.packed {
            self.history.extend_from_slice(&self.block);
            let old = self.history.len().saturating_sub(BLOCK);
            self.history.drain(..old);
        }
        if self.block.is_empty() {
            return Err(error(ErrorKind::InvalidData, at, "it is empty"));
        }
        // What it gave is scanned; what follows would stand at the wrong place.
        if !whole || self.block.len() != size {
            self.broken = true;
            self.wrong = self.wrong.saturating_add(1);
        }
        Ok(())
    }
}

/// A block of MSZIP and whether its stream is whole. What it may look back at goes before it as a stored block.
fn inflate(history: &[u8], data: &[u8], at: u64) -> io::Result<(Vec<u8>, bool)> {
    let packed =
        data.strip_prefix(b"CK").ok_or_else(|| error(ErrorKind::InvalidData, at, "no MSZIP sign"))?;
    let mut input = Vec::with_capacity(history.len().saturating_add(packed.len()).saturating_add(5));
    if let Ok(length) = u16::try_from(history.len()) {
        input.push(0);
        input.extend_from_slice(&length.to_le_bytes());
        input.extend_from_slice(&(!length).to_le_bytes());
        input.extend_from_slice(history);
    }
    input.extend_from_slice(packed);
    let mut output = Vec::with_capacity(history.len().saturating_add(BLOCK));
    let status = Decompress::new(false).decompress_vec(&input, &mut output, FlushDecompress::Finish);
    let block = output.get(history.len()..).unwrap_or_default().to_vec();
    match status {
        Ok(Status::StreamEnd) => Ok((block, true)),
        _ if !block.is_empty() => Ok((block, false)),
        _ => Err(error(ErrorKind::InvalidData, at, "its deflate stream is damaged")),
    }
}

fn error(kind: ErrorKind, at: u64, what: &str) -> io::Error {
    io::Error::new(kind, format!("block at offset {at}: {what}"))
}

/// The checksum of cabinets.
fn sum(bytes: &[u8], seed: u32) -> u32 {
    let mut words = bytes.chunks_exact(4);
    let sum = words.by_ref().fold(seed, |sum, word| sum ^ u32_le(word, 0).unwrap_or(0));
    sum ^ words.remainder().iter().fold(0, |rest, byte| (rest << 8) | u32::from(*byte))
}

struct Member<'a, 'b> {
    blocks: &'a mut Blocks<'b>,
    left: u64,
}

impl Read for Member<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        if self.blocks.used >= self.blocks.block.len() {
            self.blocks.fill()?;
        }
        let ready = self.blocks.block.get(self.blocks.used..).unwrap_or_default();
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = ready.len().min(most);
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.blocks.used = self.blocks.used.saturating_add(count);
        self.blocks.position = self.blocks.position.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
