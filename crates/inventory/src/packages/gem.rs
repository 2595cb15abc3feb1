//! Ruby: `Gemfile.lock` and the specifications of gems
//! ([reference](https://guides.rubygems.org/specification-reference/)), of which the simple assignments are read.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Gem;

impl Reader for Gem {
    fn name(&self) -> &'static str {
        "gem"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let name = subject.file_name();
        name == "Gemfile.lock" || name == "gems.locked" || name.ends_with(".gemspec")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if subject.file_name().ends_with(".gemspec") {
            return specification(subject, facts);
        }
        let mut section = String::new();
        lines(subject, |line| {
            if !line.starts_with(' ') {
                line.clone_into(&mut section);
            }
            // Four blanks are a gem, six what it needs.
            let gem = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' '));
            let Some((name, version)) = gem.and_then(|gem| gem.split_once(" (")) else { return Ok(()) };
            if !matches!(section.as_str(), "GEM" | "GIT" | "PATH") {
                return Ok(());
            }
            tell(facts, ("gem", DECLARED), (name, version.trim_end_matches(')')), &[])
        })
    }
}

fn specification(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let mut values: [(&str, Attribute, String); 6] = [
        (".name", Attribute::Name, String::new()),
        (".version", Attribute::Version, String::new()),
        (".authors", Attribute::Vendor, String::new()),
        (".homepage", Attribute::Url, String::new()),
        (".licenses", Attribute::Licence, String::new()),
        (".summary", Attribute::Description, String::new()),
    ];
    lines(subject, |line| {
        let Some((left, right)) = line.split_once('=') else { return Ok(()) };
        let left = left.trim();
        let value = values.iter_mut().find(|(field, _, value)| left.ends_with(field) && value.is_empty());
        if let Some((_, _, value)) = value {
            *value = quoted(right).unwrap_or_default();
        }
        Ok(())
    })?;
    let state = if subject.path().contains("specifications/") { INSTALLED } else { DECLARED };
    let more: Vec<_> = values[2..].iter().map(|(_, attribute, value)| (*attribute, value.as_str())).collect();
    tell(facts, ("gem", state), (&values[0].2, &values[1].2), &more)
}

/// The first text between quotes.
fn quoted(text: &str) -> Option<String> {
    let start = text.find(['"', '\''])?;
    let quote = char::from(text.as_bytes()[start]);
    text[start + 1..].split_once(quote).map(|(inside, _)| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn locked_and_installed_gems() {
        let lock = "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (3.0.8)\n    rails (7.1)\n      rack (>= 2)\n\nDEPENDENCIES\n  rails (~> 7)\n";
        let facts = facts_of(&Gem, "Gemfile.lock", lock.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:gem/rack@3.0.8"));
        let text = "Gem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"3.0.8\"\n  s.authors = [\"A B\".freeze]\nend\n";
        let facts = facts_of(&Gem, "gems/3.2.0/specifications/rack-3.0.8.gemspec", text.as_bytes());
        assert_eq!(facts[0].get(Attribute::Vendor), Some("A B"));
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
    }
}
