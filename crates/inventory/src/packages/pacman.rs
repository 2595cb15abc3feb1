//! Arch's pacman: a `desc` file for each package in `/var/lib/pacman/local`, a heading between percent signs before each
//! value ([alpm-db-desc](https://alpm.archlinux.page/specifications/alpm-db-desc.5.html)).

use candor_object::Attribute;

use super::{INSTALLED, tell};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Pacman;

impl Reader for Pacman {
    fn name(&self) -> &'static str {
        "pacman"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // Those of repositories begin with the name of a file.
        subject.head.starts_with(b"%NAME%\n")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut heading = String::new();
        let (mut name, mut version) = (String::new(), String::new());
        let mut values: Vec<(Attribute, String)> = Vec::new();
        lines(subject, |line| {
            if line.starts_with('%') {
                line.clone_into(&mut heading);
                return Ok(());
            }
            let attribute = match heading.as_str() {
                _ if line.is_empty() => return Ok(()),
                "%NAME%" => return Ok(line.clone_into(&mut name)),
                "%VERSION%" => return Ok(line.clone_into(&mut version)),
                "%ARCH%" => Attribute::Architecture,
                "%PACKAGER%" => Attribute::Vendor,
                "%URL%" => Attribute::Url,
                "%LICENSE%" => Attribute::Licence,
                "%INSTALLDATE%" => Attribute::Time,
                "%DESC%" => Attribute::Description,
                _ => return Ok(()),
            };
            if values.iter().all(|(there, _)| *there != attribute) {
                values.push((attribute, line.to_owned()));
            }
            Ok(())
        })?;
        let more: Vec<_> = values.iter().map(|(attribute, value)| (*attribute, value.as_str())).collect();
        tell(facts, ("pacman", INSTALLED), (&name, &version), &more)
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn a_package() {
        let text = b"%NAME%\nzlib\n\n%VERSION%\n1:1.3-1\n\n%ARCH%\nx86_64\n\n%PACKAGER%\nA <a@b>\n\n%DEPENDS%\nglibc\n";
        let facts = facts_of(&Pacman, "var/lib/pacman/local/zlib-1:1.3-1/desc", text);
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:alpm/zlib@1:1.3-1"));
        assert_eq!(facts[0].get(Attribute::Vendor), Some("A <a@b>"));
    }
}
