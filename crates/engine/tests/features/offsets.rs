//! Every form of offset, with places beside it at which nothing is found.

use super::carriers::{EXECUTABLE, Kind, Slot};
use super::feature::Feature;

/// An offset at which `slot` is, and others at which it is not.
struct Row {
    offset: &'static str,
    others: &'static [&'static str],
    slot: Slot,
}

const fn row(offset: &'static str, slot: Slot, others: &'static [&'static str]) -> Row {
    Row { offset, others, slot }
}

/// For files of any type.
const ANYWHERE: &[Row] = &[
    row("<body>", Slot::Body(0), &["<body+1>", "<body-1>", "EOF-<size>"]),
    row("<body>,8", Slot::Body(0), &["<body+1>,8"]),
    row("<body>,8", Slot::Body(8), &["<body>,7", "<body+9>,100"]),
    row("<body-3>,10", Slot::Body(4), &["<body-3>,6"]),
    row("EOF-20", Slot::End(20), &["EOF-19", "EOF-21"]),
    row("EOF-5", Slot::End(5), &["EOF-4", "EOF-6"]),
    row("EOF-20,10", Slot::End(10), &["EOF-20,9", "EOF-9,9"]),
];

/// For executables.
const OF_EXECUTABLES: &[Row] = &[
    row("EP+0", Slot::Entry(0), &["EP+1", "EP-1"]),
    row("EP+16", Slot::Entry(16), &["EP+15", "EP+17"]),
    row("EP-8", Slot::Entry(-8), &["EP-7", "EP+8"]),
    row("EP+4,12", Slot::Entry(16), &["EP+4,11", "EP+17,9"]),
    row("EP-16,8", Slot::Entry(-8), &["EP-16,7"]),
    row("S<code>+0", Slot::Code(0), &["S<code>+1", "S<data>+0"]),
    row("S<code>+40", Slot::Code(40), &["S<code>+41", "S<code+1>+40", "S17+40"]),
    row("S<data>+7,9", Slot::Data(16), &["S<data>+7,8"]),
    row("SL+0", Slot::Data(0), &["SL+1"]),
    row("SL+200", Slot::Data(200), &["SL+199", "SL+201"]),
    row("SL+100,50", Slot::Data(150), &["SL+100,49"]),
    row("SE<code>", Slot::Code(0), &["SE<data>", "SE<code+1>"]),
    row("SE<code>", Slot::Code(0x1f0), &["SE<data>"]),
    row("SE<data>", Slot::Data(300), &["SE<code>", "SE99"]),
    row("EOF-20", Slot::End(20), &["EOF-19"]),
    row("<body>", Slot::Body(0), &["<body+1>"]),
];

fn feature(target: &str, row: &Row) -> Feature {
    let feature =
        Feature::extended(&format!("{target}:{}:'hello'", row.offset)).at(row.slot, "hello", "hellp");
    row.others.iter().fold(feature, |feature, other| feature.never(&format!("{target}:{other}:'hello'")))
}

/// The same offsets before subsignatures.
fn logical(target: &str, row: &Row) -> Feature {
    let target = format!("Target:{target}");
    let feature =
        Feature::described(&target, &format!("0;{}:'hello'", row.offset)).at(row.slot, "hello", "hellp");
    row.others
        .iter()
        .fold(feature, |feature, other| feature.never_described(&target, &format!("0;{other}:'hello'")))
}

fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

pub(crate) fn features() -> Vec<Feature> {
    let mut features = Vec::new();
    for row in ANYWHERE {
        features.extend([feature("0", row), logical("0", row)]);
    }
    for row in OF_EXECUTABLES {
        features.extend(
            [feature("<target>", row), logical("<target>", row)].map(|feature| feature.only(EXECUTABLE)),
        );
    }
    // At the very beginning only raw bytes are free to be what they like.
    features.push(
        Feature::extended("0:0:'hello'")
            .never("0:1:'hello'")
            .never("0:EOF-5:'hello'")
            .at(Slot::Start, "hello", "hellp")
            .only(&[Kind::Raw]),
    );
    let key = hex::encode(wide("CompanyName"));
    let version = |signature: &str| {
        Feature::extended(signature)
            .at(Slot::Version, wide("CompanyName"), wide("CompanzName"))
            .only(&[Kind::Pe])
    };
    features.push(version(&format!("1:VI:{key}")));
    features.push(
        version(&format!("1:VI:{key}0000*410063006d006500")).differs(&[Kind::Pe], "gaps mean nothing at VI"),
    );
    features.push(
        Feature::extended(&format!("1:VI:{key}"))
            .never(&format!("1:VI:{}", hex::encode(wide("ompanyName"))))
            .at(Slot::Version, wide("CompanyName"), wide("CompanyNamf"))
            .only(&[Kind::Pe]),
    );
    // Groups of patterns, which another refers to.
    let group = |text: &str, never: &str| {
        Feature::new(&format!("macro {text}"))
            .file("ndb", "Member:0:$7$:'world'\nOther:0:$7$:'there'")
            .file("ldb", &format!("Hit;Engine:81-255,Target:0;0&1;'hello';{text}"))
            .file("ldb", &format!("Never;Engine:81-255,Target:0;0&1;'hello';{never}"))
    };
    // In ClamAV another match of the subsignature before must follow.
    let again = |text: &str| format!("{text}..........hello");
    features.push(group("${5-20}7$", "${8-20}7$").has(again("hello..world"), again("hello..worle")));
    features.push(group("${0-7}7$", "${0-6}7$").has(again("hello..there"), again("hello..thera")));
    features
}
