//! `candor db`: builds, inspects and checks signature databases.

mod build;
mod check;
pub(crate) mod diff;
mod info;
mod rebuild;

use candor_detect::Counts;
use clap::Subcommand;

use crate::exit_status::Outcome;

/// What to do with databases.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Compile signature files into one database file.
    Build(build::Options),
    /// Show what a database file holds, and read all of it to see whether it is damaged.
    Info(info::Options),
    /// List every line of signature files that cannot be used, and why.
    Check(check::Options),
    /// Show what one set of signatures has that another has not.
    Diff(diff::Options),
    /// Make a release anew from its sources, and compare every bit with what was published.
    Rebuild(rebuild::Options),
}

/// Does what the options say.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    match &options.command {
        Command::Build(options) => build::run(options),
        Command::Info(options) => info::run(options),
        Command::Check(options) => check::run(options),
        Command::Diff(options) => diff::run(options),
        Command::Rebuild(options) => rebuild::run(options),
    }
}

/// The number of signatures by kind, for people.
fn kinds(counts: &Counts) -> [(&'static str, u64); 10] {
    [
        ("object hashes", counts.object_hashes),
        ("section hashes", counts.section_hashes),
        ("import hashes", counts.import_hashes),
        ("trusted hashes", counts.trusted_hashes),
        ("logical", counts.logical),
        ("members", counts.members),
        ("programs", counts.programs),
        ("YARA rules", counts.yara),
        ("publishers", counts.signers),
        ("links", counts.links),
    ]
}
