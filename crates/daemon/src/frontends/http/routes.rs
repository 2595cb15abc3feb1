//! Which request goes where, and what every answer has in common.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};

use super::answer::{Content, json};
use super::authentication::{self, Client, Owner};
use super::problem::Problem;
use super::records::{Database, bytes};
use super::{Caller, Site, jobs, openapi, page, paths, upload};

/// Answers a request.
pub(super) async fn answer(site: Arc<Site>, caller: Caller, request: Request<Incoming>) -> Response<Content> {
    let mut response = match route(&site, &caller, request).await {
        Ok(response) => response,
        Err(problem) => problem.response(),
    };
    // A descriptor belongs to the request that it came with.
    drop(caller.descriptors.take());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let name = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(name, HeaderValue::from_static("same-origin"));
    response
}

async fn route(
    site: &Arc<Site>,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Response<Content>, Problem> {
    let host = match caller.client {
        // No browser reaches a Unix socket.
        Client::Local { .. } => None,
        Client::Remote => Some(authentication::host(&site.settings, request.uri(), request.headers())?),
    };
    let path = request.uri().path().to_owned();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(file) = page::file(&path) {
        return if reads { Ok(file) } else { Err(Problem::method("GET, HEAD").closing()) };
    }
    if path == "/openapi.json" {
        let answer = || json(StatusCode::OK, openapi::document());
        return if reads { Ok(answer()) } else { Err(Problem::method("GET, HEAD").closing()) };
    }
    let Some(path) = path.strip_prefix("/v1/") else {
        return Err(Problem::not_found().closing());
    };
    if let Some(host) = host {
        authentication::origin(site.scheme, &host, request.headers())?;
    }
    let method = request.method().clone();
    let owner = |request: &Request<Incoming>| {
        // What an unknown client goes on sending is not read.
        authentication::owner(&site.settings, site.tokens.as_ref(), caller.client, request.headers())
            .map_err(Problem::closing)
    };
    match path {
        "status" if reads => {
            owner(&request)?;
            Ok(status(site))
        }
        "status" => Err(Problem::method("GET, HEAD").closing()),
        "scan" if method == Method::POST => {
            owner(&request)?;
            upload::scan(site, caller, request).await
        }
        "scan/path" if method == Method::POST => {
            owner(&request)?;
            paths::scan(site, caller, request).await
        }
        "jobs" if method == Method::POST => {
            let owner: Owner = owner(&request)?;
            jobs::create(site, caller, owner, request).await
        }
        "scan" | "scan/path" | "jobs" => Err(Problem::method("POST").closing()),
        _ => {
            let Some(id) = path.strip_prefix("jobs/").filter(|id| !id.contains('/')) else {
                return Err(Problem::not_found().closing());
            };
            match method {
                Method::GET | Method::HEAD => jobs::show(site, owner(&request)?, id),
                Method::DELETE => jobs::remove(site, owner(&request)?, id),
                _ => Err(Problem::method("GET, HEAD, DELETE").closing()),
            }
        }
    }
}

fn status(site: &Site) -> Response<Content> {
    let settings = &site.settings;
    let record = serde_json::json!({
        "program": { "name": "candord", "version": env!("CARGO_PKG_VERSION") },
        "database": Database::new(&site.service.database()),
        "waiting": site.service.waiting(),
        "limits": {
            "upload_bytes": settings.upload.0,
            "files": settings.files,
            "idle_seconds": settings.idle.0.as_secs_f64(),
            "request_seconds": settings.request.0.as_secs_f64(),
            "jobs": settings.jobs,
            "jobs_per_client": settings.jobs_per_client,
            "keep_jobs_seconds": settings.keep_jobs.0.as_secs_f64(),
        },
    });
    json(StatusCode::OK, bytes(&record))
}
