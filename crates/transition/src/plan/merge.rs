//! A plan that people edited, with what a new inventory says: nothing that somebody wrote is lost.

use jiff::Timestamp;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::draft::now;
use super::{Plan, is_json};
use crate::inventory::Inventory;
use crate::when::When;

/// A plan that learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The new text, in the form of the old one.
    pub text: String,
    /// What changed, for people.
    pub news: Vec<String>,
}

/// Puts what a new draft says into a plan. Tasks keep their text, owner, state, note and edited dates; a task that
/// inventories do not call for any more is marked as gone, if its host was looked at.
///
/// # Errors
/// Why the plan cannot be read.
pub fn merge(text: &str, draft: &Plan, inventories: &[&Inventory], at: Timestamp) -> Result<Merged, String> {
    let old = Plan::read(text)?;
    if is_json(text) {
        let table: toml::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let text = toml::to_string(&table).map_err(|error| error.to_string())?;
        let Merged { text, news } = merge(&text, draft, inventories, at)?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let text = serde_json::to_string_pretty(&table).map_err(|error| error.to_string())?;
        return Ok(Merged { text: text + "\n", news });
    }
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let fresh = toml::to_string(draft).map_err(|error| error.to_string())?;
    let mut fresh: DocumentMut = fresh.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let mut merging = Merging { old: &old, draft, news: Vec::new() };
    for key in ["updated", "end", "end_because"] {
        if let Some(new) = fresh.get(key) {
            set(document.as_table_mut(), key, new.clone());
        }
    }
    merging.inputs(&mut document, &mut fresh)?;
    merging.dates(&mut document, "stage", "to")?;
    merging.tasks(&mut document, &mut fresh, inventories, at)?;
    let text = document.to_string();
    // What was written has to be readable, whatever people had in it.
    Plan::read(&text)?;
    Ok(Merged { text, news: merging.news })
}

struct Merging<'m> {
    old: &'m Plan,
    draft: &'m Plan,
    news: Vec<String>,
}

impl Merging<'_> {
    fn inputs(&mut self, document: &mut DocumentMut, fresh: &mut DocumentMut) -> Result<(), String> {
        let known = |table: &Table| {
            let digest = table.get("sha256").and_then(Item::as_str).unwrap_or_default();
            self.old.inputs.iter().any(|input| input.sha256 == digest)
        };
        let new: Vec<Table> = tables(fresh, "input")?.iter().filter(|table| !known(table)).cloned().collect();
        let inputs = tables(document, "input")?;
        new.into_iter().for_each(|table| inputs.push(placeless(table)));
        Ok(())
    }

    /// Moves dates that nobody edited to where they are planned now.
    fn dates(&mut self, document: &mut DocumentMut, kind: &str, key: &str) -> Result<(), String> {
        let draft = self.draft;
        for table in tables(document, kind)?.iter_mut() {
            let id = table.get("id").and_then(Item::as_str).unwrap_or_default().to_owned();
            let Some((planned, because)) = planned(draft, kind, &id) else { continue };
            let text = |key: &str, table: &Table| table.get(key).map(plain).unwrap_or_default();
            let (due, before) = (text(key, table), text("planned", table));
            let after = planned.to_string();
            let edited = due != before && !before.is_empty();
            if after != before {
                set(table, "planned", value(after.clone()));
                if !edited {
                    set(table, key, value(after.clone()));
                    self.news.push(format!("{id}: until {after}, and not {due} any more"));
                }
            }
            let later = due.parse::<When>().is_ok_and(|due| due.instant() > planned.instant());
            if edited && later {
                self.news.push(format!("{id}: you wrote {due}, which is later than {after}"));
            }
            if let Some(because) = because {
                set(table, "because", because);
            }
        }
        Ok(())
    }

    fn tasks(
        &mut self,
        document: &mut DocumentMut,
        fresh: &mut DocumentMut,
        inventories: &[&Inventory],
        at: Timestamp,
    ) -> Result<(), String> {
        self.dates(document, "task", "due")?;
        let looked_at = |host: &str| {
            let whole = inventories.iter().filter(|inventory| !inventory.incomplete);
            whole.into_iter().any(|inventory| inventory.all_hosts().contains(&host))
        };
        let tasks = tables(document, "task")?;
        for table in tasks.iter_mut() {
            let id = table.get("id").and_then(Item::as_str).unwrap_or_default().to_owned();
            let Some(task) = self.old.tasks.iter().find(|task| task.id == id) else { continue };
            if self.draft.tasks.iter().any(|task| task.id == id) {
                if table.remove("gone").is_some() {
                    self.news.push(format!("{id}: it is there again: {}", task.what));
                }
            } else if task.gone.is_none()
                && task.host.as_deref().is_some_and(looked_at)
                && task.planned.is_some()
            {
                set(table, "gone", value(now(at).to_string()));
                self.news.push(format!("{id}: no inventory calls for it any more: {}", task.what));
            }
        }
        let new: Vec<Table> = tables(fresh, "task")?
            .iter()
            .filter(|table| {
                let id = table.get("id").and_then(Item::as_str).unwrap_or_default();
                !self.old.tasks.iter().any(|task| task.id == id)
            })
            .cloned()
            .collect();
        let tasks = tables(document, "task")?;
        for table in new {
            let text = |key: &str| table.get(key).and_then(Item::as_str).unwrap_or_default();
            self.news.push(format!("{}: new: {}", text("id"), text("what")));
            tasks.push(placeless(table));
        }
        // Where people took a stage or a task out, nothing may refer to it.
        let ids: Vec<String> = ["stage", "task"]
            .iter()
            .flat_map(|kind| {
                tables(document, kind)
                    .map(|tables| tables.iter().map(id).collect::<Vec<_>>())
                    .unwrap_or_default()
            })
            .collect();
        for table in tables(document, "task")?.iter_mut() {
            if let Some(after) = table.get_mut("after").and_then(Item::as_array_mut) {
                after.retain(|word| word.as_str().is_none_or(|word| ids.iter().any(|id| id == word)));
            }
        }
        Ok(())
    }
}

fn id(table: &Table) -> String {
    table.get("id").and_then(Item::as_str).unwrap_or_default().to_owned()
}

/// The date that the draft has for a stage or a task, and why.
fn planned(draft: &Plan, kind: &str, id: &str) -> Option<(When, Option<Item>)> {
    if kind == "stage" {
        let stage = draft.stages.iter().find(|stage| stage.id == id)?;
        return Some((stage.to.clone(), Some(value(&stage.because))));
    }
    let task = draft.tasks.iter().find(|task| task.id == id)?;
    let because: toml_edit::Array = task.because.iter().map(String::as_str).collect();
    let because = (!task.because.is_empty()).then(|| value(because));
    Some((task.due.clone(), because))
}

fn tables<'d>(document: &'d mut DocumentMut, key: &str) -> Result<&'d mut ArrayOfTables, String> {
    let item = document.entry(key).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    // The same written in one line is the same.
    if item.as_array_of_tables().is_none() {
        let array = std::mem::take(item).into_array_of_tables();
        *item = Item::ArrayOfTables(array.map_err(|_| format!("`{key}` must be written as [[{key}]]"))?);
    }
    item.as_array_of_tables_mut().ok_or_else(|| format!("`{key}` must be written as [[{key}]]"))
}

/// A table that stands where it is put, and not where it was in another document.
fn placeless(mut table: Table) -> Table {
    table.set_position(None);
    table.decor_mut().set_prefix("\n");
    table
}

/// Changes a value and leaves the comment behind it.
fn set(table: &mut Table, key: &str, mut new: Item) {
    if let (Some(old), Some(new)) = (table.get(key).and_then(Item::as_value), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = new,
        None => {
            table.insert(key, new);
        }
    }
}

/// A value as text, without quotation marks and comments.
fn plain(item: &Item) -> String {
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => text.value().clone(),
        Some(toml_edit::Value::Datetime(date)) => date.value().to_string(),
        _ => String::new(),
    }
}
