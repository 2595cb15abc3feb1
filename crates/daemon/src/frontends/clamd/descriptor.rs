//! FILDES: an open file that comes beside one byte, through a Unix socket.

use std::fs::File;

use tokio::time::Instant;

use super::incoming::{Descriptors, End, Incoming};

/// Why there is no file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client broke off.
    End(End),
    /// The byte came with no descriptor, or with more than one.
    NotOne,
}

/// Takes the file that the next byte comes with.
///
/// # Errors
/// Why it is not there.
pub(super) async fn take(incoming: &mut Incoming, until: Instant) -> Result<File, Failure> {
    while incoming.received().is_empty() {
        incoming.more(Some(until)).await.map_err(Failure::End)?;
    }
    incoming.used(1);
    match incoming.descriptors() {
        Descriptors::One(descriptor) => Ok(File::from(descriptor)),
        Descriptors::None | Descriptors::Several => Err(Failure::NotOne),
    }
}
