//! The version information of programs of Windows: who made it, and what it is.
//!
//! Specification: Microsoft, `String` of `VS_VERSIONINFO`: length, length of the value, type, key, and the value at the
//! next multiple of 4. Where the keys are, the layout of the program says.

use candor_object::{Attribute, FactKind};

use crate::fields::{u16_le, utf16_le};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct VersionInfo;

const FIELDS: [(&str, Attribute); 9] = [
    ("CompanyName", Attribute::Vendor),
    ("ProductName", Attribute::Name),
    ("ProductVersion", Attribute::Version),
    ("FileVersion", Attribute::Version),
    ("FileDescription", Attribute::Description),
    ("OriginalFilename", Attribute::Original),
    ("InternalName", Attribute::Id),
    ("LegalCopyright", Attribute::Data),
    ("LegalTrademarks", Attribute::Data),
];
/// Bytes before a key.
const HEAD: u64 = 6;
/// Bytes of a pair that are read.
const MOST: usize = 2048;
/// Most pairs; each language has a dozen.
const MOST_PAIRS: usize = 256;
/// Most values of one attribute: the same in several languages.
const MOST_VALUES: usize = 3;

impl Reader for VersionInfo {
    fn name(&self) -> &'static str {
        "version information"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.layout.is_some_and(|layout| !layout.version_info.is_empty())
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut values: Vec<(Attribute, String)> = Vec::new();
        let keys = subject.layout.map(|layout| layout.version_info.as_slice()).unwrap_or_default();
        for key in keys.iter().take(MOST_PAIRS) {
            let Some(start) = key.checked_sub(HEAD) else { continue };
            let block = subject.content().window(start, MOST)?;
            let Some((attribute, value)) = pair(&block) else { continue };
            let there = values.iter().filter(|(known, _)| *known == attribute).count();
            if there < MOST_VALUES && !values.contains(&(attribute, value.clone())) {
                values.push((attribute, value));
            }
        }
        let values: Vec<(Attribute, &str)> =
            values.iter().map(|(attribute, value)| (*attribute, value.as_str())).collect();
        facts.add(FactKind::VersionInfo, &values)
    }
}

/// What a pair says, if it is of interest.
fn pair(block: &[u8]) -> Option<(Attribute, String)> {
    let end = usize::from(u16_le(block, 0)?).min(block.len());
    let name = utf16_le(block.get(6..end)?);
    let (_, attribute) = FIELDS.iter().find(|(field, _)| field.eq_ignore_ascii_case(&name))?;
    let value = name.len().checked_add(1)?.checked_mul(2)?.checked_add(6)?.checked_next_multiple_of(4)?;
    let text = utf16_le(block.get(value..end)?);
    (!text.trim().is_empty()).then(|| (*attribute, text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(key: &str, value: &str) -> Vec<u8> {
        let wide =
            |text: &str| -> Vec<u8> { text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() };
        let mut bytes = [&[0, 0, 0, 0, 1, 0], wide(key).as_slice()].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(wide(value));
        let length = u16::try_from(bytes.len()).unwrap();
        bytes[..2].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    #[test]
    fn pairs_have_a_key_and_a_value() {
        let bytes = block("CompanyName", "Example Ltd");
        assert_eq!(pair(&bytes), Some((Attribute::Vendor, "Example Ltd".to_owned())));
        assert_eq!(pair(&block("Comments", "x")), None);
        assert_eq!(pair(&block("CompanyName", "")), None);
        for cut in 0..bytes.len() {
            let _ = pair(&bytes[..cut]);
        }
    }
}
