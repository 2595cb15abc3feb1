//! Scans a file of this machine that the client names by its path.
//!
//! Only root and the user that the service runs as may: they could read whatever the service reads. For anybody
//! else the service would be an oracle about files that he may not read, and deciding as if it were he (by his
//! identity, or through `/proc/PID/root`) is a race against links and against the reuse of process numbers.
//! Others open the file themselves and send the descriptor: then the kernel has decided.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;

use super::answer::{Content, json};
use super::authentication::{Client, trusted_user};
use super::problem::Problem;
use super::records::result;
use super::upload::{Reading, Wishes};
use super::{Caller, Site};
use crate::local_file;

/// Longest request, in bytes: a path has 4,096 at most, and JSON may write six for one.
const MAX_REQUEST: usize = 32 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    path: PathBuf,
}

/// Scans the file and answers with the result.
pub(super) async fn scan(
    site: &Site,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Response<Content>, Problem> {
    match caller.client {
        Client::Local { user, .. } if trusted_user(user) => {}
        Client::Local { .. } => {
            let detail =
                "only root and the user of the service may name paths; send a descriptor of the open file";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail).closing());
        }
        Client::Remote => {
            let detail = "paths may be named on a Unix socket only; upload the content";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail).closing());
        }
    }
    let wishes = Wishes::parse(request.uri().query())?;
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail).closing();
    if !wishes.name.is_empty() {
        return Err(bad("a file that is named by its path has that name"));
    }
    let content_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let detail = "the path is named in application/json: {\"path\": \"/the/path\"}";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).closing());
    }
    let mut text = Vec::new();
    let mut reading = Reading::new(&site.settings, request.into_body());
    while let Some(bytes) = reading.next().await? {
        text.extend_from_slice(&bytes);
        if text.len() > MAX_REQUEST {
            return Err(Problem::too_long(MAX_REQUEST as u64));
        }
    }
    let question: Question = serde_json::from_slice(&text)
        .map_err(|error| bad(&format!("expected {{\"path\": \"/the/path\"}}: {error}")))?;
    if !question.path.is_absolute() {
        return Err(bad("the path has to be absolute"));
    }
    let name = question.path.display().to_string();
    let file = local_file::open(question.path).await.map_err(refused)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let scanned = site.scan(caller, name, file.into(), size).await?;
    Ok(json(StatusCode::OK, site.pieces(result(Arc::new(scanned), wishes.objects))))
}

fn refused(error: io::Error) -> Problem {
    let status = match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, format!("the service cannot open the file: {error}"))
}
