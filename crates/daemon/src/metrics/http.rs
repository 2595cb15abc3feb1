//! The HTTP server for metrics and health: `GET` of three pages, one request per connection.
//!
//! Probes and Prometheus send small heads and read at once; whoever does not is cut off.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::exposition::{self, Moment};
use crate::configuration::quantities::Time;
use crate::listener::{Address, Connection, Listener};
use crate::service::Service;

/// Time for the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Time for a request and its answer.
const ALL_WITHIN: Duration = Duration::from_secs(15);
/// Most bytes of a head; the least that hyper takes.
const MOST_HEAD: usize = 8192;
/// Most fields of a head.
const MOST_FIELDS: usize = 48;
/// Time for a worker to be started and to examine a few bytes.
const SCAN_WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of what it examines.
const PROBE: u64 = 64;

/// `[metrics]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where metrics and health are told.
    pub(crate) listen: Vec<Address>,
    /// Clients at once, of each address.
    pub(crate) connections: usize,
    /// Permissions of Unix sockets.
    pub(crate) socket_mode: u32,
    /// Database files older than that make the service not ready.
    pub(crate) oldest_database: Option<Time>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { listen: Vec::new(), connections: 16, socket_mode: 0o660, oldest_database: None }
    }
}

/// Serves until it is told to stop; health is told until the very end.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    loop {
        let connection = tokio::select! {
            connection = listener.accept() => connection,
            () = stop.cancelled() => return,
        };
        tokio::spawn(answer(service.clone(), connection, Arc::clone(&settings)));
    }
}

async fn answer(service: Service, connection: Connection, settings: Arc<Settings>) {
    let Connection { stream, room, .. } = connection;
    let page = service_fn(|request: Request<Incoming>| {
        let (service, settings) = (service.clone(), Arc::clone(&settings));
        async move { Ok::<_, Infallible>(page(&service, &settings, &request).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_FIELDS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), page);
    match tokio::time::timeout(ALL_WITHIN, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "metrics: bad request"),
        Err(_) => debug!("metrics: a client was too slow"),
    }
    drop(room);
}

/// The answer to a request.
async fn page(service: &Service, settings: &Settings, request: &Request<Incoming>) -> Response<String> {
    let (status, media_type, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, exposition::MEDIA_TYPE, metrics(service)),
        (&Method::GET, "/healthz") => plain(StatusCode::OK, "alive"),
        (&Method::GET, "/readyz") => match not_ready(service, settings).await {
            None => match service.tripped() {
                // It scans, with the databases from before or without acting on what it finds.
                Some(trip) => plain(StatusCode::OK, &format!("ready; breaker tripped: {}", trip.reason)),
                None => plain(StatusCode::OK, "ready"),
            },
            Some(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {reason}")),
        },
        (&Method::GET, _) => plain(StatusCode::NOT_FOUND, "here are /metrics, /healthz and /readyz"),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "only GET"),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        fields.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

fn plain(status: StatusCode, text: &str) -> (StatusCode, &'static str, String) {
    (status, "text/plain; charset=utf-8", format!("{text}\n"))
}

fn metrics(service: &Service) -> String {
    let moment = Moment {
        waiting: service.waiting(),
        remembered: service.remembered(),
        workers: service.workers().get(),
        counts: service.counts(),
        missing: service.missing().len(),
        database: service.database(),
        breaker: (service.tripped().is_some(), service.trips()),
        now: SystemTime::now(),
    };
    exposition::text(&service.counted().now(), &moment)
}

/// Why no scans should be sent here, if there is a reason.
async fn not_ready(service: &Service, settings: &Settings) -> Option<String> {
    let numbers = service.counted().now();
    if numbers.stopping {
        return Some("stopping".to_owned());
    }
    if let (Some(oldest), Some(date)) = (settings.oldest_database, numbers.database_date)
        // A date in the future is no age.
        && let Ok(age) = SystemTime::now().duration_since(date)
        && age > oldest.0
    {
        return Some(format!("the database is {} seconds old", age.as_secs()));
    }
    // That a worker died is noticed by the next scan, which starts another; so the question itself must be one.
    // Workers that are busy are not asked to hurry.
    let in_doubt = service.waiting() == 0 || service.alive() == 0;
    (in_doubt && !can_scan(service).await).then(|| "no worker scans".to_owned())
}

/// Whether a worker examines a few bytes in time. They are others each time, so that no report is remembered.
async fn can_scan(service: &Service) -> bool {
    let probe = async {
        let mut content = service.spool(PROBE);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        content.push(format!("probe {}", now.as_nanos()).as_bytes()).ok()?;
        service.examine(content.finish().ok()?).await.ok()
    };
    let answer = tokio::time::timeout(SCAN_WITHIN, probe).await.ok().flatten();
    answer.is_some_and(|examined| examined.decision.fully_examined)
}
