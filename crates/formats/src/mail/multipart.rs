//! Splits the body of a multipart at its boundary.
//!
//! Specification: RFC 2046 section 5.1. A missing last boundary, parts after the last boundary and white space
//! behind a boundary are accepted; several boundaries are searched for at once, each in its own right.

use candor_object::{Content, Sink, Stop};

use super::header::field;
use super::lines::{Lines, is_blank};

/// What a region of a multipart's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Before the first boundary or after the last: shown by no reader, or by an old one.
    Outside,
    /// A part with a header block of its own.
    Part,
}

/// A region of a multipart's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Where it begins.
    pub(crate) start: u64,
    /// Where it ends.
    pub(crate) end: u64,
    /// What it is.
    pub(crate) kind: Kind,
}

/// The body split at one boundary.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// The regions in order; empty if the boundary does not occur.
    pub(crate) regions: Vec<Region>,
    /// Whether the last boundary was there.
    pub(crate) is_closed: bool,
    /// Where splitting stopped because there were too many parts; the last region goes on to the end.
    pub(crate) excess: Option<u64>,
}

/// Splits `body` at each of the boundaries, into `limit` parts at most.
pub(crate) fn split(
    body: &Content,
    boundaries: &[Vec<u8>],
    limit: usize,
    sink: &mut dyn Sink,
) -> Result<Vec<Split>, Stop> {
    let mut splits: Vec<(Split, Region)> = Vec::new();
    let outside = Region { start: 0, end: 0, kind: Kind::Outside };
    splits.resize_with(boundaries.len(), || (Split::default(), outside));
    let mut lines = Lines::new(body, 0);
    let mut last_end = 0;
    let mut count = 0_u32;
    while let Some(line) = lines.next()? {
        if let Some(rest) = line.text.strip_prefix(b"--") {
            for (boundary, (split, open)) in boundaries.iter().zip(&mut splits) {
                let Some(kind) = delimiter(rest, boundary) else {
                    continue;
                };
                if split.regions.len() >= limit {
                    split.excess.get_or_insert(line.start);
                    continue;
                }
                let end = last_end.max(open.start);
                split.regions.push(Region { end, ..*open });
                split.is_closed = kind == Kind::Outside;
                *open = Region { start: line.next, end: line.next, kind };
            }
        }
        last_end = line.end;
        count = count.wrapping_add(1);
        if count.is_multiple_of(1024) {
            sink.pulse()?;
        }
    }
    let close = |(mut split, open): (Split, Region)| {
        if !split.regions.is_empty() {
            split.regions.push(Region { end: body.size(), ..open });
        }
        split
    };
    Ok(splits.into_iter().map(close).collect())
}

/// What begins after the line `--` + `rest`, if the line is a boundary.
fn delimiter(rest: &[u8], boundary: &[u8]) -> Option<Kind> {
    let rest = rest.strip_prefix(boundary)?;
    if is_blank(rest) {
        return Some(Kind::Part);
    }
    rest.strip_prefix(b"--").is_some_and(is_blank).then_some(Kind::Outside)
}

/// The boundary of a body that declares none: the first line that begins like one and has a header behind it.
pub(crate) fn guess(body: &Content, sink: &mut dyn Sink) -> Result<Option<Vec<u8>>, Stop> {
    let mut lines = Lines::new(body, 0);
    let mut candidate: Option<Vec<u8>> = None;
    let mut count = 0_u32;
    while let Some(line) = lines.next()? {
        if let Some(found) = candidate.take()
            && (line.text.is_empty() || field(line.text).is_some())
        {
            return Ok(Some(found));
        }
        let name = line.text.strip_prefix(b"--").unwrap_or_default().trim_ascii_end();
        let is_armour = name.starts_with(b"---BEGIN ");
        // A line of dashes separates paragraphs, and two dashes and a space a signature.
        if !is_armour
            && name.iter().any(|byte| *byte != b'-')
            && name.len() <= super::parameters::MAX_BOUNDARY
        {
            candidate = Some(name.to_vec());
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(1024) {
            sink.pulse()?;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use candor_object::{Budget, Limits};

    use super::*;
    use crate::Collector;

    fn regions(text: &str, boundaries: &[&str]) -> Vec<Vec<String>> {
        let content = Content::from_vec(text.into());
        let boundaries: Vec<Vec<u8>> =
            boundaries.iter().map(|boundary| boundary.as_bytes().to_vec()).collect();
        let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
        let name = |region: &Region| {
            let range = usize::try_from(region.start).unwrap()..usize::try_from(region.end).unwrap();
            format!("{:?} {:?}", region.kind, &text[range])
        };
        let splits = split(&content, &boundaries, 5, &mut sink).unwrap();
        splits.iter().map(|split| split.regions.iter().map(name).collect()).collect()
    }

    #[test]
    fn splits_at_each_boundary() {
        let text = "pre\r\n--a \r\n1\r\n--ab\n2\n--a--\npost\n--a\n3";
        let found = regions(text, &["a", "ab", "c"]);
        let expected = [r#"Outside "pre""#, "Part \"1\\r\\n--ab\\n2\"", r#"Outside "post""#, r#"Part "3""#];
        assert_eq!(found[0], expected);
        assert_eq!(found[1].len(), 2);
        assert!(found[2].is_empty());
        assert_eq!(regions("--\nx\n----\n", &[""])[0], [r#"Outside """#, r#"Part "x""#, r#"Outside """#]);
        assert_eq!(regions("--a\n--a\n", &["a"])[0], [r#"Outside """#, r#"Part """#, r#"Part """#]);
        assert_eq!(regions(&"--a\nx\n".repeat(9), &["a"])[0].len(), 6);
    }

    #[test]
    fn guesses_a_boundary() {
        let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
        let mut guess = |text: &str| guess(&Content::from_vec(text.into()), &mut sink).unwrap();
        assert_eq!(guess("x\n-----\n\n-- \n\n--b\ntext\n--c \nA: b\n"), Some(b"c".to_vec()));
        assert_eq!(guess("-----BEGIN PGP MESSAGE-----\nVersion: 1\n"), None);
    }
}
