//! What the incumbent's settings come to in Candor's configuration, and what becomes of each line of them.

pub mod exclusion;
mod files;
pub mod freshclam;
pub mod kesl;
mod schedule;

use std::collections::BTreeMap;

use serde::Serialize;

pub use exclusion::{Danger, Exclusion};
pub use schedule::{Scan, Schedule};
/// A value of a configuration.
pub use toml::Value;

/// What settings come to.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Keys of candord.toml such as `limits.time`, with their values.
    pub daemon: BTreeMap<String, Value>,
    /// Keys of update.toml.
    pub update: BTreeMap<String, Value>,
    /// Scans on request and on a schedule.
    pub scans: Vec<Scan>,
    /// What is not to be examined. Each has a remark as well.
    pub exclusions: Vec<Exclusion>,
    /// What became of each line.
    pub remarks: Vec<Remark>,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The file that it stands in.
    pub file: String,
    /// Its line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The setting, with its section; hostile text.
    pub setting: String,
    /// What became of it.
    pub fate: Fate,
    /// What it is now, or why it is nothing.
    pub text: String,
    /// What is dangerous about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub danger: Option<Danger>,
}

/// What became of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is in the new configuration, and means the same.
    Taken,
    /// It is in the new configuration, and means something a little different.
    Changed,
    /// It is not in the new configuration.
    LeftOut,
    /// Something that protected is not there any more.
    LessProtection,
    /// It could not be read.
    Unreadable,
}

impl Fate {
    /// The words for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Changed => "changed",
            Self::LeftOut => "left out",
            Self::LessProtection => "less protection",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Whether exclusions that hide everything, or a folder of the system, are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dangerous {
    /// They are left out, and told.
    LeftOut,
    /// They are taken over, and told.
    Taken,
}

impl Imported {
    /// How many remarks have this fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.remarks.iter().filter(|remark| remark.fate == fate).count()
    }

    /// Sorts what is told, by file and line.
    fn sorted(mut self) -> Self {
        self.remarks.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        self
    }
}
