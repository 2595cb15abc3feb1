//! Functions by which a program shows that calls arrive: fixed answers to fixed numbers.

use super::{Arguments, Context, Failure};

pub(super) fn test1(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let right = arguments.unsigned(0) == 0xf00d_beef && arguments.unsigned(1) == 0xbeef_f00d;
    Ok(if right { 0x1234_5678 } else { 0x55 })
}

pub(super) fn test2(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(if arguments.unsigned(0) == 0xf00d { 0xd00f } else { 0x5555 })
}
