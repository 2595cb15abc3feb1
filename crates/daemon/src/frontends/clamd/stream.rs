//! INSTREAM: content in chunks, each after its length in four bytes, the last one empty.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::Front;
use super::incoming::{End, Incoming};
use crate::spool::{self, Spooled};

/// Bytes that earn another second for the whole stream, so that nobody can send one byte now and then for ever.
const BYTES_PER_SECOND: u64 = 4 << 10;

/// Why there is nothing to scan.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client broke off.
    End(End),
    /// It is longer than allowed.
    TooLong,
    /// There is no room for it.
    NoRoom,
}

/// Takes the content of a stream.
///
/// # Errors
/// Why it is not there.
pub(super) async fn take(front: &Front, incoming: &mut Incoming) -> Result<Spooled, Failure> {
    let limit = front.settings.stream_bytes.0;
    let patience = front.settings.read_patience();
    let begun = Instant::now();
    let mut spool = front.service.spool(limit);
    let mut left = 0;
    loop {
        let received = incoming.received();
        if left > 0 && !received.is_empty() {
            let piece = received.get(..left.min(received.len())).unwrap_or(received);
            spool.push(piece).map_err(failure)?;
            let taken = piece.len();
            left -= taken;
            incoming.used(taken);
            continue;
        }
        if left == 0
            && let Some(length) = received.first_chunk::<4>()
        {
            let length = u32::from_be_bytes(*length);
            incoming.used(4);
            if length == 0 {
                return spool.finish().map_err(failure);
            }
            if u64::from(length) > limit.saturating_sub(spool.size()) {
                return Err(Failure::TooLong);
            }
            left = usize::try_from(length).map_err(|_| Failure::TooLong)?;
            continue;
        }
        let earned = Duration::from_secs(spool.size() / BYTES_PER_SECOND);
        let until = (Instant::now() + patience).min(begun + patience + earned);
        incoming.more(Some(until)).await.map_err(Failure::End)?;
    }
}

fn failure(error: spool::Error) -> Failure {
    match error {
        spool::Error::TooLong(_) => Failure::TooLong,
        spool::Error::Io(error) => {
            warn!(%error, "a stream cannot be kept");
            Failure::NoRoom
        }
    }
}
