//! How an update went: for people, for programs, and for whoever asks later.

use std::fmt::{self, Display, Formatter};

use candor_object::Escaped;
use candor_update::install::Installed;
use candor_update::segments::Way;
use candor_update::state::State;
use candor_update::statement::Segment;
use candor_update::store::Store;
use candor_update::{Choice, Kind, Refusal, Timestamp};
use serde_json::{Value, json};

use crate::exit_status::Outcome;
use crate::numbers::size;

/// What came of one mirror or bundle.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    place: String,
    result: Result,
}

#[derive(Clone, Debug)]
enum Result {
    Unreachable(String),
    Refused(Refusal),
    Believed(Box<(Choice, Option<Installed>)>),
    Returned(u64),
}

impl Attempt {
    pub(super) fn unreachable(place: &str, text: &str) -> Self {
        Self { place: place.to_owned(), result: Result::Unreachable(text.to_owned()) }
    }

    pub(super) fn refused(place: &str, refusal: Refusal) -> Self {
        Self { place: place.to_owned(), result: Result::Refused(refusal) }
    }

    pub(super) fn believed(place: &str, choice: Choice, installed: Option<Installed>) -> Self {
        Self { place: place.to_owned(), result: Result::Believed(Box::new((choice, installed))) }
    }

    pub(super) fn returned(sequence: u64) -> Self {
        Self { place: "the store".to_owned(), result: Result::Returned(sequence) }
    }

    /// Why it was refused.
    pub(super) fn kind(&self) -> Option<Kind> {
        match &self.result {
            Result::Refused(refusal) => Some(refusal.kind),
            _ => None,
        }
    }

    fn outcome(&self) -> &'static str {
        match &self.result {
            Result::Unreachable(_) => "unreachable",
            Result::Refused(_) => "refused",
            Result::Returned(_) => "installed",
            Result::Believed(believed) => match believed.0 {
                Choice::Take(_) => "installed",
                Choice::UpToDate => "up-to-date",
                Choice::Waits { .. } => "waits",
                Choice::Declined { .. } => "declined",
            },
        }
    }

    fn json(&self) -> Value {
        let (kind, reason) = match &self.result {
            Result::Unreachable(text) => (Some("unreachable"), Some(text.clone())),
            Result::Refused(refusal) => (Some(refusal.kind.name()), Some(refusal.text.clone())),
            Result::Returned(_) => (None, None),
            Result::Believed(believed) => match &believed.0 {
                Choice::Declined { reason, .. } => (None, Some(reason.clone())),
                Choice::Waits { until, .. } => (None, Some(format!("its turn is at {until}"))),
                Choice::Take(_) | Choice::UpToDate => (None, None),
            },
        };
        json!({ "place": self.place, "outcome": self.outcome(), "kind": kind, "reason": reason })
    }
}

impl Display for Attempt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = Escaped(&self.place);
        match &self.result {
            Result::Unreachable(text) => writeln!(f, "{place}: {}", Escaped(text)),
            Result::Refused(refusal) => {
                writeln!(f, "{place}: refused ({})\n  {}", refusal.kind.name(), Escaped(&refusal.text))
            }
            Result::Returned(sequence) => writeln!(
                f,
                "release {sequence} is in use again, out of the store; the next update goes on from there, and \
                 `candor update pin {sequence}` keeps it"
            ),
            Result::Believed(believed) => write_believed(f, place, &believed.0, believed.1.as_ref()),
        }
    }
}

fn write_believed(
    f: &mut Formatter<'_>,
    place: Escaped<'_>,
    choice: &Choice,
    installed: Option<&Installed>,
) -> fmt::Result {
    match choice {
        Choice::UpToDate => writeln!(f, "{place}: nothing newer"),
        Choice::Waits { sequence, until } => {
            writeln!(f, "{place}: release {sequence} is there; this machine's turn is at {until}")
        }
        Choice::Declined { sequence, reason } => {
            writeln!(f, "{place}: release {sequence} is not taken: {}", Escaped(reason))
        }
        Choice::Take(statement) => {
            writeln!(f, "{place}: release {} of {} is in use", statement.sequence, statement.date)?;
            let ways = installed.map(|installed| installed.ways.as_slice()).unwrap_or_default();
            for (Segment { name, .. }, way) in statement.segments.iter().zip(ways) {
                match way {
                    Way::Kept => writeln!(f, "  {name}: as it was")?,
                    Way::Delta(bytes) => writeln!(f, "  {name}: a difference of {}", size(*bytes))?,
                    Way::Whole(bytes) => writeln!(f, "  {name}: whole, {}", size(*bytes))?,
                }
            }
            for name in installed.iter().flat_map(|installed| &installed.not_compared) {
                writeln!(
                    f,
                    "  {name}: compiled in another layout than the published one, so not compared with it"
                )?;
            }
            Ok(())
        }
    }
}

/// How an update went.
#[derive(Clone, Debug)]
pub(super) struct Report {
    attempts: Vec<Attempt>,
    current: Option<u64>,
    date: Option<Timestamp>,
    at: Timestamp,
}

impl Report {
    pub(super) fn new(store: &Store, state: &State, attempts: Vec<Attempt>, at: Timestamp) -> Self {
        let current = state.current();
        let date = current.and_then(|current| store.statement(current).ok()).map(|statement| statement.date);
        Self { attempts, current, date, at }
    }

    /// The attempt that decides: one that was believed, else the first that was refused, whoever could not be reached
    /// after it.
    fn deciding(&self) -> Option<&Attempt> {
        let last = self.attempts.last();
        if last.is_some_and(|last| matches!(last.result, Result::Believed(_) | Result::Returned(_))) {
            return last;
        }
        let refused = |attempt: &&Attempt| attempt.kind().is_some_and(|kind| kind != Kind::Local);
        self.attempts.iter().find(refused).or(last)
    }

    /// What the exit status is made of.
    pub(super) fn outcome(&self) -> Outcome {
        match self.deciding().map(|deciding| &deciding.result) {
            Some(Result::Believed(_) | Result::Returned(_)) => Outcome::default(),
            Some(Result::Refused(refusal)) if refusal.kind != Kind::Local => Outcome::found(),
            _ => Outcome::error(),
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let attempts: Vec<Value> = self.attempts.iter().map(Attempt::json).collect();
        let document = json!({
            "at": self.at.to_string(),
            "outcome": self.deciding().map(Attempt::outcome),
            "kind": self.deciding().and_then(Attempt::kind).map(Kind::name),
            "exit_status": self.outcome().status(),
            "release": self.current,
            "date": self.date.map(|date| date.to_string()),
            "attempts": attempts,
        });
        crate::output::json::pretty(&document).unwrap_or_default()
    }
}

impl Report {
    /// The text that Prometheus reads, format 0.0.4.
    pub(super) fn to_metrics(&self) -> String {
        let outcome = self.deciding().map_or("none", Attempt::outcome);
        let kind = self.deciding().and_then(Attempt::kind).map_or("", Kind::name);
        let mut text = format!(
            "# TYPE candor_update_attempt_timestamp_seconds gauge\n\
             candor_update_attempt_timestamp_seconds {}\n\
             # TYPE candor_update_outcome gauge\n\
             candor_update_outcome{{outcome=\"{outcome}\",kind=\"{kind}\"}} 1\n",
            self.at.as_second()
        );
        if let (Some(current), Some(date)) = (self.current, self.date) {
            text.push_str(&format!(
                "# TYPE candor_update_release gauge\ncandor_update_release {current}\n\
                 # TYPE candor_update_release_timestamp_seconds gauge\n\
                 candor_update_release_timestamp_seconds {}\n",
                date.as_second()
            ));
        }
        text
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.attempts.iter().try_for_each(|attempt| write!(f, "{attempt}"))?;
        match self.current {
            Some(current) if self.outcome() != Outcome::default() => {
                writeln!(f, "release {current} stays in use")
            }
            None => writeln!(f, "no release is in use"),
            Some(_) => Ok(()),
        }
    }
}
