//! Whatever a program does, it ends.

use std::time::{Duration, Instant};

use candor_detect::bytecode::{Argument, Kind, Limits, run};

use crate::assembler::*;

fn fails(code: &Assembler, limits: &Limits) -> String {
    run(&code.program(), &mut Shown::new(&[0; 4096]), limits).unwrap_err().to_string()
}

/// A program that does something for ever.
fn for_ever<T>(something: impl FnOnce(&mut Assembler) -> T) -> Assembler {
    let mut code = Assembler::new(Kind::Logical);
    code.jump(1);
    code.block();
    something(&mut code);
    code.jump(1);
    code
}

#[test]
fn a_loop_ends_with_its_instructions_or_its_time() {
    let code = for_ever(|_| {});
    assert!(fails(&code, &limits()).contains("instructions"));
    let past = Limits { instructions: u64::MAX, ..Limits::until(Instant::now()) };
    assert!(fails(&code, &past).contains("time"));
    let soon = Limits { instructions: u64::MAX, ..Limits::until(Instant::now() + Duration::from_millis(50)) };
    assert!(fails(&code, &soon).contains("time"));
}

#[test]
fn work_of_the_host_counts_as_instructions() {
    let code = for_ever(|code| {
        let text = code.text(b"nowhere");
        code.api(16, "file_find", &[32, POINTER, 32], &[text, constant(7)]);
    });
    let (mut shown, limits) = (Shown::new(&[0; 1 << 16]), limits());
    run(&code.program(), &mut shown, &limits).unwrap_err();
    let few = Limits { instructions: 10_000, ..limits };
    assert!(fails(&code, &few).contains("instructions"));
}

#[test]
fn memory_that_is_asked_for_is_limited() {
    let few = Limits { memory: 1 << 20, ..limits() };
    let asks: [fn(&mut Assembler) -> u32; 6] = [
        |code| code.api(18, "malloc", &[POINTER, 32], &[constant(1000)]),
        |code| code.api(18, "malloc", &[POINTER, 32], &[constant(0xffff_ffff)]),
        |code| code.api(24, "hashset_new", &[32], &[]),
        |code| code.api(57, "map_new", &[32, 32, 32], &[constant(4), constant(4)]),
        |code| code.api(30, "buffer_pipe_new", &[32, 32], &[constant(100)]),
        |code| code.api(105, "bzip2_init", &[32, 32, 32], &[constant(0), constant(0)]),
    ];
    for ask in asks {
        let reason = fails(&for_ever(ask), &few);
        assert!(reason.contains("more memory"), "{reason}");
    }
}

#[test]
fn memory_of_functions_is_limited() {
    let mut code = Assembler::new(Kind::Logical);
    code.memory(1 << 19);
    let result = code.put(CALL, 32, &[Argument::Function(1)]);
    code.ret(value(result));
    let few = Limits { memory: 1 << 20, ..limits() };
    assert!(fails(&code, &few).contains("more memory"));
}

#[test]
fn what_is_written_is_limited_and_said() {
    let mut code = Assembler::new(Kind::Logical);
    let text = code.text(b"0123456789");
    for _ in 0..3 {
        code.api(3, "write", &[32, POINTER, 32], &[text, constant(10)]);
        code.api(22, "extract_new", &[32, 32], &[constant(1)]);
    }
    code.ret(constant(0));
    let ran = |limits: &Limits| {
        let mut shown = Shown::new(b"");
        let outcome = run(&code.program(), &mut shown, limits).unwrap();
        (shown.extracted.len(), outcome.left_out.len())
    };
    assert_eq!(ran(&limits()), (3, 0));
    assert_eq!(ran(&Limits { extracted: 2, ..limits() }), (2, 1));
    assert_eq!(ran(&Limits { extracted_bytes: 9, ..limits() }), (0, 1));
}
