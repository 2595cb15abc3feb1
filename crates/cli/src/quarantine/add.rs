//! `candor quarantine add`: files out of their folders, into the vault.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use candor_quarantine::{
    Ending, Entry, Grounds, MOST_BYTES, Mended, Original, Protection, Taken, Vault, open,
};
use serde::Serialize;

use super::record::{self, EntryRecord};
use super::{Format, Where, mend, shown, tell, write_json};
use crate::exit_status::Outcome;
use crate::numbers::parse_size;

/// What to take.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Files; no folders, and no symbolic links in their paths.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Why they are taken: a detection name; repeatable.
    #[arg(long, value_name = "NAME")]
    finding: Vec<String>,
    /// The identity of the database that the findings come from.
    #[arg(long, value_name = "ID")]
    database: Option<String>,
    /// Take even unmodified files of the distribution's packages; the system may break.
    #[arg(long)]
    force: bool,
    /// Most bytes of a file that is taken [default: 64G].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,
    #[command(flatten)]
    place: Where,
}

const AFTER_HELP: &str = "\
Examples:
  candor quarantine add invoice.exe
  candor quarantine add --finding Win.Trojan.Example-1 invoice.exe

A file is removed from its folder only when all of it is in the vault and on the
disk. Other names of it (hard links) stay and are counted.
Exit status: 0 all taken, 2 something was not taken and is where it was.";

#[derive(Serialize)]
struct Report<'a> {
    taken: Vec<TakenRecord<'a>>,
    errors: &'a [String],
}

#[derive(Serialize)]
struct TakenRecord<'a> {
    #[serde(flatten)]
    entry: EntryRecord<'a>,
    original: &'static str,
}

/// Takes files.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let vault = Vault::create(&options.place.folder()?).map_err(shown)?;
    let vault = vault.with_most_bytes(options.max_bytes.unwrap_or(MOST_BYTES));
    let mended = mend(&vault)?;
    let grounds = Grounds { findings: options.finding.clone(), database: options.database.clone() };
    let protection = if options.force { Protection::Nothing } else { Protection::Packages };
    let mut outcome = Outcome::default();
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    let mut written = Ok(());
    for path in &options.paths {
        let taken = open(path).and_then(|file| vault.take(&file, path, &grounds, protection));
        let taken = taken.or_else(|error| {
            // It was there until an interrupted taking of it was finished just now.
            let entry = finished(&mended, path).ok_or(error)?;
            Ok(Taken { entry: entry.clone(), original: Original::TakenEarlier })
        });
        match taken {
            Ok(taken) => {
                // Files are taken even if nobody reads on.
                if options.place.format == Format::Human && written.is_ok() {
                    written = write_taken(&taken);
                }
                all.push(taken);
            }
            Err(error) => tell(error, &mut outcome, &mut errors),
        }
    }
    if options.place.format == Format::Json {
        let taken = all
            .iter()
            .map(|taken| TakenRecord {
                entry: EntryRecord::new(&taken.entry),
                original: record::original_word(taken.original),
            })
            .collect();
        write_json(&Report { taken, errors: &errors })?;
    }
    // An error of the vault is worse news than one of the output.
    if outcome == Outcome::default() {
        written?;
    }
    Ok(outcome)
}

fn finished<'a>(mended: &'a [Mended], path: &Path) -> Option<&'a Entry> {
    let path = std::path::absolute(path).ok()?;
    mended.iter().find_map(|mended| match mended {
        Mended::Finished { entry, ending: Ending::OriginalRemoved } if entry.path == path => Some(&**entry),
        _ => None,
    })
}

fn write_taken(taken: &Taken) -> Result<(), io::Error> {
    let mut stdout = io::stdout().lock();
    let entry = &taken.entry;
    writeln!(stdout, "{}: taken as {}", record::path(entry), entry.id)?;
    match taken.original {
        Original::GoneAlready => writeln!(stdout, "  somebody else removed it meanwhile")?,
        Original::TakenEarlier => writeln!(stdout, "  an interrupted program had taken it already")?,
        _ => {}
    }
    if let Some(names) = record::other_names(entry) {
        writeln!(stdout, "  {names}")?;
    }
    if entry.packages.starts_with("not compared") {
        writeln!(stdout, "  with the distribution's packages it was {}", entry.packages)?;
    }
    stdout.flush()
}
