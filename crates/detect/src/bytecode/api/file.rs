//! Reading the object, or what was extracted of it, and writing what is extracted.

use memchr::memmem;

use super::{Arguments, Context, FAILED, Failure, place};
use crate::bytecode::interpreter::Extracted;
use crate::bytecode::interpreter::pointer::moved;

/// Longest sequence of bytes that is looked for.
const MAX_NEEDLE: usize = 1024;
/// Bytes that are read at once, first and at most. What is found is mostly near.
const WINDOWS: (usize, usize) = (4 << 10, 256 << 10);

/// Where the program reads, and what it has written.
#[derive(Default)]
pub(crate) struct Files {
    position: u64,
    from_written: bool,
    written: Option<Extracted>,
    next_number: i32,
    next_container: u32,
}

impl Files {
    /// Where reading goes on.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Takes what was written.
    pub(crate) fn take_written(&mut self) -> Option<Extracted> {
        self.from_written = false;
        self.written.take()
    }

    /// Another object begins with this number.
    pub(super) fn begin(&mut self, number: i32) {
        self.next_number = number;
    }

    pub(super) fn set_container(&mut self, container: u32) -> u32 {
        if let Some(written) = &mut self.written {
            written.container = container;
        }
        std::mem::replace(&mut self.next_container, container)
    }
}

/// The size of what is read.
fn size(context: &Context<'_, '_>) -> u64 {
    match &context.files.written {
        Some(written) if context.files.from_written => written.bytes.len() as u64,
        _ => context.host.content().size(),
    }
}

/// Bytes of what is read; fewer at its end.
pub(super) fn bytes(context: &Context<'_, '_>, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
    let written = match &context.files.written {
        Some(written) if context.files.from_written => &written.bytes,
        _ => return Ok(context.host.content().read_at(offset, buffer)?),
    };
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = written.get(start..).unwrap_or_default();
    let count = rest.len().min(buffer.len());
    for (to, from) in buffer.iter_mut().zip(rest) {
        *to = *from;
    }
    Ok(count)
}

/// Reads at the position and moves it. Returns how much was read.
pub(super) fn read(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(wanted) = arguments.size(1) else { return Ok(FAILED) };
    let position = context.files.position;
    let left = usize::try_from(size(context).saturating_sub(position)).unwrap_or(usize::MAX);
    let count = wanted.min(left);
    context.spend(count as u64 / 16)?;
    // The memory must be there for all that was asked for, however much there is to read.
    context.memory.bytes_mut(arguments.pointer(0), wanted)?;
    let mut buffer = vec![0; count];
    let count = bytes(context, position, &mut buffer)?;
    let read = buffer.get(..count).unwrap_or_default();
    context.memory.bytes_mut(arguments.pointer(0), count)?.copy_from_slice(read);
    context.files.position = position.saturating_add(count as u64);
    Ok(count as u64)
}

/// Moves the position: from the beginning (0), from where it is (1) or from the end (2).
pub(super) fn seek(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let size = size(context);
    let from = match arguments.unsigned(1) {
        0 => 0,
        1 => context.files.position,
        2 => size,
        _ => return Ok(FAILED),
    };
    let target = from.checked_add_signed(i64::from(arguments.signed(0))).filter(|target| *target <= size);
    let Some(target) = target else { return Ok(FAILED) };
    context.files.position = target;
    Ok(place(Some(target)))
}

/// Writes to what is extracted. Returns how much was written.
pub(super) fn write(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(count) = arguments.size(1) else { return Ok(FAILED) };
    context.spend(count as u64 / 16)?;
    let most = context.limits.extracted_bytes;
    let files = &mut context.files;
    let written = files.written.get_or_insert_with(|| Extracted {
        bytes: Vec::new(),
        number: files.next_number,
        container: files.next_container,
    });
    if (written.bytes.len() as u64).saturating_add(count as u64) > most {
        context.leave_out("an extracted object is larger than the limit allows");
        return Ok(FAILED);
    }
    context.memory.charge(count as u64)?;
    written.bytes.extend_from_slice(context.memory.bytes(arguments.pointer(0), count)?);
    Ok(count as u64)
}

/// Reads from what was written (1) or from the object (0).
pub(super) fn switch_input(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let to_written = arguments.unsigned(0) != 0;
    if to_written && context.files.written.is_none() {
        return Ok(FAILED);
    }
    context.files.from_written = to_written;
    Ok(0)
}

/// Looks for bytes from the position on.
pub(super) fn find(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let end = size(context);
    search(context, arguments, end)
}

/// Looks for bytes from the position on that end before another position.
pub(super) fn find_limit(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let end = u64::try_from(arguments.signed(2)).unwrap_or(0).min(size(context));
    search(context, arguments, end)
}

fn search(context: &mut Context<'_, '_>, arguments: &Arguments, end: u64) -> Result<u64, Failure> {
    let Some(length) = arguments.size(1).filter(|length| (1..=MAX_NEEDLE).contains(length)) else {
        return Ok(FAILED);
    };
    let needle = context.memory.bytes(arguments.pointer(0), length)?.to_vec();
    let finder = memmem::Finder::new(&needle);
    let mut offset = context.files.position;
    let mut buffer = Vec::new();
    let mut most = WINDOWS.0.max(length);
    while offset.saturating_add(length as u64) <= end {
        let count = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(most);
        most = most.saturating_mul(4).min(WINDOWS.1);
        buffer.resize(count, 0);
        let count = bytes(context, offset, &mut buffer)?;
        let window = buffer.get(..count).unwrap_or_default();
        let found = finder.find(window);
        context.spend(found.unwrap_or(count) as u64 / 16)?;
        if let Some(found) = found {
            return Ok(place(Some(offset.saturating_add(found as u64))));
        }
        let step = count.saturating_sub(length.saturating_sub(1));
        if step == 0 {
            break;
        }
        offset = offset.saturating_add(step as u64);
    }
    Ok(FAILED)
}

/// One byte of what is read.
pub(super) fn byte_at(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let mut byte = [0];
    let count = bytes(context, u64::from(arguments.unsigned(0)), &mut byte)?;
    Ok(if count == 1 { u64::from(byte[0]) } else { FAILED })
}

/// Fills a buffer: what is not read yet moves to its beginning, and behind it comes as much as there is room for.
/// Returns how much there is. Fails if there is less room than wanted.
pub(super) fn fill_buffer(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let buffer = arguments.pointer(0);
    let (length, filled) = (arguments.unsigned(1), arguments.unsigned(2));
    let (cursor, wanted) = (arguments.unsigned(3), arguments.unsigned(4));
    if length == 0 || filled > length || cursor > filled {
        return Ok(FAILED);
    }
    let there = filled.saturating_sub(cursor);
    let room = length.saturating_sub(there);
    if wanted > room {
        return Ok(FAILED);
    }
    context.spend(u64::from(length) / 8)?;
    context.memory.bytes_mut(buffer, length as usize)?;
    context.memory.copy(buffer, moved(buffer, i64::from(cursor)), there as usize)?;
    let mut more = vec![0; room as usize];
    let position = context.files.position;
    let count = bytes(context, position, &mut more)?;
    let behind = context.memory.bytes_mut(moved(buffer, i64::from(there)), count)?;
    behind.copy_from_slice(more.get(..count).unwrap_or_default());
    context.files.position = position.saturating_add(count as u64);
    Ok(u64::from(there).saturating_add(count as u64))
}

/// Reads a number from the position on, of radix 10 or 16. What is no digit before it is passed over, and the
/// position moves behind it. A number that is too large is the largest of 64 bits, of which 32 are returned.
///
/// As in ClamAV, digits are looked for in pieces of 16 bytes, and not in one that reaches the end.
pub(super) fn read_number(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    const PIECE: usize = 16;
    let radix = arguments.unsigned(0);
    if radix != 10 && radix != 16 {
        return Ok(FAILED);
    }
    let digit = |byte: u8| char::from(byte).to_digit(radix);
    let mut piece = [0; PIECE];
    let start = loop {
        context.spend(4)?;
        let position = context.files.position;
        if size(context) <= position.saturating_add(PIECE as u64) {
            return Ok(FAILED);
        }
        let count = bytes(context, position, &mut piece)?;
        let found = piece.iter().take(count).position(|byte| digit(*byte).is_some());
        if let Some(found) = found {
            break position.saturating_add(found as u64);
        }
        context.files.position = position.saturating_add(PIECE as u64);
    };
    let mut number = 0_u64;
    context.files.position = start;
    loop {
        context.spend(4)?;
        let count = bytes(context, context.files.position, &mut piece)?;
        let digits = piece.iter().take(count).map_while(|byte| digit(*byte));
        let mut read = 0_usize;
        for digit in digits {
            let next =
                number.checked_mul(u64::from(radix)).and_then(|number| number.checked_add(u64::from(digit)));
            number = next.unwrap_or(u64::MAX);
            read = read.saturating_add(1);
        }
        context.files.position = context.files.position.saturating_add(read as u64);
        if read < PIECE {
            return Ok(number & 0xffff_ffff);
        }
    }
}

/// How sure it is that the object is what its type says; ClamAV answers 0 for what it read from a disk.
pub(super) fn reliability(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0)
}
