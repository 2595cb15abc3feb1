//! Removes exactly the file that was taken, in a folder whose owner may do anything at any time.
//!
//! Between a look at a name and `unlink` of that name, the name can be given to another file. So the name is
//! first changed to one that nobody can foresee; what has that name is looked at, and put back if it is
//! another file. Who owns the folder can still play with the new name, but with no file that he could not
//! have removed himself.

use std::ffi::OsStr;

use rustix::fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::place::Place;
use crate::source::Identity;
use crate::step::{Step, Steps};

/// The name that the original has for a moment.
pub(crate) fn private_name(id: Id) -> String {
    format!(".candor-quarantine-{id}")
}

/// Gives the file at this place its private name; if it is another file, it keeps its name.
pub(crate) fn set_aside(place: &Place, identity: Identity, id: Id) -> Result<()> {
    let private = private_name(id);
    if place.identity(&place.name)? != Some(identity) {
        return Err(Error::Moved(place.path.clone()));
    }
    let renamed =
        match renameat_with(&place.folder, &place.name, &place.folder, &private, RenameFlags::NOREPLACE) {
            // Not every file system can refuse to replace; nobody can have foreseen the name.
            Err(Errno::INVAL | Errno::NOSYS) => renameat(&place.folder, &place.name, &place.folder, &private),
            other => other,
        };
    match renamed {
        Ok(()) => {}
        Err(Errno::NOENT) => return Err(Error::Moved(place.path.clone())),
        Err(error) => return Err(error).about(&place.path, "it cannot be removed from its folder"),
    }
    if place.identity(OsStr::new(&private))? == Some(identity) {
        return Ok(());
    }
    put_back(place, id)?;
    Err(Error::Moved(place.path.clone()))
}

/// Removes what was set aside.
pub(crate) fn remove_aside(place: &Place, identity: Identity, id: Id) -> Result<()> {
    let private = private_name(id);
    if place.identity(OsStr::new(&private))? != Some(identity) {
        return Err(Error::Moved(place.path.clone()));
    }
    let removed = unlinkat(&place.folder, &private, AtFlags::empty());
    removed.about(&place.path, "it cannot be removed from its folder")
}

/// Gives what was set aside its name back, unless something else has it by now.
pub(crate) fn put_back(place: &Place, id: Id) -> Result<()> {
    let private = private_name(id);
    let renamed =
        match renameat_with(&place.folder, &private, &place.folder, &place.name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(&place.folder, &private, &place.folder, &place.name, AtFlags::empty())
                    .and_then(|()| unlinkat(&place.folder, &private, AtFlags::empty()))
            }
            other => other,
        };
    match renamed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(_) => Err(Error::Displaced { path: place.path.clone(), at: place.path.with_file_name(private) }),
    }
}

/// Removes the file at this place, if it is this one.
pub(crate) fn remove(place: &Place, identity: Identity, id: Id, steps: &Steps) -> Result<()> {
    set_aside(place, identity, id)?;
    steps.reached(Step::OriginalSetAside);
    if let Err(error) = remove_aside(place, identity, id) {
        put_back(place, id)?;
        return Err(error);
    }
    steps.reached(Step::OriginalRemoved);
    // The entry is on the disk; without this, a power cut may bring the original back beside it.
    let _ = place.sync();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn ground() -> (tempfile::TempDir, PathBuf, Place, Identity) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("file");
        fs::write(&path, "taken").unwrap();
        let place = Place::of(&path).unwrap();
        let identity = place.identity(&place.name).unwrap().unwrap();
        (folder, path, place, identity)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|one| one.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_right_file_is_removed() {
        let (folder, _, place, identity) = ground();
        remove(&place, identity, Id([1; 16]), &Steps::default()).unwrap();
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn another_file_keeps_its_name() {
        let (folder, path, place, identity) = ground();
        fs::rename(&path, path.with_file_name("hidden")).unwrap();
        fs::write(&path, "innocent").unwrap();
        let error = remove(&place, identity, Id([1; 16]), &Steps::default()).unwrap_err();
        assert!(matches!(error, Error::Moved(_)));
        assert_eq!(fs::read(&path).unwrap(), b"innocent");
        assert_eq!(names(&folder).len(), 2);
    }

    #[test]
    fn what_comes_between_the_look_and_the_renaming_is_put_back() {
        let (_folder, path, place, identity) = ground();
        let id = Id([1; 16]);
        // As if the file had been replaced between the two.
        fs::rename(&path, path.with_file_name("hidden")).unwrap();
        fs::write(path.with_file_name(private_name(id)), "innocent").unwrap();
        assert!(matches!(remove_aside(&place, identity, id), Err(Error::Moved(_))));
        put_back(&place, id).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"innocent");
    }

    #[test]
    fn nothing_is_overwritten_by_putting_back() {
        let (_folder, path, place, _) = ground();
        let id = Id([1; 16]);
        let private = path.with_file_name(private_name(id));
        fs::write(&private, "innocent").unwrap();
        assert!(matches!(put_back(&place, id), Err(Error::Displaced { at, .. }) if at == private));
        assert_eq!(fs::read(&path).unwrap(), b"taken");
        assert_eq!(fs::read(&private).unwrap(), b"innocent");
    }

    #[test]
    fn a_folder_in_its_place_is_not_touched() {
        let (_folder, path, place, identity) = ground();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(remove(&place, identity, Id([1; 16]), &Steps::default()).is_err());
        assert!(path.is_dir());
    }
}
