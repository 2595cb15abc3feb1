//! Alpine's list of packages, `/lib/apk/db/installed`: fields of one letter, a package for each paragraph
//! ([specification](https://wiki.alpinelinux.org/wiki/Apk_spec)).

use candor_object::{Attribute, FactKind};

use super::with_purl;
use crate::damage::Damage;
use crate::text::numbered_lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Apk;

impl Reader for Apk {
    fn name(&self) -> &'static str {
        "apk database"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // In its place it is read whatever it holds, so that a broken one is told.
        if subject.path().ends_with("lib/apk/db/installed") {
            return true;
        }
        // The checksum of a package comes first, always SHA-1 in base64.
        subject.head.starts_with(b"C:Q1") && subject.head.windows(3).any(|window| window == b"\nP:")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut values: Vec<(Attribute, String)> = Vec::new();
        let (mut damage, mut packages) = (Damage::default(), 0_u64);
        numbered_lines(subject, |number, line| {
            if line.is_empty() {
                packages += u64::from(tell(&std::mem::take(&mut values), facts)?);
                return Ok(());
            }
            let attribute = match line.split_once(':').filter(|_| !line.contains('\0')) {
                None => {
                    damage.note_line("a field", number);
                    return Ok(());
                }
                Some(("P", _)) => Attribute::Name,
                Some(("V", _)) => Attribute::Version,
                Some(("A", _)) => Attribute::Architecture,
                Some(("m", _)) => Attribute::Vendor,
                Some(("U", _)) => Attribute::Url,
                Some(("L", _)) => Attribute::Licence,
                Some(("T", _)) => Attribute::Description,
                _ => return Ok(()),
            };
            if values.iter().all(|(there, _)| *there != attribute) {
                values.push((attribute, line[2..].to_owned()));
            }
            Ok(())
        })?;
        packages += u64::from(tell(&values, facts)?);
        damage.told()?;
        if packages == 0 { Err(Error::Damaged("it lists no package".to_owned())) } else { Ok(()) }
    }
}

/// Tells of a package, if there is one.
fn tell(values: &[(Attribute, String)], facts: &mut Facts<'_>) -> Result<bool, Error> {
    if values.iter().all(|(attribute, _)| *attribute != Attribute::Name) {
        return Ok(false);
    }
    let mut all = vec![(Attribute::Manager, "apk"), (Attribute::State, "installed")];
    all.extend(values.iter().map(|(attribute, value)| (*attribute, value.as_str())));
    let purl = with_purl("apk", &all);
    all.push((Attribute::Purl, purl.as_str()));
    facts.add(FactKind::Package, &all).map(|()| true)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::{facts_of, told};

    use super::*;

    #[test]
    fn a_broken_list_is_told() {
        for (text, why) in
            [("", "lists no package"), ("\0\0\0", "in line 1"), ("C:Q1a=\nP:musl\njunk\n", "in line 3")]
        {
            let (facts, result) = told(&Apk, "lib/apk/db/installed", text.as_bytes());
            assert_eq!(facts.len(), text.matches("musl").count());
            assert!(result.unwrap_err().to_string().contains(why), "{text:?}");
        }
    }

    #[test]
    fn each_paragraph_is_a_package() {
        let text = "C:Q1aaaa=\nP:musl\nV:1.2.5-r0\nA:x86_64\nm:Timo <t@a>\nF:lib\n\nC:Q1b=\nP:zlib\nV:1.3\n";
        let facts = facts_of(&Apk, "lib/apk/db/installed", text.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Name), Some("musl"));
        assert_eq!(facts[0].get(Attribute::Vendor), Some("Timo <t@a>"));
        assert_eq!(facts[1].get(Attribute::Version), Some("1.3"));
    }
}
