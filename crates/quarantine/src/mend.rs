//! Mends what an interrupted program left: unfinished entries, and originals that are in the vault already.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use rustix::fs::{AtFlags, unlinkat};

use crate::entry::record::Entry;
use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::place::Place;
use crate::removal;
use crate::source::{self, Identity};
use crate::vault::{Stage, Vault};

/// What mending did.
#[derive(Debug, Default)]
pub struct Mending {
    /// Each thing that was left.
    pub mended: Vec<Mended>,
    /// Whether another program is at work in the vault, so that nothing was mended: what it has begun looks
    /// like what was left.
    pub busy: bool,
}

/// One thing that was left.
#[derive(Debug)]
#[non_exhaustive]
pub enum Mended {
    /// An unfinished file in the vault, worth nothing, was removed: the original had not been touched.
    Leftover(PathBuf),
    /// An entry whose original had not been removed is an ordinary one now.
    Finished {
        /// The entry.
        entry: Box<Entry>,
        /// What became of the original.
        ending: Ending,
    },
    /// An entry stays unfinished.
    Unfinished {
        /// Its id.
        id: Id,
        /// Why.
        error: Error,
    },
}

/// What became of the original of an unfinished entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It was still there, as it is in the vault, and was removed now.
    OriginalRemoved,
    /// It was gone.
    OriginalGone,
    /// It, or another file, is in its place with other content, and stays there.
    OriginalDiffers,
}

impl Vault {
    /// Finishes what an interrupted program left. It is done before a file is taken, too.
    ///
    /// # Errors
    /// When the vault cannot be read. What cannot be finished is told in the result and left as it is.
    pub fn mend(&self) -> Result<Mending> {
        let names = self.names()?;
        let unfinished = names.entries.iter().any(|(_, stage)| *stage != Stage::Final);
        if !unfinished && names.keys.is_empty() {
            return Ok(Mending::default());
        }
        let Some(_lock) = self.lock_alone()? else { return Ok(Mending { busy: true, ..Mending::default() }) };
        // Now that nobody is at work, what is there was left.
        let names = self.names()?;
        let mut mended = Vec::new();
        for name in names.keys {
            unlinkat(&self.folder, &name, AtFlags::empty())
                .about(&self.path, "a leftover cannot be removed")?;
            mended.push(Mended::Leftover(self.path.join(name)));
        }
        for (id, stage) in names.entries {
            match stage {
                Stage::Part => {
                    self.remove(id, stage)?;
                    mended.push(Mended::Leftover(self.path_of(id, stage)));
                }
                Stage::Taken => mended.push(match self.finish_taking(id) {
                    Ok((entry, ending)) => Mended::Finished { entry: Box::new(entry), ending },
                    Err(error) => Mended::Unfinished { id, error },
                }),
                Stage::Final => {}
            }
        }
        Ok(Mending { mended, busy: false })
    }

    fn finish_taking(&self, id: Id) -> Result<(Entry, Ending)> {
        let path = self.path_of(id, Stage::Taken);
        let unsealed = self.unseal_at(id, Stage::Taken)?;
        let mut unsealed = unsealed.ok_or_else(|| Error::Unknown(id.to_string()))?;
        unsealed.content(&mut |_, _| Ok(())).map_err(|fault| fault.of(&path))?;
        let entry = unsealed.entry;
        let ending = match Place::of(&entry.path) {
            Ok(place) => self.settle(&place, &entry)?,
            Err(Error::SymbolicLinkOnTheWay(_)) => Ending::OriginalGone,
            Err(Error::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                Ending::OriginalGone
            }
            Err(error) => return Err(error),
        };
        self.finish(id)?;
        Ok((entry, ending))
    }

    /// Removes what is still there of the original, if it is what the vault has.
    fn settle(&self, place: &Place, entry: &Entry) -> Result<Ending> {
        let private = removal::private_name(entry.id);
        let identity = Identity { device: entry.device, inode: entry.inode };
        if place.identity(OsStr::new(&private))?.is_some() {
            if is_original(place, OsStr::new(&private), entry)? {
                removal::remove_aside(place, identity, entry.id)?;
                // The entry is on the disk; without this, a power cut may bring the original back beside it.
                let _ = place.sync();
                return Ok(Ending::OriginalRemoved);
            }
            // It was set aside and is another file, or has other content by now.
            removal::put_back(place, entry.id)?;
            return Ok(Ending::OriginalDiffers);
        }
        if is_original(place, &place.name, entry)? {
            removal::remove(place, identity, entry.id, &self.steps)?;
            return Ok(Ending::OriginalRemoved);
        }
        let there = place.identity(&place.name)?.is_some();
        Ok(if there { Ending::OriginalDiffers } else { Ending::OriginalGone })
    }
}

/// Whether the file with this name is the one that was taken, with the content that was taken.
fn is_original(place: &Place, name: &OsStr, entry: &Entry) -> Result<bool> {
    let Some(file) = place.open(name)? else { return Ok(false) };
    let metadata = file.metadata().about(&place.path, "it cannot be looked at")?;
    let identity = Identity { device: entry.device, inode: entry.inode };
    if Identity::of(&metadata) != identity || metadata.len() != entry.size {
        return Ok(false);
    }
    Ok(source::digest(&file, entry.size).about(&place.path, "it cannot be read")? == Some(entry.sha256))
}
