//! What is answered without a look, since the user wants it so.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::configuration::Exclude;
use crate::requests::Process;

/// Paths and programs.
#[derive(Debug, Default)]
pub(crate) struct Exclusions {
    paths: Vec<PathBuf>,
    /// Device and number of the files of programs.
    programs: Vec<(u64, u64)>,
}

impl Exclusions {
    /// Those of the configuration. Programs are the files that are there now: one that is put in the place of another
    /// is another program.
    pub(crate) fn new(exclude: &Exclude) -> Self {
        let identity = |path: &PathBuf| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        Self {
            paths: exclude.paths.clone(),
            programs: exclude.programs.iter().filter_map(identity).collect(),
        }
    }

    /// Whether paths matter at all.
    pub(crate) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Whether a file is excluded, or lies in a folder that is. Components count, and not letters: `/srv/a` excludes
    /// nothing of `/srv/ab`.
    pub(crate) fn has_path(&self, path: &Path) -> bool {
        self.paths.iter().any(|excluded| path.starts_with(excluded))
    }

    /// Whether the accesses of a process are excluded.
    pub(crate) fn has_process(&self, process: &Process) -> bool {
        self.programs.contains(&process.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_by_components_and_programs_by_identity() {
        let folder = tempfile::tempdir().unwrap();
        let (program, same, other) =
            (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        fs::write(&program, "x").unwrap();
        fs::hard_link(&program, &same).unwrap();
        fs::write(&other, "x").unwrap();
        let exclusions = Exclusions::new(&Exclude { paths: vec!["/srv/a".into()], programs: vec![program] });
        assert!(exclusions.has_path(Path::new("/srv/a/b")) && exclusions.has_path(Path::new("/srv/a")));
        assert!(!exclusions.has_path(Path::new("/srv/ab")));
        let process = |path: &Path| {
            let file = fs::metadata(path).unwrap();
            Process { program: (file.dev(), file.ino()), ..Process::default() }
        };
        assert!(exclusions.has_process(&process(&same)));
        assert!(!exclusions.has_process(&process(&other)));
    }
}
