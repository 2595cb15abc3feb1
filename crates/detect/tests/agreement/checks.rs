//! Subsignatures that are no patterns: bytes compared as numbers, patterns near others, rows at fixed offsets.

use candor_detect::logical::{ByteComparison, Comparison, Expression, Number, Numeral, Order, Subsignature};
use proptest::prelude::*;

use super::patterns::literals;
use super::{cases, content, database, found, one, signature, slow};

fn comparison() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![Comparison::Equal, Comparison::More, Comparison::Less])
}

/// What the bytes behind a match are as an unsigned number.
fn raw(bytes: &[u8], order: Order) -> u64 {
    let each = |sum: u64, byte: &u8| sum * 256 + u64::from(*byte);
    match order {
        Order::Big => bytes.iter().fold(0, each),
        Order::Little => bytes.iter().rev().fold(0, each),
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn bytes_are_compared_at_the_last_match(
        pattern in literals(),
        bytes in content(),
        offset in -5_i64..8,
        order in prop::sample::select(vec![Order::Big, Order::Little]),
        length in prop::sample::select(vec![1_u8, 2, 4]),
        kind in comparison(),
        with in prop_oneof![prop::sample::select(b"abAB.".to_vec()).prop_map(i64::from), 0_i64..70_000],
    ) {
        let last = slow::matches(&pattern, &bytes, None).last().copied();
        let start = last.and_then(|last| usize::try_from(last as i64 + offset).ok());
        let read = start.and_then(|start| bytes.get(start..start + usize::from(length)));
        let number = read.map(|read| i64::try_from(raw(read, order)).unwrap());
        let expected = number.is_some_and(|number| match kind {
            Comparison::Equal => number == with,
            Comparison::More => number > with,
            Comparison::Less => number < with,
        });
        let comparison = ByteComparison {
            offset,
            number: Number { numeral: Numeral::Raw, order, exact: false, length },
            comparisons: vec![(kind, with)],
        };
        let members = vec![
            Subsignature::Patterns(vec![pattern]),
            Subsignature::Compare { reference: 0, comparison },
        ];
        let database = database(&[signature("compared", one(1), members)]);
        prop_assert_eq!(found(&database, &bytes, None).len(), usize::from(expected), "{:?} with {}", number, with);
    }

    #[test]
    fn decimal_digits_are_a_number(
        value in 0_u32..2000,
        width in 1_usize..6,
        kind in comparison(),
        with in 0_i64..2000,
    ) {
        let digits = format!("{value:0width$}");
        let bytes = format!("xx hello{digits} and no more");
        let comparison = ByteComparison {
            offset: 5,
            number: Number { numeral: Numeral::Decimal, order: Order::Big, exact: true, length: digits.len() as u8 },
            comparisons: vec![(kind, with)],
        };
        let hello = super::reading::text(b"hello");
        let members = vec![
            Subsignature::Patterns(vec![hello]),
            Subsignature::Compare { reference: 0, comparison },
        ];
        let both = Expression::And(Box::new(one(0)), Box::new(one(1)));
        let expected = match kind {
            Comparison::Equal => i64::from(value) == with,
            Comparison::More => i64::from(value) > with,
            Comparison::Less => i64::from(value) < with,
        };
        let database = database(&[signature("compared", both, members)]);
        prop_assert_eq!(found(&database, bytes.as_bytes(), None).len(), usize::from(expected));
    }

    #[test]
    fn what_is_near_is_near(
        before in literals(),
        patterns in prop::collection::vec(literals(), 1..4),
        bytes in content(),
        low in 0_u32..10,
        more in 0_u32..20,
    ) {
        let high = low + more;
        let starts = slow::matches(&before, &bytes, None);
        let expected = patterns.iter().flat_map(|pattern| slow::matches(pattern, &bytes, None)).any(|start| {
            starts.iter().any(|other| {
                start.checked_sub(*other).is_some_and(|apart| (low as usize..=high as usize).contains(&apart))
            })
        });
        let members = vec![
            Subsignature::Patterns(vec![before]),
            Subsignature::Near { patterns, low, high },
        ];
        let database = database(&[signature("near", one(1), members)]);
        prop_assert_eq!(found(&database, &bytes, None).len(), usize::from(expected));
    }

    #[test]
    fn rows_are_at_their_offsets(
        rows in prop::collection::vec((0_u32..160, prop::collection::vec(prop::sample::select(b"ab".to_vec()), 1..3)), 1..4),
        bytes in prop::collection::vec(prop::sample::select(b"ab".to_vec()), 0..160),
    ) {
        let expected =
            rows.iter().any(|(offset, row)| bytes.get(*offset as usize..).is_some_and(|rest| rest.starts_with(row)));
        let database = database(&[signature("fixed", one(0), vec![Subsignature::Fixed(rows)])]);
        prop_assert_eq!(found(&database, &bytes, None).len(), usize::from(expected));
    }
}
