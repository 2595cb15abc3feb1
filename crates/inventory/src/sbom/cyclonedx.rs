//! CycloneDX, as JSON and as XML ([specification](https://cyclonedx.org/specification/overview/)): components and services with what is
//! nested in them, one at a time.

use candor_object::Attribute;

use super::{DIGESTS, tell};
use crate::document::{Events, Json, Node, Record, Xml, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct CycloneDx;

#[derive(Clone, Copy)]
enum Kind {
    Component,
    Service,
}

impl Reader for CycloneDx {
    fn name(&self) -> &'static str {
        "cyclonedx"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        if subject.begins_with(b'<') {
            return subject.says("cyclonedx.org/schema/bom");
        }
        // The member that says what it is may come after the first 4,096 bytes.
        let named = subject.file_name().ends_with(".cdx.json") || subject.is_named("bom.json");
        subject.begins_with(b'{') && (subject.says("\"CycloneDX\"") || named)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        if subject.begins_with(b'<') {
            all(&mut Xml::new(subject)?, facts)
        } else {
            all(&mut Json::new(subject)?, facts)
        }
    }
}

fn all(events: &mut dyn Events, facts: &mut Facts<'_>) -> Result<(), Error> {
    records(events, kind, |record| component(&record, facts))
}

/// Components are in a list of the document or of each other; the thing itself and tools are in its metadata.
fn kind(path: &[String]) -> Option<Kind> {
    let [.., list, element] = path else { return None };
    let list = list.as_str();
    match element.as_str() {
        "item" if list == "components" => Some(Kind::Component),
        "item" if list == "services" => Some(Kind::Service),
        "component" if matches!(list, "components" | "metadata") => Some(Kind::Component),
        "service" if list == "services" => Some(Kind::Service),
        _ => None,
    }
}

fn component(record: &Record<'_, Kind>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let node = record.node;
    let name = full_name(node);
    let vendor = node.first(&["supplier/name", "manufacturer/name", "provider/name"]);
    let vendor = if vendor.is_empty() { node.get("manufacture/name") } else { vendor };
    let author = node.first(&["author", "authors/item/name", "authors/author/name"]);
    let licence = node.first(&[
        "licenses/item/license/id",
        "licenses/item/license/name",
        "licenses/item/expression",
        "licenses/license/id",
        "licenses/license/name",
        "licenses/expression",
    ]);
    let parent: Vec<String> = record.around.iter().map(|node| full_name(node)).collect();
    let parent = parent.join(" > ");
    let line = record.line.to_string();
    let digests: Vec<String> = node.all("hashes/*").into_iter().take(DIGESTS).map(digest).collect();
    let mut values = vec![
        (Attribute::Name, name.as_str()),
        (Attribute::Version, node.get("version")),
        (Attribute::Vendor, vendor),
        (Attribute::Publisher, node.get("publisher")),
        (Attribute::Purl, node.get("purl")),
        (Attribute::Cpe, node.get("cpe")),
        (Attribute::Parent, parent.as_str()),
        (Attribute::Licence, licence),
        (Attribute::Description, node.get("description")),
        (Attribute::Id, node.get("bom-ref")),
        (Attribute::Key, node.get("type")),
        (Attribute::Source, "cyclonedx"),
        (Attribute::Line, line.as_str()),
    ];
    if !author.is_empty() && author != node.get("publisher") {
        values.push((Attribute::Publisher, author));
    }
    // Several makers may be named, and each counts.
    let makers = ["manufacturer/name", "manufacture/name"].map(|path| node.get(path));
    values.extend(makers.iter().filter(|maker| **maker != vendor).map(|maker| (Attribute::Vendor, *maker)));
    if matches!(record.kind, Kind::Service) {
        values.push((Attribute::State, "service"));
        let addresses = node.all("endpoints/*").into_iter().take(2);
        values.extend(addresses.map(|address| (Attribute::Url, address.text.as_str())));
    }
    values.extend(digests.iter().map(|digest| (Attribute::Digest, digest.as_str())));
    tell(facts, &values)
}

/// The name behind its group; what is not read yet is known by its identifier.
fn full_name(node: &Node) -> String {
    let name = node.first(&["name", "bom-ref"]);
    match node.get("group") {
        "" => name.to_owned(),
        group => format!("{group}/{name}"),
    }
}

fn digest(hash: &Node) -> String {
    let content = hash.get("content");
    let value = if content.is_empty() { hash.text.trim() } else { content };
    format!("{}:{value}", hash.get("alg").to_lowercase())
}

#[cfg(test)]
mod tests {
    use candor_object::Fact;

    use crate::reader::tests::{facts_of, told};

    use super::*;

    fn check(facts: &[Fact]) {
        let parents: Vec<_> = facts
            .iter()
            .map(|fact| (fact.get(Attribute::Name).unwrap(), fact.get(Attribute::Parent).unwrap_or("")))
            .collect();
        assert_eq!(parents, [("Suite", ""), ("sdk", "acme/Gateway"), ("acme/Gateway", ""), ("Updates", "")]);
        assert_eq!(facts[1].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
        assert_eq!(facts[1].get(Attribute::Cpe), Some("cpe:/a:kaspersky_lab:sdk:8"));
        assert_eq!(facts[1].get(Attribute::Digest), Some("sha-256:00ff"));
        assert_eq!(facts[2].get(Attribute::Vendor), Some("Acme"));
        assert_eq!(facts[3].get(Attribute::Url), Some("https://u.example"));
    }

    #[test]
    fn nested_components_of_json() {
        let json = br#"{"bomFormat": "CycloneDX", "metadata": {"component": {"name": "Suite"}}, "components": [{"type": "application",
            "group": "acme", "name": "Gateway", "supplier": {"name": "Acme"}, "components": [{"name": "sdk", "version": "8",
            "supplier": {"name": "AO Kaspersky Lab"}, "cpe": "cpe:/a:kaspersky_lab:sdk:8", "hashes": [{"alg": "SHA-256", "content": "00ff"}],
            "pedigree": {"ancestors": [{"name": "x"}]}}]}], "services": [{"name": "Updates", "endpoints": ["https://u.example"]}]}"#;
        check(&facts_of(&CycloneDx, "x.json", json));
    }

    #[test]
    fn nested_components_of_xml() {
        let xml = br#"<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5"><metadata><component><name>Suite</name></component>
            </metadata><components><component type="application"><supplier><name>Acme</name></supplier><group>acme</group><name>Gateway</name>
            <components><component><supplier><name>AO Kaspersky Lab</name></supplier><name>sdk</name><hashes><hash alg="SHA-256">00ff</hash></hashes>
            <cpe>cpe:/a:kaspersky_lab:sdk:8</cpe></component></components></component></components><services><service><name>Updates</name>
            <endpoints><endpoint>https://u.example</endpoint></endpoints></service></services></bom>"#;
        check(&facts_of(&CycloneDx, "x.xml", xml));
    }

    #[test]
    fn what_is_before_the_end_of_a_broken_document_is_told() {
        let json = br#"{"bomFormat": "CycloneDX", "components": [{"name": "a"}, {"name": "b", "components": [{"name": "c" "#;
        let (facts, result) = told(&CycloneDx, "x.json", json);
        assert_eq!(facts.len(), 3);
        assert!(matches!(result, Err(Error::Damaged(_))));
    }
}
