//! Regular expressions with their triggers and places, against PCRE2 itself.

use candor_detect::logical::{Comparison, Expression, Subsignature};
use candor_detect::pattern::{Base, Place};
use candor_detect::regex::{Flags, Regex};
use proptest::prelude::*;

use super::patterns::literals;
use super::{cases, content, counted, database, found, one, signature, slow};

/// An expression of the parts that signatures are made of.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "A", "B", "ab", "x"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![".", "[ab]", "[^a]", "[A-Z]", "\\s", "\\w", "\\W", "\\x61", "\\."]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["\\b", "^", "$", "(?=a)", "(?!b)", "(?<=a)"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join("|"))),
            2 => (inner, prop::sample::select(vec!["?", "{1,2}", "{2}", "*", "+", "+?"]))
                .prop_map(|(inner, count)| format!("(?:{inner}){count}")),
        ]
    })
}

fn flags() -> impl Strategy<Value = Flags> {
    let flags = [
        Flags::GLOBAL,
        Flags::CASELESS,
        Flags::DOT_ALL,
        Flags::MULTI_LINE,
        Flags::EXTENDED,
        Flags::ANCHORED,
        Flags::UNGREEDY,
    ];
    prop::collection::vec(any::<bool>(), flags.len()).prop_map(move |taken| {
        let taken = flags.into_iter().zip(taken).filter(|(_, taken)| *taken);
        taken.fold(Flags::default(), |all, (flag, _)| all | flag)
    })
}

/// The starts of PCRE2's matches in content of which it sees what follows `low`, one after the other.
fn starts(regex: &Regex, bytes: &[u8], low: usize) -> Vec<usize> {
    let Some(subject) = bytes.get(low..) else { return Vec::new() };
    let ungreedy = if regex.flags.has(Flags::UNGREEDY) { "(?U)" } else { "" };
    let anchored = if regex.flags.has(Flags::ANCHORED) { "\\G" } else { "" };
    let compiled = pcre2::bytes::RegexBuilder::new()
        .caseless(regex.flags.has(Flags::CASELESS))
        .dotall(regex.flags.has(Flags::DOT_ALL))
        .multi_line(regex.flags.has(Flags::MULTI_LINE))
        .extended(regex.flags.has(Flags::EXTENDED))
        .build(&format!("{ungreedy}{anchored}(?:{})", regex.text))
        .unwrap();
    let (mut starts, mut at) = (Vec::new(), 0);
    while at <= subject.len() {
        let Some(found) = compiled.find_at(subject, at).unwrap() else { break };
        starts.push(low + found.start());
        at = found.end().max(at + usize::from(found.end() == found.start()));
        if found.end() == found.start() {
            at = found.end() + 1;
        }
    }
    starts
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn expressions_match_what_pcre_matches(
        text in expression(),
        flags in flags(),
        trigger in literals(),
        from in prop::option::of((0_i64..60, 1_u32..40)),
        bytes in content(),
    ) {
        let place = from.map_or(Place::ANYWHERE, |(delta, slack)| Place { base: Base::Start, delta, slack });
        let regex = Regex { text, place, flags };
        let triggered = !slow::matches(&trigger, &bytes, None).is_empty();
        let (low, high) = match from {
            Some((low, slack)) => (low as usize, low as usize + slack as usize),
            None => (0, usize::MAX),
        };
        // A match that begins too late ends the search.
        let matches = starts(&regex, &bytes, low).into_iter().take_while(|start| *start <= high).count();
        let count = match matches {
            _ if !triggered => 0,
            matches if flags.has(Flags::GLOBAL) => u32::try_from(matches).unwrap(),
            matches => u32::from(matches > 0),
        };
        let members = vec![
            Subsignature::Patterns(vec![trigger]),
            Subsignature::Regex { trigger: one(0), regex: regex.clone() },
        ];
        let both = Expression::And(Box::new(one(0)), Box::new(counted(one(1), Comparison::Equal, count, 0)));
        let signatures = [signature("is", one(1), members.clone()), signature("count", both, members)];
        let expected: Vec<&str> =
            [("is", count > 0), ("count", triggered)].into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        prop_assert_eq!(found(&database(&signatures), &bytes, None), expected, "{} of {:?}", count, regex);
    }
}
