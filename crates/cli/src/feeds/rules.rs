//! `candor rules`: which rules there are, and which of them are not wanted here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use candor_object::Escaped;
use candor_signatures::Sources;
use candor_signatures::segment::Segment;
use candor_update::settings::Settings;
use candor_update::shelf::{self, Shelf};
use clap::Subcommand;

use super::making::{Fetched, make};
use crate::exit_status::Outcome;
use crate::prohibitions;
use crate::update::Configured;

/// What to do with rules.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    configured: Configured,
}

const AFTER_HELP: &str = "\
Examples:
  candor rules list --source abuse               what a feed brings, with its licence
  candor rules disable Loud_Rule --reason 'finds our own installer'
  candor rules list --disabled                   what is switched off here, and why
  candor rules enable Loud_Rule
  candor rules list --prohibitions               the prohibitions that are known
  candor rules explain us-far-52-204-23          what one says, with its sources
  candor rules check ban.toml                    say what is wrong with a prohibition or a product file

Exit status: 0 done, 1 a database could not be made anew (findings are left out all the same) or a file
that was checked is wrong, 2 error.";

#[derive(Subcommand, Debug)]
enum Command {
    /// List the rules of feeds and of the release in use: name, source, licence.
    List {
        /// Only those of this feed, or of `release`.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
        /// Only those that are disabled, with the reason.
        #[arg(long)]
        disabled: bool,
        /// List prohibitions instead: those that the program carries, and those of --rules.
        #[arg(long, conflicts_with_all = ["source", "disabled"])]
        prohibitions: bool,
        /// A file or folder with further prohibitions and products.
        #[arg(long, value_name = "DIR", requires = "prohibitions")]
        rules: Vec<PathBuf>,
    },
    /// Check files of prohibitions and products, or those that the program carries.
    Check {
        /// Files or folders; one that is named as a file that the program carries takes its place.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Explain one prohibition: whom it binds to what, from when, with its sources and what is unverified.
    Explain {
        /// Its id, as `candor rules list --prohibitions` has it.
        #[arg(value_name = "ID")]
        id: String,
        /// A file or folder with further prohibitions and products.
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
    },
    /// Let a rule find nothing from now on, whichever source brings it.
    Disable {
        /// Its name as findings have it.
        #[arg(value_name = "RULE")]
        name: String,
        /// Why, for whoever asks later.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Let a rule find again.
    Enable {
        /// Its name.
        #[arg(value_name = "RULE")]
        name: String,
    },
}

/// What the databases of releases are called as a source.
const RELEASE: &str = "release";

/// Does what the options say.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let settings = || options.configured.settings();
    match &options.command {
        Command::List { prohibitions: true, rules, .. } => prohibitions::list(rules),
        Command::List { source, disabled, .. } => list(&settings()?, source.as_deref(), *disabled),
        Command::Disable { name, reason } => switch(&settings()?, name, Some(reason)),
        Command::Enable { name } => switch(&settings()?, name, None),
        Command::Check { files } => prohibitions::check(files),
        Command::Explain { id, rules } => prohibitions::explain(id, rules),
    }
}

/// Switches a rule off for this reason, or on without one.
fn switch(settings: &Settings, name: &str, reason: Option<&str>) -> anyhow::Result<Outcome> {
    let shelf = Shelf::open(&settings.store).context("the databases of feeds")?;
    let mut disabled = shelf::disabled(&settings.store).context("the list of disabled rules")?;
    let mut out = io::stdout().lock();
    match reason {
        Some(reason) => {
            anyhow::ensure!(!name.is_empty(), "a rule has a name");
            disabled.rules.insert(name.to_owned(), reason.to_owned());
        }
        None if disabled.rules.remove(name).is_none() => {
            writeln!(out, "{} was not disabled", Escaped(name))?;
            return Ok(Outcome::default());
        }
        None => {}
    }
    // From here on scans leave its findings out, or tell them again where the database still has the rule.
    shelf.disable(&disabled)?;
    writeln!(out, "{} is {}", Escaped(name), if reason.is_some() { "disabled" } else { "enabled" })?;
    let mut outcome = Outcome::default();
    for feed in &settings.source {
        let Some(about) = shelf::about(&settings.store, &feed.name)? else { continue };
        // It was verified when it was put into use.
        let path = shelf::current_of(&settings.store, &feed.name).join(&about.file);
        let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let report = make(settings, &shelf, feed, &Fetched { content, signed_at: about.signed_at });
        if report.outcome() != Outcome::default() {
            write!(out, "{report}")?;
            outcome = Outcome::found();
        }
    }
    Ok(outcome)
}

fn list(settings: &Settings, wanted: Option<&str>, only_disabled: bool) -> anyhow::Result<Outcome> {
    let disabled = shelf::disabled(&settings.store).context("the list of disabled rules")?.rules;
    let mut out = io::stdout().lock();
    let mut unseen: BTreeMap<&str, &String> =
        disabled.iter().map(|(name, reason)| (name.as_str(), reason)).collect();
    for (source, licence, segment) in segments(settings)? {
        if wanted.is_some_and(|wanted| wanted != source) {
            continue;
        }
        let name = || segment.display().to_string();
        let segment = Segment::open(File::open(&segment).with_context(name)?).with_context(name)?;
        let mut written = Ok(());
        Sources::of_segment(segment).name(|_, rule: &str| {
            let reason = disabled.get(rule);
            unseen.remove(rule);
            if written.is_ok() && (reason.is_some() || !only_disabled) {
                written = write_rule(&mut out, rule, &source, &licence, reason);
            }
        })?;
        written?;
    }
    for (rule, reason) in unseen.into_iter().filter(|_| wanted.is_none()) {
        write_rule(&mut out, rule, "-", "-", Some(reason))?;
    }
    Ok(Outcome::default())
}

fn write_rule(
    out: &mut impl Write,
    rule: &str,
    source: &str,
    licence: &str,
    reason: Option<&String>,
) -> io::Result<()> {
    write!(out, "{}\t{}\t{}", Escaped(rule), Escaped(source), Escaped(licence))?;
    match reason.map(String::as_str) {
        None => writeln!(out),
        Some("") => writeln!(out, "\tdisabled"),
        Some(reason) => writeln!(out, "\tdisabled: {}", Escaped(reason)),
    }
}

/// The segments in use, each with its source and the licence.
fn segments(settings: &Settings) -> anyhow::Result<Vec<(String, String, PathBuf)>> {
    let mut segments = Vec::new();
    for name in shelf::names(&settings.store)? {
        if let Some(about) = shelf::about(&settings.store, &name)? {
            let path = shelf::current_of(&settings.store, &name).join(format!("{name}.seg"));
            segments.push((name, about.licence, path));
        }
    }
    for path in in_folder(&settings.store.join("current"))? {
        segments.push((RELEASE.to_owned(), "-".to_owned(), path));
    }
    Ok(segments)
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.extend(Some(entry?.path()).filter(|path| path.extension().is_some_and(|end| end == "seg")));
    }
    paths.sort();
    Ok(paths)
}
