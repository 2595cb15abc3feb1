//! `candor update verify`: whether a bundle would be believed here.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;

use anyhow::Context;
use candor_object::Escaped;
use candor_update::state::State;
use candor_update::{Staging, bundle, check, store};

use super::{Configured, first_state, now, trust};
use crate::exit_status::Outcome;

/// Which bundle.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Judge as if nothing had been seen before: begin with the first root.
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    configured: Configured,
}

/// Verifies a bundle; nothing is remembered or installed.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let settings = options.configured.settings()?;
    let trust = trust(&settings)?;
    let remembered = if options.fresh { None } else { store::peek(&settings.store)? };
    let state: State = match remembered {
        Some(state) => state,
        None => first_state(&settings.root, &settings)?,
    };
    let folder = tempfile::tempdir()?;
    let name = options.bundle.display().to_string();
    let file = File::open(&options.bundle).with_context(|| name.clone())?;
    let mut out = io::stdout().lock();
    let checked = match bundle::unpack(BufReader::new(file), folder.path()) {
        Err(error) => Err(format!("it is no bundle: {error}")),
        Ok(()) => check(&Staging::open(folder.path())?, &state, &trust, now())
            .map_err(|refusal| refusal.to_string()),
    };
    let believed = match checked {
        Ok(believed) => believed,
        Err(reason) => {
            writeln!(out, "{}: would be refused\n  {}", Escaped(&name), Escaped(&reason))?;
            return Ok(Outcome::found());
        }
    };
    let parties: Vec<&str> = believed.vouched.parties.iter().map(String::as_str).collect();
    writeln!(out, "{}: would be believed", Escaped(&name))?;
    writeln!(out, "  signed by    {}", Escaped(&parties.join(", ")))?;
    let head = &believed.history.assessment.checkpoint;
    writeln!(out, "  log          {}, {} entries", Escaped(&head.origin), head.size)?;
    if let Some(release) = believed.history.releases.last() {
        writeln!(out, "  newest       release {} of {}", release.statement.sequence, release.statement.date)?;
    }
    for (witness, state) in trust.policy.witnesses().iter().zip(&believed.history.assessment.witnesses) {
        writeln!(out, "  witness      {} {}", Escaped(&witness.name), candor_update::history::told(state))?;
    }
    Ok(Outcome::default())
}
