//! What systemd is told, if it started us: ready, reloading, stopping, alive.
//!
//! See sd_notify(3).

use std::future::pending;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::warn;

/// Ready; `status` is shown by `systemctl status`.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Databases are opened again; [`ready`] follows.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!(%error, "no monotonic time"),
    }
}

/// On the way out.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping.")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "systemd could not be told");
    }
}

/// The signs of life that systemd wants, if it wants any.
#[derive(Debug)]
pub(crate) struct Watchdog(Option<Interval>);

impl Watchdog {
    /// As often as systemd wants them, twice.
    pub(crate) fn wanted() -> Self {
        let period = sd_notify::watchdog_enabled().map(|period| (period / 2).max(Duration::from_millis(1)));
        Self(period.map(|period| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        }))
    }

    /// Waits until the next sign is due, and gives it; for ever, if none is wanted.
    pub(crate) async fn live(&mut self) {
        match &mut self.0 {
            Some(interval) => {
                interval.tick().await;
                tell(&[NotifyState::Watchdog]);
            }
            None => pending().await,
        }
    }
}
