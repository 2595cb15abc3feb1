//! Conda: a file for each package in `conda-meta`
//! ([reference](https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/)).

use candor_object::Attribute;

use super::{INSTALLED, tell};
use crate::document::{Json, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Conda;

impl Reader for Conda {
    fn name(&self) -> &'static str {
        "conda"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.file_name().ends_with(".json")
            && subject.begins_with(b'{')
            && subject.path().rsplit('/').nth(1) == Some("conda-meta")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        records(
            &mut Json::new(subject)?,
            |path| path.is_empty().then_some(()),
            |record| {
                let node = record.node;
                let more = [
                    (Attribute::Source, node.first(&["channel", "schannel"])),
                    (Attribute::Architecture, node.get("subdir")),
                    (Attribute::Licence, node.get("license")),
                    (Attribute::Url, node.get("url")),
                ];
                tell(facts, ("conda", INSTALLED), (node.get("name"), node.get("version")), &more)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn each_file_is_a_package() {
        let json = br#"{"build": "0", "name": "zlib", "version": "1.3", "license": "Zlib", "files": []}"#;
        let facts = facts_of(&Conda, "opt/conda/conda-meta/zlib-1.3-0.json", json);
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:conda/zlib@1.3"));
        assert!(facts_of(&Conda, "other/zlib.json", json).is_empty());
    }
}
