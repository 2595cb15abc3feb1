//! What the administrator wants: hold, pin, skip, delay.

use std::io::{self, Write};
use std::time::Duration;

use candor_object::Escaped;
use candor_update::state::Choices;

use super::{Configured, open};
use crate::exit_status::Outcome;
use crate::numbers::{duration, parse_duration};

/// Nothing but the configuration.
#[derive(clap::Args, Debug)]
pub(super) struct Plain {
    #[command(flatten)]
    configured: Configured,
}

/// A reason to take nothing.
#[derive(clap::Args, Debug)]
pub(super) struct Hold {
    /// Why, for whoever asks later.
    #[arg(value_name = "REASON", default_value = "the administrator said so")]
    reason: String,
    #[command(flatten)]
    configured: Configured,
}

/// A release.
#[derive(clap::Args, Debug)]
pub(super) struct Numbered {
    /// The number of the release.
    #[arg(value_name = "RELEASE")]
    sequence: u64,
    #[command(flatten)]
    configured: Configured,
}

/// A time to wait.
#[derive(clap::Args, Debug)]
pub(super) struct Delay {
    /// How old, such as `12h`.
    #[arg(value_name = "TIME", value_parser = parse_duration)]
    time: Duration,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn hold(options: &Hold) -> anyhow::Result<Outcome> {
    change(&options.configured, |choices| {
        choices.hold = Some(options.reason.clone());
        format!("nothing new is taken: {}", Escaped(&options.reason))
    })
}

pub(super) fn resume(options: &Plain) -> anyhow::Result<Outcome> {
    change(&options.configured, |choices| {
        *choices = Choices::default();
        "updates are taken as they come".to_owned()
    })
}

pub(super) fn pin(options: &Numbered) -> anyhow::Result<Outcome> {
    change(&options.configured, |choices| {
        choices.pinned = Some(options.sequence);
        format!("only release {} is taken", options.sequence)
    })
}

pub(super) fn skip(options: &Numbered) -> anyhow::Result<Outcome> {
    change(&options.configured, |choices| {
        if !choices.skipped.contains(&options.sequence) {
            choices.skipped.push(options.sequence);
        }
        format!("release {} is not taken by itself", options.sequence)
    })
}

pub(super) fn delay(options: &Delay) -> anyhow::Result<Outcome> {
    change(&options.configured, |choices| {
        choices.delay = options.time.as_secs();
        format!("releases are taken when they are {} old", duration(options.time))
    })
}

fn change(configured: &Configured, change: impl FnOnce(&mut Choices) -> String) -> anyhow::Result<Outcome> {
    let (store, mut state) = open(&configured.settings()?)?;
    let done = change(&mut state.choices);
    store.remember(&state)?;
    writeln!(io::stdout(), "{done}")?;
    Ok(Outcome::default())
}
