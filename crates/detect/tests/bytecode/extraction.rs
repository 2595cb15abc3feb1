//! What a program finds and extracts.

use candor_detect::bytecode::{Extracted, Kind, run};

use crate::assembler::*;

#[test]
fn the_name_set_last_is_the_finding() {
    let mut code = Assembler::new(Kind::Logical);
    for name in [&b"BC.First"[..], b"BC.Second.A\0more"] {
        let pointer = code.text(name);
        code.api(5, "setvirusname", &[32, POINTER, 32], &[pointer, constant(name.len() as u64)]);
    }
    code.ret(constant(0));
    assert_eq!(code.run(b"").0.unwrap().name.as_deref(), Some("BC.Second.A"));
}

#[test]
fn objects_are_handed_over_one_by_one() {
    let mut code = Assembler::new(Kind::Logical);
    let (one, two) = (code.text(b"first"), code.text(b"second"));
    let write =
        |code: &mut Assembler, text, size| code.api(3, "write", &[32, POINTER, 32], &[text, constant(size)]);
    let begin = |code: &mut Assembler, number| {
        let infected = code.api(22, "extract_new", &[32, 32], &[constant(number)]);
        code.print(infected);
    };
    begin(&mut code, 3);
    write(&mut code, one, 5);
    write(&mut code, two, 6);
    begin(&mut code, 4);
    code.api(70, "extract_set_container", &[32, 32], &[constant(77)]);
    write(&mut code, two, 6);
    code.ret(constant(0));
    let mut shown = Shown::new(b"");
    shown.infected = true;
    let outcome = run(&code.program(), &mut shown, &limits()).unwrap();
    assert_eq!((outcome.extracted, outcome.left_out.len()), (2, 0));
    assert_eq!(
        shown.extracted,
        [
            Extracted { bytes: b"firstsecond".to_vec(), number: 3, container: 0 },
            Extracted { bytes: b"second".to_vec(), number: 4, container: 77 },
        ]
    );
    assert_eq!(shown.printed, b"0 1 ");
}

#[test]
fn what_was_written_is_read_again() {
    let mut code = Assembler::new(Kind::Logical);
    let text = code.text(b"written");
    let switch = |code: &mut Assembler, to| {
        let answer = code.api(71, "input_switch", &[32, 32], &[constant(to)]);
        code.print(answer);
        let byte = code.api(17, "file_byteat", &[32, 32], &[constant(1)]);
        code.print(byte);
    };
    switch(&mut code, 1);
    code.api(3, "write", &[32, POINTER, 32], &[text, constant(7)]);
    switch(&mut code, 1);
    switch(&mut code, 0);
    code.ret(constant(0));
    assert_eq!(code.prints(b"object"), "-1 98 0 114 0 98");
}

#[test]
fn what_is_not_there_is_said_to_be_left_out() {
    let mut code = Assembler::new(Kind::PeUnpacker);
    let text = code.text(b"GROUP");
    let arguments = [text, constant(5), text, constant(5)];
    code.api(89, "matchicon", &[32, POINTER, 32, POINTER, 32], &arguments);
    code.api(43, "jsnorm_init", &[32, 32], &[constant(0)]);
    code.api(102, "lzma_init", &[32, 32, 32], &[constant(0), constant(0)]);
    code.api(92, "json_is_active", &[32], &[]);
    code.ret(constant(0));
    assert_eq!(code.run(b"").0.unwrap().left_out.len(), 3);
}
