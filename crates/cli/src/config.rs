//! `candor config`: the configuration of the service, which the service itself knows best.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, anyhow};

/// Where packages put it, if it is not beside us.
const INSTALLED: &str = "/usr/sbin/candord";

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// What `candord config` takes: `show --origin`, `check`, `defaults`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Becomes `candord config`; it only returns if there is no such program.
pub(crate) fn run(options: &Options) -> anyhow::Result<std::convert::Infallible> {
    let program = program()?;
    let error = Command::new(&program).arg("config").args(&options.arguments).exec();
    Err(error).with_context(|| program.display().to_string())
}

/// The program of the service: beside us, or where packages put it.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let beside = env::current_exe().context("the path of candor")?.with_file_name("candord");
    let candidates = [beside, PathBuf::from(INSTALLED)];
    let program = candidates.iter().find(|path| path.is_file()).cloned();
    program.ok_or_else(|| {
        anyhow!("the service is not installed: there is no {} and no {INSTALLED}", candidates[0].display())
    })
}
