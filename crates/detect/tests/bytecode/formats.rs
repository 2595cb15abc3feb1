//! What programs are shown of executables and documents.

use candor_detect::bytecode::{Argument, Kind, PdfPhase, Type, run};
use candor_object::{Layout, Section};

use crate::assembler::*;

/// A PE file with two sections: the code at the address 0x1000 and in the file at 0x400, then 0x3000 at 0x600.
fn pe() -> Vec<u8> {
    let mut file = vec![0; 0x900];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(60, &[0x80]);
    put(0x80, b"PE\0\0");
    put(0x84, &[0x4c, 1, 2, 0]);
    put(0x94, &[224, 0, 2, 1]);
    put(0x98, &[0x0b, 1]);
    for (at, number) in [(16, 0x1010), (28, 0x40_0000), (32, 0x1000), (36, 0x200), (56, 0x4000), (60, 0x400)]
    {
        put(0x98 + at, &u32::to_le_bytes(number));
    }
    for (number, section) in
        [[0x1f0, 0x1000, 0x200, 0x400], [0x1234, 0x3000, 0x1f1, 0x601]].iter().enumerate()
    {
        let at = 0x98 + 224 + number * 40;
        put(at, b".text\0\0\0");
        for (place, number) in section.iter().enumerate() {
            put(at + 8 + place * 4, &u32::to_le_bytes(*number));
        }
        put(at + 36, &u32::to_le_bytes(0x6000_0020));
    }
    file
}

#[test]
fn sections_and_addresses_of_a_pe_file_are_shown() {
    let mut code = Assembler::new(Kind::PeUnpacker);
    let structure = code.a_type(Type::Struct(vec![32; 9]));
    let pointer = code.pointer(structure);
    let memory = code.local(structure);
    for number in 0..3 {
        let answer = code.api(20, "get_pe_section", &[32, pointer, 32], &[value(memory), constant(number)]);
        code.print(answer);
        for field in 0..9 {
            let field = code.put(MEMBER, 67, &[Argument::Type(pointer), value(memory), constant(field)]);
            let field = code.put(LOAD, 32, &[value(field)]);
            code.print(field);
        }
    }
    for address in [0x10, 0x1010, 0x11ff, 0x2500, 0x3001, 0x9000] {
        let offset = code.api(15, "pe_rawaddr", &[32, 32], &[constant(address)]);
        code.print(offset);
    }
    // Entry point and number of sections.
    for (offset, of) in [(4, 67), (632, 67)] {
        let pointer = code.global(of, offset, 0x8003);
        let loaded = code.put(LOAD, 32, &[pointer]);
        code.print(loaded);
    }
    let sections = code.global(66, 8, 0x8003);
    let sections = code.put(LOAD, 16, &[sections]);
    let sections = code.put(16, 32, &[value(sections)]);
    code.print(sections);
    code.ret(constant(0));
    let expected = "0 4096 4096 1024 512 1610612768 4096 496 1024 512 \
                    0 12288 8192 1536 512 1610612768 12288 4660 1537 497 \
                    -1 12288 8192 1536 512 1610612768 12288 4660 1537 497 \
                    16 1040 1535 -1 1537 -1 1040 128 2";
    assert_eq!(code.prints(&pe()), expected);
    assert!(code.prints(b"MZ").starts_with("-1 0"));
}

#[test]
fn a_damaged_header_is_harmless() {
    let mut code = Assembler::new(Kind::PeUnpacker);
    let memory = code.memory(36);
    let section = code.api(20, "get_pe_section", &[32, POINTER, 32], &[value(memory), constant(1)]);
    code.print(section);
    let offset = code.api(15, "pe_rawaddr", &[32, 32], &[constant(0x1010)]);
    code.print(offset);
    code.ret(constant(0));
    let whole = pe();
    for cut in 0..0x200 {
        code.prints(&whole[..cut]);
    }
    for place in 0..0x200 {
        let mut damaged = whole.clone();
        damaged[place] = !damaged[place];
        code.prints(&damaged);
    }
}

#[test]
fn of_other_executables_the_layout_is_shown() {
    let mut code = Assembler::new(Kind::ElfUnpacker);
    let entry = code.global(67, 4, 0x8003);
    let entry = code.put(LOAD, 32, &[entry]);
    code.ret(value(entry));
    let mut shown = Shown::new(b"\x7fELF");
    let sections = vec![Section::default()];
    shown.layout = Some(Layout { entry_point: Some(0x123), sections, ..Layout::default() });
    assert_eq!(run(&code.program(), &mut shown, &limits()).unwrap().returned, 0x123);
}

#[test]
fn objects_of_a_document_are_found() {
    let mut code = Assembler::new(Kind::Pdf);
    let mut ask = |number: u32, name: &str, arguments: &[u64]| {
        let arguments: Vec<_> = arguments.iter().map(|number| constant(*number)).collect();
        let answer = code.api(number, name, &[32; 3][..=arguments.len()], &arguments);
        code.print(answer);
    };
    ask(87, "pdf_get_phase", &[]);
    ask(77, "pdf_get_obj_num", &[]);
    ask(80, "pdf_lookupobj", &[12 << 8 | 3]);
    ask(80, "pdf_lookupobj", &[99 << 8]);
    ask(81, "pdf_getobjsize", &[0]);
    ask(86, "pdf_get_offset", &[0]);
    ask(83, "pdf_getobjid", &[1]);
    ask(81, "pdf_getobjsize", &[7]);
    ask(79, "pdf_set_flags", &[5]);
    ask(78, "pdf_get_flags", &[]);
    ask(85, "pdf_setobjflags", &[1, 9]);
    ask(84, "pdf_getobjflags", &[1]);
    ask(88, "pdf_get_dumpedobjid", &[]);
    let object = code.api(82, "pdf_getobj", &[POINTER, 32, 32], &[constant(0), constant(4)]);
    let byte = code.byte(object, 1);
    code.print(byte);
    code.ret(constant(0));
    let mut shown = Shown::new(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n12 3 obj [object obj] 5\n7 0 obj 6");
    shown.phase = Some(PdfPhase::Parsed);
    let outcome = run(&code.program(), &mut shown, &limits()).unwrap();
    assert_eq!(String::from_utf8(shown.printed).unwrap(), "1 3 1 -1 6 16 3075 0 0 5 0 9 -1 60 ");
    assert_eq!(outcome.pdf_flags, 5);
}

#[test]
fn instructions_are_disassembled() {
    let mut code = Assembler::new(Kind::Logical);
    let structure = code.array(64, 8);
    let pointer = code.pointer(structure);
    let memory = code.local(structure);
    let start = code.put(MEMBER, POINTER, &[Argument::Type(pointer), value(memory), constant(0)]);
    for place in [0, 2, 6, 11] {
        code.api(4, "seek", &[32, 32, 32], &[constant(place), constant(0)]);
        let next = code.api(8, "disasm_x86", &[32, pointer, 32], &[value(memory), constant(15)]);
        code.print(next);
        for place in [0, 5, 6, 15, 16, 17, 19, 21] {
            let byte = code.byte(start, place);
            code.print(byte);
        }
    }
    code.ret(constant(0));
    // mov ecx, eax; mov eax, [ebp + ecx * 4 - 24]; mov eax, 0x12345678; pxor mm0, mm0, which ClamAV does not know.
    let content = b"\x89\xc1\x8b\x44\x8d\xe8\xb8\x78\x56\x34\x12\x0f\xef\xc0";
    let expected = "2 109 3 1 3 0 0 0 0 6 109 3 0 4 2 1 4 232 11 109 3 0 1 2 120 52 0 -1 0 0 0 0 0 0 0 0";
    assert_eq!(code.prints(content), expected);
}
