//! How the elements of a group are encoded, and how they are run against content.
//!
//! A program is a row of steps. Most have one position at a time; from the first variable gap or choice on, a
//! set of possible positions is carried along, so no input makes the work grow faster than the gaps allow.

use memchr::memmem;

use super::model::{Boundary, Element};
use super::view::View;

const LITERAL: u8 = 1;
const MASKED: u8 = 2;
const SKIP: u8 = 3;
const GAP: u8 = 4;
const BOUNDARY: u8 = 5;
const NOT_BOUNDARY: u8 = 6;
const CHOICE: u8 = 7;
const NOT_CHOICE: u8 = 8;

/// Most positions that are carried along. Stops a gap of megabytes before a common byte from taking memory;
/// the first positions are kept, which are those that later groups need.
const MAX_SPANS: usize = 4096;
/// Deepest nesting of choices, as in ClamAV's grammar (15), with room.
pub(crate) const MAX_DEPTH: u32 = 20;

/// Appends the program of `elements`.
pub(crate) fn encode(elements: &[Element], out: &mut Vec<u8>) {
    let mut rest = elements;
    while let Some(first) = rest.first() {
        match first {
            Element::Byte { .. } => {
                let run: Vec<(u8, u8)> = rest
                    .iter()
                    .take(usize::from(u16::MAX))
                    .map_while(|element| match element {
                        Element::Byte { value, mask } => Some((*value, *mask)),
                        _ => None,
                    })
                    .collect();
                let masked = run.iter().any(|(_, mask)| *mask != 0xff);
                out.push(if masked { MASKED } else { LITERAL });
                out.extend_from_slice(&u16::try_from(run.len()).unwrap_or(u16::MAX).to_le_bytes());
                if masked {
                    out.extend(run.iter().map(|(_, mask)| mask));
                }
                out.extend(run.iter().map(|(value, _)| value));
                rest = rest.get(run.len()..).unwrap_or_default();
                continue;
            }
            Element::Skip { min, max } if min == max => {
                out.push(SKIP);
                out.extend_from_slice(&min.to_le_bytes());
            }
            Element::Skip { min, max } => {
                out.push(GAP);
                out.extend_from_slice(&min.to_le_bytes());
                out.extend_from_slice(&max.to_le_bytes());
            }
            Element::Boundary(kind) => out.extend_from_slice(&[BOUNDARY, *kind as u8]),
            Element::NotBoundary(kind) => out.extend_from_slice(&[NOT_BOUNDARY, *kind as u8]),
            Element::Choice(branches) => encode_branches(CHOICE, branches, 0, out),
            Element::NotChoice(branches) => encode_branches(NOT_CHOICE, branches, first.width().0, out),
        }
        rest = rest.get(1..).unwrap_or_default();
    }
}

fn encode_branches(step: u8, branches: &[Vec<Element>], width: u32, out: &mut Vec<u8>) {
    let mut programs = Vec::new();
    for branch in branches {
        let mut program = Vec::new();
        encode(branch, &mut program);
        programs.extend_from_slice(&length_bytes(&program));
        programs.extend_from_slice(&program);
    }
    out.push(step);
    out.extend_from_slice(&width.to_le_bytes());
    out.extend_from_slice(&length_bytes(&programs));
    out.extend_from_slice(&programs);
}

/// The length of a program, which is far below 4 GiB since a pattern is.
fn length_bytes(program: &[u8]) -> [u8; 4] {
    u32::try_from(program.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads steps; nothing at the end and where the program is damaged.
#[derive(Clone, Copy)]
struct Steps<'p>(&'p [u8]);

enum Step<'p> {
    Literal(&'p [u8]),
    Masked { masks: &'p [u8], values: &'p [u8] },
    Skip(u32),
    Gap { min: u32, max: u32 },
    Boundary(Boundary),
    NotBoundary(Boundary),
    Choice(Steps<'p>),
    NotChoice { width: u32, branches: Steps<'p> },
}

impl<'p> Steps<'p> {
    fn take(&mut self, count: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<usize> {
        Some(usize::from(u16::from_le_bytes(self.take(2)?.try_into().ok()?)))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn branch(&mut self) -> Option<Self> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length).map(Self)
    }

    fn boundary(&mut self) -> Option<Boundary> {
        Some(match self.byte()? {
            0 => Boundary::WordStart,
            1 => Boundary::WordEnd,
            2 => Boundary::Line,
            _ => Boundary::NotAlphanumeric,
        })
    }

    #[inline]
    fn next(&mut self) -> Option<Step<'p>> {
        Some(match self.byte()? {
            LITERAL => {
                let count = self.u16()?;
                Step::Literal(self.take(count)?)
            }
            MASKED => {
                let count = self.u16()?;
                Step::Masked { masks: self.take(count)?, values: self.take(count)? }
            }
            SKIP => Step::Skip(self.u32()?),
            GAP => Step::Gap { min: self.u32()?, max: self.u32()? },
            BOUNDARY => Step::Boundary(self.boundary()?),
            NOT_BOUNDARY => Step::NotBoundary(self.boundary()?),
            CHOICE => {
                self.u32()?;
                Step::Choice(self.branch()?)
            }
            NOT_CHOICE => Step::NotChoice { width: self.u32()?, branches: self.branch()? },
            _ => return None,
        })
    }
}

/// Runs a program against the content at `start`; the smallest end of a match, if there is one.
pub(crate) fn run(program: &[u8], view: &mut View<'_>, start: u64) -> Option<u64> {
    let mut steps = Steps(program);
    let mut position = start;
    loop {
        if steps.0.is_empty() {
            return Some(position);
        }
        let before = steps;
        match steps.next()? {
            Step::Literal(literal) => {
                if view.bytes(position, literal.len())? != literal {
                    return None;
                }
                position = position.checked_add(literal.len() as u64)?;
            }
            Step::Masked { masks, values } => {
                if !matches_masked(view.bytes(position, values.len())?, masks, values) {
                    return None;
                }
                position = position.checked_add(values.len() as u64)?;
            }
            Step::Skip(count) => {
                position = position.checked_add(u64::from(count)).filter(|end| *end <= view.size())?;
            }
            // From here on a set of positions is needed.
            _ => {
                let mut spans = vec![Span { low: position, high: position }];
                run_spans(before, view, &mut spans, MAX_DEPTH);
                return spans.iter().map(|span| span.low).min();
            }
        }
    }
}

/// Whether a match that begins later may end earlier: branches need not have one length.
pub(crate) fn may_end_earlier(program: &[u8]) -> bool {
    let mut steps = Steps(program);
    std::iter::from_fn(|| steps.next()).any(|step| matches!(step, Step::Choice(_)))
}

/// Positions from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    low: u64,
    high: u64,
}

fn run_spans(mut steps: Steps<'_>, view: &mut View<'_>, spans: &mut Vec<Span>, depth: u32) {
    while !steps.0.is_empty() && !spans.is_empty() {
        let Some(step) = steps.next() else {
            spans.clear();
            return;
        };
        let size = view.size();
        let from = std::mem::take(spans);
        match step {
            Step::Skip(count) => {
                spans.extend(from.iter().filter_map(|span| shifted(*span, count, count, size)))
            }
            Step::Gap { min, max } => {
                for span in from.iter().filter_map(|span| shifted(*span, min, max, size)) {
                    match spans.last_mut() {
                        Some(last) if span.low <= last.high.saturating_add(1) && span.low >= last.low => {
                            last.high = last.high.max(span.high);
                        }
                        _ => spans.push(span),
                    }
                }
            }
            Step::Literal(literal) => each_literal(&from, literal, view, spans),
            step => each_position(&from, &step, view, spans, depth),
        }
        spans.sort_unstable_by_key(|span| (span.low, span.high));
        spans.dedup();
        spans.truncate(MAX_SPANS);
    }
}

fn shifted(span: Span, min: u32, max: u32, size: u64) -> Option<Span> {
    let low = span.low.checked_add(u64::from(min)).filter(|low| *low <= size)?;
    Some(Span { low, high: span.high.saturating_add(u64::from(max)).min(size) })
}

/// Finds a literal at every position of the spans.
fn each_literal(from: &[Span], literal: &[u8], view: &mut View<'_>, spans: &mut Vec<Span>) {
    /// Bytes that are searched between two looks at the clock.
    const CHUNK: u64 = 1 << 16;
    let length = literal.len() as u64;
    let finder = memmem::Finder::new(literal);
    for span in from {
        let mut low = span.low;
        while low <= span.high && low < view.size() && spans.len() < MAX_SPANS {
            let count = span.high.saturating_sub(low).saturating_add(1).min(CHUNK);
            let left = view.size().saturating_sub(low);
            let want = count.saturating_add(length).saturating_sub(1).min(left);
            if !view.step(want as u32) {
                return;
            }
            let Some(bytes) = view.bytes(low, want as usize) else {
                return;
            };
            // Places may overlap, and only the later one may lead to a match.
            let mut next = 0_usize;
            while let Some(place) = bytes.get(next..).and_then(|rest| finder.find(rest)) {
                if spans.len() >= MAX_SPANS {
                    return;
                }
                let place = next.saturating_add(place);
                spans.push(point(low.saturating_add(place as u64).saturating_add(length)));
                next = place.saturating_add(1);
            }
            low = low.saturating_add(count);
        }
    }
}

fn point(position: u64) -> Span {
    Span { low: position, high: position }
}

/// Tries a step at every position of the spans.
fn each_position(from: &[Span], step: &Step<'_>, view: &mut View<'_>, spans: &mut Vec<Span>, depth: u32) {
    for span in from {
        for position in span.low..=span.high {
            if spans.len() >= MAX_SPANS || !view.step(1) {
                return;
            }
            one_position(step, view, position, spans, depth);
        }
    }
}

fn one_position(step: &Step<'_>, view: &mut View<'_>, position: u64, spans: &mut Vec<Span>, depth: u32) {
    match step {
        Step::Masked { masks, values } => {
            if view.bytes(position, values.len()).is_some_and(|bytes| matches_masked(bytes, masks, values)) {
                spans.push(point(position.saturating_add(values.len() as u64)));
            }
        }
        Step::Boundary(kind) => {
            if position == 0 || position == view.size() {
                spans.push(point(position));
            }
            match view.byte(position) {
                Some(byte) if kind.takes(byte) => spans.push(point(position.saturating_add(1))),
                Some(b'\r')
                    if *kind == Boundary::Line && view.byte(position.saturating_add(1)) == Some(b'\n') =>
                {
                    spans.push(point(position.saturating_add(2)));
                }
                _ => {}
            }
        }
        Step::NotBoundary(kind) => {
            if view.byte(position).is_some_and(|byte| !kind.takes(byte)) {
                spans.push(point(position.saturating_add(1)));
            }
        }
        Step::Choice(branches) => each_branch(*branches, view, position, spans, depth),
        Step::NotChoice { width, branches } => {
            let mut ends = Vec::new();
            each_branch(*branches, view, position, &mut ends, depth);
            let end = position.saturating_add(u64::from(*width));
            if ends.is_empty() && end <= view.size() {
                spans.push(point(end));
            }
        }
        // Spans are carried through these steps without looking at single positions.
        Step::Literal(_) | Step::Skip(_) | Step::Gap { .. } => {}
    }
}

fn each_branch(
    mut branches: Steps<'_>,
    view: &mut View<'_>,
    position: u64,
    spans: &mut Vec<Span>,
    depth: u32,
) {
    let Some(depth) = depth.checked_sub(1) else { return };
    while let Some(branch) = branches.branch() {
        let mut ends = vec![point(position)];
        run_spans(branch, view, &mut ends, depth);
        spans.extend(ends);
    }
}

/// Whether the bytes have the values where the masks count.
#[inline]
fn matches_masked(bytes: &[u8], masks: &[u8], values: &[u8]) -> bool {
    bytes.len() == values.len()
        && bytes.iter().zip(masks).zip(values).all(|((byte, mask), value)| byte & mask == *value)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use candor_object::Content;

    use super::*;

    fn end(elements: &[Element], content: &[u8], start: u64) -> Option<u64> {
        let mut program = Vec::new();
        encode(elements, &mut program);
        let content = Content::from_vec(content.to_vec());
        let mut view = View::new(&content, Instant::now() + Duration::from_secs(60));
        run(&program, &mut view, start)
    }

    fn text(literal: &str) -> Vec<Element> {
        literal.bytes().map(Element::literal).collect()
    }

    fn row(parts: &[&[Element]]) -> Vec<Element> {
        parts.concat()
    }

    #[test]
    fn literals_masks_and_skips() {
        assert_eq!(end(&text("abc"), b"xabc", 1), Some(4));
        assert_eq!(end(&text("abc"), b"xab", 1), None);
        let nibble = [Element::Byte { value: 0x60, mask: 0xf0 }, Element::either_case(b'Q')];
        assert_eq!(end(&nibble, b"aq", 0), Some(2));
        assert_eq!(end(&nibble, b"qa", 0), None);
        let skip = row(&[&text("a"), &[Element::Skip { min: 2, max: 2 }], &text("b")]);
        assert_eq!(end(&skip, b"a..b", 0), Some(4));
        assert_eq!(end(&skip, b"a.b.", 0), None);
        assert_eq!(end(&[Element::Skip { min: 3, max: 3 }], b"ab", 0), None);
    }

    #[test]
    fn gaps_find_the_nearest_end_and_try_all_ways() {
        let gap = Element::Skip { min: 1, max: 6 };
        let once = row(&[&text("a"), std::slice::from_ref(&gap), &text("bc")]);
        assert_eq!(end(&once, b"a.bc.bc", 0), Some(4));
        assert_eq!(end(&once, b"abc", 0), None);
        // The first "b" is a dead end: only the second has "c" after two bytes.
        let twice = row(&[&once[..2], &text("b"), &[Element::Skip { min: 2, max: 2 }], &text("c")]);
        assert_eq!(end(&twice, b"a.b.xb..c", 0), Some(9));
    }

    #[test]
    fn choices_and_their_negation() {
        let choice = Element::Choice(vec![text("llo"), text("z")]);
        assert_eq!(
            end(&row(&[&text("he"), std::slice::from_ref(&choice), &text("!")]), b"hello!", 0),
            Some(6)
        );
        assert_eq!(end(&row(&[&text("he"), &[choice], &text("!")]), b"hez!", 0), Some(4));
        let not = Element::NotChoice(vec![text("ab"), text("cd")]);
        assert_eq!(end(std::slice::from_ref(&not), b"ax", 0), Some(2));
        assert_eq!(end(std::slice::from_ref(&not), b"cd", 0), None);
        assert_eq!(end(&[not], b"a", 0), None);
    }

    #[test]
    fn boundaries_take_a_byte_or_the_rim() {
        let word = row(&[
            &[Element::Boundary(Boundary::WordStart)],
            &text("hi"),
            &[Element::Boundary(Boundary::WordEnd)],
        ]);
        assert_eq!(end(&word, b"hi", 0), Some(2));
        assert_eq!(end(&word, b".hi=", 0), Some(4));
        assert_eq!(end(&word, b"xhi=", 0), None);
        assert_eq!(end(&row(&[&text("a"), &[Element::Boundary(Boundary::Line)]]), b"a\r\n", 0), Some(3));
        assert_eq!(end(&[Element::NotBoundary(Boundary::NotAlphanumeric)], b"a", 0), Some(1));
        assert_eq!(end(&[Element::NotBoundary(Boundary::NotAlphanumeric)], b"", 0), None);
    }

    #[test]
    fn a_damaged_program_matches_nothing() {
        let content = Content::from_vec(b"aaaa".to_vec());
        let mut view = View::new(&content, Instant::now() + Duration::from_secs(60));
        for program in [&[LITERAL, 9, 0][..], &[200], &[GAP, 1], &[CHOICE, 0, 0, 0, 0, 255, 255, 255, 255]] {
            assert_eq!(run(program, &mut view, 0), None);
        }
    }
}
