//! A few bytes now and then, so that who waits for a large download sees that it is alive.
//!
//! The price: the head and these bytes are delivered before anything is known of the content, and when it is to
//! be blocked, all that can be done is to break the download off. So it is off unless it is wanted, never gives
//! away more than half of what has arrived, and never more than the first 16 KiB.

use std::time::Duration;

use tokio::time::Instant;

/// Most bytes that are given away.
const MOST: usize = 16 << 10;
/// Bytes that are given at a time.
const DROP: usize = 64;

/// What is given away.
#[derive(Debug)]
pub(super) struct Trickle {
    every: Duration,
    due: Instant,
    start: Vec<u8>,
    arrived: usize,
    sent: usize,
    /// Whether the head is on its way, so that no other answer is possible.
    pub(super) has_begun: bool,
}

impl Trickle {
    /// Begins now, with the first bytes due after the time.
    pub(super) fn new(every: Duration) -> Self {
        let due = Instant::now() + every;
        Self { every, due, start: Vec::new(), arrived: 0, sent: 0, has_begun: false }
    }

    /// When the next bytes are due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Notes bytes that have arrived.
    pub(super) fn arrived(&mut self, bytes: &[u8]) {
        let room = MOST.saturating_sub(self.start.len()).min(bytes.len());
        self.start.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.arrived = self.arrived.saturating_add(bytes.len());
    }

    /// The bytes to give now; the next are due later.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.due = Instant::now() + self.every;
        let end = self.start.len().min(self.arrived / 2).min(self.sent + DROP);
        let bytes = self.start.get(self.sent..end).unwrap_or_default().to_vec();
        self.sent += bytes.len();
        bytes
    }

    /// Bytes that were given away.
    pub(super) fn sent(&self) -> u64 {
        self.sent as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_more_than_half_and_never_more_than_the_start() {
        let mut trickle = Trickle::new(Duration::from_secs(5));
        assert_eq!(trickle.take(), b"");
        trickle.arrived(b"abcdef");
        assert_eq!(trickle.take(), b"abc");
        assert_eq!(trickle.take(), b"");
        trickle.arrived(&[b'x'; 1000]);
        assert_eq!(trickle.take().len(), DROP);
        trickle.arrived(&vec![b'x'; 1 << 20]);
        while !trickle.take().is_empty() {}
        assert_eq!(trickle.sent(), MOST as u64);
    }
}
