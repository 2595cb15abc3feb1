//! `candor db build`: signature files in, one database file out.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use candor_detect::{Compiler, Database};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::kinds;
use crate::databases::name_unread;
use crate::exit_status::Outcome;
use crate::numbers::{counted, grouped};
use crate::replacement::Replacement;
use crate::sources;

/// What to build.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// The database file to write; an old one is replaced only when the new one is complete.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Signature files, or folders of them.
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    reading: sources::Options,
}

const AFTER_HELP: &str = "\
Examples:
  candor db build --output mine.cdb mine.hdb feeds/
  candor scan --database mine.cdb ~/Downloads

Lines that cannot be used are counted and left out; `candor db check` lists them.
Exit status: 0 written, 2 nothing written.";

/// Builds a database.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let sources = options.reading.at(&options.sources)?;
    name_unread(&sources, "no signature language has their extension");
    let spinner = spinner();
    let mut problems = 0_u64;
    let compiler = sources.compile(|_| problems += 1);
    spinner.finish_and_clear();
    let compiler = compiler?;
    let counts = compiler.counts();
    if counts.total() == 0 {
        bail!("no signature in these files can be used, nothing was written; see `candor db check`");
    }
    let database = write_whole(&options.output, compiler)
        .with_context(|| format!("the database {} could not be written", options.output.display()))?;
    let size = database.size();
    let identity = database.identity();
    let mut stdout = io::stdout().lock();
    for (kind, count) in kinds(&counts) {
        writeln!(stdout, "{kind:<16}{:>14}", grouped(count))?;
    }
    writeln!(stdout, "{:<16}{:>14}", "signatures", grouped(counts.total()))?;
    writeln!(stdout, "size      {}", counted(size, "byte", "bytes"))?;
    writeln!(stdout, "identity  {}", hex::encode(identity))?;
    if problems > 0 {
        let lines = counted(problems, "signature", "signatures");
        writeln!(stdout, "left out  {lines}; see candor db check")?;
    }
    stdout.flush()?;
    Ok(Outcome::default())
}

fn spinner() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{spinner} compiling, {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Writes a file that is there whole or not at all: running scans have the old one mapped.
fn write_whole(path: &Path, compiler: Compiler) -> anyhow::Result<Database> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        bail!("it is no regular file; name a new file or an old database");
    }
    let (mut file, replacement) = Replacement::start(path)?;
    compiler.write(&mut file)?;
    file.sync_all()?;
    let database = Database::from_file(&file)?;
    replacement.finish()?;
    Ok(database)
}
