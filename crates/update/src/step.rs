//! The points at which a test may end the process, as a power cut would.

/// The environment variable that names one: `StateWritten`, or `SegmentWritten:2` for the second time.
const VARIABLE: &str = "CANDOR_UPDATE_DIES_AT";

/// A point between two changes of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    SegmentWritten,
    BeforeAdmission,
    Admitted,
    BeforeState,
    StateWritten,
    Linked,
}

/// Where the process is to end; nowhere in programs that are built for use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Option<(String, std::sync::Arc<std::sync::atomic::AtomicU32>)>);

impl Steps {
    pub(crate) fn from_environment() -> Self {
        if !cfg!(debug_assertions) {
            return Self(None);
        }
        Self(std::env::var(VARIABLE).ok().map(|step| (step, Default::default())))
    }

    pub(crate) fn reached(&self, step: Step) {
        let Some((wanted, times)) = &self.0 else {
            return;
        };
        let (name, number) = wanted.split_once(':').unwrap_or((wanted, "1"));
        if format!("{step:?}") == name {
            let time = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            if number.parse() == Ok(time) {
                // As abrupt as SIGKILL: nothing is flushed, nothing is cleared away.
                std::process::abort();
            }
        }
    }
}
