//! `candor quarantine`: the vault, in which files are kept so that they can neither run nor be read.

mod add;
mod delete;
mod export;
mod list;
mod record;
mod restore;
mod show;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use candor_quarantine::{Ending, Error, Mended, Vault};
use clap::Subcommand;
use serde::Serialize;

use crate::complain;
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::output::json;

/// What to do with the vault.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Take files into the vault.
    Add(add::Options),
    /// List what is in the vault, and finish what an interrupted program left.
    List(list::Options),
    /// Show all that is known of one file, and read all of it to see whether it is damaged.
    Show(show::Options),
    /// Bring files back as they were.
    Restore(restore::Options),
    /// Remove files from the vault for good.
    Delete(delete::Options),
    /// Write the content of one file for analysts.
    Export(export::Options),
}

/// Which vault, and how to report.
#[derive(clap::Args, Debug)]
struct Where {
    /// The vault's folder [default: /var/lib/candor/quarantine for root, else candor/quarantine in
    /// $XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "DIR")]
    vault: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Lines for people.
    Human,
    /// One JSON document.
    Json,
}

/// The vault of this folder or the default one, mended; made if there is none.
pub(crate) fn create(folder: Option<&Path>) -> anyhow::Result<Vault> {
    let vault = Vault::create(&home(folder)?).map_err(shown)?;
    mend(&vault)?;
    Ok(vault)
}

fn home(folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    let named = folder.map(Path::to_owned).or_else(Vault::default_folder);
    named.context("there is no home for the vault; name one with --vault, or set HOME")
}

impl Where {
    fn folder(&self) -> anyhow::Result<PathBuf> {
        home(self.vault.as_deref())
    }

    /// The vault that is there, mended.
    fn open(&self) -> anyhow::Result<(Vault, Vec<Mended>)> {
        let vault = Vault::open(&self.folder()?).map_err(shown)?;
        let mended = mend(&vault)?;
        Ok((vault, mended))
    }
}

/// Does what the options say.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    match &options.command {
        Command::Add(options) => add::run(options),
        Command::List(options) => list::run(options),
        Command::Show(options) => show::run(options),
        Command::Restore(options) => restore::run(options),
        Command::Delete(options) => delete::run(options),
        Command::Export(options) => export::run(options),
    }
}

/// Finishes what an interrupted program left, and says so.
fn mend(vault: &Vault) -> anyhow::Result<Vec<Mended>> {
    let mending = vault.mend().map_err(shown)?;
    mending.mended.iter().for_each(|mended| complain(&described(mended)));
    Ok(mending.mended)
}

/// What was mended, for people; escaped.
fn described(mended: &Mended) -> String {
    let text = match mended {
        Mended::Leftover(path) => {
            format!("{}: left unfinished by an interrupted program, removed", path.display())
        }
        Mended::Finished { entry, ending } => {
            let what = match ending {
                Ending::OriginalRemoved => {
                    "it was in the vault and in its place, and is in the vault only now"
                }
                Ending::OriginalDiffers => {
                    "it is in the vault as it was; what is in its place now differs and stays"
                }
                _ => "it is in the vault",
            };
            format!("{}: an interrupted program was taking it; {what}, as {}", entry.path.display(), entry.id)
        }
        Mended::Unfinished { id, error } => {
            format!("{id}: what an interrupted program left cannot be finished: {error}")
        }
        _ => "something that was left by an interrupted program was mended".to_owned(),
    };
    Escaped(&text).to_string()
}

/// An error with all that it quotes made plain: paths are hostile.
fn shown(error: Error) -> anyhow::Error {
    anyhow::anyhow!("{}", Escaped(&error.to_string()))
}

/// Tells of an error that does not keep the rest from being done.
fn tell(error: Error, outcome: &mut Outcome, errors: &mut Vec<String>) {
    let error = shown(error).to_string();
    complain(&error);
    errors.push(error);
    outcome.failed();
}

/// Writes one JSON document.
fn write_json(document: &impl Serialize) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    json::write(&mut stdout, document)?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}
