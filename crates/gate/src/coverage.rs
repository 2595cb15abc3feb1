//! Keeps all file systems watched, also those that are mounted later and in other mount namespaces.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::configuration::FileSystems;
use crate::group::Groups;
use crate::mounts::{self, Choice, Coverage, Mount};
use crate::status::FileSystem;

/// How often it is looked whether there are other mount namespaces: nothing tells of new ones.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What is watched.
#[derive(Debug)]
pub(crate) struct Covered {
    choice: Choice,
    only: Vec<PathBuf>,
    /// By the number of the device.
    file_systems: BTreeMap<String, FileSystem>,
    /// A process of each mount namespace, with the file that tells of changes.
    namespaces: BTreeMap<PathBuf, (String, File)>,
    looked: Option<Instant>,
}

impl Covered {
    /// Nothing yet.
    pub(crate) fn new(file_systems: &FileSystems) -> Self {
        Self {
            choice: file_systems.choice(),
            only: file_systems.only.clone(),
            file_systems: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            looked: None,
        }
    }

    /// Watches what is mounted in all namespaces, as it is now.
    pub(crate) fn refresh(&mut self, groups: &Groups) {
        self.file_systems.clear();
        self.cover(groups, "self", Path::new("/"));
        let processes: Vec<String> = self.namespaces.values().map(|(process, _)| process.clone()).collect();
        for process in processes {
            self.cover(groups, &process, &Path::new("/proc").join(&process).join("root"));
        }
    }

    /// Looks for mount namespaces, if it is time; those that are new are watched.
    pub(crate) fn look(&mut self, groups: &Groups, gate: u32) {
        if self.looked.is_some_and(|looked| looked.elapsed() < BETWEEN_LOOKS) {
            return;
        }
        self.looked = Some(Instant::now());
        // Workers live in empty ones.
        let there = mounts::other_namespaces(gate);
        self.namespaces.retain(|namespace, (process, _)| there.get(namespace) == Some(process));
        let mut is_new = false;
        for (namespace, process) in there {
            if self.namespaces.contains_key(&namespace) {
                continue;
            }
            if let Ok(file) = File::open(format!("/proc/{process}/mountinfo")) {
                self.namespaces.insert(namespace, (process, file));
                is_new = true;
            }
        }
        if is_new {
            self.refresh(groups);
        }
    }

    /// Files that become ready exceptionally when something is mounted.
    pub(crate) fn changes(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.namespaces.values().map(|(_, file)| file.as_fd())
    }

    /// What there is, for people.
    pub(crate) fn file_systems(&self) -> Vec<FileSystem> {
        self.file_systems.values().cloned().collect()
    }

    /// Whether what lies at a path is on a file system that is to be watched.
    pub(crate) fn is_to_be_watched(&self, path: &Path) -> bool {
        let Ok(device) = fs::metadata(path).map(|file| file.dev()) else { return false };
        let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        let mounts = mounts::of("self").unwrap_or_default();
        let mut there = mounts.iter().filter(|mount| mount.device == device);
        there.any(|mount| self.covers(mount) == Coverage::Watched)
    }

    fn cover(&mut self, groups: &Groups, process: &str, root: &Path) {
        for mount in mounts::of(process).unwrap_or_default() {
            let left = match self.covers(&mount) {
                Coverage::Virtual => continue,
                Coverage::Left(why) => Some(why.to_owned()),
                Coverage::Watched => {
                    let place = root.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
                    groups
                        .watch(&place, mounts::is_stacked(&mount.kind))
                        .err()
                        .map(|error| format!("it cannot be watched: {error}"))
                }
            };
            let point = mount.point.display().to_string();
            let there = self.file_systems.entry(mount.device.clone());
            let there = there.or_insert_with(|| FileSystem { point, kind: mount.kind, left: left.clone() });
            // One mount that leads to it is enough.
            if left.is_none() {
                there.left = None;
            }
        }
    }

    fn covers(&self, mount: &Mount) -> Coverage {
        match self.choice.covers(&mount.kind) {
            Coverage::Watched if !self.only.is_empty() && !self.only.contains(&mount.point) => {
                Coverage::Left("not one of those in `file_systems.only`")
            }
            coverage => coverage,
        }
    }
}
