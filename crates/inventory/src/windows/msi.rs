//! Installers of Windows (MSI, and their patches): what the table `Property` says of the product.
//!
//! An installer is a compound file, each table a stream of it. Names of tables are packed, two letters in one
//! (`!_StringPool`); cells are numbers of strings, columns lie one behind the other. There is no specification but
//! what programs do: <https://github.com/mdsteele/rust-msi> and Wine's documentation describe it alike.

use std::ops::Range;

use candor_object::{Attribute, FactKind, MAX_VALUE};

use super::compound::{Compound, is_compound};
use crate::fields::{u16_le, u32_le};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Msi;

/// Most bytes of the strings of an installer, of which most are no properties.
const MOST_STRINGS: usize = 16 << 20;
/// Most bytes of a table.
const MOST_TABLE: usize = 4 << 20;

const FIELDS: [(&str, Attribute); 8] = [
    ("ProductName", Attribute::Name),
    ("ProductVersion", Attribute::Version),
    ("Manufacturer", Attribute::Publisher),
    ("ProductCode", Attribute::Id),
    ("UpgradeCode", Attribute::Parent),
    ("ARPCONTACT", Attribute::Description),
    ("ARPURLINFOABOUT", Attribute::Url),
    ("ARPHELPLINK", Attribute::Url),
];

impl Reader for Msi {
    fn name(&self) -> &'static str {
        "installer of Windows"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        is_compound(subject.head)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        // Documents are compound files as well, and are told by what is not in them; that they are damaged is not for
        // this reader to say.
        let Ok(compound) = Compound::open(subject, MOST_STRINGS) else { return Ok(()) };
        let table = |name: &str, most| {
            let packed = packed(name);
            compound.stream(|found| found == packed, most)
        };
        let Some(pool) = table("_StringPool", MOST_TABLE)? else { return Ok(()) };
        let Some(data) = table("_StringData", MOST_STRINGS)? else { return Ok(()) };
        let Some(property) = table("Property", MOST_TABLE)? else { return Ok(()) };
        let strings = Strings { pool: &pool, data: &data };
        let wide = u32_le(&pool, 0).is_some_and(|head| head & 0x8000_0000 != 0);
        let size = if wide { 3 } else { 2 };
        // The column of names, and behind it that of values.
        let (names, values) = property.split_at(property.len() / 2 / size * size);
        let rows: Vec<(usize, usize)> =
            names.chunks_exact(size).map(number).zip(values.chunks_exact(size).map(number)).collect();
        subject.time_left()?;
        let texts = strings.of(&rows);
        let mut found = Vec::new();
        for (field, attribute) in FIELDS {
            let value = texts.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str());
            found.extend(value.map(|value| (attribute, value)));
        }
        if found.is_empty() {
            return Ok(());
        }
        found.extend([(Attribute::Manager, "msi"), (Attribute::State, "declared")]);
        facts.add(FactKind::Package, &found)
    }
}

/// Strings of an installer, numbered from one on.
struct Strings<'a> {
    /// Length and number of uses of each, two bytes each.
    pool: &'a [u8],
    data: &'a [u8],
}

impl Strings<'_> {
    /// The texts of rows of two strings.
    fn of(&self, rows: &[(usize, usize)]) -> Vec<(String, String)> {
        // Numbers begin with one.
        let mut places = Vec::from([Range::default()]);
        let mut at = 0_usize;
        let mut entry = 4;
        while let (Some(length), Some(uses)) = (u16_le(self.pool, entry), u16_le(self.pool, entry + 2)) {
            entry += 4;
            let mut length = usize::from(length);
            // Where a string of no length is used, that is the upper half of a length, and the lower follows.
            if length == 0
                && uses != 0
                && let Some(lower) = u16_le(self.pool, entry)
            {
                length = usize::from(uses) << 16 | usize::from(lower);
                entry += 4;
            }
            let end = at.saturating_add(length);
            places.push(at..end);
            at = end;
        }
        let text = |number: usize| {
            let bytes = places.get(number).cloned().and_then(|place| self.data.get(place));
            let bytes = bytes.unwrap_or_default();
            String::from_utf8_lossy(bytes.get(..MAX_VALUE).unwrap_or(bytes)).into_owned()
        };
        let wanted = |name: &str| FIELDS.iter().any(|(field, _)| *field == name);
        let named = rows.iter().map(|(name, value)| (text(*name), *value));
        named.filter(|(name, _)| wanted(name)).map(|(name, value)| (name, text(value))).collect()
    }
}

/// A number of two or three bytes.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The name of a table as the directory has it.
fn packed(name: &str) -> Vec<u16> {
    let digit = |letter: u8| -> Option<u16> {
        Some(match letter {
            b'0'..=b'9' => u16::from(letter - b'0'),
            b'A'..=b'Z' => u16::from(letter - b'A') + 10,
            b'a'..=b'z' => u16::from(letter - b'a') + 36,
            b'.' => 62,
            b'_' => 63,
            _ => return None,
        })
    };
    let mut packed = vec![0x4840];
    for pair in name.as_bytes().chunks(2) {
        match (pair.first().copied().and_then(digit), pair.get(1).copied().and_then(digit)) {
            (Some(first), Some(second)) => packed.push(0x3800 + first + (second << 6)),
            (Some(first), None) => packed.push(0x4800 + first),
            _ => packed.extend(pair.iter().map(|letter| u16::from(*letter))),
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_packed() {
        assert_eq!(packed("_StringPool")[..3], [0x4840, 0x3800 + 63 + (28 << 6), 0x3800 + 55 + (53 << 6)]);
        assert_eq!(packed("abc").len(), 3);
    }

    #[test]
    fn long_strings_have_their_length_behind() {
        let long = "x".repeat(70_000);
        let words: [u16; 10] = [1252, 0, 11, 1, 0, 1, 4464, 1, 1, 1];
        let pool: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
        let data = format!("ProductName{long}y");
        let strings = Strings { pool: &pool, data: data.as_bytes() };
        let texts = strings.of(&[(1, 3), (1, 2), (9, 9)]);
        assert_eq!(texts[0].1, "y");
        assert_eq!(texts[1].1.len(), MAX_VALUE);
        assert_eq!(texts.len(), 2);
    }
}
