//! The life of the service: sockets, workers, front-ends, and a graceful end.

use std::env;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::fs::Mode;
use sd_notify::NotifyState;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::cache;
use crate::configuration::Configuration;
use crate::frontends::{self, Frontend};
use crate::listener::Listener;
use crate::logs::{self, Output};
use crate::opening::{self, Place, Socket};
use crate::service::{self, Service};
use crate::signals::{Signals, Wish};

/// Time for refusals to reach the clients when the time for answers is over.
const REFUSING: Duration = Duration::from_secs(1);
/// Most clients of one listener.
const MOST_CONNECTIONS: usize = 65_536;

/// How the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As told, with everything answered.
    Graceful,
    /// As told, but some requests were not answered.
    Unanswered,
}

/// Runs until a signal ends it.
///
/// # Errors
/// When it cannot start, or a front-end fails.
pub(crate) fn run(configuration: &Configuration) -> anyhow::Result<End> {
    let log = logs::start(&configuration.log)?;
    // Whatever is made is for us alone until it is given its own permissions.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let sockets = open_sockets(configuration)?;
    let settings = service_settings(configuration)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    let places: Vec<Place> = sockets.iter().filter_map(|(_, socket)| place(socket)).collect();
    let end = runtime.block_on(serve(configuration, settings, sockets, &log));
    places.iter().for_each(Place::remove);
    // Whatever still waits for the operating system does not keep us.
    runtime.shutdown_background();
    if let Err(error) = &end {
        error!(error = format!("{error:#}"), "failed");
    }
    end
}

fn place(socket: &Socket) -> Option<Place> {
    match socket {
        Socket::Unix(_, place) => place.clone(),
        Socket::Tcp(_) => None,
    }
}

/// The sockets of all front-ends that are on.
fn open_sockets(configuration: &Configuration) -> anyhow::Result<Vec<(Frontend, Socket)>> {
    let mut sockets = Vec::new();
    for frontend in frontends::configured(configuration) {
        if !(1..=MOST_CONNECTIONS).contains(&frontend.connections) {
            bail!("`{}.connections` must be between 1 and {MOST_CONNECTIONS}", frontend.name);
        }
        for address in &frontend.listen {
            let socket = opening::open(address, frontend.socket_mode)
                .with_context(|| format!("[{}]", frontend.name))?;
            sockets.push((frontend.clone(), socket));
        }
    }
    Ok(sockets)
}

fn service_settings(configuration: &Configuration) -> anyhow::Result<service::Settings> {
    let table = &configuration.service;
    let program = match &table.worker {
        Some(program) => program.clone(),
        None => env::current_exe().context("the path of candord")?.with_file_name("candor-worker"),
    };
    if !program.is_file() {
        bail!(
            "the worker program {} is missing; install it there or name it in `service.worker`",
            program.display()
        );
    }
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
        limits: (&configuration.limits).into(),
        workers,
        worker_user: None,
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
    let stop = CancellationToken::new();
    let mut serving = JoinSet::new();
    let mut rooms = Vec::new();
    for (frontend, socket) in sockets {
        let listener = Listener::new(socket, frontend.connections)?;
        info!(frontend = frontend.name, address = listener.address(), "listening");
        rooms.push((listener.room(), frontend.connections));
        let work = (frontend.serve)(service.clone(), listener, stop.child_token());
        serving.spawn(async move {
            work.await;
            frontend.name
        });
    }
    info!(process = std::process::id(), "ready");
    tell(&[NotifyState::Ready]);
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Stop => break,
                Wish::Reload => reload(&service).await,
                Wish::Reopen => {
                    reload(&service).await;
                    if let Err(error) = log.reopen() {
                        warn!(error = format!("{error:#}"), "log file not opened again");
                    }
                }
            },
            Some(ended) = serving.join_next() => {
                // A front-end has no reason to end, and a service that nobody can reach would only look alive.
                let name = ended.context("a front-end")?;
                bail!("the front-end {name} ended by itself");
            }
        }
    }
    Ok(finish(configuration.service.stop_within.0, &mut signals, &service, &stop, serving, rooms).await)
}

async fn reload(service: &Service) {
    match service.reload().await {
        Ok(database) => {
            info!(identity = hex::encode(database.identity), signatures = database.signatures, "reloaded")
        }
        Err(error) => error!(error = format!("{error:#}"), "not reloaded; the old databases stay in use"),
    }
}

/// Takes no more clients, lets those who are there finish, refuses the rest.
async fn finish(
    within: Duration,
    signals: &mut Signals,
    service: &Service,
    stop: &CancellationToken,
    mut serving: JoinSet<&'static str>,
    rooms: Vec<(Arc<Semaphore>, usize)>,
) -> End {
    info!(waiting = service.waiting(), "stopping");
    tell(&[NotifyState::Stopping]);
    stop.cancel();
    let mut all_gone = Box::pin(async move {
        while serving.join_next().await.is_some() {}
        for (room, connections) in rooms {
            let connections = u32::try_from(connections).unwrap_or(u32::MAX);
            // It fails only when it is closed, which it never is.
            let _ = room.acquire_many(connections).await;
        }
    });
    let end = tokio::select! {
        () = &mut all_gone => End::Graceful,
        () = tokio::time::sleep(within) => End::Unanswered,
        () = stop_again(signals) => End::Unanswered,
    };
    if end == End::Unanswered {
        service.refuse();
        let _ = tokio::time::timeout(REFUSING, all_gone).await;
    }
    info!(graceful = end == End::Graceful, "stopped");
    end
}

async fn stop_again(signals: &mut Signals) {
    while signals.next().await != Wish::Stop {}
}

/// Tells systemd, if it started us and listens.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "systemd could not be told");
    }
}
