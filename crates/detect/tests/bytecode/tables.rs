//! Sets, maps, pipes and decompressors.

use std::io::Write;

use candor_detect::bytecode::{Argument, Kind};

use crate::assembler::*;

#[test]
fn sets_hold_numbers() {
    let mut code = Assembler::new(Kind::Logical);
    let set = code.api(24, "hashset_new", &[32], &[]);
    let mut ask = |number: u32, name: &str, arguments: &[Argument]| {
        let prototype = &[32; 3][..=arguments.len()];
        let answer = code.api(number, name, prototype, arguments);
        code.print(answer);
    };
    let key = |key: u64| [value(set), constant(key)];
    ask(29, "hashset_empty", &[value(set)]);
    ask(25, "hashset_add", &key(7));
    ask(27, "hashset_contains", &key(7));
    ask(27, "hashset_contains", &key(8));
    ask(29, "hashset_empty", &[value(set)]);
    ask(26, "hashset_remove", &key(7));
    ask(27, "hashset_contains", &key(7));
    ask(28, "hashset_done", &[value(set)]);
    ask(27, "hashset_contains", &key(7));
    ask(25, "hashset_add", &[constant(99), constant(1)]);
    code.ret(constant(0));
    assert_eq!(code.prints(b""), "1 0 1 0 0 0 0 0 -1 -1");
}

#[test]
fn maps_hold_values_that_the_program_may_write_to() {
    let mut code = Assembler::new(Kind::Logical);
    let map = code.api(57, "map_new", &[32, 32, 32], &[constant(3), constant(0)]);
    let (key, other, text) = (code.text(b"abc"), code.text(b"xyz"), code.text(b"value"));
    let mut ask = |number: u32, name: &str, what: Argument, size: u64| {
        let answer = code.api(number, name, &[32, POINTER, 32, 32], &[what, constant(size), value(map)]);
        code.print(answer);
    };
    ask(58, "map_addkey", key, 3);
    ask(58, "map_addkey", key, 3);
    ask(58, "map_addkey", key, 2);
    ask(59, "map_setvalue", text, 5);
    ask(61, "map_find", other, 3);
    ask(61, "map_find", key, 3);
    let size = code.api(62, "map_getvaluesize", &[32, 32], &[value(map)]);
    code.print(size);
    let found = code.api(63, "map_getvalue", &[POINTER, 32, 32], &[value(map), value(size)]);
    code.instruction(STORE, 8, 0, &[Argument::Constant(u64::from(b'V'), 1), value(found)]);
    let again = code.api(63, "map_getvalue", &[POINTER, 32, 32], &[value(map), constant(5)]);
    let byte = code.byte(again, 0);
    code.print(byte);
    for (number, name) in [(60, "map_remove"), (61, "map_find"), (60, "map_remove")] {
        let answer = code.api(number, name, &[32, POINTER, 32, 32], &[key, constant(3), value(map)]);
        code.print(answer);
    }
    let done = code.api(64, "map_done", &[32, 32], &[value(map)]);
    code.print(done);
    let done = code.api(64, "map_done", &[32, 32], &[value(map)]);
    code.print(done);
    code.ret(constant(0));
    assert_eq!(code.prints(b""), "1 0 -1 0 0 1 5 86 1 0 0 0 -1");
}

/// Inflates or unpacks the object from a place on and writes what comes out.
fn unpacked(
    content: &[u8],
    from: u64,
    init: (u32, &str),
    process: (u32, &str),
    window: Option<u64>,
) -> Vec<u8> {
    let mut code = Assembler::new(Kind::Logical);
    let input = code.api(31, "buffer_pipe_new_fromfile", &[32, 32], &[constant(from)]);
    let output = code.api(30, "buffer_pipe_new", &[32, 32], &[constant(1000)]);
    let mut arguments = vec![value(input), value(output)];
    arguments.extend(window.map(constant));
    let engine = code.api(init.0, init.1, &[32; 4][..=arguments.len()], &arguments);
    code.jump(1);
    // Until nothing more comes out.
    code.block();
    code.api(process.0, process.1, &[32, 32], &[value(engine)]);
    let there = code.api(32, "buffer_pipe_read_avail", &[32, 32], &[value(output)]);
    let none = code.put(EQUAL, 1, &[Argument::Type(32), value(there), constant(0)]);
    code.branch(none, 3, 2);
    code.block();
    let shown = code.api(33, "buffer_pipe_read_get", &[POINTER, 32, 32], &[value(output), value(there)]);
    code.api(3, "write", &[32, POINTER, 32], &[value(shown), value(there)]);
    code.api(34, "buffer_pipe_read_stopped", &[32, 32, 32], &[value(output), value(there)]);
    code.jump(1);
    code.block();
    code.ret(constant(0));
    let (outcome, shown) = code.run(content);
    outcome.unwrap();
    shown.extracted.into_iter().flat_map(|object| object.bytes).collect()
}

#[test]
fn streams_are_inflated_and_unpacked() {
    let text: Vec<u8> = (0..50_000_u32).flat_map(|number| (number * number / 7).to_le_bytes()).collect();
    let mut raw = flate2::write::DeflateEncoder::new(b"head".to_vec(), flate2::Compression::default());
    raw.write_all(&text).unwrap();
    let raw = raw.finish().unwrap();
    let inflate = ((39, "inflate_init"), (40, "inflate_process"));
    assert_eq!(unpacked(&raw, 4, inflate.0, inflate.1, Some(0xffff_fff1)), text);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&text).unwrap();
    let zlib = zlib.finish().unwrap();
    assert_eq!(unpacked(&zlib, 0, inflate.0, inflate.1, Some(15)), text);
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packed.write_all(&text).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(unpacked(&packed, 0, (105, "bzip2_init"), (106, "bzip2_process"), None), text);
    // Damage ends the stream and not the program.
    assert!(text.starts_with(&unpacked(&zlib[..zlib.len() / 2], 0, inflate.0, inflate.1, Some(15))));
    assert_eq!(unpacked(b"no stream", 0, inflate.0, inflate.1, Some(15)), b"");
}

#[test]
fn pipes_are_filled_and_emptied() {
    let mut code = Assembler::new(Kind::Logical);
    let pipe = code.api(30, "buffer_pipe_new", &[32, 32], &[constant(4)]);
    let number = |code: &mut Assembler, number: u32, name: &str, amount: Option<u64>| {
        let arguments: Vec<_> = [value(pipe)].into_iter().chain(amount.map(constant)).collect();
        let answer = code.api(number, name, &[32; 3][..=arguments.len()], &arguments);
        code.print(answer);
    };
    number(&mut code, 35, "buffer_pipe_write_avail", None);
    let place = code.api(36, "buffer_pipe_write_get", &[POINTER, 32, 32], &[value(pipe), constant(3)]);
    code.instruction(STORE, 8, 0, &[Argument::Constant(9, 1), value(place)]);
    number(&mut code, 37, "buffer_pipe_write_stopped", Some(3));
    number(&mut code, 32, "buffer_pipe_read_avail", None);
    number(&mut code, 35, "buffer_pipe_write_avail", None);
    let shown = code.api(33, "buffer_pipe_read_get", &[POINTER, 32, 32], &[value(pipe), constant(3)]);
    let byte = code.byte(shown, 0);
    code.print(byte);
    number(&mut code, 34, "buffer_pipe_read_stopped", Some(3));
    number(&mut code, 35, "buffer_pipe_write_avail", None);
    // Only where the buffer was filled to its end does it begin again.
    number(&mut code, 37, "buffer_pipe_write_stopped", Some(1));
    number(&mut code, 35, "buffer_pipe_write_avail", None);
    number(&mut code, 32, "buffer_pipe_read_avail", None);
    number(&mut code, 34, "buffer_pipe_read_stopped", Some(9));
    number(&mut code, 32, "buffer_pipe_read_avail", None);
    number(&mut code, 35, "buffer_pipe_write_avail", None);
    number(&mut code, 34, "buffer_pipe_read_stopped", Some(1));
    number(&mut code, 38, "buffer_pipe_done", None);
    number(&mut code, 35, "buffer_pipe_write_avail", None);
    number(&mut code, 38, "buffer_pipe_done", None);
    code.ret(constant(0));
    assert_eq!(code.prints(b""), "4 0 3 1 9 0 1 0 0 1 0 0 4 -1 0 0 -1");
}
