//! What `winget export` writes ([schema](https://aka.ms/winget-packages.schema.2.0.json)).

use candor_object::Attribute;

use super::{DECLARED, INSTALLED, tell};
use crate::document::{Json, matches, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Winget;

impl Reader for Winget {
    fn name(&self) -> &'static str {
        "winget export"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.begins_with(b'{')
            && (subject.says("winget-packages.schema") || subject.says("\"PackageIdentifier\""))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        // A list that winget wrote tells what is installed, one that somebody wrote what is to be.
        let state = if subject.says("\"CreationDate\"") { INSTALLED } else { DECLARED };
        let kind = |path: &[String]| matches(path, "Sources/item/Packages/item").then_some(());
        records(&mut Json::new(subject)?, kind, |record| {
            let id = record.node.get("PackageIdentifier");
            tell(facts, ("winget", state), (id, record.node.get("Version")), &[(Attribute::Id, id)])
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn packages_of_all_sources() {
        let json = br#"{"$schema": "https://aka.ms/winget-packages.schema.2.0.json", "CreationDate": "2024-01-01", "Sources":
            [{"Packages": [{"PackageIdentifier": "Kaspersky.KasperskyAnti-Virus", "Version": "21"}], "SourceDetails": {}}]}"#;
        let facts = facts_of(&Winget, "x.json", json);
        assert_eq!(facts[0].get(Attribute::Name), Some("Kaspersky.KasperskyAnti-Virus"));
        assert_eq!(facts[0].get(Attribute::State), Some("installed"));
    }
}
