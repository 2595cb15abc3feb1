//! Facts about the object as JSON, which ClamAV gathers where it is told to. We do not; programs ask first.

use super::{Arguments, Context, FAILED, Failure};

/// 1 if there are facts.
pub(super) fn is_active(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0)
}

/// What all other functions answer where there are none.
pub(super) fn nothing(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(FAILED)
}
