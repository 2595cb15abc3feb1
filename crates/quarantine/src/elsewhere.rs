//! Removes, moves and copies the very file that was examined, without a vault: into a folder, as it is.
//!
//! This is what scripts ask for that were written for ClamAV; what a vault does for a file, nothing here does.
//! The file is known by its descriptor. Whatever its path leads to by now, no other file is removed or moved.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use candor_packages::{Owner, Packages};
use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, RenameFlags, Timespec, Timestamps, accessat, futimens, open,
    renameat_with,
};
use rustix::io::Errno;

use crate::entry::record::Extent;
use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::new_file::NewFile;
use crate::place::{self, Place};
use crate::removal;
use crate::source::{self, Identity, State, Stop};
use crate::step::Steps;

/// Names that are tried for a file in a folder: its own, and the same with `.001` to `.999`.
const MOST_NAMES: u32 = 999;

/// A folder that takes files. It is held open, so that it stays the same whatever is renamed around it.
#[derive(Debug)]
pub struct Folder {
    folder: OwnedFd,
    path: PathBuf,
}

/// Where a file was and where it is, both without symbolic links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Where it was when it was dealt with.
    pub from: PathBuf,
    /// Where it, or its copy, is.
    pub to: PathBuf,
}

impl Folder {
    /// Opens a folder that files can be put into.
    ///
    /// # Errors
    /// When it is no folder, or this user may not make files in it.
    pub fn open(path: &Path) -> Result<Self> {
        let doing = "it cannot be used as a folder for files";
        let path = path.canonicalize().about(path, doing)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(&path, flags, Mode::empty()).about(&path, doing)?;
        let wanted = Access::WRITE_OK | Access::EXEC_OK;
        accessat(CWD, &path, wanted, AtFlags::EACCESS).about(&path, doing)?;
        Ok(Self { folder, path })
    }

    /// Its path without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves an open file here, under its own name, or that with `.001` and so on if it is taken. Mode, owner and
    /// times stay as they are; on another file system it is copied, as [`copy`](Self::copy) does, and removed.
    ///
    /// # Errors
    /// [`Error::Moved`] if no path leads to the file any more, [`Error::Changed`] if it changes while it is
    /// copied, [`Error::OfPackage`] and [`Error::PackageUnknown`] for what packages of the distribution brought, as
    /// [`Vault::take`](crate::Vault::take) has them, [`Error::Displaced`] if another file came to its name and could not be put back. The file is in
    /// its place then.
    pub fn take(&self, file: &File, opened_by: &Path) -> Result<Put> {
        let (place, identity) = found(file, opened_by)?;
        if place.path.parent() == Some(&self.path) {
            return Ok(Put { from: place.path.clone(), to: place.path });
        }
        unprotected(&Packages::at(Path::new("/")), &place, file)?;
        for name in names(&place.name) {
            match renameat_with(&place.folder, &place.name, &self.folder, &name, RenameFlags::NOREPLACE) {
                Ok(()) => return self.confirm(&place, &name, identity),
                Err(Errno::EXIST) => {}
                Err(Errno::NOENT) => return Err(Error::Moved(place.path)),
                Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS) => {
                    return self.copy_and_remove(file, opened_by);
                }
                Err(error) => return Err(error).about(&place.path, "it cannot be moved"),
            }
        }
        Err(Error::Exists(self.path.join(&place.name)))
    }

    /// Copies an open file here, under its own name, or that with `.001` and so on if it is taken. The copy has
    /// the times of the file, belongs to this user, and nobody else can read or run it.
    ///
    /// # Errors
    /// When it cannot be read or written, and [`Error::Changed`] if it changes meanwhile; then there is no copy.
    pub fn copy(&self, file: &File, opened_by: &Path) -> Result<Put> {
        let (place, _) = found(file, opened_by)?;
        let to = self.copied(file, &place)?;
        Ok(Put { from: place.path, to })
    }

    fn copy_and_remove(&self, file: &File, opened_by: &Path) -> Result<Put> {
        let (place, identity) = found(file, opened_by)?;
        let to = self.copied(file, &place)?;
        let id = Id::random().about(&place.path, "no random bytes can be had")?;
        removal::remove(&place, identity, id, &Steps::default())?;
        Ok(Put { from: place.path, to })
    }

    fn copied(&self, file: &File, place: &Place) -> Result<PathBuf> {
        let making = "its copy cannot be made";
        let before = file.metadata().about(&place.path, "it cannot be looked at")?;
        let id = Id::random().about(&place.path, "no random bytes can be had")?;
        let passing = format!(".candor-copy-{id}");
        let copy = NewFile::begin(self.folder.as_fd(), &passing).about(&self.path, making)?;
        let extents = source::extents(file, before.len()).about(&place.path, "it cannot be read")?;
        match copy_parts(file, before.len(), &extents, copy.file()) {
            Ok(_) => {}
            Err(Stop::Shorter) => return Err(Error::Changed(place.path.clone())),
            Err(Stop::Unreadable(error)) => return Err(error).about(&place.path, "it cannot be read"),
            Err(Stop::Sink(error)) => return Err(error).about(&self.path, making),
        }
        copy.file().set_len(before.len()).about(&self.path, making)?;
        let after = file.metadata().about(&place.path, "it cannot be looked at")?;
        if State::of(&after) != State::of(&before) {
            return Err(Error::Changed(place.path.clone()));
        }
        // Times are a courtesy; where the file system has none of them the copy is still whole.
        let _ = futimens(copy.file(), &times(&before));
        copy.file().sync_all().about(&self.path, making)?;
        self.publish(copy, &place.name)
    }

    fn publish(&self, mut copy: NewFile<'_>, wanted: &OsStr) -> Result<PathBuf> {
        for name in names(wanted) {
            match copy.publish(&name) {
                Ok(()) => return Ok(self.path.join(name)),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error).about(&self.path, "its copy cannot be made"),
            }
        }
        Err(Error::Exists(self.path.join(wanted)))
    }

    /// Looks whether it was the right file that was moved, and puts back any other.
    fn confirm(&self, place: &Place, name: &OsStr, identity: Identity) -> Result<Put> {
        let to = self.path.join(name);
        let here = Place {
            folder: self.folder.try_clone().about(&self.path, "it cannot be used as a folder for files")?,
            name: name.to_owned(),
            path: to.clone(),
        };
        if here.identity(name)? == Some(identity) {
            return Ok(Put { from: place.path.clone(), to });
        }
        match renameat_with(&self.folder, name, &place.folder, &place.name, RenameFlags::NOREPLACE) {
            Ok(()) | Err(Errno::NOENT) => Err(Error::Moved(place.path.clone())),
            Err(_) => Err(Error::Displaced { path: place.path.clone(), at: to }),
        }
    }
}

/// Removes the name of an open file from its folder; other names (hard links) stay. Where it was, without links.
///
/// # Errors
/// [`Error::Moved`] if no path leads to the file any more, [`Error::OfPackage`] and [`Error::PackageUnknown`] for what
/// packages of the distribution brought, [`Error::Displaced`] if another file came to its name and could not be put
/// back. The file is in its place then.
pub fn remove(file: &File, opened_by: &Path) -> Result<PathBuf> {
    let (place, identity) = found(file, opened_by)?;
    unprotected(&Packages::at(Path::new("/")), &place, file)?;
    let id = Id::random().about(&place.path, "no random bytes can be had")?;
    removal::remove(&place, identity, id, &Steps::default())?;
    Ok(place.path)
}

fn found(file: &File, opened_by: &Path) -> Result<(Place, Identity)> {
    let metadata = file.metadata().about(opened_by, "it cannot be looked at")?;
    if !metadata.is_file() {
        return Err(Error::NotRegular(opened_by.to_owned()));
    }
    if place::is_made_up(file).about(opened_by, "it cannot be looked at")? {
        return Err(Error::MadeUp(opened_by.to_owned()));
    }
    Ok((place::find(file, opened_by)?, Identity::of(&metadata)))
}

/// Refuses what a package of the distribution brought: a wrong signature must not take the system apart.
fn unprotected(packages: &Packages, place: &Place, file: &File) -> Result<()> {
    let path = place.path.clone();
    match packages.owner(&place.path, file) {
        Owner::Unmodified(package) => Err(Error::OfPackage { path, package }),
        Owner::Unknown(reason) => Err(Error::PackageUnknown { path, reason }),
        Owner::Modified(_) | Owner::Nobody | Owner::NoDatabase => Ok(()),
    }
}

/// Copies these parts of a file to where they are in it.
fn copy_parts(file: &File, size: u64, extents: &[Extent], to: &File) -> std::result::Result<[u8; 32], Stop> {
    let mut parts = extents.iter().map(|extent| (extent.offset, extent.length)).filter(|part| part.1 > 0);
    let mut part = parts.next();
    source::read(file, size, extents, &mut |piece| {
        let Some((offset, left)) = part else { return Ok(()) };
        let length = piece.len() as u64;
        // A piece never reaches beyond the part that it was read from.
        part = if length < left { Some((offset + length, left - length)) } else { parts.next() };
        to.write_all_at(piece, offset)
    })
}

/// A name and what stands in for it: `name`, `name.001`, `name.002`.
fn names(wanted: &OsStr) -> impl Iterator<Item = OsString> + '_ {
    (0..=MOST_NAMES).map(move |number| match number {
        0 => wanted.to_owned(),
        _ => {
            let suffix = format!(".{number:03}");
            // A name that is as long as names may be gives way to its number.
            let room = 255_usize.saturating_sub(suffix.len());
            let stem = wanted.as_bytes().get(..room).unwrap_or_else(|| wanted.as_bytes());
            OsString::from(OsStr::from_bytes(&[stem, suffix.as_bytes()].concat()))
        }
    })
}

fn times(metadata: &std::fs::Metadata) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: metadata.atime(), tv_nsec: metadata.atime_nsec() },
        last_modification: Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Ground {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    impl Ground {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().canonicalize().unwrap();
            fs::create_dir(path.join("to")).unwrap();
            fs::write(path.join("file"), "found").unwrap();
            Self { _folder: folder, path }
        }

        fn file(&self) -> (File, PathBuf) {
            let path = self.path.join("file");
            (File::open(&path).unwrap(), path)
        }

        fn to(&self) -> Folder {
            Folder::open(&self.path.join("to")).unwrap()
        }

        fn names(&self, folder: &str) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(self.path.join(folder))
                .unwrap()
                .map(|one| one.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_file_is_moved_and_never_over_another() {
        let ground = Ground::new();
        for name in ["file", "file.001", "file.002"] {
            fs::write(ground.path.join("file"), name).unwrap();
            let (file, path) = ground.file();
            let put = ground.to().take(&file, &path).unwrap();
            assert_eq!(put, Put { from: path, to: ground.path.join("to").join(name) });
            assert_eq!(fs::read_to_string(put.to).unwrap(), name);
        }
        assert_eq!(ground.names("."), ["to"]);
    }

    #[test]
    fn what_is_there_already_keeps_its_name() {
        let ground = Ground::new();
        let (file, path) = ground.file();
        let put = ground.to().take(&file, &path).unwrap();
        assert_eq!(ground.to().take(&file, &path).unwrap().to, put.to);
        assert_eq!(ground.names("to"), ["file"]);
    }

    #[test]
    fn a_copy_has_content_and_times_and_is_for_nobody_else() {
        let ground = Ground::new();
        let (file, path) = ground.file();
        file.set_permissions(fs::Permissions::from_mode(0o4755)).unwrap();
        let whole = File::options().write(true).open(&path).unwrap();
        whole.write_all_at(b"end", 10 << 20).unwrap();
        let put = ground.to().copy(&file, &path).unwrap();
        assert_eq!(fs::read(&put.to).unwrap(), fs::read(&path).unwrap());
        let (made, original) = (fs::metadata(&put.to).unwrap(), fs::metadata(&path).unwrap());
        assert_eq!(made.permissions().mode() & 0o7777, 0o600);
        assert_eq!(made.modified().unwrap(), original.modified().unwrap());
        assert!(made.blocks() < 4096, "holes were written");
        assert_eq!(ground.to().copy(&file, &path).unwrap().to, ground.path.join("to/file.001"));
    }

    #[test]
    fn another_file_under_the_name_stays() {
        let ground = Ground::new();
        let (file, path) = ground.file();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "innocent").unwrap();
        assert!(matches!(remove(&file, &path), Err(Error::Moved(_))));
        assert!(matches!(ground.to().take(&file, &path), Err(Error::Moved(_))));
        fs::remove_file(&path).unwrap();
        fs::write(ground.path.join("innocent"), "x").unwrap();
        symlink("innocent", &path).unwrap();
        assert!(remove(&file, &path).is_err());
        assert_eq!(ground.names("."), ["file", "innocent", "to"]);
    }

    #[test]
    fn another_file_that_was_moved_is_put_back() {
        let ground = Ground::new();
        let (file, path) = ground.file();
        let (place, identity) = found(&file, &path).unwrap();
        // As if the file had been replaced between the look and the renaming.
        fs::rename(&path, ground.path.join("hidden")).unwrap();
        fs::write(ground.path.join("to/file"), "innocent").unwrap();
        let moved = ground.to().confirm(&place, OsStr::new("file"), identity);
        assert!(matches!(moved, Err(Error::Moved(_))));
        assert_eq!(fs::read(&path).unwrap(), b"innocent");
    }

    #[test]
    fn the_file_is_removed_wherever_it_is() {
        let ground = Ground::new();
        let (file, path) = ground.file();
        symlink(&path, ground.path.join("link")).unwrap();
        assert_eq!(remove(&file, &ground.path.join("link")).unwrap(), path);
        assert_eq!(ground.names("."), ["link", "to"]);
    }

    #[test]
    fn long_names_get_their_number() {
        let long = "x".repeat(255);
        let second = names(OsStr::new(&long)).nth(1).unwrap();
        assert_eq!(second.len(), 255);
        assert!(second.as_bytes().ends_with(b"x.001"));
        assert!(Folder::open(Path::new("/dev/null")).is_err());
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    fn on_another_file_system_it_is_copied_and_removed() {
        let ground = Ground::new();
        let other = tempfile::tempdir_in("/dev/shm").ok();
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        let Some(other) = other.filter(|other| device(other.path()) != device(&ground.path)) else {
            println!("skipped: there is no other file system");
            return;
        };
        let (file, path) = ground.file();
        let put = Folder::open(other.path()).unwrap().take(&file, &path).unwrap();
        assert_eq!(fs::read(&put.to).unwrap(), b"found");
        assert_eq!(ground.names("."), ["to"]);
    }

    #[test]
    fn what_packages_brought_stays() {
        let ground = tempfile::tempdir().unwrap();
        let root = ground.path().canonicalize().unwrap();
        let path = root.join("tool");
        let info = root.join("var/lib/dpkg/info");
        fs::create_dir_all(&info).unwrap();
        fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        fs::write(&path, "abc").unwrap();
        let name = path.strip_prefix("/").unwrap().display().to_string();
        let sums = format!("900150983cd24fb0d6963f7d28e17f72  {name}\n");
        fs::write(info.join("tools.md5sums"), sums).unwrap();
        let answer = || {
            let file = File::open(&path).unwrap();
            let (place, _) = found(&file, &path).unwrap();
            unprotected(&Packages::at(&root), &place, &file)
        };
        assert!(matches!(answer(), Err(Error::OfPackage { package, .. }) if package == "tools"));
        fs::write(&path, "changed").unwrap();
        assert!(answer().is_ok());
        fs::remove_file(info.join("tools.md5sums")).unwrap();
        fs::write(info.join("tools.list"), format!("/{name}\n")).unwrap();
        assert!(matches!(answer(), Err(Error::PackageUnknown { .. })));
    }
}
