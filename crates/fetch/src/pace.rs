//! How slow a server may be.

use std::time::{Duration, Instant};

use crate::{Error, Kind};

/// How slow a server may be, and when everything must be over.
///
/// Without it a server that sends a byte now and then keeps the fetcher for ever, and nobody hears that there are
/// no updates any more.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When everything must be over.
    pub deadline: Instant,
    /// How long nothing may arrive, and over which time the rate is taken.
    pub window: Duration,
    /// The fewest bytes per second over a window.
    pub slowest: u64,
}

impl Pace {
    /// The default of `window`.
    pub const WINDOW: Duration = Duration::from_secs(30);
    /// The default of `slowest`: the slowest modem was faster.
    pub const SLOWEST: u64 = 1024;

    /// The defaults, with everything over in `timeout`.
    pub fn within(timeout: Duration) -> Self {
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(86400));
        Self { deadline, window: Self::WINDOW, slowest: Self::SLOWEST }
    }

    /// How long one request may take whose body has at most `cap` bytes.
    ///
    /// # Errors
    /// [`Kind::TooSlow`] after the deadline.
    pub(crate) fn for_request(&self, cap: u64) -> Result<Duration, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.over());
        }
        let body = Duration::from_secs(cap / self.slowest.max(1));
        // Finding the server, its greeting and its header have a window each.
        Ok(left.min(self.window.saturating_mul(4).saturating_add(body)))
    }

    pub(crate) fn over(&self) -> Error {
        Error::new(Kind::TooSlow, "the time for the whole update is over")
    }
}

/// Measures one body.
#[derive(Debug)]
pub(crate) struct Meter {
    pace: Pace,
    waited: Duration,
    arrived: u64,
}

impl Meter {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, waited: Duration::ZERO, arrived: 0 }
    }

    /// Counts bytes that were waited for; time that our own disk takes is not held against the server.
    ///
    /// # Errors
    /// [`Kind::TooSlow`] when a window was slower than allowed, and after the deadline.
    pub(crate) fn count(&mut self, bytes: u64, waited: Duration) -> Result<(), Error> {
        self.arrived += bytes;
        self.waited += waited;
        if Instant::now() >= self.pace.deadline {
            return Err(self.pace.over());
        }
        if self.waited < self.pace.window {
            return Ok(());
        }
        let wanted = u128::from(self.pace.slowest) * self.waited.as_millis() / 1000;
        if u128::from(self.arrived) < wanted {
            let Self { waited, arrived, pace } = self;
            return Err(Error::new(
                Kind::TooSlow,
                format!("{arrived} bytes in {} s; {} a second are the least", waited.as_secs(), pace.slowest),
            ));
        }
        self.waited = Duration::ZERO;
        self.arrived = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        let pace =
            Pace { window: Duration::from_secs(10), slowest: 100, ..Pace::within(Duration::from_secs(600)) };
        Meter::new(pace)
    }

    #[test]
    fn a_window_is_judged_as_a_whole() {
        let mut meter = meter();
        assert!(meter.count(0, Duration::from_secs(9)).is_ok());
        assert!(meter.count(1000, Duration::from_secs(1)).is_ok());
        // The next one starts anew.
        assert!(meter.count(1, Duration::from_secs(9)).is_ok());
        assert_eq!(meter.count(1, Duration::from_secs(1)).unwrap_err().kind(), Kind::TooSlow);
    }

    #[test]
    fn after_the_deadline_nothing_goes_on() {
        let pace = Pace::within(Duration::ZERO);
        assert_eq!(pace.for_request(1).unwrap_err().kind(), Kind::TooSlow);
        assert_eq!(Meter::new(pace).count(1 << 20, Duration::ZERO).unwrap_err().kind(), Kind::TooSlow);
    }
}
