//! Gets the segments of a release: from a release that is in the store, as a difference from one, or whole.

use std::fs;

use sha2::{Digest, Sha256};

use crate::delta::{MAX_PATCHED, decompress};
use crate::place;
use crate::refusal::{About, Kind, Refusal};
use crate::staging::Staging;
use crate::state::State;
use crate::statement::{MAX_SEGMENT, Segment, Sha};
use crate::store::{Incoming, Store, digest_of, read_if_there};
use crate::tuf::Vouched;

/// How a segment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It was in the store.
    Kept,
    /// As a difference of so many bytes.
    Delta(u64),
    /// Whole, compressed to so many bytes.
    Whole(u64),
}

/// A segment that was in the store, with the database that was compiled of it.
struct Kept {
    sequence: u64,
    segment: Segment,
}

/// Where segments come from.
pub(crate) struct Sources<'s> {
    staging: &'s Staging,
    store: &'s Store,
    vouched: &'s Vouched,
    kept: Vec<Kept>,
}

/// What lies in the folder of an incoming release where a segment was taken over.
pub(crate) struct Found {
    /// Whether the archive is the one that the statement names.
    pub(crate) archive: bool,
    /// The digest of the database, if there is one.
    pub(crate) image: Option<Sha>,
}

impl<'s> Sources<'s> {
    pub(crate) fn new(staging: &'s Staging, store: &'s Store, vouched: &'s Vouched, state: &State) -> Self {
        let mut kept = Vec::new();
        for &sequence in &state.installed {
            // A release that is damaged in the store is no help, and no harm.
            let Ok(old) = store.statement(sequence) else { continue };
            kept.extend(old.segments.into_iter().map(|segment| Kept { sequence, segment }));
        }
        Self { staging, store, vouched, kept }
    }

    /// Links the same segment of a release in the store, and its database if the statement names the same one. Whether
    /// they still are what they were is for [`found`] to say.
    pub(crate) fn take_over(&self, segment: &Segment, incoming: &Incoming) -> bool {
        let Some(kept) = self.kept.iter().find(|kept| kept.segment.digest == segment.digest) else {
            return false;
        };
        let folder = self.store.release(kept.sequence);
        let name = &kept.segment.name;
        if fs::hard_link(folder.join(format!("{name}.seg")), incoming.segment(&segment.name)).is_err() {
            return false;
        }
        if kept.segment.image == segment.image {
            // Without it the database is compiled again.
            let _ = fs::hard_link(folder.join(format!("{name}.cdb")), incoming.image(&segment.name));
        }
        true
    }

    /// Writes a segment into the folder of an incoming release, made of what was fetched. It has the digest that the log
    /// knows.
    ///
    /// # Errors
    /// [`Kind::Missing`] if it cannot be made of what is there: the fetcher must bring the whole.
    pub(crate) fn bring(&self, segment: &Segment, incoming: &Incoming) -> Result<Way, Refusal> {
        let (content, way) = match self.patched(segment)? {
            Some(patched) => patched,
            None => self.whole(segment)?,
        };
        let place = incoming.segment(&segment.name).display().to_string();
        incoming.write_segment(&segment.name, &content).about(Kind::Local, &place)?;
        Ok(way)
    }

    fn patched(&self, segment: &Segment) -> Result<Option<(Vec<u8>, Way)>, Refusal> {
        for kept in &self.kept {
            let name = place::delta(&kept.segment.digest, &segment.digest);
            if kept.segment.size.saturating_add(segment.size) > MAX_PATCHED {
                continue;
            }
            let Some(delta) = self.target(&name)? else { continue };
            let Some(old) = self.content(kept) else { continue };
            let content = decompress(&delta, Some(&old), segment.size).about(Kind::Malformed, &name)?;
            return Ok(Some((checked(content, segment)?, Way::Delta(delta.len() as u64))));
        }
        Ok(None)
    }

    fn whole(&self, segment: &Segment) -> Result<(Vec<u8>, Way), Refusal> {
        let name = place::segment(&segment.digest);
        let whole = self.target(&name)?;
        let whole = whole.ok_or_else(|| {
            Refusal::new(
                Kind::Missing,
                format!("{name}: neither it nor a difference from what is here was fetched"),
            )
        })?;
        let content = decompress(&whole, None, segment.size).about(Kind::Malformed, &name)?;
        Ok((checked(content, segment)?, Way::Whole(whole.len() as u64)))
    }

    /// A file that the keys vouch for, if it was fetched.
    fn target(&self, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let Some((length, digest)) = self.vouched.target(name) else {
            return Ok(None);
        };
        if length > MAX_SEGMENT {
            return Err(Refusal::new(Kind::Malformed, format!("{name}: {length} bytes are too many")));
        }
        let path = format!("{}{name}", place::TARGETS);
        let Some(content) = self.staging.read(&path, length).about(Kind::Mismatch, name)? else {
            return Ok(None);
        };
        if sha256(&content) != digest {
            return Err(Refusal::new(Kind::Mismatch, format!("{name}: it is not what the keys vouch for")));
        }
        Ok(Some(content))
    }

    fn content(&self, kept: &Kept) -> Option<Vec<u8>> {
        let path = self.store.release(kept.sequence).join(format!("{}.seg", kept.segment.name));
        let content = read_if_there(&path, kept.segment.size).ok()??;
        (sha256(&content) == kept.segment.digest).then_some(content)
    }
}

/// Reads what was taken over.
pub(crate) fn found(segment: &Segment, incoming: &Incoming) -> Found {
    let archive = digest_of(&incoming.segment(&segment.name));
    Found {
        archive: archive.is_ok_and(|digest| digest == segment.digest),
        image: digest_of(&incoming.image(&segment.name)).ok(),
    }
}

fn checked(content: Vec<u8>, segment: &Segment) -> Result<Vec<u8>, Refusal> {
    if sha256(&content) == segment.digest {
        Ok(content)
    } else {
        Err(Refusal::new(Kind::Mismatch, format!("segment {}: it is not what the log knows", segment.name)))
    }
}

fn sha256(content: &[u8]) -> Sha {
    Sha256::digest(content).into()
}
