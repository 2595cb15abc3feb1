//! Normalising JavaScript, which is not here. What a program wanted of it was left out.

use super::{Arguments, Context, FAILED, Failure};

pub(super) fn init(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    context.leave_out("a program normalises JavaScript");
    Ok(FAILED)
}

pub(super) fn process(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(FAILED)
}
