//! Whether what lies in a staging folder is to be believed, and what of it this machine takes now.

use candor_tlog::{Note, Policy, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::director;
use crate::history::{self, History, seconds};
use crate::place;
use crate::refusal::{About, Kind, Refusal};
use crate::staging::Staging;
use crate::state::State;
use crate::statement::Statement;
use crate::tuf::{self, Thresholds, Vouched};

/// Whom this machine believes.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Logs, witnesses and their quorum: the user's own policy.
    pub policy: Policy,
    /// How old cosignatures may be, in seconds.
    pub max_age: u64,
    /// How many signatures are demanded at least.
    pub thresholds: Thresholds,
    /// The key of the site's own director, if it has one.
    pub director: Option<VerifyingKey>,
}

/// What was believed. Nothing of it is installed yet.
#[derive(Debug)]
pub struct Believed {
    /// What the keys vouch for.
    pub vouched: Vouched,
    /// What the log says.
    pub history: History,
    /// The release that the director wants, if the site has one.
    pub directed: Option<u64>,
    /// The time for which all of this holds.
    pub now: Timestamp,
}

/// Checks everything but the segments themselves: keys, log, witnesses, and that they speak of the same release.
///
/// # Errors
/// Why it is not believed. The state stays as it is.
pub fn check(staging: &Staging, state: &State, trust: &Trust, clock: Timestamp) -> Result<Believed, Refusal> {
    let now = state.now(clock);
    let vouched = tuf::verify(staging, &state.trusted, trust.thresholds, now);
    let seen = state.checkpoint.as_ref().map(|note| Note::read(note.as_bytes()));
    let seen = seen.transpose().about(Kind::Local, "the checkpoint that was seen last")?;
    let history = history::read(staging, &trust.policy, seen.as_ref(), now, trust.max_age);
    // Metadata of another history do not fit either, and only the log's contradiction convicts anybody.
    let (vouched, history) = match (vouched, history) {
        (_, Err(refusal)) if refusal.kind == Kind::SplitView => return Err(refusal),
        (vouched, history) => (vouched?, history?),
    };
    history::demand_quorum(&history, &trust.policy, trust.max_age)?;
    let newest = history.releases.last().map(|release| &release.statement);
    let newest = newest.ok_or_else(|| Refusal::new(Kind::NotLogged, "there is no release in the log"))?;
    if newest.targets != <[u8; 32]>::from(Sha256::digest(&vouched.targets_bytes)) {
        let text = format!(
            "the newest release in the log is {}, and the signed targets are not those of that release",
            newest.sequence
        );
        return Err(Refusal::new(Kind::NotLogged, text));
    }
    if vouched.statement() != Some(newest.without_targets().as_str()) {
        let text = format!(
            "release {}: the log says something else than the holders of the keys signed",
            newest.sequence
        );
        return Err(Refusal::new(Kind::Mismatch, text));
    }
    let directed = trust.director.as_ref().map(|key| director::direction(staging, key, now)).transpose()?;
    Ok(Believed { vouched, history, directed: directed.map(|direction| direction.sequence), now })
}

/// What this machine does with what it believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This release is taken.
    Take(Statement),
    /// What is in use is what is to be in use.
    UpToDate,
    /// There is a newer release, and this machine's turn comes later.
    Waits {
        /// The release.
        sequence: u64,
        /// When its turn comes.
        until: Timestamp,
    },
    /// There is a newer release, and somebody here does not want it.
    Declined {
        /// The release.
        sequence: u64,
        /// Who, and why.
        reason: String,
    },
}

impl Believed {
    /// Remembers what was seen, so that nothing older is believed any more, whether or not anything is installed.
    pub fn remember(&self, state: &mut State) {
        state.trusted = self.vouched.remembered.clone();
        state.checkpoint = Some(String::from_utf8_lossy(&self.history.note.to_bytes()).into_owned());
        let witnessed = self.history.assessment.witnessed.and_then(|time| i64::try_from(time).ok());
        let witnessed = witnessed.and_then(|time| Timestamp::from_second(time).ok());
        state.seen = state.seen.max(witnessed);
    }

    /// Which release is to be taken now.
    ///
    /// # Errors
    /// If a release was asked for that is not there, or cannot be had any more.
    pub fn choose(&self, state: &State, asked: Option<u64>) -> Result<Choice, Refusal> {
        if let Some(sequence) = asked {
            return self.exactly(sequence, state);
        }
        let newest = self.history.releases.last().map_or(0, |release| release.statement.sequence);
        if let Some(reason) = &state.choices.hold {
            return Ok(match state.current() {
                Some(current) if newest <= current => Choice::UpToDate,
                _ => Choice::Declined { sequence: newest, reason: format!("updates are on hold: {reason}") },
            });
        }
        if let Some(wanted) = state.choices.pinned.or(self.directed) {
            return self.exactly(wanted, state);
        }
        let mut otherwise = None;
        for release in self.history.releases.iter().rev() {
            let statement = &release.statement;
            if state.current().is_some_and(|current| statement.sequence <= current) {
                break;
            }
            match self.objection(statement, state) {
                None => return Ok(Choice::Take(statement.clone())),
                Some(objection) => otherwise = otherwise.or(Some(objection)),
            }
        }
        Ok(otherwise.unwrap_or(Choice::UpToDate))
    }

    /// A release in the log.
    pub fn release(&self, sequence: u64) -> Option<&Statement> {
        let mut releases = self.history.releases.iter().map(|release| &release.statement);
        releases.find(|statement| statement.sequence == sequence)
    }

    fn objection(&self, statement: &Statement, state: &State) -> Option<Choice> {
        let sequence = statement.sequence;
        let declined = |reason: String| Some(Choice::Declined { sequence, reason });
        if state.choices.skipped.contains(&sequence) {
            return declined("the administrator skips it".to_owned());
        }
        if let Some(held) = state.held.iter().find(|held| held.sequence == sequence) {
            return declined(held.reason.clone());
        }
        if !self.can_be_had(statement) {
            return declined("its files are not among the signed targets any more".to_owned());
        }
        let opens = statement.schedule.opens_after(state.place).max(state.choices.delay);
        if seconds(self.now) < seconds(statement.date).saturating_add(opens) {
            let wait = SignedDuration::from_secs(i64::try_from(opens).unwrap_or(i64::MAX));
            let until = statement.date.checked_add(wait).unwrap_or(Timestamp::MAX);
            return Some(Choice::Waits { sequence, until });
        }
        None
    }

    fn exactly(&self, sequence: u64, state: &State) -> Result<Choice, Refusal> {
        if state.current() == Some(sequence) {
            return Ok(Choice::UpToDate);
        }
        let statement = self.release(sequence).ok_or_else(|| {
            Refusal::new(Kind::NotLogged, format!("there is no release {sequence} in the log"))
        })?;
        if !self.can_be_had(statement) && !state.installed.contains(&sequence) {
            let text = format!("the files of release {sequence} are not among the signed targets any more");
            return Err(Refusal::new(Kind::Missing, text));
        }
        Ok(Choice::Take(statement.clone()))
    }

    /// Whether the keys that are valid now still vouch for every part of the release.
    fn can_be_had(&self, statement: &Statement) -> bool {
        let vouched = |digest| self.vouched.target(&place::segment(digest)).is_some();
        statement.segments.iter().all(|segment| vouched(&segment.digest))
    }
}
