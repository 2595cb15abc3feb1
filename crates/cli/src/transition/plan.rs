//! `candor transition plan`: a dated plan of what an inventory shows.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow, ensure};
use candor_transition::Date;
use candor_transition::plan::{Choices, Input, STAGES, draft, is_json, merge};
use sha2::{Digest, Sha256};

use super::{now, read, read_inventories};
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::numbers::counted;
use crate::replacement::Replacement;

/// From what, and where to.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// What `candor check --format json` printed, of one host or of several (repeatable).
    #[arg(long = "from-check", visible_alias = "inventory", value_name = "FILE", required = true)]
    inventories: Vec<PathBuf>,
    /// The plan: made if it is not there, else it learns what is new and keeps what people wrote. A name that ends
    /// with .json is a plan in JSON [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The first day [default: today, in UTC].
    #[arg(long, value_name = "DATE")]
    start: Option<Date>,
    /// How many days it may take where no rule gives an instant that is still to come.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// Who answers for a stage, or for all others (repeatable).
    #[arg(long, value_name = "[STAGE=]NAME")]
    owner: Vec<String>,
}

const AFTER_HELP: &str = "\
Examples:
  candor check --host --as user --place US --format json > web1.json
  candor transition plan --from-check web1.json --out plan.toml --owner 'Ada' --owner network='Net team'

Dates are those of the rules where rules give any. The plan is yours to edit, with comments.";

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let read_all = read_inventories(&options.inventories)?;
    let inputs: Vec<_> = read_all
        .into_iter()
        .map(|(name, bytes, inventory)| {
            let sha256 = hex::encode(Sha256::digest(&bytes));
            (Input { name, sha256, at: inventory.at.clone() }, inventory)
        })
        .collect();
    let old = match &options.out {
        Some(path) if path.exists() => Some(read(path, candor_transition::plan::MOST_BYTES)?),
        _ => None,
    };
    let old = old.map(String::from_utf8).transpose().context("the plan is no UTF-8")?;
    let mut choices =
        Choices { now: now(), start: today(), days: options.days, owners: owners(&options.owner)? };
    let start = match &old {
        // A plan keeps its first day, so that it does not move with each inventory.
        Some(text) => {
            let plan =
                candor_transition::plan::Plan::read(text).map_err(|error| anyhow!("the plan: {error}"))?;
            options.start.unwrap_or_else(|| plan.start.date())
        }
        None => options.start.unwrap_or(choices.start),
    };
    choices.start = start;
    let draft = draft(&inputs, &choices);
    let (text, news) = match old {
        Some(old) => {
            let inventories: Vec<_> = inputs.iter().map(|(_, inventory)| inventory).collect();
            let merged = merge(&old, &draft, &inventories, choices.now)
                .map_err(|error| anyhow!("the plan: {error}"))?;
            (merged.text, merged.news)
        }
        None if options
            .out
            .as_ref()
            .is_some_and(|path| path.extension().is_some_and(|end| end == "json")) =>
        {
            (serde_json::to_string_pretty(&draft)? + "\n", Vec::new())
        }
        None => (draft.to_toml()?, Vec::new()),
    };
    let mut out = io::stdout().lock();
    let Some(path) = &options.out else {
        out.write_all(text.as_bytes())?;
        return Ok(Outcome::default());
    };
    let (mut file, replacement) = Replacement::start(path).with_context(|| path.display().to_string())?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| path.display().to_string())?;
    replacement.finish().with_context(|| path.display().to_string())?;
    for news in news {
        writeln!(out, "{}", Escaped(&news))?;
    }
    let form = if is_json(&text) { "JSON" } else { "TOML" };
    let tasks = counted(draft.tasks.len() as u64, "task", "tasks");
    writeln!(out, "{}: {tasks} of what was found, until {} ({form})", path.display(), draft.end)?;
    writeln!(out, "  {}", Escaped(&draft.end_because))?;
    Ok(Outcome::default())
}

fn today() -> Date {
    candor_transition::day_of(now())
}

fn owners(given: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut owners = BTreeMap::new();
    for owner in given {
        let (stage, name) = owner.split_once('=').unwrap_or(("", owner));
        let known = stage.is_empty() || STAGES.iter().any(|kind| kind.id == stage);
        let stages: Vec<&str> = STAGES.iter().map(|kind| kind.id).collect();
        ensure!(known, "there is no stage `{stage}`; there are {}", stages.join(", "));
        owners.insert(stage.to_owned(), name.to_owned());
    }
    Ok(owners)
}
