//! The exit status: what the caller learns without reading a word.

use std::process::ExitCode;

use candor_object::{Action, Decision};

/// What happened so far, as far as the exit status is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    found: bool,
    failed: bool,
    incomplete: bool,
}

impl Outcome {
    /// The outcome of a command that could not do what it was asked for.
    pub(crate) fn error() -> Self {
        Self { failed: true, ..Self::default() }
    }

    /// The outcome of a command that found what it looks for.
    pub(crate) fn found() -> Self {
        Self { found: true, ..Self::default() }
    }

    /// Adds what policy says of one root object.
    pub(crate) fn decided(&mut self, decision: &Decision) {
        self.found |= decision.action == Action::Report;
        self.incomplete |= !decision.fully_examined;
    }

    /// Adds an error of usage or environment.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }

    /// Adds that something was not looked at.
    pub(crate) fn stopped_early(&mut self) {
        self.incomplete = true;
    }

    /// Adds what else was done.
    pub(crate) fn also(&mut self, other: Self) {
        self.found |= other.found;
        self.failed |= other.failed;
        self.incomplete |= other.incomplete;
    }

    /// The number that the program ends with. Something found is the news, whatever else went wrong; an error
    /// comes before a gap, since after an error nobody knows what would have been seen.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self { found: true, .. } => 1,
            Self { failed: true, .. } => 2,
            Self { incomplete: true, .. } => 3,
            _ => 0,
        }
    }

    /// What the number means, for people.
    pub(crate) fn meaning(self) -> &'static str {
        match self.status() {
            0 => "nothing found and everything examined",
            1 => "something found",
            2 => "usage or environment error",
            _ => "nothing found but not everything examined",
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.status())
    }
}

#[cfg(test)]
mod tests {
    use candor_object::Verdict;

    use super::*;

    fn decision(action: Action, fully_examined: bool) -> Decision {
        Decision {
            verdict: Verdict::Undetected,
            action,
            fully_examined,
            detections: Vec::new(),
            disabled: Vec::new(),
        }
    }

    #[test]
    fn found_wins_over_errors_and_errors_over_gaps() {
        let mut outcome = Outcome::default();
        assert_eq!(outcome.status(), 0);
        outcome.decided(&decision(Action::Allow, true));
        assert_eq!(outcome.status(), 0);
        outcome.decided(&decision(Action::Allow, false));
        assert_eq!(outcome.status(), 3);
        outcome.failed();
        assert_eq!(outcome.status(), 2);
        outcome.decided(&decision(Action::Report, true));
        assert_eq!(outcome.status(), 1);
        outcome.decided(&decision(Action::Allow, true));
        assert_eq!(outcome.status(), 1);
    }

    #[test]
    fn a_scan_that_stops_early_has_not_examined_everything() {
        let mut outcome = Outcome::default();
        outcome.stopped_early();
        assert_eq!((outcome.status(), outcome.meaning()), (3, "nothing found but not everything examined"));
    }
}
