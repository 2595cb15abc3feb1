//! VERSION and STATS: texts that clients take apart.

use super::Front;
use super::command::WORDS;

/// The answer to VERSION. Clients look for `ClamAV` and a number in front of the first `/` or the end, some of
/// them to decide what they may ask for, so the version of ClamAV comes first whose protocol this is. The number
/// and date of a `daily.cvd` are left out, as clamd does where it has none: they would be invented, and a
/// monitor of their age would be told something untrue.
pub(super) fn version() -> String {
    format!("ClamAV 1.4.6-candor-{}", env!("CARGO_PKG_VERSION"))
}

/// The answer to VERSIONCOMMANDS.
pub(super) fn commands() -> String {
    format!("{}| COMMANDS: {WORDS}", version())
}

/// The answer to STATS: connections stand for threads. Memory is `N/A`, as clamd says without `mallinfo`; what
/// others have scanned is not told.
pub(super) fn statistics(front: &Front) -> String {
    let live = front.live();
    let max = front.settings.connections;
    let idle = front.settings.read_timeout.0.as_secs();
    let queue = front.service.waiting();
    format!(
        "POOLS: 1\n\nSTATE: VALID PRIMARY\n\
         THREADS: live {live}  idle 0 max {max} idle-timeout {idle}\n\
         QUEUE: {queue} items\n\tSTATS 0.000000 \n\n\
         MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A \
         pools 1 pools_used 0.000M pools_total 0.000M\nEND"
    )
}
