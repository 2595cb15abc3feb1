//! Yarn's `yarn.lock`, of the first version and of the later ones, which are nearly YAML.

use candor_object::Attribute;

use super::{DECLARED, tell};
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Yarn;

impl Reader for Yarn {
    fn name(&self) -> &'static str {
        "yarn"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.is_named("yarn.lock")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut name = String::new();
        lines(subject, |line| {
            if !line.starts_with([' ', '#']) && line.ends_with(':') {
                // "@s/a@^1.0.0", "@s/a@^1.1": or "@s/a@npm:^1.0.0, @s/a@npm:^1.1":
                let first = line.trim_start_matches('"');
                let end = first.get(1..).and_then(|rest| rest.find('@')).map_or(0, |at| at + 1);
                first[..end].clone_into(&mut name);
            } else if let Some(version) = line.strip_prefix("  version")
                && name != "__metadata"
            {
                let version = version.trim_start_matches(':').trim().trim_matches('"');
                tell(facts, ("npm", DECLARED), (&name, version), &[(Attribute::Source, "yarn.lock")])?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn both_forms() {
        let first = "# yarn lockfile v1\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1\":\n  version \"1.1.0\"\n  resolved \"x\"\n\nb@2:\n  version \"2.0\"\n";
        let later = "__metadata:\n  version: 8\n\n\"@s/a@npm:^1.0.0\":\n  version: 1.1.0\n\n\"b@npm:2\":\n  version: 2.0\n";
        for text in [first, later] {
            let facts = facts_of(&Yarn, "yarn.lock", text.as_bytes());
            let purls: Vec<_> = facts.iter().map(|fact| fact.get(Attribute::Purl).unwrap()).collect();
            assert_eq!(purls, ["pkg:npm/%40s/a@1.1.0", "pkg:npm/b@2.0"]);
        }
    }
}
