//! What a program prints for its author.

use super::{Arguments, Context, FAILED, Failure};

/// Longest piece of text in bytes.
const MAX_TEXT: usize = 1 << 16;

/// A message of its own.
pub(super) fn line(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    if print(context, arguments)? == 0 {
        context.host.prints(b"\n");
    }
    Ok(0)
}

/// The beginning of a message.
pub(super) fn start(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    print(context, arguments)
}

/// A further part of a message.
pub(super) fn text(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    print(context, arguments)
}

/// A number in a message.
pub(super) fn number(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.host.prints(arguments.signed(0).to_string().as_bytes());
    Ok(0)
}

/// Where the program is, for a debugger that is not here.
pub(super) fn trace(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0)
}

fn print(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(size) = arguments.size(1).filter(|size| *size <= MAX_TEXT) else { return Ok(FAILED) };
    context.spend(size as u64 / 16)?;
    // The host keeps what it is shown, so that it must not be memory of the program.
    let text = context.memory.bytes(arguments.pointer(0), size)?.to_vec();
    context.host.prints(&text);
    Ok(0)
}
