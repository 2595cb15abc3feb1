//! Disassembling x86.

use super::{Arguments, Context, FAILED, Failure};

pub(super) fn disassemble(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    context.leave_out("a program disassembles");
    Ok(FAILED)
}
