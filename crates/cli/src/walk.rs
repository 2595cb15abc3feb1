//! Walks files and folders and hands over what there is to examine.

use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::WalkDir;

use crate::examine::{self, Links};

/// Where to walk and what to leave out.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Options {
    /// Follow symbolic links found in folders; those named as PATH are always followed.
    #[arg(long)]
    follow_symlinks: bool,
    /// Stay on the file system of each PATH.
    #[arg(long)]
    one_file_system: bool,
    /// Leave out files and folders whose path or name matches (repeatable; `**` crosses folders).
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
}

/// How to walk.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    links: Links,
    file_systems: FileSystems,
    excluded: GlobSet,
}

/// Which file systems are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileSystems {
    All,
    One,
}

/// What a walk comes across.
#[derive(Debug)]
pub(crate) enum Step {
    /// A file to examine, and its size as far as it is known.
    File(PathBuf, Links, u64),
    /// Standard input.
    StandardInput,
    /// Something that cannot be read, in a folder.
    Unreadable(PathBuf, io::Error),
    /// A path that the user named and that cannot be examined.
    Unusable(String),
    /// A FIFO, socket or device, left out.
    Special,
    /// A symbolic link, left out.
    Link,
    /// A file or folder that the user does not want.
    Excluded,
}

/// Whether the walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It does.
    Walk,
    /// Nobody wants to hear more.
    Stop,
}

impl Options {
    /// The walk that the user wants.
    pub(crate) fn walk(&self) -> anyhow::Result<Walk> {
        let mut excluded = GlobSetBuilder::new();
        for pattern in &self.exclude {
            excluded.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
        }
        Ok(Walk {
            links: if self.follow_symlinks { Links::Followed } else { Links::Refused },
            file_systems: if self.one_file_system { FileSystems::One } else { FileSystems::All },
            excluded: excluded.build()?,
        })
    }

    /// The options for the report.
    pub(crate) fn described(&self) -> Vec<(&'static str, String)> {
        vec![
            ("follow-symlinks", self.follow_symlinks.to_string()),
            ("one-file-system", self.one_file_system.to_string()),
            ("exclude", self.exclude.join(" ")),
        ]
    }
}

impl Walk {
    /// Everything but these folders.
    pub(crate) fn without(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let mut excluded = GlobSetBuilder::new();
        for folder in folders {
            let pattern = globset::escape(&folder.display().to_string());
            excluded.add(GlobBuilder::new(&pattern).literal_separator(true).build()?);
        }
        Ok(Self { links: Links::Refused, file_systems: FileSystems::All, excluded: excluded.build()? })
    }

    /// Walks all the paths in order; folders in the order of their names.
    pub(crate) fn run(&self, paths: &[PathBuf], mut step: impl FnMut(Step) -> Next) {
        for path in paths {
            if self.root(path, &mut step) == Next::Stop {
                return;
            }
        }
    }

    fn root(&self, root: &PathBuf, step: &mut impl FnMut(Step) -> Next) -> Next {
        if examine::is_stdin(root) {
            return step(Step::StandardInput);
        }
        match examine::special(root) {
            Ok(None) => {}
            Ok(Some(kind)) => {
                let hint = "pipe it to `candor scan -` to scan what comes out";
                return step(Step::Unusable(format!("{}: it is {kind}; {hint}", root.display())));
            }
            Err(error) => return step(Step::Unusable(format!("{}: {error}", root.display()))),
        }
        let mut walk = WalkDir::new(root)
            .follow_links(self.links == Links::Followed)
            .same_file_system(self.file_systems == FileSystems::One)
            .sort_by_file_name()
            .into_iter();
        while let Some(entry) = walk.next() {
            let next = match entry {
                Ok(entry) if self.excludes(entry.path()) => {
                    // Only a folder that was entered can be left; a file's folder must not be.
                    if entry.file_type().is_dir() {
                        walk.skip_current_dir();
                    }
                    step(Step::Excluded)
                }
                Ok(entry) => self.entry(&entry, step),
                Err(error) => step(failed(root, error)),
            };
            if next == Next::Stop {
                return Next::Stop;
            }
        }
        Next::Walk
    }

    fn entry(&self, entry: &walkdir::DirEntry, step: &mut impl FnMut(Step) -> Next) -> Next {
        let kind = entry.file_type();
        let named = entry.depth() == 0;
        if kind.is_dir() || (named && entry.path().is_dir()) {
            return Next::Walk;
        }
        let links = if named { Links::Followed } else { self.links };
        if kind.is_file() || (named && kind.is_symlink()) {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            return step(Step::File(entry.path().to_owned(), links, size));
        }
        step(if kind.is_symlink() { Step::Link } else { Step::Special })
    }

    fn excludes(&self, path: &Path) -> bool {
        if self.excluded.is_empty() {
            return false;
        }
        let plain = path.strip_prefix(".").unwrap_or(path);
        self.excluded.is_match(plain)
            || self.excluded.is_match(path)
            || path.file_name().is_some_and(|name| self.excluded.is_match(name))
    }
}

fn failed(root: &Path, error: walkdir::Error) -> Step {
    // A link to a folder around it leads to nothing that is not walked anyway.
    if error.loop_ancestor().is_some() {
        return Step::Link;
    }
    let path = error.path().unwrap_or(root).to_owned();
    let dangling = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink())
        && std::fs::metadata(&path).is_err();
    if dangling {
        return Step::Link;
    }
    let error = error.into_io_error().unwrap_or_else(|| io::Error::other("the folder could not be walked"));
    Step::Unreadable(path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(patterns: &[&str]) -> Walk {
        let options = Options {
            follow_symlinks: false,
            one_file_system: false,
            exclude: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        };
        options.walk().unwrap()
    }

    #[test]
    fn globs_match_names_and_paths() {
        let names = walk(&["*.iso", "target"]);
        assert!(names.excludes(Path::new("/a/b/x.iso")));
        assert!(names.excludes(Path::new("./target")));
        assert!(!names.excludes(Path::new("/a/b/x.isox")));
        let paths = walk(&["/proc/**", "a/*/c"]);
        assert!(paths.excludes(Path::new("/proc/1/mem")));
        assert!(paths.excludes(Path::new("./a/b/c")));
        assert!(!paths.excludes(Path::new("a/b/d/c")));
        assert!(!walk(&[]).excludes(Path::new("a")));
    }
}
