//! Candor's own protocol, for `candor scan` and whoever links `candor-jail`: descriptors in, reports out.
//!
//! The same packets that workers speak, over a Unix stream. The first packet says which databases are used.
//! Reports go out as they are, and the client asks its own policy.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use candor_object::{Limit, Reason, Report};
use candor_protocol::{Answers, Channel, Ready, Request};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::listener::{Address, Connection, Listener, Stream};
use crate::service::{DatabaseInUse, Service};

/// Its table of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where `candor` finds the service; Unix sockets only, since descriptors travel through nothing else.
    pub(crate) listen: Vec<Address>,
    /// Clients at once.
    pub(crate) connections: usize,
    /// Permissions of the socket.
    pub(crate) socket_mode: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { listen: Vec::new(), connections: 64, socket_mode: 0o660 }
    }
}

/// Files of one client that wait or are scanned.
const MOST_IN_FLIGHT: usize = 64;
/// How long a client may be silent, and how long it may leave answers unread.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait after a thread that could not be started, so that a lack of them is no busy loop.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves clients until it is told to stop.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    _settings: Arc<Settings>,
    stop: CancellationToken,
) {
    loop {
        let connection = tokio::select! {
            () = stop.cancelled() => return,
            connection = listener.accept() => connection,
        };
        let (service, stop, runtime) = (service.clone(), stop.clone(), Handle::current());
        // Descriptors are received by calls that wait.
        let converse = move || {
            if let Err(error) = converse(&service, connection, &stop, &runtime) {
                debug!(%error, "a client was left");
            }
        };
        if let Err(error) = thread::Builder::new().name("native".to_owned()).spawn(converse) {
            warn!(%error, "a client could not be served");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

fn converse(
    service: &Service,
    connection: Connection,
    stop: &CancellationToken,
    runtime: &Handle,
) -> io::Result<()> {
    let Stream::Unix(stream) = connection.stream else {
        return Err(io::Error::other("descriptors travel through Unix sockets only"));
    };
    let service = service.asked_by(connection.peer);
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    let (closing, reading) = (stream.try_clone()?, stream.try_clone()?);
    let outgoing = Channel::over_stream(stream.try_clone()?.into());
    let mut incoming = Channel::over_stream(stream.into());
    incoming.set_patience(Some(PATIENCE))?;
    let mut greeting = Vec::new();
    let DatabaseInUse { identity, signatures, size, .. } = service.database();
    Ready::Service { identity, signatures, size }.write(&mut greeting);
    outgoing.send(&greeting, &[])?;
    let (tell, answers) = mpsc::channel();
    let writer = thread::Builder::new().name("native-answers".to_owned()).spawn(move || {
        let written = write_all(&outgoing, &answers);
        // Who does not read gets no more; this ends the wait for its next question, too.
        let _ = closing.shutdown(std::net::Shutdown::Both);
        written
    })?;
    // A service that stops takes no more questions, and answers those that were asked.
    let stopped = stop.clone().cancelled_owned();
    let watching = runtime.spawn(async move {
        stopped.await;
        let _ = reading.shutdown(std::net::Shutdown::Read);
    });
    // Ends the scans that nobody waits for any more.
    let gone = CancellationToken::new();
    let asked = ask_all(&service, &mut incoming, &tell, &gone, runtime);
    watching.abort();
    drop(tell);
    if asked.is_err() {
        gone.cancel();
    }
    let written = writer.join().map_err(|_| io::Error::other("the thread that answers failed"))?;
    gone.cancel();
    drop(connection.room);
    asked.and(written)
}

/// Takes questions until the client closes its side.
fn ask_all(
    service: &Service,
    incoming: &mut Channel,
    tell: &Sender<(u32, Report)>,
    gone: &CancellationToken,
    runtime: &Handle,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MOST_IN_FLIGHT));
    while let Some(received) = incoming.receive()? {
        let request = Request::read(received.bytes, received.descriptors.len()).map_err(io::Error::other)?;
        let Request::Scan(jobs) = request else {
            return Err(io::Error::other("a service is not started by its clients"));
        };
        for (job, file) in jobs.into_iter().zip(received.descriptors) {
            let acquired = runtime.block_on(Arc::clone(&room).acquire_owned());
            let place = acquired.map_err(io::Error::other)?;
            let (service, tell, gone) = (service.clone(), tell.clone(), gone.clone());
            runtime.spawn(async move {
                let report = tokio::select! {
                    () = gone.cancelled() => refused(job.size, "the client is gone".to_owned()),
                    report = scan(&service, file, job.size) => report,
                };
                // The client may be gone.
                let _ = tell.send((job.ticket, report));
                drop(place);
            });
        }
    }
    Ok(())
}

async fn scan(service: &Service, file: OwnedFd, size: u64) -> Report {
    match service.scan(File::from(file)).await {
        Ok(examined) => Report::clone(&examined.report),
        Err(refusal) => refused(size, refusal.to_string()),
    }
}

fn write_all(outgoing: &Channel, answers: &Receiver<(u32, Report)>) -> io::Result<()> {
    let mut packets = Answers::default();
    let mut send = |packet: &[u8]| outgoing.send(packet, &[]);
    while let Ok(first) = answers.recv() {
        for (ticket, report) in std::iter::once(first).chain(answers.try_iter()) {
            match packets.add(ticket, &report, &mut send) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let size = report.objects.first().map_or(0, |root| root.size);
                    let reason = Reason::Limit(Limit::Objects);
                    let short = Report::not_examined(size, reason, error.to_string());
                    packets.add(ticket, &short, &mut send)?;
                }
                added => added?,
            }
        }
        packets.flush(&mut send)?;
    }
    Ok(())
}

fn refused(size: u64, detail: String) -> Report {
    Report::not_examined(size, Reason::Unreadable, detail)
}
