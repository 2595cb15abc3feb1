//! `candor transition`: from another product to this one, host by host, with evidence.

mod import;

mod plan;
mod status;

mod key;
mod report;
mod verify;

mod protection;
mod remove;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow, ensure};
use candor_transition::Timestamp;
use candor_transition::inventory::{self, Inventory};
use candor_transition::plan::{self as plans, Plan};
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
    /// Make a dated plan of what an inventory shows, or put a new inventory into a plan.
    Plan(plan::Options),
    /// Say how far a plan is.
    Status(status::Options),
    /// Make a key for evidence packs.
    Key(key::Options),
    /// Write the evidence: a signed document, a page, a PDF, and what they were made from.
    Report(report::Options),
    /// Say whether an evidence pack is untouched.
    Verify(verify::Options),
    /// Say how what was found on this host is removed, and remove it if that is said twice.
    Remove(remove::Options),
}

/// Does it.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    match &options.command {
        Command::Import(options) => import::run(options),
        Command::Plan(options) => plan::run(options),
        Command::Status(options) => status::run(options),
        Command::Key(options) => key::run(options),
        Command::Report(options) => report::run(options),
        Command::Verify(options) => verify::run(options),
        Command::Remove(options) => remove::run(options),
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

/// A plan, and its bytes.
fn read_plan(path: &Path) -> anyhow::Result<(Plan, Vec<u8>)> {
    let bytes = read(path, plans::MOST_BYTES)?;
    let text = std::str::from_utf8(&bytes).with_context(|| path.display().to_string())?;
    let plan = Plan::read(text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    Ok((plan, bytes))
}

/// Inventories with their names and bytes.
fn read_inventories(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Vec<u8>, Inventory)>> {
    let read = |path: &PathBuf| {
        let bytes = read(path, inventory::MOST_BYTES)?;
        let name = file_name(path);
        let inventory =
            Inventory::read_named(&name, &bytes).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        Ok((name, bytes, inventory))
    };
    paths.iter().map(read).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written: io::Result<()> = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.with_context(|| path.display().to_string())
}

/// The name of this host, as the kernel has it.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this-host".to_owned() } else { name.to_owned() }
}
