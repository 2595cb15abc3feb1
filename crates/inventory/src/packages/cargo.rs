//! Cargo: `Cargo.lock` ([format](https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html)), and the list of
//! what `cargo install` installed, `.crates.toml`.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Toml, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Cargo;

impl Reader for Cargo {
    fn name(&self) -> &'static str {
        "cargo"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.is_named("Cargo.lock") || subject.is_named(".crates.toml")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let kind = |path: &[String]| (matches(path, "package") || matches(path, "v1")).then_some(());
        records(&mut Toml::new(subject)?, kind, |record| {
            let node = record.node;
            if node.name == "package" {
                let more = [(Attribute::Url, node.get("source"))];
                return tell(facts, ("cargo", DECLARED), (node.get("name"), node.get("version")), &more);
            }
            // "ripgrep 14.1.0 (registry+https://...)" = ["rg"]
            for program in &node.children {
                let mut words = program.name.split(' ');
                let package = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                let source = words.next().unwrap_or("").trim_matches(['(', ')']);
                tell(facts, ("cargo", INSTALLED), package, &[(Attribute::Url, source)])?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn locked_and_installed_crates() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = \"registry+x\"\ndependencies = [\n \"b\",\n]\n\n\
                    [[package]]\nname = \"b\"\nversion = \"2\"\n";
        let facts = facts_of(&Cargo, "x/Cargo.lock", lock.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:cargo/a@1.0"));
        assert_eq!(facts[1].get(Attribute::State), Some("declared"));
        let facts =
            facts_of(&Cargo, ".crates.toml", b"[v1]\n\"rg 14.1.0 (registry+https://x)\" = [\"rg\"]\n");
        assert_eq!(facts[0].get(Attribute::Version), Some("14.1.0"));
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
    }
}
