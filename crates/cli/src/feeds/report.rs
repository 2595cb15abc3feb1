//! What became of a feed, for people and programs.

use std::fmt::{self, Display, Formatter};

use candor_object::Escaped;
use candor_update::feed::Feed;
use candor_update::shelf::About;
use serde::{Deserialize, Serialize};

use crate::exit_status::Outcome;
use crate::numbers::counted;

/// How the update of a feed went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The name of the feed.
    pub(crate) source: String,
    licence: String,
    vouching: String,
    at: String,
    result: Done,
    /// Why it is not in use, if it is not; it may quote hostile text.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What is in use.
    in_use: Option<About>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Done {
    /// What was fetched is what is in use.
    UpToDate,
    /// It is in use now.
    Installed,
    /// The clean-file gate holds it.
    Held,
    /// It is not what it must be, or nothing of it can be used.
    Refused,
    /// The configuration has it no more, and it was taken out of use.
    Removed,
    /// It could not be fetched, or this machine could not do its part.
    Failed,
}

impl Report {
    pub(crate) fn new(feed: &Feed, done: Done, reason: Option<String>, in_use: Option<About>) -> Self {
        Self {
            source: feed.name.clone(),
            licence: feed.licence.clone(),
            vouching: feed.vouching().to_string(),
            at: crate::update::now().to_string(),
            result: done,
            reason,
            in_use,
        }
    }

    /// What became of a feed that the configuration has no more.
    pub(crate) fn removed(name: &str, was: Option<About>, done: Done, reason: Option<String>) -> Self {
        let (licence, vouching) = was.map(|was| (was.licence, was.vouching)).unwrap_or_default();
        Self {
            source: name.to_owned(),
            licence,
            vouching,
            at: crate::update::now().to_string(),
            result: done,
            reason,
            in_use: None,
        }
    }

    /// What the program ends with.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.result {
            Done::UpToDate | Done::Installed | Done::Removed => Outcome::default(),
            Done::Held | Done::Refused => Outcome::found(),
            Done::Failed => Outcome::error(),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let said = match self.result {
            Done::UpToDate => "nothing newer",
            Done::Installed => "in use",
            Done::Held => "held",
            Done::Refused => "refused",
            Done::Removed => "removed",
            Done::Failed => "failed",
        };
        write!(f, "{}: {said}", Escaped(&self.source))?;
        match &self.reason {
            Some(reason) => writeln!(f, ": {}", Escaped(reason))?,
            None => writeln!(f)?,
        }
        if self.result == Done::Removed {
            return Ok(());
        }
        writeln!(f, "  licence   {}", Escaped(&self.licence))?;
        writeln!(f, "  proof     {}", self.vouching)?;
        let Some(about) = &self.in_use else { return writeln!(f, "  nothing of it is in use") };
        writeln!(f, "  in use    {} since {}", counted(about.rules, "rule", "rules"), Escaped(&about.since))?;
        writeln!(f, "  SHA-256   {}", Escaped(&about.sha256))?;
        if about.left_out > 0 {
            writeln!(f, "  left out  {}", counted(about.left_out, "rule", "rules"))?;
            for problem in &about.problems {
                writeln!(f, "            {}", Escaped(problem))?;
            }
        }
        Ok(())
    }
}
