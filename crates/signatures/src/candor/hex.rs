//! Patterns in hex digits, with the wildcards of ClamAV's language: `4d 5a ?? a? {4} {2-8} * (aa|bbcc) !(aa|bb)`.
//!
//! White space between the digits is for the reader. `*` is any number of bytes and `{n-}` is `n` or more.

use candor_detect::pattern::{Element, Group};

use super::pattern::MAX_GAP;

/// Most branches of a choice.
const MAX_BRANCHES: usize = 256;

/// The groups of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Group>, String> {
    let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let mut rest = bytes.as_slice();
    let mut groups = Vec::new();
    let mut group = Group::default();
    while let Some(byte) = rest.first().copied() {
        match byte {
            b'*' => {
                rest = rest.get(1..).unwrap_or_default();
                end_group(&mut groups, &mut group, 0)?;
            }
            b'{' => match gap(&mut rest)? {
                (min, Some(max)) => group.elements.push(Element::Skip { min, max }),
                (min, None) => end_group(&mut groups, &mut group, min)?,
            },
            b'(' | b'!' => group.elements.push(choice(&mut rest)?),
            _ => group.elements.push(digits(&mut rest)?),
        }
    }
    end_group(&mut groups, &mut group, 0)?;
    Ok(groups)
}

/// Puts the group to the others and begins one that follows after at least `gap` bytes.
fn end_group(groups: &mut Vec<Group>, group: &mut Group, gap: u32) -> Result<(), String> {
    // A group without a byte of its own would match everywhere; and a gap at a rim says nothing.
    let matches_something = |element: &Element| !matches!(element, Element::Skip { .. });
    let rims = [group.elements.first(), group.elements.last()];
    if !rims.into_iter().all(|element| element.is_some_and(matches_something)) {
        return Err("a gap or a wildcard is at the rim, or beside *".to_owned());
    }
    groups.push(std::mem::replace(group, Group { gap, elements: Vec::new() }));
    Ok(())
}

/// Two digits, each of which may be `?`.
fn digits(rest: &mut &[u8]) -> Result<Element, String> {
    let (Some([high, low]), Some(after)) = (rest.first_chunk::<2>(), rest.get(2..)) else {
        return Err("the number of hex digits is odd".to_owned());
    };
    let nibble = |byte: u8| match byte {
        b'?' => Ok((0, 0)),
        _ => match char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => Ok((digit, 0xf_u8)),
            None => Err(format!("{:?} is no hex digit", char::from(byte))),
        },
    };
    let ((high, high_mask), (low, low_mask)) = (nibble(*high)?, nibble(*low)?);
    *rest = after;
    Ok(match (high_mask, low_mask) {
        (0, 0) => Element::Skip { min: 1, max: 1 },
        _ => Element::Byte { value: high << 4 | low, mask: high_mask << 4 | low_mask },
    })
}

/// `{n}`, `{n-m}`, `{-m}` or `{n-}`.
fn gap(rest: &mut &[u8]) -> Result<(u32, Option<u32>), String> {
    let end = rest.iter().position(|byte| *byte == b'}').ok_or("a gap has no }")?;
    let inner = rest.get(1..end).and_then(|inner| str::from_utf8(inner).ok()).unwrap_or_default();
    let number = |text: &str| {
        let number = text.parse().ok().filter(|number| *number <= MAX_GAP);
        number.ok_or_else(|| format!("the gap {{{inner}}} has no numbers up to {MAX_GAP}"))
    };
    let (min, max) = match inner.split_once('-') {
        None => (number(inner)?, Some(number(inner)?)),
        Some(("", max)) => (0, Some(number(max)?)),
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    if max.is_some_and(|max| max < min) {
        return Err(format!("the gap {{{inner}}} runs backwards"));
    }
    *rest = rest.get(end..).and_then(|rest| rest.get(1..)).unwrap_or_default();
    Ok((min, max))
}

/// `(aa|bbcc)` or `!(aa|bb)`.
fn choice(rest: &mut &[u8]) -> Result<Element, String> {
    let negated = rest.first() == Some(&b'!');
    let opened = rest.strip_prefix(b"!").unwrap_or(rest);
    let opened = opened.strip_prefix(b"(").ok_or("there is no ( after !")?;
    let end = opened.iter().position(|byte| *byte == b')').ok_or("a choice has no )")?;
    let (inside, after) = opened.split_at_checked(end).unwrap_or_default();
    let mut branches = Vec::new();
    for mut branch in inside.split(|byte| *byte == b'|') {
        let mut elements = Vec::new();
        while !branch.is_empty() {
            elements.push(digits(&mut branch)?);
        }
        if elements.is_empty() {
            return Err("a branch of a choice is empty".to_owned());
        }
        branches.push(elements);
    }
    if branches.len() > MAX_BRANCHES {
        return Err(format!("a choice has more than {MAX_BRANCHES} branches"));
    }
    let length = branches.first().map(Vec::len);
    if negated && branches.iter().any(|branch| Some(branch.len()) != length) {
        return Err("the branches after ! are of different lengths".to_owned());
    }
    *rest = after.get(1..).unwrap_or_default();
    Ok(if negated { Element::NotChoice(branches) } else { Element::Choice(branches) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_wildcards_and_gaps() {
        let groups = parse("4D 5a??a? {2-8}00 {4-} ?b*(aa|bbcc) !(0a|0d)").unwrap();
        let elements: Vec<usize> = groups.iter().map(|group| group.elements.len()).collect();
        assert_eq!(elements, [6, 1, 2]);
        assert_eq!(groups[1].gap, 4);
        assert_eq!(groups[0].elements[3], Element::Byte { value: 0xa0, mask: 0xf0 });
        assert_eq!(groups[0].elements[4], Element::Skip { min: 2, max: 8 });
        assert_eq!(groups[1].elements[0], Element::Byte { value: 0x0b, mask: 0x0f });
        assert_eq!(parse("00{-3}00").unwrap()[0].elements[1], Element::Skip { min: 0, max: 3 });
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, reason) in [
            ("", "rim"),
            ("4", "odd"),
            ("4g", "'g' is no hex digit"),
            ("00*", "rim"),
            ("??00", "rim"),
            ("00{3}", "rim"),
            ("00**00", "rim"),
            ("00{2", "no }"),
            ("00{4-2}00", "backwards"),
            ("00{x}00", "no numbers"),
            ("00{99999999}00", "no numbers"),
            ("00(", "no )"),
            ("00(|aa)", "empty"),
            ("00!aa", "no ( after !"),
            ("00!(aa|bbbb)", "different lengths"),
            ("00(aa|b)", "odd"),
            ("üü", "no hex digit"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
