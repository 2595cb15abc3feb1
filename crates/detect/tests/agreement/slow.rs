//! The slow matcher: every start is tried, and all ways to match are followed.

use std::collections::BTreeSet;

use candor_detect::logical::{Comparison, Expression};
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use candor_object::Layout;

/// All ends of matches of the elements that begin at `start`.
fn ends(elements: &[Element], bytes: &[u8], start: usize) -> BTreeSet<usize> {
    let Some((first, rest)) = elements.split_first() else { return BTreeSet::from([start]) };
    let middles: Vec<usize> = match first {
        Element::Byte { value, mask } => {
            bytes.get(start).filter(|byte| **byte & mask == *value).map(|_| start + 1).into_iter().collect()
        }
        Element::Skip { min, max } => (*min..=*max).map(|count| start + count as usize).collect(),
        Element::Boundary(kind) => boundary(*kind, bytes, start),
        Element::NotBoundary(kind) => {
            bytes.get(start).filter(|byte| !takes(*kind, **byte)).map(|_| start + 1).into_iter().collect()
        }
        Element::Choice(branches) => branches.iter().flat_map(|branch| ends(branch, bytes, start)).collect(),
        Element::NotChoice(branches) => {
            let none = branches.iter().all(|branch| ends(branch, bytes, start).is_empty());
            none.then(|| start + first.width().0 as usize).into_iter().collect()
        }
    };
    let inside = middles.into_iter().filter(|middle| *middle <= bytes.len());
    inside.flat_map(|middle| ends(rest, bytes, middle)).collect()
}

fn takes(kind: Boundary, byte: u8) -> bool {
    match kind {
        Boundary::WordStart => b" -./<@_".contains(&byte),
        Boundary::WordEnd => b"\n\r \"'-/=>_".contains(&byte),
        Boundary::Line => byte == b'\n',
        Boundary::NotAlphanumeric => !byte.is_ascii_alphanumeric(),
    }
}

fn boundary(kind: Boundary, bytes: &[u8], at: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    if at == 0 || at == bytes.len() {
        ends.push(at);
    }
    if bytes.get(at).is_some_and(|byte| takes(kind, *byte)) {
        ends.push(at + 1);
    }
    if kind == Boundary::Line && bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n")) {
        ends.push(at + 2);
    }
    ends
}

/// Whether a pattern may begin at `start`.
fn allowed(place: Place, bytes: &[u8], layout: Option<&Layout>, start: usize) -> bool {
    let within = |low: i64| (low..=low + i64::from(place.slack)).contains(&(start as i64)) && low >= 0;
    let from = |base: Option<u64>| base.is_some_and(|base| within(base as i64 + place.delta));
    let sections = layout.map(|layout| layout.sections.as_slice()).unwrap_or_default();
    match place.base {
        Base::Anywhere => true,
        Base::Start => within(place.delta),
        Base::End => layout.is_none_or(|layout| layout.complete) && within(bytes.len() as i64 + place.delta),
        Base::EntryPoint => from(layout.and_then(|layout| layout.entry_point)),
        Base::Section(number) => from(sections.get(usize::from(number)).map(|section| section.offset)),
        Base::LastSection => from(sections.last().map(|section| section.offset)),
        Base::InsideSection(number) => sections
            .get(usize::from(number))
            .is_some_and(|section| (section.offset..section.offset + section.size).contains(&(start as u64))),
        Base::VersionInfo => layout.is_some_and(|layout| layout.version_info.contains(&(start as u64))),
    }
}

/// Where the last group of a pattern begins in matches of the whole: so many matches there are.
pub(crate) fn matches(pattern: &Pattern, bytes: &[u8], layout: Option<&Layout>) -> BTreeSet<usize> {
    let mut starts = BTreeSet::new();
    // Ends of the groups before.
    let mut before: Option<BTreeSet<usize>> = None;
    for Group { gap, elements } in &pattern.groups {
        let may_begin = |start: usize| match &before {
            None => allowed(pattern.place, bytes, layout, start),
            Some(ends) => ends.first().is_some_and(|end| end + *gap as usize <= start),
        };
        let found: Vec<(usize, BTreeSet<usize>)> = (0..=bytes.len())
            .filter(|start| may_begin(*start))
            .map(|start| (start, ends(elements, bytes, start)))
            .filter(|(_, ends)| !ends.is_empty())
            .collect();
        starts = found.iter().map(|(start, _)| *start).collect();
        before = Some(found.into_iter().flat_map(|(_, ends)| ends).collect());
    }
    starts
}

/// Sum and different members of the matches of an expression that is true, given those of its members.
fn value(expression: &Expression, counts: &[u64]) -> Option<(u64, BTreeSet<u8>)> {
    match expression {
        Expression::Pattern(number) => {
            let count = counts[usize::from(*number)];
            (count > 0).then(|| (count, BTreeSet::from([*number])))
        }
        Expression::And(left, right) => {
            let (left, right) = (value(left, counts)?, value(right, counts)?);
            Some((left.0 + right.0, &left.1 | &right.1))
        }
        Expression::Or(left, right) => match (value(left, counts), value(right, counts)) {
            (Some(left), Some(right)) => Some((left.0 + right.0, &left.1 | &right.1)),
            (left, right) => left.or(right),
        },
        Expression::Counted(inner, count) => {
            let (sum, members) = value(inner, counts).unwrap_or_default();
            let wanted = u64::from(count.number);
            let compares = match count.comparison {
                Comparison::Equal => sum == wanted,
                Comparison::More => sum > wanted,
                Comparison::Less => sum < wanted,
            };
            (compares && members.len() >= count.distinct as usize).then_some((sum, members))
        }
    }
}

/// Whether an expression is true, given how often its members match.
pub(crate) fn is_true(expression: &Expression, counts: &[u64]) -> bool {
    value(expression, counts).is_some()
}
