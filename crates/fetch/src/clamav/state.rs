//! What is written into the staging folder: what was fetched, and whom not to ask before when.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::STATE;
use crate::{Error, Staging};

/// How long a server is left alone that refuses, in seconds: a day.
const AFTER_REFUSAL: u64 = 24 * 3600;
/// How long one is left alone that limits and does not say how long, in seconds.
const AFTER_LIMIT: u64 = 4 * 3600;
/// Longest time that a server may want to be left alone, in seconds: none may switch updates off for ever.
const MOST_PAUSE: u64 = 7 * 24 * 3600;
/// Most servers that are remembered.
const MOST_SERVERS: usize = 64;
/// Longest state in bytes.
const LONGEST: u64 = 1 << 20;

/// What came of a run, and what the next one must know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The number of the newest ClamAV, as the DNS tells.
    pub software: Option<String>,
    /// The containers that were asked for.
    pub databases: Vec<Answer>,
    /// What else is worth knowing, for people.
    pub notes: Vec<String>,
    /// Servers that are not asked, until these seconds since 1970.
    pub paused: BTreeMap<String, u64>,
}

/// What came of asking for one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its name, such as `daily`.
    pub name: String,
    /// The newest version there is, as a mirror or the DNS says.
    pub newest: Option<u32>,
    /// What lies in the staging folder now: differences, in their order.
    pub differences: Vec<String>,
    /// What lies there: a whole container.
    pub whole: Option<String>,
    /// The mirror that it came from or that was asked last.
    pub mirror: Option<String>,
    /// What prevented it.
    pub problem: Option<Problem>,
    /// What was in the way of differences or of the first mirrors.
    pub notes: Vec<String>,
}

/// What prevented something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A word of [`Kind`](crate::Kind), or `limited`, `paused`, `behind`.
    pub kind: String,
    /// For people.
    pub text: String,
}

impl Problem {
    pub(super) fn new(kind: &str, text: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), text: text.into() }
    }

    pub(super) fn of(error: &Error) -> Self {
        Self::new(error.kind().name(), error.to_string())
    }

    /// Whether the server has said that it does not want to be asked.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.kind.as_str(), "limited" | "paused")
    }
}

impl State {
    /// What is left of the last run: who is not asked yet.
    pub(super) fn read(staging: &Staging, now: u64) -> Self {
        let old: Self = staging
            .read(STATE, LONGEST)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let soon = now.saturating_add(MOST_PAUSE);
        let paused = old
            .paused
            .into_iter()
            .filter(|(_, until)| (now..=soon).contains(until))
            .take(MOST_SERVERS)
            .collect();
        Self { paused, ..Self::default() }
    }

    pub(super) fn write(&self, staging: &Staging) -> Result<(), Error> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let wrong = |error| Error::of_disk(STATE, &error);
        let written =
            staging.write(STATE, text.len() as u64, |sink| sink.write_all(&text).map(Some).map_err(wrong));
        written.map(drop)
    }

    /// Whether a server may be asked.
    ///
    /// # Errors
    /// The reason why not.
    pub(super) fn may_ask(&self, host: &str, now: u64) -> Result<(), Problem> {
        match self.paused.get(host) {
            Some(until) if *until > now => {
                let minutes = (until - now).div_ceil(60);
                let text =
                    format!("{host} has refused or limited us; it is not asked for {minutes} more minutes");
                Err(Problem::new("paused", text))
            }
            _ => Ok(()),
        }
    }

    /// Remembers that a server does not want to be asked.
    pub(super) fn pause(&mut self, host: &str, status: u16, wanted: Option<Duration>, now: u64) -> Problem {
        let default = if status == 429 { AFTER_LIMIT } else { AFTER_REFUSAL };
        // What a refusal says is not a promise to answer then.
        let wanted = wanted.filter(|_| status == 429).map_or(default, |wanted| wanted.as_secs());
        let pause = wanted.clamp(60, MOST_PAUSE);
        if self.paused.len() < MOST_SERVERS {
            self.paused.insert(host.to_owned(), now.saturating_add(pause));
        }
        let minutes = pause.div_ceil(60);
        let what = if status == 429 { "limits how often it is asked" } else { "refuses to answer" };
        let text = format!("{host} {what} (status {status}); it is not asked again for {minutes} minutes");
        Problem::new("limited", text)
    }
}
