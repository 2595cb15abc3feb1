//! PHP's Composer: `composer.lock` ([format](https://getcomposer.org/doc/01-basic-usage.md)), and `installed.json`, which lies beside what is
//! installed.

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Json, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Composer;

impl Reader for Composer {
    fn name(&self) -> &'static str {
        "composer"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.is_named("composer.lock")
            || (subject.is_named("installed.json") && subject.path().ends_with("composer/installed.json"))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let state = if subject.is_named("installed.json") { INSTALLED } else { DECLARED };
        let kind = |path: &[String]| {
            // Composer 1 wrote a list without a name.
            (matches(path, "packages|packages-dev/item") || matches(path, "item")).then_some(())
        };
        records(&mut Json::new(subject)?, kind, |record| {
            let node = record.node;
            let licence = node.joined("license/item");
            let more = [
                (Attribute::Vendor, node.get("authors/item/name")),
                (Attribute::Url, node.first(&["homepage", "source/url"])),
                (Attribute::Licence, licence.as_str()),
                (Attribute::Description, node.get("description")),
            ];
            tell(facts, ("composer", state), (node.get("name"), node.get("version")), &more)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn locked_and_installed_packages() {
        let json = br#"{"packages": [{"name": "A/b", "version": "1.0", "license": ["MIT"], "authors": [{"name": "X"}]}],
            "packages-dev": [{"name": "c/d", "version": "2"}]}"#;
        let facts = facts_of(&Composer, "composer.lock", json);
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:composer/a/b@1.0"));
        let facts =
            facts_of(&Composer, "vendor/composer/installed.json", br#"[{"name": "a/b", "version": "1"}]"#);
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
    }
}
