//! dpkg's list of packages, `/var/lib/dpkg/status`, and the pieces that distroless images have in `status.d`: fields as
//! in [deb822(5)](https://manpages.debian.org/deb822), a package for each paragraph.

use candor_object::{Attribute, FactKind};

use super::with_purl;
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Dpkg;

/// The fields that become attributes.
const FIELDS: [(&str, Attribute); 6] = [
    ("Package", Attribute::Name),
    ("Version", Attribute::Version),
    ("Architecture", Attribute::Architecture),
    ("Maintainer", Attribute::Vendor),
    ("Homepage", Attribute::Url),
    ("Description", Attribute::Description),
];

impl Reader for Dpkg {
    fn name(&self) -> &'static str {
        "dpkg status"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // A package's own control file has no state, and a repository's list of packages has file names.
        subject.head.starts_with(b"Package: ")
            && (holds(subject.head, b"\nStatus: ") || subject.path().contains("dpkg/status.d/"))
            && !holds(subject.head, b"\nFilename: ")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        // A copy elsewhere tells of some system, and not that it is here.
        let path = subject.path();
        let in_place = path.ends_with("var/lib/dpkg/status") || path.contains("dpkg/status.d/");
        let mut package = Package::default();
        lines(subject, |line| {
            if line.is_empty() {
                return std::mem::take(&mut package).tell(in_place, facts);
            }
            package.field(line);
            Ok(())
        })?;
        package.tell(in_place, facts)
    }
}

#[derive(Default)]
struct Package {
    values: Vec<(Attribute, String)>,
    status: Option<String>,
}

impl Package {
    fn field(&mut self, line: &str) {
        // Lines that go on with a value begin with a blank; of a description the first line says enough.
        let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) else {
            return;
        };
        if name.eq_ignore_ascii_case("Status") {
            self.status = Some(value.trim().to_owned());
        }
        let known = FIELDS.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        if let Some((_, attribute)) = known
            && self.values.iter().all(|(there, _)| there != attribute)
        {
            self.values.push((*attribute, value.trim().to_owned()));
        }
    }

    fn tell(self, in_place: bool, facts: &mut Facts<'_>) -> Result<(), Error> {
        if self.values.iter().all(|(attribute, _)| *attribute != Attribute::Name) {
            return Ok(());
        }
        // Wanted, flag and state; without them it is a piece of an image, where everything is installed.
        let state = self
            .status
            .as_deref()
            .map_or("installed", |status| status.split_whitespace().next_back().unwrap_or("unknown"));
        let state = if in_place || state != "installed" { state } else { "declared" };
        let mut values = vec![(Attribute::Manager, "dpkg"), (Attribute::State, state)];
        values.extend(self.values.iter().map(|(attribute, value)| (*attribute, value.as_str())));
        let purl = with_purl("dpkg", &values);
        values.push((Attribute::Purl, purl.as_str()));
        facts.add(FactKind::Package, &values)
    }
}

fn holds(head: &[u8], part: &[u8]) -> bool {
    head.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn each_paragraph_is_a_package_with_its_state() {
        let text = "Package: kesl\nStatus: install ok installed\nMaintainer: K <a@b>\nVersion: 12.0\n \
                    Package: no\nDescription: first\n second\n\nPackage: old\nStatus: deinstall ok config-files\n";
        let facts = facts_of(&Dpkg, "var/lib/dpkg/status", text.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Name), Some("kesl"));
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
        assert_eq!(facts[0].get(Attribute::Version), Some("12.0"));
        assert_eq!(facts[0].get(Attribute::Description), Some("first"));
        assert_eq!(facts[1].get(Attribute::State), Some("config-files"));
    }

    #[test]
    fn lists_of_repositories_are_none_of_installed_packages() {
        let text = b"Package: a\nStatus: x\nFilename: pool/a.deb\n";
        assert!(facts_of(&Dpkg, "Packages", text).is_empty());
    }

    #[test]
    fn distroless_pieces_have_no_state() {
        let facts = facts_of(&Dpkg, "var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 1\n");
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
    }
}
