//! Memory that a program asks for.

use super::{Arguments, Context, Failure};

/// Memory full of zeros, for as long as the program runs.
pub(super) fn allocate(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let size = arguments.unsigned(0);
    let pointer = context.memory.allocate(usize::try_from(size).map_err(|_| Failure::Memory)?)?;
    context.spend(u64::from(size) / 64)?;
    Ok(pointer)
}
