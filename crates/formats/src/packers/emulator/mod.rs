//! An emulator that runs packed programs for Windows until they are unpacked.
//!
//! A packer writes the program that it hides into memory and jumps there. So the program is run with a few functions of
//! Windows until it calls what a packer does not call, or does what is not emulated; then its memory is the program, and
//! the last jump into a section that it had written begins it. It gets headers by which each section lies in the
//! file where it lies in memory. The number of instructions and the memory are bounded, and only what looks packed is
//! run: what no compiler writes, a first instruction that the program itself may overwrite.

use std::collections::BTreeSet;

use candor_object::{Child, Content, Flow, Limit, Reason, Relation, Sink, Stop};

use crate::fields::{u16_le, u32_le};
use crate::pe::{Headers, Row};

mod flags;
mod library;
mod memory;
mod processor;
mod windows;

use memory::{Memory, PAGE};
use processor::{Processor, Trap};
use windows::{Call, EXIT, Windows};

/// Largest image that is run.
const LARGEST_IMAGE: u32 = 64 << 20;
/// Largest file that is run.
const LARGEST_FILE: u64 = 32 << 20;
/// Instructions that are executed at most.
const MOST_STEPS: u64 = 30_000_000;
/// Instructions after a jump into what was written: it may be one more packer.
const STEPS_AFTER_JUMP: u64 = 5_000_000;
/// Instructions between two looks at the clock.
const PULSE: u64 = 1 << 16;
/// Bytes that a packer writes at least; who writes less hides nothing.
const LEAST_WRITTEN: u64 = 256;
/// Packers within packers that are run. A packed program may have a copy of itself in its memory.
const MOST_LAYERS: u32 = 3;
/// What the unpacked program is called.
const UNPACKED: &str = "unpacked";
/// Machine of the programs that are run.
const I386: u16 = 0x14c;
/// Flags of a section.
const WRITABLE: u32 = 1 << 31;

/// Runs the program if it looks packed, and hands over what its memory has when it is unpacked.
pub(crate) fn open(content: &Content, headers: &Headers, sink: &mut dyn Sink) -> Flow {
    let Some(image) = load(content, headers)? else { return Ok(()) };
    if sink.inside(UNPACKED) >= MOST_LAYERS {
        let detail = format!("it looks packed, and {MOST_LAYERS} packers were run to get it");
        sink.gap(Reason::Limit(Limit::Depth), &detail);
        return Ok(());
    }
    let base = image.base;
    let entry = base.wrapping_add(headers.entry);
    let mut windows = Windows::new(base, content.clone());
    let memory = Memory::new(base, image.bytes, windows.exported());
    let mut processor = Processor::new(memory, entry);
    let prepared = windows.prepare(&mut processor, entry);
    let imported = windows.import(headers.imports, &mut processor);
    if prepared.is_err() || imported.is_err() {
        return Ok(());
    }
    // What the system wrote into the image is no work of the program.
    processor.memory.forget_writes();
    let (end, start) = run(&mut processor, &mut windows, headers, sink)?;
    if processor.memory.writes < LEAST_WRITTEN {
        return Ok(());
    }
    if start.is_none() {
        let detail = format!("the program writes to itself; it was run until {}", end.text());
        sink.anomaly("unpacking", &detail);
    }
    let start = start.unwrap_or(headers.entry);
    let mut dump = processor.memory.into_image();
    set_headers(&mut dump, content, headers, start)?;
    // A program at the end of the memory may have zeros at its own end.
    let used = dump.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    dump.truncate(used.saturating_add(PAGE as usize).next_multiple_of(512));
    sink.child(Child { name: UNPACKED, relation: Relation::Stream }, &mut dump.as_slice())
}

/// A program as the system loads it.
struct Image {
    base: u32,
    bytes: Vec<u8>,
}

/// Loads the program, if it looks packed.
fn load(content: &Content, headers: &Headers) -> std::io::Result<Option<Image>> {
    let head = content.window(headers.start, 24 + 224)?;
    let (machine, base, size) = (u16_le(&head, 4), u32_le(&head, 24 + 28), u32_le(&head, 24 + 56));
    let managed = u32_le(&head, 24 + 96 + 14 * 8).is_some_and(|address| address != 0)
        && u32_le(&head, 24 + 92).is_some_and(|count| count > 14);
    let home = section_of(headers, headers.entry).and_then(|index| headers.sections.get(index));
    let packed = home.is_none_or(|row| row.flags & WRITABLE != 0);
    let (Some(I386), Some(base), Some(size)) = (machine, base, size) else { return Ok(None) };
    let ends = headers
        .sections
        .iter()
        .map(|row| row.address.saturating_add(row.memory_size.max(row.file_size.min(row.memory_size))));
    let size = ends.fold(size, u32::max);
    let fits = size <= LARGEST_IMAGE
        && base.checked_add(size).is_some_and(|end| end < memory::HEAP)
        && base >= 0x0020_0000;
    let empty = headers.entry == 0 && headers.sections.is_empty();
    if headers.wide || managed || !packed || !fits || empty || content.size() > LARGEST_FILE {
        return Ok(None);
    }
    let mut bytes = vec![0; size.checked_next_multiple_of(PAGE).unwrap_or(size) as usize];
    copy(&mut bytes, 0, &content.window(0, headers.header_size.clamp(PAGE, 0x1_0000) as usize)?);
    for row in &headers.sections {
        let (offset, length) = headers.extent(row, content.size());
        // The loader takes no more than the section has in memory, rounded up to pages.
        let room = if row.memory_size == 0 { row.file_size } else { row.memory_size };
        let room = u64::from(room).div_ceil(u64::from(PAGE)).saturating_mul(u64::from(PAGE));
        let data = content.window(offset, usize::try_from(length.min(room)).unwrap_or(0))?;
        copy(&mut bytes, row.address, &data);
    }
    Ok(Some(Image { base, bytes }))
}

fn copy(image: &mut [u8], address: u32, data: &[u8]) {
    let room = image.get_mut(address as usize..).unwrap_or_default();
    for (to, from) in room.iter_mut().zip(data) {
        *to = *from;
    }
}

/// The section that has an address.
fn section_of(headers: &Headers, address: u32) -> Option<usize> {
    let has = |row: &Row| {
        let size = row.memory_size.max(row.file_size).checked_next_multiple_of(PAGE).unwrap_or(u32::MAX);
        address.checked_sub(row.address).is_some_and(|inside| inside < size)
    };
    headers.sections.iter().rposition(has)
}

/// Why a program was no longer run.
enum End {
    Call(String),
    Trap(Trap),
    Steps,
    Exit,
}

impl End {
    fn text(&self) -> String {
        match self {
            Self::Call(name) => format!("it called {name:?}"),
            Self::Trap(trap) => format!("it did what is not emulated ({trap:?})"),
            Self::Steps => format!("{MOST_STEPS} instructions were executed"),
            Self::Exit => "it ended".to_owned(),
        }
    }
}

/// Runs the program until it is unpacked, or cannot go on.
fn run(
    processor: &mut Processor,
    windows: &mut Windows,
    headers: &Headers,
    sink: &mut dyn Sink,
) -> Result<(End, Option<u32>), Stop> {
    // Sections whose own bytes were executed: those of the packer.
    let mut homes: BTreeSet<Option<usize>> = BTreeSet::new();
    homes.insert(section_of(headers, headers.entry));
    let mut pulse = PULSE;
    let (mut start, mut most) = (None, MOST_STEPS);
    let end = |end, start| Ok((end, start));
    while processor.steps < most {
        if processor.steps >= pulse {
            sink.pulse()?;
            pulse = processor.steps.saturating_add(PULSE);
        }
        let jumped = match processor.step() {
            Ok(jumped) => jumped,
            Err(trap) => match windows.raise(processor, trap) {
                Ok(true) => false,
                _ => return end(End::Trap(trap), start),
            },
        };
        if !jumped {
            continue;
        }
        // A function may return to another one.
        for _ in 0..16 {
            let Some(offset) = processor.memory.image_offset(processor.next) else {
                if processor.next == EXIT {
                    return end(End::Exit, start);
                }
                match windows.call(processor) {
                    Ok(Call::Done) => continue,
                    Ok(Call::Foreign(name)) => return end(End::Call(name), start),
                    Ok(Call::Nothing) | Err(_) => break,
                }
            };
            let section = section_of(headers, offset);
            if !homes.contains(&section) {
                if processor.memory.was_written(processor.next) {
                    start = Some(offset);
                    most = processor.steps.saturating_add(STEPS_AFTER_JUMP).min(MOST_STEPS);
                }
                homes.insert(section);
            }
            break;
        }
        processor.steps = processor.steps.saturating_add(1);
    }
    end(End::Steps, start)
}

/// Puts headers in front of the memory by which it is a program: each section in the file where it is in memory.
fn set_headers(dump: &mut [u8], content: &Content, headers: &Headers, start: u32) -> std::io::Result<()> {
    let before = usize::try_from(headers.start).unwrap_or(0);
    let optional = content.window(headers.start, 24)?;
    let table = before.saturating_add(24).saturating_add(u16_le(&optional, 20).unwrap_or(0).into());
    let count = headers.sections.len();
    // What the program did to its own headers does not matter.
    let end = table.saturating_add(count.saturating_mul(40));
    copy(dump, 0, &content.window(0, end)?);
    let mut put = |at: usize, value: u32| {
        if let Some(field) = dump.get_mut(at..at.saturating_add(4)) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    };
    put(before.saturating_add(24 + 16), start);
    put(before.saturating_add(24 + 36), PAGE);
    for (index, row) in headers.sections.iter().enumerate() {
        let at = table.saturating_add(index.saturating_mul(40));
        let size = row.memory_size.max(1).checked_next_multiple_of(PAGE).unwrap_or(row.memory_size);
        put(at.saturating_add(16), size);
        put(at.saturating_add(20), row.address);
    }
    Ok(())
}
