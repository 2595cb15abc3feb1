//! Reading the object. What is expected here is what ClamAV 1.4.6 answers to the same program.

use candor_detect::bytecode::Kind;

use crate::assembler::*;

const CONTENT: &[u8] = b"abcd zz 12345 77 ffg0xxyy0123456789";
const MINUS_ONE: u64 = 0xffff_ffff;

#[test]
fn positions_lie_in_the_object() {
    let mut code = Assembler::new(Kind::Logical);
    let memory = code.memory(16);
    let seek = |code: &mut Assembler, to: u64, from: u64| {
        let position = code.api(4, "seek", &[32, 32, 32], &[constant(to), constant(from)]);
        code.print(position);
    };
    let read = |code: &mut Assembler, count: u64| {
        let count = code.api(2, "read", &[32, POINTER, 32], &[value(memory), constant(count)]);
        code.print(count);
    };
    seek(&mut code, 5, 0);
    seek(&mut code, MINUS_ONE, 0);
    seek(&mut code, 0, 2);
    read(&mut code, 4);
    seek(&mut code, 1, 2);
    seek(&mut code, 9, 9);
    seek(&mut code, 0xffff_fffd, 1);
    read(&mut code, 10);
    read(&mut code, 0);
    for place in [3, 9999] {
        let byte = code.api(17, "file_byteat", &[32, 32], &[constant(place)]);
        code.print(byte);
    }
    let byte = code.byte(memory, 2);
    code.print(byte);
    code.ret(constant(0));
    assert_eq!(code.prints(CONTENT), "5 -1 35 0 -1 -1 32 3 0 100 -1 57");
}

#[test]
fn numbers_are_read_from_text() {
    let read = |content: &[u8], radix: u64, starts: &[u64]| {
        let mut code = Assembler::new(Kind::Logical);
        for start in starts {
            code.api(4, "seek", &[32, 32, 32], &[constant(*start), constant(0)]);
            let number = code.api(23, "read_number", &[32, 32], &[constant(radix)]);
            code.print(number);
            let position = code.api(4, "seek", &[32, 32, 32], &[constant(0), constant(1)]);
            code.print(position);
        }
        code.ret(constant(0));
        code.prints(content)
    };
    assert_eq!(read(CONTENT, 10, &[4, 13]), "12345 13 77 16");
    assert_eq!(read(CONTENT, 16, &[16]), "255 19");
    // Digits near the end are not found.
    assert_eq!(read(b"abcd zz no digits here at all, nothing", 10, &[4, 38, 0]), "-1 36 -1 38 -1 32");
    assert_eq!(read(b"abcd zz 12345", 10, &[4, 13]), "-1 4 -1 13");
    let long = b"abcd 1234567890123456789012345678901234567890 77";
    assert_eq!(read(long, 10, &[4, 10]), "-1 45 -1 45");
    let large = b"abcd 12345678901234567890 99999999999 x";
    assert_eq!(read(large, 10, &[4, 6, 26]), "-350287150 25 1630997202 25 -1 26");
    assert_eq!(read(b"abcd -5 +6 0x1F ffff", 16, &[4, 8]), "-1 4 -1 8");
}

#[test]
fn bytes_are_found_from_the_position_up_to_a_limit() {
    let mut code = Assembler::new(Kind::Logical);
    let text = code.text(b"xx");
    let mut find = |count: u64, limit: Option<u64>| {
        let found = match limit {
            None => code.api(16, "file_find", &[32, POINTER, 32], &[text, constant(count)]),
            Some(limit) => {
                let arguments = [text, constant(count), constant(limit)];
                code.api(65, "file_find_limit", &[32, POINTER, 32, 32], &arguments)
            }
        };
        code.print(found);
    };
    find(2, None);
    find(2, Some(22));
    find(2, Some(23));
    find(2, Some(9999));
    find(2, Some(MINUS_ONE));
    find(0, None);
    code.ret(constant(0));
    assert_eq!(code.prints(CONTENT), "21 -1 21 21 -1 -1");
}

#[test]
fn bytes_are_found_across_the_windows_in_which_the_object_is_read() {
    let mut code = Assembler::new(Kind::Logical);
    let text = code.text(b"needle");
    let found = code.api(16, "file_find", &[32, POINTER, 32], &[text, constant(6)]);
    code.print(found);
    code.ret(constant(0));
    for place in (4080..4100).chain(20_460..20_490).chain(85_990..86_020) {
        let mut content = vec![0; place];
        content.extend_from_slice(b"needle");
        assert_eq!(code.prints(&content), place.to_string());
    }
}

#[test]
fn a_buffer_is_filled_behind_what_is_not_read_yet() {
    let mut code = Assembler::new(Kind::Logical);
    let memory = code.memory(8);
    let mut fill = |filled: u64, cursor: u64, wanted: u64| {
        let arguments = [value(memory), constant(8), constant(filled), constant(cursor), constant(wanted)];
        let there = code.api(21, "fill_buffer", &[32, POINTER, 32, 32, 32, 32], &arguments);
        code.print(there);
        let byte = code.byte(memory, 0);
        code.print(byte);
    };
    fill(0, 0, 4);
    fill(8, 6, 1);
    fill(8, 6, 4);
    fill(8, 8, 1);
    fill(9, 0, 1);
    fill(8, 0, 8);
    fill(4, 4, 8);
    fill(8, 8, 0);
    code.ret(constant(0));
    assert_eq!(code.prints(CONTENT), "8 97 8 122 8 53 8 48 -1 48 -1 48 7 51 0 51");
}

#[test]
fn text_and_numbers_are_converted() {
    let mut code = Assembler::new(Kind::Logical);
    for text in [&b"123x"[..], b" +7", b"-5", b"x", b"99999999999"] {
        let pointer = code.text(text);
        let number = code.api(53, "atoi", &[32, POINTER, 32], &[pointer, constant(text.len() as u64)]);
        code.print(number);
    }
    for digits in [*b"4f", *b"4g"] {
        let digits = digits.map(|digit| constant(u64::from(digit)));
        let byte = code.api(52, "hex2ui", &[32, 32, 32], &digits);
        code.print(byte);
    }
    let (hay, needle) = (code.text(b"hello world"), code.text(b"wor"));
    let arguments = [hay, constant(11), needle, constant(3)];
    let found = code.api(51, "memstr", &[32, POINTER, 32, POINTER, 32], &arguments);
    code.print(found);
    for (left, right) in [(&b"1.10"[..], &b"1.9"[..]), (b"1.1", b"1.1a"), (b"1.01", b"1.1")] {
        let (a, b) = (code.text(left), code.text(right));
        let arguments = [a, constant(left.len() as u64), b, constant(right.len() as u64)];
        let order = code.api(75, "version_compare", &[32, POINTER, 32, POINTER, 32], &arguments);
        code.print(order);
    }
    code.ret(constant(0));
    assert_eq!(code.prints(b""), "123 7 -1 -1 -1 79 -1 6 1 -1 0");
}

#[test]
fn functions_of_numbers_are_those_of_clamav() {
    let mut code = Assembler::new(Kind::Logical);
    for (a, b) in [(8, 1), (3, 7), (0, 7), (1, 0)] {
        let result = code.api(46, "ilog2", &[32, 32, 32], &[constant(a), constant(b)]);
        code.print(result);
    }
    let mut of_three = |number: u32, name: &str, a: u64, b: u64, c: u64| {
        let arguments = [constant(a), constant(b), constant(c)];
        let result = code.api(number, name, &[32, 32, 32, 32], &arguments);
        code.print(result);
    };
    of_three(47, "ipow", 3, 4, 2);
    of_three(47, "ipow", 0, MINUS_ONE, 2);
    of_three(47, "ipow", 3, MINUS_ONE, 100);
    of_three(48, "iexp", 1, 2, 1000);
    of_three(48, "iexp", 1, 0, 1000);
    of_three(49, "isin", 1, 2, 1000);
    of_three(50, "icos", 1, 2, 0xffff_fc18);
    of_three(50, "icos", 3, 1, 1000);
    let text = code.text(b"hello world");
    let entropy = code.api(56, "entropy_buffer", &[32, POINTER, 32], &[text, constant(11)]);
    code.print(entropy);
    code.ret(constant(0));
    let expected = "201326592 -82033367 -2147483648 2147483647 162 2147483647 33 1649 2147483647 479 -878 -990 190948269";
    assert_eq!(code.prints(b""), expected);
}
