//! Arithmetic on integers of every width.

use candor_detect::bytecode::{Argument, Kind};
use proptest::prelude::*;

use crate::assembler::*;

/// What an instruction makes of two integers of a width, or the failure.
fn computed(opcode: u8, bits: u32, left: u64, right: u64) -> Option<u64> {
    let mut code = Assembler::new(Kind::Logical);
    let operand = |number| Argument::Constant(number, 8);
    let result = code.put(opcode, bits, &[operand(left), operand(right)]);
    let wide = if bits == 64 { result } else { code.put(16, 64, &[value(result)]) };
    print_wide(&mut code, wide);
    code.ret(constant(0));
    let (outcome, shown) = code.run(b"");
    outcome.ok()?;
    Some(wide_of(&shown.printed))
}

/// Prints an integer of 64 bits as two.
fn print_wide(code: &mut Assembler, wide: u32) {
    let high = code.put(9, 64, &[value(wide), Argument::Constant(32, 8)]);
    for part in [high, wide] {
        let part = code.put(14, 32, &[value(part)]);
        code.print(part);
    }
}

fn wide_of(printed: &[u8]) -> u64 {
    let text = std::str::from_utf8(printed).unwrap();
    let parts: Vec<u64> =
        text.split_whitespace().map(|part| u64::from(part.parse::<i32>().unwrap() as u32)).collect();
    parts[0] << 32 | parts[1]
}

/// The same, computed with more bits than are needed.
fn expected(opcode: u8, bits: u32, left: u64, right: u64) -> Option<u64> {
    let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
    let (a, b) = (left & mask, right & mask);
    let sign = |number: u64| i128::from(((number << (64 - bits)) as i64) >> (64 - bits));
    let (x, y) = (i128::from(a), i128::from(b));
    let (p, q) = (sign(a), sign(b));
    let quotient = if q == 0 { None } else { Some(p / q) };
    let result = match opcode {
        1 => x + y,
        2 => x - y,
        3 => x.wrapping_mul(y),
        4 => x.checked_div(y)?,
        5 if sign(quotient? as u64 & mask) != quotient? => return None,
        5 => quotient?,
        6 => x.checked_rem(y)?,
        7 if bits == 64 && q == -1 && p == i128::from(i64::MIN) => return None,
        7 => p.checked_rem(q)?,
        8 => {
            if y >= i128::from(bits) {
                0
            } else {
                x << y
            }
        }
        9 => {
            if y >= i128::from(bits) {
                0
            } else {
                x >> y
            }
        }
        10 => p >> y.min(127),
        11 => x & y,
        12 => x | y,
        _ => x ^ y,
    };
    Some(result as u64 & mask)
}

fn some_integer() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..70_u64,
        Just(u64::MAX),
        any::<u32>().prop_map(u64::from),
        Just(1 << 63),
        Just(1 << 31)
    ]
}

proptest! {
    #[test]
    fn operations_are_those_of_integers(
        opcode in 1..=13_u8,
        bits in prop_oneof![Just(1_u32), Just(8), Just(16), Just(31), Just(32), Just(64)],
        left in some_integer(),
        right in some_integer(),
    ) {
        prop_assert_eq!(computed(opcode, bits, left, right), expected(opcode, bits, left, right));
    }

    #[test]
    fn comparisons_are_those_of_integers(left in some_integer(), right in some_integer()) {
        let holds = |opcode: u8| {
            let mut code = Assembler::new(Kind::Logical);
            let operands = [Argument::Type(32), constant(left), constant(right)];
            let truth = code.put(opcode, 1, &operands);
            let number = code.put(16, 32, &[value(truth)]);
            code.ret(value(number));
            code.returns() == 1
        };
        let (a, b) = (left as u32, right as u32);
        let (p, q) = (a as i32, b as i32);
        let expected = [a == b, a != b, a > b, a >= b, a < b, a <= b, p > q, p >= q, p <= q, p < q];
        prop_assert_eq!((21..=30).map(holds).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn division_by_zero_ends_the_program() {
    for opcode in 4..=7 {
        assert_eq!(computed(opcode, 32, 7, 0), None);
    }
    assert_eq!(computed(5, 32, 1 << 31, u64::MAX), None);
}

#[test]
fn widths_change_with_and_without_sign() {
    let made = |opcode: u8, from: u32, to: u32, number: u64| {
        let mut code = Assembler::new(Kind::Logical);
        let narrow = code.put(11, from, &[Argument::Constant(number, 8), Argument::Constant(u64::MAX, 8)]);
        let other = code.put(opcode, to, &[value(narrow)]);
        let wide = if to == 64 { other } else { code.put(16, 64, &[value(other)]) };
        print_wide(&mut code, wide);
        code.ret(constant(0));
        let (outcome, shown) = code.run(b"");
        outcome.unwrap();
        wide_of(&shown.printed)
    };
    assert_eq!(made(14, 32, 8, 0x1234_56f8), 0xf8);
    assert_eq!(made(15, 8, 32, 0xf8), 0xffff_fff8);
    assert_eq!(made(16, 8, 32, 0xf8), 0xf8);
    assert_eq!(made(15, 32, 64, 0x8000_0000), 0xffff_ffff_8000_0000);
    assert_eq!(made(15, 1, 16, 1), 0xffff);
}

#[test]
fn bytes_turn_round_and_one_of_two_values_is_chosen() {
    let mut code = Assembler::new(Kind::Logical);
    let number = code.put(12, 32, &[constant(0x1234_5678), constant(0)]);
    let swapped = code.put(47, 32, &[value(number)]);
    let order = code.put(44, 1, &[]);
    let chosen = code.put(31, 32, &[value(order), constant(1), value(swapped)]);
    code.ret(value(chosen));
    assert_eq!(code.returns(), 0x7856_3412);
}
