//! `candor-fetch`: the only program of Candor with a network. It never sees a scanned file, and judges nothing.

mod commands;

use std::process::ExitCode;

use candor_jail::close_inherited;
use clap::{Parser, Subcommand};

/// Fetches updates into a folder and verifies nothing: that is for who has no network.
#[derive(Parser, Debug)]
#[command(
    name = "candor-fetch",
    version,
    after_help = "Exit status: 0 everything was fetched, 1 not everything, 2 \
    wrong arguments. The last line of standard output says what as JSON."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Fetch a mirror of signatures: metadata, log, and the newest release.
    Mirror(commands::mirror::Options),
    /// Fetch ClamAV's containers of signatures, or the differences since those that are there.
    Clamav(commands::clamav::Options),
    /// Fetch one file, such as a list of hashes or of YARA rules.
    Source(commands::source::Options),
}

fn main() -> ExitCode {
    // What a parent left open by mistake is nothing for a program with a network.
    if let Err(error) = close_inherited() {
        eprintln!("candor-fetch: {error}");
        return ExitCode::FAILURE;
    }
    let outcome = match Arguments::parse().command {
        Command::Mirror(options) => commands::mirror::run(&options),
        Command::Clamav(options) => commands::clamav::run(&options),
        Command::Source(options) => commands::source::run(&options),
    };
    match outcome.write() {
        Ok(()) if outcome.error.is_none() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
