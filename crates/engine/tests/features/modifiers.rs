//! Modifiers of subsignatures: `::` and letters.

use super::carriers::{BINARY, NOT_FOLDED};
use super::feature::Feature;

/// The text with a zero byte behind each letter.
fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

/// A subsignature, and what it finds in text.
const IN_TEXT: &[(&str, &str, &str)] = &[
    ("'hello'::i", "hELLo", "hELLp"),
    ("'he'??'L'6?::i", "HExlo", "HExko"),
    ("'hello'::a", "hello", "hellp"),
    ("'hello'::f", "~hello~", "~hellox"),
    ("'hello'::f", "-hello.", "xhello."),
    ("'hello'::fi", "~HeLLo~", "9HeLLo~"),
    ("'hello'::ai", "HeLLo", "HeLLp"),
    ("'hello'::wa", "hello", "hellp"),
    ("'hello'::iwa", "HELLO", "HELLP"),
];

/// The same in UTF-16.
const IN_WIDE_TEXT: &[(&str, &str, &str)] = &[
    ("'hello'::w", "hello", "hellp"),
    ("'hello'::wi", "hELlo", "hELlp"),
    ("'hello'::wa", "hello", "hellp"),
    ("'hello'::iwa", "hELlo", "hELmo"),
    ("'he'??'lo'::w", "hexlo", "hexlp"),
    ("'he'*'lo'::w", "hexxxlo", "hexxxlp"),
    ("'he'{2}'lo'::w", "hexlo", "hexlp"),
];

pub(crate) fn features() -> Vec<Feature> {
    let mut features = Vec::new();
    for (subsignature, hit, miss) in IN_TEXT {
        features.push(Feature::logical(&format!("0;{subsignature}")).has(hit, miss));
    }
    for (subsignature, hit, miss) in IN_WIDE_TEXT {
        features.push(Feature::logical(&format!("0;{subsignature}")).has(wide(hit), wide(miss)).only(BINARY));
    }
    features.push(
        // What is not asked for is not found.
        Feature::logical("0;'hello'::i")
            .never_logical("0;'hello'")
            .never_logical("0;'hello'::w")
            .never_logical("0;'hello'::wi")
            .has("HeLLo", "HeLLp")
            .only(NOT_FOLDED),
    );
    features.push(
        Feature::logical("0;'hello'::w")
            .never_logical("0;'hello'")
            .never_logical("0;'hello'::a")
            .has(wide("hello"), wide("hellp"))
            .only(BINARY),
    );
    features
}
