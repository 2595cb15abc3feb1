//! `candor update`: gets signatures from mirrors that nobody trusts, and puts into use what can be believed.

mod choices;
mod clamav;
mod clock;
mod fetcher;
mod mirrors;
mod report;
mod status;
mod verify;
mod workshop;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_tlog::{MAX_POLICY, Policy};
use candor_update::settings::{DEFAULT, Settings};
use candor_update::state::State;
use candor_update::store::{Store, read_if_there};
use candor_update::{Trust, tuf};
use clap::Subcommand;

use crate::exit_status::Outcome;

pub(crate) use clock::now;
pub(crate) use fetcher::{What, fetch, fetch_file, staging};
pub(crate) use workshop::Loading;

/// Most bytes of a configuration, and of a first root.
const MOST: u64 = 1 << 20;

/// What to update, and from where.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: mirrors::Options,
}

const AFTER_HELP: &str = "\
Examples:
  candor update                       ask the mirrors of /etc/candor/update.toml
  candor update --bundle week.tar     take what somebody carried here, by the same rules
  candor update status                what is in use, how old it is, and why nothing newer
  candor update --to 41               go back to a release that was good
  candor update --from clamav         ClamAV's own databases, as freshclam gets them
  candor update hold 'exam week'      take nothing new until `candor update resume`

Exit status: 0 what is to be in use is in use, 1 an update was refused or held (what was in use stays),
2 nothing could be fetched or done.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Show what is in use, how old it is, and how the last update went.
    Status(status::Options),
    /// Say whether a bundle would be believed here, and change nothing.
    Verify(verify::Options),
    /// Take nothing new, for this reason.
    Hold(choices::Hold),
    /// Take updates again: no hold, no pin, no delay, nothing skipped.
    Resume(choices::Plain),
    /// Take this release and no other.
    Pin(choices::Numbered),
    /// Never take this release by itself.
    Skip(choices::Numbered),
    /// Take releases only when they are this old.
    Delay(choices::Delay),
}

/// Does what the options say.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    match &options.command {
        None => mirrors::run(&options.run),
        Some(Command::Status(options)) => status::run(options),
        Some(Command::Verify(options)) => verify::run(options),
        Some(Command::Hold(options)) => choices::hold(options),
        Some(Command::Resume(options)) => choices::resume(options),
        Some(Command::Pin(options)) => choices::pin(options),
        Some(Command::Skip(options)) => choices::skip(options),
        Some(Command::Delay(options)) => choices::delay(options),
    }
}

/// Which configuration is meant.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Configured {
    /// The configuration of updates.
    #[arg(long, value_name = "FILE", default_value = DEFAULT)]
    config: PathBuf,
}

impl Configured {
    /// Reads the configuration.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let path = std::path::absolute(&self.config)?;
        let name = || path.display().to_string();
        let Some(bytes) = read_if_there(&path, MOST).with_context(name)? else {
            bail!("{}: there is no configuration of updates; docs/updating.md says how to write one", name());
        };
        let text = String::from_utf8(bytes).with_context(name)?;
        Settings::read(&text, &path).with_context(name)
    }
}

/// Whom the configuration believes.
pub(crate) fn trust(settings: &Settings) -> anyhow::Result<Trust> {
    releases_are_wanted(settings)?;
    let path = settings.policy.display().to_string();
    let bytes = read_if_there(&settings.policy, MAX_POLICY as u64).with_context(|| path.clone())?;
    let bytes = bytes.with_context(|| format!("{path}: there is no policy"))?;
    let policy = Policy::read(&bytes).with_context(|| path.clone())?;
    if policy.logs().is_empty() {
        bail!("{path}: it names no log, so nothing could be believed");
    }
    Ok(Trust {
        policy,
        max_age: settings.max_age.as_secs(),
        thresholds: settings.thresholds,
        director: settings.director.clone(),
    })
}

/// Opens the store and reads what is remembered; before the first update it is the first root.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<(Store, State)> {
    releases_are_wanted(settings)?;
    let (store, staging) = (&settings.store, &settings.staging);
    if store.starts_with(staging) || staging.starts_with(store) {
        bail!(
            "the store and the staging folder must not lie in each other: the fetcher writes into one of them"
        );
    }
    let store = Store::open(&settings.store)?;
    let state = match store.state()? {
        Some(state) => state,
        None => {
            let state = first_state(&settings.root, settings)?;
            store.remember(&state)?;
            state
        }
    };
    store.mend(&state)?;
    Ok((store, state))
}

fn releases_are_wanted(settings: &Settings) -> anyhow::Result<()> {
    if !settings.has_releases() {
        bail!("the configuration has feeds only: releases need `mirrors`, `root` and `policy`");
    }
    Ok(())
}

fn first_state(root: &Path, settings: &Settings) -> anyhow::Result<State> {
    let name = || format!("{}: the first root", root.display());
    let bytes = read_if_there(root, MOST).with_context(name)?.with_context(name)?;
    let trusted = tuf::first_root(&bytes, settings.thresholds).with_context(|| root.display().to_string())?;
    let mut random = [0; 4];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random))?;
    Ok(State::new(trusted, random))
}
