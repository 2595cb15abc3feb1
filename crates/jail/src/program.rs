//! Where the programs are that are started.

use std::env;
use std::path::{Path, PathBuf};

use crate::Error;

/// Where packages put them.
const INSTALLED: &str = "/usr/libexec/candor";

/// The program `candor-worker`: what the environment variable `CANDOR_WORKER` names, else what lies beside the
/// running program, else where packages put it.
///
/// # Errors
/// [`Error::NoProgram`] where it should be and is not.
pub fn worker_program() -> Result<PathBuf, Error> {
    program("candor-worker", "CANDOR_WORKER")
}

/// The program `candor-fetch`, likewise, with the environment variable `CANDOR_FETCH`. A system that has none of it
/// has no program of ours with a network.
///
/// # Errors
/// [`Error::NoProgram`] where it should be and is not.
pub fn fetch_program() -> Result<PathBuf, Error> {
    program("candor-fetch", "CANDOR_FETCH")
}

fn program(name: &'static str, variable: &'static str) -> Result<PathBuf, Error> {
    let missing = |path| Error::NoProgram { path, name, variable };
    if let Some(named) = env::var_os(variable).map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(missing(named)) };
    }
    let beside = env::current_exe()?.with_file_name(name);
    let installed = Path::new(INSTALLED).join(name);
    match (beside.is_file(), installed.is_file()) {
        (true, _) => Ok(beside),
        (false, true) => Ok(installed),
        (false, false) => Err(missing(beside)),
    }
}
