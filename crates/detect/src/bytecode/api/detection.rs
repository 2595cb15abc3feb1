//! What a program finds and extracts.

use super::{Arguments, Context, FAILED, Failure};

/// Longest detection name in bytes.
const MAX_NAME: usize = 256;

/// Sets the detection name.
pub(super) fn set_name(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(size) = arguments.size(1).filter(|size| *size <= MAX_NAME) else { return Ok(FAILED) };
    let name = context.memory.bytes(arguments.pointer(0), size)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned();
    context.outcome.name = Some(name);
    Ok(0)
}

/// Hands over what was written and begins another object. 1 if something was found in it.
pub(super) fn extract_new(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let found = context.hand_over()?;
    context.files.begin(arguments.signed(0));
    Ok(u64::from(found))
}

/// Sets the container's type for what is written. Returns the one before.
pub(super) fn set_container(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(u64::from(context.files.set_container(arguments.unsigned(0))))
}

/// Remembers where in its source the program is about to end itself.
pub(super) fn error_at(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.error_at = arguments.unsigned(0);
    Ok(0)
}
