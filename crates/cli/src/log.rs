//! `candor log monitor`: what anybody can do who does not want to believe a publisher.
//!
//! It follows the log, makes every release anew out of its segments, shows what each changes, and names new
//! signatures that look for words instead of programs: who searches documents has to do it in public.

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use candor_object::Escaped;
use candor_update::install::install;
use candor_update::settings::Settings;
use candor_update::state::State;
use candor_update::store::{self, Store};
use candor_update::{Choice, Kind, Refusal, Staging, Trust, check};
use clap::Subcommand;

use crate::db::diff::{each_line, segments_of, write_differences};
use crate::exit_status::Outcome;
use crate::numbers::parse_duration;
use crate::update::{Configured, Loading, What, fetch, now, open, staging, trust};

/// Most new signatures that are named for looking for words.
const MOST_NAMED: usize = 50;
/// Letters that a pattern of words has at least.
const LETTERS: usize = 8;

/// What to do with the log.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Follow the log, make every release anew, and show what it changes.
    Monitor(Monitor),
}

/// How to follow it.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit status: 0 all is as it should be, 1 something is not, 2 nothing could be fetched."
)]
struct Monitor {
    #[command(flatten)]
    configured: Configured,
    /// Where the monitor keeps what it has seen; not the store that scans use.
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    /// Look again after this time, for ever [default: look once].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    every: Option<Duration>,
    /// Most lines of each difference that are shown.
    #[arg(long, value_name = "LINES", default_value_t = 20)]
    limit: u64,
}

/// Does what the options say.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let Command::Monitor(options) = &options.command;
    let mut settings = options.configured.settings()?;
    settings.store = std::path::absolute(&options.state)?.join("releases");
    settings.staging = std::path::absolute(&options.state)?.join("staging");
    let trust = trust(&settings)?;
    loop {
        let outcome = Monitoring { settings: &settings, trust: &trust, limit: options.limit }.look()?;
        match options.every {
            Some(time) => thread::sleep(time),
            None => return Ok(outcome),
        }
    }
}

struct Monitoring<'m> {
    settings: &'m Settings,
    trust: &'m Trust,
    limit: u64,
}

impl Monitoring<'_> {
    fn look(&self) -> anyhow::Result<Outcome> {
        let (store, mut state) = open(self.settings)?;
        let mut outcome = Outcome::default();
        let mut seen = false;
        for mirror in &self.settings.mirrors {
            let mut out = io::stdout().lock();
            let fetched = fetch(self.settings, mirror, What::Whole);
            let trouble = match fetched {
                Ok(fetched) => fetched.error.map(|error| error.text),
                Err(error) => Some(format!("{error:#}")),
            };
            if let Some(trouble) = trouble {
                writeln!(out, "{}: {}", Escaped(mirror), Escaped(&trouble))?;
                continue;
            }
            match self.mirror(mirror, &store, &mut state, &mut out)? {
                Ok(found) => {
                    seen = true;
                    outcome.also(found);
                }
                // This machine's own trouble says nothing about the log.
                Err(refusal) if refusal.kind == Kind::Local => {
                    writeln!(out, "{}: {}", Escaped(mirror), Escaped(&refusal.text))?;
                    outcome.also(Outcome::error());
                }
                Err(refusal) => {
                    seen = true;
                    let (place, kind) = (Escaped(mirror), refusal.kind.name());
                    writeln!(out, "{place}: ALARM ({kind}) {}", Escaped(&refusal.text))?;
                    if let Some(evidence) = &refusal.evidence {
                        writeln!(out, "{evidence}")?;
                    }
                    outcome.also(Outcome::found());
                }
            }
        }
        if !seen {
            outcome.also(Outcome::error());
        }
        Ok(outcome)
    }

    fn mirror(
        &self,
        mirror: &str,
        store: &Store,
        state: &mut State,
        out: &mut impl Write,
    ) -> anyhow::Result<Result<Outcome, Refusal>> {
        let mut outcome = Outcome::default();
        let staging = match Staging::open(&staging(self.settings, mirror)) {
            Ok(staging) => staging,
            Err(error) => return Ok(Err(Refusal::new(Kind::Local, error.to_string()))),
        };
        let believed = match check(&staging, state, self.trust, now()) {
            Ok(believed) => believed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let known = store::leaves_of(store.folder()).map_or(0, |leaves| leaves.len() as u64);
        believed.remember(state);
        let remembered = store.remember(state).and_then(|()| store.remember_leaves(&believed.history.leaves));
        if let Err(refusal) = remembered {
            return Ok(Err(refusal));
        }
        let head = &believed.history.assessment.checkpoint;
        writeln!(out, "{}: {} entries, root {}", Escaped(mirror), head.size, hex::encode(head.root))?;
        for index in &believed.history.strange {
            // It stays in the log for ever, so the alarm is for who sees it first.
            let alarm = if *index < known { "" } else { "ALARM " };
            writeln!(out, "  {alarm}entry {index} is no release that follows the one before it")?;
            if *index >= known {
                outcome = Outcome::found();
            }
        }
        for release in &believed.history.releases {
            let sequence = release.statement.sequence;
            if state.current().is_some_and(|current| sequence <= current) {
                continue;
            }
            writeln!(
                out,
                "  release {sequence} of {}, from {}",
                release.statement.date,
                Escaped(&release.statement.source)
            )?;
            let Ok(Choice::Take(statement)) = believed.choose(state, Some(sequence)) else {
                writeln!(out, "    its files are not published any more")?;
                continue;
            };
            let before = state.current();
            let mut loading = Loading::new(self.settings)?;
            let mut install = |state: &mut State| {
                let statement = statement.clone();
                install(&staging, store, state, &believed, statement, &mut loading, self.settings.keep)
            };
            let mut installed = install(state);
            if installed.as_ref().is_err_and(|refusal| refusal.kind == Kind::Missing) {
                // The mirror was asked for the newest release; this is an older one.
                fetch(self.settings, mirror, What::Release(sequence))?;
                installed = install(state);
            }
            match installed {
                Ok(_) => writeln!(out, "    made anew: every database is the published one")?,
                // Old releases go in time.
                Err(refusal) if refusal.kind == Kind::Missing => {
                    writeln!(out, "    not made anew: {}", Escaped(&refusal.text))?;
                    continue;
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
            self.show(store, before, sequence, out)?;
        }
        Ok(Ok(outcome))
    }

    fn show(
        &self,
        store: &Store,
        before: Option<u64>,
        sequence: u64,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let new = segments_of(store.folder(), sequence)?;
        let old = match before {
            Some(before) => segments_of(store.folder(), before)?,
            None => Vec::new(),
        };
        write_differences(out, &old, &new, self.limit)?;
        let mut known = std::collections::HashSet::new();
        each_line(&old, &mut |_, line| {
            known.extend(words(line));
            Ok(())
        })?;
        let mut named = 0;
        each_line(&new, &mut |file, line| {
            for text in words(line).into_iter().filter(|text| !known.contains(text)) {
                named += 1;
                if named <= MOST_NAMED {
                    writeln!(
                        out,
                        "? {}: looks for the words {:?}",
                        Escaped(file),
                        Escaped(&text).to_string()
                    )?;
                }
            }
            Ok(())
        })?;
        if named > MOST_NAMED {
            writeln!(out, "? … and {} more", named - MOST_NAMED)?;
        }
        Ok(())
    }
}

/// Texts in hexadecimal that a signature looks for, of letters, digits and spaces only: words of people rather than code.
fn words(line: &[u8]) -> Vec<String> {
    let hexadecimal = line
        .split(|byte| !byte.is_ascii_hexdigit())
        .filter(|part| part.len() >= 2 * LETTERS && part.len() % 2 == 0);
    hexadecimal
        .filter_map(|part| hex::decode(part).ok())
        .filter_map(|bytes| {
            let word = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b' ' || *byte == 0;
            let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
            (letters >= LETTERS && bytes.iter().all(word))
                .then(|| String::from_utf8_lossy(&bytes).replace('\0', ""))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_code() {
        let secret = hex::encode("TOP SECRET");
        assert_eq!(words(format!("Doc.Test:0:*:{secret}").as_bytes()), ["TOP SECRET"]);
        let wide: String = "secret draft".chars().map(|letter| format!("{:02x}00", letter as u8)).collect();
        assert_eq!(words(format!("Doc.Test:0:*:{wide}").as_bytes()), ["secret draft"]);
        assert!(words(b"Win.Test:1:*:4d5a90000300000004000000ffff").is_empty());
        assert!(words(b"44d88612fea8a8f36de82e1278abb02f:68:Eicar").is_empty());
    }
}
