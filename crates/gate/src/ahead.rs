//! Programs and libraries that nobody opened yet: they are looked at when nothing else runs, so that the first to start one
//! need not wait for a scan of it.

use std::cmp::Reverse;
use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Files that are looked at; there are seldom more.
const MOST: usize = 50_000;
/// Folders in folders.
const DEEPEST: usize = 12;
/// The permission to execute, for anybody.
const EXECUTABLE: u32 = 0o111;

/// Programs and libraries in folders, those first that were used most recently. Links are not followed, and folders that
/// cannot be read have none.
pub(crate) fn programs(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<(usize, PathBuf)> = folders.iter().rev().map(|folder| (0, folder.clone())).collect();
    while let Some((depth, folder)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEEPEST {
                folders.push((depth.saturating_add(1), entry.path()));
            } else if kind.is_file() && found.len() < MOST {
                found.extend(used(&entry));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// When a file was used that is a program or a library.
fn used(entry: &DirEntry) -> Option<(Reverse<i64>, PathBuf)> {
    let file = entry.metadata().ok()?;
    let is_program = file.mode() & EXECUTABLE != 0 || entry.file_name().to_string_lossy().contains(".so");
    (is_program && file.len() > 0).then(|| (Reverse(file.atime()), entry.path()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn programs_and_libraries_are_found_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        for (name, mode) in [("program", 0o755), ("libx.so.1", 0o644), ("text", 0o644)] {
            fs::write(inner.join(name), "x").unwrap();
            fs::set_permissions(inner.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("..", inner.join("round")).unwrap();
        symlink("program", inner.join("other")).unwrap();
        let mut found = programs(&[folder.path().to_owned(), "/nowhere".into()]);
        found.sort();
        assert_eq!(found, [inner.join("libx.so.1"), inner.join("program")]);
    }
}
