//! Reports of earlier scans, by the digest of the content: what was examined once need not be examined again.
//!
//! A cache belongs to the databases and limits that its reports were made with, and is dropped with them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use candor_object::{Limit, Reason, Report};
use quick_cache::Weighter;
use quick_cache::sync::Cache as Reports;
use sha2::{Digest, Sha256};

use crate::spool::Spooled;

/// Spooled that is read at a time.
const PIECE: usize = 64 << 10;
/// Spooled that is digested without asking another thread, in bytes.
const AT_ONCE: u64 = 64 << 10;

/// Bytes of memory that a report takes beside its own, about.
const BESIDE: usize = 150;

/// SHA-256 of the content and its length.
type Key = ([u8; 32], u64);

/// What is remembered, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Most reports; 0 remembers none.
    pub(crate) reports: usize,
    /// Most bytes of all reports together.
    pub(crate) bytes: u64,
    /// Longest content that is digested and remembered, in bytes.
    pub(crate) content: u64,
}

/// Reports by digest.
#[derive(Debug)]
pub(crate) struct Cache {
    reports: Option<Reports<Key, Arc<Report>, Weight>>,
    longest: u64,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Key, Arc<Report>> for Weight {
    fn weight(&self, _: &Key, report: &Arc<Report>) -> u64 {
        report.weight().saturating_add(BESIDE) as u64
    }
}

impl Cache {
    /// An empty one.
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { reports, bytes, content } = settings;
        let reports = (reports > 0).then(|| Reports::with_weighter(reports, bytes, Weight));
        Self { reports, longest: content }
    }

    /// What content of this size is known by; nothing if it is not to be remembered.
    ///
    /// # Errors
    /// Those of reading it.
    pub(crate) async fn key(&self, content: &Spooled, size: u64) -> io::Result<Option<Key>> {
        if self.reports.is_none() || size > self.longest {
            return Ok(None);
        }
        let file = match content {
            Spooled::Memory(bytes) => return Ok(Some((Sha256::digest(bytes.as_slice()).into(), size))),
            Spooled::File(file) => file,
        };
        if size <= AT_ONCE {
            return digest(file, size).map(Some);
        }
        let file = Arc::clone(file);
        let digested = tokio::task::spawn_blocking(move || digest(&file, size));
        digested.await.map_err(io::Error::other)?.map(Some)
    }

    /// The report of content with this key.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Report>> {
        self.reports.as_ref()?.get(key)
    }

    /// Remembers a report, unless another scan might end otherwise.
    pub(crate) fn insert(&self, key: Key, report: &Arc<Report>) {
        let passing = |reason| {
            matches!(
                reason,
                Reason::Limit(Limit::Time) | Reason::Unreadable | Reason::Crashed | Reason::Database
            )
        };
        let lasting = !report.gaps.iter().any(|gap| passing(gap.reason));
        // Spooled that changed while it was read was not what the digest says.
        let same = report.objects.first().is_some_and(|root| root.size == key.1);
        if let Some(reports) = self.reports.as_ref().filter(|_| lasting && same) {
            reports.insert(key, Arc::clone(report));
        }
    }

    /// The number of reports that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.reports.as_ref().map_or(0, Reports::len)
    }
}

fn digest(file: &File, size: u64) -> io::Result<Key> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(size).unwrap_or(PIECE))];
    let mut done = 0;
    while done < size {
        let want = piece.len().min(usize::try_from(size - done).unwrap_or(piece.len()));
        match file.read_at(&mut piece[..want], done) {
            Ok(0) => break,
            Ok(count) => {
                hash.update(&piece[..count]);
                done += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((hash.finalize().into(), done))
}
