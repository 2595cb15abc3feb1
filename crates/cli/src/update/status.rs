//! `candor update status`: what is in use, how old it is, and how the last update went.

use std::fs;
use std::io::{self, Write};

use candor_object::Escaped;
use candor_update::store;
use serde_json::{Value, json};

use super::{Configured, now};
use crate::exit_status::Outcome;
use crate::feeds;
use crate::numbers::duration;

/// Which store, and how to write it.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    configured: Configured,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Shows the status; nothing is locked or changed.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let settings = options.configured.settings()?;
    let state = store::peek(&settings.store)?;
    let last: Option<Value> =
        fs::read(settings.store.join("status.json")).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let feeds = feeds::status(&settings)?;
    let mut out = io::stdout().lock();
    let Some(state) = state else {
        if !feeds.is_empty() {
            return feeds_alone(&mut out, &feeds, options.json);
        }
        writeln!(out, "no update was ever made into {}", Escaped(&settings.store.display().to_string()))?;
        return Ok(Outcome::error());
    };
    let statement = state.current().and_then(|current| store::statement_of(&settings.store, current).ok());
    if options.json {
        let document = json!({
            "release": state.current(),
            "date": statement.as_ref().map(|statement| statement.date.to_string()),
            "source": statement.as_ref().map(|statement| statement.source.clone()),
            "installed": state.installed,
            "place": state.place,
            "choices": state.choices,
            "held": state.held,
            "last": last,
            "feeds": feeds,
        });
        out.write_all(&crate::output::json::pretty(&document)?)?;
        return Ok(outcome(last.as_ref(), &feeds));
    }
    match (&statement, state.current()) {
        (Some(statement), _) => {
            let age = u64::try_from(now().duration_since(statement.date).as_secs()).unwrap_or(0);
            writeln!(
                out,
                "in use    release {} of {}, {} old",
                statement.sequence,
                statement.date,
                duration(std::time::Duration::from_secs(age))
            )?;
            writeln!(out, "source    {}", Escaped(&statement.source))?;
        }
        (None, Some(current)) => {
            writeln!(out, "in use    release {current}, whose statement cannot be read")?
        }
        (None, None) => writeln!(out, "in use    nothing")?,
    }
    let others: Vec<String> = state.installed.iter().skip(1).map(u64::to_string).collect();
    writeln!(
        out,
        "kept      {}",
        if others.is_empty() { "nothing else".to_owned() } else { others.join(", ") }
    )?;
    writeln!(
        out,
        "place     {} of {} in the queue of each roll-out, drawn here",
        state.place,
        candor_update::schedule::PLACES
    )?;
    let choices = &state.choices;
    if let Some(reason) = &choices.hold {
        writeln!(out, "hold      {}", Escaped(reason))?;
    }
    if let Some(pinned) = choices.pinned {
        writeln!(out, "pinned    release {pinned}")?;
    }
    if !choices.skipped.is_empty() {
        let skipped: Vec<String> = choices.skipped.iter().map(u64::to_string).collect();
        writeln!(out, "skipped   {}", skipped.join(", "))?;
    }
    if choices.delay > 0 {
        writeln!(out, "delay     {}", duration(std::time::Duration::from_secs(choices.delay)))?;
    }
    for held in &state.held {
        writeln!(out, "held      release {}: {}", held.sequence, Escaped(&held.reason))?;
    }
    if let Some(last) = &last {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        writeln!(out, "last      {} at {}", Escaped(&text(&last["outcome"])), Escaped(&text(&last["at"])))?;
        for attempt in
            last["attempts"].as_array().into_iter().flatten().filter(|attempt| attempt["reason"].is_string())
        {
            writeln!(
                out,
                "          {}: {}",
                Escaped(&text(&attempt["place"])),
                Escaped(&text(&attempt["reason"]))
            )?;
        }
    }
    feeds.iter().try_for_each(|feed| write!(out, "{feed}"))?;
    Ok(outcome(last.as_ref(), &feeds))
}

/// The status of a store that has feeds and no release.
fn feeds_alone(out: &mut dyn Write, feeds: &[feeds::Report], as_json: bool) -> anyhow::Result<Outcome> {
    if as_json {
        out.write_all(&crate::output::json::pretty(&json!({ "release": null, "feeds": feeds }))?)?;
    } else {
        writeln!(out, "in use    feeds only, no release")?;
        feeds.iter().try_for_each(|feed| write!(out, "{feed}"))?;
    }
    Ok(outcome(None, feeds))
}

/// What the last updates of the release and of the feeds ended with, the worst of them.
fn outcome(last: Option<&Value>, feeds: &[feeds::Report]) -> Outcome {
    let all = feeds.iter().map(feeds::Report::outcome).chain([refused(last)]);
    all.fold(Outcome::default(), |mut all, one| {
        all.also(one);
        all
    })
}

/// Whether the last update was refused: then the status says so, too.
fn refused(last: Option<&Value>) -> Outcome {
    match last.and_then(|last| last["exit_status"].as_u64()) {
        Some(1) => Outcome::found(),
        Some(2) => Outcome::error(),
        _ => Outcome::default(),
    }
}
