//! What is wrong in a program is found before it runs.

use candor_detect::bytecode::{Argument, Draft, Global, Import, Kind, Program, Type};

use crate::assembler::*;

/// A program that a change breaks.
fn broken(change: impl FnOnce(&mut Assembler)) -> String {
    let mut code = Assembler::new(Kind::Logical);
    change(&mut code);
    code.ret(constant(0));
    code.fault()
}

/// A first instruction that breaks a program.
fn instruction(opcode: u8, result: u32, target: u32, arguments: &[Argument]) -> String {
    broken(|code| {
        code.local(32);
        code.local(8);
        code.local(POINTER);
        let array = code.array(4, 8);
        code.local(array);
        code.instruction(opcode, result, target, arguments);
    })
}

#[test]
fn values_blocks_and_functions_must_exist() {
    let two = [constant(1), constant(2)];
    assert!(instruction(99, 32, 0, &[]).contains("no instruction 99"));
    assert!(instruction(ADD, 32, 9, &two).contains("no value 9"));
    assert!(instruction(ADD, 32, 0, &[value(77), constant(1)]).contains("no value 77"));
    assert!(instruction(ADD, 32, 0, &[constant(1)]).contains("arguments"));
    assert!(instruction(LOAD, 32, 0, &[Argument::Global(5)]).contains("no global 5"));
    assert!(instruction(CALL, 32, 0, &[Argument::Function(2)]).contains("no function 2"));
    assert!(instruction(CALL, 32, 0, &[Argument::Function(0)]).contains("no function 0"));
    assert!(instruction(API, 32, 0, &[Argument::Function(2)]).contains("not imported"));
    assert!(instruction(JUMP, 0, 0, &[Argument::Block(1)]).contains("end is not where"));
    let mut code = Assembler::new(Kind::Logical);
    code.jump(1);
    assert!(code.fault().contains("no block 1"));
    code.block();
    assert!(code.fault().contains("empty"));
    code.put(ADD, 32, &two);
    assert!(code.fault().contains("end is not where"));
}

#[test]
fn types_must_fit() {
    let two = [constant(1), constant(2)];
    assert!(instruction(ADD, 32, 1, &two).contains("result of type 32"));
    assert!(instruction(ADD, 16, 0, &two).contains("result of type 16"));
    assert!(instruction(ADD, 32, 0, &[value(1), constant(1)]).contains("8 bits"));
    assert!(instruction(ADD, 32, 0, &[value(3), constant(1)]).contains("cannot be used"));
    assert!(instruction(ADD, POINTER, 2, &two).contains("no integer"));
    assert!(instruction(LOAD, 8, 1, &[constant(1234)]).contains("used as a pointer"));
    assert!(instruction(EQUAL, 32, 0, &[Argument::Type(32), two[0], two[1]]).contains("its result"));
    assert!(instruction(15, 8, 1, &[value(0)]).contains("makes 8 bits of 32"));
    assert!(instruction(14, 32, 0, &[value(1)]).contains("makes 32 bits of 8"));
    assert!(instruction(RETURN, 0, 0, &[Argument::Type(8), constant(0)]).contains("end is not where"));
    assert!(
        instruction(MEMBER, POINTER, 2, &[Argument::Type(32), value(3), constant(0)]).contains("no pointer")
    );
    let mut code = Assembler::new(Kind::Logical);
    code.instruction(RETURN, 0, 0, &[Argument::Type(8), constant(0)]);
    assert!(code.fault().contains("returns type 8"));
}

#[test]
fn imports_must_be_functions_of_the_host_as_they_are() {
    let import = |number: u32, name: &str, prototype: &[u32]| {
        broken(|code| {
            let prototype = code.a_type(Type::Function(prototype.to_vec()));
            code.0.imports.push(Import { number, prototype, name: name.to_owned() });
        })
    };
    assert!(import(0, "read", &[32]).contains("no function 0"));
    assert!(import(108, "read", &[32]).contains("no function 108"));
    assert!(import(2, "write", &[32, POINTER, 32]).contains("is read"));
    assert!(import(2, "read", &[32, POINTER]).contains("prototype"));
    assert!(import(2, "read", &[32, 32, POINTER]).contains("prototype"));
    assert!(import(2, "read", &[8, POINTER, 32]).contains("prototype"));
}

#[test]
fn types_and_constants_must_have_an_end() {
    let with_type = |item: Type| broken(|code| code.0.types.push(item));
    assert!(with_type(Type::Struct(vec![69])).contains("too deeply"));
    assert!(with_type(Type::Array { count: 2, element: 69 }).contains("too deeply"));
    assert!(with_type(Type::Array { count: u32::MAX, element: 64 }).contains("too large"));
    assert!(with_type(Type::Struct(vec![0])).contains("no size"));
    assert!(with_type(Type::Struct(vec![32; 5000])).contains("members"));
    assert!(with_type(Type::Pointer(1234)).contains("no type 1234"));
    assert!(with_type(Type::Function(vec![])).contains("returns"));
    assert!(with_type(Type::Function(vec![32; 18])).contains("too many parameters"));
    let doubled = broken(|code| {
        code.0.types.push(Type::Array { count: 4, element: 8 });
        for number in 69..100 {
            code.0.types.push(Type::Struct(vec![number, number]));
        }
    });
    assert!(doubled.contains("bytes, at most"), "{doubled}");
    let with_global = |global_type: u32, parts: &[u64]| {
        broken(|code| {
            code.array(4, 8);
            code.0.globals.push(Global { global_type, parts: parts.to_vec() });
        })
    };
    assert!(with_global(69, &[1, 2, 3]).contains("fewer numbers"));
    assert!(with_global(69, &[1, 2, 3, 4, 5]).contains("more numbers"));
    assert!(with_global(65, &[0, 44]).contains("no global 44"));
    assert!(with_global(65, &[0, 0x8006]).contains("no global"));
    assert!(with_global(1234, &[0, 1]).contains("does not exist"));
}

#[test]
fn a_program_begins_with_a_function_without_parameters() {
    let mut code = Assembler::new(Kind::Logical);
    code.0.functions.clear();
    assert!(code.fault().contains("functions"));
    code.function(&[32], 32);
    code.ret(constant(0));
    assert!(code.fault().contains("parameters"));
    let empty = Draft { functions: Vec::new(), ..code.0 };
    assert!(Program::new(&empty).is_err());
}
