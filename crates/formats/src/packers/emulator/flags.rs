//! The flags of the processor, and what sets them.

#![cfg_attr(
    not(test),
    expect(
        clippy::cast_possible_truncation,
        reason = "a processor cuts numbers to the size of its registers"
    )
)]

/// Carry, parity, adjust, zero, sign, trap, direction, overflow.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the processor has them")]
pub(super) struct Flags {
    pub(super) carry: bool,
    pub(super) parity: bool,
    pub(super) adjust: bool,
    pub(super) zero: bool,
    pub(super) sign: bool,
    pub(super) trap: bool,
    pub(super) direction: bool,
    pub(super) overflow: bool,
}

/// The bits of a number of `size` bytes.
pub(super) fn mask(size: usize) -> u32 {
    match size {
        1 => 0xff,
        2 => 0xffff,
        _ => u32::MAX,
    }
}

/// The highest bit of a number of `size` bytes.
pub(super) fn top(size: usize) -> u32 {
    mask(size) ^ mask(size) >> 1
}

impl Flags {
    /// The flags as one number.
    pub(super) fn pack(self) -> u32 {
        let bits = [
            (self.carry, 0),
            (true, 1),
            (self.parity, 2),
            (self.adjust, 4),
            (self.zero, 6),
            (self.sign, 7),
            (self.trap, 8),
            (true, 9),
            (self.direction, 10),
            (self.overflow, 11),
        ];
        bits.into_iter().fold(0, |all, (set, bit)| all | u32::from(set).wrapping_shl(bit))
    }

    /// The flags of a number.
    pub(super) fn unpack(number: u32) -> Self {
        let bit = |bit: u32| number.wrapping_shr(bit) & 1 == 1;
        Self {
            carry: bit(0),
            parity: bit(2),
            adjust: bit(4),
            zero: bit(6),
            sign: bit(7),
            trap: bit(8),
            direction: bit(10),
            overflow: bit(11),
        }
    }

    /// Zero, sign and parity of a result.
    pub(super) fn result(&mut self, value: u32, size: usize) -> u32 {
        let value = value & mask(size);
        self.zero = value == 0;
        self.sign = value & top(size) != 0;
        self.parity = (value & 0xff).count_ones().is_multiple_of(2);
        value
    }

    /// The same of an operation on bits, which clears carry and overflow.
    pub(super) fn logic(&mut self, value: u32, size: usize) -> u32 {
        self.carry = false;
        self.overflow = false;
        self.result(value, size)
    }

    pub(super) fn add(&mut self, left: u32, right: u32, carry: bool, size: usize) -> u32 {
        let (left, right) = (left & mask(size), right & mask(size));
        let wide = u64::from(left).wrapping_add(right.into()).wrapping_add(carry.into());
        let value = (wide & u64::from(mask(size))) as u32;
        self.carry = wide > u64::from(mask(size));
        self.overflow = (left ^ value) & (right ^ value) & top(size) != 0;
        self.adjust = (left ^ right ^ value) & 0x10 != 0;
        self.result(value, size)
    }

    pub(super) fn subtract(&mut self, left: u32, right: u32, borrow: bool, size: usize) -> u32 {
        let (left, right) = (left & mask(size), right & mask(size));
        let value = left.wrapping_sub(right).wrapping_sub(borrow.into()) & mask(size);
        self.carry = u64::from(left) < u64::from(right).wrapping_add(borrow.into());
        self.overflow = (left ^ right) & (left ^ value) & top(size) != 0;
        self.adjust = (left ^ right ^ value) & 0x10 != 0;
        self.result(value, size)
    }

    /// Shifts and rotations by `count` bits, which is below 32.
    pub(super) fn shift(&mut self, kind: Shift, value: u32, count: u32, size: usize) -> u32 {
        let mut value = value & mask(size);
        if count == 0 {
            return value;
        }
        for _ in 0..count {
            let (low, high) = (value & 1 != 0, value & top(size) != 0);
            let with_low = |set: bool| value.wrapping_shl(1) & mask(size) | u32::from(set);
            let with_high = |set: bool| value >> 1 | if set { top(size) } else { 0 };
            let (next, carry) = match kind {
                Shift::Left => (with_low(false), high),
                Shift::Right => (with_high(false), low),
                Shift::Signed => (with_high(high), low),
                Shift::RotateLeft => (with_low(high), high),
                Shift::RotateRight => (with_high(low), low),
                Shift::ThroughLeft => (with_low(self.carry), high),
                Shift::ThroughRight => (with_high(self.carry), low),
            };
            self.overflow = (next ^ value) & top(size) != 0;
            self.carry = carry;
            value = next;
        }
        if matches!(kind, Shift::Left | Shift::Right | Shift::Signed) {
            self.result(value, size);
        }
        value
    }
}

/// What a shift brings in, and from which side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shift {
    Left,
    Right,
    Signed,
    RotateLeft,
    RotateRight,
    ThroughLeft,
    ThroughRight,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carry_and_overflow() {
        let mut flags = Flags::default();
        assert_eq!(flags.add(0xff, 1, false, 1), 0);
        assert!(flags.carry && flags.zero && !flags.overflow);
        assert_eq!(flags.add(0x7f, 1, false, 1), 0x80);
        assert!(!flags.carry && flags.sign && flags.overflow);
        assert_eq!(flags.subtract(0, 1, false, 4), u32::MAX);
        assert!(flags.carry && flags.sign && !flags.overflow);
        assert_eq!(flags.subtract(5, 4, true, 2), 0);
        assert!(flags.zero && !flags.carry);
    }

    #[test]
    fn rotations_go_round() {
        let mut flags = Flags::default();
        assert_eq!(flags.shift(Shift::RotateLeft, 0x81, 1, 1), 3);
        assert_eq!(flags.shift(Shift::RotateRight, 0x8001, 4, 2), 0x1800);
        assert_eq!(flags.shift(Shift::Signed, 0x8000_0000, 31, 4), u32::MAX);
        flags.carry = true;
        assert_eq!(flags.shift(Shift::ThroughLeft, 0, 1, 4), 1);
        assert_eq!(Flags::unpack(flags.pack()).pack(), flags.pack());
    }
}
