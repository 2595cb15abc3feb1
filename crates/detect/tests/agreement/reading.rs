//! Content that is searched piece by piece: what lies across a border of pieces is found as it is elsewhere.

use candor_detect::logical::{Expression, Subsignature};
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use candor_detect::regex::{Flags, Regex};
use proptest::prelude::*;

use super::{cases, database, findings, found, in_pieces, one, signature};

/// Bytes that the matcher searches at a time.
const PIECE: usize = 512 << 10;
/// What is planted.
const NEEDLE: &[u8] = b"needle, needle and pin";

/// A pattern of plain bytes, anywhere.
pub(crate) fn text(bytes: &[u8]) -> Pattern {
    let elements = bytes.iter().copied().map(Element::literal).collect();
    Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] }
}

/// Patterns that find the needle, each in its own way.
fn patterns(start: usize, length: usize) -> Vec<Pattern> {
    let plain = text(NEEDLE);
    let elements = plain.groups[0].elements.clone();
    let of = |elements: Vec<Element>| Pattern { groups: vec![Group { gap: 0, elements }], ..plain.clone() };
    let caseless = b"NEEDLE, NEEDLE AND PIN".iter().copied().map(Element::either_case).collect();
    let gap = [&elements[..6], &[Element::Skip { min: 1, max: 9 }], &elements[11..]].concat();
    let word = Element::Boundary(Boundary::NotAlphanumeric);
    let full = [std::slice::from_ref(&word), &elements, std::slice::from_ref(&word)].concat();
    let choice = Element::Choice(vec![elements[..3].to_vec(), vec![Element::literal(b'x')]]);
    let chosen = [&[choice], &elements[3..]].concat();
    let parts = [elements[..6].to_vec(), elements[8..14].to_vec(), elements[15..].to_vec()];
    let far = parts.into_iter().map(|elements| Group { gap: 0, elements }).collect();
    let at = |base, delta, slack| Pattern { place: Place { base, delta, slack }, ..plain.clone() };
    vec![
        of(caseless),
        of(gap),
        of(full),
        of(chosen),
        Pattern { place: Place::ANYWHERE, groups: far },
        at(Base::Start, start as i64, 0),
        at(Base::Start, start as i64 - 9, 9),
        at(Base::End, start as i64 - length as i64, 0),
        plain,
    ]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn borders_of_pieces_do_not_matter(
        border in 1_usize..3,
        before in 0_usize..NEEDLE.len() + 20,
        most in prop::sample::select(vec![usize::MAX, 70_001, 4096]),
        broken in 0..NEEDLE.len(),
    ) {
        let (start, length) = (border * PIECE + 10 - before, 2 * PIECE + 500);
        let mut bytes = vec![b'.'; length];
        bytes[start..start + NEEDLE.len()].copy_from_slice(NEEDLE);
        let mut signatures: Vec<_> = patterns(start, length)
            .into_iter()
            .enumerate()
            .map(|(number, pattern)| signature(&number.to_string(), one(0), vec![Subsignature::Patterns(vec![pattern])]))
            .collect();
        let regex = Regex { text: "needle.{2}(needle) (?=and)".into(), place: Place::ANYWHERE, flags: Flags::default() };
        let members = vec![
            Subsignature::Patterns(vec![text(b"pin")]),
            Subsignature::Regex { trigger: one(0), regex },
            Subsignature::Patterns(vec![text(b", needle")]),
            Subsignature::Near { patterns: vec![text(b"and pin")], low: 9, high: 9 },
        ];
        let and = |left, right| Expression::And(Box::new(left), Box::new(right));
        signatures.push(signature("all", and(one(1), and(one(2), one(3))), members));
        let database = database(&signatures);
        prop_assert_eq!(found(&database, &bytes, None).len(), signatures.len());
        prop_assert_eq!(findings(&database, in_pieces(&bytes, most), None).len(), signatures.len());
        // No byte of it is left out by all.
        bytes[start + broken] ^= 0x80;
        prop_assert!(found(&database, &bytes, None).len() < signatures.len());
        prop_assert!(findings(&database, in_pieces(&bytes, most), None).len() < signatures.len());
    }
}
