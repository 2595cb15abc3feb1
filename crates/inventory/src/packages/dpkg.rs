//! dpkg's list of packages, `/var/lib/dpkg/status`, and the pieces that distroless images have in `status.d`: fields as
//! in [deb822(5)](https://manpages.debian.org/deb822), a package for each paragraph.

use candor_object::{Attribute, FactKind};

use super::with_purl;
use crate::damage::Damage;
use crate::text::numbered_lines;
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
        // In its place it is read whatever it holds, so that a broken one is told.
        if subject.path().ends_with("var/lib/dpkg/status") {
            return true;
        }
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
        let (mut damage, mut packages) = (Damage::default(), 0_u64);
        numbered_lines(subject, |number, line| {
            if line.is_empty() {
                packages += u64::from(std::mem::take(&mut package).tell(in_place, facts)?);
            } else if !line.starts_with([' ', '\t']) && !line.contains(':') || line.contains('\0') {
                damage.note_line("a field", number);
            } else {
                package.field(line);
            }
            Ok(())
        })?;
        packages += u64::from(package.tell(in_place, facts)?);
        damage.told()?;
        if packages == 0 { Err(Error::Damaged("it lists no package".to_owned())) } else { Ok(()) }
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

    /// Tells of it, if there is one.
    fn tell(self, in_place: bool, facts: &mut Facts<'_>) -> Result<bool, Error> {
        if self.values.iter().all(|(attribute, _)| *attribute != Attribute::Name) {
            return Ok(false);
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
        facts.add(FactKind::Package, &values).map(|()| true)
    }
}

fn holds(head: &[u8], part: &[u8]) -> bool {
    head.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::{facts_of, told};

    use super::*;

    #[test]
    fn a_broken_list_is_told_and_what_is_whole_stays() {
        let place = "var/lib/dpkg/status";
        let whole = "Package: kesl\nStatus: install ok installed\n\n";
        for (text, why) in [
            (String::new(), "lists no package"),
            ("\0".repeat(300), "a field that ends in line 1"),
            ("junk\n".to_owned(), "a field that ends in line 1"),
            (format!("{whole}\0\0\0\n{whole}"), "a field that ends in line 4"),
        ] {
            let (facts, result) = told(&Dpkg, place, text.as_bytes());
            assert_eq!(facts.len(), text.matches("kesl").count());
            assert!(result.unwrap_err().to_string().contains(why), "{text:?}");
        }
        assert!(facts_of(&Dpkg, "elsewhere/status", b"junk").is_empty());
    }

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
