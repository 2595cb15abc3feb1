//! Requests that get no regular answer, and what their clients are told.

use super::reply::Status;
use super::{head, http_head, preview, wire};
use crate::service::Refusal;
use crate::spool;

/// Why a request has no regular answer. The connection ends after it.
#[derive(Debug)]
pub(super) enum Failure {
    /// An answer that says why.
    Refused(Status, &'static str),
    /// Content is to be blocked of which some bytes are delivered: only the end of the connection tells now.
    BrokenOff,
    /// There is nobody to answer to.
    Gone(wire::Error),
}

impl From<wire::Error> for Failure {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Slow => Self::Refused(Status(408), "the request did not arrive in time"),
            wire::Error::Long => Self::Refused(Status(400), "the head is too long"),
            wire::Error::Ended | wire::Error::Io(_) => Self::Gone(error),
        }
    }
}

impl From<preview::Error> for Failure {
    fn from(error: preview::Error) -> Self {
        match error {
            preview::Error::Malformed(_) => Self::Refused(Status(400), "the chunked body is malformed"),
            preview::Error::Wire(error) => error.into(),
        }
    }
}

impl From<head::Error> for Failure {
    fn from(error: head::Error) -> Self {
        match error {
            head::Error::Malformed(why) => Self::Refused(Status(400), why),
            head::Error::Method => Self::Refused(Status(501), "the methods are OPTIONS, REQMOD and RESPMOD"),
            head::Error::Version => Self::Refused(Status(505), "only ICAP/1.0 is spoken here"),
        }
    }
}

impl From<http_head::Malformed> for Failure {
    fn from(_: http_head::Malformed) -> Self {
        Self::Refused(Status(400), "an encapsulated head is malformed, or Encapsulated lies about it")
    }
}

impl From<spool::Error> for Failure {
    fn from(error: spool::Error) -> Self {
        tracing::warn!(%error, "content of an ICAP client could not be taken in");
        Self::Refused(Status(500), "the content could not be kept")
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stopping => Self::Refused(Status(503), "the service is stopping"),
            error => {
                tracing::warn!(%error, "content of an ICAP client could not be examined");
                Self::Refused(Status(500), "the content could not be examined")
            }
        }
    }
}
