//! Memory that decoders hold beside what they put out: their dictionaries.

use candor_object::{Flow, Limit, Reason, Sink};

/// Bytes that a decoder may hold uncounted if it is gone before its content is scanned: only one such is at work at a time.
pub(crate) const UNCOUNTED: u64 = 64 << 20;

/// Decodes with a decoder that holds so many bytes for as long as `decode` runs, or says that these are too many.
///
/// # Errors
/// Those of `decode`.
pub(crate) fn holding(
    bytes: u64,
    what: &str,
    sink: &mut dyn Sink,
    decode: impl FnOnce(&mut dyn Sink) -> Flow,
) -> Flow {
    if !sink.hold(bytes) {
        sink.gap(Reason::Limit(Limit::HeldBytes), &too_much(what, bytes));
        return Ok(());
    }
    let done = decode(sink);
    sink.release(bytes);
    done
}

/// The same for a decoder that is gone before its content is scanned.
///
/// # Errors
/// Those of `decode`.
pub(crate) fn holding_briefly(
    bytes: u64,
    what: &str,
    sink: &mut dyn Sink,
    decode: impl FnOnce(&mut dyn Sink) -> Flow,
) -> Flow {
    holding(briefly(bytes), what, sink, decode)
}

/// What counts of the bytes that a decoder holds which is gone before its content is scanned.
pub(crate) fn briefly(bytes: u64) -> u64 {
    if bytes > UNCOUNTED { bytes } else { 0 }
}

/// Why something is not decoded.
pub(crate) fn too_much(what: &str, bytes: u64) -> String {
    format!("{what}: it is decoded with a dictionary of {} MiB", bytes >> 20)
}
