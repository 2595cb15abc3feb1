//! A file that appears in its folder whole or not at all, and never in the place of another.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat_with, unlinkat};
use rustix::io::{Errno, Result};

/// A file on its way; without its [`publish`](Self::publish) nothing stays of it.
#[derive(Debug)]
pub(crate) struct NewFile<'a> {
    folder: BorrowedFd<'a>,
    file: File,
    passing_name: Option<String>,
}

impl<'a> NewFile<'a> {
    /// Begins one that nobody else can open. Where files must have names it has this one meanwhile, and what
    /// an interrupted program left under it is removed.
    pub(crate) fn begin(folder: BorrowedFd<'a>, passing_name: &str) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match openat(folder, ".", flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) if is_reachable(&file) => Ok(Self { folder, file: file.into(), passing_name: None }),
            Ok(_) | Err(Errno::NOTSUP | Errno::ISDIR | Errno::INVAL | Errno::NOENT | Errno::NOSYS) => {
                Self::begin_named(folder, passing_name)
            }
            Err(error) => Err(error),
        }
    }

    fn begin_named(folder: BorrowedFd<'a>, passing_name: &str) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let begin = || openat(folder, passing_name, flags, Mode::RUSR | Mode::WUSR);
        let file = match begin() {
            Err(Errno::EXIST) => {
                unlinkat(folder, passing_name, AtFlags::empty())?;
                begin()?
            }
            other => other?,
        };
        Ok(Self { folder, file: file.into(), passing_name: Some(passing_name.to_owned()) })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name; `EXIST` if something has that name, and then another may be tried.
    pub(crate) fn publish(&mut self, name: &OsStr) -> Result<()> {
        let Some(passing) = self.passing_name.take() else {
            return linkat(CWD, reachable_by(&self.file), self.folder, name, AtFlags::SYMLINK_FOLLOW);
        };
        let published = match renameat_with(self.folder, &passing, self.folder, name, RenameFlags::NOREPLACE)
        {
            // Not every file system can refuse to replace, but a link never replaces.
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(self.folder, &passing, self.folder, name, AtFlags::empty())
                    .and_then(|()| unlinkat(self.folder, &passing, AtFlags::empty()))
            }
            other => other,
        };
        if published.is_err() {
            self.passing_name = Some(passing);
        }
        published
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.passing_name {
            // If it cannot be removed, the next attempt removes it.
            let _ = unlinkat(self.folder, name, AtFlags::empty());
        }
    }
}

fn reachable_by(file: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

/// Whether a file without a name can be given one.
fn is_reachable(file: &impl AsFd) -> bool {
    rustix::fs::accessat(CWD, reachable_by(file), rustix::fs::Access::EXISTS, AtFlags::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|one| one.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn both_kinds_appear_whole_and_never_over_another() {
        let ground = tempfile::tempdir().unwrap();
        let folder = File::open(ground.path()).unwrap();
        for begin in [NewFile::begin, NewFile::begin_named] {
            names(&ground).iter().for_each(|name| fs::remove_file(ground.path().join(name)).unwrap());
            drop(begin(folder.as_fd(), "passing").unwrap());
            assert!(names(&ground).is_empty());
            fs::write(ground.path().join("passing"), "left").unwrap();
            fs::write(ground.path().join("there"), "innocent").unwrap();
            let mut file = begin(folder.as_fd(), "passing").unwrap();
            file.file().write_all(b"whole").unwrap();
            assert_eq!(file.publish(OsStr::new("there")), Err(Errno::EXIST));
            assert_eq!(fs::read(ground.path().join("there")).unwrap(), b"innocent");
            let mut file = begin(folder.as_fd(), "passing").unwrap();
            file.file().write_all(b"whole").unwrap();
            file.publish(OsStr::new("new")).unwrap();
            assert_eq!(fs::read(ground.path().join("new")).unwrap(), b"whole");
        }
    }

    #[test]
    fn a_file_without_a_name_leaves_no_trace() {
        let ground = tempfile::tempdir().unwrap();
        let folder = File::open(ground.path()).unwrap();
        let file = NewFile::begin(folder.as_fd(), "passing").unwrap();
        assert!(names(&ground).is_empty(), "the file system of the test has no files without names");
        drop(file);
    }
}
