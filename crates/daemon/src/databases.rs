//! The databases that workers get: from files, or the one that is part of the program.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use candor_detect::Database;
use candor_policy::Disabled;
use sha2::{Digest, Sha256};

/// What the names of databases in folders end in.
const EXTENSION: &str = "cdb";

/// Where `candor rules disable` keeps its list.
pub(crate) const DISABLED: &str = "/var/lib/candor/databases/disabled.toml";

/// The names of the rules that are switched off; none without a list.
pub(crate) fn disabled(path: &Path) -> anyhow::Result<BTreeSet<String>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        text => Ok(Disabled::from_toml(&text?)?.names()),
    }
}

/// The databases that scans use now.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseInUse {
    /// SHA-256 of its content; of several databases, that of their identities.
    pub(crate) identity: [u8; 32],
    /// The number of its signatures.
    pub(crate) signatures: u64,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// When it was put into use.
    pub(crate) since: SystemTime,
}

/// Opens the databases as workers get them, reads each whole, and compares it with its checksum. A folder stands for
/// the databases in it. Without a path
/// it is the one that is part of the program.
///
/// # Errors
/// When a file cannot be opened or is damaged, or when there is no signature at all.
pub(crate) fn open(paths: &[PathBuf]) -> anyhow::Result<(Vec<File>, DatabaseInUse)> {
    let paths = &in_folders(paths)?;
    let files = if paths.is_empty() {
        vec![candor_jail::sealed(candor_rules::DATABASE).context("the embedded database")?]
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
    Ok((files, DatabaseInUse { identity, signatures, size, since: SystemTime::now() }))
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
    if !std::fs::metadata(path).with_context(hint)?.is_file() {
        bail!("{}: it is no regular file", hint());
    }
    File::open(path).and_then(candor_jail::shareable).with_context(hint)
}
