//! `candor prove`: shows on this machine, now, what a worker cannot do.

mod trial;

mod bpf;
mod calls;
mod process;

mod fresh;
mod network;
mod same;
mod sandbox;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use clap::Subcommand;

use crate::exit_status::Outcome;

/// What to prove.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Proof,
}

#[derive(Subcommand, Debug)]
enum Proof {
    /// Try to break out of a worker in every way we know, and read back what the kernel enforces.
    Sandbox(sandbox::Options),
    /// Scan files with unique texts in them, and watch that no process that scans has a way out.
    Network(network::Options),
    /// Show how old what is in use is, and which witnesses say that there is nothing newer.
    Fresh(fresh::Options),
    /// Show whether two machines, or a machine and the world, hold the same history.
    Same(same::Options),
}

/// How a proof is written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Text for people.
    Human,
    /// One JSON document.
    Json,
}

/// Proves what the options say.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    match &options.command {
        Proof::Sandbox(options) => sandbox::run(options),
        Proof::Network(options) => network::run(options),
        Proof::Fresh(options) => fresh::run(options),
        Proof::Same(options) => same::run(options),
    }
}

/// Whether this process is root, who can look into workers.
fn is_root() -> bool {
    process::own_user() == Some(0)
}

/// Starts the worker program the way that scans start it.
fn spawn(worker: &Path, arguments: &[&str], socket: Stdio) -> anyhow::Result<Child> {
    Command::new(worker)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", worker.display()))
}
