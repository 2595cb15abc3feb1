//! Functions of a program call each other.

use candor_detect::bytecode::{Argument, Kind};

use crate::assembler::*;

#[test]
fn a_function_calls_itself() {
    let mut code = Assembler::new(Kind::Logical);
    let sum = code.put(CALL, 32, &[Argument::Function(2), constant(100)]);
    code.ret(value(sum));
    // The sum of all numbers up to the parameter.
    code.function(&[32], 32);
    let none = code.put(EQUAL, 1, &[Argument::Type(32), value(0), constant(0)]);
    code.branch(none, 1, 2);
    code.block();
    code.ret(constant(0));
    code.block();
    let less = code.put(SUB, 32, &[value(0), constant(1)]);
    let rest = code.put(CALL, 32, &[Argument::Function(2), value(less)]);
    let sum = code.put(ADD, 32, &[value(0), value(rest)]);
    code.ret(value(sum));
    assert_eq!(code.returns(), 5050);
}

#[test]
fn a_function_writes_through_a_pointer_to_its_callers_memory() {
    let mut code = Assembler::new(Kind::Logical);
    let memory = code.memory(4);
    let result = code.put(CALL, 8, &[Argument::Function(2), value(memory), Argument::Constant(65, 1)]);
    let result = code.put(16, 32, &[value(result)]);
    let byte = code.byte(memory, 2);
    let sum = code.put(ADD, 32, &[value(result), value(byte)]);
    code.ret(value(sum));
    code.function(&[POINTER, 8], 8);
    let at = code.put(ELEMENT, POINTER, &[Argument::Type(POINTER), value(0), constant(2)]);
    code.instruction(STORE, 8, 0, &[value(1), value(at)]);
    code.ret(Argument::Constant(1, 1));
    assert_eq!(code.returns(), 66);
}

#[test]
fn memory_of_a_function_that_returned_is_not_there() {
    let mut code = Assembler::new(Kind::Logical);
    let pointer = code.put(CALL, POINTER, &[Argument::Function(2)]);
    let byte = code.byte(pointer, 0);
    code.ret(value(byte));
    code.function(&[], POINTER);
    let memory = code.memory(4);
    code.ret(value(memory));
    assert!(code.fails().contains("not there"), "{}", code.fails());
}

#[test]
fn calls_that_never_return_end() {
    let mut code = Assembler::new(Kind::Logical);
    let result = code.put(CALL, 32, &[Argument::Function(1)]);
    code.ret(value(result));
    assert!(code.fails().contains("too deeply"), "{}", code.fails());
}

#[test]
fn a_program_that_ends_itself_says_where() {
    let mut code = Assembler::new(Kind::Logical);
    code.api(42, "bytecode_rt_error", &[32, 32], &[constant(12 << 8 | 7)]);
    code.instruction(ABORT, 0, 0, &[]);
    assert!(code.fails().contains("line 12, column 7"), "{}", code.fails());
}

#[test]
fn calls_arrive() {
    let mut code = Assembler::new(Kind::Startup);
    let one = code.api(1, "test1", &[32, 32, 32], &[constant(0xf00d_beef), constant(0xbeef_f00d)]);
    let two = code.api(19, "test2", &[32, 32], &[constant(0xf00d)]);
    for number in [one, two] {
        code.print(number);
    }
    let reason = code.text(b"because");
    let off =
        code.api(73, "disable_bytecode_if", &[32, POINTER, 32, 32], &[reason, constant(7), constant(1)]);
    code.ret(value(off));
    let (outcome, shown) = code.run(b"");
    let outcome = outcome.unwrap();
    assert_eq!(String::from_utf8(shown.printed).unwrap(), format!("{} {} ", 0x1234_5678, 0xd00f));
    assert_eq!((outcome.returned, outcome.disables.as_deref()), (2, Some("because")));
}
