//! The points of a write at which a test may end the program.

/// A point between two changes on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The new state has a passing name and no content.
    Begun,
    /// Half of its content is written.
    HalfWritten,
    /// All of it is.
    Written,
    /// It is on the disk.
    Synced,
    /// It has its name.
    Named,
    /// Its folder is on the disk.
    Durable,
    /// The mark is written.
    Marked,
    /// The mark is on the disk.
    MarkDurable,
}

/// Tells that this point was reached. A debug build whose environment variable `CANDOR_WITNESS_KILL_AT` is
/// `STEP NUMBER` ends here, as `kill -9` would end it, when it comes here for that time.
pub(crate) fn reached(step: Step) {
    #[cfg(debug_assertions)]
    debug::reached(step);
    #[cfg(not(debug_assertions))]
    let _ = step;
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Step;

    static TIMES: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn reached(step: Step) {
        let Ok(wanted) = std::env::var("CANDOR_WITNESS_KILL_AT") else { return };
        let Some((name, number)) = wanted.split_once(' ') else { return };
        if name == format!("{step:?}")
            && TIMES.fetch_add(1, Ordering::SeqCst) + 1 == number.parse().unwrap_or(0)
        {
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }
}
