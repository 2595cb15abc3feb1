//! Takes a file into the vault: seal it, put it on the disk, and only then remove the original.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use candor_packages::Owner;
use rustix::fs::{Mode, OFlags, openat};

use crate::attributes;
use crate::entry::record::{Entry, Grounds, Time};
use crate::entry::seal::Sealer;
use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::mend::{Ending, Mended};
use crate::place::{self, Place};
use crate::removal;
use crate::source::{self, Identity, State, Stop};
use crate::step::Step;
use crate::vault::{Stage, Vault};

/// How often a file that changes meanwhile is taken anew.
const MOST_ATTEMPTS: u32 = 3;

/// What is done with files that a package of the distribution brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// They are refused as long as they are unmodified.
    Packages,
    /// They are taken like others.
    Nothing,
}

/// A file that is in the vault now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What the vault knows of it.
    pub entry: Entry,
    /// What became of the original.
    pub original: Original,
}

/// What became of an original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Original {
    /// Its name was removed from its folder.
    Removed,
    /// Somebody else removed it while it was taken.
    GoneAlready,
    /// An earlier attempt, which had been interrupted, took it; this one removed it.
    TakenEarlier,
}

impl Vault {
    /// Takes an open file: exactly the one that was scanned, whatever its path leads to by now.
    ///
    /// `opened_by` is the path that it was opened by; the record has the one that the kernel knows. Every
    /// other name (hard link) of the file stays where it is; [`Entry::other_names`] counts them. The cursor
    /// of the file may move.
    ///
    /// Blocks while it reads the file, and while another program mends the vault.
    ///
    /// # Errors
    /// Whenever it is not taken; then it is in its place. [`Error::OfPackage`] and [`Error::PackageUnknown`]
    /// for what is protected, [`Error::Moved`] if no path leads to the file any more, [`Error::Changed`] if
    /// it keeps changing, [`Error::Displaced`] in the one case where another file could not get its name back.
    pub fn take(
        &self,
        file: &File,
        opened_by: &Path,
        grounds: &Grounds,
        protection: Protection,
    ) -> Result<Taken> {
        let metadata = file.metadata().about(opened_by, "it cannot be looked at")?;
        let identity = Identity::of(&metadata);
        if !metadata.is_file() {
            return Err(Error::NotRegular(opened_by.to_owned()));
        }
        if place::is_made_up(file).about(opened_by, "it cannot be looked at")? {
            return Err(Error::MadeUp(opened_by.to_owned()));
        }
        let mending = self.mend()?;
        let place = match place::find(file, opened_by) {
            Ok(place) => place,
            Err(error) => {
                // What an interrupted attempt had taken was perhaps removed just now.
                let finished = mending.mended.into_iter().find_map(|mended| match mended {
                    Mended::Finished { entry, ending: Ending::OriginalRemoved }
                        if (entry.device, entry.inode) == (identity.device, identity.inode) =>
                    {
                        Some(entry)
                    }
                    _ => None,
                });
                let taken = finished.map(|entry| Taken { entry: *entry, original: Original::TakenEarlier });
                return taken.ok_or(error);
            }
        };
        let folder = File::from(place.folder.try_clone().about(&place.path, "its folder cannot be opened")?);
        let folder = folder.metadata().about(&place.path, "its folder cannot be looked at")?;
        if Identity::of(&folder) == self.identity {
            return Err(Error::InVault(place.path));
        }
        let _lock = self.lock_shared()?;
        let packages = self.compare_with_packages(file, &place, protection)?;
        let mut attempts = 1;
        loop {
            match self.take_once(file, &place, grounds, &packages) {
                Err(Error::Changed(_)) if attempts < MOST_ATTEMPTS => attempts += 1,
                other => return other,
            }
        }
    }

    /// Refuses what is protected; otherwise says for the record what came of it.
    fn compare_with_packages(&self, file: &File, place: &Place, protection: Protection) -> Result<String> {
        let answer = self.packages.owner(&place.path, file);
        Ok(match (answer, protection) {
            (Owner::Unmodified(package), Protection::Packages) => {
                return Err(Error::OfPackage { path: place.path.clone(), package });
            }
            (Owner::Unknown(reason), Protection::Packages) => {
                return Err(Error::PackageUnknown { path: place.path.clone(), reason });
            }
            (Owner::Unmodified(package), Protection::Nothing) => {
                format!("unmodified file of the package {package}, taken by force")
            }
            (Owner::Unknown(reason), Protection::Nothing) => format!("{reason}, taken by force"),
            (Owner::Modified(package), _) => format!("modified file of the package {package}"),
            (Owner::Nobody, _) => "no file of a package".to_owned(),
            (Owner::NoDatabase, _) => {
                "not compared: there is no package database that can be read".to_owned()
            }
        })
    }

    fn take_once(&self, file: &File, place: &Place, grounds: &Grounds, packages: &str) -> Result<Taken> {
        let path = &place.path;
        let id = Id::random().about(path, "no random bytes can be had")?;
        let before = file.metadata().about(path, "it cannot be looked at")?;
        let entry = match self.seal(file, id, path, grounds, packages) {
            Ok(entry) => entry,
            Err(error) => {
                // Where it was not even begun there is nothing to remove.
                let _ = self.remove(id, Stage::Part);
                return Err(error);
            }
        };
        let original = match self.replace(file, place, &entry, State::of(&before)) {
            Ok(()) => Original::Removed,
            Err(error) => {
                let has_a_name = file.metadata().is_ok_and(|now| now.nlink() > 0);
                match error {
                    // Somebody else removed it, and the entry is all that is left of it.
                    Error::Moved(_) if !has_a_name => Original::GoneAlready,
                    // As long as the file has a name, or can be taken anew, the entry is not needed.
                    Error::Changed(_) => return self.drop_taken(id, error),
                    _ if has_a_name => return self.drop_taken(id, error),
                    _ => return Err(error),
                }
            }
        };
        self.finish(id)?;
        Ok(Taken { entry, original })
    }

    fn drop_taken(&self, id: Id, error: Error) -> Result<Taken> {
        self.remove(id, Stage::Taken)?;
        Err(error)
    }

    /// Writes an entry and puts it on the disk.
    fn seal(&self, file: &File, id: Id, path: &Path, grounds: &Grounds, packages: &str) -> Result<Entry> {
        let metadata = file.metadata().about(path, "it cannot be looked at")?;
        let size = metadata.len();
        if size > self.most_bytes {
            return Err(Error::TooLarge { path: path.to_owned(), size, most: self.most_bytes });
        }
        let in_vault = self.path_of(id, Stage::Part);
        let attributes = attributes::read(file).about(path, "its extended attributes cannot be read")?;
        let attributes = attributes.ok_or_else(|| Error::TooManyAttributes {
            path: path.to_owned(),
            most: attributes::MOST_BYTES,
        })?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let sealed = openat(&self.folder, Stage::Part.file_name(id), flags, Mode::RUSR | Mode::WUSR);
        let sealed = File::from(sealed.about(&in_vault, "the entry cannot be made")?);
        self.steps.reached(Step::EntryBegun);
        let writing = "the entry cannot be written";
        let mut sealer = Sealer::begin(&sealed, &self.key, id).about(&in_vault, writing)?;
        let extents = source::extents(file, size).about(path, "it cannot be read")?;
        let digest = source::read(file, size, &extents, &mut |piece| {
            let pushed = sealer.push(piece);
            self.steps.reached(Step::ChunkSealed);
            pushed
        });
        let sha256 = match digest {
            Ok(digest) => digest,
            Err(Stop::Shorter) => return Err(Error::Changed(path.to_owned())),
            Err(Stop::Unreadable(error)) => return Err(error).about(path, "it cannot be read"),
            Err(Stop::Sink(error)) => return Err(error).about(&in_vault, writing),
        };
        let entry = Entry {
            id,
            path: path.to_owned(),
            size,
            sha256,
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & 0o7777,
            accessed: source::accessed(&metadata),
            modified: source::modified(&metadata),
            changed: source::changed(&metadata),
            attributes: attributes.read,
            unread_attributes: attributes.unread,
            device: metadata.dev(),
            inode: metadata.ino(),
            other_names: metadata.nlink().saturating_sub(1),
            grounds: grounds.bounded(),
            taken: now(),
            taken_by: rustix::process::geteuid().as_raw(),
            packages: packages.to_owned(),
            extents,
        };
        sealer.finish(&entry).about(&in_vault, writing)?;
        self.steps.reached(Step::EntryWritten);
        sealed.sync_all().about(&in_vault, "the entry cannot be put on the disk")?;
        self.steps.reached(Step::EntrySynced);
        self.promote(id, Stage::Part, Stage::Taken)?;
        self.steps.reached(Step::EntryNamed);
        self.sync()?;
        self.steps.reached(Step::EntryDurable);
        Ok(entry)
    }

    /// Removes the original of an entry, having read both once more.
    fn replace(&self, file: &File, place: &Place, entry: &Entry, before: State) -> Result<()> {
        self.verify(entry.id)?;
        let digest = source::digest(file, entry.size).about(&place.path, "it cannot be read")?;
        let now = file.metadata().about(&place.path, "it cannot be looked at")?;
        // A writer through a mapping need not change a time, so the content itself is compared as well.
        if State::of(&now) != before || digest != Some(entry.sha256) {
            return Err(Error::Changed(place.path.clone()));
        }
        self.steps.reached(Step::EntryCompared);
        let identity = Identity::of(&now);
        removal::set_aside(place, identity, entry.id)?;
        self.steps.reached(Step::OriginalSetAside);
        let aside = file.metadata().about(&place.path, "it cannot be looked at");
        let removed = match aside {
            Ok(aside) if State::of(&aside).has_content_of(before) => {
                removal::remove_aside(place, identity, entry.id)
            }
            Ok(_) => Err(Error::Changed(place.path.clone())),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            removal::put_back(place, entry.id)?;
            return Err(error);
        }
        self.steps.reached(Step::OriginalRemoved);
        // The entry is on the disk; without this, a power cut may bring the original back beside it.
        let _ = place.sync();
        Ok(())
    }

    /// Gives an entry its final name.
    pub(crate) fn finish(&self, id: Id) -> Result<()> {
        self.promote(id, Stage::Taken, Stage::Final)?;
        self.steps.reached(Step::EntryFinal);
        self.sync()
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time { seconds: since.as_secs().cast_signed(), nanoseconds: since.subsec_nanos() }
}
