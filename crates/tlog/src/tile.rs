//! Logs as static files: <https://c2sp.org/tlog-tiles>.
//!
//! Ours grow by a few entries a day, so that all hashes of their leaves fit into memory and every proof is made of them.

use std::fmt::{self, Display, Formatter};

use crate::{Error, Hash, root_of};

/// Hashes or entries of a full tile.
pub const HASHES_PER_TILE: u64 = 256;
/// Most leaves of a log that is read as a whole: 32 MiB of hashes, a release an hour for a century.
pub const MAX_LEAVES: u64 = 1 << 20;

/// The place of a tile below a log's prefix. Displayed it is `tile/<L>/<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// How high above the leaves it is; nothing for entries.
    pub level: Option<u8>,
    /// Its number in the level.
    pub index: u64,
    /// How many hashes or entries it has, 1 to 256.
    pub width: u64,
}

impl Display for TilePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut parts = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            parts.push(rest % 1000);
            rest /= 1000;
        }
        while let Some(part) = parts.pop() {
            if parts.is_empty() { write!(f, "{part:03}")? } else { write!(f, "x{part:03}/")? }
        }
        if self.width < HASHES_PER_TILE { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// The tiles of hashes, of all levels, and of entries, that a log of this size consists of.
///
/// # Errors
/// [`Error::Malformed`] for more than [`MAX_LEAVES`].
pub fn tiles_of(size: u64) -> Result<Vec<TilePath>, Error> {
    if size > MAX_LEAVES {
        return Err(Error::Malformed("the log is larger than any of ours"));
    }
    let mut tiles = Vec::new();
    let row = |level: Option<u8>, count: u64| {
        (0..count.div_ceil(HASHES_PER_TILE)).map(move |index| {
            let width = count.saturating_sub(index * HASHES_PER_TILE).min(HASHES_PER_TILE);
            TilePath { level, index, width }
        })
    };
    tiles.extend(row(None, size));
    let (mut level, mut count) = (0, size);
    while count > 0 {
        tiles.extend(row(Some(level), count));
        level += 1;
        count /= HASHES_PER_TILE;
    }
    Ok(tiles)
}

/// The content of a tile of hashes, out of the hashes of all leaves. Nothing if they are too few, or for entries.
pub fn hashes_of(leaves: &[Hash], tile: TilePath) -> Option<Vec<u8>> {
    let span = HASHES_PER_TILE.checked_pow(u32::from(tile.level?))?;
    let mut content = Vec::new();
    for number in 0..tile.width {
        let first = tile.index.checked_mul(HASHES_PER_TILE)?.checked_add(number)?.checked_mul(span)?;
        let end = first.checked_add(span)?;
        let part = leaves.get(usize::try_from(first).ok()?..usize::try_from(end).ok()?)?;
        content.extend_from_slice(&root_of(part));
    }
    Some(content)
}

/// The content of a bundle of entries, each with its length before it.
///
/// # Errors
/// [`Error::Malformed`] if an entry is longer than 65,535 bytes.
pub fn bundle_of<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length =
            u16::try_from(entry.len()).map_err(|_| Error::Malformed("the entry is too long for a log"))?;
        content.extend_from_slice(&length.to_be_bytes());
        content.extend_from_slice(entry);
    }
    Ok(content)
}

/// The entries of a bundle.
///
/// # Errors
/// [`Error::Malformed`] if there are more or fewer than `width`.
pub fn entries_of(mut bundle: &[u8], width: u64) -> Result<Vec<&[u8]>, Error> {
    const FORM: Error = Error::Malformed("the bundle of entries has another number of entries");
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk() {
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(FORM)?;
        entries.push(entry);
        bundle = rest;
    }
    if bundle.is_empty() && entries.len() as u64 == width { Ok(entries) } else { Err(FORM) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::leaf_hash;

    fn paths(size: u64) -> Vec<String> {
        tiles_of(size).expect("a small log").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_examples_of_the_specification_hold() {
        assert_eq!(paths(0), Vec::<String>::new());
        assert_eq!(paths(3), ["tile/entries/000.p/3", "tile/0/000.p/3"]);
        assert_eq!(paths(256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        let large = tiles_of(70_000).expect("a small log");
        let count = |level, full| {
            let fits = |tile: &&TilePath| tile.level == level && (tile.width == 256) == full;
            large.iter().filter(fits).count()
        };
        assert_eq!([count(Some(0), true), count(Some(0), false), count(Some(1), true)], [273, 1, 1]);
        for partial in ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"] {
            assert!(paths(70_000).iter().any(|path| path == partial), "{partial}");
        }
        let far = TilePath { level: Some(0), index: 1_234_067, width: 256 };
        assert_eq!(far.to_string(), "tile/0/x001/x234/067");
        assert!(tiles_of(MAX_LEAVES + 1).is_err());
    }

    #[test]
    fn higher_tiles_are_roots_of_lower_ones() {
        let leaves: Vec<Hash> = (0..600_u32).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        let tile = hashes_of(&leaves, TilePath { level: Some(1), index: 0, width: 2 }).expect("a tile");
        assert_eq!(tile[..32], root_of(&leaves[..256]));
        assert_eq!(tile[32..], root_of(&leaves[256..512]));
        let partial = hashes_of(&leaves, TilePath { level: Some(0), index: 2, width: 88 }).expect("a tile");
        assert_eq!(partial[87 * 32..], leaves[599]);
        assert!(hashes_of(&leaves, TilePath { level: Some(0), index: 2, width: 89 }).is_none());
        assert!(hashes_of(&leaves, TilePath { level: Some(63), index: u64::MAX, width: 1 }).is_none());
    }

    proptest! {
        #[test]
        fn bundles_are_read_as_they_are_written(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let bundle = bundle_of(&entries).expect("short entries");
            let read = entries_of(&bundle, entries.len() as u64).expect("the bundle");
            prop_assert_eq!(read, entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert!(entries_of(&bundle, entries.len() as u64 + 1).is_err());
        }

        #[test]
        fn garbage_bundles_do_not_panic(bundle: Vec<u8>, width in 0..300_u64) {
            let _ = entries_of(&bundle, width);
        }
    }
}
