//! What the service counts, and the little HTTP server that tells it.

mod counts;
mod exposition;
mod http;

pub(crate) use counts::{Counts, Outcome};
pub(crate) use http::{Settings, serve};

/// The name of the table, and what events of the log call it.
pub(crate) const NAME: &str = "metrics";
