//! `candor clamscan`: the place of ClamAV's clamscan, with its options, lines, summary and exit status, so that
//! scripts need not be changed. Written from its manual and from what version 1.4.6 was seen to do.
//!
//! One thread chooses files and hands them to workers; this one tells what became of each, in the same order.
//! `docs/clamscan.md` names every difference.

mod run;
mod telling;

mod options;
mod selection;
mod candidate;
mod loading;
mod age;
mod answer;
mod deeds;
mod description;
mod output;
mod summary;
mod help;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use candor_object::harmless;

use self::options::{Refused, Settings, parse};
use self::output::{Output, Unheard};
use self::run::Run;
use crate::output::is_broken_pipe;

/// Does what the arguments say.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let given = match parse(arguments) {
        Ok(given) => given,
        Err(Refused(lines)) => {
            note(&lines);
            return ExitCode::from(2);
        }
    };
    let asked = if given.switch("version") == Some(true) {
        Some(help::version() + "\n")
    } else {
        (given.switch("help") == Some(true)).then(help::text)
    };
    if let Some(text) = asked {
        // Where it cannot be printed nobody is there to read it.
        let _ = io::stdout().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    let mut warnings = given.warnings.clone();
    let settings = Settings::of(&given, &mut warnings);
    note(&warnings);
    match settings {
        Ok(settings) => ExitCode::from(begin(&settings)),
        Err(why) => {
            note(&[format!("ERROR: {why}")]);
            ExitCode::from(2)
        }
    }
}

/// Writes lines to standard error, before there is anything else to write to.
fn note(lines: &[String]) {
    for line in lines {
        let _ = io::stderr().write_all(&[&harmless(line.as_bytes())[..], b"\n"].concat());
    }
}

/// The exit status of a run.
fn begin(settings: &Settings) -> u8 {
    let mut output = match Output::open(settings.show, settings.log.as_deref()) {
        Ok(output) => output,
        Err(error) => {
            let path = settings.log.as_deref().unwrap_or_else(|| Path::new("")).display().to_string();
            let why = format!("ERROR: Failed to open log file {path}: {}", loading::words(&error));
            note(&[why, "ERROR: Problem with internal logger.".to_owned()]);
            return 2;
        }
    };
    let mut run = Run::new(settings, &mut output);
    run.begin().unwrap_or_else(|Unheard(error)| {
        if !is_broken_pipe(&error) {
            note(&[format!("ERROR: {}", loading::words(&error))]);
        }
        // Nobody heard all that there was to say.
        run.failed_status()
    })
}
