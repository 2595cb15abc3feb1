//! SPDX 2 as RDF in XML ([terms](https://spdx.org/rdf/terms/)), and as the XML that its tools write.

use candor_object::Attribute;

use super::spdx::reference_attribute;
use super::{agent, asserted, tell};
use crate::document::{Xml, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct SpdxRdf;

impl Reader for SpdxRdf {
    fn name(&self) -> &'static str {
        "spdx xml"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.begins_with(b'<')
            && (subject.says("spdx.org/rdf/terms")
                || (subject.says("<Document>") && subject.says("<SPDXID>")))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let kind = |path: &[String]| {
            path.last().filter(|name| matches!(name.as_str(), "Package" | "packages")).map(|_| ())
        };
        records(&mut Xml::new(subject)?, kind, |record| {
            let node = record.node;
            let parent: Vec<&str> = record.around.iter().map(|node| node.get("name")).collect();
            let parent = parent.join(" > ");
            let (supplier, originator) = (agent(node.get("supplier")), agent(node.get("originator")));
            let line = record.line.to_string();
            let mut values = vec![
                (Attribute::Name, node.get("name")),
                (Attribute::Version, asserted(node.get("versionInfo"))),
                (Attribute::Vendor, if supplier.is_empty() { originator } else { supplier }),
                (Attribute::Publisher, originator),
                (Attribute::Url, asserted(node.first(&["homepage", "downloadLocation"]))),
                (Attribute::Id, node.first(&["SPDXID", "about"])),
                (Attribute::Parent, parent.as_str()),
                (Attribute::Source, "spdx"),
                (Attribute::Line, line.as_str()),
            ];
            let references = node.all("externalRef/ExternalRef").into_iter().chain(node.all("externalRefs"));
            for reference in references {
                let kind = reference.first(&[
                    "referenceType/resource",
                    "referenceType/ReferenceType/about",
                    "referenceType",
                ]);
                let locator = reference.get("referenceLocator");
                values.extend(reference_attribute(kind).map(|attribute| (attribute, locator)));
            }
            tell(facts, &values)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn packages_of_rdf_and_of_plain_xml() {
        let rdf = r#"<rdf:RDF xmlns:spdx="http://spdx.org/rdf/terms#"><spdx:Package rdf:about="u#SPDXRef-1"><spdx:name>kesl</spdx:name>
            <spdx:supplier>Organization: AO Kaspersky Lab</spdx:supplier><spdx:externalRef><spdx:ExternalRef>
            <spdx:referenceType rdf:resource="http://spdx.org/rdf/references/cpe23Type"/><spdx:referenceLocator>cpe:2.3:a:kaspersky:kesl
            </spdx:referenceLocator></spdx:ExternalRef></spdx:externalRef></spdx:Package></rdf:RDF>"#;
        let xml = "<Document><SPDXID>SPDXRef-DOCUMENT</SPDXID><packages><name>kesl</name><supplier>Organization: AO Kaspersky Lab</supplier>\
            <externalRefs><referenceType>cpe23Type</referenceType><referenceLocator>cpe:2.3:a:kaspersky:kesl</referenceLocator></externalRefs>\
            </packages></Document>";
        for text in [rdf, xml] {
            let facts = facts_of(&SpdxRdf, "x", text.as_bytes());
            assert_eq!(facts.len(), 1);
            assert_eq!(facts[0].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
            assert_eq!(facts[0].get(Attribute::Cpe), Some("cpe:2.3:a:kaspersky:kesl"));
        }
    }
}
