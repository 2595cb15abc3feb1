//! The instructions of a 32-bit processor that packers use.
//!
//! Specification: Intel, Software Developer's Manual, volume 2. The bytes are decoded by `iced-x86`; instructions for
//! floating point and for vectors are not executed.

#![cfg_attr(
    not(test),
    expect(
        clippy::cast_possible_truncation,
        reason = "a processor cuts numbers to the size of its registers"
    )
)]

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use super::flags::{Flags, Shift, mask, top};
use super::memory::{Fault, Memory, SYSTEM};

pub(super) const EAX: usize = 0;
pub(super) const ECX: usize = 1;
pub(super) const EDX: usize = 2;
pub(super) const EBX: usize = 3;
pub(super) const ESP: usize = 4;
pub(super) const EBP: usize = 5;
pub(super) const ESI: usize = 6;
pub(super) const EDI: usize = 7;

/// Why an instruction did not end as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    /// Memory that is not there.
    Memory(u32),
    /// A breakpoint.
    Breakpoint,
    /// A division by zero, or with too large a result.
    Divide,
    /// No instruction, or one that only an operating system may execute.
    Illegal,
    /// An instruction that is not emulated.
    Unknown,
}

impl From<Fault> for Trap {
    fn from(fault: Fault) -> Self {
        Self::Memory(fault.0)
    }
}

/// Instructions that are kept decoded; a power of two.
const DECODED: usize = 4096;

/// A decoded instruction, and the bytes that it was decoded from: a program may have changed them since.
#[derive(Clone, Copy, Debug, Default)]
struct Decoded {
    start: u32,
    raw: [u8; 15],
    instruction: Instruction,
}

impl Decoded {
    fn bytes(&self) -> &[u8] {
        // One that is empty has a length of 0 and the address 0, where nothing is.
        self.raw.get(..self.instruction.len()).unwrap_or_default()
    }
}

/// Registers and memory.
#[derive(Debug)]
pub(super) struct Processor {
    decoded: Vec<Decoded>,
    pub(super) registers: [u32; 8],
    pub(super) flags: Flags,
    /// Address of the next instruction.
    pub(super) next: u32,
    pub(super) memory: Memory,
    /// Instructions executed, each round of a repeated one counted.
    pub(super) steps: u64,
}

impl Processor {
    /// A processor that begins at `next`.
    pub(super) fn new(memory: Memory, next: u32) -> Self {
        let decoded = vec![Decoded::default(); DECODED];
        Self { decoded, registers: [0; 8], flags: Flags::default(), next, memory, steps: 0 }
    }

    pub(super) fn register(&self, number: usize) -> u32 {
        self.registers.get(number & 7).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, number: usize, value: u32) {
        if let Some(register) = self.registers.get_mut(number & 7) {
            *register = value;
        }
    }

    pub(super) fn push(&mut self, value: u32) -> Result<(), Fault> {
        self.push_sized(value, 4)
    }

    pub(super) fn pop(&mut self) -> Result<u32, Fault> {
        self.pop_sized(4)
    }

    fn push_sized(&mut self, value: u32, size: u32) -> Result<(), Fault> {
        let top = self.register(ESP).wrapping_sub(size);
        self.memory.write(top, size as usize, value)?;
        self.set(ESP, top);
        Ok(())
    }

    fn pop_sized(&mut self, size: u32) -> Result<u32, Fault> {
        let top = self.register(ESP);
        let value = self.memory.read(top, size as usize)?;
        self.set(ESP, top.wrapping_add(size));
        Ok(value)
    }

    /// Executes one instruction; says whether it went elsewhere than to the next one.
    pub(super) fn step(&mut self) -> Result<bool, Trap> {
        let start = self.next;
        let bytes = self.memory.slice(start, 15);
        if bytes.is_empty() {
            return Err(Trap::Memory(start));
        }
        let slot = start as usize & (DECODED - 1);
        let known =
            self.decoded.get(slot).filter(|known| known.start == start && bytes.starts_with(known.bytes()));
        let instruction = match known {
            Some(known) => known.instruction,
            None => {
                let instruction = Decoder::with_ip(32, bytes, start.into(), DecoderOptions::NONE).decode();
                if instruction.is_invalid() {
                    return Err(Trap::Illegal);
                }
                let mut raw = [0; 15];
                for (to, from) in raw.iter_mut().zip(bytes) {
                    *to = *from;
                }
                if let Some(slot) = self.decoded.get_mut(slot) {
                    *slot = Decoded { start, raw, instruction };
                }
                instruction
            }
        };
        self.steps = self.steps.saturating_add(1);
        let after = start.wrapping_add(instruction.len() as u32);
        self.next = after;
        let result = self.execute(&instruction);
        if result.is_err() {
            self.next = start;
        }
        result.map(|()| self.next != after)
    }

    fn get_register(&self, register: Register) -> u32 {
        let value = self.register(register.full_register32().number());
        match register {
            Register::AH | Register::BH | Register::CH | Register::DH => value >> 8 & 0xff,
            _ if register.is_segment_register() => 0x23,
            _ => value & mask(register.size()),
        }
    }

    fn set_register(&mut self, register: Register, value: u32) {
        if register.is_segment_register() {
            return;
        }
        let number = register.full_register32().number();
        let old = self.register(number);
        let new = match register {
            Register::AH | Register::BH | Register::CH | Register::DH => old & !0xff00 | (value & 0xff) << 8,
            _ => old & !mask(register.size()) | value & mask(register.size()),
        };
        self.set(number, new);
    }

    /// The address of the memory operand, without the base of a segment.
    fn offset(&self, instruction: &Instruction) -> u32 {
        let part = |register: Register| match register {
            Register::None => 0,
            register => self.get_register(register),
        };
        let (base, index) = (instruction.memory_base(), instruction.memory_index());
        let scaled = part(index).wrapping_mul(instruction.memory_index_scale());
        let address = part(base).wrapping_add(scaled).wrapping_add(instruction.memory_displacement32());
        let short =
            (base != Register::None && base.size() == 2) || (index != Register::None && index.size() == 2);
        if short { address & 0xffff } else { address }
    }

    fn address(&self, instruction: &Instruction) -> u32 {
        let offset = self.offset(instruction);
        if instruction.memory_segment() == Register::FS { SYSTEM.wrapping_add(offset) } else { offset }
    }

    fn size(instruction: &Instruction, operand: u32) -> usize {
        match instruction.op_kind(operand) {
            OpKind::Register => {
                let register = instruction.op_register(operand);
                if register.is_segment_register() { 2 } else { register.size() }
            }
            OpKind::Memory => instruction.memory_size().size(),
            _ => 4,
        }
    }

    fn get(&self, instruction: &Instruction, operand: u32) -> Result<u32, Trap> {
        Ok(match instruction.op_kind(operand) {
            OpKind::Register => self.get_register(instruction.op_register(operand)),
            OpKind::Memory => {
                let size = Self::size(instruction, operand);
                if size > 4 || size == 0 {
                    return Err(Trap::Unknown);
                }
                self.memory.read(self.address(instruction), size)?
            }
            OpKind::NearBranch16 | OpKind::NearBranch32 => instruction.near_branch_target() as u32,
            OpKind::FarBranch16 | OpKind::FarBranch32 => return Err(Trap::Illegal),
            _ => instruction.try_immediate(operand).map_err(|_| Trap::Unknown)? as u32,
        })
    }

    fn put(&mut self, instruction: &Instruction, operand: u32, value: u32) -> Result<(), Trap> {
        match instruction.op_kind(operand) {
            OpKind::Register => self.set_register(instruction.op_register(operand), value),
            OpKind::Memory => {
                let size = Self::size(instruction, operand);
                self.memory.write(self.address(instruction), size, value)?;
            }
            _ => return Err(Trap::Unknown),
        }
        Ok(())
    }

    fn execute(&mut self, i: &Instruction) -> Result<(), Trap> {
        if self.arithmetic(i)? || self.bits(i)? || self.transfer(i)? || self.strings(i)? {
            return Ok(());
        }
        self.others(i)
    }

    fn arithmetic(&mut self, i: &Instruction) -> Result<bool, Trap> {
        use Mnemonic as M;
        let two = |p: &Self| Ok::<_, Trap>((p.get(i, 0)?, p.get(i, 1)?, Self::size(i, 0)));
        let mut flags = self.flags;
        match i.mnemonic() {
            M::Add | M::Adc => {
                let (left, right, size) = two(self)?;
                let carry = i.mnemonic() == M::Adc && flags.carry;
                let value = flags.add(left, right, carry, size);
                self.put(i, 0, value)?;
            }
            M::Sub | M::Sbb | M::Cmp => {
                let (left, right, size) = two(self)?;
                let borrow = i.mnemonic() == M::Sbb && flags.carry;
                let value = flags.subtract(left, right, borrow, size);
                if i.mnemonic() != M::Cmp {
                    self.put(i, 0, value)?;
                }
            }
            M::And | M::Or | M::Xor | M::Test => {
                let (left, right, size) = two(self)?;
                let value = match i.mnemonic() {
                    M::Or => left | right,
                    M::Xor => left ^ right,
                    _ => left & right,
                };
                let value = flags.logic(value, size);
                if i.mnemonic() != M::Test {
                    self.put(i, 0, value)?;
                }
            }
            M::Inc | M::Dec => {
                let (value, size) = (self.get(i, 0)?, Self::size(i, 0));
                let carry = flags.carry;
                let value = if i.mnemonic() == M::Inc {
                    flags.add(value, 1, false, size)
                } else {
                    flags.subtract(value, 1, false, size)
                };
                flags.carry = carry;
                self.put(i, 0, value)?;
            }
            M::Neg => {
                let value = flags.subtract(0, self.get(i, 0)?, false, Self::size(i, 0));
                self.put(i, 0, value)?;
            }
            M::Not => self.put(i, 0, !self.get(i, 0)?)?,
            M::Xadd => {
                let (left, right, size) = two(self)?;
                let value = flags.add(left, right, false, size);
                self.put(i, 1, left)?;
                self.put(i, 0, value)?;
            }
            M::Cmpxchg => {
                let (left, right, size) = two(self)?;
                let expected = self.register(EAX) & mask(size);
                flags.subtract(expected, left, false, size);
                if expected == left {
                    self.put(i, 0, right)?;
                } else {
                    self.set(EAX, self.register(EAX) & !mask(size) | left);
                }
            }
            M::Mul | M::Imul | M::Div | M::Idiv => return self.multiply(i).map(|()| true),
            _ => return Ok(false),
        }
        self.flags = flags;
        Ok(true)
    }

    fn multiply(&mut self, i: &Instruction) -> Result<(), Trap> {
        use Mnemonic as M;
        let size = Self::size(i, 0);
        let bits = (size as u32).wrapping_mul(8);
        let signed = |value: u32| {
            i64::from((value.wrapping_shl(32_u32.wrapping_sub(bits)) as i32) >> (32_u32.wrapping_sub(bits)))
        };
        if i.mnemonic() == M::Imul && i.op_count() > 1 {
            let (left, right) = if i.op_count() == 2 { (0, 1) } else { (1, 2) };
            let product = signed(self.get(i, left)?).wrapping_mul(signed(self.get(i, right)?));
            self.flags.carry = signed(product as u32) != product;
            self.flags.overflow = self.flags.carry;
            return self.put(i, 0, product as u32);
        }
        let value = self.get(i, 0)?;
        let (low, high) = (self.register(EAX), self.register(EDX));
        // Both halves of what is divided, or of a product.
        let whole = match size {
            1 => u64::from(low & 0xffff),
            2 => u64::from(low & 0xffff) | u64::from(high & 0xffff) << 16,
            _ => u64::from(low) | u64::from(high) << 32,
        };
        match i.mnemonic() {
            M::Mul | M::Imul => {
                let product = if i.mnemonic() == M::Mul {
                    u64::from(low & mask(size)).wrapping_mul(u64::from(value))
                } else {
                    signed(low).wrapping_mul(signed(value)) as u64
                };
                let carry = if i.mnemonic() == M::Mul {
                    product > u64::from(mask(size))
                } else {
                    signed(product as u32) as u64 != product
                };
                self.flags.carry = carry;
                self.flags.overflow = carry;
                self.set_halves(size, product as u32, product.wrapping_shr(bits) as u32);
            }
            M::Div => {
                let divisor = u64::from(value);
                let (Some(quotient), Some(rest)) = (whole.checked_div(divisor), whole.checked_rem(divisor))
                else {
                    return Err(Trap::Divide);
                };
                if quotient > u64::from(mask(size)) {
                    return Err(Trap::Divide);
                }
                self.set_halves(size, quotient as u32, rest as u32);
            }
            _ => {
                let unused = 64_u32.wrapping_sub(bits.wrapping_mul(2));
                let whole = (whole.wrapping_shl(unused) as i64).wrapping_shr(unused);
                let divisor = signed(value);
                let (Some(quotient), Some(rest)) = (whole.checked_div(divisor), whole.checked_rem(divisor))
                else {
                    return Err(Trap::Divide);
                };
                if signed(quotient as u32) != quotient {
                    return Err(Trap::Divide);
                }
                self.set_halves(size, quotient as u32, rest as u32);
            }
        }
        Ok(())
    }

    /// Puts two halves where multiplications and divisions leave them.
    fn set_halves(&mut self, size: usize, low: u32, high: u32) {
        if size == 1 {
            self.set_register(Register::AL, low);
            self.set_register(Register::AH, high);
        } else {
            let keep = !mask(size);
            self.set(EAX, self.register(EAX) & keep | low & mask(size));
            self.set(EDX, self.register(EDX) & keep | high & mask(size));
        }
    }

    fn bits(&mut self, i: &Instruction) -> Result<bool, Trap> {
        use Mnemonic as M;
        let shift = match i.mnemonic() {
            M::Shl | M::Sal => Some(Shift::Left),
            M::Shr => Some(Shift::Right),
            M::Sar => Some(Shift::Signed),
            M::Rol => Some(Shift::RotateLeft),
            M::Ror => Some(Shift::RotateRight),
            M::Rcl => Some(Shift::ThroughLeft),
            M::Rcr => Some(Shift::ThroughRight),
            _ => None,
        };
        if let Some(shift) = shift {
            let (value, count) = (self.get(i, 0)?, self.get(i, 1)? & 31);
            let mut flags = self.flags;
            let value = flags.shift(shift, value, count, Self::size(i, 0));
            self.put(i, 0, value)?;
            self.flags = flags;
            return Ok(true);
        }
        let size = Self::size(i, 0);
        match i.mnemonic() {
            M::Shld | M::Shrd => {
                let (value, other, count) = (self.get(i, 0)?, self.get(i, 1)?, self.get(i, 2)? & 31);
                if count == 0 {
                    return Ok(true);
                }
                let bits = (size as u32).wrapping_mul(8);
                let (value, other) = (u64::from(value), u64::from(other));
                let (result, carry) = if i.mnemonic() == M::Shld {
                    let both = value.wrapping_shl(bits) | other;
                    (
                        both.wrapping_shl(count).wrapping_shr(bits),
                        value.wrapping_shr(bits.wrapping_sub(count)),
                    )
                } else {
                    let both = other.wrapping_shl(bits) | value;
                    (both.wrapping_shr(count), value.wrapping_shr(count.wrapping_sub(1)))
                };
                let result = self.flags.result(result as u32, size);
                self.flags.carry = carry & 1 != 0;
                self.put(i, 0, result)?;
            }
            M::Bt | M::Bts | M::Btr | M::Btc => {
                let number = self.get(i, 1)?;
                if i.op_kind(0) == OpKind::Memory && i.op_kind(1) == OpKind::Register {
                    return Err(Trap::Unknown);
                }
                let value = self.get(i, 0)?;
                let bit = 1_u32.wrapping_shl(number & if size == 2 { 15 } else { 31 });
                self.flags.carry = value & bit != 0;
                match i.mnemonic() {
                    M::Bts => self.put(i, 0, value | bit)?,
                    M::Btr => self.put(i, 0, value & !bit)?,
                    M::Btc => self.put(i, 0, value ^ bit)?,
                    _ => {}
                }
            }
            M::Bsf | M::Bsr => {
                let value = self.get(i, 1)?;
                self.flags.zero = value == 0;
                if value != 0 {
                    let bit = if i.mnemonic() == M::Bsf {
                        value.trailing_zeros()
                    } else {
                        31_u32.wrapping_sub(value.leading_zeros())
                    };
                    self.put(i, 0, bit)?;
                }
            }
            M::Bswap => self.put(i, 0, self.get(i, 0)?.swap_bytes())?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn transfer(&mut self, i: &Instruction) -> Result<bool, Trap> {
        use Mnemonic as M;
        if i.is_jcc_short_or_near() {
            if self.condition(i)? {
                self.next = self.get(i, 0)?;
            }
            return Ok(true);
        }
        match i.mnemonic() {
            M::Jmp => self.next = self.get(i, 0)?,
            M::Call => {
                let (target, back) = (self.get(i, 0)?, self.next);
                self.push(back)?;
                self.next = target;
            }
            M::Ret => {
                let target = self.pop()?;
                let more = if i.op_count() > 0 { self.get(i, 0)? & 0xffff } else { 0 };
                self.set(ESP, self.register(ESP).wrapping_add(more));
                self.next = target;
            }
            M::Loop | M::Loope | M::Loopne => {
                let count = self.register(ECX).wrapping_sub(1);
                self.set(ECX, count);
                let goes = match i.mnemonic() {
                    M::Loope => self.flags.zero,
                    M::Loopne => !self.flags.zero,
                    _ => true,
                };
                if count != 0 && goes {
                    self.next = self.get(i, 0)?;
                }
            }
            M::Jecxz | M::Jcxz => {
                let bits = if i.mnemonic() == M::Jcxz { 0xffff } else { u32::MAX };
                if self.register(ECX) & bits == 0 {
                    self.next = self.get(i, 0)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the condition of a jump, a move or a setting holds.
    fn condition(&self, i: &Instruction) -> Result<bool, Trap> {
        use iced_x86::ConditionCode as C;
        let flags = &self.flags;
        Ok(match i.condition_code() {
            C::o => flags.overflow,
            C::no => !flags.overflow,
            C::b => flags.carry,
            C::ae => !flags.carry,
            C::e => flags.zero,
            C::ne => !flags.zero,
            C::be => flags.carry || flags.zero,
            C::a => !flags.carry && !flags.zero,
            C::s => flags.sign,
            C::ns => !flags.sign,
            C::p => flags.parity,
            C::np => !flags.parity,
            C::l => flags.sign != flags.overflow,
            C::ge => flags.sign == flags.overflow,
            C::le => flags.zero || flags.sign != flags.overflow,
            C::g => !flags.zero && flags.sign == flags.overflow,
            _ => return Err(Trap::Unknown),
        })
    }

    /// Moves, comparisons and searches over memory, repeated or not.
    fn strings(&mut self, i: &Instruction) -> Result<bool, Trap> {
        use Mnemonic as M;
        let is_string = matches!(i.op0_kind(), OpKind::MemoryESEDI | OpKind::MemorySegESI)
            || matches!(i.op1_kind(), OpKind::MemoryESEDI | OpKind::MemorySegESI);
        if !is_string {
            return Ok(false);
        }
        let size = match i.mnemonic() {
            M::Movsb | M::Stosb | M::Lodsb | M::Scasb | M::Cmpsb => 1,
            M::Movsw | M::Stosw | M::Lodsw | M::Scasw | M::Cmpsw => 2,
            M::Movsd | M::Stosd | M::Lodsd | M::Scasd | M::Cmpsd => 4,
            _ => return Err(Trap::Unknown),
        };
        let repeated = i.has_rep_prefix() || i.has_repne_prefix();
        let step = if self.flags.direction { (size as u32).wrapping_neg() } else { size as u32 };
        // A repeated instruction gives way now and then: it is executed again from where it is.
        for _ in 0..4096 {
            if repeated && self.register(ECX) == 0 {
                return Ok(true);
            }
            let (from, to) = (self.register(ESI), self.register(EDI));
            let mut compared = false;
            match i.mnemonic() {
                M::Movsb | M::Movsw | M::Movsd => {
                    let value = self.memory.read(from, size)?;
                    self.memory.write(to, size, value)?;
                    self.set(ESI, from.wrapping_add(step));
                    self.set(EDI, to.wrapping_add(step));
                }
                M::Stosb | M::Stosw | M::Stosd => {
                    self.memory.write(to, size, self.register(EAX))?;
                    self.set(EDI, to.wrapping_add(step));
                }
                M::Lodsb | M::Lodsw | M::Lodsd => {
                    let value = self.memory.read(from, size)?;
                    self.set(EAX, self.register(EAX) & !mask(size) | value);
                    self.set(ESI, from.wrapping_add(step));
                }
                M::Scasb | M::Scasw | M::Scasd => {
                    let value = self.memory.read(to, size)?;
                    self.flags.subtract(self.register(EAX), value, false, size);
                    self.set(EDI, to.wrapping_add(step));
                    compared = true;
                }
                _ => {
                    let (left, right) = (self.memory.read(from, size)?, self.memory.read(to, size)?);
                    self.flags.subtract(left, right, false, size);
                    self.set(ESI, from.wrapping_add(step));
                    self.set(EDI, to.wrapping_add(step));
                    compared = true;
                }
            }
            self.steps = self.steps.saturating_add(1);
            if !repeated {
                return Ok(true);
            }
            self.set(ECX, self.register(ECX).wrapping_sub(1));
            if compared && self.flags.zero == i.has_repne_prefix() {
                return Ok(true);
            }
        }
        self.next = i.ip32();
        Ok(true)
    }

    fn others(&mut self, i: &Instruction) -> Result<(), Trap> {
        use Mnemonic as M;
        let conditional = i.condition_code() != iced_x86::ConditionCode::None;
        match i.mnemonic() {
            M::Mov | M::Movzx => {
                let value = self.get(i, 1)?;
                self.put(i, 0, value)?;
            }
            M::Movsx => {
                let (value, size) = (self.get(i, 1)?, Self::size(i, 1));
                let wide = if value & top(size) != 0 { value | !mask(size) } else { value };
                self.put(i, 0, wide)?;
            }
            M::Lea => self.put(i, 0, self.offset(i))?,
            M::Xchg => {
                let (left, right) = (self.get(i, 0)?, self.get(i, 1)?);
                self.put(i, 0, right)?;
                self.put(i, 1, left)?;
            }
            M::Push => {
                let value = self.get(i, 0)?;
                self.push_sized(value, i.stack_pointer_increment().unsigned_abs())?;
            }
            M::Pop => {
                let value = self.pop_sized(i.stack_pointer_increment().unsigned_abs())?;
                self.put(i, 0, value)?;
            }
            M::Pushad => {
                let stack = self.register(ESP);
                for number in [EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI] {
                    let value = if number == ESP { stack } else { self.register(number) };
                    self.push(value)?;
                }
            }
            M::Popad => {
                for number in [EDI, ESI, EBP, ESP, EBX, EDX, ECX, EAX] {
                    let value = self.pop()?;
                    if number != ESP {
                        self.set(number, value);
                    }
                }
            }
            M::Pushfd | M::Pushf => {
                self.push_sized(self.flags.pack(), i.stack_pointer_increment().unsigned_abs())?
            }
            M::Popfd | M::Popf => {
                self.flags = Flags::unpack(self.pop_sized(i.stack_pointer_increment().unsigned_abs())?);
            }
            M::Leave => {
                self.set(ESP, self.register(EBP));
                let value = self.pop()?;
                self.set(EBP, value);
            }
            M::Cwde => self.set(EAX, (self.register(EAX) as u16).cast_signed() as u32),
            M::Cbw => self.set_register(Register::AX, (self.register(EAX) as u8).cast_signed() as u32),
            M::Cdq => self.set(EDX, if self.register(EAX) >> 31 == 1 { u32::MAX } else { 0 }),
            M::Cwd => {
                self.set_register(Register::DX, if self.register(EAX) >> 15 & 1 == 1 { 0xffff } else { 0 })
            }
            M::Clc => self.flags.carry = false,
            M::Stc => self.flags.carry = true,
            M::Cmc => self.flags.carry = !self.flags.carry,
            M::Cld => self.flags.direction = false,
            M::Std => self.flags.direction = true,
            M::Lahf => self.set_register(Register::AH, self.flags.pack()),
            M::Sahf => {
                let low = self.get_register(Register::AH);
                self.flags = Flags::unpack(self.flags.pack() & !0xff | low);
            }
            M::Salc => self.set_register(Register::AL, if self.flags.carry { 0xff } else { 0 }),
            M::Xlatb => {
                let place = self.register(EBX).wrapping_add(self.register(EAX) & 0xff);
                let value = self.memory.read(place, 1)?;
                self.set_register(Register::AL, value);
            }
            M::Nop | M::Wait | M::Pause | M::Fnop | M::Emms | M::Fninit | M::Prefetchnta | M::Fnclex => {}
            M::Rdtsc => {
                self.set(EAX, self.steps as u32);
                self.set(EDX, 0);
            }
            M::Cpuid => {
                for number in [EAX, EBX, ECX, EDX] {
                    self.set(number, 0);
                }
            }
            M::Int3 => return Err(Trap::Breakpoint),
            M::Int | M::Int1 | M::Into | M::Ud2 | M::In | M::Out | M::Hlt | M::Cli | M::Sti => {
                return Err(Trap::Illegal);
            }
            _ if conditional && i.op_count() == 1 => {
                let value = u32::from(self.condition(i)?);
                self.put(i, 0, value)?;
            }
            _ if conditional && i.op_count() == 2 => {
                if self.condition(i)? {
                    let value = self.get(i, 1)?;
                    self.put(i, 0, value)?;
                }
            }
            _ => return Err(Trap::Unknown),
        }
        Ok(())
    }
}
