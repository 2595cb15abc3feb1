//! `candord`, the service: takes what is to be scanned from anybody's client and answers in their protocol.
//!
//! The program `candord` is [`main`] and nothing else; this is a library so that fuzz targets can reach its parsers.

#![forbid(unsafe_code)]

mod command_line;
mod configuration;
mod clamd_config;
mod running;
mod serving;
mod opening;
mod activation;
mod systemd;
mod signals;
mod logs;
mod metrics;
mod privileges;

#[cfg(any(fuzzing, test))]
pub mod hostile;

mod asked;
mod frontends;
mod listener;
mod local_file;
mod cache;
mod databases;
mod breaker;
mod service;
mod spool;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use candor_object::Escaped;
use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::command_line::{Command, CommandLine, ConfigCommand};
use crate::configuration::show::{self, Origins};
use crate::configuration::{Configuration, Effective};
use crate::running::End;

/// Exit status: it could not start, or had to give up.
const FAILED: u8 = 1;
/// Exit status: the command line or the configuration is wrong.
const WRONG: u8 = 2;
/// Exit status: it was stopped, and some requests were not answered.
const UNANSWERED: u8 = 3;

/// The program: reads its command line, and serves until it is told to stop.
pub fn main() -> ExitCode {
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = if error.use_stderr() { WRONG.into() } else { ExitCode::SUCCESS };
            // Where the help or the complaint cannot be printed, nobody is there to read it.
            let _ = print_usage(error);
            return status;
        }
    };
    if let (Some(Command::Config(ConfigCommand::Translated)), Some(clamd)) =
        (arguments.command, &arguments.clamd_config)
    {
        return translated(clamd);
    }
    let (file, clamd) = (arguments.config.as_deref(), arguments.clamd_config.as_deref());
    let effective = match configuration::load(file, clamd, std::env::vars_os(), &arguments.set) {
        Ok(effective) => effective,
        Err(error) => return given_up(&error, WRONG),
    };
    effective.remarks.iter().for_each(|remark| complain(remark));
    match arguments.command {
        Some(Command::Config(command)) => config(command, &effective),
        None => serve(&effective.configuration),
    }
}

/// Serves until it is told to stop.
fn serve(configuration: &Configuration) -> ExitCode {
    if let Err(error) = running::sensible(configuration) {
        return given_up(&error, WRONG);
    }
    match running::run(configuration) {
        Ok(End::Graceful) => ExitCode::SUCCESS,
        Ok(End::Unanswered) => UNANSWERED.into(),
        Ok(End::Failed) => FAILED.into(),
        Err(error) => given_up(&error, FAILED),
    }
}

/// Tells what a clamd.conf comes to; lines that are wrong are told like the others.
fn translated(clamd: &Path) -> ExitCode {
    match configuration::translated(clamd) {
        Ok(document) => {
            // Who closes the pipe has seen enough.
            let _ = writeln!(io::stdout().lock(), "{document:#}");
            ExitCode::SUCCESS
        }
        Err(error) => given_up(&error, WRONG),
    }
}

/// Shows, checks or explains the configuration.
fn config(command: ConfigCommand, effective: &Effective) -> ExitCode {
    let text = match command {
        ConfigCommand::Show { origin: true } => show::effective(effective, Origins::Shown),
        ConfigCommand::Show { origin: false } => show::effective(effective, Origins::Hidden),
        ConfigCommand::Defaults => show::defaults(),
        ConfigCommand::Translated => {
            complain("--clamd-config names the file that is to be translated");
            return WRONG.into();
        }
        ConfigCommand::Check => match running::check(&effective.configuration) {
            Ok(()) => "the configuration can be used\n".to_owned(),
            Err(error) => return given_up(&error, WRONG),
        },
    };
    // Who closes the pipe has seen enough.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
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

/// Says why it ends.
fn given_up(error: &anyhow::Error, status: u8) -> ExitCode {
    complain(&format!("{error:#}"));
    status.into()
}

/// Writes a message to standard error, escaped: it may quote names and lines of others.
fn complain(message: &str) {
    let lines: Vec<String> = message.lines().map(|line| Escaped(line).to_string()).collect();
    let _ = writeln!(io::stderr().lock(), "candord: {}", lines.join("\n  "));
}
