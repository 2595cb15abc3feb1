//! One pattern of a signature: a text or hex digits, and where it may be found.
//!
//! | key | meaning |
//! |---|---|
//! | `text` | the bytes as UTF-8, or several texts that follow each other with a `gap` |
//! | `gap` | fewest and most bytes between two texts of `text`; none without it |
//! | `hex` | hex digits with wildcards, in place of `text` |
//! | `none_of` | one byte that is none of these, in place of `text`; needs `at` with a range |
//! | `nocase` | ASCII letters of `text` in either case |
//! | `wide` | `text` is UTF-16, little-endian |
//! | `ascii` | beside `wide`: `text` is in UTF-8 or in UTF-16 |
//! | `fullword` | no letter or digit before and behind `text` |
//! | `at` | offset, or first and last offset, from the start |
//! | `from_end` | offset from the end |

use std::fmt;

use candor_detect::logical::Subsignature;
use candor_detect::pattern::{Base, Boundary, Element, Group, Pattern, Place};
use serde::Deserialize;

use crate::clamav::pattern as hex;

/// Most bytes of a gap whose end is known.
const MAX_GAP: u32 = 64 << 10;
/// Longest text or hex digits, in bytes.
const MAX_LENGTH: usize = 8192;
/// Most characters of a pattern that are shown beside a finding.
const SHOWN: usize = 80;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    text: Option<Pieces>,
    gap: Option<[u32; 2]>,
    hex: Option<String>,
    none_of: Option<String>,
    #[serde(default)]
    nocase: bool,
    #[serde(default)]
    wide: bool,
    #[serde(default)]
    ascii: bool,
    #[serde(default)]
    fullword: bool,
    at: Option<At>,
    from_end: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or several in [ ]")]
enum Pieces {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected an offset or [first, last]")]
enum At {
    One(u32),
    Range([u32; 2]),
}

impl Table {
    /// The pattern that the table describes, in one or two encodings.
    pub(super) fn subsignature(&self) -> Result<Subsignature, String> {
        let place = self.place()?;
        let variants = match (&self.text, &self.hex, &self.none_of) {
            (Some(pieces), None, None) => {
                let encodings: &[Encoding] = match (self.wide, self.ascii) {
                    (true, true) => &[Encoding::Utf8, Encoding::Utf16],
                    (true, false) => &[Encoding::Utf16],
                    (false, false) => &[Encoding::Utf8],
                    (false, true) => return Err("ascii goes with wide".to_owned()),
                };
                let rows = encodings.iter().map(|encoding| self.text(pieces, *encoding));
                let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
                rows.into_iter().map(|elements| vec![Group { gap: 0, elements }]).collect()
            }
            (None, Some(digits), None) => {
                self.refuse_text_keys()?;
                if digits.len() > MAX_LENGTH {
                    return Err(format!("the hex digits are longer than {MAX_LENGTH}"));
                }
                let digits: String = digits.split_ascii_whitespace().collect();
                let groups = hex::parse(&digits, hex::Modifiers::default());
                vec![groups.map_err(|complaint| complaint.to_string())?]
            }
            (None, None, Some(bytes)) => {
                self.refuse_text_keys()?;
                if bytes.is_empty() || bytes.len() > MAX_LENGTH || !matches!(self.at, Some(At::Range(_))) {
                    return Err(
                        "none_of cannot be looked for without a few bytes and at = [first, last]".to_owned()
                    );
                }
                let branches = bytes.bytes().map(|byte| vec![Element::literal(byte)]).collect();
                vec![vec![Group { gap: 0, elements: vec![Element::NotChoice(branches)] }]]
            }
            _ => return Err("expected one of text, hex and none_of".to_owned()),
        };
        Ok(Subsignature::Patterns(variants.into_iter().map(|groups| Pattern { place, groups }).collect()))
    }

    fn refuse_text_keys(&self) -> Result<(), String> {
        if self.nocase || self.wide || self.ascii || self.fullword || self.gap.is_some() {
            return Err("nocase, wide, ascii, fullword and gap are for text".to_owned());
        }
        Ok(())
    }

    fn place(&self) -> Result<Place, String> {
        Ok(match (self.at, self.from_end) {
            (None, None) => Place::ANYWHERE,
            (Some(At::One(offset)), None) => Place::at(offset),
            (Some(At::Range([first, last])), None) => {
                let slack = last.checked_sub(first).ok_or("the offsets run backwards")?;
                Place { base: Base::Start, delta: i64::from(first), slack }
            }
            (None, Some(offset)) => {
                Place { base: Base::End, delta: i64::from(offset).saturating_neg(), slack: 0 }
            }
            (Some(_), Some(_)) => return Err("expected at most one of at and from_end".to_owned()),
        })
    }

    fn text(&self, pieces: &Pieces, encoding: Encoding) -> Result<Vec<Element>, String> {
        let pieces = match pieces {
            Pieces::One(text) => std::slice::from_ref(text),
            Pieces::Many(texts) => texts.as_slice(),
        };
        let length = pieces.iter().fold(0_usize, |sum, text| sum.saturating_add(text.len()));
        if pieces.is_empty() || pieces.iter().any(String::is_empty) || length > MAX_LENGTH {
            return Err(format!("the text is empty or longer than {MAX_LENGTH} bytes"));
        }
        let [min, max] = self.gap.unwrap_or_default();
        if min > max || max > MAX_GAP {
            return Err(format!("the gap runs backwards or is larger than {MAX_GAP}"));
        }
        if self.gap.is_some() && pieces.len() == 1 {
            return Err("a gap needs several texts in [ ]".to_owned());
        }
        if self.fullword && self.wide {
            return Err("fullword does not go with wide".to_owned());
        }
        let boundary = self.fullword.then_some(Element::Boundary(Boundary::NotAlphanumeric));
        let mut elements: Vec<Element> = boundary.iter().cloned().collect();
        for (number, text) in pieces.iter().enumerate() {
            if number > 0 && max > 0 {
                elements.push(Element::Skip { min, max });
            }
            elements.extend(
                encoding.bytes(text).into_iter().map(|byte| {
                    if self.nocase { Element::either_case(byte) } else { Element::literal(byte) }
                }),
            );
        }
        elements.extend(boundary);
        Ok(elements)
    }
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    fn bytes(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = match (&self.text, &self.hex, &self.none_of) {
            (Some(Pieces::One(text)), ..) => format!("{text:?}"),
            (Some(Pieces::Many(texts)), ..) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
                texts.join(" … ")
            }
            (None, Some(digits), _) => digits.clone(),
            (None, None, bytes) => format!("none of {:?}", bytes.as_deref().unwrap_or_default()),
        };
        let shown: String = whole.chars().take(SHOWN).collect();
        f.write_str(&shown)?;
        if shown.len() < whole.len() {
            f.write_str("…")?;
        }
        let words = [
            (self.nocase, " nocase"),
            (self.wide, " wide"),
            (self.ascii, " ascii"),
            (self.fullword, " fullword"),
        ];
        for (set, word) in words {
            if set {
                f.write_str(word)?;
            }
        }
        match (self.at, self.from_end) {
            (Some(At::One(offset)), _) => write!(f, " at {offset}"),
            (Some(At::Range([first, last])), _) => write!(f, " at {first} to {last}"),
            (None, Some(offset)) => write!(f, " {offset} from the end"),
            (None, None) => Ok(()),
        }
    }
}
