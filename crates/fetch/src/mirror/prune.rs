//! Removes from the staging folder what no release needs any more, so that it does not grow for ever.

use std::collections::BTreeSet;

use crate::Staging;

/// The folders in which files lie that are ours.
const FOLDERS: [&str; 4] = ["metadata", "releases", "targets", "tile"];
/// How deep folders lie in each other at most; tiles of the largest log lie five deep.
const DEEPEST: usize = 8;

/// The version of the newest root in the staging folder, or 0.
pub(super) fn newest_root(staging: &Staging) -> u64 {
    let entries = staging.list("metadata").into_iter().filter(|entry| !entry.is_folder);
    entries.filter_map(|entry| root_version(&entry.name)).max().unwrap_or(0)
}

fn root_version(name: &str) -> Option<u64> {
    let version = name.strip_suffix(".root.json")?;
    let digits = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
    if digits { version.parse().ok() } else { None }
}

/// Removes every file that is not named, roots and the fetcher's own record apart.
pub(super) fn remove_all_but(keep: &BTreeSet<String>, staging: &Staging) {
    for folder in FOLDERS {
        clean(folder, DEEPEST, keep, staging);
    }
    if !keep.contains("director") {
        staging.remove("director", false);
    }
}

/// Removes the roots from this version on.
pub(super) fn remove_roots_from(version: u64, staging: &Staging) {
    for entry in staging.list("metadata") {
        if root_version(&entry.name).is_some_and(|found| found >= version) {
            staging.remove(&format!("metadata/{}", entry.name), false);
        }
    }
}

fn clean(folder: &str, depth: usize, keep: &BTreeSet<String>, staging: &Staging) {
    for entry in staging.list(folder) {
        let path = format!("{folder}/{}", entry.name);
        if entry.is_folder {
            if depth > 0 {
                clean(&path, depth - 1, keep, staging);
            }
            // One in which something is left is not empty and stays.
            staging.remove(&path, true);
        } else if !(keep.contains(&path) || folder == "metadata" && root_version(&entry.name).is_some()) {
            staging.remove(&path, false);
        }
    }
}
