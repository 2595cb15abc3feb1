//! What a layer removes of those below: files `.wh.NAME`, and `.wh..wh..opq` for all that a directory had
//! ([layers](https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts)). An empty file is told as well:
//! it may stand in the place of a list of packages.

use candor_object::{Attribute, FactKind};

use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Whiteouts;

impl Reader for Whiteouts {
    fn name(&self) -> &'static str {
        "whiteout"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.content().size() == 0 && subject.containers.iter().any(|around| around.name() == "tar")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let path = subject.path();
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
        let removed = match file.strip_prefix(".wh.") {
            Some(".wh..opq") => {
                let folder = if folder.is_empty() { "." } else { folder };
                let values = [(Attribute::Path, folder), (Attribute::State, "opaque")];
                return facts.add(FactKind::Removed, &values);
            }
            // What aufs keeps for itself.
            Some(own) if own.starts_with(".wh.") => return Ok(()),
            Some(removed) => removed,
            None => {
                return facts.add(FactKind::File, &[(Attribute::Path, &path), (Attribute::State, "empty")]);
            }
        };
        let slash = if folder.is_empty() { "" } else { "/" };
        let values =
            [(Attribute::Path, &*format!("{folder}{slash}{removed}")), (Attribute::State, "removed")];
        facts.add(FactKind::Removed, &values)
    }
}
