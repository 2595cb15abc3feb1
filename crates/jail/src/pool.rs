//! Workers, and the files that wait for them.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use candor_object::{Limits, Report};
use candor_protocol::{Passwords, Ready};

use crate::Error;
use crate::attendant::Attendant;
use crate::queue::Queue;

/// Memory that a worker needs beside what it holds of objects, in bytes: decoders' windows, lists, the report.
const BESIDE_OBJECTS: u64 = 256 << 20;

/// Most workers that it makes sense to ask for: each is a process and a thread.
pub const MOST_WORKERS: u64 = 512;

/// Where workers come from.
#[derive(Debug)]
pub enum Source {
    /// Processes that we start.
    Program(Program),
    /// A service that has workers, at this Unix socket.
    Service(PathBuf),
}

/// How workers are started.
#[derive(Debug)]
pub struct Program {
    /// The program `candor-worker`: see [`worker_program`](crate::worker_program).
    pub path: PathBuf,
    /// Compiled databases: see [`sealed`](crate::sealed) and [`shareable`](crate::shareable).
    pub databases: Vec<File>,
    /// The user and group that workers become, if we are root.
    pub user: Option<(u32, u32)>,
    /// What may open what is encrypted, beside what databases know.
    pub passwords: Passwords,
}

/// Which workers, how many, and what they may spend.
#[derive(Debug)]
pub struct Settings {
    /// Where workers come from.
    pub source: Source,
    /// Limits of one root object; a service has its own.
    pub limits: Limits,
    /// How many workers run at once.
    pub workers: NonZeroUsize,
    /// Most files that go to a worker together, never more than [`MOST_AT_ONCE`](crate::MOST_AT_ONCE). The more
    /// there are, the less each of them costs; but those behind one that takes its time wait for it.
    pub at_once: usize,
    /// Jobs that may wait; [`Pool::submit`] waits for room.
    pub queue: usize,
    /// What a worker's own deadline may be late before it is taken for hung and killed.
    pub grace: Duration,
}

/// A worker looks at its clock often enough for much less.
pub const GRACE: Duration = Duration::from_secs(10);

impl Settings {
    /// Bytes of memory of its own that a worker may use.
    pub(crate) fn memory(&self) -> u64 {
        let objects = self.limits.object_bytes.saturating_mul(2);
        self.limits.held_bytes.saturating_add(objects).saturating_add(BESIDE_OBJECTS)
    }
}

/// Something that is to be scanned.
pub trait Job: Send {
    /// Opens it, just before it goes to a worker; nothing if there is nothing to scan any more.
    fn open(&mut self) -> Option<Opened>;

    /// Takes the report, whose root object has no name. Called once for what was opened, whatever happened to
    /// workers, from a thread that others wait for.
    fn done(self: Box<Self>, report: Report);
}

/// A file to scan.
#[derive(Clone, Debug)]
pub struct Opened {
    /// A regular file, open for reading.
    pub file: Arc<File>,
    /// How many bytes of it are scanned; 0 for a file that claims no size.
    pub size: u64,
    /// Whether the report shall have the SHA-256 of what was examined, which only files up to
    /// [`IN_MEMORY`](candor_object::IN_MEMORY) bytes get.
    pub digest: bool,
    /// Its path, if the report shall have facts as well; its last bytes are what readers see.
    pub inventory: Option<String>,
    /// Its name without its folder, which tells types that have no sign of their own; may be empty.
    pub name: String,
}

impl Opened {
    /// A file of this size, without a name; nobody asks for its digest.
    pub fn new(file: Arc<File>, size: u64) -> Self {
        Self { file, size, digest: false, inventory: None, name: String::new() }
    }

    /// The same with the name that it has in its folder.
    #[must_use]
    pub fn named(self, path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { name: name.unwrap_or_default(), ..self }
    }
}

/// What happened to workers so far.
#[derive(Debug, Default)]
pub struct Counters {
    started: AtomicU64,
    failed: AtomicU64,
    hung: AtomicU64,
}

impl Counters {
    pub(crate) fn count_start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_hang(&self) {
        self.hung.fetch_add(1, Ordering::Relaxed);
    }

    /// Workers that were started.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Workers that ended by themselves, were killed by somebody else, or broke the protocol.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Workers that we killed since they did not answer.
    pub fn hung(&self) -> u64 {
        self.hung.load(Ordering::Relaxed)
    }
}

/// Workers that scan. Dropping it waits until all jobs are answered.
#[derive(Debug)]
pub struct Pool {
    queue: Arc<Queue>,
    attendants: Vec<JoinHandle<()>>,
    counters: Arc<Counters>,
    greeting: Ready,
}

impl Pool {
    /// Starts workers and waits until they are confined.
    ///
    /// # Errors
    /// When a worker cannot be started or confined, or refuses a database.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let counters = Arc::new(Counters::default());
        let queue = Arc::new(Queue::new(settings.queue));
        let workers = settings.workers.get();
        let (tell, ready) = mpsc::channel();
        let mut pool = Self {
            queue,
            attendants: Vec::with_capacity(workers),
            counters: Arc::clone(&counters),
            greeting: Ready::Confined { missing: Vec::new() },
        };
        for number in 0..workers {
            let (settings, counters) = (Arc::clone(&settings), Arc::clone(&counters));
            let (queue, tell) = (Arc::clone(&pool.queue), tell.clone());
            // A worker dies with the thread that started it, so each thread starts its own.
            let attend = move || match Attendant::start(settings, counters, queue) {
                Ok((mut attendant, greeting)) => {
                    let heard = tell.send(Ok(greeting)).is_ok();
                    drop(tell);
                    if heard {
                        attendant.run();
                    }
                }
                Err(error) => drop(tell.send(Err(error))),
            };
            pool.attendants.push(thread::Builder::new().name(format!("worker-{number}")).spawn(attend)?);
        }
        drop(tell);
        for _ in 0..workers {
            let ended = || Error::NotReady("its thread ended".to_owned());
            pool.greeting = ready.recv().map_err(|_| ended())??;
        }
        Ok(pool)
    }

    /// Hands over a job; waits while too many wait.
    pub fn submit(&self, job: Box<dyn Job>) {
        self.queue.push(job);
    }

    /// Jobs that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What happened to workers so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the workers said first: what their confinement lacks on this system, or which service it is.
    pub fn greeting(&self) -> &Ready {
        &self.greeting
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        for attendant in self.attendants.drain(..) {
            // A thread that panicked has nothing to hand over.
            let _ = attendant.join();
        }
    }
}
