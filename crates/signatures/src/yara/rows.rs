//! What of a string must be in content for it to match: rows of known and unknown bytes.
//!
//! A string is present only if one of its rows is. The reverse does not hold: a row leaves out what cannot be
//! said with patterns, such as word boundaries. The engine of the rules decides; rows say when to ask it.

use boreal_parser::hex_string::{Mask, Token};
use boreal_parser::rule::{VariableDeclaration, VariableDeclarationValue, VariableModifierBase64};
use candor_detect::pattern::{Element, Group, Pattern, Place};

use super::regex;

/// Most rows of a part of a string that has alternatives; where there are more, the part says nothing.
pub(super) const MAX_ROWS: usize = 16;
/// Most items of a row; what comes behind says nothing.
const MAX_ITEMS: usize = 512;
/// Most that a gap within a group may vary; the search verifies all of these places.
const MAX_SPREAD: u32 = 64;
/// Most groups of a pattern.
const MAX_GROUPS: usize = 8;
/// Shortest text whose bytes are looked for with every key of `xor`.
const MIN_XOR: usize = 4;

/// A piece of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A byte `b` with `b & mask == value`.
    Byte { value: u8, mask: u8 },
    /// Between so many bytes of any value.
    Skip { min: u32, max: u32 },
    /// At least so many bytes of any value.
    Gap(u32),
}

/// Pieces in order.
pub(super) type Row = Vec<Item>;

impl Item {
    pub(super) fn literal(value: u8) -> Self {
        Self::Byte { value, mask: 0xff }
    }

    pub(super) fn either_case(value: u8) -> Self {
        if value.is_ascii_alphabetic() {
            Self::Byte { value: value & 0xdf, mask: 0xdf }
        } else {
            Self::literal(value)
        }
    }
}

/// Puts one row behind the other, each with each.
pub(super) fn concatenated(left: Vec<Row>, right: &[Row]) -> Vec<Row> {
    if let [only] = right {
        return left.into_iter().map(|row| joined(row, only)).collect();
    }
    if left.len().saturating_mul(right.len()) > MAX_ROWS {
        return left.into_iter().map(|row| joined(row, &[Item::Gap(0)])).collect();
    }
    left.iter().flat_map(|row| right.iter().map(|more| joined(row.clone(), more))).collect()
}

fn joined(mut row: Row, more: &[Item]) -> Row {
    // A row that is cut once must not go on behind the cut.
    if row.len() < MAX_ITEMS {
        row.extend(more.iter().take(MAX_ITEMS.saturating_sub(row.len())));
    }
    row
}

/// The patterns of which one is present when the string matches, for strings that begin at `at` if it is given.
/// None if there are no such patterns.
pub(super) fn patterns(string: &VariableDeclaration, at: Option<u32>) -> Option<Vec<Pattern>> {
    let rows = rows(string);
    rows.iter().map(|row| pattern(row, at)).collect()
}

/// The pattern of these bytes.
pub(super) fn literal(bytes: &[u8]) -> Pattern {
    let elements = bytes.iter().map(|byte| Element::literal(*byte)).collect();
    Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] }
}

/// Whether the string is this row of bytes and nothing else, and nothing else is this string.
pub(super) fn plain(string: &VariableDeclaration) -> Option<Vec<u8>> {
    let [row] = &rows(string)[..] else { return None };
    let known = row.iter().map(|item| match item {
        Item::Byte { value, mask: 0xff } => Some(*value),
        _ => None,
    });
    known.collect()
}

fn rows(string: &VariableDeclaration) -> Vec<Row> {
    let modifiers = &string.modifiers;
    let narrow = modifiers.ascii || !modifiers.wide;
    let both = |rows: Vec<Row>| {
        let wide: Vec<Row> = if modifiers.wide { rows.iter().map(widened).collect() } else { Vec::new() };
        let mut all = if narrow { rows } else { Vec::new() };
        all.extend(wide);
        all
    };
    match &string.value {
        VariableDeclarationValue::HexString(tokens) => hex(tokens),
        VariableDeclarationValue::Regex(regex) => both(regex::rows(regex, modifiers.nocase)),
        VariableDeclarationValue::Bytes(bytes) => match (&modifiers.base64, modifiers.xor) {
            (Some(base64), _) => {
                let mut texts = Vec::new();
                if narrow {
                    texts.push(bytes.clone());
                }
                if modifiers.wide {
                    texts.push(bytes.iter().flat_map(|byte| [*byte, 0]).collect());
                }
                texts.iter().flat_map(|text| encoded(text, base64)).collect()
            }
            (None, Some(_)) if bytes.len() < MIN_XOR => vec![Row::new()],
            (None, Some((low, high))) => (low..=high)
                .flat_map(|key| {
                    // Zeros of wide text are changed as well.
                    let change = |row: Row| row.into_iter().map(|item| xored(item, key)).collect::<Row>();
                    both(vec![literals(bytes)]).into_iter().map(change).collect::<Vec<_>>()
                })
                .collect(),
            (None, None) if modifiers.nocase => {
                both(vec![bytes.iter().take(MAX_ITEMS).map(|byte| Item::either_case(*byte)).collect()])
            }
            (None, None) => both(vec![literals(bytes)]),
        },
    }
}

fn literals(bytes: &[u8]) -> Row {
    bytes.iter().take(MAX_ITEMS).map(|byte| Item::literal(*byte)).collect()
}

fn xored(item: Item, key: u8) -> Item {
    match item {
        Item::Byte { value, mask } => Item::Byte { value: value ^ key & mask, mask },
        other => other,
    }
}

/// The row with a zero behind each byte.
fn widened(row: &Row) -> Row {
    let wide = |item: &Item| match item {
        Item::Byte { .. } => [Some(*item), Some(Item::literal(0))],
        Item::Skip { min, max } => {
            [Some(Item::Skip { min: min.saturating_mul(2), max: max.saturating_mul(2) }), None]
        }
        Item::Gap(min) => [Some(Item::Gap(min.saturating_mul(2))), None],
    };
    row.iter().flat_map(wide).flatten().collect()
}

/// The three forms that a text has in base64, depending on where in it the text lies.
fn encoded(text: &[u8], base64: &VariableModifierBase64) -> Vec<Row> {
    const USUAL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let alphabet = base64.alphabet.as_ref().unwrap_or(USUAL);
    let mut rows = Vec::new();
    for before in 0..3_usize {
        let mut padded = vec![0; before];
        padded.extend_from_slice(text);
        // A letter holds six bits; those that hold only bits of the text are known.
        let bits = padded.len().saturating_mul(8);
        let first = before.saturating_mul(8).div_ceil(6);
        let letters = (first..bits / 6).take(MAX_ITEMS).map(|letter| {
            let bit = letter.saturating_mul(6);
            let pair = [0, 1].map(|next| padded.get((bit / 8).saturating_add(next)).copied().unwrap_or(0));
            let shift = 10_usize.saturating_sub(bit % 8);
            let value = u16::from_be_bytes(pair) >> shift & 63;
            Item::literal(alphabet.get(usize::from(value)).copied().unwrap_or(0))
        });
        let row: Row = letters.collect();
        if base64.wide {
            rows.push(widened(&row));
        }
        if base64.ascii {
            rows.push(row);
        }
    }
    rows
}

fn hex(tokens: &[Token]) -> Vec<Row> {
    let mut rows = vec![Row::new()];
    for token in tokens {
        let more = match token {
            Token::Byte(value) => vec![vec![Item::literal(*value)]],
            Token::MaskedByte(value, mask) => vec![vec![masked(*value, mask)]],
            Token::NotByte(_) | Token::NotMaskedByte(..) => vec![vec![Item::Skip { min: 1, max: 1 }]],
            Token::Jump(jump) => vec![vec![match jump.to {
                Some(max) => Item::Skip { min: jump.from, max },
                None => Item::Gap(jump.from),
            }]],
            Token::Alternatives(all) => all.iter().flat_map(|tokens| hex(tokens)).collect(),
        };
        rows = concatenated(rows, &more);
    }
    rows
}

fn masked(digit: u8, mask: &Mask) -> Item {
    match mask {
        Mask::Left => Item::Byte { value: digit, mask: 0x0f },
        Mask::Right => Item::Byte { value: digit << 4, mask: 0xf0 },
        Mask::All => Item::Skip { min: 1, max: 1 },
    }
}

/// The pattern of a row; none if nothing of it can be looked for.
fn pattern(row: &Row, at: Option<u32>) -> Option<Pattern> {
    let mut groups: Vec<Group> = Vec::new();
    let mut elements: Vec<Element> = Vec::new();
    // Bytes that must lie before the group, and how much the one being read varies.
    let (mut gap, mut spread) = (0_u32, 0_u32);
    let mut fixed = true;
    let mut place = Place::ANYWHERE;
    for item in row.iter().chain([&Item::Gap(0)]) {
        match *item {
            Item::Byte { value, mask } => {
                if elements.is_empty() && groups.is_empty() && fixed {
                    place = at.and_then(|at| at.checked_add(gap)).map_or(Place::ANYWHERE, Place::at);
                }
                elements.push(Element::Byte { value, mask });
            }
            Item::Skip { min, max } if elements.is_empty() => {
                gap = gap.saturating_add(min);
                fixed &= min == max;
            }
            Item::Skip { min, max } if max.saturating_sub(min) <= MAX_SPREAD.saturating_sub(spread) => {
                spread = spread.saturating_add(max.saturating_sub(min));
                elements.push(Element::Skip { min, max });
            }
            Item::Skip { min, .. } | Item::Gap(min) => {
                let mut after = min;
                while let Some(Element::Skip { min, .. }) = elements.last() {
                    after = after.saturating_add(*min);
                    elements.pop();
                }
                if is_anchored(&elements) && groups.len() < MAX_GROUPS {
                    let before = if groups.is_empty() { 0 } else { gap };
                    groups.push(Group { gap: before, elements: std::mem::take(&mut elements) });
                    gap = after;
                } else {
                    let width = elements.drain(..).map(|element| element.width().0);
                    gap = width.fold(gap.saturating_add(after), u32::saturating_add);
                    if groups.is_empty() {
                        place = Place::ANYWHERE;
                    }
                }
                spread = 0;
                fixed = false;
            }
        }
    }
    (!groups.is_empty()).then_some(Pattern { place, groups })
}

/// Whether two bytes in a row are known but for their case, so that the search has something to look for.
fn is_anchored(elements: &[Element]) -> bool {
    let known = |element: &Element| matches!(element, Element::Byte { mask, .. } if mask | 0x20 == 0xff);
    elements.windows(2).any(|pair| pair.iter().all(known))
}
