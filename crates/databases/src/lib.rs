//! The databases of services: from files, or the one that is part of the program.
//!
//! Workers get them as open files and look into them while they scan, so damage has to be seen beforehand.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_detect::Database;
use sha2::{Digest, Sha256};

/// What the names of databases in folders end in.
const EXTENSION: &str = "cdb";

/// Databases that are open and undamaged.
#[derive(Debug)]
pub struct Databases {
    /// As workers get them.
    pub files: Vec<File>,
    /// SHA-256 of the content of the database; of several, that of their identities.
    pub identity: [u8; 32],
    /// The number of signatures.
    pub signatures: u64,
    /// The length in bytes.
    pub size: u64,
}

/// Opens databases, reads each whole, and compares it with its checksum. A folder stands for the databases in it. Without
/// a path it is the one that is part of the program.
///
/// # Errors
/// When a file cannot be opened or is damaged, or when there is no signature at all.
pub fn open(paths: &[PathBuf]) -> anyhow::Result<Databases> {
    let paths = &in_folders(paths)?;
    let files = if paths.is_empty() {
        vec![candor_jail::sealed(candor_rules::database().as_slice()).context("the embedded database")?]
    } else {
        paths.iter().map(|path| file(path)).collect::<anyhow::Result<_>>()?
    };
    let mut identities = Vec::with_capacity(files.len());
    let (mut signatures, mut size) = (0_u64, 0_u64);
    for (number, file) in files.iter().enumerate() {
        let name =
            || paths.get(number).map_or_else(|| "embedded".to_owned(), |path| path.display().to_string());
        let read = || -> Result<_, candor_detect::Error> {
            let database = Database::from_file(file)?;
            database.undamaged()?;
            Ok((database.identity(), database.counts()?.total(), database.size()))
        };
        let (identity, count, bytes) = read().with_context(|| format!("the database {}", name()))?;
        identities.push(identity);
        signatures = signatures.saturating_add(count);
        size = size.saturating_add(bytes);
    }
    if signatures == 0 {
        bail!("the databases have no signature that can be used; see `candor db info`");
    }
    let identity = match identities.as_slice() {
        [identity] => *identity,
        several => Sha256::digest(several.concat()).into(),
    };
    Ok(Databases { files, identity, signatures, size })
}

/// The paths, each folder replaced by the databases in it in the order of their names.
fn in_folders(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        // A link that is pointed elsewhere meanwhile gives no mixture of two folders.
        let folder = path.canonicalize().with_context(|| format!("the folder {}", path.display()))?;
        let mut found = Vec::new();
        for entry in folder.read_dir().with_context(|| format!("the folder {}", path.display()))? {
            let entry = entry?.path();
            if entry.extension().is_some_and(|extension| extension == EXTENSION) {
                found.push(entry);
            }
        }
        if found.is_empty() {
            bail!("the folder {} has no file with the extension {EXTENSION}", path.display());
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn file(path: &Path) -> anyhow::Result<File> {
    let hint = || {
        format!(
            "the database {}; build one with `candor db build` or leave `database.files` empty",
            path.display()
        )
    };
    // Opening a FIFO would wait for ever.
    if !fs::metadata(path).with_context(hint)?.is_file() {
        bail!("{}: it is no regular file", hint());
    }
    File::open(path).and_then(candor_jail::shareable).with_context(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_databases() {
        let folder = tempfile::tempdir().unwrap();
        let error = open(&[folder.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("no file with the extension cdb"), "{error:#}");
        for name in ["a.cdb", "b.cdb", "c.txt"] {
            fs::write(folder.path().join(name), candor_rules::database()).unwrap();
        }
        let (one, two) =
            (open(&[folder.path().join("a.cdb")]).unwrap(), open(&[folder.path().to_owned()]).unwrap());
        assert_eq!((two.files.len(), two.signatures), (2, 2 * one.signatures));
        assert_ne!(two.identity, one.identity);
        assert_eq!(open(&[]).unwrap().identity, one.identity);

        let mut damaged = candor_rules::database();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(folder.path().join("b.cdb"), damaged).unwrap();
        let error = open(&[folder.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("b.cdb"), "{error:#}");
    }
}
