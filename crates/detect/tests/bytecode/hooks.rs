//! Programs that run at a place of the scan, with no signature that leads to them.

use candor_detect::bytecode::{BytecodeSignature, Kind};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Content, FileType, Object};

use crate::assembler::*;

fn database(programs: &[&Assembler]) -> Database {
    let mut compiler = Compiler::default();
    for program in programs {
        compiler.program(&BytecodeSignature {
            name: "BC.Hook".to_owned(),
            source: "a.cbc".to_owned(),
            trigger: String::new(),
            draft: program.0.clone(),
        });
    }
    Database::from_vec(compiler.finish()).unwrap()
}

fn inspected(database: &Database, content: &[u8], file_type: &'static str) -> Found {
    let object = Object::root(Content::from_vec(content.to_vec()), FileType::new(file_type));
    let digests = Digests::default();
    let inspection = Inspection::of(&object, &digests, limits().deadline);
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(database, &inspection, &mut found).unwrap();
    }
    found
}

fn names(found: &Found) -> Vec<&str> {
    found.findings.iter().map(|finding| finding.name.as_str()).collect()
}

/// A program that finds something wherever it runs.
fn finder(kind: Kind) -> Assembler {
    let mut code = Assembler::new(kind);
    let name = code.text(b"Found");
    code.api(5, "setvirusname", &[32, POINTER, 32], &[name, constant(5)]);
    code.ret(constant(0));
    code
}

/// A program that takes a byte out for each phase: the number that a function of the host answers.
fn answers(number: u32, function: &str) -> Assembler {
    let mut code = Assembler::new(Kind::Pdf);
    let answer = code.api(number, function, &[32], &[]);
    let byte = code.put(14, 8, &[value(answer)]);
    let pointer = code.memory(1);
    code.instruction(STORE, 0, 0, &[value(byte), value(pointer)]);
    code.api(3, "write", &[32, POINTER, 32], &[value(pointer), constant(1)]);
    code.ret(constant(0));
    code
}

const DOCUMENT: &[u8] = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n2 0 obj\n<< /Length 3 >>\nstream\nabc\nendstream\nendobj\n3 0 obj\n<< /JS 1 /JavaScript 2 >>\nendobj\ntrailer << /Encrypt 9 0 R >>\n";

#[test]
fn programs_run_on_objects_of_their_type_alone() {
    for (kind, place) in [
        (Kind::PeAll, "pe"),
        (Kind::PeUnpacker, "pe"),
        (Kind::Pdf, "pdf"),
        (Kind::ElfUnpacker, "elf"),
        (Kind::MachOUnpacker, "macho"),
    ] {
        let database = database(&[&finder(kind)]);
        for file_type in ["pe", "pdf", "elf", "macho", "zip"] {
            let expected: &[&str] = if file_type == place { &["Found"] } else { &[] };
            assert_eq!(names(&inspected(&database, DOCUMENT, file_type)), expected, "{kind:?} {file_type}");
        }
    }
    for kind in [Kind::Startup, Kind::Preclass, Kind::Generic, Kind::Logical] {
        let database = database(&[&finder(kind)]);
        assert_eq!(inspected(&database, DOCUMENT, "pdf"), Found::default(), "{kind:?}");
    }
}

/// As `clamscan` 1.4.6 calls such a program, but that its number of the object is always 0.
#[test]
fn a_document_has_phases() {
    let bytes = |function: (u32, &str)| {
        let found = inspected(&database(&[&answers(function.0, function.1)]), DOCUMENT, "pdf");
        found.extracted.concat()
    };
    assert_eq!(bytes((87, "pdf_get_phase")), [4, 1, 2, 2, 3]);
    assert_eq!(bytes((88, "pdf_get_dumpedobjid")), [0xff, 0xff, 1, 2, 0xff]);
    assert_eq!(bytes((77, "pdf_get_obj_num")), [0, 3, 3, 3, 3]);
    // There is no `startxref`.
    assert_eq!(bytes((78, "pdf_get_flags")), [4; 5]);
}

#[test]
fn flags_that_a_program_sets_are_seen_in_the_next_phase_and_by_the_next_program() {
    let mut adds = Assembler::new(Kind::Pdf);
    let flags = adds.api(78, "pdf_get_flags", &[32], &[]);
    let more = adds.put(ADD, 32, &[value(flags), constant(1)]);
    adds.api(79, "pdf_set_flags", &[32, 32], &[value(more)]);
    adds.ret(constant(0));
    let found = inspected(&database(&[&adds, &answers(78, "pdf_get_flags")]), DOCUMENT, "pdf");
    assert_eq!(found.extracted.concat(), [9; 5]);
}

#[test]
fn a_program_that_found_something_or_failed_is_not_run_in_later_phases() {
    let found = inspected(&database(&[&finder(Kind::Pdf)]), DOCUMENT, "pdf");
    assert_eq!(names(&found), ["Found"]);
    let mut fails = Assembler::new(Kind::Pdf);
    fails.instruction(ABORT, 0, 0, &[]);
    assert_eq!(inspected(&database(&[&fails]), DOCUMENT, "pdf").gaps.len(), 1);
}
