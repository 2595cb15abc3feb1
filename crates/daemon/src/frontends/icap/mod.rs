//! ICAP (RFC 3507): proxies ask before they let HTTP messages through.
//!
//! Errata: <https://www.measurement-factory.com/std/icap/>. Headers about detections: draft-stecher-icap-subid.
//! Undetected content passes unchanged: 204 where the client takes it, 206 with its own body, or 200 with the
//! body given back. Detected content is replaced by a page. Nothing is called undetected that was not examined:
//! `X-Candor-Gaps` tells of gaps in every answer, a setting blocks for them, and too long bodies are blocked.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::configuration::quantities::{Bytes, Time};
use crate::listener::{Address, Connection, Listener, Peer};
use crate::service::{DatabaseInUse, Service};

#[cfg(any(fuzzing, test))]
pub(crate) mod hostile;
mod wire;
mod head;
mod encapsulated;
mod chunked;
mod preview;
mod http_head;
mod message;
mod intake;
mod outcome;
mod block_page;
mod reply;
mod echo;
mod trickle;
mod failure;
mod methods;
mod arrival;
mod answer;

use block_page::BlockPage;
use failure::Failure;
use message::AcceptEncoding;
use methods::Exchange;
use outcome::Gaps;
use reply::Next;
use wire::Wire;

/// The table `[icap]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where to listen, such as `tcp:127.0.0.1:1344`; nowhere by default.
    pub(crate) listen: Vec<Address>,
    /// Connections at once on each address.
    pub(crate) connections: usize,
    /// Permissions of a Unix socket.
    pub(crate) socket_mode: u32,
    /// Most bytes of a body that are examined.
    pub(crate) body_limit: Bytes,
    /// What becomes of longer bodies.
    pub(crate) over_limit: OverLimit,
    /// What becomes of content that was examined in part.
    pub(crate) gaps: Gaps,
    /// Bytes that clients are asked to send as a preview.
    pub(crate) preview: u32,
    /// How long clients may remember what OPTIONS said.
    pub(crate) options_ttl: Time,
    /// How long a connection lives without a byte, within a request and between two.
    pub(crate) idle_timeout: Time,
    /// In what time the head of a request must arrive.
    pub(crate) head_timeout: Time,
    /// After what time a request ends, whatever it does.
    pub(crate) request_timeout: Time,
    /// The time between the bytes that are given away before the verdict; 0 gives none.
    pub(crate) trickle: Time,
    /// Whether requests lose the content codings that cannot be opened.
    pub(crate) accept_encoding: AcceptEncoding,
    /// A page of one's own in place of blocked content: the path of an HTML file.
    pub(crate) block_page: BlockPage,
}

/// What becomes of a body that is longer than allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OverLimit {
    /// It is blocked. The default, since padding would hide anything otherwise.
    #[default]
    Block,
    /// What fits is examined, and if nothing is detected in it all of it passes, with a gap.
    Pass,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            connections: 128,
            socket_mode: 0o660,
            body_limit: Bytes(1 << 30),
            over_limit: OverLimit::default(),
            gaps: Gaps::default(),
            preview: 16 << 10,
            options_ttl: Time::seconds(3600),
            idle_timeout: Time::seconds(60),
            head_timeout: Time::seconds(30),
            request_timeout: Time::seconds(3600),
            trickle: Time::seconds(0),
            accept_encoding: AcceptEncoding::default(),
            block_page: BlockPage::default(),
        }
    }
}

impl Settings {
    /// The tag of all that verdicts depend on.
    fn istag(&self, service: &Service, database: &DatabaseInUse) -> String {
        let Self { body_limit, over_limit, gaps, .. } = self;
        let settings = format!("{:?} {body_limit} {over_limit:?} {gaps:?}", service.policy());
        reply::istag(&database.identity, &settings)
    }
}

/// Serves clients until it is told to stop and the requests that are under way are answered, each of which has
/// its time.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let converse = |Connection { stream, peer, room }| {
        let (service, settings, stop) = (service.clone(), Arc::clone(&settings), stop.clone());
        async move {
            converse(&service, stream, peer, &settings, &stop).await;
            drop(room);
        }
    };
    let mut clients = listener.serve_each(&stop, converse).await;
    while clients.join_next().await.is_some() {}
}

/// Answers a client's requests, one after the other.
async fn converse<S>(service: &Service, stream: S, peer: Peer, settings: &Settings, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let idle = settings.idle_timeout.0;
    let service = &service.asked_by(peer);
    let mut wire = Wire::new(stream, idle);
    loop {
        wire.allow(idle);
        if wire.bytes().is_empty() {
            let is_there = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                more = wire.fill() => more.unwrap_or(false),
            };
            if !is_there {
                return;
            }
        }
        let istag = settings.istag(service, &service.database());
        let next = if stop.is_cancelled() { Next::Close } else { Next::Another };
        let mut exchange =
            Exchange { wire: &mut wire, service, settings, peer, next, istag, has_begun: false };
        let failure = match exchange.request().await {
            Ok(Next::Another) => continue,
            Ok(Next::Close) => None,
            Err(failure) => Some(failure),
        };
        let (has_begun, istag) = (exchange.has_begun, exchange.istag);
        match failure {
            None => {}
            Some(Failure::Refused(status, why)) if !has_begun => {
                tracing::debug!(%peer, status = status.0, why, "an ICAP request was refused");
                let fields = [("X-Response-Desc", why.to_owned())];
                // Whoever sent slowly gets a little time to read that it was too slow.
                wire.allow(idle);
                if wire.write(&reply::head(status, &istag, Next::Close, &fields)).await.is_err() {
                    return;
                }
            }
            Some(Failure::Gone(wire::Error::Io(error))) if error.kind() != io::ErrorKind::UnexpectedEof => {
                tracing::debug!(%peer, %error, "an ICAP client is gone");
                return;
            }
            Some(_) => return,
        }
        return wire.linger().await;
    }
}
