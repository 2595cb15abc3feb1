//! Pipes: buffers with a place to read and a place to write. One kind reads from the object.

use super::{Arguments, Context, FAILED, Failure};

/// The pipes of a program by number; none where one was given up.
pub(crate) type Pipes = Vec<Option<Pipe>>;

/// Most bytes of the object that a pipe shows at once.
const SHOWN: u64 = 8192;
/// What a pipe is worth in bytes of memory besides its buffer.
const PIPE: u64 = 64;

/// A pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipe {
    /// The buffer in the program's memory; null for a pipe from the object that has shown nothing yet.
    buffer: u64,
    size: usize,
    from_object: bool,
    /// Where reading goes on: in the buffer, or in the object.
    read: u64,
    /// Where writing goes on in the buffer.
    written: usize,
}

fn pipe<'c>(context: &'c mut Context<'_, '_>, number: Option<usize>) -> Option<&'c mut Pipe> {
    context.pipes.get_mut(number?)?.as_mut()
}

fn add(context: &mut Context<'_, '_>, pipe: Pipe) -> Result<u64, Failure> {
    context.memory.charge(PIPE)?;
    context.pipes.push(Some(pipe));
    Ok((context.pipes.len() as u64).saturating_sub(1))
}

pub(super) fn new(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(size) = arguments.size(0).filter(|size| *size > 0) else { return Ok(FAILED) };
    let buffer = context.memory.allocate(size)?;
    context.spend(size as u64 / 64)?;
    add(context, Pipe { buffer, size, from_object: false, read: 0, written: 0 })
}

/// A pipe that reads the object from a place on.
pub(super) fn from_file(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let read = u64::from(arguments.unsigned(0));
    if read >= context.host.content().size() {
        return Ok(FAILED);
    }
    add(context, Pipe { buffer: 0, size: 0, from_object: true, read, written: 0 })
}

/// How many bytes can be read from a pipe.
pub(super) fn available(context: &mut Context<'_, '_>, number: Option<usize>) -> usize {
    let size = context.host.content().size();
    let Some(pipe) = pipe(context, number) else { return 0 };
    let left = if pipe.from_object {
        size.saturating_sub(pipe.read).min(SHOWN)
    } else {
        (pipe.written as u64).saturating_sub(pipe.read)
    };
    usize::try_from(left).unwrap_or(0)
}

pub(super) fn read_available(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(available(context, arguments.size(0)) as u64)
}

/// A pointer to so many bytes that can be read; null if there are not so many.
pub(super) fn show(
    context: &mut Context<'_, '_>,
    number: Option<usize>,
    amount: usize,
) -> Result<u64, Failure> {
    if amount == 0 || amount > available(context, number) {
        return Ok(0);
    }
    let Some(Pipe { buffer, from_object, read, .. }) = pipe(context, number).copied() else { return Ok(0) };
    if !from_object {
        let offset = i64::try_from(read).unwrap_or(i64::MAX);
        return Ok(crate::bytecode::interpreter::pointer::moved(buffer, offset));
    }
    context.spend(amount as u64 / 16)?;
    let mut bytes = vec![0; amount];
    let count = context.host.content().read_at(read, &mut bytes)?;
    context.memory.free(buffer);
    let buffer = context.memory.allocate(amount)?;
    let shown = bytes.get(..count).unwrap_or_default();
    context.memory.bytes_mut(buffer, count)?.copy_from_slice(shown);
    if let Some(pipe) = pipe(context, number) {
        pipe.buffer = buffer;
    }
    Ok(buffer)
}

pub(super) fn read_get(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(amount) = arguments.size(1) else { return Ok(0) };
    show(context, arguments.size(0), amount)
}

/// So many bytes were read. A buffer that was filled and read to its end is empty again. Fails where there was
/// nothing to read.
pub(super) fn stop_reading(context: &mut Context<'_, '_>, number: Option<usize>, amount: usize) -> bool {
    let there = available(context, number);
    let Some(pipe) = pipe(context, number).filter(|_| there > 0) else { return false };
    pipe.read = pipe.read.saturating_add(amount.min(there) as u64);
    if !pipe.from_object && pipe.read >= pipe.size as u64 {
        pipe.read = 0;
        pipe.written = 0;
    }
    true
}

pub(super) fn read_stopped(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(amount) = arguments.size(1) else { return Ok(FAILED) };
    Ok(if stop_reading(context, arguments.size(0), amount) { 0 } else { FAILED })
}

/// How many bytes can be written to a pipe.
pub(super) fn space(context: &mut Context<'_, '_>, number: Option<usize>) -> usize {
    pipe(context, number)
        .filter(|pipe| !pipe.from_object)
        .map_or(0, |pipe| pipe.size.saturating_sub(pipe.written))
}

pub(super) fn write_available(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(space(context, arguments.size(0)) as u64)
}

/// A pointer to so many bytes that can be written; null if there are not so many.
pub(super) fn write_place(context: &mut Context<'_, '_>, number: Option<usize>, amount: usize) -> u64 {
    if amount == 0 || amount > space(context, number) {
        return 0;
    }
    pipe(context, number).map_or(0, |pipe| {
        let offset = i64::try_from(pipe.written).unwrap_or(i64::MAX);
        crate::bytecode::interpreter::pointer::moved(pipe.buffer, offset)
    })
}

pub(super) fn write_get(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(amount) = arguments.size(1) else { return Ok(0) };
    Ok(write_place(context, arguments.size(0), amount))
}

/// So many bytes were written.
pub(super) fn stop_writing(context: &mut Context<'_, '_>, number: Option<usize>, amount: usize) -> bool {
    let amount = amount.min(space(context, number));
    let Some(pipe) = pipe(context, number).filter(|pipe| !pipe.from_object) else { return false };
    pipe.written = pipe.written.saturating_add(amount);
    true
}

pub(super) fn write_stopped(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(amount) = arguments.size(1) else { return Ok(FAILED) };
    Ok(if stop_writing(context, arguments.size(0), amount) { 0 } else { FAILED })
}

pub(super) fn done(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let slot = arguments.size(0).and_then(|number| context.pipes.get_mut(number));
    let Some(pipe) = slot.and_then(Option::take) else { return Ok(FAILED) };
    context.memory.free(pipe.buffer);
    Ok(0)
}
