//! `AndroidManifest.xml` of a package (`apk`), in Android's binary form of XML.
//!
//! Specification: `ResourceTypes.h` of AOSP: chunks of a type, a length of the head and a length; strings in a pool;
//! elements with attributes that name strings by number.

use candor_object::{Attribute, FactKind};

use crate::fields::{u16_le, u32_le, utf16_le};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Manifest;

/// Longest manifest that is read, in bytes.
const LONGEST: usize = 4 << 20;
/// Most chunks.
const MOST_CHUNKS: usize = 100_000;
const FILE: u16 = 3;
const STRINGS: u16 = 1;
const ELEMENT: u16 = 0x102;
/// The flag of a pool in UTF-8.
const UTF8: u32 = 0x100;

impl Reader for Manifest {
    fn name(&self) -> &'static str {
        "manifest of an Android package"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        u16_le(subject.head, 0) == Some(FILE)
            && u16_le(subject.head, 2) == Some(8)
            && subject.is_named("AndroidManifest.xml")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let bytes = subject.content().window(0, LONGEST)?;
        let mut strings = Strings::default();
        let mut rest = bytes.get(8..).unwrap_or_default();
        let mut package: Vec<(Attribute, String)> = Vec::new();
        for _ in 0..MOST_CHUNKS {
            let (Some(kind), Some(length)) = (u16_le(rest, 0), u32_le(rest, 4)) else { break };
            let length = (length as usize).min(rest.len());
            if length < 8 {
                break;
            }
            let (chunk, behind) = rest.split_at(length);
            rest = behind;
            match kind {
                STRINGS if strings.bytes.is_empty() => strings = Strings { bytes: chunk },
                ELEMENT => match element(chunk, &strings) {
                    Some((name, values)) if name == "manifest" => package = values,
                    Some((name, values)) if name == "application" => {
                        // Its name is the name of a class, and its label, if it is text at all, that of the package.
                        let label =
                            values.into_iter().filter(|(attribute, _)| *attribute == Attribute::Description);
                        package.extend(label);
                        break;
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        let id = package.iter().find(|(attribute, _)| *attribute == Attribute::Id);
        let Some((_, id)) = id else {
            return Err(Error::Damaged("the manifest names no package".to_owned()));
        };
        let mut values = vec![
            (Attribute::Manager, "android"),
            (Attribute::State, "declared"),
            (Attribute::Name, id.as_str()),
        ];
        values.extend(package.iter().map(|(attribute, value)| (*attribute, value.as_str())));
        facts.add(FactKind::Package, &values)
    }
}

/// The name of an element and those of its attributes that matter.
fn element(chunk: &[u8], strings: &Strings<'_>) -> Option<(String, Vec<(Attribute, String)>)> {
    let name = strings.text(u32_le(chunk, 20)?)?;
    let start = usize::from(u16_le(chunk, 24)?).checked_add(16)?;
    let size = usize::from(u16_le(chunk, 26)?).max(20);
    let count = usize::from(u16_le(chunk, 28)?);
    let mut values = Vec::new();
    for row in chunk.get(start..)?.chunks_exact(size).take(count) {
        let Some(key) = u32_le(row, 4).and_then(|number| strings.text(number)) else { continue };
        let attribute = match key.as_str() {
            "package" => Attribute::Id,
            "versionName" => Attribute::Version,
            "label" => Attribute::Description,
            _ => continue,
        };
        // The text as it was written; where that is none, the typed value names it if its type is text.
        let raw = u32_le(row, 8).filter(|number| *number != u32::MAX);
        let typed = u32_le(row, 16).filter(|_| row.get(15) == Some(&3));
        values.extend(raw.or(typed).and_then(|number| strings.text(number)).map(|text| (attribute, text)));
    }
    Some((name, values))
}

/// A pool of strings.
#[derive(Default)]
struct Strings<'a> {
    bytes: &'a [u8],
}

impl Strings<'_> {
    fn text(&self, number: u32) -> Option<String> {
        if number >= u32_le(self.bytes, 8)? {
            return None;
        }
        let head = usize::from(u16_le(self.bytes, 2)?);
        let place = u32_le(self.bytes, head.checked_add((number as usize).checked_mul(4)?)?)?;
        let start = (u32_le(self.bytes, 20)? as usize).checked_add(place as usize)?;
        let rest = self.bytes.get(start..)?;
        if u32_le(self.bytes, 16)? & UTF8 != 0 {
            // Two lengths, in letters and in bytes, of one byte or two each.
            let (_, rest) = length8(rest)?;
            let (length, rest) = length8(rest)?;
            return Some(String::from_utf8_lossy(rest.get(..length)?).into_owned());
        }
        let length = u16_le(rest, 0)?;
        if length & 0x8000 != 0 {
            return None;
        }
        Some(utf16_le(rest.get(2..)?.get(..usize::from(length).checked_mul(2)?)?))
    }
}

fn length8(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return Some((first.into(), rest));
    }
    let (&second, rest) = rest.split_first()?;
    Some((usize::from(first & 0x7f) << 8 | usize::from(second), rest))
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    fn sample() -> Vec<u8> {
        let texts = ["manifest", "package", "com.example.kes", "versionName", "9.1"];
        let mut data = Vec::new();
        let mut places = Vec::new();
        for text in texts {
            places.push(data.len() as u32);
            data.extend([text.len() as u8, text.len() as u8]);
            data.extend(text.as_bytes());
            data.push(0);
        }
        data.resize(data.len().next_multiple_of(4), 0);
        let chunk = |kind: u16, head: u16, words: &[u32], data: &[u8]| -> Vec<u8> {
            let length = 8 + words.len() * 4 + data.len();
            let mut bytes = [kind.to_le_bytes(), head.to_le_bytes()].concat();
            bytes.extend((length as u32).to_le_bytes());
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            bytes.extend(data);
            bytes
        };
        let mut words = vec![texts.len() as u32, 0, UTF8, 28 + 4 * texts.len() as u32, 0];
        words.extend(places);
        let pool = chunk(STRINGS, 28, &words, &data);
        let none = u32::MAX;
        let element = [
            1,
            none,
            none,
            0,
            20 << 16 | 20,
            2,
            0, // line, remark, namespace, name, sizes, count
            none,
            1,
            2,
            0x0300_0008,
            2,
            none,
            3,
            none,
            0x0300_0008,
            4,
        ];
        let element = chunk(ELEMENT, 16, &element, &[]);
        chunk(FILE, 8, &[], &[pool, element].concat())
    }

    #[test]
    fn the_package_is_named() {
        let bytes = sample();
        let facts = facts_of(&Manifest, "AndroidManifest.xml", &bytes);
        assert_eq!(facts[0].get(Attribute::Name), Some("com.example.kes"));
        assert_eq!(facts[0].get(Attribute::Version), Some("9.1"));
    }
}
