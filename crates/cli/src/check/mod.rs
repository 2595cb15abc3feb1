//! `candor check`: which rules are about what is installed, for whom, on which date, and why.

mod circumstances;
mod html;
mod json;
mod text;

use std::path::PathBuf;

use anyhow::{Context, bail};
use candor_compliance::{Kind, Rules, Ruling, Severity, Situation, Stage, judge, timeline};
use candor_products::{Catalogue, Item};
use jiff::Timestamp;

use crate::complain;
use crate::exit_status::Outcome;
use crate::inventory::{Collected, Target, Targets, gather, write_to};
use crate::prohibitions::{self, Known};

/// What to look at, who asks, and how to tell it.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    circumstances: circumstances::Options,
    /// More rules and products, as TOML: a file, or a folder of them (repeatable).
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    rules: Vec<PathBuf>,
    /// Only this rule (repeatable); `candor rules list --prohibitions` names them.
    #[arg(long = "rule", value_name = "ID", help_heading = "Rules")]
    only: Vec<String>,
    /// The rulings at each instant at which one changes, instead of those of one date.
    #[arg(long)]
    timeline: bool,
    /// Rules that are not about it as well, and those that except it.
    #[arg(short, long)]
    all: bool,
    /// How to tell it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How rulings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One document.
    Json,
    /// One page without scripts.
    Html,
}

const AFTER_HELP: &str = "\
Examples:
  candor check --host --as user --person us
  candor check --sbom app.cdx.json --as integrator --person us --date 2025-01-01
  candor check --image gateway.tar --as contractor --person us --format html -o report.html
  candor check --root /mnt/disk --as agency --place AU --timeline

What is not said is not guessed: a rule that asks about it answers with a review.
This is no legal advice; every ruling names the text that it rests on.
Exit status: 0 no rule asks for anything, 1 something is prohibited or to be replaced,
2 usage or environment error, 3 something is to be reviewed, or was not examined.";

/// All that there is to tell.
pub(crate) struct Checked<'c> {
    /// What was looked at.
    pub(crate) collected: &'c Collected,
    /// What products and makers are called.
    pub(crate) catalogue: &'c Catalogue,
    /// Who asks, and when.
    pub(crate) situation: &'c Situation,
    /// What was asked, in words.
    pub(crate) asked: Vec<(&'static str, String)>,
    /// Each item with its rulings.
    pub(crate) judged: Vec<Judged<'c>>,
    /// The name of this host, if it is what was looked at.
    pub(crate) host: Option<String>,
    /// How many rules were asked.
    pub(crate) rules: usize,
    /// Whether rulings that ask for nothing are told as well.
    pub(crate) all: bool,
}

/// An item, and what rules say of it.
pub(crate) struct Judged<'c> {
    pub(crate) item: &'c Item,
    /// The gravest first.
    pub(crate) rulings: Vec<Ruling>,
    /// What they say at other times, if that was asked.
    pub(crate) stages: Vec<Stage>,
}

impl Judged<'_> {
    /// The gravest ruling.
    pub(crate) fn gravest(&self) -> Kind {
        self.rulings.iter().map(|ruling| ruling.kind).min().unwrap_or(Kind::Clean)
    }

    /// The rulings that are told: what asks for something, or everything.
    pub(crate) fn told(&self, all: bool) -> impl Iterator<Item = &Ruling> {
        told(&self.rulings, all)
    }
}

/// The rulings of these that are told.
pub(crate) fn told(rulings: &[Ruling], all: bool) -> impl Iterator<Item = &Ruling> {
    rulings.iter().filter(move |ruling| all || asks(ruling.kind) || ruling.kind == Kind::Exempt)
}

/// Whether a ruling asks for something.
fn asks(kind: Kind) -> bool {
    !matches!(kind, Kind::Exempt | Kind::NotCovered | Kind::Clean)
}

/// Checks what the options name.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let targets = options.targets.targets()?;
    let Known { catalogue, mut rules, .. } = prohibitions::usable(&options.rules)?;
    only(&mut rules, &options.only)?;
    let situation = options.circumstances.situation(&rules)?;
    let collected = gather(&targets, &catalogue)?;
    let items = catalogue.identify(&collected.facts);
    let judged = items.iter().map(|item| {
        let mut rulings = judge(&rules, &catalogue, item, &situation);
        rulings.sort_by_key(|ruling| ruling.kind);
        let stages = if options.timeline {
            changes(timeline(&rules, &catalogue, item, &situation), options.all)
        } else {
            Vec::new()
        };
        Judged { item, rulings, stages }
    });
    let mut judged: Vec<Judged<'_>> = judged.collect();
    judged.sort_by_key(Judged::gravest);
    let checked = Checked {
        collected: &collected,
        catalogue: &catalogue,
        situation: &situation,
        asked: options.circumstances.described(&situation),
        judged,
        host: targets.contains(&Target::Host).then(host_name),
        rules: rules.rules.len(),
        all: options.all,
    };
    write_to(options.output.as_deref(), |to| match options.format {
        Format::Text => text::write(to, &checked),
        Format::Json => json::write(to, &checked),
        Format::Html => html::write(to, &checked),
    })
    .context("the rulings could not be written")?;
    Ok(outcome(&checked))
}

/// From when a stage is, in words.
fn since(stage: &Stage) -> String {
    if stage.from.instant() == Timestamp::UNIX_EPOCH {
        "at first".to_owned()
    } else {
        format!("from {}", stage.from)
    }
}

/// The stages at which something changes of what is told.
fn changes(stages: Vec<Stage>, all: bool) -> Vec<Stage> {
    let said = |stage: &Stage| -> Vec<(String, String, String, Severity)> {
        let one =
            |ruling: &Ruling| (ruling.rule.clone(), ruling.headline(), ruling.why.clone(), ruling.severity);
        told(&stage.rulings, all).map(one).collect()
    };
    let mut changes: Vec<Stage> = Vec::new();
    for stage in stages {
        if changes.last().is_none_or(|last| said(last) != said(&stage)) {
            changes.push(stage);
        }
    }
    changes
}

/// Leaves only these rules, if there are any.
fn only(rules: &mut Rules, ids: &[String]) -> anyhow::Result<()> {
    for id in ids {
        if rules.rule(id).is_none() {
            let known: Vec<&str> = rules.rules.iter().map(|rule| rule.id.as_str()).collect();
            bail!("--rule {id}: there is no such rule; known are {}", known.join(", "));
        }
    }
    if !ids.is_empty() {
        rules.rules.retain(|rule| ids.contains(&rule.id));
    }
    Ok(())
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn outcome(checked: &Checked<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for judged in &checked.judged {
        match judged.gravest() {
            Kind::Prohibited | Kind::Replace => outcome.also(Outcome::found()),
            kind if asks(kind) => outcome.stopped_early(),
            _ => {}
        }
    }
    for error in &checked.collected.errors {
        complain(error);
        outcome.failed();
    }
    if checked.collected.all_gaps > 0 {
        outcome.stopped_early();
    }
    outcome
}
