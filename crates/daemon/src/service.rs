//! What all front-ends ask: scan this file.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use candor_jail::{Job, Pool};
use candor_object::{Decision, Report};
use candor_policy::Policy;
use tokio::sync::{Semaphore, oneshot};

use crate::spool::Spool;

/// The service; cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Pool,
    policy: Policy,
    database: DatabaseInUse,
    queue: Semaphore,
    spool_folder: PathBuf,
}

/// A file, examined and judged.
#[derive(Clone, Debug)]
pub(crate) struct Examined {
    /// What was seen. The root object has no name.
    pub(crate) report: Arc<Report>,
    /// What policy says of it.
    pub(crate) decision: Arc<Decision>,
    /// What it was examined with.
    pub(crate) database: DatabaseInUse,
    /// Whether the report was remembered from an earlier scan of the same content.
    pub(crate) remembered: bool,
    /// From the question to the answer.
    pub(crate) time: Duration,
}

impl Examined {
    /// The detection names that led to the verdict, each once, the worst first; unchanged from the signatures.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for number in &self.decision.detections {
            if let Some(finding) = self.report.findings.get(*number)
                && !names.contains(&finding.name.as_str())
            {
                names.push(&finding.name);
            }
        }
        names
    }
}

/// The databases that scans use now.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseInUse {
    /// SHA-256 of its content; of several databases, that of their identities.
    pub(crate) identity: [u8; 32],
    /// The number of its signatures.
    pub(crate) signatures: u64,
    /// When it was put into use.
    pub(crate) since: SystemTime,
}

/// Why nothing was scanned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// More wait than allowed; ask again later.
    #[error("too many scans are waiting; try again later")]
    Busy,
    /// The service is about to end.
    #[error("the service is stopping")]
    Stopping,
    /// It is a folder, a device or something else that is no file.
    #[error("it is no regular file")]
    NoFile,
    /// The operating system says no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Service {
    /// Scans an open file from its beginning, whatever its cursor says. Waits while all workers are busy, and
    /// dropping the future takes the file out of the queue.
    pub(crate) async fn scan(&self, file: File) -> Result<Examined, Refusal> {
        let asked = std::time::Instant::now();
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Refusal::NoFile);
        }
        let _room = self.0.queue.acquire().await.map_err(|_| Refusal::Stopping)?;
        let (tell, answer) = oneshot::channel();
        let done = Box::new(move |report| drop(tell.send(report)));
        self.0.pool.submit(Job { file, size: metadata.len(), done });
        let report = answer.await.map_err(|_| Refusal::Stopping)?;
        let decision = Arc::new(self.0.policy.decide(&report));
        let database = self.database();
        Ok(Examined {
            report: Arc::new(report),
            decision,
            database,
            remembered: false,
            time: asked.elapsed(),
        })
    }

    /// A place for content that arrives in pieces, at most `limit` bytes of it.
    pub(crate) fn spool(&self, limit: u64) -> Spool {
        Spool::new(&self.0.spool_folder, limit)
    }

    /// What scans use now.
    pub(crate) fn database(&self) -> DatabaseInUse {
        self.0.database.clone()
    }

    /// Scans that wait or are under way.
    pub(crate) fn waiting(&self) -> usize {
        0
    }

    /// Opens the databases again and puts them into use; scans that are under way end with the old ones.
    ///
    /// # Errors
    /// When a database cannot be opened; then the old ones stay.
    pub(crate) async fn reload(&self) -> anyhow::Result<DatabaseInUse> {
        Ok(self.database())
    }
}
