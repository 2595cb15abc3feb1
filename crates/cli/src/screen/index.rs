//! The lists that are searched: read from files, or from an index that was made of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use candor_screening::index::Index;
use candor_screening::lists;

use crate::complain;
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::inventory::write_to;

/// Where the lists are.
#[derive(clap::Args, Debug)]
pub(super) struct Lists {
    /// A list: the Consolidated Screening List, the Entity List, OFAC's SDN list or one's own (repeatable).
    #[arg(long, value_name = "FILE")]
    list: Vec<PathBuf>,
    /// An index that `candor screen index` made.
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
}

/// What to make an index of.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// A list (repeatable).
    #[arg(long, value_name = "FILE", required = true)]
    list: Vec<PathBuf>,
    /// The index.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Lists {
    /// All lists.
    pub(super) fn gather(&self) -> anyhow::Result<Index> {
        if self.list.is_empty() && self.index.is_none() {
            bail!(
                "no lists to screen against: give --list FILE or --index FILE\n\
                 the Consolidated Screening List is at https://data.trade.gov/downloadable_consolidated_screening_list/v1/consolidated.csv\n\
                 docs/screening.md has the addresses of the others; Candor itself fetches none of them"
            );
        }
        let mut index = match &self.index {
            Some(path) => File::open(path)
                .map_err(Into::into)
                .and_then(Index::read)
                .with_context(|| path.display().to_string())?,
            None => Index::default(),
        };
        add(&mut index, &self.list)?;
        somebody(&index)?;
        Ok(index)
    }
}

fn add(index: &mut Index, files: &[PathBuf]) -> anyhow::Result<()> {
    for path in files {
        index.add(&path.display().to_string(), lists::read(path)?)?;
    }
    Ok(())
}

fn somebody(index: &Index) -> anyhow::Result<()> {
    if index.entries.is_empty() {
        bail!("the lists name nobody: an answer would mean nothing");
    }
    Ok(())
}

/// Makes an index.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let mut index = Index::default();
    add(&mut index, &options.list)?;
    somebody(&index)?;
    write_to(Some(&options.out), |to| index.write(to)).with_context(|| options.out.display().to_string())?;
    let mut outcome = Outcome::default();
    let mut stdout = io::stdout().lock();
    for source in &index.sources {
        let date = source.date.as_deref().unwrap_or("no date");
        writeln!(
            stdout,
            "{}  {} parties, {date}, SHA-256 {}",
            Escaped(&source.file),
            source.parties,
            source.sha256
        )?;
        for problem in source.problems.iter().take(20) {
            complain(&format!("{}:{}: {}", problem.file, problem.line, problem.reason));
        }
        if !source.problems.is_empty() {
            complain(&format!(
                "{}: {} problems; they are kept in the index",
                source.file,
                source.problems.len()
            ));
            outcome.stopped_early();
        }
    }
    Ok(outcome)
}
