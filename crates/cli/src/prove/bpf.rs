//! What a filter of system calls lets through, found by following every path through its instructions.
//!
//! A filter is a program without loops over the number of a call, its architecture and its arguments. Number and
//! architecture are given here, arguments are not: where the program compares one, both ways are followed and the
//! condition is noted. So nothing that gets through can be missed; a condition that can never hold may be listed.

use std::fmt;

use candor_jail::Instruction;

/// Most paths through the filters for one call.
const MOST_PATHS: usize = 10_000;
/// What of a filter's answer is the action (`SECCOMP_RET_ACTION_FULL`).
const ACTION: u32 = 0xffff_0000;
/// The answer that lets a call through.
const ALLOW: u32 = 0x7fff_0000;
/// The answer that lets a call fail; the error is in the lower half.
const ERRNO: u32 = 0x0005_0000;

/// Half an argument: filters compute with 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    argument: u8,
    half: Half,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    Low,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    Greater,
    GreaterOrEqual,
    AnyBit,
}

/// What must hold of an argument on a path: a test of some of its bits, or its contrary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Condition {
    word: Word,
    mask: u32,
    test: Test,
    value: u32,
    met: Met,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Yes,
    No,
}

/// What happens to a call when some conditions hold.
#[derive(Clone, Debug)]
pub(super) struct Path {
    answer: u32,
    conditions: Vec<Condition>,
}

/// What the accumulator holds.
#[derive(Clone, Copy, Debug)]
enum Value {
    Known(u32),
    Argument(Word, u32),
    Unknown,
}

/// What the filters do with a call. All filters are asked, and the strictest answer holds.
///
/// # Errors
/// When a filter has an instruction that is not known here, or too many paths.
pub(super) fn paths(
    filters: &[Vec<Instruction>],
    architecture: u32,
    number: u32,
) -> anyhow::Result<Vec<Path>> {
    let mut together = vec![Path { answer: ALLOW, conditions: Vec::new() }];
    for filter in filters {
        let mut next = Vec::new();
        for path in &together {
            follow(filter, architecture, number, path, &mut next)?;
            anyhow::ensure!(next.len() <= MOST_PATHS, "the filter has too many paths");
        }
        together = next;
    }
    Ok(together)
}

/// Follows one filter under the conditions of a path through those before it.
fn follow(
    filter: &[Instruction],
    architecture: u32,
    number: u32,
    before: &Path,
    ends: &mut Vec<Path>,
) -> anyhow::Result<()> {
    let mut open = vec![(0_usize, Value::Unknown, before.conditions.clone())];
    while let Some((at, value, conditions)) = open.pop() {
        anyhow::ensure!(open.len() + ends.len() <= MOST_PATHS, "the filter has too many paths");
        let Some(instruction) = filter.get(at) else {
            anyhow::bail!("the filter jumps out of itself");
        };
        let Instruction { code, met, unmet, constant } = *instruction;
        let next = at + 1;
        match code {
            // BPF_LD | BPF_W | BPF_ABS
            0x20 => open.push((next, load(constant, architecture, number), conditions)),
            // BPF_LD | BPF_IMM
            0x00 => open.push((next, Value::Known(constant), conditions)),
            // BPF_ALU | BPF_AND | BPF_K
            0x54 => {
                let value = match value {
                    Value::Known(known) => Value::Known(known & constant),
                    Value::Argument(word, mask) => Value::Argument(word, mask & constant),
                    Value::Unknown => Value::Unknown,
                };
                open.push((next, value, conditions));
            }
            // BPF_JMP | BPF_JA
            0x05 => open.push((next + constant as usize, value, conditions)),
            // BPF_JMP with BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, and BPF_K
            0x15 | 0x25 | 0x35 | 0x45 => {
                let test = match code {
                    0x15 => Test::Equal,
                    0x25 => Test::Greater,
                    0x35 => Test::GreaterOrEqual,
                    _ => Test::AnyBit,
                };
                for (outcome, skip) in [(Met::Yes, met), (Met::No, unmet)] {
                    let target = next + usize::from(skip);
                    match value {
                        Value::Known(known) if holds(test, known, constant) != outcome => {}
                        Value::Argument(word, mask) => {
                            let condition = Condition { word, mask, test, value: constant, met: outcome };
                            if conditions.iter().all(|other| can_both_hold(*other, condition)) {
                                let mut conditions = conditions.clone();
                                if !conditions.contains(&condition) {
                                    conditions.push(condition);
                                }
                                open.push((target, value, conditions));
                            }
                        }
                        _ => open.push((target, value, conditions.clone())),
                    }
                }
            }
            // BPF_RET | BPF_K
            0x06 => ends.push(Path { answer: stricter(before.answer, constant), conditions }),
            _ => anyhow::bail!("the filter has an instruction that is not known here ({code:#x})"),
        }
    }
    Ok(())
}

/// What lies at a place of `struct seccomp_data`.
fn load(place: u32, architecture: u32, number: u32) -> Value {
    match place {
        0 => Value::Known(number),
        4 => Value::Known(architecture),
        16..=60 if place.is_multiple_of(4) => {
            let half = if place.is_multiple_of(8) { Half::Low } else { Half::High };
            // At most 5, by the range above.
            let argument = u8::try_from((place - 16) / 8).unwrap_or(u8::MAX);
            Value::Argument(Word { argument, half }, u32::MAX)
        }
        // Where in the program the call is made.
        _ => Value::Unknown,
    }
}

fn holds(test: Test, left: u32, right: u32) -> Met {
    let holds = match test {
        Test::Equal => left == right,
        Test::Greater => left > right,
        Test::GreaterOrEqual => left >= right,
        Test::AnyBit => left & right != 0,
    };
    if holds { Met::Yes } else { Met::No }
}

/// The kernel takes the answer that is lowest as a signed number (`seccomp_run_filters`).
fn stricter(one: u32, other: u32) -> u32 {
    let rank = |answer: u32| (answer & ACTION).cast_signed();
    if rank(other) < rank(one) { other } else { one }
}

impl Condition {
    fn admits(self, word: u32) -> bool {
        holds(self.test, word & self.mask, self.value) == self.met
    }

    /// The only value that the word may have, if it is only one.
    fn exactly(self) -> Option<u32> {
        (self.test == Test::Equal && self.met == Met::Yes && self.mask == u32::MAX).then_some(self.value)
    }
}

/// Whether two conditions do not contradict each other, as far as that is easily seen.
fn can_both_hold(one: Condition, other: Condition) -> bool {
    if one.word != other.word {
        return true;
    }
    match (one.exactly(), other.exactly()) {
        (Some(value), _) => other.admits(value),
        (_, Some(value)) => one.admits(value),
        _ => {
            let same = (one.mask, one.test, one.value) == (other.mask, other.test, other.value);
            !same || one.met == other.met
        }
    }
}

impl Path {
    /// Whether the call is made.
    pub(super) fn is_allowed(&self) -> bool {
        self.answer & ACTION == ALLOW
    }

    /// The error with which the call fails without being made.
    pub(super) fn error(&self) -> Option<i32> {
        (self.answer & ACTION == ERRNO).then_some((self.answer & !ACTION).cast_signed())
    }

    /// Whether an argument may have this value on this path.
    pub(super) fn admits(&self, argument: u8, value: u64) -> bool {
        self.conditions.iter().filter(|condition| condition.word.argument == argument).all(|condition| {
            let word = match condition.word.half {
                Half::Low => value & u64::from(u32::MAX),
                Half::High => value >> 32,
            };
            u32::try_from(word).is_ok_and(|word| condition.admits(word))
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact =
            |word: Word| self.conditions.iter().find_map(|one| one.exactly().filter(|_| one.word == word));
        let mut texts: Vec<(Word, String)> = Vec::new();
        for condition in &self.conditions {
            let Condition { word, mask, test, value, met } = *condition;
            // What is known exactly needs no further word, and a high half of zero is what one expects.
            if exact(word).is_some_and(|_| condition.exactly().is_none()) {
                continue;
            }
            let high_is_zero = test == Test::Equal && met == Met::Yes && value == 0 && mask == u32::MAX;
            if word.half == Half::High && high_is_zero {
                continue;
            }
            let sign = match (test, met) {
                (Test::Equal, Met::Yes) => "=",
                (Test::Equal, Met::No) => "≠",
                (Test::Greater, Met::Yes) => ">",
                (Test::Greater, Met::No) => "≤",
                (Test::GreaterOrEqual, Met::Yes) => "≥",
                (Test::GreaterOrEqual, Met::No) => "<",
                (Test::AnyBit, Met::Yes) => "has a bit of",
                (Test::AnyBit, Met::No) => "has no bit of",
            };
            let half = if word.half == Half::High { " (upper half)" } else { "" };
            let name = format!("argument {}{half}", word.argument + 1);
            let text = match mask {
                u32::MAX => format!("{name} {sign} {value}"),
                _ if test == Test::Equal && met == Met::Yes && value == 0 => {
                    format!("{name} has no bits but {:#x}", !mask)
                }
                _ => format!("{name} {sign} {value:#x}, whatever {:#x} is", !mask),
            };
            texts.push((word, text));
        }
        texts.sort();
        texts.dedup();
        let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        if texts.is_empty() { f.write_str("any arguments") } else { f.write_str(&texts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILL: u32 = 0x8000_0000;

    fn instruction(code: u16, met: u8, unmet: u8, constant: u32) -> Instruction {
        Instruction { code, met, unmet, constant }
    }

    /// Architecture 9; call 1 for the first argument 3 in 64 bits, call 2 without the bit 4 in the third.
    fn filter() -> Vec<Instruction> {
        vec![
            instruction(0x20, 0, 0, 4),
            instruction(0x15, 0, 11, 9),
            instruction(0x20, 0, 0, 0),
            instruction(0x15, 0, 4, 1),
            instruction(0x20, 0, 0, 20),
            instruction(0x15, 0, 7, 0),
            instruction(0x20, 0, 0, 16),
            instruction(0x15, 4, 5, 3),
            instruction(0x15, 0, 4, 2),
            instruction(0x20, 0, 0, 32),
            instruction(0x54, 0, 0, 4),
            instruction(0x15, 0, 1, 0),
            instruction(0x06, 0, 0, ALLOW),
            instruction(0x06, 0, 0, KILL),
        ]
    }

    fn allowed(filters: &[Vec<Instruction>], architecture: u32, number: u32) -> Vec<String> {
        let paths = paths(filters, architecture, number).unwrap();
        paths.iter().filter(|path| path.is_allowed()).map(ToString::to_string).collect()
    }

    #[test]
    fn conditions_are_found() {
        assert_eq!(allowed(&[filter()], 9, 1), ["argument 1 = 3"]);
        assert_eq!(allowed(&[filter()], 9, 2), ["argument 3 has no bits but 0xfffffffb"]);
        let paths = paths(&[filter()], 9, 2).unwrap();
        let path = paths.iter().find(|path| path.is_allowed()).unwrap();
        assert!(path.admits(2, 3) && !path.admits(2, 4) && !path.admits(2, 7));
    }

    #[test]
    fn other_numbers_and_architectures_are_not_let_through() {
        assert!(allowed(&[filter()], 9, 3).is_empty());
        assert!(allowed(&[filter()], 8, 1).is_empty());
    }

    #[test]
    fn the_strictest_filter_decides() {
        let error = vec![instruction(0x06, 0, 0, ERRNO | 9)];
        assert!(allowed(&[filter(), error.clone()], 9, 1).is_empty());
        let paths = paths(&[error, filter()], 9, 1).unwrap();
        assert_eq!(paths.iter().find_map(Path::error), Some(9));
    }

    #[test]
    fn a_filter_that_is_not_understood_proves_nothing() {
        assert!(paths(&[vec![instruction(0x07, 0, 0, 0)]], 9, 1).is_err());
        assert!(paths(&[vec![instruction(0x05, 0, 0, 7)]], 9, 1).is_err());
    }
}
