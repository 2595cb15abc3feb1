//! Patterns: plain bytes, wildcards, gaps, choices, boundaries. All are looked for in files of any type.

use super::carriers::{ALL, BINARY, NOT_FOLDED};
use super::feature::Feature;

/// A pattern, what it matches, and the same with the byte that breaks it.
const PATTERNS: &[(&str, &str, &str)] = &[
    ("'hello'", "hello", "hellp"),
    ("'hel'", "hel", "heq"),
    ("'he'??'lo'", "hexlo", "hexlp"),
    ("??'hello'", "hello", "jello"),
    ("'hello'??", "hello", "hellp"),
    ("'he'??????'lo'", "hexyzlo", "hexyzlq"),
    ("'hel'6?'o'", "hello", "hel|o"),
    ("'hel'?c'o'", "hel|o", "helmo"),
    ("'he'6?6?6?", "hello", "hel1o"),
    // Gaps.
    ("'hello'*'world'", "hello, small world", "hello, small worle"),
    ("'hello'*'big'*'world'", "hello, big, big world", "hello, big, big worle"),
    ("'hello'{3}'world'", "hello...world", "hello...worle"),
    ("'hello'{0}'world'", "helloworld", "hellpworld"),
    ("'hello'{-4}'world'", "hello....world", "hello....worle"),
    ("'hello'{-4}'world'", "helloworld", "hellpworld"),
    ("'hello'{4-}'world'", "hello......world", "hello......worle"),
    ("'hello'{2-4}'world'", "hello..world", "hello..worle"),
    ("'hello'{2-4}'world'", "hello....world", "hellp....world"),
    // Choices.
    ("'he'('l'|'m')'lo'", "hemlo", "henlo"),
    ("'he'('ll'|'mm')'lo'", "hemmlo", "hemllo"),
    ("'he'('ll'|'m')'lo'", "hemlo", "henlo"),
    ("'he'('ll'|'m')'lo'", "helllo", "helklo"),
    ("'he'('l'|6?'m')'lo'", "heamlo", "he1mlo"),
    ("'he'('l'??'m'|'n')'lo'", "hel.mlo", "hel.nlo"),
    ("'he'(('l'|'m')'n'|'p')'lo'", "hemnlo", "heonlo"),
    ("'he'!('l'|'m')'lo'", "henlo", "hemlo"),
    ("'he'!('ll'|'mm')'lo'", "helmlo", "hemmlo"),
    ("'he'('l'|'m')*'wo'('r'|'s')'ld'", "helo... wosld", "helo... wotld"),
    // Boundaries of words and lines.
    ("(B)'hello'", " hello", "xhello"),
    ("(B)'hello'", "@hello", "=hello"),
    ("'hello'(B)", "hello=", "hello@"),
    ("'hello'(B)", "hello\n", "hellox"),
    ("(L)'hello'", "\nhello", " hello"),
    ("'hello'(L)'world'", "hello\r\nworld", "hello\r world"),
    ("'hello'(L)'world'", "hello\nworld", "hello world"),
    ("(W)'hello'(W)", "~hello~", "~hellox"),
    ("(W)'hello'(W)", "~hello~", "9hello~"),
    ("'hello'!(W)", "hellox", "hello-"),
    ("!(B)'hello'", "xhello", "-hello"),
    // One byte some way off.
    ("'h'[1-3]'ello'", "hxxello", "hxxellp"),
    ("'hell'[0-2]'o'", "hell.o", "hell.p"),
    ("'h'[0-3]'ell'[2-2]'o'", "hell..o", "hell..p"),
];

/// A quirk of ClamAV.
const ONE_RANGE: &str = "of signatures that differ in the range of [n-m] only, one range counts for all";

/// Patterns that find nothing in what their neighbour finds.
const DISTANCES: &[(&str, &[&str], &str, &str)] = &[
    (
        "'hello'{3}'world'",
        &["'hello'{2}'world'", "'hello'{4}'world'", "'hello'{-2}'world'", "'hello'{4-}'world'"],
        "hello...world",
        "hello...worle",
    ),
    (
        "'hello'{2-4}'world'",
        &["'hello'{5-7}'world'", "'hello'{0-3}'world'", "'world'*'hello'"],
        "hello....world",
        "hello....worle",
    ),
    ("'he'('ll'|'m')'lo'", &["'he'('ll'|'mn')'lo'", "'he'!('l'|'m')'lo'"], "hemlo", "hemlp"),
    ("'h'[1-3]'ello'", &["'h'[3-4]'ello'", "'h'[0-1]'ello'"], "hxxello", "hxxellp"),
    ("'hello'*'world'", &["'hello'*'hello'", "'world'*'world'"], "hello world", "hello worle"),
];

pub(crate) fn features() -> Vec<Feature> {
    let mut features: Vec<Feature> =
        PATTERNS.iter().map(|(pattern, hit, miss)| Feature::pattern(pattern).has(hit, miss)).collect();
    for (pattern, never, hit, miss) in DISTANCES {
        let feature = Feature::pattern(pattern).has(hit, miss);
        let feature = never.iter().fold(feature, |feature, never| feature.never(never));
        features.push(if pattern.contains('[') { feature.differs(ALL, ONE_RANGE) } else { feature });
    }
    // A gap of 128 bytes and more splits the pattern in ClamAV.
    let far = |end: char| format!("hello{:.<130}worl{end}", "");
    features.push(
        Feature::pattern("'hello'{130}'world'")
            .never("'hello'{129}'world'")
            .never("'hello'{131-200}'world'")
            .has(far('d'), far('e')),
    );
    // Bytes that no page of text has.
    for (pattern, hit, miss) in [
        ("00010203", &b"\x00\x01\x02\x03"[..], &b"\x00\x01\x02\x04"[..]),
        ("ff00??00ff", b"\xff\x00\x55\x00\xff", b"\xff\x00\x55\x01\xff"),
        ("000304f?", b"\x00\x03\x04\xf7", b"\x00\x03\x04\x77"),
        ("E8????FFFF83", b"\xe8\x01\x02\xff\xff\x83", b"\xe8\x01\x02\xff\xff\x84"),
    ] {
        features.push(Feature::pattern(pattern).has(hit, miss).only(BINARY));
    }
    features.push(Feature::pattern("!(L)'hello'").has("xhello", "\nhello").only(NOT_FOLDED));
    // Letters of both cases in the digits mean the same.
    let digits = "68454C4C6f";
    features.push(Feature::pattern(digits).never("'hello'").has("hELLo", "hELLp").only(NOT_FOLDED));
    features
}
