//! Expressions over patterns: what they mean, how often, how many different ones.

use candor_detect::logical::{Comparison, Expression, Subsignature};
use proptest::prelude::*;

use super::patterns::literals;
use super::{cases, content, counted, database, found, one, signature, slow};

/// Subsignatures of a signature.
const MEMBERS: usize = 5;

fn expression() -> impl Strategy<Value = Expression> {
    let comparison = || prop::sample::select(vec![Comparison::Equal, Comparison::More, Comparison::Less]);
    let leaf = (0..MEMBERS as u8).prop_map(one);
    leaf.prop_recursive(4, 16, 2, move |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(left, right)| Expression::And(Box::new(left), Box::new(right))),
            pair.prop_map(|(left, right)| Expression::Or(Box::new(left), Box::new(right))),
            (inner, comparison(), 0_u32..6, 0_u32..4).prop_map(|(inner, comparison, number, distinct)| {
                counted(inner, comparison, number, distinct)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn expressions_are_true_where_they_should_be(
        patterns in prop::collection::vec(literals(), MEMBERS),
        expressions in prop::collection::vec(expression(), 1..6),
        bytes in content(),
    ) {
        let counts: Vec<u64> =
            patterns.iter().map(|pattern| slow::matches(pattern, &bytes, None).len() as u64).collect();
        let members: Vec<_> =
            patterns.iter().map(|pattern| Subsignature::Patterns(vec![pattern.clone()])).collect();
        let signatures: Vec<_> = expressions
            .iter()
            .enumerate()
            .map(|(number, expression)| signature(&number.to_string(), expression.clone(), members.clone()))
            .collect();
        let expected: Vec<String> = (0..expressions.len())
            .filter(|number| slow::is_true(&expressions[*number], &counts))
            .map(|number| number.to_string())
            .collect();
        prop_assert_eq!(found(&database(&signatures), &bytes, None), expected, "{:?} {:?}", counts, expressions);
    }

    #[test]
    fn several_patterns_count_as_one(
        variants in prop::collection::vec(literals(), 2..4),
        other in literals(),
        bytes in content(),
    ) {
        let any = variants.iter().any(|pattern| !slow::matches(pattern, &bytes, None).is_empty());
        let other_is_there = !slow::matches(&other, &bytes, None).is_empty();
        let members = vec![Subsignature::Patterns(variants), Subsignature::Patterns(vec![other])];
        let both = Expression::And(Box::new(one(0)), Box::new(one(1)));
        let signatures = [signature("any", one(0), members.clone()), signature("both", both, members)];
        let expected: Vec<&str> =
            [("any", any), ("both", any && other_is_there)].into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        prop_assert_eq!(found(&database(&signatures), &bytes, None), expected);
    }
}

#[test]
fn a_count_within_a_question_for_members_is_a_count() {
    // `(0|(1>1))>0,2`: how often the second matches matters, though it is asked only how many do.
    let twice = counted(one(1), Comparison::More, 1, 0);
    let both = counted(Expression::Or(Box::new(one(0)), Box::new(twice)), Comparison::More, 0, 2);
    let members =
        [&b"first"[..], b"second"].map(|text| Subsignature::Patterns(vec![super::reading::text(text)]));
    let database = database(&[signature("both", both, members.to_vec())]);
    assert_eq!(found(&database, b"first second second", None), ["both"]);
    assert!(found(&database, b"first second", None).is_empty());
}
