//! From what a rule needs to the logical signatures that say when to run it.

use std::collections::BTreeMap;

use candor_detect::logical::{
    Comparison, Condition, Count, Expression, LogicalSignature, MAX_SUBSIGNATURES, MAX_VARIANTS, Outcome,
    Subsignature,
};
use candor_detect::pattern::{Element, Pattern};
use candor_detect::yara::RuleSetNumber;

use super::need::{Need, StringId};

/// The patterns of a string, of which one is there when the string is.
pub(super) type Patterns<'a> = dyn Fn(StringId) -> Vec<Pattern> + 'a;

/// Deepest nesting of a need that is written as it is.
const MAX_DEPTH: usize = 10;
/// Room for what must hold besides in each of several signatures of one rule.
const ROOM: usize = 8;
/// What looking for a pattern costs that has no four known bytes in a row.
const DEAR: usize = 1_000;

/// The signatures of which one is true whenever the need holds. None if no string must be there: whoever has
/// nothing to look for is asked for every object.
pub(super) fn signatures(
    (name, source): (&str, &str),
    need: &Need,
    size: Option<(u64, u64)>,
    patterns: &Patterns<'_>,
    set: RuleSetNumber,
) -> Vec<LogicalSignature> {
    let signature = |(expression, subsignatures)| LogicalSignature {
        conditions: size.map(|(low, high)| Condition::FileSize(low, high)).into_iter().collect(),
        subsignatures,
        outcome: Outcome::Rules(set),
        ..LogicalSignature::new(name, source, expression, Vec::new())
    };
    let whole = if need.measure().1 <= MAX_DEPTH { whole(need, patterns) } else { None };
    let parts = match whole {
        Some(whole) => vec![whole],
        None => split(need, patterns),
    };
    parts.into_iter().map(signature).collect()
}

/// Whether a string must be there.
pub(super) fn has_start(need: &Need, patterns: &Patterns<'_>) -> bool {
    start(need, patterns).is_some()
}

/// The signature that is true for every object for which this holds, which names no string.
pub(super) fn guard(source: &str, need: &Need, set: RuleSetNumber) -> LogicalSignature {
    let mut writer = Writer { patterns: &|_| Vec::new(), known: BTreeMap::new(), subsignatures: Vec::new() };
    let always = Count { comparison: Comparison::Less, number: 1, distinct: 0 };
    let always = || Expression::Counted(Box::new(Expression::Pattern(u8::MAX >> 2)), always);
    let small = need.measure().0 < MAX_SUBSIGNATURES && need.measure().1 <= MAX_DEPTH;
    let expression = if small { writer.expression(need) } else { None };
    let subsignatures = if expression.is_some() { writer.subsignatures } else { Vec::new() };
    LogicalSignature {
        subsignatures,
        outcome: Outcome::Rules(set),
        ..LogicalSignature::new(
            "rules without strings",
            source,
            expression.unwrap_or_else(always),
            Vec::new(),
        )
    }
}

/// The need as one expression, if it has room in a signature.
fn whole(need: &Need, patterns: &Patterns<'_>) -> Option<(Expression, Vec<Subsignature>)> {
    let mut writer = Writer { patterns, known: BTreeMap::new(), subsignatures: Vec::new() };
    let expression = writer.expression(need)?;
    Some((expression, writer.subsignatures))
}

/// Several expressions of which one holds when the need does.
fn split(need: &Need, patterns: &Patterns<'_>) -> Vec<(Expression, Vec<Subsignature>)> {
    let strings = start(need, patterns).unwrap_or_default();
    let patterns: Vec<Pattern> = strings.into_iter().flat_map(patterns).collect();
    let fixed: Vec<Subsignature> = match need {
        Need::All(parts) => parts.iter().filter_map(fixed).take(ROOM).collect(),
        other => fixed(other).into_iter().collect(),
    };
    let subsignatures: Vec<Subsignature> =
        patterns.chunks(MAX_VARIANTS).map(|patterns| Subsignature::Patterns(patterns.to_vec())).collect();
    let part = |part: &[Subsignature]| {
        let count = part.len();
        let numbers = |from: usize, to: usize| (from..to).filter_map(|number| u8::try_from(number).ok());
        let mut conditions: Vec<Expression> =
            numbers(count, count.saturating_add(fixed.len())).map(Expression::Pattern).collect();
        conditions.extend(balanced(numbers(0, count).map(Expression::Pattern).collect(), Expression::Or));
        let expression = balanced(conditions, Expression::And)?;
        Some((expression, [part, &fixed].concat()))
    };
    subsignatures.chunks(MAX_SUBSIGNATURES.saturating_sub(ROOM)).filter_map(part).collect()
}

fn fixed(need: &Need) -> Option<Subsignature> {
    match need {
        Need::Fixed(rows) => Some(Subsignature::Fixed(rows.clone())),
        _ => None,
    }
}

/// Strings of which one is there when the need holds; none if there may be no string.
fn start(need: &Need, patterns: &Patterns<'_>) -> Option<Vec<StringId>> {
    let cost =
        |strings: &[StringId]| strings.iter().map(|id| cost(*id, patterns)).fold(0, usize::saturating_add);
    match need {
        Need::String(id) => Some(vec![*id]),
        Need::Some(count, strings) => {
            let mut strings = strings.clone();
            strings.sort_by_key(|id| (self::cost(*id, patterns), *id));
            strings.truncate(strings.len().saturating_sub(count.saturating_sub(1)));
            Some(strings)
        }
        Need::All(parts) => {
            parts.iter().filter_map(|part| start(part, patterns)).min_by_key(|strings| cost(strings))
        }
        Need::Any(parts) => {
            let mut strings = Vec::new();
            for part in parts {
                strings.extend(start(part, patterns)?);
            }
            strings.sort_unstable();
            strings.dedup();
            Some(strings)
        }
        Need::Nothing | Need::Never | Need::Fixed(_) | Need::Size(..) => None,
    }
}

fn cost(id: StringId, patterns: &Patterns<'_>) -> usize {
    let each =
        patterns(id).iter().map(|pattern| if longest(pattern) < 4 { DEAR } else { 1 }).collect::<Vec<_>>();
    each.into_iter().fold(0, usize::saturating_add)
}

/// The longest row of known bytes.
fn longest(pattern: &Pattern) -> usize {
    let mut best = 0;
    for group in &pattern.groups {
        let mut run = 0_usize;
        for element in &group.elements {
            let known = matches!(element, Element::Byte { mask, .. } if mask | 0x20 == 0xff);
            run = if known { run.saturating_add(1) } else { 0 };
            best = best.max(run);
        }
    }
    best
}

/// Writes a need as an expression.
struct Writer<'a> {
    patterns: &'a Patterns<'a>,
    /// The expressions of strings that were written.
    known: BTreeMap<StringId, Expression>,
    subsignatures: Vec<Subsignature>,
}

impl Writer<'_> {
    /// The expression; none if there is no room for its subsignatures, or nothing is known.
    fn expression(&mut self, need: &Need) -> Option<Expression> {
        match need {
            Need::String(id) => self.string(*id),
            Need::Fixed(rows) => self.subsignature(Subsignature::Fixed(rows.clone())),
            Need::All(parts) => balanced(
                parts.iter().map(|part| self.expression(part)).collect::<Option<_>>()?,
                Expression::And,
            ),
            Need::Any(parts) => balanced(
                parts.iter().map(|part| self.expression(part)).collect::<Option<_>>()?,
                Expression::Or,
            ),
            Need::Some(count, strings) => {
                let strings: Option<Vec<Expression>> = strings.iter().map(|id| self.string(*id)).collect();
                let distinct = u32::try_from(*count).ok()?;
                let count = Count { comparison: Comparison::More, number: 0, distinct };
                Some(Expression::Counted(Box::new(balanced(strings?, Expression::Or)?), count))
            }
            Need::Nothing | Need::Never | Need::Size(..) => None,
        }
    }

    fn string(&mut self, id: StringId) -> Option<Expression> {
        if let Some(known) = self.known.get(&id) {
            return Some(known.clone());
        }
        let patterns = (self.patterns)(id);
        if patterns.len() > MAX_SUBSIGNATURES.saturating_mul(MAX_VARIANTS) {
            return None;
        }
        let chunks = patterns.chunks(MAX_VARIANTS);
        let parts: Option<Vec<Expression>> =
            chunks.map(|patterns| self.subsignature(Subsignature::Patterns(patterns.to_vec()))).collect();
        let expression = balanced(parts?, Expression::Or)?;
        self.known.insert(id, expression.clone());
        Some(expression)
    }

    fn subsignature(&mut self, subsignature: Subsignature) -> Option<Expression> {
        let number = self.subsignatures.len();
        if number >= MAX_SUBSIGNATURES {
            return None;
        }
        self.subsignatures.push(subsignature);
        u8::try_from(number).ok().map(Expression::Pattern)
    }
}

/// The parts in pairs of pairs, so that many do not nest deeply.
fn balanced(
    mut parts: Vec<Expression>,
    pair: fn(Box<Expression>, Box<Expression>) -> Expression,
) -> Option<Expression> {
    while parts.len() > 1 {
        let mut rest = parts.into_iter();
        let mut next = Vec::new();
        while let Some(left) = rest.next() {
            next.push(match rest.next() {
                Some(right) => pair(Box::new(left), Box::new(right)),
                None => left,
            });
        }
        parts = next;
    }
    parts.pop()
}
