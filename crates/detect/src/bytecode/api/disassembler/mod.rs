//! Disassembling 32-bit x86, one instruction at a time.
//!
//! A result has 64 bytes: the operation (two bytes), the sizes of operands and of addresses (0 is 32 bits, 1 is
//! 16), the segment, three arguments of ten bytes each, and zeros. Written from the documentation of ClamAV's
//! bytecode API and from what ClamAV 1.4.6 answers.

mod operations;

use iced_x86::{ConstantOffsets, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use super::{Arguments, Context, FAILED, Failure, file, place};

/// Longest instruction in bytes.
const MAX_INSTRUCTION: usize = 15;
const RESULT: usize = 64;
/// What stands for no register.
const NO_REGISTER: u8 = 54;

/// Disassembles an instruction at the position. Returns the place behind it, or fails with an empty result.
pub(super) fn disassemble(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.spend(16)?;
    let position = context.files.position();
    let wanted = usize::try_from(arguments.unsigned(1)).unwrap_or(MAX_INSTRUCTION).min(MAX_INSTRUCTION);
    let mut buffer = [0; MAX_INSTRUCTION];
    let count = file::bytes(context, position, buffer.get_mut(..wanted).unwrap_or_default())?;
    let decoded = decode(buffer.get(..count).unwrap_or_default());
    let (result, length) = decoded.unwrap_or(([0; RESULT], 0));
    context.memory.bytes_mut(arguments.pointer(0), RESULT)?.copy_from_slice(&result);
    if length == 0 {
        return Ok(FAILED);
    }
    Ok(place(Some(position.saturating_add(length as u64))))
}

/// The result for the instruction that some bytes begin with, and its length.
fn decode(bytes: &[u8]) -> Option<([u8; RESULT], usize)> {
    if let Some(found) = prefix(bytes) {
        return Some(found);
    }
    let mut decoder = Decoder::with_ip(32, bytes, 0, DecoderOptions::NONE);
    let instruction = decoder.decode();
    if instruction.is_invalid() {
        return None;
    }
    let constants = decoder.get_constant_offsets(&instruction);
    let (operand_16, address_16, segment) = sizes(bytes);
    let mut result = Vec::with_capacity(RESULT);
    result.extend(operations::number(instruction.mnemonic())?.to_le_bytes());
    result.extend([u8::from(operand_16), u8::from(address_16), segment]);
    if has_arguments(&instruction) {
        for number in 0..instruction.op_count().min(3) {
            result.extend(argument(&instruction, number, operand_16, &constants)?);
        }
    }
    result.resize(RESULT, 0);
    Some((result.try_into().ok()?, instruction.len()))
}

/// A prefix that counts as an instruction of its own.
fn prefix(bytes: &[u8]) -> Option<([u8; RESULT], usize)> {
    let before =
        bytes.iter().take_while(|byte| matches!(byte, 0x66 | 0x67 | 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65));
    let length = before.count();
    let operation = match bytes.get(length)? {
        0xf0 => operations::LOCK,
        0xf2 => operations::REPEAT_NOT_EQUAL,
        0xf3 => operations::REPEAT_EQUAL,
        _ => return None,
    };
    let mut result = [0; RESULT];
    let [low, high] = operation.to_le_bytes();
    result[0] = low;
    result[1] = high;
    Some((result, length.saturating_add(1)))
}

/// Whether prefixes make operands and addresses 16 bits wide, and the segment that they name.
fn sizes(bytes: &[u8]) -> (bool, bool, u8) {
    let (mut operand, mut address, mut segment) = (false, false, 0);
    for byte in bytes {
        match byte {
            0x66 => operand = true,
            0x67 => address = true,
            0x26 => segment = 24,
            0x2e => segment = 25,
            0x36 => segment = 26,
            0x3e => segment = 27,
            0x64 => segment = 28,
            0x65 => segment = 29,
            _ => break,
        }
    }
    (operand, address, segment)
}

/// What an instruction works on by itself is no argument there.
fn has_arguments(instruction: &Instruction) -> bool {
    !instruction.is_string_instruction() && instruction.mnemonic() != Mnemonic::Xlatb
}

fn argument(
    instruction: &Instruction,
    number: u32,
    operand_16: bool,
    constants: &ConstantOffsets,
) -> Option<[u8; 10]> {
    let kind = instruction.op_kind(number);
    let mut bytes = Vec::with_capacity(10);
    match kind {
        OpKind::Register => bytes.extend([3, register(instruction.op_register(number), instruction)?]),
        OpKind::Memory => {
            let [displacement @ .., _, _, _, _] = instruction.memory_displacement64().to_le_bytes();
            let (base, index) = (instruction.memory_base(), instruction.memory_index());
            let plain = |register| if register == Register::None { Some(NO_REGISTER) } else { of(register) };
            // The register that is scaled stands first.
            let scale = u8::try_from(instruction.memory_index_scale()).unwrap_or(1);
            // Of addresses of 16 bits the base stands first.
            let narrow = base.is_gpr16() && index.is_gpr16();
            let (base, index) = if narrow { (index, base) } else { (base, index) };
            let (first, second, scale) = match (base, index) {
                (Register::None, Register::None) => (NO_REGISTER, NO_REGISTER, 0),
                (base, Register::None) => (plain(base)?, NO_REGISTER, 1),
                (base, index) => (plain(index)?, plain(base)?, scale),
            };
            bytes.extend([4, memory_size(instruction, operand_16), first, second, scale, 0]);
            bytes.extend(displacement);
        }
        OpKind::NearBranch16 | OpKind::NearBranch32 => {
            let to = i64::try_from(instruction.near_branch_target()).ok()?;
            let from = i64::try_from(instruction.len()).ok()?;
            let distance = i32::from_le_bytes(low(to.wrapping_sub(from)));
            let short = constants.immediate_size() == 1;
            let size = if short { 0 } else { 2_u8.saturating_sub(u8::from(operand_16)) };
            bytes.extend([2, size]);
            bytes.extend(i64::from(distance).to_le_bytes());
        }
        OpKind::FarBranch16 | OpKind::FarBranch32 => {
            let offset = u64::from(instruction.far_branch32()).max(u64::from(instruction.far_branch16()));
            let selector = u64::from(instruction.far_branch_selector());
            bytes.extend([1, 3]);
            bytes.extend((selector << if operand_16 { 16 } else { 32 } | offset).to_le_bytes());
        }
        kind => {
            let (size, value) = immediate(instruction, number, kind, constants)?;
            bytes.extend([1, size]);
            bytes.extend(value.to_le_bytes());
        }
    }
    bytes.resize(10, 0);
    bytes.try_into().ok()
}

fn low(value: i64) -> [u8; 4] {
    let [a, b, c, d, ..] = value.to_le_bytes();
    [a, b, c, d]
}

/// The size and value of a constant, with its sign.
fn immediate(
    instruction: &Instruction,
    number: u32,
    kind: OpKind,
    constants: &ConstantOffsets,
) -> Option<(u8, i64)> {
    let [a, b, c, d, ..] = instruction.immediate(number).to_le_bytes();
    match kind {
        // The one by which bits are moved where the instruction has no number is two bytes wide there.
        OpKind::Immediate8 if !constants.has_immediate() => Some((1, 1)),
        OpKind::Immediate8 | OpKind::Immediate8_2nd | OpKind::Immediate8to16 | OpKind::Immediate8to32 => {
            Some((0, i64::from(i8::from_le_bytes([a]))))
        }
        OpKind::Immediate16 => Some((1, i64::from(i16::from_le_bytes([a, b])))),
        OpKind::Immediate32 => Some((2, i64::from(i32::from_le_bytes([a, b, c, d])))),
        _ => None,
    }
}

fn memory_size(instruction: &Instruction, operand_16: bool) -> u8 {
    use Mnemonic::{Bound, Fldenv, Fnsave, Fnstenv, Frstor, Fsave, Fstenv, Invlpg, Lds, Les, Lfs, Lgs, Lss};
    let of_operands = 2_u8.saturating_sub(u8::from(operand_16));
    match (instruction.mnemonic(), instruction.memory_size().size()) {
        (Lds | Les | Lfs | Lgs | Lss | Bound, _) => of_operands,
        (Fldenv | Frstor | Fsave | Fnsave | Fstenv | Fnstenv, _) => 6,
        (Invlpg, _) => 0,
        (_, 1) => 0,
        (_, 2) => 1,
        (_, 4) => 2,
        (_, 6) => 3,
        (_, 8) => 4,
        (_, 10) => 5,
        _ => of_operands,
    }
}

fn register(register: Register, instruction: &Instruction) -> Option<u8> {
    use Mnemonic::{Arpl, Lldt, Ltr, Mov, Sldt, Str, Verr, Verw};
    // Selectors have 16 bits, whatever the decoder calls the registers that hold them.
    let selects = match instruction.mnemonic() {
        Arpl | Lldt | Ltr | Sldt | Str | Verr | Verw => true,
        Mov => (0..2).any(|number| instruction.op_register(number).is_segment_register()),
        _ => false,
    };
    if selects && register.is_gpr32() {
        return of(register).map(|number| number.saturating_add(8));
    }
    of(register)
}

/// ClamAV's number of a register.
fn of(register: Register) -> Option<u8> {
    let place = |first: Register, start: usize| {
        let number = (register as usize).checked_sub(first as usize)?.checked_add(start)?;
        u8::try_from(number).ok()
    };
    match register {
        _ if register.is_gpr32() && register <= Register::EDI => place(Register::EAX, 0),
        _ if register.is_gpr16() && register <= Register::DI => place(Register::AX, 8),
        Register::AH | Register::CH | Register::DH | Register::BH => place(Register::AH, 16),
        Register::AL | Register::CL | Register::DL | Register::BL => place(Register::AL, 20),
        _ if register.is_segment_register() => place(Register::ES, 24),
        _ if register.is_cr() && register <= Register::CR7 => place(Register::CR0, 30),
        _ if register.is_dr() && register <= Register::DR7 => place(Register::DR0, 38),
        _ if register.is_st() => place(Register::ST0, 46),
        _ => None,
    }
}
