//! HTTP: upload and scan, scan by descriptor or path, jobs, and a page for people. Documented in `docs/http.md`.
//!
//! HTTP/1.1 (RFC 9110, RFC 9112) on Unix sockets and TCP, there also with TLS. What was not examined is told in
//! the result: `fully_examined` is false, and `gaps` has every reason.

#[cfg(any(fuzzing, test))]
pub(crate) mod hostile;
mod routes;
mod upload;
mod multipart;
mod paths;
mod jobs;
mod authentication;
mod tls;
mod wire;
mod records;
mod problem;
mod answer;
mod openapi;
mod page;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::answer::{Content, Pieces};
use self::authentication::{Client, Tokens};
use self::jobs::Jobs;
use self::problem::Problem;
use self::records::Scanned;
use self::wire::{Carrier, Descriptors, Wire};
use crate::configuration::quantities::{Bytes, Time};
use crate::listener::{Address, Connection, Listener, Stream};
use crate::service::Service;
use crate::spool::Spooled;

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;
/// Most header fields of a request.
const MAX_FIELDS: usize = 64;
/// Most bytes that are kept of what a client sends, and of what it does not read yet.
const BUFFER: usize = 32 << 10;
/// How often jobs are looked at that were kept long enough.
const TICK: Duration = Duration::from_secs(5);
/// Longest time of any setting.
const DAY: Duration = Duration::from_secs(86_400);

/// The table `[http]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: Vec<Address>,
    /// Connections that are served at once, for each address.
    pub(crate) connections: usize,
    /// Permissions of Unix sockets.
    pub(crate) socket_mode: u32,
    /// Users, by number, that may ask on Unix sockets, besides root and the user of the service.
    pub(crate) users: Vec<u32>,
    /// Groups, by number; whose primary group is among them may ask on Unix sockets.
    pub(crate) groups: Vec<u32>,
    /// Whether every user may ask whom the permissions of the socket let connect.
    pub(crate) everybody: bool,
    /// A file with SHA-256 digests of tokens. With it every request on TCP needs a token.
    pub(crate) tokens: Option<PathBuf>,
    /// Names that this machine has for browsers, besides `localhost` and addresses.
    pub(crate) hosts: Vec<String>,
    /// A file with certificates in PEM, the own one first. With it TCP speaks TLS only.
    pub(crate) certificate: Option<PathBuf>,
    /// A file with the key of the certificate in PEM.
    pub(crate) key: Option<PathBuf>,
    /// Longest content of one request.
    pub(crate) upload: Bytes,
    /// Most files of one form.
    pub(crate) files: usize,
    /// How long a client may be silent or refuse to read.
    pub(crate) idle: Time,
    /// How long a request may take to arrive, its scan to be done, and its answer to be read, each.
    pub(crate) request: Time,
    /// Most jobs that are kept, for each address.
    pub(crate) jobs: usize,
    /// Most jobs of one client that wait at once.
    pub(crate) jobs_per_client: usize,
    /// How long finished jobs are kept.
    pub(crate) keep_jobs: Time,
    /// What the reports of finished jobs may take in memory, and those of one form.
    pub(crate) answers: Bytes,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            connections: 64,
            socket_mode: 0o660,
            users: Vec::new(),
            groups: Vec::new(),
            everybody: false,
            tokens: None,
            hosts: Vec::new(),
            certificate: None,
            key: None,
            upload: Bytes(512 << 20),
            files: 64,
            idle: Time::seconds(30),
            request: Time::seconds(600),
            jobs: 256,
            jobs_per_client: 64,
            keep_jobs: Time::seconds(600),
            answers: Bytes(64 << 20),
        }
    }
}

impl Settings {
    /// Looks at everything that `serve` needs, so that a mistake is told at the start.
    ///
    /// # Errors
    /// When a number makes no sense, a file cannot be used, or an address would let strangers ask without token.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let times = [self.idle.0, self.request.0, self.keep_jobs.0];
        if times.iter().any(|time| !(Duration::from_millis(1)..=DAY).contains(time)) {
            bail!("`idle`, `request` and `keep_jobs` are between a millisecond and a day");
        }
        if !(1..=1 << 16).contains(&self.connections)
            || self.files == 0
            || self.jobs == 0
            || self.jobs_per_client == 0
        {
            bail!("connections (at most 65536), files, jobs and jobs_per_client are at least 1");
        }
        for address in &self.listen {
            if let Address::Tcp(address) = address {
                self.reach(*address)?;
            }
        }
        self.secrets().map(drop)
    }

    /// Refuses to let strangers ask.
    fn reach(&self, address: SocketAddr) -> anyhow::Result<()> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        if self.tokens.is_none() {
            bail!("tcp:{address} can be reached from other machines; set `tokens`, or listen on 127.0.0.1");
        }
        if self.certificate.is_none() {
            tracing::warn!(
                "http: tcp:{address} has no TLS: tokens and content can be read on the way; set `certificate`"
            );
        }
        Ok(())
    }

    fn answers_bytes(&self) -> usize {
        usize::try_from(self.answers.0).unwrap_or(usize::MAX)
    }

    fn secrets(&self) -> anyhow::Result<(Option<Tokens>, Option<TlsAcceptor>)> {
        let tokens = self.tokens.as_deref().map(Tokens::read).transpose()?;
        let tls = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            (None, None) => None,
            _ => bail!("a certificate needs its key, and a key its certificate"),
        };
        Ok((tokens, tls))
    }
}

/// What all connections of a listener share.
#[derive(Debug)]
struct Site {
    service: Service,
    settings: Arc<Settings>,
    tokens: Option<Tokens>,
    jobs: Jobs,
    scheme: &'static str,
}

impl Site {
    /// Scans a file within the time of a request.
    async fn scan(
        &self,
        caller: &Caller,
        name: String,
        content: Spooled,
        size: u64,
    ) -> Result<Scanned, Problem> {
        let service = caller.service.about(&name);
        match timeout(self.settings.request.0, service.scan(content)).await {
            Ok(examined) => Ok(Scanned { name, size, examined: examined? }),
            Err(_) => Err(Problem::busy("the scan was not done in time; try again later")),
        }
    }

    /// An answer that has to be read within the time of a request.
    fn pieces(&self, pieces: Pieces) -> Content {
        Content::Pieces(pieces, Instant::now() + self.settings.request.0)
    }
}

/// Who asks on a connection, and the way there.
#[derive(Clone, Debug)]
struct Caller {
    client: Client,
    /// The service, which logs who asks.
    service: Service,
    descriptors: Descriptors,
}

/// Serves a listener until the service stops; then requests that are under way are answered.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let address = listener.tcp_address();
    // The settings were checked before; but a socket that was passed to us has an address that is not among them.
    let reach = address.map_or(Ok(()), |address| settings.reach(address));
    let (tokens, tls) = match reach.and_then(|()| settings.secrets()) {
        Ok(secrets) => secrets,
        Err(error) => {
            tracing::error!("http is not served: {error:#}");
            return;
        }
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let site = Arc::new(Site { service, settings, tokens, jobs: Jobs::default(), scheme });
    let mut connections = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            connection = listener.accept() => {
                connections.spawn(converse(Arc::clone(&site), tls.clone(), connection, stop.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = tick.tick() => site.jobs.expire(&site.settings),
        }
    }
    drop(listener);
    // Every connection ends by itself: content and answers have their time.
    let farewell = async { while connections.join_next().await.is_some() {} };
    if timeout(site.settings.request.0, farewell).await.is_err() {
        tracing::warn!("http: {} requests were not answered before the end", connections.len());
    }
    site.jobs.abort();
}

/// Answers the requests of one connection.
async fn converse(
    site: Arc<Site>,
    tls: Option<TlsAcceptor>,
    connection: Connection,
    stop: CancellationToken,
) {
    let Connection { stream, peer, room } = connection;
    let idle = site.settings.idle.0;
    let descriptors = Descriptors::default();
    let (carrier, client) = match (stream, tls) {
        (Stream::Unix(stream), _) => {
            let Ok(peer) = stream.peer_cred() else {
                return;
            };
            let client = Client::Local { user: peer.uid(), group: peer.gid() };
            (Carrier::Unix(stream, descriptors.clone()), client)
        }
        (Stream::Tcp(stream), None) => (Carrier::Tcp(stream), Client::Remote),
        (Stream::Tcp(stream), Some(tls)) => match timeout(idle, tls.accept(stream)).await {
            Ok(Ok(stream)) => (Carrier::Tls(Box::new(stream)), Client::Remote),
            Ok(Err(error)) => return tracing::debug!("http: no TLS: {error}"),
            Err(_) => return,
        },
    };
    let caller = Caller { client, service: site.service.asked_by(peer), descriptors };
    let answer = service_fn(|request| {
        let answer = routes::answer(Arc::clone(&site), caller.clone(), request);
        Box::pin(async move { Ok::<_, std::convert::Infallible>(answer.await) })
    });
    let mut conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Wire::new(carrier, idle)), answer);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| conversation.poll_without_shutdown(context)) => break ended,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut conversation).graceful_shutdown();
            }
        }
    };
    match ended {
        Ok(()) => conversation.into_parts().io.into_inner().linger().await,
        Err(error) => {
            tracing::debug!("http: {error}");
            if error.is_parse() {
                conversation.into_parts().io.into_inner().linger().await;
            }
        }
    }
    drop(room);
}
