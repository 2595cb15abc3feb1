//! `candor db info`: what a database file holds, and whether it is damaged.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use candor_detect::Database;

use super::kinds;
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::numbers::{counted, grouped};

/// What to show.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit status: 0 the database is whole, 2 it is damaged or none.")]
pub(crate) struct Options {
    /// A compiled database.
    #[arg(value_name = "FILE")]
    database: PathBuf,
}

/// Where the header has the version of the layout.
const VERSION_AT: usize = 8;

/// Shows a database.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let path = &options.database;
    let name = || format!("the database {}", path.display());
    let database = Database::open(path).with_context(name)?;
    database.verify().with_context(name)?;
    let counts = database.counts().with_context(name)?;
    let sources = database.sources().with_context(name)?;
    let official = database.official_sources().with_context(name)?;
    let version = layout_version(path).with_context(name)?;
    let size = database.size();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "identity  {}", hex::encode(database.identity()))?;
    writeln!(stdout, "layout    version {version}")?;
    writeln!(stdout, "size      {}", counted(size, "byte", "bytes"))?;
    for (kind, count) in kinds(&counts) {
        writeln!(stdout, "{kind:<16}{:>14}", grouped(count))?;
    }
    writeln!(stdout, "{:<16}{:>14}", "signatures", grouped(counts.total()))?;
    writeln!(stdout, "from {}", counted(sources.len() as u64, "file", "files"))?;
    for source in sources {
        let origin = if official.contains(&source) { " (official)" } else { "" };
        writeln!(stdout, "  {}{origin}", Escaped(source))?;
    }
    writeln!(stdout, "the whole content was read and agrees with the identity")?;
    stdout.flush()?;
    Ok(Outcome::default())
}

fn layout_version(path: &Path) -> io::Result<u32> {
    let mut header = [0; VERSION_AT + 4];
    File::open(path)?.read_exact(&mut header)?;
    let [.., a, b, c, d] = header;
    Ok(u32::from_le_bytes([a, b, c, d]))
}
