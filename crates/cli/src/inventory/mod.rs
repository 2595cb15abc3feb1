//! `candor inventory`: what is installed here, in an image, or according to a bill of materials.

mod collect;
mod host;
mod listing;
mod target;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use candor_object::Limits;
use candor_products::Catalogue;

pub(crate) use collect::Collected;
pub(crate) use listing::{cell, gap_records, identified, item_record};
pub(crate) use target::{Options as Targets, Target};

use crate::complain;
use crate::exit_status::Outcome;
use crate::{prohibitions, replacement};
use listing::{Format, Listing};

/// What to look at, and how to tell it.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    #[command(flatten)]
    targets: Targets,
    /// More products, as TOML: a file, or a folder of them (repeatable).
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// How to tell it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Every fact, not only how many there are of each kind.
    #[arg(short, long)]
    all: bool,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  candor inventory --host
  candor inventory --root /mnt/disk --format json --output disk.json
  candor inventory --image nextcloud.tar --all
  candor inventory --sbom app.cdx.json

Facts are what the content says, and content may lie; what they mean for whom,
`candor check` says. Nothing is sent anywhere.
Exit status: 0 everything was read, 2 something could not be looked at,
3 parts of what was looked at could not be examined.";

/// Memory and numbers for whole images: those of a scan are for single files.
pub(crate) fn limits() -> Limits {
    Limits {
        objects: 2_000_000,
        unpacked_bytes: 256 << 30,
        object_bytes: 1 << 30,
        held_bytes: 2 << 30,
        ..Limits::default()
    }
}

/// Makes an inventory.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let targets = options.targets.targets()?;
    let catalogue = prohibitions::usable(&options.rules)?.catalogue;
    let collected = gather(&targets, &catalogue)?;
    let items = catalogue.identify(&collected.facts);
    let mut outcome = Outcome::default();
    for error in &collected.errors {
        complain(error);
        outcome.failed();
    }
    if collected.all_gaps > 0 {
        outcome.stopped_early();
    }
    write_to(options.output.as_deref(), |to| {
        let listing = Listing { collected: &collected, catalogue: &catalogue, items: &items };
        listing.write(to, options.format, options.all)
    })
    .context("the inventory could not be written")?;
    Ok(outcome)
}

/// Writes to a file, which gets its name when it is whole, or to standard output.
pub(crate) fn write_to(
    output: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let Some(path) = output else {
        let mut to = BufWriter::new(io::stdout().lock());
        write(&mut to)?;
        return to.flush();
    };
    let (file, replacement) = replacement::report(path)?;
    let mut to = BufWriter::new(file);
    write(&mut to)?;
    to.flush()?;
    replacement.map_or(Ok(()), replacement::Replacement::finish)
}

/// All facts of the targets; what runs as well, if this host is one of them.
pub(crate) fn gather(targets: &[Target], catalogue: &Catalogue) -> anyhow::Result<Collected> {
    let mut collected = collect::collect(targets, limits(), |path| catalogue.wants(path))?;
    if targets.contains(&Target::Host) {
        collected.facts.extend(host::running(Path::new("/proc")));
    }
    Ok(collected)
}
