//! Expressions over the subsignatures of a signature: what they are, how they are encoded and evaluated.

use std::ops::Range;

/// Deepest nesting of an expression. Stops signatures made to exhaust the stack.
pub const MAX_EXPRESSION_DEPTH: u32 = 100;

/// When a signature is true.
///
/// ClamAV's meaning: a subsignature is true when it matches at all. A comparison looks at the number of
/// matches, summed over the members that are true; a member that is false counts nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A subsignature by number.
    Pattern(u8),
    /// Both are true.
    And(Box<Self>, Box<Self>),
    /// At least one is true.
    Or(Box<Self>, Box<Self>),
    /// The number of matches compares as asked.
    Counted(Box<Self>, Count),
}

/// What is asked of a number of matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How the number compares.
    pub comparison: Comparison,
    /// With what.
    pub number: u32,
    /// At least so many different subsignatures match.
    pub distinct: u32,
}

/// How a number of matches compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the number.
    Equal,
    /// It is more.
    More,
    /// It is less.
    Less,
}

impl Count {
    fn holds(self, value: Value) -> bool {
        let number = u64::from(self.number);
        let compares = match self.comparison {
            Comparison::Equal => value.sum == number,
            Comparison::More => value.sum > number,
            Comparison::Less => value.sum < number,
        };
        compares && value.members.count_ones() >= self.distinct
    }
}

/// What an expression knows of the subsignatures that it names.
pub(crate) trait Members {
    /// What looking for it costs.
    fn cost(&self, number: u8) -> u32;

    /// Subsignatures of patterns, at least one of which matches whenever this one does; it itself, if it is one.
    fn implied(&self, number: u8) -> Option<Vec<u8>>;
}

impl Expression {
    /// Subsignatures of patterns, at least one of which matches whenever the expression is true: the rarest such
    /// set. Nothing if the expression can be true when nothing matches.
    pub(crate) fn triggers(&self, members: &impl Members) -> Option<Vec<u8>> {
        let total =
            |set: &Vec<u8>| set.iter().fold(0_u32, |sum, number| sum.saturating_add(members.cost(*number)));
        match self {
            Self::Pattern(number) => members.implied(*number),
            Self::And(left, right) => match (left.triggers(members), right.triggers(members)) {
                (Some(left), Some(right)) => Some(if total(&left) <= total(&right) { left } else { right }),
                (one, other) => one.or(other),
            },
            Self::Or(left, right) => {
                let mut set = left.triggers(members)?;
                set.extend(right.triggers(members)?);
                set.sort_unstable();
                set.dedup();
                Some(set)
            }
            Self::Counted(inner, count) => {
                let zero = Value { truth: false, sum: 0, members: 0 };
                if count.holds(zero) {
                    return None;
                }
                let inner_set = inner.triggers(members)?;
                // Where m different members must match, all but m - 1 of them are enough to start from.
                let mut all = Vec::new();
                inner.members(&mut |number| all.push(number));
                all.sort_unstable();
                all.dedup();
                let mut sets: Vec<Vec<u8>> = match all.into_iter().map(|one| members.implied(one)).collect() {
                    Some(sets) => sets,
                    None => return Some(inner_set),
                };
                sets.sort_by_key(|set| (total(set), set.first().copied()));
                sets.truncate(sets.len().saturating_sub(count.distinct.saturating_sub(1) as usize));
                let mut set = sets.concat();
                set.sort_unstable_by_key(|number| (members.cost(*number), *number));
                set.dedup();
                Some(if set.is_empty() || total(&inner_set) <= total(&set) { inner_set } else { set })
            }
        }
    }

    /// Calls `visit` for every subsignature whose number of matches is asked for.
    pub(crate) fn counted(&self, visit: &mut impl FnMut(u8)) {
        match self {
            Self::Pattern(_) => {}
            Self::And(left, right) | Self::Or(left, right) => {
                left.counted(visit);
                right.counted(visit);
            }
            // Whoever asks how many members match, and not how often, needs one match of each. Those within may ask
            // more.
            Self::Counted(inner, Count { comparison: Comparison::More, number: 0, .. }) => {
                inner.counted(visit)
            }
            Self::Counted(inner, _) => inner.members(visit),
        }
    }

    /// Calls `visit` for every subsignature in it.
    pub fn members(&self, visit: &mut impl FnMut(u8)) {
        match self {
            Self::Pattern(number) => visit(*number),
            Self::And(left, right) | Self::Or(left, right) => {
                left.members(visit);
                right.members(visit);
            }
            Self::Counted(inner, _) => inner.members(visit),
        }
    }

    /// Appends the encoded expression. `patterns` tells the places of a subsignature's patterns among those of
    /// the signature, and what it costs to count it: of two sides the cheaper is evaluated first.
    pub(crate) fn encode(&self, patterns: &impl Fn(u8) -> (Range<u16>, u32), out: &mut Vec<u8>) {
        match self {
            Self::Pattern(number) => encode_variants(*number, patterns(*number).0, out),
            Self::And(left, right) | Self::Or(left, right) => {
                let dearest = |side: &Self| {
                    let mut most = 0;
                    side.members(&mut |number| most = most.max(patterns(number).1));
                    most
                };
                let (first, second) =
                    if dearest(left) <= dearest(right) { (left, right) } else { (right, left) };
                node(if matches!(self, Self::And(..)) { AND } else { OR }, out, |out| {
                    first.encode(patterns, out);
                    second.encode(patterns, out);
                });
            }
            Self::Counted(inner, count) => node(COUNTED, out, |out| {
                out.push(count.comparison as u8);
                out.extend_from_slice(&count.number.to_le_bytes());
                out.extend_from_slice(&count.distinct.to_le_bytes());
                inner.encode(patterns, out);
            }),
        }
    }
}

/// Appends the patterns of a subsignature as alternatives with one number: `p | (q | r)`.
fn encode_variants(number: u8, mut places: Range<u16>, out: &mut Vec<u8>) {
    let Some(place) = places.next() else { return node(NEVER, out, |_| {}) };
    let pattern = |out: &mut Vec<u8>| {
        out.push(number);
        out.extend_from_slice(&place.to_le_bytes());
    };
    if places.is_empty() {
        node(PATTERN, out, pattern);
    } else {
        node(OR, out, |out| {
            node(PATTERN, out, pattern);
            encode_variants(number, places, out);
        });
    }
}

/// Appends a node: its tag, the length of its body, the body.
fn node(tag: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    body(&mut inner);
    out.push(tag);
    out.extend_from_slice(&u32::try_from(inner.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.append(&mut inner);
}

const PATTERN: u8 = 1;
const AND: u8 = 2;
const OR: u8 = 3;
const COUNTED: u8 = 4;
/// What is not there matches never.
const NEVER: u8 = 5;

/// What an expression evaluates to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) truth: bool,
    sum: u64,
    members: u64,
}

/// Evaluates an encoded expression; `count` tells how often the pattern at a place matches. Nothing if it is damaged.
pub(crate) fn evaluate<E>(
    code: &[u8],
    depth: u32,
    count: &mut dyn FnMut(u16) -> Result<u32, E>,
) -> Result<Option<Value>, E> {
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(None);
    };
    let Some((tag, body, _)) = split(code) else {
        return Ok(None);
    };
    Ok(match tag {
        PATTERN => {
            let &[number @ 0..64, low, high] = body else {
                return Ok(None);
            };
            let matches = count(u16::from_le_bytes([low, high]))?;
            let members = if matches > 0 { 1_u64 << number } else { 0 };
            Some(Value { truth: matches > 0, sum: u64::from(matches), members })
        }
        AND | OR => {
            let Some((_, _, second)) = split(body) else {
                return Ok(None);
            };
            let Some(left) = evaluate(body, depth, count)? else {
                return Ok(None);
            };
            if tag == AND && !left.truth {
                return Ok(Some(Value::default()));
            }
            let Some(right) = evaluate(second, depth, count)? else {
                return Ok(None);
            };
            let both = Value {
                truth: true,
                sum: left.sum.saturating_add(right.sum),
                members: left.members | right.members,
            };
            Some(match (left.truth, right.truth) {
                (true, true) => both,
                (true, false) if tag == OR => left,
                (false, true) if tag == OR => right,
                _ => Value::default(),
            })
        }
        COUNTED => {
            let (Some(comparison), Some(number), Some(distinct), Some(inner)) =
                (body.first(), number_at(body, 1), number_at(body, 5), body.get(9..))
            else {
                return Ok(None);
            };
            let comparison = match comparison {
                0 => Comparison::Equal,
                1 => Comparison::More,
                _ => Comparison::Less,
            };
            let Some(inner) = evaluate(inner, depth, count)? else {
                return Ok(None);
            };
            let truth = Count { comparison, number, distinct }.holds(inner);
            Some(if truth { Value { truth, ..inner } } else { Value::default() })
        }
        NEVER => Some(Value::default()),
        _ => None,
    })
}

/// Calls `visit` with the number of each subsignature in encoded code, and with its place among the references.
pub(crate) fn places(code: &[u8], depth: u32, visit: &mut dyn FnMut(u8, u16)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let Some((tag, body, _)) = split(code) else { return };
    match (tag, body) {
        (PATTERN, &[number, low, high]) => visit(number, u16::from_le_bytes([low, high])),
        (AND | OR, body) => {
            places(body, depth, visit);
            if let Some((_, _, second)) = split(body) {
                places(second, depth, visit);
            }
        }
        (COUNTED, body) => places(body.get(9..).unwrap_or_default(), depth, visit),
        _ => {}
    }
}

/// Tag and body of a node, and what follows it.
fn split(code: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let tag = *code.first()?;
    let length = number_at(code, 1)? as usize;
    let (body, rest) = code.get(5..)?.split_at_checked(length)?;
    Some((tag, body, rest))
}

fn number_at(code: &[u8], at: usize) -> Option<u32> {
    code.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(number: u8) -> Box<Expression> {
        Box::new(Expression::Pattern(number))
    }

    fn and(left: Box<Expression>, right: Box<Expression>) -> Box<Expression> {
        Box::new(Expression::And(left, right))
    }

    fn or(left: Box<Expression>, right: Box<Expression>) -> Box<Expression> {
        Box::new(Expression::Or(left, right))
    }

    fn counted(
        inner: Box<Expression>,
        comparison: Comparison,
        number: u32,
        distinct: u32,
    ) -> Box<Expression> {
        Box::new(Expression::Counted(inner, Count { comparison, number, distinct }))
    }

    fn truth(expression: &Expression, counts: &[u32]) -> bool {
        let mut code = Vec::new();
        let place = u16::from;
        expression.encode(&|number| (place(number)..place(number) + 1, u32::from(number)), &mut code);
        let mut count = |number: u16| Ok::<_, ()>(counts.get(usize::from(number)).copied().unwrap_or(0));
        evaluate(&code, 100, &mut count).unwrap().unwrap().truth
    }

    #[test]
    fn blocks_sum_their_true_members() {
        let either = or(pattern(0), pattern(1));
        assert!(truth(&counted(either.clone(), Comparison::More, 1, 0), &[1, 3]));
        assert!(!truth(&counted(either.clone(), Comparison::More, 1, 2), &[3, 0]));
        assert!(truth(&counted(either.clone(), Comparison::Equal, 4, 0), &[1, 3]));
        assert!(!truth(&counted(either, Comparison::Less, 3, 0), &[1, 3]));
        // A block whose inside is false counts nothing.
        assert!(truth(&counted(and(pattern(0), pattern(1)), Comparison::Equal, 0, 0), &[5, 0]));
        let nested = or(and(pattern(0), pattern(1)), pattern(2));
        assert!(truth(&counted(nested, Comparison::More, 1, 0), &[1, 3, 0]));
    }

    #[test]
    fn zero_may_be_asked_for() {
        assert!(truth(&counted(pattern(0), Comparison::Less, 3, 0), &[0]));
        assert!(truth(&and(pattern(0), counted(pattern(1), Comparison::Equal, 0, 0)), &[1, 0]));
        assert!(!truth(&and(pattern(0), counted(pattern(1), Comparison::Equal, 0, 0)), &[1, 2]));
    }

    #[test]
    fn triggers_are_the_rarest_sufficient_set() {
        struct Costs;
        impl Members for Costs {
            fn cost(&self, number: u8) -> u32 {
                [50, 5, 30, 1][usize::from(number)]
            }

            fn implied(&self, number: u8) -> Option<Vec<u8>> {
                Some(vec![number])
            }
        }
        let cost = Costs;
        assert_eq!(and(pattern(0), pattern(1)).triggers(&cost), Some(vec![1]));
        assert_eq!(or(pattern(0), and(pattern(1), pattern(2))).triggers(&cost), Some(vec![0, 1]));
        let absent = counted(pattern(3), Comparison::Equal, 0, 0);
        assert_eq!(absent.triggers(&cost), None);
        assert_eq!(and(pattern(2), absent.clone()).triggers(&cost), Some(vec![2]));
        assert_eq!(or(pattern(2), absent).triggers(&cost), None);
        let two_of_three = counted(or(pattern(0), or(pattern(1), pattern(2))), Comparison::More, 1, 2);
        assert_eq!(two_of_three.triggers(&cost), Some(vec![1, 2]));
    }

    #[test]
    fn variants_count_as_one_member() {
        let twice = counted(pattern(0), Comparison::More, 1, 1);
        let mut code = Vec::new();
        twice.encode(&|_| (3..6, 0), &mut code);
        let value = |distinct: [u32; 6]| {
            let mut count = |place: u16| Ok::<_, ()>(distinct[usize::from(place)]);
            evaluate(&code, 100, &mut count).unwrap().unwrap()
        };
        assert_eq!(value([9, 9, 9, 1, 0, 0]), Value::default(), "{code:?}");
        let sum = value([0, 0, 0, 1, 0, 1]);
        assert!(sum.truth && sum.members == 1);
    }

    #[test]
    fn damaged_code_is_no_value() {
        let mut count = |_| Ok::<_, ()>(1);
        for code in [
            &[][..],
            &[AND, 1, 0, 0, 0, 9],
            &[PATTERN, 3, 0, 0, 0, 64, 0, 0],
            &[9, 0, 0, 0, 0],
            &[OR, 255, 255, 255, 255],
        ] {
            assert_eq!(evaluate(code, 100, &mut count), Ok(None));
        }
    }
}
