//! SPDX 2 as JSON ([specification](https://spdx.github.io/spdx-spec/v2.3/)), and as YAML.

use candor_object::Attribute;

use super::{DIGESTS, agent, asserted, tell};
use crate::document::{Events, Json, Node, Yaml, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Spdx;

impl Reader for Spdx {
    fn name(&self) -> &'static str {
        "spdx"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let named = subject.file_name().ends_with(".spdx.json");
        (subject.begins_with(b'{')
            && !subject.says("spdx.org/rdf/3")
            && (subject.says("\"spdxVersion\"") || named))
            || (subject.file_name().ends_with(".spdx.yaml") || subject.file_name().ends_with(".spdx.yml"))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if subject.begins_with(b'{') {
            all(&mut Json::new(subject)?, facts)
        } else {
            all(&mut Yaml::new(subject)?, facts)
        }
    }
}

fn all(events: &mut dyn Events, facts: &mut Facts<'_>) -> Result<(), Error> {
    let kind = |path: &[String]| matches(path, "packages/item").then_some(());
    records(events, kind, |record| package(record.node, record.line, facts))
}

fn package(node: &Node, line: u64, facts: &mut Facts<'_>) -> Result<(), Error> {
    let (supplier, originator) = (agent(node.get("supplier")), agent(node.get("originator")));
    let line = line.to_string();
    let digest =
        |sum: &&Node| format!("{}:{}", sum.get("algorithm").to_lowercase(), sum.get("checksumValue"));
    let digests: Vec<String> = node.all("checksums/item").iter().take(DIGESTS).map(digest).collect();
    let concluded = asserted(node.get("licenseConcluded"));
    let mut values = vec![
        (Attribute::Name, node.get("name")),
        (Attribute::Version, asserted(node.get("versionInfo"))),
        (Attribute::Vendor, if supplier.is_empty() { originator } else { supplier }),
        (Attribute::Publisher, originator),
        (
            Attribute::Licence,
            if concluded.is_empty() { asserted(node.get("licenseDeclared")) } else { concluded },
        ),
        (Attribute::Url, asserted(node.first(&["homepage", "downloadLocation"]))),
        (Attribute::Description, node.first(&["summary", "description"])),
        (Attribute::Id, node.get("SPDXID")),
        (Attribute::Path, node.get("packageFileName")),
        (Attribute::Key, node.get("primaryPackagePurpose")),
        (Attribute::Source, "spdx"),
        (Attribute::Line, line.as_str()),
    ];
    for reference in node.all("externalRefs/item") {
        let locator = reference.get("referenceLocator");
        values.extend(
            reference_attribute(reference.get("referenceType")).map(|attribute| (attribute, locator)),
        );
    }
    values.extend(digests.iter().map(|digest| (Attribute::Digest, digest.as_str())));
    tell(facts, &values)
}

/// What a reference to elsewhere is. Its type may be written as an address.
pub(super) fn reference_attribute(kind: &str) -> Option<Attribute> {
    match kind.trim().rsplit('/').next().unwrap_or("") {
        "purl" => Some(Attribute::Purl),
        "cpe22Type" | "cpe23Type" | "cpe22" | "cpe23" => Some(Attribute::Cpe),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn packages_with_their_references() {
        let json = br#"{"spdxVersion": "SPDX-2.3", "packages": [{"name": "kesl", "SPDXID": "SPDXRef-1", "versionInfo": "12.0",
            "supplier": "Organization: AO Kaspersky Lab", "downloadLocation": "NOASSERTION", "externalRefs": [
            {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:kaspersky:kesl:12"},
            {"referenceType": "purl", "referenceLocator": "pkg:rpm/kesl@12.0"}], "checksums": [{"algorithm": "SHA1", "checksumValue": "aa"}]}]}"#;
        let facts = facts_of(&Spdx, "x", json);
        assert_eq!(facts[0].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
        assert_eq!(facts[0].get(Attribute::Cpe), Some("cpe:2.3:a:kaspersky:kesl:12"));
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:rpm/kesl@12.0"));
        assert_eq!(facts[0].get(Attribute::Url), None);
        assert_eq!(facts[0].get(Attribute::Digest), Some("sha1:aa"));
    }

    #[test]
    fn the_same_as_yaml() {
        let yaml = "spdxVersion: \"SPDX-2.3\"\npackages:\n- name: \"kesl\"\n  supplier: \"Organization: AO Kaspersky Lab\"\n  externalRefs:\n  - referenceType: \"purl\"\n    referenceLocator: \"pkg:rpm/kesl\"\n";
        let facts = facts_of(&Spdx, "x.spdx.yaml", yaml.as_bytes());
        assert_eq!(facts[0].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:rpm/kesl"));
    }
}
