//! Starts workers, confines them, and kills them on the deadline.
//!
//! A [`Pool`] takes files and answers with reports. Behind it are processes from which everything was taken
//! but the socket and the descriptors that they are sent. What they answer is read as hostile input.

mod attendant;
mod confine;
mod opening;
mod pool;
mod program;
mod queue;
mod read_back;
mod seal;
mod worker;

pub use candor_protocol::{MAX_DESCRIPTORS as MOST_AT_ONCE, Passwords, Ready};
pub use confine::{
    Confinement, Fetching, Mechanism, Missing, NOBODY, NotConfined, Output, STACK, close_inherited, confine,
    confine_fetcher, confine_partly,
};
pub use opening::open;
pub use pool::{Counters, GRACE, Job, MOST_WORKERS, Opened, Pool, Program, Settings, Source};
pub use program::{fetch_program, worker_program};
pub use read_back::{Instruction, filters_of};
pub use seal::{sealed, shareable};

use std::io;
use std::path::PathBuf;

/// Why no worker could be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is not where it should be.
    #[error("there is no {name} at {path}; build it with `cargo build --release` or set {variable}")]
    NoProgram {
        /// Where it should be.
        path: PathBuf,
        /// Its name.
        name: &'static str,
        /// The environment variable that names another one.
        variable: &'static str,
    },
    /// The operating system did not start it.
    #[error("{program}: {error}")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// It started and gave up: it could not be confined, or not read a database.
    #[error("the worker refused to work: {0}")]
    Refused(String),
    /// It ended, said nothing, or nonsense, before it was ready.
    #[error("the worker did not become ready: {0}")]
    NotReady(String),
    /// Anything else that the operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}
