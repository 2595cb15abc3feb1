//! `candor-publish mirror`.

use std::path::PathBuf;
use std::process::ExitCode;

use candor_publish::mirror;
use candor_publish::repository::Repository;
use clap::Subcommand;

use super::GOOD;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Copy the mirror into another folder: new files first, what points to them last.
    Copy {
        /// The working folder.
        repository: PathBuf,
        /// The other folder.
        to: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Copy { repository, to } = command;
    mirror::copy(&Repository::open(repository)?.settings.mirror, to)?;
    GOOD
}
