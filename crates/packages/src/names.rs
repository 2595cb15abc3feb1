//! The names that one file has since `/bin`, `/sbin` and `/lib` were merged into `/usr`.

use std::collections::BTreeSet;

/// Folders that lie in `/usr` and at the root under the same name since the two were merged.
const MERGED: [&[u8]; 7] = [b"bin/", b"sbin/", b"lib/", b"lib32/", b"lib64/", b"libx32/", b"libo32/"];

/// A name without its first slash, and the one that it has on the other side of the merging.
pub fn merged(name: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::from([name.to_vec()]);
    let starts = |name: &[u8]| MERGED.iter().any(|folder| name.starts_with(folder));
    match name.strip_prefix(b"usr/") {
        Some(short) if starts(short) => names.insert(short.to_vec()),
        None if starts(name) => names.insert([b"usr/", name].concat()),
        _ => false,
    };
    names
}
