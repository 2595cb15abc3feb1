//! What a local client may read itself: the service reads nothing on its behalf beyond that.
//!
//! clamd scans whatever its own user may read, for everybody. The answer then tells any local user whether a
//! file exists that he cannot see, and whether it is known malware. Here the mode bits of the file and of all
//! folders above it must let the client's user read it, as the kernel would ask. Access control lists are not
//! asked: what only a list allows is refused, and such a client can pass the open file with FILDES.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::settings::is_owner;
use crate::listener::Peer;

/// On whose behalf files are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody who may know what the service knows: root, the service's own user, or a remote client if the
    /// settings let it name paths.
    Unlimited,
    /// A user with his groups.
    User(u32, Vec<u32>),
}

/// What is to be done with a file or folder, as bits of a mode.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    /// Read a file.
    Read = 0o4,
    /// Go through a folder.
    Pass = 0o1,
    /// Read the names in a folder and open what they name.
    List = 0o5,
}

impl Asker {
    /// The client at the other end. Reads its groups from `/proc` and so may wait.
    pub(super) fn of(peer: Peer) -> Self {
        match peer {
            Peer::Remote(_) => Self::Unlimited,
            Peer::Local { user, .. } if is_owner(user) => Self::Unlimited,
            Peer::Local { user, process } => Self::User(user, groups(user, process)),
        }
    }

    /// Whether he may use an open file or folder so, and go through the folders above it.
    pub(super) fn may_use(&self, file: &File, how: Use) -> io::Result<bool> {
        if *self == Self::Unlimited {
            return Ok(true);
        }
        if !self.allowed(&file.metadata()?, how) {
            return Ok(false);
        }
        // Where it really is, whatever links led to it.
        let place = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        self.may_pass(place.ancestors().skip(1))
    }

    /// Whether he may know if there is something at this path. Everybody knows the root.
    pub(super) fn may_know(&self, path: &Path) -> bool {
        if *self == Self::Unlimited || path.parent().is_none() {
            return true;
        }
        self.deepest(path).is_some_and(|place| self.may_pass(place.ancestors()).unwrap_or(false))
    }

    /// Where the deepest of the folders above the path really is that exists.
    fn deepest(&self, path: &Path) -> Option<PathBuf> {
        for folder in path.ancestors().skip(1) {
            match fs::canonicalize(folder) {
                Ok(place) => return Some(place),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn may_pass<'a>(&self, mut folders: impl Iterator<Item = &'a Path>) -> io::Result<bool> {
        folders.try_fold(true, |so_far, folder| {
            let metadata = fs::symlink_metadata(folder)?;
            Ok(so_far && (!metadata.is_dir() || self.allowed(&metadata, Use::Pass)))
        })
    }

    fn allowed(&self, metadata: &Metadata, how: Use) -> bool {
        let Self::User(user, groups) = self else { return true };
        let shift = if metadata.uid() == *user {
            6
        } else if groups.contains(&metadata.gid()) {
            3
        } else {
            0
        };
        let wanted = how as u32;
        (metadata.mode() >> shift) & wanted == wanted
    }
}

/// The groups of a process, if it still is the one of that user.
fn groups(user: u32, process: i32) -> Vec<u32> {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { return Vec::new() };
    let numbers = |name: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().split_whitespace().filter_map(|number| number.parse().ok()).collect()
    };
    // The second number of each is the effective one.
    if numbers("Uid:").get(1) != Some(&user) {
        return Vec::new();
    }
    numbers("Gid:").into_iter().skip(1).take(1).chain(numbers("Groups:")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn modes_of_the_file_and_of_all_folders_count() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("file");
        fs::write(&path, "x").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let owner = fs::metadata(&path).unwrap();
        let stranger = Asker::User(owner.uid() + 1, vec![owner.gid() + 1]);
        let colleague = Asker::User(owner.uid() + 1, vec![owner.gid()]);
        let may = |asker: &Asker| asker.may_use(&File::open(&path).unwrap(), Use::Read).unwrap();

        set(folder.path(), 0o755);
        set(&inner, 0o755);
        set(&path, 0o640);
        assert!(Asker::User(owner.uid(), vec![]).may_use(&File::open(&path).unwrap(), Use::Read).unwrap());
        assert!(may(&colleague) && !may(&stranger));
        set(&path, 0o644);
        assert!(may(&stranger));
        set(&inner, 0o754);
        assert!(!may(&stranger) && !stranger.may_know(&path) && !stranger.may_know(&inner.join("a/b")));
        assert!(may(&Asker::Unlimited) && Asker::Unlimited.may_know(&path));
        assert!(stranger.may_know(&inner) && stranger.may_know(&folder.path().join("none")));
        assert!(!stranger.may_use(&File::open(&inner).unwrap(), Use::List).unwrap());
    }

    #[test]
    fn the_groups_of_this_process_are_its_own() {
        let user = rustix::process::geteuid().as_raw();
        let process = i32::try_from(std::process::id()).unwrap();
        assert!(groups(user, process).contains(&rustix::process::getegid().as_raw()));
        assert_eq!(groups(user.wrapping_add(1), process), Vec::<u32>::new());
    }
}
