//! Patterns in hexadecimal, as `ndb` and `ldb` write them.
//!
//! ```text
//! pattern := part ( gap part )*
//! gap     := '*' | '{n}' | '{-n}' | '{n-}' | '{n-m}'
//! part    := ( HH | '??' | 'H?' | '?H' | choice | boundary | near )+   with two plain bytes in a row somewhere
//! choice  := ['!'] '(' pattern '|' pattern ... ')'      boundary := ['!'] '(B)' | '(L)' | '(W)'
//! near    := '[n-m]' beside a single byte, 0 <= n <= m <= 32
//! ```

use candor_detect::pattern::{Boundary, Element, Group};

use super::number;
use crate::Complaint;

/// Longest pattern in elements, and most bytes in a gap. Stops patterns that cost more than they find.
const MAX_ELEMENTS: usize = 32 << 10;
/// Deepest nesting of choices.
const MAX_DEPTH: u32 = 15;
/// Gaps of a fixed number of bytes below this are wildcards and do not split the pattern into parts.
const INLINE_GAP: u32 = 128;

/// How the bytes of a pattern are meant (`::` and letters, in logical signatures).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modifiers {
    /// `i`: letters of either case.
    pub(crate) nocase: bool,
    /// `w`: each byte followed by a zero byte.
    pub(crate) wide: bool,
    /// `a`: as written; beside `w`, both.
    pub(crate) ascii: bool,
    /// `f`: neither a letter nor a digit before and after.
    pub(crate) fullword: bool,
}

impl Modifiers {
    /// The modifiers that the letters name.
    pub(crate) fn parse(letters: &str) -> Result<Self, Complaint> {
        let mut modifiers = Self::default();
        for letter in letters.chars() {
            match letter {
                'i' => modifiers.nocase = true,
                'w' => modifiers.wide = true,
                'a' => modifiers.ascii = true,
                'f' => modifiers.fullword = true,
                _ => {
                    return Err(Complaint::malformed(format!(
                        "the modifier {letter:?} is none that we know"
                    )));
                }
            }
        }
        Ok(modifiers)
    }

    /// The same with `w` and without `a`, and without both: the two patterns that `wa` means.
    pub(crate) fn variants(self) -> Vec<Self> {
        let one = Self { ascii: false, ..self };
        if self.wide && self.ascii { vec![Self { wide: false, ..one }, one] } else { vec![one] }
    }
}

/// The groups of a pattern.
pub(crate) fn parse(text: &str, modifiers: Modifiers) -> Result<Vec<Group>, Complaint> {
    let mut reader =
        Reader { rest: text.as_bytes(), modifiers, elements: 0, depth: MAX_DEPTH, backwards: false };
    let mut groups = vec![Group::default()];
    let mut part = Vec::new();
    // Where in the part each `[n-m]` ends the piece before it.
    let mut pieces = Vec::new();
    loop {
        let gap = match reader.rest.first() {
            None => None,
            Some(b'*') => {
                reader.advance();
                Some((0, None))
            }
            Some(b'{') => {
                let (min, max) = reader.gap()?;
                if max == Some(min) && min < INLINE_GAP {
                    part.push(Element::Skip { min, max: min });
                    continue;
                }
                Some((min, max))
            }
            Some(b'[') => {
                reader.near(&mut part, &mut pieces)?;
                continue;
            }
            Some(_) => {
                reader.element(&mut part)?;
                continue;
            }
        };
        fits(&part, &pieces)?;
        pieces.clear();
        close_part(&mut part, groups.last_mut())?;
        match gap {
            None => break,
            Some((min, None)) => groups.push(Group { gap: min, elements: Vec::new() }),
            Some((min, Some(max))) => {
                if let Some(group) = groups.last_mut() {
                    group.elements.push(Element::Skip { min, max });
                }
            }
        }
    }
    // ClamAV takes it, and nothing can match.
    if reader.backwards {
        return Err(Complaint::unsupported("a gap runs backwards"));
    }
    if modifiers.fullword {
        let word = Element::Boundary(Boundary::NotAlphanumeric);
        if let Some(first) = groups.first_mut() {
            first.elements.insert(0, word.clone());
        }
        if let Some(last) = groups.last_mut() {
            last.elements.push(word);
        }
    }
    Ok(groups)
}

/// Whether all is plain bytes, and how many.
pub(crate) fn literal_length(groups: &[Group]) -> Option<usize> {
    let [group] = groups else { return None };
    let plain = |element: &Element| matches!(element, Element::Byte { mask: 0xff, .. });
    group.elements.iter().all(plain).then_some(group.elements.len())
}

/// Whether each `[n-m]` of a part is beside a single byte at the part's beginning or end.
fn fits(part: &[Element], ends: &[usize]) -> Result<(), Complaint> {
    let Some((last, before)) = ends.split_last() else { return Ok(()) };
    let first = before.first().unwrap_or(last);
    // The element at an end is the distance itself.
    let (begins, closes) = (*first == 1, part.len().saturating_sub(*last) == 2);
    let single = if before.is_empty() { begins || closes } else { begins && closes };
    if !single || before.len() > 1 || *first == 0 {
        return Err(Complaint::malformed(
            "a distance in square brackets is not beside a single byte at an end",
        ));
    }
    Ok(())
}

/// Whether this is one byte and no wildcard; a letter of either case counts.
fn plain(element: &Element) -> bool {
    matches!(element, Element::Byte { mask: 0xff | 0xdf, .. })
}

/// Ends a part: it must have two plain bytes in a row, by which it can be found.
fn close_part(part: &mut Vec<Element>, group: Option<&mut Group>) -> Result<(), Complaint> {
    let two_plain = part.windows(2).any(|pair| pair.iter().all(plain));
    if !two_plain {
        return Err(Complaint::malformed("a part of the pattern has no two plain bytes in a row"));
    }
    if let Some(group) = group {
        group.elements.append(part);
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a [u8],
    modifiers: Modifiers,
    elements: usize,
    depth: u32,
    /// Whether a gap runs backwards.
    backwards: bool,
}

impl Reader<'_> {
    fn advance(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// What stands before `end`; `end` is consumed.
    fn until(&mut self, end: u8) -> Result<&str, Complaint> {
        let place = self.rest.iter().position(|byte| *byte == end);
        let place = place.ok_or_else(|| {
            Complaint::malformed(format!("{:?} is missing in the pattern", char::from(end)))
        })?;
        let (text, rest) = self.rest.split_at_checked(place).unwrap_or((self.rest, &[]));
        self.rest = rest.get(1..).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| Complaint::malformed("the pattern is not ASCII"))
    }

    /// `{n}`, `{-n}`, `{n-}` or `{n-m}`: fewest bytes and, if there is a bound, most. `{}` has none.
    fn gap(&mut self) -> Result<(u32, Option<u32>), Complaint> {
        self.advance();
        let text = self.until(b'}')?;
        let what = "number of bytes in a gap";
        let (min, max) = match text.split_once('-') {
            _ if matches!(text, "" | "-") => (0, None),
            None => {
                let count = number(text, what)?;
                (count, Some(count))
            }
            Some(("", max)) => (0, Some(number(max, what)?)),
            Some((min, "")) => (number(min, what)?, None),
            Some((min, max)) => (number(min, what)?, Some(number(max, what)?)),
        };
        if max.is_some_and(|max| max < min) {
            self.backwards = true;
            return Ok((min, None));
        }
        Ok((min, max))
    }

    /// `[n-m]`, or `[n]` for `[n-n]`.
    fn near(&mut self, out: &mut Vec<Element>, pieces: &mut Vec<usize>) -> Result<(), Complaint> {
        self.advance();
        let text = self.until(b']')?;
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let (min, max) = (number(min, "distance")?, number(max, "distance")?);
        if max > 32 || max < min {
            return Err(Complaint::malformed(format!("the distance [{text}] is not one of 0 to 32")));
        }
        pieces.push(out.len());
        out.push(Element::Skip { min, max });
        Ok(())
    }

    /// A byte, a wildcard, a choice or a boundary.
    fn element(&mut self, out: &mut Vec<Element>) -> Result<(), Complaint> {
        self.elements = self.elements.saturating_add(1);
        if self.elements > MAX_ELEMENTS {
            return Err(Complaint::malformed(format!("the pattern has more than {MAX_ELEMENTS} elements")));
        }
        match self.advance() {
            Some(b'(') => out.push(self.bracket()?.0),
            Some(b'!') if self.advance() == Some(b'(') => {
                let not = match self.bracket()? {
                    (Element::Boundary(kind), _) => Element::NotBoundary(kind),
                    (Element::Choice(branches), Some(_)) if branches.iter().flatten().all(plain) => {
                        Element::NotChoice(branches)
                    }
                    _ => {
                        return Err(Complaint::malformed(
                            "a negated choice has branches of different lengths, or more than bytes in them",
                        ));
                    }
                };
                out.push(not);
            }
            Some(high) => {
                let low =
                    self.advance().ok_or_else(|| Complaint::malformed("the pattern ends in half a byte"))?;
                self.byte(high, low, out)?;
            }
            None => return Err(Complaint::malformed("the pattern ends too early")),
        }
        Ok(())
    }

    fn byte(&self, high: u8, low: u8, out: &mut Vec<Element>) -> Result<(), Complaint> {
        let nibble = |byte: u8| match byte {
            b'?' => Some((0, 0)),
            _ => char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .map(|digit| (digit, 0xf)),
        };
        let (Some((high_value, high_mask)), Some((low_value, low_mask))) = (nibble(high), nibble(low)) else {
            let pair: String = [high, low].map(char::from).iter().collect();
            return Err(Complaint::malformed(format!("{pair:?} is no byte of a pattern")));
        };
        let (value, mask): (u8, u8) = (high_value << 4 | low_value, high_mask << 4 | low_mask);
        out.push(match mask {
            0 => Element::Skip { min: 1, max: 1 },
            0xff if self.modifiers.nocase => Element::either_case(value),
            _ => Element::Byte { value, mask },
        });
        if self.modifiers.wide {
            out.push(Element::literal(0));
        }
        Ok(())
    }

    /// What stands in brackets, and the length of its branches if they are all of one length.
    fn bracket(&mut self) -> Result<(Element, Option<u32>), Complaint> {
        let boundary = match self.rest {
            [b'B', b')', ..] => Some(Boundary::WordEnd),
            [b'L', b')', ..] => Some(Boundary::Line),
            [b'W', b')', ..] => Some(Boundary::NotAlphanumeric),
            _ => None,
        };
        if let Some(boundary) = boundary {
            self.rest = self.rest.get(2..).unwrap_or_default();
            // At the start of the pattern a word is about to begin.
            let first = self.elements == 1 && boundary == Boundary::WordEnd;
            return Ok((Element::Boundary(if first { Boundary::WordStart } else { boundary }), None));
        }
        let outer = self.depth;
        self.depth = outer
            .checked_sub(1)
            .ok_or_else(|| Complaint::malformed("choices are nested too deep in the pattern"))?;
        let mut branches = vec![Vec::new()];
        loop {
            let branch = branches.last_mut();
            match (self.rest.first(), branch) {
                (Some(b')'), _) => break,
                (Some(b'|'), _) => {
                    branches.push(Vec::new());
                    self.advance();
                }
                (Some(b'{'), Some(branch)) => match self.gap()? {
                    (min, Some(max)) if min == max => branch.push(Element::Skip { min, max }),
                    _ => return Err(Complaint::malformed("a choice holds a gap of no fixed length")),
                },
                (Some(b'*' | b'['), _) => {
                    return Err(Complaint::malformed("a choice holds a gap of no fixed length"));
                }
                (Some(_), Some(branch)) => self.element(branch)?,
                _ => return Err(Complaint::malformed("a bracket in the pattern is not closed")),
            }
        }
        self.advance();
        self.depth = outer;
        if branches.iter().any(Vec::is_empty) {
            return Err(Complaint::malformed("a choice has an empty branch"));
        }
        let choice = Element::Choice(branches);
        let (min, max) = choice.width();
        Ok((choice, (min == max).then_some(min)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Group>, Complaint> {
        parse(text, Modifiers::default())
    }

    #[test]
    fn gaps_split_groups_only_where_they_have_no_bound() {
        assert_eq!(
            read("6865*6c6c{5-}6f6f").unwrap().iter().map(|group| group.gap).collect::<Vec<_>>(),
            [0, 0, 5]
        );
        assert_eq!(read("6865{2-8}6c6c{3}6f{-4}6f6f").unwrap().len(), 1);
        assert_eq!(read("6865??6?6f").unwrap()[0].elements.len(), 5);
        assert_eq!(literal_length(&read("686566").unwrap()), Some(3));
        assert_eq!(literal_length(&read("6865??").unwrap()), None);
    }

    #[test]
    fn modifiers_change_the_bytes() {
        let modifiers = Modifiers::parse("iwa").unwrap();
        let variants = modifiers.variants();
        assert_eq!(variants.len(), 2);
        let widths: Vec<usize> =
            variants.iter().map(|variant| parse("6865", *variant).unwrap()[0].elements.len()).collect();
        assert_eq!(widths, [2, 4]);
        assert!(Modifiers::parse("x").is_err());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let deep = format!("6865{}", "(".repeat(1000));
        for text in [
            "",
            "68",
            "6",
            "6g",
            "*6865",
            "6865*",
            "6865**6865",
            "6?6?6?",
            "6865{x}48",
            "68[0-40]6c6c6f",
            "6865(61|62",
            "6865(61|)",
            "6865!(61|6263)",
            "6865{5-2}48",
            "6865!(6?|62)",
            "6865!((61|62)|63)",
            "68(65|66)6c",
            "6865[2-3]6f20",
            "[0-3]6f20",
            "68[3-0]6f20",
            "68[2-2]6f20[2-2]6565",
            "68[0-3]6c6f2062[0-9]65[0-9]71",
            "6865(61*62|63)",
            "6865{",
            "6865[0-4",
            "(B)",
            deep.as_str(),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn choices_and_boundaries() {
        for text in [
            "68!(66|67)6c6c6f",
            "(6865|484546|aa)6c6c6f",
            "6c6c(6f20|6f2e{2})62",
            "6865((6c6c|6d6d)6f|7a)20",
            "(B)6865(B)",
            "!(W)6865",
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
        for text in ["68[2-2]6f20", "6865[2]6f", "68[0-3]6c6f20[0-2]65", "2e2e*68[2-2]6f20", "??[1-2]6c6f20"]
        {
            assert!(read(text).is_ok(), "{text}");
        }
        assert_eq!(read("6865{}6c6c"), read("6865*6c6c"));
        assert_eq!(read("6865{-}6c6c"), read("6865*6c6c"));
        assert!(matches!(read("6865{5-2}4848"), Err(Complaint::Unsupported(_))));
        assert_eq!(read("(B)6865(B)").unwrap()[0].elements[0], Element::Boundary(Boundary::WordStart));
    }
}
