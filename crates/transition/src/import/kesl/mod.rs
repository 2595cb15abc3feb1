//! The settings of Kaspersky Endpoint Security for Linux: what `kesl-control` prints and what `kesl-setup.pl` reads.
//!
//! Sources: the tables of settings in the vendor's help (KES4Linux 11.3 to 12.1: pages 201432, 234812, 197979, 261123,
//! 236947). How `--export-settings` names the sections of several tasks in one file is not documented; any prefix
//! before the section's own name is taken for the name of a task.

mod area;
mod known;
mod setup;
mod tasks;

use std::collections::BTreeMap;

use super::{Danger, Dangerous, Fate, Imported, Remark};
use crate::ini::{self, Section, Setting};

/// One file of the incumbent's settings.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// What it is called, without its folder. A schedule finds its task by that.
    pub name: &'s str,
    /// Its text.
    pub text: &'s str,
}

/// Most exclusions that are taken over.
const MOST_EXCLUSIONS: usize = 5000;

/// What settings come to.
pub fn import(sources: &[Source<'_>], dangerous: Dangerous) -> Imported {
    let mut reader = Reader { imported: Imported::default(), dangerous, file: String::new() };
    let mut tasks = BTreeMap::new();
    for source in sources {
        reader.file = source.name.to_owned();
        reader.source(source, &mut tasks);
    }
    for task in tasks.values() {
        reader.task(task);
    }
    reader.protection(&tasks);
    reader.imported.sorted()
}

/// The settings of one task, or those of the program as a whole.
#[derive(Debug, Default)]
struct Task {
    /// Its name.
    name: String,
    /// The files that they stand in, beside their sections.
    sections: Vec<(String, Section)>,
}

impl Task {
    fn setting(&self, name: &str) -> Option<(&str, &Setting)> {
        self.sections.iter().find_map(|(file, section)| Some((file.as_str(), section.get(name)?)))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|(_, setting)| setting.value.as_str())
    }

    /// Whether a switch is on.
    fn is_on(&self, name: &str) -> bool {
        self.value(name).is_some_and(is_yes)
    }
}

fn is_yes(value: &str) -> bool {
    ["yes", "true", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

struct Reader {
    imported: Imported,
    dangerous: Dangerous,
    file: String,
}

impl Reader {
    fn tell(&mut self, line: usize, setting: &str, fate: Fate, text: impl Into<String>) {
        self.tell_danger(line, setting, fate, text, None);
    }

    fn tell_danger(
        &mut self,
        line: usize,
        setting: &str,
        fate: Fate,
        text: impl Into<String>,
        danger: Option<Danger>,
    ) {
        let (file, setting, text) = (self.file.clone(), setting.to_owned(), text.into());
        self.imported.remarks.push(Remark { file, line, setting, fate, text, danger });
    }

    fn source(&mut self, source: &Source<'_>, tasks: &mut BTreeMap<String, Task>) {
        let text = source.text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('{') {
            self.tell(0, "", Fate::Unreadable, "this is JSON: export it again without --json");
            return;
        }
        if tasks::is_list(text) {
            self.task_list(text);
            return;
        }
        let ini = ini::read(source.text);
        for (line, why) in ini.problems {
            self.tell(line, "", Fate::Unreadable, why);
        }
        if setup::is_setup(&ini.sections) {
            ini.sections.iter().for_each(|section| self.setup(section));
            return;
        }
        let stem = source.name.rsplit_once('.').map_or(source.name, |(stem, _)| stem);
        let stem = stem.trim_end_matches(".schedule").trim_end_matches("-schedule");
        for section in ini.sections {
            let (task, own) = split(&section.name);
            let name = task.unwrap_or(stem);
            let task = tasks.entry(name.to_ascii_lowercase()).or_default();
            if task.name.is_empty() {
                task.name = name.to_owned();
            }
            let section = Section { name: own.to_owned(), ..section };
            task.sections.push((source.name.to_owned(), section));
        }
    }
}

/// Kinds of sections that a task has.
const SECTIONS: [&str; 12] = [
    "ScanScope",
    "ExcludedFromScanScope",
    "ExcludedForProgram",
    "Sources",
    "CustomSources",
    "Exclusions",
    "NetworkPorts",
    "ExclusionsForDeviceClass",
    "CustomScope",
    "Schedule",
    "Settings",
    "General",
];

/// The name of the task in a section's name, if there is one, and the rest.
fn split(name: &str) -> (Option<&str>, &str) {
    let kind = ini::base(name);
    for known in SECTIONS {
        if kind.eq_ignore_ascii_case(known) {
            return (None, kind);
        }
        let Some(place) = kind.len().checked_sub(known.len() + 1) else { continue };
        let (Some(task), Some(rest)) = (kind.get(..place), kind.get(place..)) else { continue };
        if rest.starts_with(['.', '/', ':'])
            && rest.get(1..).is_some_and(|rest| rest.eq_ignore_ascii_case(known))
        {
            return (Some(task), &rest[1..]);
        }
    }
    if name.is_empty() { (None, "") } else { (Some(name), "") }
}

#[cfg(test)]
mod tests;
