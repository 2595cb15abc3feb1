//! Expressions over subsignatures: what they mean, how often, and how many different ones.

use super::feature::Feature;

/// Subsignatures that the expressions are over.
const SUBSIGNATURES: [&str; 5] = ["'aqa'", "'bqb'", "'cqc'", "'dqd'", "'qq'"];

/// The number of subsignatures of an expression, the expression, content of which it is true, and the same with one
/// byte changed, of which it is not.
const EXPRESSIONS: &[(usize, &str, &str, &str)] = &[
    (1, "0", "aqa", "aqb"),
    (2, "0&1", "aqa bqb", "aqa bqc"),
    (2, "0|1", "bqb", "bqc"),
    (4, "0&1&2&3", "aqa bqb cqc dqd", "aqa bqb cqc dqe"),
    (4, "0|1|2|3", "dqd", "dqe"),
    (4, "(0&1)|(2&3)", "cqc dqd", "cqd dqd"),
    (4, "(0|1)&(2|3)", "bqb dqd", "bqb dqe"),
    // What is right of the first operator is read first.
    (3, "0&1|2", "aqa cqc", "aqb cqc"),
    (3, "0|1&2", "aqa", "aqb"),
    (4, "0&1|2&3", "aqa bqb", "aqb bqb"),
    (4, "0&(1|2)&3", "aqa cqc dqd", "aqa cqb dqd"),
    (4, "((0&1)|2)&3", "cqc dqd", "cqc dqe"),
    (2, "(((0)))&1", "aqa bqb", "aqa bqc"),
    // Counts of one; matches that overlap count.
    (1, "0=2", "aqa aqa", "aqa aqb"),
    (1, "0=2", "aqa aqa aqb", "aqa aqa aqa"),
    (1, "0=1", "aqa aqb", "aqa aqa"),
    (1, "0>1", "aqa aqa", "aqa aqb"),
    (1, "0>2", "aqaqa aqa", "aqaqa aqb"),
    (5, "4=3&(0|1|2|3)", "qqqq aqa", "qqqr aqa"),
    (2, "0=0&1", "aqb bqb", "aqa bqb"),
    (2, "0<2&1", "aqa aqb bqb", "aqa aqa bqb"),
    (2, "0<3&1", "aqb bqb", "aqb bqc"),
    (2, "0>0&1", "aqa bqb", "aqb bqb"),
    // Counts of blocks, and of different ones among them.
    (2, "(0|1)=2", "aqa bqb", "aqa bqc"),
    (2, "(0|1)>2", "aqa bqb bqb", "aqa bqb bqc"),
    (2, "(0|1)>1,2", "aqa bqb", "aqa bqa"),
    (3, "(0|1|2)>1,2", "aqa aqa cqc", "aqa aqa cqd"),
    (3, "(0|1|2)=3,2", "aqa aqa bqb", "aqa aqa aqb"),
    (3, "(0|1|2)>2,3", "aqa bqb cqc", "aqa bqb cqd"),
    (3, "(0|1)<2&2", "aqa bqc cqc", "aqa bqb cqc"),
    (3, "(0|1)=0&2", "aqb bqc cqc", "aqa bqc cqc"),
    // A block that is false has no matches.
    (3, "(0&1)=0&2", "aqa bqc cqc", "aqa bqb cqc"),
    (3, "(0&1)>1&2", "aqa bqb cqc", "aqa bqc cqc"),
    (4, "((0|1)>1)&(2|3)", "aqa aqa dqd", "aqa aqb dqd"),
    (4, "(0&1)>1|(2&3)>2", "cqc cqc dqd", "cqc cqd dqd"),
];

/// The signature of an expression.
fn signature(count: usize, expression: &str) -> String {
    format!("{expression};{}", SUBSIGNATURES[..count].join(";"))
}

pub(crate) fn features() -> Vec<Feature> {
    let mut features: Vec<Feature> = EXPRESSIONS
        .iter()
        .map(|(count, expression, hit, miss)| Feature::logical(&signature(*count, expression)).has(hit, miss))
        .collect();
    // Content of which one expression is true and others are not.
    let never =
        [(1, "0=1"), (1, "0>2"), (1, "0<2"), (1, "0=3"), (2, "0&1"), (2, "(0|1)>1,2"), (2, "(0|1)=3")];
    let feature = Feature::logical(&signature(1, "0=2")).has("aqa aqa", "aqa aqb");
    // The twin has one, which `0=1` and `0<2` are for.
    let never = never.into_iter().filter(|(_, expression)| !matches!(*expression, "0=1" | "0<2"));
    features.push(
        never.fold(feature, |feature, (count, expression)| {
            feature.never_logical(&signature(count, expression))
        }),
    );
    // Subsignatures with wildcards count as others do, and each of two may have its own place.
    features.push(Feature::logical("0=3;'aa'?1'a'").has("aaqa aaaa aaQa", "aaqa aaba aaQa"));
    features
        .push(Feature::logical("0&1;<body>:'hello';<body+8>:'world'").has("hello...world", "hello...worle"));
    features.push(Feature::logical("0=2;<body>,8:'hello'").has("hello...hello", "hello...hellp"));
    // The most that there may be.
    let most: Vec<String> = (0..64).map(|number| format!("'sub{number:02}'")).collect();
    let all: Vec<String> = (0..64).map(|number| number.to_string()).collect();
    let text: String = (0..64).map(|number| format!("sub{number:02} ")).collect();
    features.push(
        Feature::logical(&format!("{};{}", all.join("&"), most.join(";")))
            .has(&text, text.replace("sub63", "sub6x")),
    );
    features
}
