//! `candor transition`: from another product to this one, host by host, with evidence.

mod import;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, ensure};
use clap::Subcommand;

use crate::exit_status::Outcome;

/// What to do.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Say what the settings of another product come to, and write them as Candor's.
    Import(import::Options),
}

/// Does it.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    match &options.command {
        Command::Import(options) => import::run(options),
    }
}

/// All of a file that may not be longer than so many bytes.
fn read(path: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let shown = || path.display().to_string();
    ensure!(path.metadata().with_context(shown)?.is_file(), "{}: it is no regular file", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .with_context(shown)?
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(shown)?;
    ensure!(bytes.len() <= most, "{}: it is longer than {most} bytes", path.display());
    Ok(bytes)
}
