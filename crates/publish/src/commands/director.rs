//! `candor-publish director`.

use std::path::PathBuf;
use std::process::ExitCode;

use candor_publish::keys::read_note_key;
use candor_publish::{Timestamp, director, files};
use clap::Subcommand;

use super::{GOOD, time};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say which of the public releases your machines take. The file is served as `director` by your mirror.
    Sign {
        /// Your private key, made with `key new --kind log`. Its name is that of the site.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The release.
        #[arg(long, value_name = "N")]
        sequence: u64,
        /// Until when this holds. Machines take nothing new after it.
        #[arg(long, value_name = "DATE", value_parser = time)]
        expires: Timestamp,
        /// The file; what was there is replaced.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Sign { key, sequence, expires, out } = command;
    let note = director::sign(&read_note_key(key)?, *sequence, *expires)?;
    files::replace(out, &note.to_bytes())?;
    GOOD
}
