//! Homebrew: receipts of formulae (`Cellar/NAME/VERSION/INSTALL_RECEIPT.json`), and what it keeps of casks
//! (`Caskroom/NAME/.metadata`), as its [documentation](https://docs.brew.sh/Formula-Cookbook) has them.

use candor_object::Attribute;

use super::{INSTALLED, tell};
use crate::document::{Json, records};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Brew;

impl Reader for Brew {
    fn name(&self) -> &'static str {
        "brew"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.is_named("INSTALL_RECEIPT.json") || of_cask(subject)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if subject.file_name().ends_with(".rb") {
            return definition(subject, facts);
        }
        let path = subject.path();
        let (name, version) =
            after(&path, "Cellar/").or_else(|| after(&path, "Caskroom/")).unwrap_or_default();
        records(
            &mut Json::new(subject)?,
            |path| path.is_empty().then_some(()),
            |record| {
                let node = record.node;
                let token = node.first(&["token", "full_token"]);
                let name = if token.is_empty() { name } else { token };
                let told = node.first(&["version", "source/version", "source/versions/stable"]);
                let version = if version.is_empty() || version == ".metadata" { told } else { version };
                let description = node.first(&["name/item", "name", "desc"]);
                let more = [
                    (Attribute::Description, description),
                    (Attribute::Url, node.get("homepage")),
                    (Attribute::Source, node.first(&["source/tap", "tap"])),
                    (Attribute::Architecture, node.get("arch")),
                    (Attribute::Time, node.get("time")),
                ];
                tell(facts, ("brew", INSTALLED), (name, version), &more)
            },
        )
    }
}

fn of_cask(subject: &Subject<'_>) -> bool {
    let name = subject.file_name();
    (name.ends_with(".rb") || name.ends_with(".json"))
        && subject.path().contains("Caskroom/")
        && subject.path().contains("/Casks/")
}

/// The two parts of a path that follow a folder.
fn after<'p>(path: &'p str, folder: &str) -> Option<(&'p str, &'p str)> {
    let mut parts = path[path.find(folder)? + folder.len()..].split('/');
    Some((parts.next()?, parts.next().unwrap_or("")))
}

/// A cask as Ruby: `cask "name" do`, and simple lines in it.
fn definition(subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let mut values = [
        ("cask ", String::new()),
        ("version ", String::new()),
        ("name ", String::new()),
        ("homepage ", String::new()),
    ];
    lines(subject, |line| {
        let line = line.trim_start();
        for (field, value) in &mut values {
            if let Some(rest) = line.strip_prefix(*field)
                && value.is_empty()
            {
                rest.split(['"', '\'']).nth(1).unwrap_or("").clone_into(value);
            }
        }
        Ok(())
    })?;
    let [(_, name), (_, version), (_, description), (_, homepage)] = &values;
    let more = [(Attribute::Description, description.as_str()), (Attribute::Url, homepage)];
    tell(facts, ("brew", INSTALLED), (name, version), &more)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn receipts_and_casks() {
        let json = br#"{"homebrew_version": "4", "time": 1700000000, "source": {"tap": "homebrew/core", "versions": {"stable": "9"}}}"#;
        let facts = facts_of(&Brew, "opt/homebrew/Cellar/wget/1.24.5/INSTALL_RECEIPT.json", json);
        assert_eq!(
            (facts[0].get(Attribute::Name), facts[0].get(Attribute::Version)),
            (Some("wget"), Some("1.24.5"))
        );
        let json = br#"{"token": "a", "name": ["A B"], "version": "2", "homepage": "https://x"}"#;
        let facts = facts_of(&Brew, "Caskroom/a/.metadata/2/2024/Casks/a.json", json);
        assert_eq!((facts[0].get(Attribute::Name), facts[0].get(Attribute::Version)), (Some("a"), Some("2")));
        let ruby = b"cask \"a\" do\n  version \"2\"\n  name \"A B\"\n  homepage \"https://x\"\nend\n";
        let facts = facts_of(&Brew, "Caskroom/a/.metadata/2/2024/Casks/a.rb", ruby);
        assert_eq!(facts[0].get(Attribute::Description), Some("A B"));
    }
}
