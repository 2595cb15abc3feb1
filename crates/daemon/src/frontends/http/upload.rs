//! Content that clients send: as the body of a request, as the files of a form, or as a descriptor.

use std::fs::File;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response, StatusCode};
use rustix::fs::{OFlags, fcntl_getfl};
use tokio::time::{Instant, timeout_at};

use super::answer::{Content, Pieces, json};
use super::authentication::Client;
use super::multipart::{Form, Step};
use super::problem::Problem;
use super::records::{Scanned, bytes, result};
use super::{Caller, Settings, Site};
use crate::spool::{Spool, Spooled};

/// The header field that says that a descriptor came along.
const DESCRIPTOR: &str = "candor-descriptor";
/// Longest name of a file that is kept, in bytes; as long as that of any other object.
const MAX_NAME: usize = candor_object::MAX_NAME;

/// Bytes that the frame of a form may have beyond its files before the form is refused for its announced size.
const FRAME_OF_FORM: u64 = 1 << 20;

/// What the query of a request says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// What the content is to be called.
    pub(super) name: String,
    /// All objects are listed if there are no more than this.
    pub(super) objects: usize,
}

impl Wishes {
    /// Reads `name=TEXT` and `objects=NUMBER`, each at most once.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
        let (mut name, mut objects) = (None, None);
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let again = match &*key {
                "name" => name.replace(cut(value.into_owned())).is_some(),
                "objects" => {
                    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                    let number = value.parse().ok().filter(|number| digits && *number <= 100_000);
                    objects.replace(number.ok_or_else(|| bad("objects is a number up to 100000"))?).is_some()
                }
                _ => return Err(bad("the query may have name and objects")),
            };
            if again {
                return Err(bad("a part of the query is there twice"));
            }
        }
        Ok(Self { name: name.unwrap_or_default(), objects: objects.unwrap_or_default() })
    }
}

/// A body that is read within limits of time.
pub(super) struct Reading {
    body: Incoming,
    idle: Duration,
    deadline: Instant,
}

impl Reading {
    /// The body of a request; the time begins now.
    pub(super) fn new(settings: &Settings, body: Incoming) -> Self {
        Self { body, idle: settings.idle.0, deadline: Instant::now() + settings.request.0 }
    }

    /// The next bytes, some 64 KiB at most.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let until = self.deadline.min(Instant::now() + self.idle);
            let frame = timeout_at(until, poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)));
            match frame.await {
                Err(_) => {
                    let detail = "the content did not arrive in time";
                    return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail).closing());
                }
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => {
                    return Err(Problem::new(StatusCode::BAD_REQUEST, "the content is cut short").closing());
                }
                // Trailers say nothing about the content.
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

/// Scans what a request brings and answers with the result, or with the results for all files of a form.
pub(super) async fn scan(
    site: &Site,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Response<Content>, Problem> {
    reachable(caller, request.headers())?;
    let wishes = Wishes::parse(request.uri().query())?;
    if let Some(content_type) = form(request.headers()) {
        if !wishes.name.is_empty() {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the files of a form have names of their own"));
        }
        if request.headers().contains_key(DESCRIPTOR) {
            let detail = "a request with a descriptor has no form";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail).closing());
        }
        let form = Form::new(content_type)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        return scan_form(site, caller, form, request, wishes.objects).await;
    }
    let (file, size) = take(site, caller, request).await?;
    let scanned = site.scan(caller, wishes.name, file, size).await?;
    Ok(json(StatusCode::OK, site.pieces(result(Arc::new(scanned), wishes.objects))))
}

/// Takes what a request brings as one file: a descriptor, or the body. Its size in bytes comes with it.
pub(super) async fn take(
    site: &Site,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<(Spooled, u64), Problem> {
    plain(request.headers())?;
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail).closing();
    let came = caller.descriptors.take();
    match (request.headers().get(DESCRIPTOR).map(|value| value.as_bytes()), came.len()) {
        (None, 0) => {
            fits(site, request.body().size_hint().lower())?;
            let mut spool = site.service.spool(site.settings.upload.0);
            let mut reading = Reading::new(&site.settings, request.into_body());
            while let Some(bytes) = reading.next().await? {
                spool.push(&bytes)?;
            }
            let size = spool.size();
            Ok((spool.finish()?, size))
        }
        (Some(b"1"), 1) if request.body().is_end_stream() => {
            let file =
                came.into_iter().next().map(File::from).ok_or_else(|| bad("no descriptor came along"))?;
            let readable =
                fcntl_getfl(&file).is_ok_and(|flags| !flags.intersects(OFlags::WRONLY | OFlags::PATH));
            if !readable {
                return Err(bad("the descriptor is not open for reading"));
            }
            let size = file.metadata().map_or(0, |metadata| metadata.len());
            Ok((file.into(), size))
        }
        (Some(b"1"), 1) => Err(bad("a request with a descriptor has no body")),
        (Some(b"1"), 0) => {
            Err(bad("no descriptor came along; it is sent with the first byte, on a Unix socket"))
        }
        (Some(b"1"), _) => Err(bad("more than one descriptor came along")),
        (Some(_), _) => Err(bad("Candor-Descriptor has the value 1 or is absent")),
        (None, _) => Err(bad("a descriptor came along, but not the header field Candor-Descriptor: 1")),
    }
}

/// Scans one file of a form after the other, so that only one lies in the spool.
async fn scan_form(
    site: &Site,
    caller: &Caller,
    mut form: Form,
    request: Request<Incoming>,
    objects: usize,
) -> Result<Response<Content>, Problem> {
    plain(request.headers())?;
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail).closing();
    let mut left = site.settings.upload.0;
    let mut open: Option<(String, Spool)> = None;
    let mut results: Vec<Result<Arc<Scanned>, (String, Problem)>> = Vec::new();
    let mut weight = 0;
    fits(site, request.body().size_hint().lower().saturating_sub(FRAME_OF_FORM))?;
    let mut reading = Reading::new(&site.settings, request.into_body());
    loop {
        match form.step().map_err(|error| bad(error.to_string()))? {
            Step::Begin(name) => {
                if results.len() >= site.settings.files {
                    let detail = format!("the form has more than {} files", site.settings.files);
                    return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).closing());
                }
                open = Some((cut(name), site.service.spool(left)));
            }
            Step::Content(content) => {
                if let Some((_, spool)) = &mut open {
                    spool.push(&content).map_err(|error| match error {
                        crate::spool::Error::TooLong(_) => Problem::too_long(site.settings.upload.0),
                        error => error.into(),
                    })?;
                }
            }
            Step::End => {
                let Some((name, spool)) = open.take() else {
                    continue;
                };
                let size = spool.size();
                left = left.saturating_sub(size);
                let content = spool.finish()?;
                if weight > site.settings.answers_bytes() {
                    let detail = "the results of the files before it are too long; send this one by itself";
                    results.push(Err((name, Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))));
                    continue;
                }
                let scanned = site.scan(caller, name, content, size).await?;
                weight += scanned.weight();
                results.push(Ok(Arc::new(scanned)));
                // Time that the scan took is not the client's.
                reading.deadline = reading.deadline.max(Instant::now() + reading.idle);
            }
            Step::More | Step::Done => match reading.next().await? {
                Some(bytes) => form.push(&bytes),
                None => break,
            },
        }
    }
    form.finish().map_err(|error| bad(error.to_string()))?;
    if results.is_empty() {
        return Err(bad("the form has no files".to_owned()));
    }
    Ok(json(StatusCode::OK, site.pieces(several(results, objects))))
}

/// The results for the files of a form.
fn several(results: Vec<Result<Arc<Scanned>, (String, Problem)>>, objects: usize) -> Pieces {
    let each = results.into_iter().enumerate().flat_map(move |(number, one)| {
        let comma = (number > 0).then(|| b",".to_vec());
        let pieces: Pieces = match one {
            Ok(scanned) => result(scanned, objects),
            Err((name, problem)) => {
                let record = serde_json::json!({ "path": name, "problem": problem.record() });
                Box::new(std::iter::once(bytes(&record)))
            }
        };
        comma.into_iter().chain(pieces)
    });
    Box::new(std::iter::once(b"{\"results\":[".to_vec()).chain(each).chain(std::iter::once(b"]}".to_vec())))
}

/// The content type, if the request brings a form.
pub(super) fn form(headers: &HeaderMap) -> Option<&str> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("multipart/form-data").then_some(content_type)
}

/// Refuses to look for a descriptor where none can come.
pub(super) fn reachable(caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(caller.client, Client::Remote) && headers.contains_key(DESCRIPTOR) {
        let detail = "descriptors come on Unix sockets only; upload the content";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail).closing());
    }
    Ok(())
}

/// Refuses encoded bodies: they would be examined in a form that the client does not mean.
fn plain(headers: &HeaderMap) -> Result<(), Problem> {
    if headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Ok(());
    }
    let detail = "send the content without content encoding";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).closing())
}

/// Refuses content whose announced size is beyond the limit, before it is sent.
fn fits(site: &Site, announced: u64) -> Result<(), Problem> {
    let limit = site.settings.upload.0;
    if announced > limit { Err(Problem::too_long(limit)) } else { Ok(()) }
}

/// The beginning of a name.
fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(MAX_NAME));
    name
}
