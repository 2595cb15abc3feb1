//! Takes what a scan reports into the vault.

use std::fs::File;
use std::path::Path;

use candor_quarantine::{Grounds, Protection, Vault};

use crate::complain;
use crate::escape::Escaped;
use crate::examine::{Quarantine, Scanned};
use crate::output::Run;
use crate::quarantine;

/// A vault, and the databases that the findings come from.
pub(crate) struct Isolation {
    vault: Vault,
    databases: String,
}

impl Isolation {
    /// Opens the vault of this folder or the default one, and makes it if there is none.
    pub(crate) fn open(folder: Option<&Path>, run: &Run) -> anyhow::Result<Self> {
        let vault = quarantine::create(folder)?;
        let databases: Vec<String> = run.databases.iter().map(|used| hex::encode(used.identity)).collect();
        Ok(Self { vault, databases: databases.join(" ") })
    }

    /// Takes the very file that was examined, whatever its path leads to by now. Unmodified files of the
    /// distribution's packages stay where they are.
    pub(crate) fn take(&self, scanned: &mut Scanned, file: &File) {
        let names =
            scanned.decision.detections.iter().filter_map(|number| scanned.report.findings.get(*number));
        let grounds = Grounds {
            findings: names.map(|finding| finding.name.clone()).collect(),
            database: Some(self.databases.clone()),
        };
        let path = scanned.path();
        scanned.quarantine = Some(match self.vault.take(file, &path, &grounds, Protection::Packages) {
            Ok(taken) => Quarantine::Taken(taken.entry.id.to_string()),
            Err(error) => {
                let reason = error.to_string();
                complain(&format!("not taken into quarantine: {}", Escaped(&reason)));
                Quarantine::Left(reason)
            }
        });
    }
}
