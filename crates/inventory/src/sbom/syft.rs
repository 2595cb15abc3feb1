//! Syft's own JSON ([schema](https://github.com/anchore/syft/tree/main/schema/json)).

use candor_object::Attribute;

use super::tell;
use crate::document::{Json, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Syft;

impl Reader for Syft {
    fn name(&self) -> &'static str {
        "syft"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // Its packages come first, so that what it says of itself is far behind.
        let packages = subject.says("\"artifacts\"") && subject.says("\"foundBy\"");
        subject.begins_with(b'{') && (packages || subject.file_name().ends_with(".syft.json"))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let kind = |path: &[String]| matches(path, "artifacts/item").then_some(());
        records(&mut Json::new(subject)?, kind, |record| {
            let node = record.node;
            let (licence, line) = (node.joined("licenses/item/value"), record.line.to_string());
            let vendor = node.first(&[
                "metadata/vendor",
                "metadata/maintainer",
                "metadata/author",
                "metadata/authors/item",
            ]);
            let mut values = vec![
                (Attribute::Name, node.get("name")),
                (Attribute::Version, node.get("version")),
                (Attribute::Vendor, vendor),
                (Attribute::Purl, node.get("purl")),
                (Attribute::Manager, node.get("type")),
                (Attribute::Licence, licence.as_str()),
                (Attribute::Path, node.get("locations/item/path")),
                (Attribute::Architecture, node.get("metadata/architecture")),
                (Attribute::Id, node.get("id")),
                (Attribute::Source, "syft"),
                (Attribute::Line, line.as_str()),
            ];
            let names = node.all("cpes/item");
            values.extend(names.iter().take(4).map(|cpe| (Attribute::Cpe, cpe.first_text("cpe"))));
            tell(facts, &values)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn artifacts_with_their_cpes() {
        let json = br#"{"artifacts": [{"id": "1", "name": "kesl", "version": "12", "type": "deb", "foundBy": "dpkg-db-cataloger",
            "cpes": [{"cpe": "cpe:2.3:a:kesl:kesl:12", "source": "syft-generated"}], "purl": "pkg:deb/kesl@12", "metadata": {"maintainer": "K"}},
            {"name": "b", "cpes": ["cpe:2.3:a:b:b"]}], "descriptor": {"name": "syft"}}"#;
        let facts = facts_of(&Syft, "x.json", json);
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Vendor), Some("K"));
        assert_eq!(facts[0].get(Attribute::Cpe), Some("cpe:2.3:a:kesl:kesl:12"));
        assert_eq!(facts[1].get(Attribute::Cpe), Some("cpe:2.3:a:b:b"));
    }
}
