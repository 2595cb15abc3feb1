//! The databases that scans use, and the rules that are switched off.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use candor_databases::Databases;
use candor_policy::Disabled;

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

/// Opens the databases as workers get them.
///
/// # Errors
/// Those of [`candor_databases::open`].
pub(crate) fn open(paths: &[PathBuf]) -> anyhow::Result<(Vec<File>, DatabaseInUse)> {
    let Databases { files, identity, signatures, size } = candor_databases::open(paths)?;
    Ok((files, DatabaseInUse { identity, signatures, size, since: SystemTime::now() }))
}
