//! What speaks for an object: digests that are trusted, publishers that are.

use std::io;

use candor_detect::{Error, trust};
use candor_formats::format_of;
use candor_object::{Finding, Object, Signed};

use super::Scan;

impl Scan<'_> {
    /// Looks for trusted digests of the object and its containers, each once. It is asked only where there is
    /// something to be overridden, since it costs a digest of everything.
    pub(super) fn ask_for_trust(&mut self, found: &mut Vec<Finding>) {
        let deadline = self.budget.deadline();
        let mut failures = Vec::new();
        for (id, object) in &self.chain {
            if !self.trust_asked.insert(*id) {
                continue;
            }
            for database in self.databases {
                match database.trusted(&object.content, *id, deadline) {
                    Ok(finding) => found.extend(finding),
                    Err(error) => failures.push((*id, error)),
                }
            }
            let publisher = self.signed(object).map_err(Error::Io).and_then(|signed| match signed {
                Some(signed) => trust::trusted(self.databases, &object.content, &signed, *id, deadline),
                None => Ok(None),
            });
            match publisher {
                Ok(finding) => found.extend(finding),
                Err(error) => failures.push((*id, error)),
            }
        }
        for (id, error) in failures {
            self.failed(id, &error);
        }
    }

    /// What is signed of an object, if some database judges publishers.
    pub(super) fn signed(&self, object: &Object) -> io::Result<Option<Signed>> {
        let judged = self.databases.iter().any(|database| database.judges_publishers());
        let format = if judged { format_of(object.file_type.name()) } else { None };
        format.map_or(Ok(None), |format| format.signed(&object.content))
    }
}
