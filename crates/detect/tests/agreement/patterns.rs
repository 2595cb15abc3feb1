//! Patterns of every kind of element, at every kind of place.

use candor_detect::logical::{Comparison, Subsignature};
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use proptest::prelude::*;

use super::{LETTERS, cases, content, counted, database, found, layout, one, signature, slow};

fn letter() -> impl Strategy<Value = u8> {
    prop::sample::select(LETTERS)
}

fn boundary() -> impl Strategy<Value = Boundary> {
    prop::sample::select(vec![
        Boundary::WordStart,
        Boundary::WordEnd,
        Boundary::Line,
        Boundary::NotAlphanumeric,
    ])
}

/// Rows of one length, as what is negated must have.
fn rows_of_one_length() -> impl Strategy<Value = Vec<Vec<Element>>> {
    (1_usize..3).prop_flat_map(|length| {
        prop::collection::vec(prop::collection::vec(letter().prop_map(Element::literal), length), 1..3)
    })
}

fn element() -> impl Strategy<Value = Element> {
    let plain = prop_oneof![
        8 => letter().prop_map(Element::literal),
        2 => letter().prop_map(Element::either_case),
        1 => letter().prop_map(|value| Element::Byte { value: value & 0xf0, mask: 0xf0 }),
        1 => letter().prop_map(|value| Element::Byte { value: value & 0x0f, mask: 0x0f }),
        1 => Just(Element::Byte { value: 0, mask: 0 }),
        2 => (0_u32..3, 0_u32..3).prop_map(|(min, more)| Element::Skip { min, max: min + more }),
        1 => boundary().prop_map(Element::Boundary),
        1 => boundary().prop_map(Element::NotBoundary),
        1 => rows_of_one_length().prop_map(Element::NotChoice),
    ];
    plain.prop_recursive(2, 8, 3, |inner| {
        prop::collection::vec(prop::collection::vec(inner, 1..3), 1..3).prop_map(Element::Choice)
    })
}

/// Elements with some plain letters among them, or none.
fn elements() -> impl Strategy<Value = Vec<Element>> {
    let plain = prop::collection::vec(letter().prop_map(Element::literal), 0..5);
    (prop::collection::vec(element(), 0..4), plain, prop::collection::vec(element(), 0..4))
        .prop_map(|(before, plain, behind)| [before, plain, behind].concat())
        .prop_filter("nothing is no pattern", |elements| !elements.is_empty())
}

fn place() -> impl Strategy<Value = Place> {
    let base = prop_oneof![
        Just(Base::Start),
        Just(Base::End),
        Just(Base::EntryPoint),
        (0_u16..4).prop_map(Base::Section),
        Just(Base::LastSection),
    ];
    let counted =
        (base, -40_i64..60, 0_u32..50).prop_map(|(base, delta, slack)| Place { base, delta, slack });
    let inside =
        (0_u16..4).prop_map(|number| Place { base: Base::InsideSection(number), delta: 0, slack: 0 });
    prop_oneof![
        4 => Just(Place::ANYWHERE),
        4 => counted,
        1 => inside,
        1 => Just(Place { base: Base::VersionInfo, delta: 0, slack: 0 }),
    ]
}

pub(crate) fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![2 => pattern_of_one_part(), 3 => pattern_of_parts()]
}

fn pattern_of_one_part() -> impl Strategy<Value = Pattern> {
    (place(), elements())
        .prop_map(|(place, elements)| Pattern { place, groups: vec![Group { gap: 0, elements }] })
}

fn pattern_of_parts() -> impl Strategy<Value = Pattern> {
    let group = (0_u32..4, elements()).prop_map(|(gap, elements)| Group { gap, elements });
    (place(), elements(), prop::collection::vec(group, 1..3)).prop_map(|(place, elements, more)| {
        let first = Group { gap: 0, elements };
        Pattern { place, groups: [vec![first], more].concat() }
    })
}

/// Patterns that the language writes: of literals.
pub(crate) fn literals() -> impl Strategy<Value = Pattern> {
    prop::collection::vec(letter(), 2..5).prop_map(|letters| Pattern {
        place: Place::ANYWHERE,
        groups: vec![Group { gap: 0, elements: letters.into_iter().map(Element::literal).collect() }],
    })
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn patterns_are_found_where_they_are(
        patterns in prop::collection::vec(pattern(), 1..4),
        bytes in content(),
        layout in prop::option::of(layout()),
    ) {
        let layout = layout.as_ref();
        let signatures: Vec<_> = patterns
            .iter()
            .enumerate()
            .map(|(number, pattern)| {
                let subsignature = Subsignature::Patterns(vec![pattern.clone()]);
                signature(&number.to_string(), one(0), vec![subsignature])
            })
            .collect();
        let expected: Vec<String> = (0..patterns.len())
            .filter(|number| !slow::matches(&patterns[*number], &bytes, layout).is_empty())
            .map(|number| number.to_string())
            .collect();
        prop_assert_eq!(found(&database(&signatures), &bytes, layout), expected, "{:?}", patterns);
    }

    #[test]
    fn they_are_counted(pattern in pattern(), bytes in content(), layout in prop::option::of(layout())) {
        let layout = layout.as_ref();
        let count = u32::try_from(slow::matches(&pattern, &bytes, layout).len()).unwrap();
        let questions = [
            ("equal", Comparison::Equal, count),
            ("one more", Comparison::Equal, count + 1),
            ("less", Comparison::Less, count + 1),
            ("not less", Comparison::Less, count),
            ("not more", Comparison::More, count),
        ];
        let signatures = questions.map(|(name, comparison, number)| {
            let subsignature = Subsignature::Patterns(vec![pattern.clone()]);
            signature(name, counted(one(0), comparison, number, 0), vec![subsignature])
        });
        prop_assert_eq!(found(&database(&signatures), &bytes, layout), ["equal", "less"], "{} of {:?}", count, pattern);
    }
}

#[test]
fn of_two_matches_of_a_part_the_later_may_end_earlier() {
    let literals = |text: &[u8]| text.iter().copied().map(Element::literal).collect::<Vec<_>>();
    let choice = Element::Choice(vec![literals(b"abccde"), literals(b"b")]);
    let first = [vec![choice], literals(b"cc")].concat();
    let groups = [first, literals(b"de")].map(|elements| Group { gap: 0, elements }).to_vec();
    let pattern = Pattern { place: Place::ANYWHERE, groups };
    let database = database(&[signature("parts", one(0), vec![Subsignature::Patterns(vec![pattern])])]);
    // The longer branch begins first and ends behind `de`, the shorter one before it.
    assert_eq!(found(&database, b"..abccdecc", None), ["parts"]);
    assert_eq!(found(&database, b"..bccde", None), ["parts"]);
    assert!(found(&database, b"..abccdcc", None).is_empty());
}
