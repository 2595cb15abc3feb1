//! Has one file taken apart by a worker that lives for nothing else.

use std::fs::File;
use std::time::Duration;

use candor_protocol::Opened;

use crate::worker::{Failure, Worker};
use crate::{Error, Settings};

/// What lies in the first `size` bytes of a file, opened as a type, or as what it is if that is empty. The settings say
/// where workers come from and what this may cost.
///
/// # Errors
/// When no worker can be started, or it fails over the file.
pub fn open(settings: &Settings, file: &File, size: u64, as_type: &str) -> Result<Opened, Error> {
    let (mut worker, _) = Worker::start(settings)?;
    let patience = settings.limits.time.saturating_add(settings.grace).saturating_add(Duration::from_secs(1));
    let failed = |failure: Failure| Error::NotReady(failure.to_string());
    worker.open(file, size, as_type, patience).map_err(failed)
}
