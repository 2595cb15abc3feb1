//! `candor`, the command line: scans files, explains one of them, keeps what was found, builds databases.

#![forbid(unsafe_code)]

mod scan;

mod databases;
mod sources;
mod examine;
mod scanners;
mod limits;
mod walk;

mod explain;

mod inventory;
mod check;
mod transition;
mod screen;

mod db;
mod sigtool;

mod clamscan;
mod clamav_update;
mod freshclam;

mod feeds;
mod prohibitions;
mod update;
mod log;
mod vet;

mod prove;
mod config;
mod protect;
mod witness;
mod quarantine;
mod isolation;

mod output;

mod escape;
mod exit_status;
mod numbers;
mod replacement;
mod verification;
mod version;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::{env, panic};

use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::escape::Escaped;
use crate::exit_status::Outcome;

#[derive(Parser)]
#[command(
    name = "candor",
    about = "An antivirus that says what it saw and what it did not.",
    after_help = AFTER_HELP,
    disable_version_flag = true,
    max_term_width = 100
)]
struct CommandLine {
    /// Print version, commit, target and the identity of the embedded database.
    #[arg(short = 'V', long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Examples:
  candor scan ~/Downloads               scan a folder and all that is in it
  candor explain invoice.zip            show what is inside and why it is reported
  candor db check mine.hdb              say which lines of a signature file are wrong
  candor prove sandbox                  show what a worker that parses files cannot do
  candor quarantine add invoice.zip     keep it where it can neither run nor be read

Exit status: 0 nothing found and everything examined, 1 something found,
2 usage or environment error, 3 nothing found but not everything examined.";

#[derive(Subcommand)]
enum Command {
    /// Scan files and folders.
    Scan(Box<scan::Options>),
    /// Show all that is in one file, with every finding, its bytes and every gap.
    Explain(Box<explain::Options>),
    /// List what is installed here, in an image, or according to a bill of materials.
    Inventory(Box<inventory::Options>),
    /// Say which prohibitions are about what is installed: for whom, on which date, and why.
    Check(Box<check::Options>),
    /// Move from another product: its settings, a plan, the progress, the evidence.
    Transition(transition::Options),
    /// Say whether parties are on lists of parties: customers, suppliers, those of a bill of materials.
    Screen(Box<screen::Options>),
    /// Build, inspect and check signature databases.
    Db(db::Options),
    /// Show on this machine what the workers that parse files cannot do.
    Prove(prove::Options),
    /// Get signatures from mirrors that nobody trusts, and put into use what can be believed.
    Update(update::Options),
    /// List the rules of feeds and releases, switch some off; check and explain prohibitions.
    Rules(feeds::Options),
    /// Watch the public log of releases.
    Log(log::Options),
    /// Show, check or explain the configuration of the service.
    #[command(disable_help_flag = true)]
    Config(config::Options),
    /// Switch on-access protection on or off, and tell what it covers.
    #[command(disable_help_flag = true)]
    Protect(protect::Options),
    /// Run a witness of transparency logs, make its key, show what it remembers.
    #[command(disable_help_flag = true)]
    Witness(witness::Options),
    /// Scan in the place of ClamAV's clamscan: its options, lines and exit status.
    #[command(disable_help_flag = true)]
    Clamscan,
    /// Update ClamAV's signatures in the place of its freshclam: its options, configuration and exit status.
    #[command(disable_help_flag = true)]
    Freshclam,
    /// ClamAV's tool for signatures, with its options.
    #[command(disable_help_flag = true)]
    Sigtool,
    /// Keep files where they can neither run nor be read, and bring them back.
    Quarantine(quarantine::Options),
    /// Try databases on files that are known to be good, before they are used.
    Vet(vet::Options),
}

fn main() -> ExitCode {
    escape_panics();
    if let Some(status) = instead_of_clamav(&env::args_os().collect::<Vec<_>>()) {
        return status;
    }
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = if error.use_stderr() { Outcome::error().into() } else { ExitCode::SUCCESS };
            // Where the help or the complaint cannot be printed, nobody is there to read it.
            let _ = print_usage(error);
            return status;
        }
    };
    let result = match arguments.command {
        _ if arguments.version => version::print().map(|()| Outcome::default()),
        Some(Command::Scan(options)) => scan::run(&options),
        Some(Command::Explain(options)) => explain::run(&options),
        Some(Command::Inventory(options)) => inventory::run(&options),
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Transition(options)) => transition::run(&options),
        Some(Command::Screen(options)) => screen::run(&options),
        Some(Command::Db(options)) => db::run(&options),
        Some(Command::Prove(options)) => prove::run(&options),
        Some(Command::Update(options)) => update::run(&options),
        Some(Command::Rules(options)) => feeds::run(&options),
        Some(Command::Log(options)) => log::run(&options),
        Some(Command::Config(options)) => config::run(&options).map(|never| match never {}),
        Some(Command::Protect(options)) => protect::run(&options).map(|never| match never {}),
        Some(Command::Witness(options)) => witness::run(&options).map(|never| match never {}),
        Some(Command::Quarantine(options)) => quarantine::run(&options),
        Some(Command::Vet(options)) => vet::run(&options),
        // Their arguments are not ours, and were looked at before.
        Some(Command::Clamscan | Command::Freshclam | Command::Sigtool) => Ok(Outcome::error()),
        None => {
            let _ = write!(io::stderr(), "{}", CommandLine::command().render_help());
            return Outcome::error().into();
        }
    };
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) if is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            Outcome::error().into()
        }
    }
}

/// Does what a program of ClamAV does, if this one was started under its name or that is the first argument.
fn instead_of_clamav(arguments: &[OsString]) -> Option<ExitCode> {
    let run = |name: &OsStr, arguments: &[OsString]| match name.to_str()? {
        "clamscan" => Some(clamscan::run(arguments.iter().cloned())),
        "freshclam" => Some(freshclam::run(arguments)),
        "sigtool" => Some(sigtool::run(arguments)),
        _ => None,
    };
    let (program, arguments) = arguments.split_first()?;
    let named = Path::new(program).file_name().and_then(|name| run(name, arguments));
    named.or_else(|| arguments.split_first().and_then(|(first, rest)| run(first, rest)))
}

/// Prints what clap says instead of arguments. Its complaints quote arguments, and `*` makes arguments of the names of
/// hostile files: they are made anew without styles, so that every escape in them is a name's, and escaped.
fn print_usage(error: clap::Error) -> io::Result<()> {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return error.print();
    }
    let plain = CommandLine::command().styles(Styles::plain()).try_get_matches().err().unwrap_or(error);
    let text = plain.render().ansi().to_string();
    text.lines().try_for_each(|line| writeln!(io::stderr(), "{}", Escaped(line)))
}

/// Writes a message to standard error, escaped: it may quote names and lines of hostile files.
fn complain(message: &str) {
    let mut stderr = io::stderr().lock();
    let red = stderr.is_terminal() && output::colours_wanted();
    let prefix = if red { "\x1b[31mcandor:\x1b[0m" } else { "candor:" };
    // TOML and clap messages have several lines; each is escaped on its own.
    let lines: Vec<String> = message.lines().map(|line| Escaped(line).to_string()).collect();
    let _ = writeln!(stderr, "{prefix} {}", lines.join("\n  "));
}

/// Whether it came to nothing because nobody reads any more.
fn is_unread(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref()).any(output::is_broken_pipe)
}

/// Makes the messages of panics, which may quote hostile content, fit for a terminal.
fn escape_panics() {
    panic::set_hook(Box::new(|panic| {
        complain(&format!("internal error, please report it: {panic}"));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
