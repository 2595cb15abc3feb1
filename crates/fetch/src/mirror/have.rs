//! The fetcher's own record of what it fetched, so that it asks nobody else.

use std::collections::BTreeMap;

use super::hints::{Digest, Segment};
use crate::{Error, Staging};

/// Its name in the staging folder.
pub(super) const NAME: &str = "have";
/// Most bytes of it.
const MOST: u64 = 64 << 10;

/// The segments of the last release that was fetched to its end: lines `NAME DIGEST`.
#[derive(Debug, Default)]
pub(super) struct Have(BTreeMap<String, Digest>);

impl Have {
    /// Reads the record. What is damaged counts as not fetched.
    pub(super) fn read(staging: &Staging) -> Self {
        let bytes = staging.read(NAME, MOST).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        let segments = text.lines().filter_map(|line| line.split_once(' '));
        Self(
            segments
                .filter_map(|(name, digest)| Segment::new(name, digest))
                .map(|segment| (segment.name, segment.digest))
                .collect(),
        )
    }

    pub(super) fn digest_of(&self, name: &str) -> Option<&Digest> {
        self.0.get(name)
    }

    pub(super) fn write(segments: &[Segment], staging: &Staging) -> Result<(), Error> {
        let text: String =
            segments.iter().map(|segment| format!("{} {}\n", segment.name, segment.digest)).collect();
        staging.write(NAME, 0, |sink| {
            sink.write_all(text.as_bytes()).map_err(|error| Error::of_disk(NAME, &error))?;
            Ok(Some(()))
        })?;
        Ok(())
    }
}
