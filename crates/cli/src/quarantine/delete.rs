//! `candor quarantine delete`: out of the vault for good.

use std::io::{self, Write};

use anyhow::bail;
use candor_quarantine::Id;
use serde::Serialize;

use super::{Format, Where, tell, write_json};
use crate::escape::Escaped;
use crate::exit_status::Outcome;

/// What to delete.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Ids in full; with --yes the beginnings of them will do.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Be content with the beginning of an id.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

const AFTER_HELP: &str = "\
Nothing is asked, so an id in full is the sign that it is meant. A damaged entry
can be deleted as well. There is no way back.
Exit status: 0 all deleted, 2 something was not.";

#[derive(Serialize)]
struct Report<'a> {
    deleted: &'a [String],
    errors: &'a [String],
}

/// Deletes entries.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    if !options.yes
        && let Some(short) = options.ids.iter().find(|id| id.parse::<Id>().is_err())
    {
        bail!("{} is no id in full; write all of it, or add --yes", Escaped(short));
    }
    let (vault, _) = options.place.open()?;
    let mut outcome = Outcome::default();
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for id in &options.ids {
        match vault.find(id).and_then(|id| vault.delete(id).map(|()| id)) {
            Ok(id) => deleted.push(id.to_string()),
            Err(error) => tell(error, &mut outcome, &mut errors),
        }
    }
    match options.place.format {
        Format::Human => {
            let mut stdout = io::stdout().lock();
            for id in &deleted {
                writeln!(stdout, "{id}: deleted")?;
            }
            stdout.flush()?;
        }
        Format::Json => write_json(&Report { deleted: &deleted, errors: &errors })?,
    }
    Ok(outcome)
}
