//! `candor prove fresh`: how old what is in use is, and who says that there is nothing newer.

use std::io::{self, Write};

use anyhow::{Context, bail};
use candor_object::Escaped;
use candor_tlog::{Note, WitnessState};
use candor_update::{Timestamp, store};
use serde_json::json;

use super::Format;
use crate::exit_status::Outcome;
use crate::numbers::duration;
use crate::update::{Configured, now, trust};

/// Which store, and how to write the proof.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit status: 0 enough witnesses said so lately, 1 they did not, 2 nothing can be said."
)]
pub(super) struct Options {
    #[command(flatten)]
    configured: Configured,
    /// How the proof is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Makes the proof, out of what is remembered: the witnesses' signatures are verified anew.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let settings = options.configured.settings()?;
    let trust = trust(&settings)?;
    let Some(state) = store::peek(&settings.store)? else {
        bail!("no update was ever made into {}", settings.store.display());
    };
    let note = state.checkpoint.as_ref().context("no checkpoint was ever seen; run `candor update`")?;
    let note = Note::read(note.as_bytes())?;
    let clock = state.now(now());
    let seconds = |time: Timestamp| u64::try_from(time.as_second()).unwrap_or(0);
    let assessed = trust.policy.assess(&note, seconds(clock), trust.max_age)?;
    let statement = state.current().and_then(|current| store::statement_of(&settings.store, current).ok());
    let fresh = assessed.quorum;
    let witnesses: Vec<(String, Option<u64>, &str)> = trust
        .policy
        .witnesses()
        .iter()
        .zip(&assessed.witnesses)
        .map(|(witness, state)| {
            let (time, word) = match *state {
                WitnessState::Silent => (None, "silent"),
                WitnessState::Old { time } => (Some(time), "too old"),
                WitnessState::Future { time } => (Some(time), "in the future"),
                WitnessState::Counted { time } => (Some(time), "counts"),
            };
            (witness.name.clone(), time, word)
        })
        .collect();
    let mut out = io::stdout().lock();
    if options.format == Format::Json {
        let witnesses: Vec<_> = witnesses
            .iter()
            .map(|(name, time, word)| json!({ "witness": name, "time": time, "state": word }))
            .collect();
        let document = json!({
            "fresh": fresh,
            "at": clock.to_string(),
            "release": statement.as_ref().map(|statement| statement.sequence),
            "date": statement.as_ref().map(|statement| statement.date.to_string()),
            "log": assessed.checkpoint.origin,
            "entries": assessed.checkpoint.size,
            "root": hex::encode(assessed.checkpoint.root),
            "witnessed": assessed.witnessed,
            "max_age_seconds": trust.max_age,
            "witnesses": witnesses,
        });
        out.write_all(&crate::output::json::pretty(&document)?)?;
    } else {
        let age = |then: u64| duration(std::time::Duration::from_secs(seconds(clock).saturating_sub(then)));
        match &statement {
            Some(statement) => writeln!(
                out,
                "in use     release {} of {}, {} old",
                statement.sequence,
                statement.date,
                age(seconds(statement.date))
            )?,
            None => writeln!(out, "in use     no release")?,
        }
        writeln!(
            out,
            "log        {}, {} entries",
            Escaped(&assessed.checkpoint.origin),
            assessed.checkpoint.size
        )?;
        for (name, time, word) in &witnesses {
            let said = time.map_or_else(
                || "has never cosigned it".to_owned(),
                |time| format!("cosigned it {} ago", age(time)),
            );
            writeln!(out, "witness    {} {said}: {word}", Escaped(name))?;
        }
        let limit = duration(std::time::Duration::from_secs(trust.max_age));
        let verdict = match (fresh, trust.policy.demands_witnesses()) {
            (true, true) => format!(
                "fresh: enough witnesses of {} said within {limit} that this is the largest tree they know",
                settings.policy.display()
            ),
            (true, false) => {
                "unknown: the policy asks for no witness, so nobody says that there is nothing newer"
                    .to_owned()
            }
            (false, _) => format!(
                "not fresh: no quorum has said so within {limit}; somebody may be holding updates back"
            ),
        };
        writeln!(out, "verdict    {}", Escaped(&verdict))?;
    }
    Ok(if fresh && trust.policy.demands_witnesses() { Outcome::default() } else { Outcome::found() })
}
