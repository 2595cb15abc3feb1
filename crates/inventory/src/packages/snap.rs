//! Snaps: `meta/snap.yaml` ([format](https://snapcraft.io/docs/the-snap-format)).

use candor_object::Attribute;

use super::{INSTALLED, tell};
use crate::document::{Yaml, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Snap;

impl Reader for Snap {
    fn name(&self) -> &'static str {
        "snap"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.is_named("snap.yaml") && subject.says("name:")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        records(
            &mut Yaml::new(subject)?,
            |path| path.is_empty().then_some(()),
            |record| {
                let node = record.node;
                let architectures = node.joined("architectures/item");
                let more = [
                    (Attribute::Architecture, architectures.as_str()),
                    (Attribute::Licence, node.get("license")),
                    (Attribute::Url, node.first(&["website", "links/website"])),
                    (Attribute::Description, node.first(&["title", "summary"])),
                ];
                tell(facts, ("snap", INSTALLED), (node.get("name"), node.get("version")), &more)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn a_snap() {
        let yaml = "name: kesl\nversion: '12.0'\nsummary: s\narchitectures:\n- amd64\napps:\n  kesl:\n    command: x\n";
        let facts = facts_of(&Snap, "snap/kesl/1/meta/snap.yaml", yaml.as_bytes());
        assert_eq!(
            (facts[0].get(Attribute::Name), facts[0].get(Attribute::Version)),
            (Some("kesl"), Some("12.0"))
        );
        assert_eq!(facts[0].get(Attribute::Architecture), Some("amd64"));
    }
}
