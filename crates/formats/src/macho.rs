//! Mach-O: programs and libraries of macOS and iOS, and universal files, which hold one for each processor.
//!
//! Specification: <https://github.com/apple-oss-distributions/cctools/blob/main/include/mach-o/loader.h> and `fat.h`
//! beside it. A universal file begins with the same four bytes as a Java class; then comes the number of programs in
//! the one and the version, 45 or more, in the other.

use std::io;

use candor_object::{Child, Content, FileType, Flow, Layout, Reason, Relation, Section, Sink};

use crate::fields::{name, u32_be, u32_le, u64_be, u64_le};
use crate::{Format, Glimpse, packers};

/// Commands that are read. Stops headers that claim four billion; programs have some dozens.
const MAX_COMMANDS: u32 = 4096;
/// Bytes of commands that are read.
const MAX_COMMAND_BYTES: u32 = 16 << 20;
/// Sections that are kept.
const MAX_SECTIONS: usize = 16_384;
/// Least version of a Java class, whose magic is that of universal files.
const JAVA: u32 = 45;

const SEGMENT: u32 = 1;
const UNIX_THREAD: u32 = 5;
const SEGMENT_64: u32 = 0x19;
const MAIN: u32 = 0x8000_0028;
/// Section types without bytes in the file.
const ZERO_FILL: [u32; 3] = [1, 12, 18];

/// The Mach-O format.
pub(crate) struct MachO;

impl Format for MachO {
    fn file_type(&self) -> FileType {
        FileType::new("macho")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        Form::of(glimpse.head).is_some()
    }

    fn layout(&self, content: &Content) -> io::Result<Option<Layout>> {
        let head = content.window(0, 32)?;
        match Form::of(&head) {
            Some(Form::Thin(encoding)) => {
                let commands = Commands::read(content, encoding)?;
                let end = commands.end();
                Ok(Some(Layout {
                    entry_point: commands.entry_point().filter(|entry| *entry < content.size()),
                    overlay: (end < content.size()).then_some(end).filter(|_| commands.defect.is_none()),
                    complete: commands.defect.is_none(),
                    sections: commands.sections,
                    ..Layout::default()
                }))
            }
            _ => Ok(None),
        }
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 32)?;
        match Form::of(&head) {
            Some(Form::Universal { wide }) => universal(content, wide, sink),
            Some(Form::Thin(encoding)) => thin(content, encoding, sink),
            None => Ok(()),
        }
    }
}

/// What the first bytes begin.
enum Form {
    Thin(Encoding),
    Universal { wide: bool },
}

impl Form {
    fn of(head: &[u8]) -> Option<Self> {
        let thin = |wide, big_endian| Some(Self::Thin(Encoding { wide, big_endian }));
        match u32_be(head, 0)? {
            0xcafe_babe if u32_be(head, 4)? < JAVA => Some(Self::Universal { wide: false }),
            0xcafe_babf => Some(Self::Universal { wide: true }),
            0xfeed_face => thin(false, true),
            0xfeed_facf => thin(true, true),
            0xcefa_edfe => thin(false, false),
            0xcffa_edfe => thin(true, false),
            _ => None,
        }
    }
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default)]
struct Encoding {
    wide: bool,
    big_endian: bool,
}

impl Encoding {
    fn word(self, bytes: &[u8], at: usize) -> Option<u32> {
        if self.big_endian { u32_be(bytes, at) } else { u32_le(bytes, at) }
    }

    fn long(self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.big_endian { u64_be(bytes, at) } else { u64_le(bytes, at) }
    }

    /// An address or offset in a segment command: of 32 bits at one place, or of 64 at the other.
    fn address(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        if self.wide { self.long(bytes, wide) } else { self.word(bytes, narrow).map(u64::from) }
    }
}

/// Hands over each program of a universal file, and what lies around them.
fn universal(content: &Content, wide: bool, sink: &mut dyn Sink) -> Flow {
    let row_size = if wide { 32_usize } else { 20 };
    let head = content.window(0, 8)?;
    let count = u32_be(&head, 4).unwrap_or(0);
    // One more than is claimed may follow: lipo once hid programs for arm64 so from older systems.
    let kept = count.saturating_add(1).min(MAX_COMMANDS);
    let rows = content.window(8, row_size.saturating_mul(kept as usize))?;
    let mut misplaced = 0_u32;
    let mut covered = 8_u64.saturating_add((row_size as u64).saturating_mul(u64::from(count)));
    for (index, row) in rows.chunks(row_size).enumerate() {
        let place = if wide {
            u64_be(row, 8).zip(u64_be(row, 16))
        } else {
            u32_be(row, 8).map(u64::from).zip(u32_be(row, 12).map(u64::from))
        };
        let is_hidden = index as u64 >= u64::from(count);
        let Some((offset, size)) = place.filter(|_| row.len() == row_size) else {
            if !is_hidden {
                sink.gap(Reason::Truncated, &format!("the table ends after {index} of {count} programs"));
            }
            break;
        };
        if is_hidden {
            let thin = Form::of(&content.window(offset, 32)?);
            if offset < covered || !matches!(thin, Some(Form::Thin(_))) {
                break;
            }
            sink.anomaly("hidden-program", &format!("behind the table is one more, at offset {offset}"));
        }
        let end = offset.saturating_add(size);
        let processor = processor(u32_be(row, 0).unwrap_or(0));
        if end > content.size() {
            let detail = format!(
                "program {index} ({processor}) at offset {offset} reaches beyond the end of the file"
            );
            sink.gap(Reason::Truncated, &detail);
        }
        // A program at offset 0 would be this file again, and again.
        if offset >= 8 && offset < content.size() {
            sink.range(Child::member(&processor), content.range(offset, size))?;
        }
        if offset < 8 {
            misplaced = misplaced.saturating_add(1);
        }
        covered = covered.max(end);
    }
    if misplaced > 0 {
        sink.gap(
            Reason::Damaged,
            &format!("{misplaced} of {count} programs begin within the header of the table"),
        );
    }
    if u64::from(count) > u64::from(MAX_COMMANDS) {
        sink.gap(Reason::Damaged, &format!("{count} programs are claimed, of which {MAX_COMMANDS} are read"));
    }
    if covered < content.size() {
        sink.range(Child { name: "", relation: Relation::Overlay }, content.from(covered))?;
    }
    Ok(())
}

/// What a processor is called.
fn processor(number: u32) -> String {
    let known = match number {
        7 => "i386",
        0x0100_0007 => "x86_64",
        12 => "arm",
        0x0100_000c => "arm64",
        0x0200_000c => "arm64_32",
        18 => "ppc",
        0x0100_0012 => "ppc64",
        _ => return format!("processor {number:#x}"),
    };
    known.to_owned()
}

/// A program of one processor.
fn thin(content: &Content, encoding: Encoding, sink: &mut dyn Sink) -> Flow {
    let commands = Commands::read(content, encoding)?;
    if let Some((reason, detail)) = &commands.defect {
        sink.gap(*reason, detail);
    }
    let size = content.size();
    if let Some((offset, _)) =
        commands.segments.iter().find(|(offset, length)| offset.saturating_add(*length) > size)
    {
        let detail = format!("the segment at offset {offset} reaches beyond the end of the file");
        sink.gap(Reason::Truncated, &detail);
    }
    if let Some(packed) = packers::open_blocks(content, encoding.big_endian, sink)?
        && !packed.overlay
    {
        return Ok(());
    }
    let end = commands.end();
    if commands.defect.is_none() && end < size {
        sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end))?;
    }
    Ok(())
}

/// Offsets and sizes of what is loaded into memory.
pub(crate) fn loaded(content: &Content) -> io::Result<Vec<(u64, u64)>> {
    match Form::of(&content.window(0, 32)?) {
        Some(Form::Thin(encoding)) => Ok(Commands::read(content, encoding)?.segments),
        _ => Ok(Vec::new()),
    }
}

/// What the commands of a program say.
#[derive(Debug, Default)]
struct Commands {
    sections: Vec<Section>,
    /// File offset and size of each segment that has bytes in the file.
    segments: Vec<(u64, u64)>,
    /// Addresses of the segments: first, size, file offset.
    addresses: Vec<(u64, u64, u64)>,
    /// Where the first instruction is: an offset in the file, or an address.
    main: Option<u64>,
    start: Option<u64>,
    headers_end: u64,
    defect: Option<(Reason, String)>,
}

impl Commands {
    fn read(content: &Content, encoding: Encoding) -> io::Result<Self> {
        let mut found = Self::default();
        let head_size = if encoding.wide { 32_usize } else { 28 };
        let head = content.window(0, head_size)?;
        let (Some(processor), Some(count), Some(size)) =
            (encoding.word(&head, 4), encoding.word(&head, 16), encoding.word(&head, 20))
        else {
            found.defect = Some((Reason::Truncated, "the file header is cut".to_owned()));
            return Ok(found);
        };
        let bytes = content.window(head_size as u64, size.min(MAX_COMMAND_BYTES) as usize)?;
        found.headers_end = (head_size as u64).saturating_add(size.into());
        let mut at = 0_usize;
        for index in 0..count {
            let command = bytes.get(at..).unwrap_or_default();
            let length =
                encoding.word(command, 4).map(|length| length as usize).filter(|length| *length >= 8);
            let (Some(kind), Some(length)) = (encoding.word(command, 0), length) else {
                let reason = if bytes.len() < size as usize { Reason::Truncated } else { Reason::Damaged };
                found.defect = Some((reason, format!("the commands end after {index} of {count}")));
                break;
            };
            if index >= MAX_COMMANDS {
                let detail = format!("{count} commands are claimed, of which {MAX_COMMANDS} are read");
                found.defect = Some((Reason::Damaged, detail));
                break;
            }
            let command = command.get(..length).unwrap_or(command);
            match kind {
                SEGMENT | SEGMENT_64 => {
                    let encoding = Encoding { wide: kind == SEGMENT_64, ..encoding };
                    if found.segment(command, encoding).is_none() {
                        let detail = format!("command {index}, a segment, is cut");
                        found.defect.get_or_insert((Reason::Damaged, detail));
                    }
                }
                MAIN => found.main = encoding.long(command, 8),
                UNIX_THREAD => found.start = thread_start(processor, encoding, command),
                _ => {}
            }
            at = at.saturating_add(length);
        }
        Ok(found)
    }

    /// Takes a segment with its sections.
    fn segment(&mut self, command: &[u8], encoding: Encoding) -> Option<()> {
        let address = encoding.address(command, 24, 24)?;
        let memory = encoding.address(command, 28, 32)?;
        let offset = encoding.address(command, 32, 40)?;
        let size = encoding.address(command, 36, 48)?;
        let count = encoding.word(command, if encoding.wide { 64 } else { 48 })?;
        if size > 0 {
            self.segments.push((offset, size));
        }
        self.addresses.push((address, memory.min(size), offset));
        let (first, row_size) = if encoding.wide { (72, 80) } else { (56, 68) };
        let rows = command.get(first..).unwrap_or_default();
        for row in rows.chunks_exact(row_size).take(count as usize) {
            let size = encoding.address(row, 36, 40)?;
            let offset = encoding.word(row, if encoding.wide { 48 } else { 40 })?;
            let flags = encoding.word(row, if encoding.wide { 64 } else { 56 })?;
            if self.sections.len() >= MAX_SECTIONS {
                return None;
            }
            let size = if ZERO_FILL.contains(&(flags & 0xff)) { 0 } else { size };
            self.sections.push(Section { name: name(row.get(..16)?), offset: offset.into(), size });
        }
        (rows.chunks_exact(row_size).count() >= count as usize).then_some(())
    }

    /// File offset of the first instruction.
    fn entry_point(&self) -> Option<u64> {
        self.main.or_else(|| {
            let start = self.start?;
            self.addresses.iter().find_map(|(address, size, offset)| {
                let inside = start.checked_sub(*address)?;
                if inside < *size { offset.checked_add(inside) } else { None }
            })
        })
    }

    /// File offset behind everything that is loaded.
    fn end(&self) -> u64 {
        let ends = self.segments.iter().map(|(offset, size)| offset.saturating_add(*size));
        ends.fold(self.headers_end, u64::max)
    }
}

/// The instruction pointer in the registers that a thread begins with.
fn thread_start(processor: u32, encoding: Encoding, command: &[u8]) -> Option<u64> {
    match processor {
        7 => encoding.word(command, 16_usize.checked_add(10 * 4)?).map(u64::from),
        0x0100_0007 => encoding.long(command, 16_usize.checked_add(16 * 8)?),
        12 => encoding.word(command, 16_usize.checked_add(15 * 4)?).map(u64::from),
        0x0100_000c => encoding.long(command, 16_usize.checked_add(32 * 8)?),
        18 => encoding.word(command, 16).map(u64::from),
        0x0100_0012 => encoding.long(command, 16),
        _ => None,
    }
}
