//! Reports of earlier scans, by the digest of the content: what was examined once need not be examined again.
//!
//! A cache belongs to the databases and limits that its reports were made with, and is dropped with them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use candor_object::{IN_MEMORY, Limit, Reason, Report};
use quick_cache::Weighter;
use quick_cache::sync::Cache as Reports;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::spool::Spooled;

/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;
/// Most files of clients that are read at once to be digested. One on a file system that does not answer holds a
/// thread for as long as that lasts; the worker that meets it can be killed.
const READING: usize = 32;

/// Bytes of memory that a report takes beside its own, about.
const BESIDE: usize = 150;

/// What content is known by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// SHA-256 of the content, as far as we saw it.
    digest: [u8; 32],
    size: u64,
    /// Whether nobody but us can change it.
    is_ours: bool,
}

impl Key {
    /// Whether the worker has to say what it examined.
    pub(crate) fn is_doubtful(&self) -> bool {
        !self.is_ours
    }
}

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

/// SHA-256 of content, and its length.
type Name = ([u8; 32], u64);

/// Reports by digest.
#[derive(Debug)]
pub(crate) struct Cache {
    reports: Option<Reports<Name, Arc<Report>, Weight>>,
    longest: u64,
    reading: Arc<Semaphore>,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Name, Arc<Report>> for Weight {
    fn weight(&self, _: &Name, report: &Arc<Report>) -> u64 {
        report.weight().saturating_add(BESIDE) as u64
    }
}

impl Cache {
    /// An empty one.
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { reports, bytes, content } = settings;
        let reports = (reports > 0).then(|| Reports::with_weighter(reports, bytes, Weight));
        Self { reports, longest: content, reading: Arc::new(Semaphore::new(READING)) }
    }

    /// What content of this size is known by; nothing if it is not to be remembered.
    ///
    /// # Errors
    /// Those of reading it.
    pub(crate) async fn key(&self, content: &Spooled, size: u64) -> io::Result<Option<Key>> {
        if self.reports.is_none() || size > self.longest {
            return Ok(None);
        }
        let (file, place) = match content {
            Spooled::Memory(held) => {
                let digest = Sha256::digest(&held.bytes).into();
                return Ok(Some(Key { digest, size, is_ours: true }));
            }
            Spooled::Kept(file) => (Arc::clone(file), None),
            // What a file that claims no size holds, and whether a long one was the same all the time, nobody knows.
            Spooled::File(_) if size == 0 || size > IN_MEMORY => return Ok(None),
            Spooled::File(file) => match Arc::clone(&self.reading).try_acquire_owned() {
                Ok(place) => (Arc::clone(file), Some(place)),
                Err(_) => return Ok(None),
            },
        };
        let is_ours = place.is_none();
        let digested = tokio::task::spawn_blocking(move || {
            let _place = place;
            digest(&file, size)
        });
        let digest = digested.await.map_err(io::Error::other)??;
        Ok(digest.map(|digest| Key { digest, size, is_ours }))
    }

    /// The report of content with this key.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Report>> {
        self.reports.as_ref()?.get(&(key.digest, key.size))
    }

    /// Remembers a report, unless another scan might end otherwise, or what the worker examined is not what was
    /// digested: whoever can write a file can change it in between.
    pub(crate) fn insert(&self, key: Key, report: &Arc<Report>) {
        let is_over = |reason| reason == Reason::Limit(Limit::Time);
        let is_lasting = !report.failed() && !report.gaps.iter().any(|gap| is_over(gap.reason));
        let is_same = report
            .objects
            .first()
            .is_some_and(|root| root.size == key.size && (key.is_ours || root.sha256 == Some(key.digest)));
        if let Some(reports) = self.reports.as_ref().filter(|_| is_lasting && is_same) {
            reports.insert((key.digest, key.size), Arc::clone(report));
        }
    }

    /// The number of reports that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.reports.as_ref().map_or(0, Reports::len)
    }
}

/// SHA-256 of the first `size` bytes; nothing if there are not so many.
fn digest(file: &File, size: u64) -> io::Result<Option<[u8; 32]>> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(size).unwrap_or(PIECE))];
    let mut done = 0;
    while done < size {
        let want = piece.len().min(usize::try_from(size - done).unwrap_or(piece.len()));
        match file.read_at(&mut piece[..want], done) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                hash.update(&piece[..count]);
                done += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(hash.finalize().into()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use candor_object::{FileType, Relation, Seen};

    use super::*;

    fn report(content: &[u8], sha256: Option<[u8; 32]>) -> Arc<Report> {
        let root = Seen {
            parent: None,
            name: String::new(),
            relation: Relation::Root,
            file_type: FileType::DATA,
            size: content.len() as u64,
            sha256,
        };
        Arc::new(Report { objects: vec![root], ..Report::default() })
    }

    fn cache() -> Cache {
        Cache::new(Settings { reports: 10, bytes: 1 << 20, content: 1 << 20 })
    }

    fn file(content: &[u8]) -> Spooled {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.into()
    }

    #[tokio::test]
    async fn what_others_can_change_is_remembered_as_what_was_examined() {
        let (cache, content) = (cache(), file(b"evil"));
        let key = cache.key(&content, 4).await.unwrap().unwrap();
        assert!(key.is_doubtful());
        // The worker met other bytes, or does not say which.
        cache.insert(key, &report(b"good", Some([7; 32])));
        cache.insert(key, &report(b"good", None));
        assert!(cache.get(&key).is_none());
        cache.insert(key, &report(b"evil", Some(Sha256::digest(b"evil").into())));
        assert!(cache.get(&key).is_some());
        // Another file with the same content is known by the same key.
        assert!(cache.get(&cache.key(&file(b"evil"), 4).await.unwrap().unwrap()).is_some());
    }

    #[tokio::test]
    async fn what_may_differ_from_what_is_seen_is_not_remembered() {
        let cache = cache();
        assert!(cache.key(&file(b""), 0).await.unwrap().is_none(), "a file that claims no size");
        assert!(cache.key(&file(b"short"), 6).await.unwrap().is_none(), "a file that became shorter");
        let _reading = Arc::clone(&cache.reading).acquire_many_owned(READING as u32).await.unwrap();
        assert!(cache.key(&file(b"evil"), 4).await.unwrap().is_none(), "too many that do not answer");
    }
}
