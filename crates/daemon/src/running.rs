//! The life of the service: sockets, workers, front-ends, and a graceful end.

use std::env;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::activation;
use crate::cache;
use crate::configuration::Configuration;
use crate::databases;
use crate::frontends::{self, Frontend};
use crate::listener::Address;
use crate::logs::{self, Output};
use crate::metrics::{self, Outcome};
use crate::opening::{self, Place, Socket};
use crate::privileges::{self, User};
use crate::service::{self, Service};
use crate::serving::Serving;
use crate::signals::{Signals, Wish};
use crate::systemd::{self, Watchdog};

/// Time for refusals to reach the clients when the time for answers is over.
const REFUSING: Duration = Duration::from_secs(1);

/// How the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As told, with everything answered.
    Graceful,
    /// As told, but some requests were not answered.
    Unanswered,
    /// It could not start or go on; the log says why.
    Failed,
}

/// Runs until a signal ends it.
///
/// # Errors
/// When it cannot start, or a front-end fails.
pub(crate) fn run(configuration: &Configuration) -> anyhow::Result<End> {
    // Whatever is made is for us alone until it is given its own permissions.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    allow_descriptors();
    let user = privileges::wanted(configuration.service.user.as_deref())?;
    let sockets = open_sockets(configuration, user.as_ref())?;
    let _places = Places(sockets.iter().filter_map(|(_, socket)| socket.place()).collect());
    privileges::give_up(user.as_ref())?;
    // All files are opened as the user who will have to open them again.
    let log = logs::start(&configuration.log)?;
    let end = start(configuration, sockets, &log);
    match end {
        Err(error) if configuration.log.file.is_none() => {
            error!(error = format!("{error:#}"), "failed");
            Ok(End::Failed)
        }
        Err(error) => {
            error!(error = format!("{error:#}"), "failed");
            Err(error)
        }
        Ok(end) => Ok(end),
    }
}

/// Allows as many open files as the administrator does: clients and their content are descriptors, and the lower
/// limit that programs are started with is for those that use `select`.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, clients wait in the kernel's queue.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Files of sockets, which are removed in the end, whatever it is.
struct Places(Vec<Place>);

impl Drop for Places {
    fn drop(&mut self) {
        self.0.iter().for_each(Place::remove);
    }
}

fn start(
    configuration: &Configuration,
    sockets: Vec<(Frontend, Socket)>,
    log: &Output,
) -> anyhow::Result<End> {
    sockets.iter().try_for_each(|(frontend, _)| usable(frontend))?;
    let settings = service_settings(configuration)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(threads()).enable_all().build().context("the runtime")?;
    let end = runtime.block_on(serve(configuration, settings, sockets, log));
    // Whatever still waits for the operating system does not keep us.
    runtime.shutdown_background();
    end
}

/// How many threads serve clients: one for four processors. Workers do the work, and threads that have little to do
/// wake each other for every client.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(4)
}

/// The sockets of all front-ends that are on: those that systemd passes for one, else those that its table names.
fn open_sockets(
    configuration: &Configuration,
    user: Option<&User>,
) -> anyhow::Result<Vec<(Frontend, Socket)>> {
    let mut passed = activation::passed()?;
    let mut sockets = Vec::new();
    for frontend in frontends::configured(configuration) {
        let own: Vec<_> = passed.extract_if(.., |(name, _)| name == frontend.name).collect();
        if !own.is_empty() {
            sockets.extend(own.into_iter().map(|(_, socket)| (frontend.clone(), socket)));
            continue;
        }
        for address in &frontend.listen {
            let socket = opening::open(address, frontend.socket_mode)
                .with_context(|| format!("[{}]", frontend.name))?;
            if let (Some(user), Address::Unix(path)) = (user, address) {
                user.own(path)?;
            }
            sockets.push((frontend.clone(), socket));
        }
    }
    if let Some((name, _)) = passed.first() {
        bail!("systemd passed a socket for \"{name}\"; FileDescriptorName= must be the name of a front-end");
    }
    Ok(sockets)
}

fn usable(frontend: &Frontend) -> anyhow::Result<()> {
    (frontend.check)().with_context(|| format!("`[{}]` cannot be used", frontend.name))
}

/// Looks whether the service could start, without starting anything.
///
/// # Errors
/// The first reason why it could not.
pub(crate) fn check(configuration: &Configuration) -> anyhow::Result<()> {
    sensible(configuration)?;
    let settings = service_settings(configuration)?;
    databases::open(&settings.databases)?;
    Ok(())
}

/// Looks for what is wrong with the settings themselves, so that starting again would not help.
///
/// # Errors
/// When there is no such user, or a front-end cannot be served with its settings.
pub(crate) fn sensible(configuration: &Configuration) -> anyhow::Result<()> {
    if let Some(name) = &configuration.service.user {
        User::named(name)?;
    }
    let listening = |frontend: &Frontend| !frontend.listen.is_empty();
    frontends::configured(configuration).iter().filter(|frontend| listening(frontend)).try_for_each(usable)
}

fn service_settings(configuration: &Configuration) -> anyhow::Result<service::Settings> {
    let table = &configuration.service;
    let program = match &table.worker {
        Some(program) if !program.is_file() => {
            bail!("the worker program {} is missing; see `service.worker`", program.display());
        }
        Some(program) => program.clone(),
        None => candor_jail::worker_program().context("`service.worker` may name it")?,
    };
    let workers = table.workers.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let temporary: PathBuf = table.temporary.clone().unwrap_or_else(env::temp_dir);
    if !temporary.is_dir() {
        bail!(
            "the folder {} is missing; make it or name another in `service.temporary`",
            temporary.display()
        );
    }
    let cache = &configuration.cache;
    Ok(service::Settings {
        program,
        databases: configuration.database.files.clone(),
        previous: configuration.database.previous.clone(),
        disabled: configuration
            .database
            .disabled
            .clone()
            .unwrap_or_else(|| PathBuf::from(databases::DISABLED)),
        passwords: configuration.database.passwords.clone(),
        breaker: (&configuration.breaker).into(),
        limits: (&configuration.limits).into(),
        workers,
        worker_user: Some(candor_jail::NOBODY),
        policy: (&configuration.policy).into(),
        queue: table.queue,
        cache: cache::Settings { reports: cache.reports, bytes: cache.bytes.0, content: cache.content.0 },
        temporary,
    })
}

async fn serve(
    configuration: &Configuration,
    settings: service::Settings,
    sockets: Vec<(Frontend, Socket)>,
    log: &Output,
) -> anyhow::Result<End> {
    let mut signals = Signals::catch().context("signals")?;
    let service = Service::start(settings).context("the workers")?;
    let files = &configuration.database.files;
    service.counted().database_dated(newest(files));
    let mut clients = Serving::default();
    let mut observers = Serving::default();
    for (frontend, socket) in sockets {
        let serving = if frontend.name == metrics::NAME { &mut observers } else { &mut clients };
        serving.add(&frontend, socket, &service)?;
    }
    let missing = service.missing();
    if !missing.is_empty() {
        warn!(missing = missing.join("; "), "workers are less confined than they could be");
    }
    tell_ready(&service);
    let mut watchdog = Watchdog::wanted();
    loop {
        tokio::select! {
            () = watchdog.live() => {}
            wish = signals.next() => match wish {
                Wish::Stop => break,
                Wish::Reload => drop(tokio::spawn(reload(service.clone(), files.to_vec()))),
                Wish::Reopen => {
                    tokio::spawn(reload(service.clone(), files.to_vec()));
                    if let Err(error) = log.reopen() {
                        warn!(error = format!("{error:#}"), "log file not opened again");
                    }
                }
            },
            // A service that nobody can reach would only look alive.
            error = clients.unexpected_end() => return Err(error),
            error = observers.unexpected_end() => return Err(error),
        }
    }
    info!(waiting = service.waiting(), "stopping");
    systemd::stopping();
    service.counted().stopping();
    let end = finish(configuration.service.stop_within.0, &mut signals, &service, &mut clients).await;
    // Health is told until the end, so that nobody takes a service that stops for one that is gone.
    let _ = timeout(REFUSING, observers.end()).await;
    info!(graceful = end == End::Graceful, "stopped");
    Ok(end)
}

/// Takes no more clients, lets those who are there finish, refuses the rest.
async fn finish(within: Duration, signals: &mut Signals, service: &Service, clients: &mut Serving) -> End {
    tokio::select! {
        () = clients.end() => return End::Graceful,
        () = sleep(within) => {}
        () = stop_again(signals) => {}
    }
    service.refuse();
    let _ = timeout(REFUSING, clients.end()).await;
    End::Unanswered
}

async fn stop_again(signals: &mut Signals) {
    while signals.next().await != Wish::Stop {}
}

fn tell_ready(service: &Service) {
    let database = service.database();
    let (identity, signatures) = (hex::encode(database.identity), database.signatures);
    info!(process = std::process::id(), workers = service.workers().get(), identity, signatures, "ready");
    systemd::ready(&format!("Serving with {} workers and {signatures} signatures.", service.workers()));
}

async fn reload(service: Service, files: Vec<PathBuf>) {
    systemd::reloading();
    // Asked before, so that a file that is replaced meanwhile does not seem newer than what is in use.
    let date = newest(&files);
    match service.reload().await {
        Ok(database) => {
            service.counted().database_dated(date);
            service.counted().reloaded(Outcome::Done);
            info!(identity = hex::encode(database.identity), signatures = database.signatures, "reloaded");
        }
        Err(error) => {
            service.counted().reloaded(Outcome::Failed);
            error!(error = format!("{error:#}"), "not reloaded; the old databases stay in use");
        }
    }
    tell_ready(&service);
}

/// When the newest of the files was written.
fn newest(files: &[PathBuf]) -> Option<SystemTime> {
    files.iter().filter_map(|path| path.metadata().ok()?.modified().ok()).max()
}
