//! Microsoft cabinets: stored, MSZIP, Quantum and LZX folders.
//!
//! Specification: <https://learn.microsoft.com/previous-versions/bb417343(v=msdn.10)> and [MS-MCI] for MSZIP,
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-mci>.
//!
//! The members of a folder are ranges of one stream of blocks. It is decoded once, block by block, with the members in
//! the order of their places; only members that overlap, as they do in no cabinet that tools write, start it again.

mod blocks;

use std::io;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use self::blocks::{Blocks, Member};
use crate::fields::{self, u16_le, u32_le};
use crate::search::zeros;
use crate::unpack::Claimed;
use crate::{Format, Glimpse};

const HEADER: u64 = 36;
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
        let mut claimed = Claimed::default();
        let Some(cabinet) = Cabinet::parse(content, &mut claimed)? else {
            sink.gap(Reason::Truncated, "the cabinet's header is cut");
            return Ok(());
        };
        if cabinet.size > content.size() {
            let detail = format!("cabinet: {} of {} bytes are there", content.size(), cabinet.size);
            sink.gap(Reason::Truncated, &detail);
        }
        let entries = cabinet.entries(content, &mut claimed, sink)?;
        cabinet.members(content, entries, &mut claimed, sink)?;
        let overlay = Child { name: "", relation: Relation::Overlay };
        let (area, size) = cabinet.area;
        if size > 0 && zeros(content, area, size)? < size {
            sink.range(overlay, content.range(area, size))?;
        }
        let has_end = cabinet.size >= HEADER && cabinet.size < content.size();
        if has_end {
            claimed.add(cabinet.size, u64::MAX);
        }
        claimed.hand_over_rest(content, 0, sink)?;
        if has_end {
            sink.range(overlay, content.from(cabinet.size))?;
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
    /// The reserved area of the header, where signatures are described.
    area: (u64, u64),
    continued: bool,
    folders: Vec<Folder>,
    missing: u16,
}

/// A member's place. Names stay where they are.
struct Entry {
    at: u64,
    position: u64,
    folder: usize,
    start: u64,
    size: u64,
}

/// Gaps of single members.
#[derive(Default)]
struct Gaps(u64);

impl Gaps {
    fn add(&mut self, sink: &mut dyn Sink, reason: Reason, name: &str, text: &str) {
        self.0 = self.0.saturating_add(1);
        if self.0 <= GAPS {
            sink.gap(reason, &format!("member {name:?}: {text}"));
        }
    }

    fn finish(&self, sink: &mut dyn Sink) {
        if self.0 > GAPS {
            let more = self.0.saturating_sub(GAPS);
            sink.gap(Reason::Unsupported, &format!("{more} more members could not be opened"));
        }
    }
}

impl Cabinet {
    fn parse(content: &Content, claimed: &mut Claimed) -> io::Result<Option<Self>> {
        // The header, three reserved areas, four names and the folders; what is longer is cut.
        let head = content.window(0, 1 << 20)?;
        Ok(Self::parse_head(&head, claimed))
    }

    fn parse_head(head: &[u8], claimed: &mut Claimed) -> Option<Self> {
        let size = u64::from(u32_le(head, 8)?);
        let files = u64::from(u32_le(head, 16)?);
        let (folder_count, count, flags) = (u16_le(head, 26)?, u16_le(head, 28)?, u16_le(head, 30)?);
        let mut at: usize = 36;
        let (mut per_folder, mut reserved) = (0, 0);
        let mut reserved_area = (0, 0);
        if flags & 4 != 0 {
            let area = usize::from(u16_le(head, 36)?);
            per_folder = usize::from(*head.get(38)?);
            reserved = u64::from(*head.get(39)?);
            reserved_area = (40, area as u64);
            at = area.saturating_add(40);
        }
        // Two names each of the cabinet before and the one behind.
        let names = u16::from(flags & 1 != 0).saturating_add(u16::from(flags & 2 != 0)).saturating_mul(2);
        for _ in 0..names {
            let end = head.get(at..)?.iter().position(|byte| *byte == 0)?;
            at = at.saturating_add(end).saturating_add(1);
        }
        claimed.add(0, at as u64);
        let mut folders = Vec::new();
        let mut missing = folder_count;
        for _ in 0..folder_count {
            let Some(start) = u32_le(head, at) else { break };
            let (blocks, method) = (u16_le(head, at.saturating_add(4)), u16_le(head, at.saturating_add(6)));
            let (Some(blocks), Some(method)) = (blocks, method) else { break };
            folders.push(Folder { start: u64::from(start), blocks, method });
            missing = missing.saturating_sub(1);
            claimed.add(at as u64, 8);
            at = at.saturating_add(8).saturating_add(per_folder);
        }
        let continued = flags & 1 != 0;
        Some(Self { size, files, count, reserved, area: reserved_area, continued, folders, missing })
    }

    /// The members that can be opened, as far as their entries tell.
    fn entries(
        &self,
        content: &Content,
        claimed: &mut Claimed,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Entry>, candor_object::Stop> {
        let mut entries = Vec::new();
        let mut gaps = Gaps::default();
        let mut at = self.files;
        if self.missing > 0 {
            sink.gap(Reason::Truncated, &format!("{} folders have no entry", self.missing));
        }
        for position in 1..=self.count {
            sink.pulse()?;
            let head = content.window(at, 16_usize.saturating_add(LONGEST_NAME))?;
            let fields = (u32_le(&head, 0), u32_le(&head, 4), u16_le(&head, 8));
            let (Some(size), Some(start), Some(index)) = fields else {
                let missing = u32::from(self.count).saturating_sub(u32::from(position)).saturating_add(1);
                sink.gap(Reason::Truncated, &format!("{missing} members have no entry at offset {at}"));
                break;
            };
            let raw = raw_name(&head);
            let name = fields::name(raw);
            let (size, start) = (u64::from(size), u64::from(start));
            let position = u64::from(position);
            sink.listed(Listed {
                name: &name,
                packed: size,
                size,
                encrypted: false,
                position: Some(position),
            });
            // 0xfffe: it continues in the next cabinet; what is here of it comes out.
            let folder = if index == 0xfffe { self.folders.len().checked_sub(1) } else { Some(index.into()) };
            let problem = match folder.filter(|folder| *folder < self.folders.len()) {
                _ if index == 0xfffd || index == 0xffff => Some("it began in another cabinet".to_owned()),
                None => Some(format!("there is no folder {index}")),
                Some(0) if self.continued => Some("its folder began in another cabinet".to_owned()),
                Some(_) => None,
            };
            match (folder, problem) {
                (Some(folder), None) => entries.push(Entry { at, position, folder, start, size }),
                (_, problem) => {
                    gaps.add(sink, Reason::Unsupported, &name, &problem.unwrap_or_default());
                }
            }
            let length = 17_u64.saturating_add(raw.len() as u64);
            claimed.add(at, length);
            at = at.saturating_add(length);
        }
        gaps.finish(sink);
        Ok(entries)
    }

    fn members(
        &self,
        content: &Content,
        mut entries: Vec<Entry>,
        claimed: &mut Claimed,
        sink: &mut dyn Sink,
    ) -> Flow {
        entries.sort_by_key(|entry| (entry.folder, entry.start, entry.position));
        let mut entries = entries.into_iter().peekable();
        let mut gaps = Gaps::default();
        let mut restarts = 0_u32;
        for (number, folder) in self.folders.iter().enumerate() {
            sink.pulse()?;
            let mine = std::iter::from_fn(|| entries.next_if(|entry| entry.folder == number));
            if number == 0 && self.continued {
                // It comes out as it is, as what nobody claims.
                continue;
            }
            let mut blocks = match Blocks::new(content, *folder, self.reserved) {
                Ok(blocks) => blocks,
                Err(problem) => {
                    for entry in mine {
                        gaps.add(sink, Reason::Unsupported, &name_at(content, entry.at)?, &problem);
                    }
                    continue;
                }
            };
            // Where the folder was read to, and how far members reach.
            let (mut reached, mut covered, mut next) = (0_u64, 0_u64, folder.start);
            for entry in mine {
                sink.pulse()?;
                let name = name_at(content, entry.at)?;
                if entry.size == 0 {
                    continue;
                }
                if entry.start < covered {
                    sink.anomaly("overlapping-members", &format!("member {name:?} begins inside another"));
                }
                if blocks.position > entry.start {
                    restarts = restarts.saturating_add(1);
                    if restarts > RESTARTS {
                        gaps.add(sink, Reason::Unsupported, &name, "the members overlap too often");
                        continue;
                    }
                    next = next.max(blocks.next);
                    if let Ok(again) = Blocks::new(content, *folder, self.reserved) {
                        blocks = again;
                    }
                }
                // What is before it and was given to no member.
                while blocks.position < entry.start && blocks.fill().is_ok() {
                    sink.pulse()?;
                    let to = if blocks.position < reached { reached.min(entry.start) } else { entry.start };
                    let left = to.saturating_sub(blocks.position);
                    if blocks.position < reached {
                        io::copy(&mut Member { blocks: &mut blocks, left, open_end: true }, &mut io::sink())
                            .ok();
                    } else {
                        unclaimed(&mut blocks, left, sink)?;
                    }
                }
                if blocks.position < entry.start {
                    let (reason, why) = blocks.why();
                    gaps.add(sink, reason, &name, &why);
                    continue;
                }
                let wrong = blocks.wrong_before();
                let mut body = Member { blocks: &mut blocks, left: entry.size, open_end: false };
                sink.child(Child::member(&name), &mut body)?;
                if blocks.wrong() > wrong && blocks.end.is_none() {
                    gaps.add(sink, Reason::Damaged, &name, "a block's checksum or size is wrong");
                }
                covered = covered.max(entry.start.saturating_add(entry.size));
                reached = reached.max(blocks.position);
            }
            if blocks.position >= reached && !blocks.is_done() && blocks.fill().is_ok() {
                unclaimed(&mut blocks, u64::MAX, sink)?;
            }
            next = next.max(blocks.next);
            self.claim(content, *folder, next, claimed)?;
        }
        gaps.finish(sink);
        Ok(())
    }

    /// Claims the blocks of a folder, but not what is reserved between them.
    fn claim(&self, content: &Content, folder: Folder, end: u64, claimed: &mut Claimed) -> io::Result<()> {
        if self.reserved == 0 || self.folders.len() > 1 {
            claimed.add(folder.start, end.saturating_sub(folder.start));
            return Ok(());
        }
        let mut at = folder.start;
        while at < end {
            let packed = u16_le(&content.window(at, 8)?, 4).unwrap_or(0);
            claimed.add(at, 8);
            at = at.saturating_add(8).saturating_add(self.reserved);
            claimed.add(at, packed.into());
            at = at.saturating_add(packed.into());
        }
        Ok(())
    }
}

/// Hands over bytes of a folder that are of no member.
fn unclaimed(blocks: &mut Blocks<'_>, left: u64, sink: &mut dyn Sink) -> Flow {
    let overlay = Child { name: "", relation: Relation::Overlay };
    sink.child(overlay, &mut Member { blocks, left, open_end: true })
}

fn raw_name(head: &[u8]) -> &[u8] {
    let raw = head.get(16..).unwrap_or_default();
    let length = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    raw.get(..length).unwrap_or_default()
}

fn name_at(content: &Content, at: u64) -> io::Result<String> {
    let head = content.window(at, 16_usize.saturating_add(LONGEST_NAME))?;
    Ok(fields::name(raw_name(&head)))
}
