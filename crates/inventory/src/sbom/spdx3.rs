//! SPDX 3 as JSON-LD ([specification](https://spdx.github.io/spdx-spec/v3.0.1/)): a flat list of elements, which name
//! each other by identifier.

use std::collections::HashMap;

use candor_object::Attribute;

use super::tell;
use crate::document::{Json, Node, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Spdx3;

/// Most agents that are remembered.
const AGENTS: usize = 50_000;

impl Reader for Spdx3 {
    fn name(&self) -> &'static str {
        "spdx 3"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.begins_with(b'{') && subject.says("spdx.org/rdf/3")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        // Makers may be told after what they made, so they are looked up in a first pass.
        let kind = |path: &[String]| matches(path, "@graph/item").then_some(());
        let mut agents: HashMap<String, String> = HashMap::new();
        let first = records(&mut Json::new(subject)?, kind, |record| {
            let node = record.node;
            if matches!(kind_of(node), "Organization" | "Person" | "Agent") && agents.len() < AGENTS {
                agents.insert(id(node).to_owned(), node.get("name").chars().take(200).collect());
            }
            Ok(())
        });
        if !matches!(first, Ok(()) | Err(Error::Damaged(_))) {
            return first;
        }
        records(&mut Json::new(subject)?, kind, |record| {
            if kind_of(record.node) == "Package" {
                package(record.node, record.line, &agents, facts)?;
            }
            Ok(())
        })
    }
}

fn kind_of(node: &Node) -> &str {
    let kind = node.first(&["type", "@type"]);
    kind.rsplit(['_', '/', ':']).next().unwrap_or(kind)
}

fn id(node: &Node) -> &str {
    node.first(&["spdxId", "@id"])
}

fn package(
    node: &Node,
    line: u64,
    agents: &HashMap<String, String>,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let agent = |path: &str| {
        let reference = node.first(&[path, &format!("{path}/item")]);
        agents.get(reference).map_or(reference, String::as_str)
    };
    let line = line.to_string();
    let mut values = vec![
        (Attribute::Name, node.get("name")),
        (Attribute::Version, node.first(&["software_packageVersion", "packageVersion"])),
        (Attribute::Vendor, agent("suppliedBy")),
        (Attribute::Publisher, agent("originatedBy")),
        (Attribute::Purl, node.first(&["software_packageUrl", "packageUrl"])),
        (Attribute::Url, node.first(&["software_homePage", "software_downloadLocation"])),
        (Attribute::Description, node.first(&["summary", "description"])),
        (Attribute::Id, id(node)),
        (Attribute::Source, "spdx"),
        (Attribute::Line, line.as_str()),
    ];
    for identifier in node.all("externalIdentifier/item") {
        let attribute = match identifier.get("externalIdentifierType") {
            "cpe22" | "cpe23" => Attribute::Cpe,
            "packageUrl" | "purl" => Attribute::Purl,
            _ => continue,
        };
        values.push((attribute, identifier.get("identifier")));
    }
    tell(facts, &values)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn packages_know_their_makers_by_name() {
        let json = br#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [{"type": "software_Package", "spdxId": "u:1",
            "name": "kesl", "software_packageVersion": "12", "suppliedBy": "u:2", "originatedBy": ["u:2"], "externalIdentifier": [
            {"type": "ExternalIdentifier", "externalIdentifierType": "cpe23", "identifier": "cpe:2.3:a:kaspersky:kesl"}]},
            {"type": "Organization", "spdxId": "u:2", "name": "AO Kaspersky Lab"}]}"#;
        let facts = facts_of(&Spdx3, "x", json);
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
        assert_eq!(facts[0].get(Attribute::Publisher), Some("AO Kaspersky Lab"));
        assert_eq!(facts[0].get(Attribute::Cpe), Some("cpe:2.3:a:kaspersky:kesl"));
    }
}
