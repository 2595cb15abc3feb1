//! `candor protect`: becomes the program `candor-gate`, which watches the file systems.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, anyhow};

/// Where packages put it, if it is not beside us.
const INSTALLED: &str = "/usr/libexec/candor/candor-gate";

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// What `candor-gate` takes: `on`, `off`, `status`, `reload`, `check`, `run`, each with `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Becomes `candor-gate`; it only returns if there is no such program.
pub(crate) fn run(options: &Options) -> anyhow::Result<Infallible> {
    let beside = env::current_exe().context("the path of candor")?.with_file_name("candor-gate");
    let candidates = [beside, PathBuf::from(INSTALLED)];
    let program = candidates.iter().find(|path| path.is_file()).ok_or_else(|| {
        anyhow!("the gate is not installed: there is no {} and no {INSTALLED}", candidates[0].display())
    })?;
    let error = Command::new(program).args(&options.arguments).exec();
    Err(error).with_context(|| program.display().to_string())
}
