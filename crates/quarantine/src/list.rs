//! What is in the vault, and whether it is whole.

use std::path::PathBuf;

use crate::entry::record::Entry;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::place::Place;
use crate::step::Step;
use crate::vault::{Stage, Vault};

/// What is in the vault.
#[derive(Debug, Default)]
pub struct Listing {
    /// Entries, the oldest first; without their extended attributes, which can be long.
    pub entries: Vec<Listed>,
    /// Entries that cannot be read, and files that are no entries.
    pub broken: Vec<Error>,
}

/// An entry with what can be seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What the vault knows of it.
    pub entry: Entry,
    /// Its file in the vault.
    pub file: PathBuf,
    /// Whether the original may still be there, because the program that took it was interrupted or has not
    /// ended yet.
    pub unfinished: bool,
    /// Whether there is a file of that size where the original was: perhaps it was restored already.
    pub place_is_taken: bool,
}

impl Vault {
    /// All entries. Their content is not read.
    ///
    /// # Errors
    /// When the folder cannot be read; broken entries are told in the result.
    pub fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        let names = self.names()?;
        for name in names.strange {
            let reason = "it is no entry and was not made by this program".to_owned();
            listing.broken.push(Error::Broken { path: self.path.join(name), reason });
        }
        for (id, stage) in names.entries {
            if stage == Stage::Part {
                continue;
            }
            match self.show(id) {
                Ok(mut listed) => {
                    listed.entry.attributes = Vec::new();
                    listed.entry.extents = Vec::new();
                    listing.entries.push(listed);
                }
                // It was deleted or restored meanwhile.
                Err(Error::Unknown(_)) => {}
                Err(error) => listing.broken.push(error),
            }
        }
        listing.entries.sort_by_key(|listed| (listed.entry.taken, listed.entry.id));
        Ok(listing)
    }

    /// One entry. Its content is not read.
    ///
    /// # Errors
    /// When it is not there or broken.
    pub fn show(&self, id: Id) -> Result<Listed> {
        let (unsealed, stage) = self.unseal(id)?;
        let entry = unsealed.entry;
        let there = Place::of(&entry.path).and_then(|place| place.look(&place.name));
        let place_is_taken =
            there.is_ok_and(|stat| stat.is_some_and(|stat| u64::try_from(stat.st_size) == Ok(entry.size)));
        Ok(Listed { entry, file: self.path_of(id, stage), unfinished: stage == Stage::Taken, place_is_taken })
    }

    /// Reads all of an entry and compares it with its digest.
    ///
    /// # Errors
    /// When it is not there or broken.
    pub fn verify(&self, id: Id) -> Result<()> {
        let (mut unsealed, stage) = self.unseal(id)?;
        unsealed.content(&mut |_, _| Ok(())).map_err(|fault| fault.of(&self.path_of(id, stage)))
    }

    /// Removes an entry for good. One that is broken can be removed as well.
    ///
    /// # Errors
    /// When it is not there or cannot be removed; [`Error::Busy`] if another program is taking it in.
    pub fn delete(&self, id: Id) -> Result<()> {
        // An original that was set aside is known to its entry only.
        self.mend()?;
        let mut _lock = self.lock_shared()?;
        let mut stages = self.stages(id)?;
        if stages.contains(&Stage::Taken) {
            drop(_lock);
            _lock = self.lock_alone()?.ok_or_else(|| Error::Busy(self.path.clone()))?;
            stages = self.stages(id)?;
        }
        if stages.is_empty() {
            return Err(Error::Unknown(id.to_string()));
        }
        for stage in stages {
            self.remove(id, stage)?;
        }
        self.steps.reached(Step::EntryRemoved);
        Ok(())
    }

    /// Under which names an entry is there.
    fn stages(&self, id: Id) -> Result<Vec<Stage>> {
        let entries = self.names()?.entries.into_iter();
        Ok(entries
            .filter(|(found, _)| *found == id)
            .map(|(_, stage)| stage)
            .filter(|stage| *stage != Stage::Part)
            .collect())
    }
}
