//! SPDX 2 as tags and values, one on each line ([specification](https://spdx.github.io/spdx-spec/v2.3/conformance/)).

use candor_object::Attribute;

use super::spdx::reference_attribute;
use super::{DIGESTS, agent, asserted, tell};
use crate::text::numbered_lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct SpdxTags;

impl Reader for SpdxTags {
    fn name(&self) -> &'static str {
        "spdx tag-value"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.says("SPDXVersion: SPDX-2")
            || (subject.file_name().ends_with(".spdx") && subject.says("SPDXVersion:"))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut package: Option<Vec<(Attribute, String)>> = None;
        let mut in_text = false;
        numbered_lines(subject, |number, line| {
            // A text may go over several lines, which may look like anything.
            if in_text {
                in_text = !line.contains("</text>");
                return Ok(());
            }
            let Some((tag, value)) = line.split_once(':') else { return Ok(()) };
            in_text = value.contains("<text>") && !value.contains("</text>");
            let value = value.trim();
            if tag == "PackageName" {
                finish(package.take(), facts)?;
                let line = (Attribute::Line, number.to_string());
                package = Some(vec![
                    (Attribute::Source, "spdx".to_owned()),
                    line,
                    (Attribute::Name, value.to_owned()),
                ]);
            } else if matches!(tag, "FileName" | "SnippetSPDXID" | "LicenseID") {
                finish(package.take(), facts)?;
            } else if let Some(package) = &mut package {
                field(package, tag, value);
            }
            Ok(())
        })?;
        finish(package, facts)
    }
}

fn field(package: &mut Vec<(Attribute, String)>, tag: &str, value: &str) {
    let (attribute, value) = match tag {
        "SPDXID" => (Attribute::Id, value.to_owned()),
        "PackageVersion" => (Attribute::Version, asserted(value).to_owned()),
        "PackageSupplier" => (Attribute::Vendor, agent(value).to_owned()),
        "PackageOriginator" => (Attribute::Publisher, agent(value).to_owned()),
        "PackageFileName" => (Attribute::Path, value.to_owned()),
        "PackageHomePage" => (Attribute::Url, asserted(value).to_owned()),
        "PackageSummary" => (Attribute::Description, value.replace("<text>", "").replace("</text>", "")),
        "PackageLicenseConcluded" | "PackageLicenseDeclared" => {
            (Attribute::Licence, asserted(value).to_owned())
        }
        "PrimaryPackagePurpose" => (Attribute::Key, value.to_owned()),
        "PackageChecksum" => {
            let Some((algorithm, digest)) = value.split_once(':') else { return };
            (Attribute::Digest, format!("{}:{}", algorithm.to_lowercase(), digest.trim()))
        }
        "ExternalRef" => {
            // Category, type, locator.
            let mut words = value.split_whitespace().skip(1);
            let (Some(kind), Some(locator)) = (words.next(), words.next()) else { return };
            let Some(attribute) = reference_attribute(kind) else { return };
            (attribute, locator.to_owned())
        }
        _ => return,
    };
    let several = [Attribute::Digest, Attribute::Cpe, Attribute::Purl].contains(&attribute);
    let there = package.iter().filter(|(known, value)| *known == attribute && !value.is_empty()).count();
    if there < if several { DIGESTS } else { 1 } {
        package.push((attribute, value));
    }
}

fn finish(package: Option<Vec<(Attribute, String)>>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let Some(package) = package else { return Ok(()) };
    let mut values: Vec<_> = package.iter().map(|(attribute, value)| (*attribute, value.as_str())).collect();
    // Who made it is the supplier where no other is named.
    if values.iter().all(|(attribute, value)| *attribute != Attribute::Vendor || value.is_empty())
        && let Some((_, originator)) =
            values.iter().find(|(attribute, _)| *attribute == Attribute::Publisher).copied()
    {
        values.push((Attribute::Vendor, originator));
    }
    tell(facts, &values)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn packages_end_where_files_begin() {
        let text = "SPDXVersion: SPDX-2.3\nDocumentName: x\n\nPackageName: kesl\nSPDXID: SPDXRef-1\nPackageVersion: 12.0\n\
                    PackageSupplier: Organization: AO Kaspersky Lab (a@b)\nPackageDescription: <text>\nPackageName: no\n</text>\n\
                    ExternalRef: SECURITY cpe23Type cpe:2.3:a:kaspersky:kesl:12\nPackageChecksum: SHA256: 00\n\n\
                    FileName: ./a\nSPDXID: SPDXRef-2\nFileChecksum: SHA1: 11\n\nPackageName: b\nPackageOriginator: Person: C\n";
        let facts = facts_of(&SpdxTags, "x.spdx", text.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
        assert_eq!(facts[0].get(Attribute::Id), Some("SPDXRef-1"));
        assert_eq!(facts[0].get(Attribute::Digest), Some("sha256:00"));
        assert_eq!(facts[0].get(Attribute::Line), Some("4"));
        assert_eq!(facts[1].get(Attribute::Vendor), Some("C"));
    }
}
