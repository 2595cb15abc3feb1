//! Mirrors: folders of static files. What is new is written first, and what points to it last, each with one rename.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use candor_update::place;

use crate::files;

/// The files that change, in the order in which they are replaced.
pub const CHANGING: [&str; 4] = [place::DIRECTOR, place::TIMESTAMP, place::CHECKPOINT, place::LATEST];

/// What is to be in a mirror.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Small files by name; those that change among them.
    pub contents: BTreeMap<String, Vec<u8>>,
    /// Large files, which lie elsewhere.
    pub copies: Vec<(String, PathBuf)>,
}

/// Writes these files into a mirror. At any moment between it is one of which everything can be fetched that its
/// timestamp and its checkpoint point to.
///
/// # Errors
/// When a file that never changes is there with another content, or nothing can be written.
pub fn write(folder: &Path, files: &Files) -> anyhow::Result<()> {
    for (name, source) in &files.copies {
        let path = at(folder, name)?;
        if !same_length(&path, source)? {
            files::replace_with_copy(&path, source)?;
        }
    }
    for (name, content) in files.contents.iter().filter(|(name, _)| !changes(name)) {
        let path = at(folder, name)?;
        match files::read_if_there(&path)? {
            Some(old) => ensure!(old == *content, "{}: it is there with another content", path.display()),
            None => files::replace(&path, content)?,
        }
    }
    for name in CHANGING {
        if let Some(content) = files.contents.get(name) {
            let path = at(folder, name)?;
            if files::read_if_there(&path)?.as_ref() != Some(content) {
                files::replace(&path, content)?;
            }
        }
    }
    Ok(())
}

/// Copies a mirror into another folder, in the same order.
///
/// # Errors
/// As [`write`].
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    // First what points to other files, so that what it points to is there when the rest is listed.
    let mut files = Files::default();
    for name in CHANGING {
        if let Some(content) = files::read_if_there(&from.join(name))? {
            files.contents.insert(name.to_owned(), content);
        }
    }
    ensure!(files.contents.contains_key(place::TIMESTAMP), "{}: it is no mirror", from.display());
    list(from, "", &mut files)?;
    write(to, &files)
}

fn list(folder: &Path, before: &str, files: &mut Files) -> anyhow::Result<()> {
    let inside = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(inside)? {
        let entry = entry.with_context(inside)?;
        let part = entry.file_name().to_string_lossy().into_owned();
        let name = format!("{before}{part}");
        // What begins with a dot is being written.
        if part.starts_with('.') || changes(&name) {
            continue;
        }
        let kind = entry.file_type().with_context(inside)?;
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.copies.push((name, entry.path()));
        }
    }
    Ok(())
}

fn changes(name: &str) -> bool {
    CHANGING.contains(&name)
}

fn at(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    files::make_folder(files::folder_of(&path))?;
    Ok(path)
}

/// Files of a mirror are written whole or not at all, so the length tells whether this was.
fn same_length(path: &Path, source: &Path) -> anyhow::Result<bool> {
    let length = fs::metadata(source).with_context(|| source.display().to_string())?.len();
    Ok(fs::metadata(path).is_ok_and(|there| there.len() == length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(timestamp: &str) -> Files {
        let content = |(name, content): (&str, &str)| (name.to_owned(), content.as_bytes().to_vec());
        let contents =
            [("metadata/1.root.json", "root"), (place::TIMESTAMP, timestamp), (place::LATEST, "1\n")];
        Files { contents: contents.map(content).into(), copies: Vec::new() }
    }

    #[test]
    fn what_never_changes_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        write(&one, &files("t1")).expect("written");
        write(&one, &files("t2")).expect("written");
        let mut other = files("t3");
        other.contents.insert("metadata/1.root.json".to_owned(), b"another".to_vec());
        assert!(write(&one, &other).is_err());
        assert_eq!(fs::read(one.join(place::TIMESTAMP)).expect("the timestamp"), b"t2");
        copy(&one, &two).expect("a copy");
        assert_eq!(fs::read(two.join(place::TIMESTAMP)).expect("the timestamp"), b"t2");
        assert_eq!(fs::read(two.join("metadata/1.root.json")).expect("the root"), b"root");
        assert!(copy(folder.path(), &two).is_err(), "no mirror");
    }
}
