//! `candor quarantine export`: the content of one file, for analysts.

use std::io::{self, Write};
use std::path::PathBuf;

use candor_quarantine::Form;
use serde::Serialize;

use super::record::path_hex;
use super::{Format, Where, shown, write_json};
use crate::escape::Escaped;
use crate::exit_status::Outcome;

/// What to export.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// The id, or the beginning of it.
    #[arg(value_name = "ID")]
    id: String,
    /// The file to write; nothing is overwritten.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write the bytes as they were instead of a zip; other scanners will see them.
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    place: Where,
}

const AFTER_HELP: &str = "\
Examples:
  candor quarantine export --output sample.zip 3f2a
  7z x -pinfected sample.zip

The zip has the password `infected`, on which analysts agreed; the file in it is
named by its SHA-256. What is written can be read by its owner only and executed
by nobody. The file stays in the vault.
Exit status: 0 written, 2 nothing written.";

#[derive(Serialize)]
struct Report {
    id: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    form: &'static str,
}

/// Exports an entry.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let (vault, _) = options.place.open()?;
    let id = vault.find(&options.id).map_err(shown)?;
    let (form, word) = if options.raw { (Form::Raw, "raw") } else { (Form::Zip, "zip") };
    let path = vault.export(id, &options.output, form).map_err(shown)?;
    match options.place.format {
        Format::Human => {
            let mut stdout = io::stdout().lock();
            let name = path.to_string_lossy();
            match form {
                Form::Zip => writeln!(stdout, "{}: a zip with the password infected", Escaped(&name))?,
                _ => writeln!(stdout, "{}: the bytes as they were", Escaped(&name))?,
            }
            stdout.flush()?;
        }
        Format::Json => {
            let path_hex = path_hex(&path);
            let path = path.to_string_lossy().into_owned();
            write_json(&Report { id: id.to_string(), path, path_hex, form: word })?;
        }
    }
    Ok(Outcome::default())
}
