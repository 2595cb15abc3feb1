//! The update itself: mirror after mirror until one brings what can be believed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use candor_object::Escaped;
use candor_update::install::{Installed, install};
use candor_update::settings::Settings;
use candor_update::state::State;
use candor_update::store::Store;
use candor_update::{Believed, Choice, Kind, Refusal, Staging, Trust, bundle, check};

use super::clamav;
use super::fetcher::{What, fetch, staging};
use super::report::{Attempt, Report};
use super::{Configured, Loading, now, open, trust};
use crate::exit_status::Outcome;
use crate::feeds;

/// How long a mirror may take from one rename to the next.
const PAUSE: Duration = Duration::from_secs(2);

/// What to update from, and to.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    configured: Configured,
    /// Take what is in this file instead of asking mirrors.
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    bundle: Option<PathBuf>,
    /// Ask this mirror only, an address or a folder; or only this feed of the configuration; or `clamav`.
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// Where ClamAV's databases are kept, with `--from clamav`.
    #[arg(long, value_name = "FOLDER", default_value = clamav::FOLDER)]
    datadir: PathBuf,
    /// Take this release, also an older one.
    #[arg(long, value_name = "RELEASE")]
    to: Option<u64>,
    /// Fetch whole segments and no differences.
    #[arg(long)]
    full: bool,
    /// Write the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Updates.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    if options.from.as_deref() == Some("clamav") {
        return clamav::run(&options.datadir, options.json);
    }
    let settings = options.configured.settings()?;
    if let Some(name) = options.from.as_deref()
        && settings.source.iter().any(|feed| feed.name == name)
    {
        return feeds::update_and_tell(&settings, Some(name), options.json);
    }
    let only_releases = options.from.is_some() || options.bundle.is_some() || options.to.is_some();
    if !settings.has_releases() && !only_releases {
        return feeds::update_and_tell(&settings, None, options.json);
    }
    let trust = trust(&settings)?;
    let (store, mut state) = open(&settings)?;
    let mut updating = Updating {
        settings: &settings,
        trust: &trust,
        store: &store,
        options,
        attempts: Vec::new(),
        missed: None,
    };
    updating.run(&mut state)?;
    let report = Report::new(&store, &state, updating.attempts, now());
    if let Err(error) = store.tell(&report.to_json(), report.to_metrics().as_bytes()) {
        crate::complain(&format!("status.json: {error}"));
    }
    let mut out = io::stdout().lock();
    if options.json {
        out.write_all(&report.to_json())?
    } else {
        write!(out, "{report}")?
    }
    drop(out);
    let mut outcome = report.outcome();
    if !only_releases
        && (settings.source.iter().any(|feed| feed.enabled) || !feeds::gone(&settings)?.is_empty())
    {
        outcome.also(feeds::update_and_tell(&settings, None, options.json)?);
    }
    Ok(outcome)
}

struct Updating<'u> {
    settings: &'u Settings,
    trust: &'u Trust,
    store: &'u Store,
    options: &'u Options,
    attempts: Vec<Attempt>,
    /// The release that was to be installed, if it was not.
    missed: Option<u64>,
}

impl Updating<'_> {
    fn run(&mut self, state: &mut State) -> anyhow::Result<()> {
        // What is in the store was believed once, and the administrator wants it: no mirror need be asked.
        let kept = |sequence: &u64| state.installed.contains(sequence) && self.store.is_whole(*sequence);
        if let Some(sequence) = self.options.to.filter(kept) {
            self.store.switch(state, sequence, self.settings.keep)?;
            self.attempts.push(Attempt::returned(sequence));
            return Ok(());
        }
        if let Some(path) = &self.options.bundle {
            let place = path.display().to_string();
            match self.unpacked(path)? {
                Ok(folder) => self.attempt(&place, folder.path(), state),
                Err(refusal) => self.attempts.push(Attempt::refused(&place, refusal)),
            }
            return Ok(());
        }
        let mirrors = match &self.options.from {
            Some(address) if address.contains("://") => vec![address.clone()],
            // The fetcher does not run in this folder.
            Some(folder) => vec![std::path::absolute(folder)?.display().to_string()],
            None => self.settings.mirrors.clone(),
        };
        anyhow::ensure!(!mirrors.is_empty(), "the configuration names no mirrors; use --bundle or --from");
        for mirror in mirrors {
            if self.mirror(&mirror, state) {
                break;
            }
        }
        Ok(())
    }

    /// Asks a mirror; whether no other need be asked.
    fn mirror(&mut self, mirror: &str, state: &mut State) -> bool {
        let folder = staging(self.settings, mirror);
        let mut what = if self.options.full { What::Whole } else { What::Changes };
        let mut again = true;
        loop {
            let trouble = match fetch(self.settings, mirror, what) {
                Ok(fetched) => fetched.error.map(|error| error.text),
                Err(error) => Some(format!("{error:#}")),
            };
            if let Some(trouble) = trouble {
                self.attempts.push(Attempt::unreachable(mirror, &trouble));
                return false;
            }
            self.attempt(mirror, &folder, state);
            let refused = self.attempts.last().and_then(Attempt::kind);
            if let (Some(Kind::Missing), Some(sequence)) = (refused, self.missed.take())
                && !matches!(what, What::Release(_))
            {
                // What was fetched is another release, or a difference from something that is not here.
                self.attempts.pop();
                what = What::Release(sequence);
                continue;
            }
            if refused.is_some_and(spoilt) && what == What::Changes {
                // What was fetched earlier may be what is wrong.
                self.attempts.pop();
                what = What::Whole;
                continue;
            }
            if refused == Some(Kind::NotLogged) && again {
                // The mirror may have been written between the two files that must speak of the same release.
                self.attempts.pop();
                again = false;
                thread::sleep(PAUSE);
                continue;
            }
            return !refused.is_some_and(other_mirrors_help);
        }
    }

    fn attempt(&mut self, place: &str, folder: &Path, state: &mut State) {
        let attempt = match self.believe(folder, state) {
            Ok(attempt) => Attempt::believed(place, attempt.0, attempt.1),
            Err(refusal) => {
                if let Some(evidence) = &refusal.evidence {
                    self.keep_evidence(evidence);
                }
                Attempt::refused(place, refusal)
            }
        };
        self.attempts.push(attempt);
    }

    fn believe(&mut self, folder: &Path, state: &mut State) -> Result<(Choice, Option<Installed>), Refusal> {
        let local = |error: io::Error| Refusal::new(Kind::Local, format!("{}: {error}", folder.display()));
        let staging = Staging::open(folder).map_err(local)?;
        let believed = check(&staging, state, self.trust, now())?;
        // From here on nothing older is believed, even if what follows fails.
        believed.remember(state);
        self.store.remember(state)?;
        self.store.remember_leaves(&believed.history.leaves)?;
        let mut choice = believed.choose(state, self.options.to)?;
        if choice == Choice::UpToDate
            && let Some(current) = state.current().filter(|current| !self.store.is_whole(*current))
            && let Some(statement) = believed.release(current)
        {
            // What is in use is damaged: it is made again.
            choice = Choice::Take(statement.clone());
        }
        let Choice::Take(statement) = &choice else {
            return Ok((choice, None));
        };
        self.missed = Some(statement.sequence);
        let installed = self.install(&staging, state, &believed, statement.clone())?;
        self.missed = None;
        Ok((choice, Some(installed)))
    }

    fn install(
        &self,
        staging: &Staging,
        state: &mut State,
        believed: &Believed,
        statement: candor_update::statement::Statement,
    ) -> Result<Installed, Refusal> {
        let mut loading =
            Loading::new(self.settings).map_err(|error| Refusal::new(Kind::Local, format!("{error:#}")))?;
        install(staging, self.store, state, believed, statement, &mut loading, self.settings.keep)
    }

    /// Unpacks a bundle where no mirror's files are.
    fn unpacked(&self, path: &Path) -> anyhow::Result<Result<tempfile::TempDir, Refusal>> {
        fs::create_dir_all(&self.settings.staging)?;
        let folder = tempfile::Builder::new().prefix("bundle-").tempdir_in(&self.settings.staging)?;
        let file = File::open(path).with_context(|| path.display().to_string())?;
        Ok(match bundle::unpack(io::BufReader::new(file), folder.path()) {
            Ok(()) => Ok(folder),
            Err(error) => Err(Refusal::new(Kind::Malformed, format!("it is no bundle: {error}"))),
        })
    }

    fn keep_evidence(&self, evidence: &str) {
        let path = self.store.folder().join(format!("split-view-{}.txt", now().as_second()));
        match fs::write(&path, evidence) {
            Ok(()) => crate::complain(&format!(
                "two histories of the log: the proof is in {}; show it to everybody",
                Escaped(&path.display().to_string())
            )),
            Err(error) => crate::complain(&format!("{}: {error}", path.display())),
        }
    }
}

/// Whether what lies in the staging folder may be to blame.
fn spoilt(kind: Kind) -> bool {
    matches!(kind, Kind::Malformed | Kind::Signature | Kind::Mismatch)
}

/// Whether another mirror may have what this one did not.
fn other_mirrors_help(kind: Kind) -> bool {
    !matches!(kind, Kind::Held | Kind::NotLoaded | Kind::Local)
}
