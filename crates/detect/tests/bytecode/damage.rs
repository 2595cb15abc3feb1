//! The compact form of a program comes back as it was; damaged, it is refused or harmless.

use candor_detect::bytecode::{Argument, BytecodeSignature, Draft, Kind, Limits, PdfPhase, Program, run};
use candor_detect::{Compiler, Database};
use proptest::prelude::*;

use crate::assembler::*;

/// A program with something of everything.
fn sample() -> Assembler {
    let mut code = Assembler::new(Kind::Logical);
    let text = code.text(b"obj");
    let memory = code.memory(16);
    code.api(2, "read", &[32, POINTER, 32], &[value(memory), constant(16)]);
    let found = code.api(16, "file_find", &[32, POINTER, 32], &[text, constant(3)]);
    let index = code.put(11, 32, &[value(found), constant(7)]);
    let there = code.put(ELEMENT, POINTER, &[Argument::Type(POINTER), value(memory), value(index)]);
    code.instruction(STORE, 8, 0, &[Argument::Constant(65, 1), value(there)]);
    let byte = code.byte(memory, 3);
    let result = code.put(CALL, 32, &[Argument::Function(2), value(byte), value(memory)]);
    let pipe = code.api(31, "buffer_pipe_new_fromfile", &[32, 32], &[constant(0)]);
    code.api(33, "buffer_pipe_read_get", &[POINTER, 32, 32], &[value(pipe), constant(5)]);
    code.api(82, "pdf_getobj", &[POINTER, 32, 32], &[constant(0), constant(2)]);
    code.api(8, "disasm_x86", &[32, POINTER, 32], &[value(memory), constant(9)]);
    code.api(3, "write", &[32, POINTER, 32], &[value(memory), constant(16)]);
    code.api(5, "setvirusname", &[32, POINTER, 32], &[text, constant(3)]);
    code.ret(value(result));
    code.function(&[32, POINTER], 32);
    let same = code.put(EQUAL, 1, &[Argument::Type(32), value(0), constant(64)]);
    code.branch(same, 2, 1);
    code.block();
    let sum = code.put(4, 32, &[value(0), constant(3)]);
    let chosen = code.put(31, 32, &[value(same), value(sum), value(0)]);
    code.ret(value(chosen));
    code.block();
    code.instruction(ABORT, 0, 0, &[]);
    code
}

/// Runs whatever it is with little of everything.
fn run_it(program: &Program) {
    let mut shown = Shown::new(b"%PDF 1 0 obj MZ \x8b\x44\x8d\xe8 endobj");
    shown.phase = Some(PdfPhase::Parsed);
    let few = Limits { instructions: 100_000, memory: 1 << 20, depth: 20, ..limits() };
    let _ = run(program, &mut shown, &few);
}

#[test]
fn a_program_comes_back_as_it_was() {
    let draft = sample().0;
    let encoded = draft.encode();
    assert_eq!(Draft::decode(&encoded).as_ref(), Some(&draft));
    for cut in 0..encoded.len() {
        assert_eq!(Draft::decode(&encoded[..cut]), None);
    }
    assert_eq!(Draft::decode(&[&encoded[..], b"x"].concat()), None);
    run_it(&Program::new(&draft).unwrap());
}

#[test]
fn a_program_lies_in_a_database() {
    let draft = sample().0;
    let mut compiler = Compiler::default();
    let trigger = "BC.Test;Engine:51-255,Target:0;0;61626364".to_owned();
    compiler.program(&BytecodeSignature {
        name: "BC.Test".to_owned(),
        source: "a.cbc".to_owned(),
        trigger: trigger.clone(),
        draft,
    });
    assert_eq!((compiler.counts().programs, compiler.counts().total()), (1, 1));
    let database = Database::from_vec(compiler.finish()).unwrap();
    database.verify().unwrap();
    let stored: Vec<_> = database.programs().unwrap().collect();
    assert_eq!(stored.len(), 1);
    assert_eq!(
        (stored[0].name(), stored[0].source(), stored[0].trigger()),
        ("BC.Test", "a.cbc", trigger.as_str())
    );
    assert_eq!(stored[0].kind().unwrap(), Kind::Logical);
    run_it(&stored[0].program().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_bytes_are_refused_or_harmless(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut encoded = sample().0.encode();
        for (place, byte) in changes {
            let place = place.index(encoded.len());
            encoded[place] = byte;
        }
        if let Some(draft) = Draft::decode(&encoded)
            && let Ok(program) = Program::new(&draft)
        {
            run_it(&program);
        }
    }

    #[test]
    fn random_bytes_are_refused_or_harmless(mut bytes in prop::collection::vec(0..70_u8, 0..200)) {
        bytes.insert(0, 1);
        if let Some(draft) = Draft::decode(&bytes)
            && let Ok(program) = Program::new(&draft)
        {
            run_it(&program);
        }
    }

    #[test]
    fn a_database_with_a_changed_program_is_harmless(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut compiler = Compiler::default();
        let (name, source, trigger) = (String::from("BC.Test"), String::from("a.cbc"), String::new());
        compiler.program(&BytecodeSignature { name, source, trigger, draft: sample().0 });
        let mut image = compiler.finish();
        let place = 72 + place.index(image.len() - 72);
        image[place] = byte;
        Database::mend_header(&mut image);
        if let Ok(database) = Database::from_vec(image)
            && let Ok(programs) = database.programs()
        {
            for program in programs.take(10) {
                let _ = (program.name(), program.trigger(), program.kind());
                if let Ok(program) = program.program() {
                    run_it(&program);
                }
            }
        }
    }
}
