//! Snapshot and timestamp: what says that this is the newest, for some days.

use candor_update::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::files;
use crate::keys::TufKey;
use crate::metadata::{Document, pin};
use crate::repository::Repository;

/// The last versions that were used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// Of the snapshot.
    pub snapshot: u64,
    /// Of the timestamp.
    pub timestamp: u64,
}

/// Snapshot and timestamp as files.
#[derive(Clone, Debug)]
pub struct Online {
    /// Their versions.
    pub versions: Versions,
    /// The snapshot.
    pub snapshot: Vec<u8>,
    /// The timestamp.
    pub timestamp: Vec<u8>,
}

/// Signs a snapshot of these targets, and a timestamp of that snapshot. The versions are used up before.
///
/// # Errors
/// When a key cannot be read, or the versions cannot be remembered.
pub fn sign(repository: &Repository, version: u64, targets: &[u8], now: Timestamp) -> anyhow::Result<Online> {
    let settings = &repository.settings;
    let (snapshot_key, timestamp_key) =
        (TufKey::read(&settings.snapshot_key)?, TufKey::read(&settings.timestamp_key)?);
    let path = repository.folder().join("online.json");
    let last: Versions = match files::read_if_there(&path)? {
        Some(bytes) => serde_json::from_slice(&bytes)?,
        None => Versions::default(),
    };
    let versions = Versions { snapshot: last.snapshot + 1, timestamp: last.timestamp + 1 };
    files::replace(&path, &serde_json::to_vec(&versions)?)?;
    let expires = (now + settings.expires.snapshot, now + settings.expires.timestamp);
    sign_with((&snapshot_key, &timestamp_key), versions, (version, targets), expires)
}

/// As [`sign`], with everything given.
///
/// # Errors
/// Never with keys that are some.
pub fn sign_with(
    (snapshot_key, timestamp_key): (&TufKey, &TufKey),
    versions: Versions,
    (version, targets): (u64, &[u8]),
    (snapshot_expires, timestamp_expires): (Timestamp, Timestamp),
) -> anyhow::Result<Online> {
    let meta = json!({ "meta": { "targets.json": pin(version, targets) } });
    let mut snapshot = Document::new("snapshot", versions.snapshot, snapshot_expires, meta)?;
    snapshot.sign(snapshot_key)?;
    let snapshot = snapshot.to_bytes()?;
    let meta = json!({ "meta": { "snapshot.json": pin(versions.snapshot, &snapshot) } });
    let mut timestamp = Document::new("timestamp", versions.timestamp, timestamp_expires, meta)?;
    timestamp.sign(timestamp_key)?;
    Ok(Online { versions, snapshot, timestamp: timestamp.to_bytes()? })
}
