//! What TUF decides: which keys speak for the vendor and for others, and which files they vouch for now.
//!
//! The state machine is the library's (<https://theupdateframework.github.io/specification/latest/>); here is what
//! it is fed with, what is remembered of it, and two rules of our own: a root may not ask for fewer
//! signatures than the user does, and the targets need a key that is not the vendor's.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sigstore_tuf::error::Error as TufError;
use sigstore_tuf::metadata::{Metadata, RoleKeys, Root, TargetFile, Targets};
use sigstore_tuf::trusted::TrustedMetadataSet;

use crate::crypto;
use crate::place;
use crate::refusal::{About, Kind, Refusal};
use crate::staging::Staging;
use crate::statement::SIGNED_STATEMENT;

/// Most bytes of a metadata file.
const MAX_METADATA: u64 = 1 << 20;
/// Most roots that are taken at once; whoever is further behind needs several runs.
const MAX_ROOTS: u64 = 256;
/// The field of a key in a root that says who holds it.
const PARTY: &str = "x-candor-party";
/// What that field says of the vendor's own keys.
const VENDOR: &str = "vendor";

/// How many signatures the user demands at least, whatever a root says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// For a new root.
    pub root: usize,
    /// For targets.
    pub targets: usize,
    /// Whether one of the targets' signatures must be of somebody else than the vendor.
    pub independent: bool,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { root: 3, targets: 2, independent: true }
    }
}

/// The metadata that was believed last. Older ones are not believed any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The newest root.
    pub root: String,
    /// The newest timestamp, snapshot and targets; nothing before the first update.
    pub online: Option<Online>,
}

/// The metadata below the root, and when it was believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Online {
    /// The timestamp.
    pub timestamp: String,
    /// The snapshot.
    pub snapshot: String,
    /// The targets.
    pub targets: String,
    /// When they were valid and believed.
    pub at: Timestamp,
}

/// What the keys vouch for.
#[derive(Debug)]
pub struct Vouched {
    /// What is to be remembered from now on.
    pub remembered: Remembered,
    targets: Targets,
    /// The targets file itself, which the statement names.
    pub targets_bytes: Vec<u8>,
    /// Who signed the targets.
    pub parties: BTreeSet<String>,
}

impl Vouched {
    /// The length and SHA-256 of a file below `targets/`, if the keys vouch for it.
    pub fn target(&self, name: &str) -> Option<(u64, [u8; 32])> {
        let TargetFile { length, hashes, .. } = self.targets.target(name)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(hashes.get("sha256")?, &mut digest).ok()?;
        Some((*length, digest))
    }

    /// The statement that the holders of the targets' keys signed, without its line `targets`.
    pub fn statement(&self) -> Option<&str> {
        self.targets.extra.get(SIGNED_STATEMENT)?.as_str()
    }

    /// When the targets run out: after that nothing that they vouch for is believed.
    pub fn expires(&self) -> Timestamp {
        self.targets.expires
    }
}

/// Checks a first root, which the user chose to trust.
///
/// # Errors
/// If it is not signed by its own keys, or asks for fewer signatures than the user does.
pub fn first_root(bytes: &[u8], thresholds: Thresholds) -> Result<Remembered, Refusal> {
    crypto::install();
    let set = TrustedMetadataSet::from_root(bytes).map_err(|error| refusal(&error, "the first root"))?;
    demand(set.root(), thresholds)?;
    Ok(Remembered { root: text(bytes, "the first root")?, online: None })
}

/// Small and capital letters and spaces make no other party.
fn is_vendor(party: &str) -> bool {
    let party = party.trim();
    party.is_empty() || party.eq_ignore_ascii_case(VENDOR)
}

/// Goes through the metadata in a staging folder.
///
/// # Errors
/// What is wrong with it; nothing is to be remembered then.
pub fn verify(
    staging: &Staging,
    remembered: &Remembered,
    thresholds: Thresholds,
    now: Timestamp,
) -> Result<Vouched, Refusal> {
    crypto::install();
    let mut set = TrustedMetadataSet::from_root(remembered.root.as_bytes())
        .map_err(|error| refusal(&error, "the root that was believed so far"))?;
    let known_root = set.root().version;
    update_roots(&mut set, staging)?;
    demand(set.root(), thresholds)?;
    set.check_root_expired(now).map_err(|error| refusal(&error, "the root"))?;
    if let Some(online) = &remembered.online {
        let loaded = load(&mut set, online);
        // With other keys in a new root, what the old keys signed last says nothing any more.
        if set.root().version == known_root {
            loaded.map_err(|error| refusal(&error, "the metadata that was believed so far"))?;
        }
    }
    let timestamp = required(staging, place::TIMESTAMP)?;
    let mut newest = Some(&timestamp);
    match set.update_timestamp(&timestamp, now) {
        Ok(()) => {}
        // The one that is known is as new.
        Err(TufError::EqualVersion { .. }) => newest = None,
        Err(error) => return Err(refusal(&error, place::TIMESTAMP)),
    }
    set.check_timestamp_expired(now).map_err(|error| refusal(&error, place::TIMESTAMP))?;
    let name = place::snapshot(version_of_snapshot(&set)?);
    let snapshot = required(staging, &name)?;
    set.update_snapshot(&snapshot, now).map_err(|error| refusal(&error, &name))?;
    let name = place::targets(version_of_targets(&set)?);
    let targets_bytes = required(staging, &name)?;
    let targets = set.update_targets(&targets_bytes, now).map_err(|error| refusal(&error, &name))?.clone();
    let parties = parties(&targets_bytes, set.root(), &name)?;
    if thresholds.independent && parties.iter().all(|party| is_vendor(party)) {
        let text = format!("{name}: only the vendor signed it; somebody else must");
        return Err(Refusal::new(Kind::Signature, text));
    }
    let timestamp = match (newest, &remembered.online) {
        (None, Some(online)) => online.timestamp.clone(),
        _ => text(&timestamp, place::TIMESTAMP)?,
    };
    let online = Online {
        timestamp,
        snapshot: text(&snapshot, "the snapshot")?,
        targets: text(&targets_bytes, "the targets")?,
        at: now,
    };
    let root = text(set.root_bytes(), "the root")?;
    let remembered = Remembered { root, online: Some(online) };
    Ok(Vouched { remembered, targets, targets_bytes, parties })
}

/// Follows the chain of roots, each signed by the one before it and by itself.
fn update_roots(set: &mut TrustedMetadataSet, staging: &Staging) -> Result<(), Refusal> {
    for _ in 0..MAX_ROOTS {
        let name = place::root(set.root().version.saturating_add(1));
        let Some(root) = optional(staging, &name)? else {
            return Ok(());
        };
        set.update_root(&root).map_err(|error| refusal(&error, &name))?;
    }
    Ok(())
}

fn load(set: &mut TrustedMetadataSet, online: &Online) -> Result<(), TufError> {
    set.update_timestamp(online.timestamp.as_bytes(), online.at)?;
    set.update_snapshot(online.snapshot.as_bytes(), online.at)?;
    set.update_targets(online.targets.as_bytes(), online.at)?;
    Ok(())
}

/// A root that asks for less than the user does, or counts one key twice under two names, is not followed.
fn demand(root: &Root, thresholds: Thresholds) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal::new(Kind::Signature, format!("root {}: {text}", root.version)));
    for (role, least) in
        [("root", thresholds.root), ("targets", thresholds.targets), ("snapshot", 1), ("timestamp", 1)]
    {
        let Some(keys) = root.role(role) else {
            return refuse(format!("it has no role {role}"));
        };
        if keys.threshold < least {
            let asks = keys.threshold;
            return refuse(format!(
                "it asks for {asks} signatures of the role {role}; the configuration asks for {least}"
            ));
        }
        let mut different = BTreeSet::new();
        for key in keys.keyids.iter().filter_map(|id| root.keys.get(id)) {
            if !different.insert(key.keyval.public.to_ascii_lowercase()) {
                return refuse(format!("one key stands twice in the role {role}"));
            }
        }
    }
    Ok(())
}

fn version_of_snapshot(set: &TrustedMetadataSet) -> Result<u64, Refusal> {
    let pinned = set.timestamp().and_then(|timestamp| timestamp.snapshot_meta());
    pinned
        .map(|pin| pin.version)
        .ok_or_else(|| Refusal::new(Kind::Malformed, "the timestamp names no snapshot"))
}

fn version_of_targets(set: &TrustedMetadataSet) -> Result<u64, Refusal> {
    let pinned = set.snapshot().and_then(|snapshot| snapshot.meta.get("targets.json"));
    pinned
        .map(|pin| pin.version)
        .ok_or_else(|| Refusal::new(Kind::Malformed, "the snapshot names no targets"))
}

/// Who signed the targets, as the root calls the holders of the keys. A key without a holder counts as the vendor's.
fn parties(bytes: &[u8], root: &Root, name: &str) -> Result<BTreeSet<String>, Refusal> {
    let metadata = Metadata::<Targets>::from_slice(bytes).map_err(|error| refusal(&error, name))?;
    let mut parties = BTreeSet::new();
    for (id, key) in
        root.role("targets").iter().flat_map(|role| &role.keyids).filter_map(|id| root.keys.get_key_value(id))
    {
        // Each key on its own: a role of this key with the threshold 1 tells whether it signed.
        let alone: RoleKeys = serde_json::from_value(json!({ "keyids": [id], "threshold": 1 }))
            .about(Kind::Malformed, "the root")?;
        if metadata.verify_threshold(&root.keys, &alone, "targets").is_ok() {
            let party = key.extra.get(PARTY).and_then(Value::as_str);
            parties.insert(party.unwrap_or(VENDOR).to_owned());
        }
    }
    Ok(parties)
}

fn optional(staging: &Staging, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
    staging.read(name, MAX_METADATA).about(Kind::Malformed, name)
}

fn required(staging: &Staging, name: &str) -> Result<Vec<u8>, Refusal> {
    optional(staging, name)?.ok_or_else(|| Refusal::new(Kind::Missing, format!("{name} is missing")))
}

fn text(bytes: &[u8], what: &str) -> Result<String, Refusal> {
    String::from_utf8(bytes.to_vec()).about(Kind::Malformed, what)
}

fn refusal(error: &TufError, what: &str) -> Refusal {
    let kind = match error {
        TufError::Expired { .. } => Kind::Expired,
        TufError::Rollback { .. } | TufError::EqualVersion { .. } => Kind::Rollback,
        TufError::ThresholdNotMet { .. } | TufError::UnknownRole(_) => Kind::Signature,
        TufError::IntegrityMismatch(_) | TufError::BadRootVersion { .. } => Kind::Mismatch,
        _ => Kind::Malformed,
    };
    Refusal::new(kind, format!("{what}: {error}"))
}
