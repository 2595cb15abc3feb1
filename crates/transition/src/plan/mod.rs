//! A dated plan of a move, which people edit: stages, tasks with owners, waivers with an end.

mod draft;
mod merge;
mod stages;

use serde::{Deserialize, Serialize};

pub use draft::{Choices, draft};
pub use merge::{Merged, merge};
pub use stages::{STAGES, StageKind};

use crate::when::When;

/// Longest plan that is read, in bytes.
pub const MOST_BYTES: usize = 64 << 20;
/// The form of plans; another number is not read.
const FORMAT: u32 = 1;

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The form of this document.
    pub format: u32,
    /// When it was made.
    pub made: When,
    /// When it last learned from an inventory.
    pub updated: When,
    /// Its first day.
    pub start: When,
    /// When it is to be over.
    pub end: When,
    /// Why then.
    pub end_because: String,
    /// What it was made from.
    #[serde(default, rename = "input", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// Its stages.
    #[serde(default, rename = "stage", skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Its tasks.
    #[serde(default, rename = "task", skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// What is left undone, by whose leave and until when.
    #[serde(default, rename = "waiver", skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

/// An inventory that a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The name of the file.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// When it was made, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its word.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// When it begins.
    pub from: When,
    /// Until when it is to be done.
    pub to: When,
    /// What `to` was when nobody had edited it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<When>,
    /// Why then.
    #[serde(default)]
    pub because: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its word, the same in every version of the plan.
    pub id: String,
    /// Its stage.
    pub stage: String,
    /// What to do.
    pub what: String,
    /// Until when.
    pub due: When,
    /// What `due` was when nobody had edited it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<When>,
    /// The rules and evidence that it comes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// The tasks and stages that come before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Who does it.
    #[serde(default)]
    pub owner: String,
    /// How far it is.
    #[serde(default)]
    pub state: TaskState,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<When>,
    /// What people want to remember, such as why it is blocked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The host, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// When its host has its turn: `pilot`, `1`, `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
    /// The product, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// What that is inside of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// What an inventory must not show any more when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// Since when an inventory does not call for it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<When>,
}

/// How far a task is, as people say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It is to be done.
    #[default]
    Open,
    /// Something else has to happen first.
    Blocked,
    /// It is done.
    Done,
}

/// What an inventory must not show of a product when a task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// It may have left something.
    NotInstalled,
    /// Nothing of it.
    NothingLeft,
}

/// Leave not to do something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Or all tasks of a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: When,
    /// Who gave it.
    pub by: String,
}

impl Waiver {
    /// Whether it is about a task.
    pub fn covers(&self, task: &Task) -> bool {
        let host = self.host.is_some() && self.host == task.host;
        host || self.task.as_deref() == Some(task.id.as_str())
    }
}

impl Plan {
    /// Reads a plan in TOML or JSON.
    ///
    /// # Errors
    /// What is wrong, with its line, or the task that it is about.
    pub fn read(text: &str) -> Result<Self, String> {
        let plan: Self = if is_json(text) {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
            table.iter_mut().for_each(|(_, value)| dates_as_text(value));
            table.try_into().map_err(|error: toml::de::Error| error.to_string())?
        };
        if plan.format != FORMAT {
            return Err(format!("it is a plan of format {}, and this program knows {FORMAT}", plan.format));
        }
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        let ids = self.stages.iter().map(|stage| &stage.id).chain(self.tasks.iter().map(|task| &task.id));
        for id in ids {
            if !seen.insert(id.as_str()) {
                return Err(format!("`{id}` is there twice"));
            }
        }
        for task in &self.tasks {
            if !self.stages.iter().any(|stage| stage.id == task.stage) {
                return Err(format!("task `{}`: there is no stage `{}`", task.id, task.stage));
            }
            if let Some(missing) = task.after.iter().find(|after| !seen.contains(after.as_str())) {
                return Err(format!(
                    "task `{}`: there is nothing called `{missing}` to come before it",
                    task.id
                ));
            }
        }
        for waiver in &self.waivers {
            let task = waiver.task.as_deref().is_none_or(|task| seen.contains(task));
            if waiver.task.is_some() == waiver.host.is_some() || !task {
                return Err(format!(
                    "the waiver {:?} must name one task that is there, or one host",
                    waiver.reason
                ));
            }
            if waiver.reason.trim().is_empty() || waiver.by.trim().is_empty() {
                return Err("a waiver needs a reason and who gave it".to_owned());
            }
        }
        Ok(())
    }

    /// The plan for people.
    ///
    /// # Errors
    /// When it has no form in TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEAD}\n{}", toml::to_string(self)?))
    }
}

/// Whether a plan is written in JSON.
pub fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('{')
}

/// People write dates without quotation marks, and TOML has a type for them.
fn dates_as_text(value: &mut toml::Value) {
    match value {
        toml::Value::Datetime(date) => *value = toml::Value::String(date.to_string()),
        toml::Value::Array(values) => values.iter_mut().for_each(dates_as_text),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| dates_as_text(value)),
        _ => {}
    }
}

const HEAD: &str = "\
# A plan of `candor transition`: see docs/transition.md. It is yours to edit; `candor transition plan` with a new
# inventory adds what is new, marks what is gone, and keeps what you wrote, comments included.
#
# A task is `open`, `blocked` or `done`. Leave not to do one:
#   [[waiver]]
#   task = \"remove-...\"          # or host = \"...\"
#   reason = \"...\"
#   until = 2027-01-31
#   by = \"...\"
";

#[cfg(test)]
mod tests;
