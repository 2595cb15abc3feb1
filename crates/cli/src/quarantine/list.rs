//! `candor quarantine list`: what is in the vault.

use std::io::{self, Write};

use candor_quarantine::{Error, Listed, Listing, Vault};
use serde::Serialize;

use super::record::{self, EntryRecord};
use super::{Format, Where, described, mend, shown, tell, write_json};
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::numbers::counted;

/// What to list.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit status: 0 all entries can be read, 2 some are damaged and named.")]
pub(super) struct Options {
    #[command(flatten)]
    place: Where,
}

#[derive(Serialize)]
struct Report<'a> {
    vault: String,
    entries: Vec<ListedRecord<'a>>,
    mended: &'a [String],
    errors: &'a [String],
}

#[derive(Serialize)]
struct ListedRecord<'a> {
    #[serde(flatten)]
    entry: EntryRecord<'a>,
    unfinished: bool,
    place_is_taken: bool,
}

impl<'a> ListedRecord<'a> {
    fn new(listed: &'a Listed) -> Self {
        let Listed { entry, unfinished, place_is_taken, .. } = listed;
        Self { entry: EntryRecord::new(entry), unfinished: *unfinished, place_is_taken: *place_is_taken }
    }
}

/// Lists entries.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let folder = options.place.folder()?;
    let (listing, mended) = match Vault::open(&folder) {
        Ok(vault) => {
            let mended: Vec<String> = mend(&vault)?.iter().map(described).collect();
            (vault.list().map_err(shown)?, mended)
        }
        // Where nothing was ever taken, nothing is to be listed.
        Err(Error::NoVault(_)) => (Listing::default(), Vec::new()),
        Err(error) => return Err(shown(error)),
    };
    let mut outcome = Outcome::default();
    let mut errors = Vec::new();
    for error in listing.broken {
        tell(error, &mut outcome, &mut errors);
    }
    let vault = folder.to_string_lossy().into_owned();
    match options.place.format {
        Format::Human => write_human(&vault, &listing.entries)?,
        Format::Json => {
            let entries = listing.entries.iter().map(ListedRecord::new).collect();
            write_json(&Report { vault, entries, mended: &mended, errors: &errors })?;
        }
    }
    Ok(outcome)
}

fn write_human(vault: &str, entries: &[Listed]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for listed in entries {
        record::write_line(&mut stdout, &listed.entry)?;
        if listed.unfinished {
            writeln!(
                stdout,
                "  the original may still be there: it is being taken, or could not be removed"
            )?;
        }
        if listed.place_is_taken {
            writeln!(stdout, "  a file of the same size is in its place: was it restored?")?;
        }
    }
    let number = counted(entries.len() as u64, "file", "files");
    writeln!(stdout, "{number} in {}", Escaped(vault))?;
    stdout.flush()
}
