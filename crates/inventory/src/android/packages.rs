//! Packages that are installed on a device: `/data/system/packages.xml`, which newer versions write in a binary form that
//! is not read, `packages.list` beside it, and what `pm list packages` prints.

use candor_object::{Attribute, FactKind};

use crate::fields::holds;
use crate::markup::{Event, Markup};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct PackagesXml;
pub(crate) struct PackageList;

/// Longest document that is read, in bytes.
const LONGEST: usize = 32 << 20;

impl Reader for PackagesXml {
    fn name(&self) -> &'static str {
        "packages of Android"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let text = subject.head.starts_with(b"<?xml") && holds(subject.head, b"<packages");
        text || subject.head.starts_with(b"ABX\0") && subject.is_named("packages.xml")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if subject.head.starts_with(b"ABX\0") {
            return Err(Error::Unsupported("the list is in Android's binary form of XML".to_owned()));
        }
        let bytes = subject.content().window(0, LONGEST)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut markup = Markup::new(&text);
        for event in markup.by_ref() {
            let Event::Open { name, .. } = &event else { continue };
            if name != "package" && name != "updated-package" {
                continue;
            }
            subject.time_left()?;
            let value = |key| event.attribute(key).unwrap_or_default();
            let values = [
                (Attribute::Manager, "android"),
                (Attribute::State, "installed"),
                (Attribute::Name, value("name")),
                (Attribute::Id, value("name")),
                (Attribute::Version, value("version")),
                (Attribute::Path, value("codePath")),
                (Attribute::Source, value("installer")),
            ];
            if !value("name").is_empty() {
                facts.add(FactKind::Package, &values)?;
            }
        }
        if markup.cut || subject.content().size() > LONGEST as u64 {
            return Err(Error::Damaged("the list of packages ends too early, or is too long".to_owned()));
        }
        Ok(())
    }
}

impl Reader for PackageList {
    fn name(&self) -> &'static str {
        "list of packages of Android"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // `package:` and a name with dots, or the list of the system.
        subject.head.starts_with(b"package:") || subject.path().ends_with("system/packages.list")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        lines(subject, |line| {
            let (name, path) = match line.trim().strip_prefix("package:") {
                // With `-f` the path comes first.
                Some(entry) => match entry.rsplit_once('=') {
                    Some((path, name)) => (name, path),
                    None => (entry, ""),
                },
                None if subject.head.starts_with(b"package:") => return Ok(()),
                None => (line, ""),
            };
            let name = name.split_whitespace().next().unwrap_or_default();
            let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"._".contains(&letter);
            if !name.contains('.') || !name.bytes().all(is_letter) {
                return Ok(());
            }
            let values = [
                (Attribute::Manager, "android"),
                (Attribute::State, "installed"),
                (Attribute::Name, name),
                (Attribute::Id, name),
                (Attribute::Path, path),
            ];
            facts.add(FactKind::Package, &values)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn lists_name_packages() {
        let text = b"package:com.example.kes\npackage:/data/app/x.apk=com.example.free\nnothing\n";
        let facts = facts_of(&PackageList, "pm.txt", text);
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[1].get(Attribute::Path), Some("/data/app/x.apk"));
        let text = b"<?xml version='1.0'?>\n<packages><package name=\"com.example.kes\" codePath=\"/data/app/a\" version=\"9\"/></packages>";
        let facts = facts_of(&PackagesXml, "data/system/packages.xml", text);
        assert_eq!(facts[0].get(Attribute::Name), Some("com.example.kes"));
    }
}
