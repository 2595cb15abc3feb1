//! Where things lie in a mirror, which is a folder of files that never change but for a few. The fetcher's staging
//! folder and bundles have the same layout, so that one verification is enough for all.

use crate::statement::Sha;

/// The newest checkpoint, with cosignatures.
pub const CHECKPOINT: &str = "checkpoint";
/// The number of the newest release: a hint that nobody has signed.
pub const LATEST: &str = "releases/latest";
/// The TUF timestamp.
pub const TIMESTAMP: &str = "metadata/timestamp.json";
/// What the site's own director says, if it has one.
pub const DIRECTOR: &str = "director";
/// Where the files that TUF knows as targets lie.
pub const TARGETS: &str = "targets/";

/// A root of this version.
pub fn root(version: u64) -> String {
    format!("metadata/{version}.root.json")
}

/// A snapshot of this version.
pub fn snapshot(version: u64) -> String {
    format!("metadata/{version}.snapshot.json")
}

/// The targets of this version.
pub fn targets(version: u64) -> String {
    format!("metadata/{version}.targets.json")
}

/// The statement of a release.
pub fn statement(sequence: u64) -> String {
    format!("releases/{sequence}/statement")
}

/// The proof that it is in the log.
pub fn proof(sequence: u64) -> String {
    format!("releases/{sequence}/proof.tlog-proof")
}

/// The TUF name of a whole segment, below [`TARGETS`].
pub fn segment(digest: &Sha) -> String {
    format!("segments/{}.zst", hex::encode(digest))
}

/// The TUF name of what makes one segment of another, below [`TARGETS`].
pub fn delta(old: &Sha, new: &Sha) -> String {
    format!("deltas/{}-{}.zst", hex::encode(old), hex::encode(new))
}
