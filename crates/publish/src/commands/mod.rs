//! One file per command.

pub(crate) mod director;
pub(crate) mod key;
pub(crate) mod mirror;
pub(crate) mod release;
pub(crate) mod repository;
pub(crate) mod root;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use candor_object::Escaped;
use candor_publish::Timestamp;
use serde_json::Value;

/// Nothing is to be said against it.
pub(crate) const GOOD: anyhow::Result<ExitCode> = Ok(ExitCode::SUCCESS);

/// Text of others, line by line, without anything that a terminal obeys.
pub(crate) fn harmless(text: &str) -> String {
    text.lines().map(|line| Escaped(line).to_string()).collect::<Vec<_>>().join("\n")
}

/// Prints a line, or several.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{}", text.trim_end())?)
}

/// Prints for people or for programs.
pub(crate) fn tell(json: bool, value: &Value, text: &str) -> anyhow::Result<()> {
    if json { print(&value.to_string()) } else { print(text) }
}

/// The time now.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time, or a day, which begins at midnight in UTC.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    whole.parse().map_err(|_| "a time has the form 2027-12-31 or 2027-12-31T12:00:00Z".to_owned())
}

/// Lets the person at the terminal decide, unless that was said on the command line.
pub(crate) fn confirm(yes: bool, what: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    ensure!(io::stdin().is_terminal(), "nobody is here to confirm it; --yes signs without asking");
    write!(io::stderr(), "{what} Type yes to sign: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("the answer")?;
    ensure!(answer.trim() == "yes", "it was not signed");
    Ok(())
}
