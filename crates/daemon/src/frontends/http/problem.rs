//! Errors as RFC 9457 wants them: `application/problem+json`.

use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::answer::Content;
use crate::service::Refusal;
use crate::spool;

/// A request that was not done, and why.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is written. The type is `about:blank`: the status and the detail say everything.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem with a sentence for people. Nothing of the request is quoted in it.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), headers: Vec::new() }
    }

    /// There is nothing at this address, or nothing that this client may know of.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this address")
    }

    /// The address has other methods.
    pub(super) fn method(allowed: &'static str) -> Self {
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("this address answers {allowed} only"));
        problem.with(ALLOW, HeaderValue::from_static(allowed))
    }

    /// No token, or none that is known.
    pub(super) fn unauthorized() -> Self {
        let problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "send a token that is known here: Authorization: Bearer TOKEN",
        );
        problem.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"candor\""))
    }

    /// Content that is longer than allowed.
    pub(super) fn too_long(limit: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the content is longer than {limit} bytes"))
            .closing()
    }

    /// There is no room now; the client may ask again after some seconds.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).later()
    }

    /// Names the seconds after which asking again makes sense.
    pub(super) fn later(self) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// Ends the connection after the answer, where its further bytes have no meaning.
    pub(super) fn closing(self) -> Self {
        self.with(CONNECTION, HeaderValue::from_static("close"))
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The record, for an answer that has others in it.
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
        }
    }

    /// The answer.
    pub(super) fn response(self) -> Response<Content> {
        let body = serde_json::to_vec(&self.record()).unwrap_or_default();
        let mut response = Response::new(Content::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stopping => Self::busy(refusal.to_string()),
            Refusal::NoFile => Self::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.to_string()),
            Refusal::Io(error) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the file could not be read: {error}"))
            }
        }
    }
}

impl From<spool::Error> for Problem {
    fn from(error: spool::Error) -> Self {
        match error {
            spool::Error::TooLong(limit) => Self::too_long(limit),
            spool::Error::Io(_) => Self::busy(error.to_string()).closing(),
        }
    }
}
