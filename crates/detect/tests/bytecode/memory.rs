//! Pointers reach what is there and nothing else.

use candor_detect::bytecode::{Argument, Global, Kind, Type};

use crate::assembler::*;

#[test]
fn members_of_structures_are_where_their_alignment_puts_them() {
    let mut code = Assembler::new(Kind::Logical);
    let structure = code.a_type(Type::Struct(vec![8, 64, 16, 32]));
    let packed = code.a_type(Type::Packed(vec![8, 64, 16, 32]));
    for (of, expected) in [(structure, [0, 8, 16, 20]), (packed, [0, 1, 9, 11])] {
        let pointer = code.pointer(of);
        let memory = code.local(of);
        let start = code.put(MEMBER, POINTER, &[Argument::Type(pointer), value(memory), constant(0)]);
        for (field, offset) in expected.into_iter().enumerate() {
            let field = constant(field as u64);
            let member = code.put(MEMBER, POINTER, &[Argument::Type(pointer), value(memory), field]);
            let distance = code.put(49, 32, &[value(member), value(start)]);
            let difference = code.put(SUB, 32, &[value(distance), constant(offset)]);
            code.print(difference);
        }
    }
    code.ret(constant(0));
    assert_eq!(code.prints(b""), "0 0 0 0 0 0 0 0");
}

#[test]
fn what_is_stored_is_loaded() {
    let mut code = Assembler::new(Kind::Logical);
    let words = code.array(8, 32);
    let pointer = code.pointer(words);
    let memory = code.local(words);
    let index = code.put(ADD, 32, &[constant(2), constant(1)]);
    let there = code.put(MEMBER, 67, &[Argument::Type(pointer), value(memory), value(index)]);
    let number = code.put(ADD, 32, &[constant(0x0102_0304), constant(0)]);
    code.instruction(STORE, 32, 0, &[value(number), value(there)]);
    let again = code.put(37, 67, &[Argument::Type(pointer), value(memory), constant(0), constant(3)]);
    let back = code.put(ELEMENT, 67, &[Argument::Type(67), value(again), constant(0xffff_ffff)]);
    let back = code.put(ELEMENT, 67, &[Argument::Type(67), value(back), constant(1)]);
    let loaded = code.put(LOAD, 32, &[value(back)]);
    code.ret(value(loaded));
    assert_eq!(code.returns(), 0x0102_0304);
}

#[test]
fn a_value_whose_address_is_taken_lives_in_memory() {
    let mut code = Assembler::new(Kind::Logical);
    let number = code.local(32);
    code.instruction(COPY, 32, 0, &[constant(5), value(number)]);
    code.instruction(STORE, 32, 0, &[constant(9), value(number)]);
    let sum = code.put(ADD, 32, &[value(number), constant(1)]);
    code.ret(value(sum));
    assert_eq!(code.returns(), 10);
}

#[test]
fn memory_is_filled_copied_and_compared() {
    let mut code = Assembler::new(Kind::Logical);
    let (one, two) = (code.memory(8), code.memory(8));
    code.instruction(40, 0, 0, &[value(one), Argument::Constant(7, 1), constant(8)]);
    let text = code.text(b"abcdefgh");
    code.instruction(41, 0, 0, &[value(two), text, constant(8)]);
    let further = code.put(ELEMENT, POINTER, &[Argument::Type(POINTER), value(two), constant(2)]);
    code.instruction(42, 0, 0, &[value(further), value(two), constant(6)]);
    for (memory, place) in [(one, 7), (two, 0), (two, 2), (two, 7)] {
        let byte = code.byte(memory, place);
        code.print(byte);
    }
    for (left, right) in [(one, two), (two, one), (one, one)] {
        let order = code.put(43, 32, &[value(left), value(right), constant(8)]);
        code.print(order);
    }
    code.ret(constant(0));
    assert_eq!(code.prints(b""), "7 97 97 102 -1 1 0");
}

#[test]
fn constants_hold_numbers_and_pointers_to_others() {
    let mut code = Assembler::new(Kind::Logical);
    code.text(b"hello");
    let structure = code.a_type(Type::Struct(vec![8, 65, 32]));
    code.0.globals.push(Global { global_type: structure, parts: vec![3, 1, 1, 77] });
    let number = u32::try_from(code.0.globals.len() - 1).unwrap();
    let pointer = code.pointer(structure);
    let all = Argument::Global(number);
    let inner = code.pointer(POINTER);
    let text = code.put(MEMBER, inner, &[Argument::Type(pointer), all, constant(1)]);
    let text = code.put(LOAD, POINTER, &[value(text)]);
    let letter = code.put(LOAD, 8, &[value(text)]);
    let letter = code.put(16, 32, &[value(letter)]);
    let last = code.put(MEMBER, 67, &[Argument::Type(pointer), all, constant(2)]);
    let last = code.put(LOAD, 32, &[value(last)]);
    let sum = code.put(ADD, 32, &[value(letter), value(last)]);
    code.ret(value(sum));
    assert_eq!(code.returns(), u64::from(b'e') + 77);
}

#[test]
fn nothing_is_reached_that_is_not_there() {
    let reached = |place: u64, opcode: u8| {
        let mut code = Assembler::new(Kind::Logical);
        let memory = code.memory(8);
        let other = code.memory(8);
        let at = code.put(ELEMENT, POINTER, &[Argument::Type(POINTER), value(memory), constant(place)]);
        match opcode {
            LOAD => drop(code.put(LOAD, 32, &[value(at)])),
            STORE => code.instruction(STORE, 32, 0, &[constant(1), value(at)]),
            40 => code.instruction(40, 0, 0, &[value(at), Argument::Constant(7, 1), constant(4)]),
            43 => drop(code.put(43, 32, &[value(at), value(other), constant(4)])),
            _ => code.instruction(41, 0, 0, &[value(other), value(at), constant(4)]),
        }
        code.ret(constant(0));
        code.run(b"").0.is_ok()
    };
    for opcode in [LOAD, STORE, 40, 41, 43] {
        assert!(reached(4, opcode));
        for place in [5, 8, 9, 0x7fff_ffff, 0xffff_ffff] {
            assert!(!reached(place, opcode), "{opcode} at {place}");
        }
    }
}

#[test]
fn null_and_constants_are_not_written_to() {
    let mut code = Assembler::new(Kind::Logical);
    code.instruction(STORE, 32, 0, &[constant(1), constant(0)]);
    code.ret(constant(0));
    assert!(code.fails().contains("constant"), "{}", code.fails());
    let mut code = Assembler::new(Kind::Logical);
    let text = code.text(b"hello");
    code.instruction(STORE, 8, 0, &[Argument::Constant(1, 1), text]);
    code.ret(constant(0));
    assert!(code.fails().contains("constant"), "{}", code.fails());
    let mut code = Assembler::new(Kind::Logical);
    code.put(LOAD, 8, &[constant(0)]);
    code.ret(constant(0));
    assert!(code.fails().contains("not there"), "{}", code.fails());
}

#[test]
fn the_host_shows_matches_size_and_kind() {
    let mut code = Assembler::new(Kind::Logical);
    for (number, offset, of) in [(0x8000, 4, 67), (0x8005, 4, 67), (0x8005, 8, 67), (0x8004, 0, 67)] {
        let pointer = code.global(of, offset, number);
        let loaded = code.put(LOAD, 32, &[pointer]);
        code.print(loaded);
    }
    let kind = code.global(66, 0, 0x8001);
    let kind = code.put(LOAD, 16, &[kind]);
    let kind = code.put(16, 32, &[value(kind)]);
    code.print(kind);
    code.ret(constant(0));
    let mut shown = Shown::new(b"12345");
    shown.matches.counts[1] = 3;
    shown.matches.offsets[1] = 2;
    candor_detect::bytecode::run(&code.program(), &mut shown, &limits()).unwrap();
    assert_eq!(String::from_utf8(shown.printed).unwrap(), "3 2 -2 5 256 ");
}
