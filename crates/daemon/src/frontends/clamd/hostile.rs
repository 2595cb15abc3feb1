//! Bytes of a client, for fuzz targets.

use super::command;

/// Reads commands until one is not complete.
pub(crate) fn commands(mut received: &[u8]) {
    while let Some(framed) = command::next(received) {
        assert!(framed.bytes > 0, "a command without bytes is read for ever");
        received = received.get(framed.bytes..).unwrap_or_default();
    }
}
