//! A pattern that is planted anywhere is found there, in memory and in windows, and nothing is found where
//! a byte of it is changed; a slow, obviously right matcher agrees on random patterns and content.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_detect::logical::{Comparison, Count, Expression, LogicalSignature};
use candor_detect::pattern::{Base, Element, Group, Pattern, Place};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Category, Content, FileType, Finding, Object, Source};
use proptest::prelude::*;

struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn text(bytes: &[u8]) -> Vec<Element> {
    bytes.iter().copied().map(Element::literal).collect()
}

fn anywhere(elements: Vec<Element>) -> Pattern {
    Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] }
}

fn signature(expression: Expression, patterns: Vec<Pattern>) -> LogicalSignature {
    LogicalSignature::new("Planted", "test.ldb", expression, patterns)
}

fn database(signatures: &[LogicalSignature]) -> Database {
    let mut compiler = Compiler::default();
    signatures.iter().for_each(|signature| compiler.logical(signature));
    Database::from_vec(compiler.finish()).unwrap()
}

fn findings(database: &Database, content: Content) -> Vec<Finding> {
    let object = Object::root(content, FileType::DATA);
    let deadline = Instant::now() + Duration::from_secs(60);
    let digests = Digests::default();
    let inspection = Inspection::of(&object, &digests, deadline);
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(database, &inspection, &mut found).unwrap();
    }
    found.findings
}

/// What is found in memory, after it was made sure that the same is found through windows.
fn found(database: &Database, bytes: &[u8]) -> Vec<Finding> {
    let memory = findings(database, Content::from_vec(bytes.to_vec()));
    let windows = findings(database, Content::from_source(Arc::new(Bytes(bytes.to_vec()))));
    assert_eq!(memory, windows);
    memory
}

fn one(number: u8) -> Expression {
    Expression::Pattern(number)
}

#[test]
fn every_alignment_and_every_window_boundary() {
    let needles: [&[u8]; 4] = [b"kQ", b"kQz", b"kQzX", b"kQzX#j7"];
    for needle in needles {
        let database = database(&[signature(one(0), vec![anywhere(text(needle))])]);
        let window = 512 << 10;
        let length = 2 * window + 300;
        let places = (0..20)
            .chain(56..72)
            .chain(window - 12..window + 12)
            .chain(length - needle.len() - 20..length - needle.len() + 1);
        for place in places {
            let mut bytes = vec![b'.'; length];
            bytes[place..place + needle.len()].copy_from_slice(needle);
            let found = found(&database, &bytes);
            assert_eq!(found.len(), 1, "{needle:?} at {place}");
            assert_eq!(found[0].evidence[0].offset, place as u64);
            bytes[place] ^= 1;
            assert!(self::found(&database, &bytes).is_empty());
        }
    }
}

#[test]
fn parts_far_apart_are_found_in_order() {
    let groups = [&b"first part"[..], b"second part"].map(|part| Group { gap: 3, elements: text(part) });
    let database =
        database(&[signature(one(0), vec![Pattern { place: Place::ANYWHERE, groups: groups.to_vec() }])]);
    let mut bytes = vec![0; 3 << 20];
    bytes[100..110].copy_from_slice(b"first part");
    bytes[2_900_000..2_900_011].copy_from_slice(b"second part");
    assert_eq!(found(&database, &bytes).len(), 1);
    bytes[100] = 0;
    bytes[2_950_000..2_950_010].copy_from_slice(b"first part");
    assert!(found(&database, &bytes).is_empty());
}

#[test]
fn rare_parts_start_what_common_parts_complete() {
    let zeros = anywhere(text(&[0; 8]));
    let twice =
        Expression::Counted(Box::new(one(1)), Count { comparison: Comparison::More, number: 1, distinct: 0 });
    let all = Expression::And(Box::new(one(0)), Box::new(Expression::And(Box::new(twice), Box::new(one(2)))));
    let tail = Pattern { place: Place { base: Base::End, delta: -4, slack: 0 }, ..anywhere(text(b"tail")) };
    let database = database(&[signature(all, vec![zeros, anywhere(text(b"rare needle")), tail])]);
    let bytes = |middle: &str| [&[0; 20][..], middle.as_bytes(), b"tail"].concat();
    assert_eq!(found(&database, &bytes("rare needle, rare needle")).len(), 1);
    assert!(found(&database, &bytes("rare needle")).is_empty());
    assert!(found(&database, &bytes("rare needle, rare needle tail ")[..44]).is_empty());
}

#[test]
fn the_time_is_kept() {
    // Each anchor starts a search through a megabyte.
    let mut elements = text(b"anch");
    elements.push(Element::Skip { min: 0, max: 1 << 20 });
    elements.extend(text(b"never there"));
    let database = database(&[signature(one(0), vec![anywhere(elements)])]);
    let content = Content::from_vec(b"anch".repeat(1 << 20));
    let object = Object::root(content, FileType::DATA);
    let started = Instant::now();
    let deadline = started + Duration::from_millis(200);
    let digests = Digests::default();
    let inspection = Inspection::of(&object, &digests, deadline);
    let mut found = Found::default();
    let results: Vec<_> =
        DETECTORS.iter().map(|detector| detector.inspect(&database, &inspection, &mut found)).collect();
    assert!(results.iter().any(Result::is_err) && found.findings.is_empty());
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// An element of a random pattern over few letters, so that it often matches.
fn element() -> impl Strategy<Value = Element> {
    let letter = || prop::sample::select(b"abAB".to_vec());
    prop_oneof![
        6 => letter().prop_map(Element::literal),
        2 => letter().prop_map(Element::either_case),
        1 => letter().prop_map(|value| Element::Byte { value: value & 0xf0, mask: 0xf0 }),
        1 => (0_u32..3, 0_u32..3).prop_map(|(min, more)| Element::Skip { min, max: min + more }),
        1 => prop::collection::vec(prop::collection::vec(letter().prop_map(Element::literal), 1..3), 1..3)
            .prop_map(Element::Choice),
    ]
}

/// The slow matcher: all ends of matches of the elements that begin at `start`.
fn ends(elements: &[Element], bytes: &[u8], start: usize) -> Vec<usize> {
    let Some((first, rest)) = elements.split_first() else { return vec![start] };
    let middles: Vec<usize> = match first {
        Element::Byte { value, mask } => {
            bytes.get(start).filter(|byte| *byte & mask == *value).map(|_| start + 1).into_iter().collect()
        }
        Element::Skip { min, max } => (*min..=*max).map(|count| start + count as usize).collect(),
        Element::Choice(branches) => branches.iter().flat_map(|branch| ends(branch, bytes, start)).collect(),
        _ => unreachable!("the strategy makes no others"),
    };
    let inside = middles.into_iter().filter(|middle| *middle <= bytes.len());
    inside.flat_map(|middle| ends(rest, bytes, middle)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn the_fast_matcher_agrees_with_the_slow_one(
        patterns in prop::collection::vec(prop::collection::vec(element(), 1..9), 1..5),
        bytes in prop::collection::vec(prop::sample::select(b"abABx".to_vec()), 0..200),
    ) {
        for pattern in patterns {
            let expected = (0..=bytes.len()).find(|start| !ends(&pattern, &bytes, *start).is_empty());
            let database = database(&[signature(one(0), vec![anywhere(pattern.clone())])]);
            let found = found(&database, &bytes);
            let first = found.first().map(|finding| finding.evidence[0].offset as usize);
            prop_assert_eq!(found.len(), usize::from(expected.is_some()), "{:?}", pattern);
            // Of several starts for one anchor the first found need not be the very first.
            prop_assert!(first >= expected);
        }
    }
}

#[test]
fn the_digests_are_those_of_the_bytes() {
    use candor_detect::hash::{Digest, HashSignature, Subject};
    use sha2::Digest as _;

    let large: Vec<u8> = (0..1_400_000_u32).map(|number| (number % 251) as u8).collect();
    for bytes in [&large[..], &large[..64], &large[..700]] {
        let md5 = Digest::Md5(md5::Md5::digest(bytes).into());
        let sha256 = Digest::Sha256(sha2::Sha256::digest(bytes).into());
        for digests in [vec![md5], vec![sha256], vec![md5, sha256]] {
            let mut compiler = Compiler::default();
            for digest in &digests {
                let (name, source, category, subject) =
                    ("Whole", "a.hsb", Category::Malware, Subject::Object);
                compiler.hash(&HashSignature {
                    name,
                    source,
                    category,
                    subject,
                    size: None,
                    digest: *digest,
                });
            }
            compiler.logical(&signature(one(0), vec![anywhere(text(b"never there"))]));
            let database = Database::from_vec(compiler.finish()).unwrap();
            assert_eq!(found(&database, bytes).len(), digests.len());
            assert!(found(&database, &bytes[1..]).is_empty());
        }
    }
}

#[test]
fn a_literal_behind_a_gap_may_overlap_itself() {
    let pattern = vec![
        Element::either_case(b'A'),
        Element::Skip { min: 1, max: 3 },
        Element::literal(b'a'),
        Element::literal(b'a'),
        Element::Choice(vec![vec![Element::literal(b'A')]]),
    ];
    let database = database(&[signature(one(0), vec![anywhere(pattern)])]);
    for bytes in [&b"abaaaA"[..], b"abaaaAx", b"xabaaaA", b"xxabaaaAxxxxxxx", b"abbaaA", b"abaaA"] {
        assert_eq!(found(&database, bytes).len(), 1, "{}", String::from_utf8_lossy(bytes));
    }
}
