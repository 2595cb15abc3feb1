//! Fetches a mirror: the order in which its files are asked for.
//!
//! Numbers and digests are read out of files that nobody has verified, to know what to ask for next. They lead to a
//! file being asked for in vain at worst; who verifies takes none of it for true.

mod have;
mod hints;
mod prune;
mod tiles;

use std::collections::BTreeSet;

use crate::progress::Progress;
use crate::{Error, Kind, Staging, Transport};

use have::Have;
use hints::{Digest, Segment, Targets};

/// Most bytes of a file of metadata.
const METADATA: u64 = 1 << 20;
/// Most roots that one run fetches.
const ROOTS: u64 = 256;
/// Most bytes of a checkpoint, a statement, a proof, or what a director says.
const NOTE: u64 = 64 << 10;
/// Most bytes of the number of the newest release.
const NUMBER: u64 = 64;
/// Most bytes of a tile: 256 hashes.
const TILE: u64 = 8192;
/// Most bytes of a bundle of entries: each has two bytes for its length, and at most 65535 of its own.
const BUNDLE: u64 = 256 * 65538;
/// Most bytes of a segment or a delta.
const SEGMENT: u64 = 1 << 30;
/// Most bytes of all together.
const ALL: u64 = 3 << 30;

/// What was fetched, complete or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The number of the release, as the mirror says.
    pub sequence: Option<u64>,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// Files that were fetched.
    pub files: u64,
}

/// Whether what lies in the staging folder saves requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is there is not fetched again, and deltas are taken.
    Missing,
    /// Everything is fetched, whatever is there.
    Full,
}

/// Fetches everything that a client needs for a release, the newest if none is named. What was fetched is told in any
/// case.
///
/// # Errors
/// When something is not there that every mirror has, or cannot be fetched. What is complete stays.
pub fn fetch(
    transport: &mut dyn Transport,
    staging: &Staging,
    extent: Extent,
    release: Option<u64>,
    progress: &Progress,
) -> (Fetched, Result<(), Error>) {
    let (fetched, keep) = (Fetched::default(), BTreeSet::new());
    let mut run = Run { transport, staging, extent, release, progress, fetched, keep };
    let result = run.everything();
    (run.fetched, result)
}

struct Run<'r> {
    transport: &'r mut dyn Transport,
    staging: &'r Staging,
    extent: Extent,
    release: Option<u64>,
    progress: &'r Progress,
    fetched: Fetched,
    /// What of the staging folder this release needs.
    keep: BTreeSet<String>,
}

impl Run<'_> {
    fn everything(&mut self) -> Result<(), Error> {
        let targets = self.metadata()?;
        self.log()?;
        let segments = self.release()?;
        let have = match self.extent {
            Extent::Missing => Have::read(self.staging),
            Extent::Full => Have::default(),
        };
        for segment in &segments {
            self.segment(segment, &have, &targets)?;
        }
        Have::write(&segments, self.staging)?;
        prune::remove_all_but(&self.keep, self.staging);
        Ok(())
    }

    fn metadata(&mut self) -> Result<Targets, Error> {
        let newest = match self.extent {
            Extent::Missing => prune::newest_root(self.staging),
            Extent::Full => 0,
        };
        for root in (newest..).skip(1).take(ROOTS as usize) {
            if !self.get(&format!("metadata/{root}.root.json"), METADATA)? {
                // What lies there all the same is what the mirror does not stand by any more.
                prune::remove_roots_from(root, self.staging);
                break;
            }
        }
        let number = self
            .read_hint("metadata/timestamp.json", METADATA, |bytes| hints::version(bytes, "snapshot.json"))?;
        let path = format!("metadata/{number}.snapshot.json");
        let number = self.read_hint(&path, METADATA, |bytes| hints::version(bytes, "targets.json"))?;
        self.read_hint(&format!("metadata/{number}.targets.json"), METADATA, Targets::read)
    }

    fn log(&mut self) -> Result<(), Error> {
        for tile in tiles::of(self.read_hint("checkpoint", NOTE, hints::log_size)?) {
            let cap = if tile.is_bundle() { BUNDLE } else { TILE };
            let path = tile.path();
            if tile.is_full() && self.extent == Extent::Missing && self.staging.length(&path).is_some() {
                self.keep.insert(path);
                continue;
            }
            // A log that has grown meanwhile may have the full tile only.
            if !self.get(&path, cap)? && (tile.is_full() || !self.get(&tile.full().path(), cap)?) {
                return Err(missing(&path));
            }
        }
        Ok(())
    }

    fn release(&mut self) -> Result<Vec<Segment>, Error> {
        let newest = self.read_hint("releases/latest", NUMBER, hints::number)?;
        let sequence = self.release.unwrap_or(newest);
        let folder = format!("releases/{sequence}");
        let segments = self.read_hint(&format!("{folder}/statement"), NOTE, hints::segments)?;
        self.fetched.sequence = Some(sequence);
        self.need(&format!("{folder}/proof.tlog-proof"), NOTE)?;
        self.get("director", NOTE)?;
        Ok(segments)
    }

    fn segment(&mut self, segment: &Segment, have: &Have, targets: &Targets) -> Result<(), Error> {
        let new = &segment.digest;
        let old = have.digest_of(&segment.name);
        if old == Some(new) {
            self.keep_all_that_give(new);
            return Ok(());
        }
        if let Some(old) = old
            && self.target(&format!("deltas/{old}-{new}.zst"), targets)?
        {
            return Ok(());
        }
        let whole = format!("segments/{new}.zst");
        if self.target(&whole, targets)? { Ok(()) } else { Err(missing(&format!("targets/{whole}"))) }
    }

    /// Fetches a target, if the mirror has it and its metadata name it.
    fn target(&mut self, name: &str, targets: &Targets) -> Result<bool, Error> {
        let Some(length) = targets.length(name) else { return Ok(false) };
        let path = format!("targets/{name}");
        if length > SEGMENT {
            return Err(Error::new(
                Kind::TooLarge,
                format!("{path} has {length} bytes; {SEGMENT} are the most"),
            ));
        }
        // A run that was cut short has left what was complete.
        if self.extent == Extent::Missing && self.staging.length(&path) == Some(length) {
            self.keep.insert(path);
            return Ok(true);
        }
        match self.fetch_file(&path, length, length)? {
            None => Ok(false),
            Some(bytes) if bytes == length => Ok(true),
            Some(bytes) => {
                self.staging.remove(&path, false);
                Err(Error::new(Kind::Garbage, format!("{path} has {bytes} bytes and not {length}")))
            }
        }
    }

    /// Keeps the files that lead to a segment which was fetched before.
    fn keep_all_that_give(&mut self, digest: &Digest) {
        self.keep.insert(format!("targets/segments/{digest}.zst"));
        let end = format!("-{digest}.zst");
        let deltas =
            self.staging.list("targets/deltas").into_iter().filter(|entry| entry.name.ends_with(&end));
        self.keep.extend(deltas.map(|entry| format!("targets/deltas/{}", entry.name)));
    }

    /// Fetches a file that every mirror has, and reads in it what to ask for next.
    fn read_hint<T>(
        &mut self,
        path: &str,
        cap: u64,
        hint: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.need(path, cap)?;
        let text = format!("{path} is gone from the staging folder");
        let bytes = self.staging.read(path, cap).ok_or_else(|| Error::new(Kind::Local, text))?;
        hint(&bytes).map_err(|error| error.of(path))
    }

    fn need(&mut self, path: &str, cap: u64) -> Result<(), Error> {
        if self.get(path, cap)? { Ok(()) } else { Err(missing(path)) }
    }

    /// Fetches a file of unknown length, if there is one.
    fn get(&mut self, path: &str, cap: u64) -> Result<bool, Error> {
        Ok(self.fetch_file(path, cap, 0)?.is_some())
    }

    fn fetch_file(&mut self, path: &str, cap: u64, expected: u64) -> Result<Option<u64>, Error> {
        let left = ALL - self.fetched.bytes;
        let (transport, progress) = (&mut *self.transport, self.progress);
        let bytes = self
            .staging
            .write(path, expected, |sink| transport.get(path, cap.min(left), &mut progress.of(path, sink)))
            .map_err(|error| error.of(path))?;
        if let Some(bytes) = bytes {
            self.fetched.bytes += bytes;
            self.fetched.files += 1;
            self.keep.insert(path.to_owned());
        }
        Ok(bytes)
    }
}

fn missing(path: &str) -> Error {
    Error::new(Kind::Missing, format!("the mirror has no {path}"))
}
