//! HTTP/1.1 with limits for everything that a client can hold on to.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use candor_tlog::MAX_SUBMISSION;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::witness::{Answer, Witness};

/// Time of a connection with all its requests: who does not read answers is cut off then.
const CONNECTION_WITHIN: Duration = Duration::from_secs(300);
/// Time for clients to get their answers when the program is told to end.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of a head; the least that hyper takes.
const MOST_HEAD: usize = 8192;
/// Most fields of a head.
const MOST_FIELDS: usize = 48;
/// Pause after a connection could not be taken, for want of descriptors for instance.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is told to stop; then nobody new comes in, and who is there gets the answer.
pub async fn serve(
    witness: Arc<Witness>,
    listener: TcpListener,
    configuration: &Configuration,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(configuration.connections));
    let patience = Duration::from_secs(configuration.patience);
    let prefix: Arc<str> = configuration.submission_prefix.as_str().into();
    let accept = async || {
        let place = Arc::clone(&room).acquire_owned().await;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (place, stream),
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    loop {
        let (place, stream) = tokio::select! {
            accepted = accept() => accepted,
            () = stop.cancelled() => break,
        };
        let pages = Pages { witness: Arc::clone(&witness), prefix: Arc::clone(&prefix), patience };
        let stop = stop.clone();
        tokio::spawn(async move {
            // Whoever is late is cut off.
            let _ = timeout(CONNECTION_WITHIN, connection(pages, stream, stop)).await;
            drop(place);
        });
    }
    drop(listener);
    let all = u32::try_from(configuration.connections).unwrap_or(u32::MAX);
    let _ = timeout(END_WITHIN, room.acquire_many(all)).await;
}

/// What answers the requests of a connection.
#[derive(Clone)]
struct Pages {
    witness: Arc<Witness>,
    prefix: Arc<str>,
    patience: Duration,
}

async fn connection(pages: Pages, stream: TcpStream, stop: CancellationToken) {
    // Answers are small and wait for nothing.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| {
        let pages = pages.clone();
        async move { Ok::<_, Infallible>(respond(pages, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(pages.patience)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_FIELDS)
        .serve_connection(TokioIo::new(stream), answer);
    let mut serving = pin!(serving);
    // How a client goes away is its own affair.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn respond(pages: Pages, request: Request<Incoming>) -> Response<String> {
    let Pages { witness, prefix, patience } = pages;
    let path = request.uri().path().to_owned();
    let below = path.strip_prefix(&*prefix).unwrap_or_default();
    let (page, allowed) = match (below, path.as_str()) {
        ("/add-checkpoint", _) => ("add-checkpoint", Method::POST),
        (below, _) if below.starts_with("/checkpoint/") => ("checkpoint", Method::GET),
        (_, "/health") => ("health", Method::GET),
        (_, "/metrics") => ("metrics", Method::GET),
        _ => ("other", request.method().clone()),
    };
    let name = below.trim_start_matches("/checkpoint/").to_owned();
    let answer = match page {
        _ if *request.method() != allowed => Answer::new(405, format!("only {allowed}\n")),
        "add-checkpoint" => match timeout(patience, whole(request.into_body())).await {
            Ok(Ok(bytes)) => asked(&witness, move |witness| witness.add_checkpoint(&bytes)).await,
            Ok(Err(answer)) => answer,
            Err(_) => Answer::new(408, "the request took too long\n"),
        },
        "checkpoint" => asked(&witness, move |witness| latest(witness, &name)).await,
        "health" => asked(&witness, health).await,
        "metrics" => asked(&witness, metrics).await,
        _ => Answer::new(404, "here are add-checkpoint, checkpoint/SHA256, /health and /metrics\n"),
    };
    witness.counts.answered(page, answer.status);
    response(answer, &allowed)
}

fn response(answer: Answer, allowed: &Method) -> Response<String> {
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(answer.media_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match answer.status {
        405 => {
            let allowed = if *allowed == Method::POST { "POST" } else { "GET" };
            fields.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        // The rest of the body is not waited for.
        408 | 413 => {
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    response
}

/// Asks where waiting for the disk holds up nobody else. It goes on if the client goes away.
async fn asked(witness: &Arc<Witness>, question: impl FnOnce(&Witness) -> Answer + Send + 'static) -> Answer {
    let witness = Arc::clone(witness);
    spawn_blocking(move || question(&witness)).await.unwrap_or_else(|_| Answer::new(500, "internal error\n"))
}

async fn whole(mut body: Incoming) -> Result<Vec<u8>, Answer> {
    let too_long = || Answer::new(413, format!("a request has at most {MAX_SUBMISSION} bytes\n"));
    if body.size_hint().lower() > MAX_SUBMISSION as u64 {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| Answer::new(400, "the request broke off\n"))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > MAX_SUBMISSION {
                return Err(too_long());
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

fn latest(witness: &Witness, name: &str) -> Answer {
    let lower =
        name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let digest = lower.then(|| hex::decode(name).ok()).flatten();
    let Some(digest) = digest else {
        return Answer::new(400, "it is no SHA-256 in small hexadecimal digits\n");
    };
    match witness.latest(&digest).and_then(|note| String::from_utf8(note.to_bytes()).ok()) {
        Some(note) => Answer::new(200, note),
        None => Answer::new(404, "no checkpoint of this log was cosigned here\n"),
    }
}

fn health(witness: &Witness) -> Answer {
    if witness.is_healthy() {
        Answer::new(200, "ready\n")
    } else {
        Answer::new(503, "not ready: see the log\n")
    }
}

fn metrics(witness: &Witness) -> Answer {
    Answer { media_type: "text/plain; version=0.0.4; charset=utf-8", ..Answer::new(200, witness.metrics()) }
}
