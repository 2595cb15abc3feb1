//! Why a segment was not compiled.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a segment was not compiled. Texts may quote the segment; escape them before a terminal gets them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The program is not where it should be.
    #[error("there is no loader program at {0}; build it with `cargo build --release` or set CANDOR_LOADER")]
    NoProgram(PathBuf),
    /// The operating system did not start it.
    #[error("{program}: {error}")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// It could not be confined, and so read nothing.
    #[error("the loader could not be confined: {0}")]
    NotConfined(String),
    /// It says that the segment cannot be used.
    #[error("the segment is refused: {0}")]
    Refused(String),
    /// It ended as a process does that gets no more memory, or no more stack.
    #[error("the loader ended itself by SIGABRT, as it does when {} MiB of memory are not enough", .0 >> 20)]
    Memory(u64),
    /// It needed too much time on the processor.
    #[error("the loader was not done after {} s on the processor", .0.as_secs())]
    Processor(Duration),
    /// It needed too much time.
    #[error("the loader was not done after {} s", .0.as_secs())]
    Time(Duration),
    /// The database would be too long.
    #[error("the compiled database has more than {0} bytes")]
    TooLong(u64),
    /// It died of something else.
    #[error("the loader died: {0}")]
    Died(String),
    /// It said what it must not say.
    #[error("the loader was stopped: {0}")]
    Broke(String),
    /// What it wrote is no database.
    #[error("what the loader wrote cannot be used: {0}")]
    Image(String),
    /// Anything else that the operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}
