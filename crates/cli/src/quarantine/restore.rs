//! `candor quarantine restore`: files back to where they were, as they were.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::bail;
use candor_quarantine::{Afterwards, Restored};
use serde::Serialize;

use super::record::path_hex;
use super::{Format, Where, tell, write_json};
use crate::escape::Escaped;
use crate::exit_status::Outcome;

/// What to restore.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Ids, or the beginnings of them.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Where to put the file instead of where it was; only for one ID.
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    /// Keep the file in the vault as well.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    place: Where,
}

const AFTER_HELP: &str = "\
Examples:
  candor quarantine restore 3f2a
  candor quarantine restore --to /tmp/invoice.exe --keep 3f2a

Nothing is ever overwritten. Content, mode, times and extended attributes are as
they were, owner and group if the user may set them; what is missing is said.
Exit status: 0 all restored, 2 something was not and is still in the vault.";

#[derive(Serialize)]
struct Report<'a> {
    restored: Vec<RestoredRecord<'a>>,
    errors: &'a [String],
}

#[derive(Serialize)]
struct RestoredRecord<'a> {
    id: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    missing: &'a [String],
    was_there: bool,
    kept: bool,
}

impl<'a> RestoredRecord<'a> {
    fn new(restored: &'a Restored) -> Self {
        Self {
            id: restored.entry.id.to_string(),
            path: restored.path.to_string_lossy().into_owned(),
            path_hex: path_hex(&restored.path),
            missing: &restored.missing,
            was_there: restored.was_there,
            kept: restored.kept,
        }
    }
}

/// Restores files.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    if options.to.is_some() && options.ids.len() > 1 {
        bail!("--to is one place, and several ids were named; restore them one by one");
    }
    let (vault, _) = options.place.open()?;
    let afterwards = if options.keep { Afterwards::Keep } else { Afterwards::Remove };
    let mut outcome = Outcome::default();
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for id in &options.ids {
        let restored = vault.find(id).and_then(|id| vault.restore(id, options.to.as_deref(), afterwards));
        match restored {
            Ok(restored) => all.push(restored),
            Err(error) => tell(error, &mut outcome, &mut errors),
        }
    }
    match options.place.format {
        Format::Human => write_human(&all, options)?,
        Format::Json => {
            let restored = all.iter().map(RestoredRecord::new).collect();
            write_json(&Report { restored, errors: &errors })?;
        }
    }
    Ok(outcome)
}

fn write_human(all: &[Restored], options: &Options) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for restored in all {
        let path = restored.path.to_string_lossy();
        let how = if restored.was_there { "was there already as it should be" } else { "restored" };
        writeln!(stdout, "{}: {how}", Escaped(&path))?;
        for missing in &restored.missing {
            writeln!(stdout, "  not restored: {}", Escaped(missing))?;
        }
        if restored.kept && !options.keep {
            writeln!(stdout, "  it is still in the vault, since its taking could not be finished")?;
        }
    }
    stdout.flush()
}
