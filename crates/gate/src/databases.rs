//! The databases that workers get.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, bail};
use candor_detect::Database;
use sha2::{Digest, Sha256};

/// What the names of databases in folders end in.
const EXTENSION: &str = "cdb";

/// Databases that are open.
#[derive(Debug)]
pub(crate) struct Databases {
    pub(crate) files: Vec<File>,
    /// The number of their signatures.
    pub(crate) signatures: u64,
    /// The SHA-256 of their identities.
    pub(crate) identity: [u8; 32],
}

/// Opens databases and compares each with its checksum. A folder stands for the databases in it; without a path it is the
/// one that is part of the program.
///
/// # Errors
/// When a file cannot be opened or is damaged, or when there is no signature at all.
pub(crate) fn open(paths: &[PathBuf]) -> anyhow::Result<Databases> {
    let paths = in_folders(paths)?;
    let mut files = Vec::new();
    for path in &paths {
        let opened = File::open(path).and_then(candor_jail::shareable);
        files.push(opened.with_context(|| format!("the database {}", path.display()))?);
    }
    if paths.is_empty() {
        files.push(candor_jail::sealed(candor_rules::DATABASE).context("the embedded database")?);
    }
    let (mut signatures, mut identities) = (0_u64, Sha256::new());
    for (number, file) in files.iter().enumerate() {
        let read = || -> Result<_, candor_detect::Error> {
            let database = Database::from_file(file)?;
            database.undamaged()?;
            Ok((database.identity(), database.counts()?.total()))
        };
        let name =
            || paths.get(number).map_or_else(|| "embedded".to_owned(), |path| path.display().to_string());
        let (identity, count) = read().with_context(|| format!("the database {}", name()))?;
        identities.update(identity);
        signatures = signatures.saturating_add(count);
    }
    if signatures == 0 {
        bail!("the databases have no signature that can be used; see `candor db info`");
    }
    Ok(Databases { files, signatures, identity: identities.finalize().into() })
}

/// The paths, each folder replaced by the databases in it in the order of their names.
fn in_folders(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in path.read_dir().with_context(|| path.display().to_string())? {
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
