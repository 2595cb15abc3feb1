//! Rules in the language of YARA, as far as ClamAV has it.

use super::carriers::{BINARY, EXECUTABLE, Kind, Slot};
use super::feature::Feature;

/// Strings and condition of a rule.
fn rule(strings: &str, condition: &str) -> Feature {
    let strings = if strings.is_empty() { String::new() } else { format!("strings: {strings} ") };
    Feature::new(&format!("{strings}condition: {condition}"))
        .file("yar", &format!("rule Hit {{ {strings}condition: {condition} }}"))
}

fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

const ONE: &str = "$a = \"hello\"";
const TWO: &str = "$a = \"hello\" $b = \"world\"";
const THREE: &str = "$a = \"hello\" $b = \"world\" $c = \"small\"";

/// Strings, condition, content of which it is true, and the same with one byte changed.
const RULES: &[(&str, &str, &str, &str)] = &[
    (ONE, "$a", "hello", "hellp"),
    ("$a = \"hello\" nocase", "$a", "HELlo", "HELlp"),
    ("$a = \"hello\" fullword", "$a", "~hello~", "~hellox"),
    ("$a = \"hello\" ascii wide", "$a", "hello", "hellp"),
    ("$a = { 68 65 6c 6c 6f }", "$a", "hello", "hellp"),
    ("$a = { 68 65 ?? 6c 6f }", "$a", "hexlo", "hexlp"),
    ("$a = { 68 65 6? 6c 6f }", "$a", "hemlo", "he|lo"),
    ("$a = { 68 65 [1-3] 6c 6f }", "$a", "hexxxlo", "hexxxlp"),
    ("$a = { 68 65 [2] 6c 6f }", "$a", "hexxlo", "hexxlp"),
    ("$a = { 68 65 (6c 6c | 6d) 6f 6f }", "$a", "hemoo", "henoo"),
    ("$a = /he(l|m)+o/", "$a", "hemlo", "henlo"),
    ("$a = /he(l|m)+o w[a-z]{4}/", "$a", "hello world", "hello wor1d"),
    (TWO, "$a and $b", "hello world", "hello worle"),
    (TWO, "$a or $b", "hello worle", "hellp worle"),
    (TWO, "$a and not $b", "hello worle", "hello world"),
    (TWO, "all of them", "hello world", "hellp world"),
    (TWO, "any of them", "world", "worle"),
    (THREE, "2 of them", "hello small", "hello smell"),
    (THREE, "2 of ($a, $c) or #b > 9", "hello small", "hello smell"),
    (THREE, "1 of ($b, $c) or #a > 9", "small", "smell"),
    (ONE, "#a == 2", "hello hello", "hello hellp"),
    (ONE, "#a > 1", "hello hello", "hellp hello"),
    (ONE, "#a < 2 and $a", "hello hellp", "hello hello"),
    (ONE, "$a at <body>", "hello", "hellp"),
    (ONE, "@a == <body>", "hello", "hellp"),
    (ONE, "@a[2] == <body+6>", "hello hello", "hello hellp"),
    (ONE, "$a in (<body-4>..<body+4>)", "hello", "hellp"),
    (ONE, "$a and filesize == <size>", "hello", "hellp"),
    (ONE, "$a and filesize > <size-1> and filesize < <size+1>", "hello", "hellp"),
    (ONE, "$a and uint8(@a + 5) == 0x21", "hello!", "hello?"),
    (ONE, "$a and uint16(@a + 5) == 0x3221", "hello!2", "hello!3"),
    (ONE, "$a and uint32(@a) == 0x6c6c6568 and uint8(@a + 5) > 0x40", "hellox", "hello1"),
    (TWO, "for any of them : ( $ at <body> )", "world", "worle"),
    (TWO, "for all of ($a, $b) : ( # == 2 )", "hello hello world world", "hello hello world worle"),
    (ONE, "for all i in (1, 2) : ( @a[i] < <body+9> ) and #a == 2", "hello hello", "hello hellp"),
];

pub(crate) fn features() -> Vec<Feature> {
    let mut features: Vec<Feature> =
        RULES.iter().map(|(strings, condition, hit, miss)| rule(strings, condition).has(hit, miss)).collect();
    features.extend([
        rule("$a = \"hello\" wide", "$a").has(wide("hello"), wide("hellp")).only(BINARY),
        rule("$a = \"hello\" wide nocase", "$a").has(wide("hELLo"), wide("hELLp")).only(BINARY),
        rule("$a = { 00 01 ?? ff 00 [2-4] 00 01 }", "$a")
            .has(b"\x00\x01\x77\xff\x00\x03\x03\x03\x00\x01", b"\x00\x01\x77\xfe\x00\x03\x03\x03\x00\x01")
            .only(BINARY),
        rule("$a = /hel+o w[a-z]{4}/i", "$a")
            .has("HELLO WORLD", "HELLO WOR1D")
            .only(BINARY)
            .differs(BINARY, "regular expressions of rules never disregard case"),
        rule(ONE, "$a at entrypoint").at(Slot::Entry(0), "hello", "hellp").only(EXECUTABLE),
        rule(ONE, "$a and uint16(0) == 0x5a4d").both(Slot::Body(0), "hello").at(Slot::Start, "MZ", "MX").only(&[Kind::Pe]),
        // A rule may ask for another.
        Feature::new("a private rule")
            .file("yar", "private rule Quiet { strings: $a = \"hello\" condition: $a }\nrule Hit { strings: $b = \"world\" condition: Quiet and $b }\nrule Never { strings: $b = \"world\" condition: $b and not Quiet and filesize < 1 }")
            .has("hello world", "hellp world"),
    ]);
    features
}
