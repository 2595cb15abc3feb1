//! What all front-ends ask: scan this file.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use candor_jail::{Job, Opened, Pool, Program, Ready, Source};
use candor_object::{Action, Decision, Limits, Report};
use candor_policy::Policy;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::asked::Asked;
use crate::breaker::{self, Breaker, Detection, Lookups, Trip};
use crate::cache::{self, Cache};
use crate::databases;
pub(crate) use crate::databases::DatabaseInUse;
use crate::spool::{Memory, Spool, Spooled};

/// The service; cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Service(Arc<Inner>, Asked);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    generation: RwLock<Arc<Generation>>,
    /// Held while another generation is made; how many were asked for when the last one was.
    reloading: Mutex<usize>,
    /// How many generations were asked for.
    reloads: AtomicUsize,
    /// Earlier generations, as far as some scan still uses them.
    retired: std::sync::Mutex<Vec<Weak<Generation>>>,
    queue: Semaphore,
    /// Set when nothing is answered any more.
    refusing: CancellationToken,
    waiting: AtomicUsize,
    memory: Memory,
    earlier: RwLock<Counts>,
    breaker: std::sync::Mutex<Breaker>,
    lookups: Lookups,
}

/// Files of a worker at once. Whoever asks a service waits for an answer, and not behind many slow files.
const AT_ONCE: usize = 8;

/// Most earlier generations that scans still use.
const MOST_RETIRED: usize = 2;
/// How often it is looked whether they ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Workers with their databases, and what they found. Another generation takes over when databases change;
/// this one ends with its last scan.
#[derive(Debug)]
struct Generation {
    pool: Option<Pool>,
    database: DatabaseInUse,
    /// That of the settings, and what was switched off when the databases were opened.
    policy: Policy,
    cache: Cache,
}

/// What the service needs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The program `candor-worker`.
    pub(crate) program: PathBuf,
    /// Compiled databases; without any, the one that is part of the program.
    pub(crate) databases: Vec<PathBuf>,
    /// Those to go back to.
    pub(crate) previous: Vec<PathBuf>,
    /// The list of rules that are switched off.
    pub(crate) disabled: PathBuf,
    /// The file of passwords for what is encrypted.
    pub(crate) passwords: Option<PathBuf>,
    /// When new databases are not trusted any more.
    pub(crate) breaker: breaker::Settings,
    /// Limits of one root object.
    pub(crate) limits: Limits,
    /// How many workers scan at once.
    pub(crate) workers: NonZeroUsize,
    /// The user and group of the workers, if we are root.
    pub(crate) worker_user: Option<(u32, u32)>,
    /// What is made of reports.
    pub(crate) policy: Policy,
    /// Scans that may wait for a worker.
    pub(crate) queue: usize,
    /// What is remembered.
    pub(crate) cache: cache::Settings,
    /// Where content goes that is too long for memory.
    pub(crate) temporary: PathBuf,
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
    /// Whether nothing is done about what was detected but to tell of it: the databases tripped the breaker.
    pub(crate) report_only: bool,
}

impl Examined {
    /// Whether content is to be withheld, as far as a front-end can: policy wants it reported, and the databases that
    /// say so are trusted.
    pub(crate) fn is_acted_upon(&self) -> bool {
        self.decision.action != Action::Allow && !self.report_only
    }

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

/// What happened to workers since the service started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Workers that were started.
    pub(crate) started: u64,
    /// Workers that ended by themselves, were killed by somebody else, or broke the protocol.
    pub(crate) failed: u64,
    /// Workers that were killed since they did not answer.
    pub(crate) hung: u64,
}

/// Why nothing was scanned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The service is about to end.
    #[error("the service is stopping")]
    Stopping,
    /// It is a folder, a device or something else that is no file.
    #[error("it is no regular file")]
    NoFile,
    /// The operating system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file that somebody waits for.
struct Question {
    content: Option<Spooled>,
    size: u64,
    digest: bool,
    tell: Option<oneshot::Sender<io::Result<Report>>>,
}

impl Job for Question {
    fn open(&mut self) -> Option<Opened> {
        let content =
            self.content.take().filter(|_| self.tell.as_ref().is_some_and(|tell| !tell.is_closed()))?;
        // Only now, so that what waits takes its memory once, and of the kind that is counted.
        match content.into_file() {
            Ok(file) => Some(Opened { digest: self.digest, ..Opened::new(file, self.size) }),
            Err(error) => {
                self.answer(Err(error));
                None
            }
        }
    }

    fn done(mut self: Box<Self>, report: Report) {
        self.answer(Ok(report));
    }
}

impl Question {
    fn answer(&mut self, answer: io::Result<Report>) {
        if let Some(tell) = self.tell.take() {
            // Nobody may wait for it any more.
            let _ = tell.send(answer);
        }
    }
}

impl Service {
    /// Opens the databases and starts the workers.
    ///
    /// # Errors
    /// When a database cannot be used, or a worker cannot be started or confined.
    pub(crate) fn start(settings: Settings) -> anyhow::Result<Self> {
        let generation = Arc::new(Generation::start(&settings, &settings.databases)?);
        let breaker = Breaker::new(settings.breaker.clone(), generation.database.identity, Instant::now());
        let generation = RwLock::new(generation);
        let queue = Semaphore::new(settings.queue.clamp(1, Semaphore::MAX_PERMITS));
        let inner = Inner {
            settings,
            generation,
            reloading: Mutex::new(0),
            retired: std::sync::Mutex::default(),
            reloads: AtomicUsize::new(0),
            queue,
            refusing: CancellationToken::new(),
            waiting: AtomicUsize::new(0),
            memory: Memory::default(),
            earlier: RwLock::default(),
            breaker: breaker.into(),
            lookups: Lookups::default(),
        };
        Ok(Self(Arc::new(inner), Asked::default()))
    }

    /// Refuses whatever comes or waits from now on; the service is stopping.
    pub(crate) fn refuse(&self) {
        self.0.queue.close();
        self.0.refusing.cancel();
    }

    /// What [`Service::scan`] does, which logs and counts it.
    pub(crate) async fn examine(&self, content: Spooled) -> Result<Examined, Refusal> {
        let asked = Instant::now();
        let size = content.size()?.ok_or(Refusal::NoFile)?;
        let _counted = Counted::new(&self.0.waiting);
        let _room = self.0.queue.acquire().await.map_err(|_| Refusal::Stopping)?;
        let generation = self.generation();
        let file = match &content {
            Spooled::File(file) => Some(Arc::clone(file)),
            Spooled::Memory(_) | Spooled::Kept(_) => None,
        };
        let key = generation.cache.key(&content, size).await?;
        let remembered = key.and_then(|key| generation.cache.get(&key));
        let (report, remembered) = match remembered {
            Some(report) => (report, true),
            None => {
                let digest = key.is_some_and(|key| key.is_doubtful());
                let report = Arc::new(self.ask(&generation, content, size, digest).await?);
                if let Some(key) = key {
                    generation.cache.insert(key, &report);
                }
                (report, false)
            }
        };
        let decision = Arc::new(generation.policy.decide(&report));
        let database = generation.database.clone();
        let mut examined =
            Examined { report, decision, database, remembered, time: asked.elapsed(), report_only: false };
        if !examined.decision.detections.is_empty() {
            examined.report_only = self.watch(&examined, file).await;
        }
        Ok(examined)
    }

    /// Tells the breaker of a detection, and goes back to the databases from before if it trips; whether the databases
    /// are not acted upon.
    async fn watch(&self, examined: &Examined, file: Option<Arc<File>>) -> bool {
        let identity = examined.database.identity;
        let watched = self.breaker().watches(identity, Instant::now());
        let package = match file.filter(|_| watched && self.0.lookups.take()) {
            // A thread that fails has nothing to say against the file.
            Some(file) => spawn_blocking(move || breaker::vouching(&file)).await.unwrap_or_default(),
            None => None,
        };
        let names = examined.names();
        let root = examined.report.objects.first();
        // Without a digest, size and names stand for the content: too few are told apart rather than too many.
        let content = root.and_then(|root| root.sha256).unwrap_or_else(|| {
            let size = root.map_or(0, |root| root.size);
            Sha256::digest(format!("{size} {names:?}")).into()
        });
        let detection = Detection { identity, content, names: &names, package: package.as_deref() };
        let trip = self.breaker().detected(&detection, Instant::now());
        if let Some(trip) = trip {
            let identity = hex::encode(trip.identity);
            error!(
                reason = trip.reason,
                identity, "breaker tripped; what these databases find is only reported"
            );
            let service = self.clone();
            tokio::spawn(async move { service.go_back().await });
        }
        self.breaker().refuses(identity)
    }

    /// Puts the databases from before into use. Where there are none, or they are no better, those that tripped the
    /// breaker stay, and what they find is only reported.
    async fn go_back(&self) {
        if self.0.settings.previous.is_empty() {
            error!("no databases to go back to; see `database.previous`");
            return;
        }
        // Nobody else may put others into use meanwhile.
        let _turn = self.0.reloading.lock().await;
        match self.replace(&self.0.settings.previous).await {
            Ok(database) => {
                self.breaker().went_back(database.identity, Instant::now());
                let (identity, signatures) = (hex::encode(database.identity), database.signatures);
                warn!(identity, signatures, "went back to the databases from before");
            }
            Err(error) => {
                error!(error = format!("{error:#}"), "could not go back to the databases from before")
            }
        }
    }

    /// Why the breaker is tripped, if it is.
    pub(crate) fn tripped(&self) -> Option<Trip> {
        self.breaker().tripped().cloned()
    }

    /// How often the breaker tripped.
    pub(crate) fn trips(&self) -> u64 {
        self.breaker().trips()
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        generation: &Generation,
        content: Spooled,
        size: u64,
        digest: bool,
    ) -> Result<Report, Refusal> {
        let (tell, answer) = oneshot::channel();
        if let Some(pool) = &generation.pool {
            // It has room for whatever has room here, so it does not wait.
            let content = Some(content);
            pool.submit(Box::new(Question { content, size, digest, tell: Some(tell) }));
        }
        tokio::select! {
            answer = answer => Ok(answer.map_err(|_| Refusal::Stopping)??),
            () = self.0.refusing.cancelled() => Err(Refusal::Stopping),
        }
    }

    /// Who asks.
    pub(crate) fn asked(&self) -> &Asked {
        &self.1
    }

    /// The same service for somebody.
    pub(crate) fn with_asked(&self, asked: Asked) -> Self {
        Self(Arc::clone(&self.0), asked)
    }

    /// A place for content that arrives in pieces, at most `limit` bytes of it.
    pub(crate) fn spool(&self, limit: u64) -> Spool {
        Spool::new(&self.0.settings.temporary, limit, &self.0.memory)
    }

    /// What scans use now.
    pub(crate) fn database(&self) -> DatabaseInUse {
        self.generation().database.clone()
    }

    /// What is made of reports.
    pub(crate) fn policy(&self) -> &Policy {
        &self.0.settings.policy
    }

    /// Scans that wait or are under way.
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Reports that are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.generation().cache.len()
    }

    /// How many workers scan at once.
    pub(crate) fn workers(&self) -> NonZeroUsize {
        self.0.settings.workers
    }

    /// Workers that live, as far as it was noticed. One that dies is started again for the next scan.
    pub(crate) fn alive(&self) -> u64 {
        let Counts { started, failed, hung } = self.generation().counts();
        started.saturating_sub(failed).saturating_sub(hung)
    }

    /// What happened to workers so far.
    pub(crate) fn counts(&self) -> Counts {
        let earlier = *self.0.earlier.read().unwrap_or_else(PoisonError::into_inner);
        earlier.and(self.generation().counts())
    }

    /// What the workers' confinement lacks on this system, in words.
    pub(crate) fn missing(&self) -> Vec<String> {
        match self.generation().pool.as_ref().map(Pool::greeting) {
            Some(Ready::Confined { missing }) => missing.clone(),
            _ => Vec::new(),
        }
    }

    /// Opens the databases again and puts them into use; scans that are under way end with the old ones, and
    /// no scan waits for this. It waits itself while [`MOST_RETIRED`] generations are still in use, each of which
    /// has workers; and whoever asks while others wait gets what they get.
    ///
    /// # Errors
    /// When a database cannot be used; then the old ones stay.
    pub(crate) async fn reload(&self) -> anyhow::Result<DatabaseInUse> {
        let turn = self.0.reloads.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let mut done = self.0.reloading.lock().await;
        if *done >= turn {
            return Ok(self.database());
        }
        let asked = self.0.reloads.load(Ordering::Relaxed);
        let database = self.replace(&self.0.settings.databases).await?;
        *done = asked;
        self.0.lookups.reset();
        self.breaker().went_live(database.identity, Instant::now());
        Ok(database)
    }

    /// Opens databases and puts them into use; of those that call this at once all but one wait.
    async fn replace(&self, databases: &[PathBuf]) -> anyhow::Result<DatabaseInUse> {
        while self.retired() >= MOST_RETIRED {
            sleep(BETWEEN_LOOKS).await;
        }
        let (settings, databases) = (self.0.settings.clone(), databases.to_vec());
        let started = spawn_blocking(move || Generation::start(&settings, &databases));
        let new = Arc::new(started.await.context("the thread that opens databases")??);
        let database = new.database.clone();
        if self.breaker().refuses(database.identity) {
            bail!("these databases tripped the breaker: {}", hex::encode(database.identity));
        }
        let old = {
            let mut generation = self.0.generation.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *generation, new)
        };
        let mut retired = self.0.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(Arc::downgrade(&old));
        let mut earlier = self.0.earlier.write().unwrap_or_else(PoisonError::into_inner);
        *earlier = earlier.and(old.counts());
        Ok(database)
    }

    /// Earlier generations that are still in use.
    fn retired(&self) -> usize {
        let mut retired = self.0.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|generation| generation.strong_count() > 0);
        retired.len()
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.0.generation.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generation {
    fn start(settings: &Settings, databases: &[PathBuf]) -> anyhow::Result<Self> {
        let (databases, database) = databases::open(databases)?;
        let mut policy = settings.policy.clone();
        // What cannot be read switches nothing off: too much is reported then, and not too little.
        match databases::disabled(&settings.disabled) {
            Ok(names) => policy.disabled.extend(names),
            Err(error) => {
                let (error, path) = (format!("{error:#}"), settings.disabled.display());
                warn!(error, %path, "the list of disabled rules is not used");
            }
        }
        let passwords = settings.passwords.as_deref().map(candor_jail::Passwords::from_file).transpose();
        let passwords = passwords.map_err(anyhow::Error::msg)?.unwrap_or_default();
        let pool = Pool::start(candor_jail::Settings {
            source: Source::Program(Program {
                path: settings.program.clone(),
                databases,
                user: settings.worker_user,
                passwords,
            }),
            limits: settings.limits.clone(),
            workers: settings.workers,
            at_once: AT_ONCE,
            queue: settings.queue,
            grace: candor_jail::GRACE,
        })?;
        Ok(Self { pool: Some(pool), database, policy, cache: Cache::new(settings.cache) })
    }

    fn counts(&self) -> Counts {
        self.pool.as_ref().map_or_else(Counts::default, |pool| {
            let counters = pool.counters();
            Counts { started: counters.started(), failed: counters.failed(), hung: counters.hung() }
        })
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // Ending workers takes a moment, which whoever asked last shall not wait for.
        let pool = self.pool.take();
        std::thread::spawn(move || drop(pool));
    }
}

impl Counts {
    fn and(self, other: Self) -> Self {
        Self {
            started: self.started.saturating_add(other.started),
            failed: self.failed.saturating_add(other.failed),
            hung: self.hung.saturating_add(other.hung),
        }
    }
}

/// Counts something as long as it lives.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
