//! Decompressors between two pipes.

use bzip2::{Decompress as Bzip2, Status as Bzip2Status};
use flate2::{Decompress as Inflate, FlushDecompress, Status as InflateStatus};

use super::{Arguments, Context, FAILED, Failure, pipe, signed};

/// What a decompressor takes of memory, whatever it does. Its window is part of it.
const INFLATE: u64 = 64 << 10;
const BZIP2: u64 = 4 << 20;

/// Most bytes that go in or come out at once.
const CHUNK: usize = 16 << 10;

/// Answers of zlib and bzip2.
const STREAM_END: i32 = 1;
const BUFFER_ERROR: i32 = -5;
const DATA_ERROR: i32 = -3;
const BZIP2_STREAM_END: i32 = 4;
const BZIP2_DATA_ERROR: i32 = -4;

/// The decompressors of a program by number; none where one was given up.
#[derive(Default)]
pub(crate) struct Engines {
    inflate: Vec<Option<Between<Inflate>>>,
    bzip2: Vec<Option<Between<Bzip2>>>,
}

/// A decompressor between two pipes. It is not asked again once it failed or ended.
struct Between<T> {
    engine: T,
    from: Option<usize>,
    to: Option<usize>,
    ended: Option<i32>,
}

/// What one call of a decompressor came to.
struct Turn {
    read: usize,
    written: usize,
    ended: Option<i32>,
}

pub(super) fn inflate_init(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let window_bits = arguments.signed(2);
    if !matches!(window_bits, -15..=-8 | 8..=15) {
        context.leave_out("a program inflates with a window that is not supported");
        return Ok(FAILED);
    }
    context.memory.charge(INFLATE)?;
    let engine = Inflate::new(window_bits > 0);
    let (from, to) = (arguments.size(0), arguments.size(1));
    context.engines.inflate.push(Some(Between { engine, from, to, ended: None }));
    Ok((context.engines.inflate.len() as u64).saturating_sub(1))
}

pub(super) fn inflate_process(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let place = arguments.size(0).unwrap_or(usize::MAX);
    let Some(mut between) = context.engines.inflate.get_mut(place).and_then(Option::take) else {
        return Ok(FAILED);
    };
    let answer = process(context, &mut between, |engine, input, output| {
        let before = (engine.total_in(), engine.total_out());
        let status = engine.decompress(input, output, FlushDecompress::None);
        let moved = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(0);
        Turn {
            read: moved(engine.total_in(), before.0),
            written: moved(engine.total_out(), before.1),
            ended: match status {
                Ok(InflateStatus::StreamEnd) => Some(STREAM_END),
                Ok(_) => None,
                Err(_) => Some(DATA_ERROR),
            },
        }
    })?;
    if let Some(slot) = context.engines.inflate.get_mut(place) {
        *slot = Some(between);
    }
    Ok(signed(answer.unwrap_or(BUFFER_ERROR)))
}

pub(super) fn inflate_done(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let slot = arguments.size(0).and_then(|number| context.engines.inflate.get_mut(number));
    let done = slot.and_then(Option::take).is_some();
    if done {
        context.memory.refund(INFLATE);
    }
    Ok(if done { 0 } else { FAILED })
}

pub(super) fn bzip2_init(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.memory.charge(BZIP2)?;
    let (from, to) = (arguments.size(0), arguments.size(1));
    context.engines.bzip2.push(Some(Between { engine: Bzip2::new(false), from, to, ended: None }));
    Ok((context.engines.bzip2.len() as u64).saturating_sub(1))
}

pub(super) fn bzip2_process(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let place = arguments.size(0).unwrap_or(usize::MAX);
    let Some(mut between) = context.engines.bzip2.get_mut(place).and_then(Option::take) else {
        return Ok(FAILED);
    };
    let answer = process(context, &mut between, |engine, input, output| {
        let before = (engine.total_in(), engine.total_out());
        let status = engine.decompress(input, output);
        let moved = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(0);
        Turn {
            read: moved(engine.total_in(), before.0),
            written: moved(engine.total_out(), before.1),
            ended: match status {
                Ok(Bzip2Status::StreamEnd) => Some(BZIP2_STREAM_END),
                Ok(_) => None,
                Err(_) => Some(BZIP2_DATA_ERROR),
            },
        }
    })?;
    if let Some(slot) = context.engines.bzip2.get_mut(place) {
        *slot = Some(between);
    }
    Ok(signed(answer.unwrap_or(0)))
}

pub(super) fn bzip2_done(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let slot = arguments.size(0).and_then(|number| context.engines.bzip2.get_mut(number));
    let done = slot.and_then(Option::take).is_some();
    if done {
        context.memory.refund(BZIP2);
    }
    Ok(if done { 0 } else { FAILED })
}

/// LZMA wants its input as a whole, which pipes do not have.
pub(super) fn lzma_init(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    context.leave_out("a program decompresses LZMA");
    Ok(FAILED)
}

pub(super) fn lzma_process(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(FAILED)
}

pub(super) fn lzma_done(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(FAILED)
}

/// Decompresses until a pipe is empty or full, or the stream ends. None where nothing moved; 0 where it goes on.
fn process<T>(
    context: &mut Context<'_, '_>,
    between: &mut Between<T>,
    mut turn: impl FnMut(&mut T, &[u8], &mut [u8]) -> Turn,
) -> Result<Option<i32>, Failure> {
    let mut moved = false;
    loop {
        if let Some(ended) = between.ended {
            return Ok(Some(ended));
        }
        let readable = pipe::available(context, between.from).min(CHUNK);
        let space = pipe::space(context, between.to).min(CHUNK);
        if readable == 0 || space == 0 {
            return Ok(moved.then_some(0));
        }
        let input = pipe::show(context, between.from, readable)?;
        let input = context.memory.bytes(input, readable)?.to_vec();
        let mut output = vec![0; space];
        let done = turn(&mut between.engine, &input, &mut output);
        let moved_here = done.read.saturating_add(done.written) as u64;
        context.spend((moved_here / 4).saturating_add(input.len() as u64 / 16).saturating_add(16))?;
        let written = output.get(..done.written).unwrap_or_default();
        let place = pipe::write_place(context, between.to, written.len());
        context.memory.bytes_mut(place, written.len())?.copy_from_slice(written);
        pipe::stop_writing(context, between.to, written.len());
        pipe::stop_reading(context, between.from, done.read);
        between.ended = done.ended;
        if done.read == 0 && done.written == 0 && done.ended.is_none() {
            return Ok(moved.then_some(0));
        }
        moved = true;
    }
}
