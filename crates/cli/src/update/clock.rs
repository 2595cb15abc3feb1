//! The time for which an update is judged.

use candor_update::Timestamp;

/// The environment variable with which tests of debug builds set the clock.
const VARIABLE: &str = "CANDOR_UPDATE_CLOCK";

/// The time now.
pub(crate) fn now() -> Timestamp {
    let set = if cfg!(debug_assertions) { std::env::var(VARIABLE).ok() } else { None };
    set.and_then(|time| time.parse().ok()).unwrap_or_else(Timestamp::now)
}
