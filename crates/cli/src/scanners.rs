//! Who scans: the service if it runs and nothing else is wanted, else workers of our own.

use std::env;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use candor_jail::{
    GRACE, MOST_AT_ONCE, NOBODY, Passwords, Pool, Program, Ready, Settings, Source, worker_program,
};
use candor_object::Limits;
use candor_policy::Policy;

use crate::databases::{self, Notes, Origin, Used};
use crate::examine::policy;
use crate::verification::Verification;
use crate::{complain, limits};

/// Files that wait for a worker.
const WAITING: usize = 1024;
/// Where the service listens for us, unless `CANDORD_SOCKET` names another place.
const SOCKET: &str = "/run/candor/candord.sock";
/// What a service may be late: it has other clients, too.
const SERVICE_GRACE: std::time::Duration = std::time::Duration::from_secs(3600);

/// Where scans are done.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Options {
    /// Scan with workers of our own, even where the service `candord` runs.
    #[arg(long)]
    alone: bool,
    #[command(flatten)]
    databases: databases::Options,
    /// Try the passwords of this file, one on each line, on what is encrypted.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    limits: limits::Options,
}

/// Workers, and what they scan with.
pub(crate) struct Scanners {
    /// The workers.
    pub(crate) pool: Pool,
    /// The databases that they use.
    pub(crate) databases: Vec<Used>,
    /// Reads the databases while they are used.
    pub(crate) verification: Verification,
    /// The limits of each root object.
    pub(crate) limits: Limits,
}

impl Options {
    /// The policy of a file, or the default one, with the rules that are switched off here.
    pub(crate) fn policy(&self, path: Option<&Path>) -> anyhow::Result<Policy> {
        let mut policy = policy(path)?;
        policy.disabled.extend(self.databases.disabled());
        Ok(policy)
    }

    /// Finds the service or starts workers, by default one for each processor.
    pub(crate) fn start(&self, workers: Option<NonZeroUsize>, notes: Notes) -> anyhow::Result<Scanners> {
        let limits = self.limits.limits();
        let passwords = self.password_file.as_deref().map(Passwords::from_file).transpose();
        let passwords = passwords.map_err(anyhow::Error::msg)?.unwrap_or_default();
        let asked_for = self.alone
            || self.password_file.is_some()
            || self.databases.are_chosen()
            || limits != Limits::default();
        if !asked_for && let Some(scanners) = service(workers, &limits, notes)? {
            return Ok(scanners);
        }
        own(self.databases.open(notes)?, limits, passwords, workers.unwrap_or_else(processors))
    }
}

/// Starts workers of our own.
pub(crate) fn own(
    databases: Vec<Used>,
    limits: Limits,
    passwords: Passwords,
    workers: NonZeroUsize,
) -> anyhow::Result<Scanners> {
    let verification = Verification::start(&databases)?;
    let files = databases.iter().map(Used::file).collect::<anyhow::Result<_>>()?;
    let program = Program { path: worker_program()?, databases: files, user: Some(NOBODY), passwords };
    let settings = Settings {
        source: Source::Program(program),
        limits: limits.clone(),
        workers,
        at_once: MOST_AT_ONCE,
        queue: WAITING,
        grace: GRACE,
    };
    let pool = Pool::start(settings).context("no scan is possible")?;
    Ok(Scanners { pool, databases, verification, limits })
}

/// One for each processor.
pub(crate) fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The service, if it runs.
fn service(workers: Option<NonZeroUsize>, limits: &Limits, notes: Notes) -> anyhow::Result<Option<Scanners>> {
    let named = env::var_os("CANDORD_SOCKET").filter(|path| !path.is_empty()).map(PathBuf::from);
    let socket = named.unwrap_or_else(|| PathBuf::from(SOCKET));
    if !socket.exists() {
        return Ok(None);
    }
    let settings = Settings {
        source: Source::Service(socket.clone()),
        limits: limits.clone(),
        workers: workers.unwrap_or_else(processors),
        at_once: MOST_AT_ONCE,
        queue: WAITING,
        grace: SERVICE_GRACE,
    };
    let pool = match Pool::start(settings) {
        Ok(pool) => pool,
        Err(error) => {
            // A socket that nobody listens at, or that is not for us.
            complain(&format!("scanning without the service: {error}"));
            return Ok(None);
        }
    };
    let &Ready::Service { identity, signatures, size } = pool.greeting() else {
        complain(&format!("scanning without the service: {} is none", socket.display()));
        return Ok(None);
    };
    if notes == Notes::Shown {
        complain(&format!("the service at {} scans; --alone does without it", socket.display()));
    }
    let origin = format!("candord at {}", socket.display());
    let used = Used { kind: Origin::Service, origin, identity, size, signatures, skipped: 0 };
    let verification = Verification::start(&[])?;
    Ok(Some(Scanners { pool, databases: vec![used], verification, limits: limits.clone() }))
}
