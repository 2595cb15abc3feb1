//! Where the worker program is.

use std::env;
use std::path::PathBuf;

use crate::Error;

/// Where packages put it.
const INSTALLED: &str = "/usr/libexec/candor/candor-worker";

/// The program `candor-worker`: what the environment variable `CANDOR_WORKER` names, else what lies beside the
/// running program, else where packages put it.
///
/// # Errors
/// [`Error::NoProgram`] where it should be and is not.
pub fn worker_program() -> Result<PathBuf, Error> {
    if let Some(named) = env::var_os("CANDOR_WORKER").map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(Error::NoProgram(named)) };
    }
    let beside = env::current_exe()?.with_file_name("candor-worker");
    let installed = PathBuf::from(INSTALLED);
    match (beside.is_file(), installed.is_file()) {
        (true, _) => Ok(beside),
        (false, true) => Ok(installed),
        (false, false) => Err(Error::NoProgram(beside)),
    }
}
