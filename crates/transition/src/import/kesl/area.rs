//! Scan scopes and exclusions of a task.

use super::super::{Dangerous, Exclusion, Fate};
use super::{MOST_EXCLUSIONS, Reader, Task, is_yes};
use crate::ini::Section;

impl Reader {
    /// The folders that a task scans.
    pub(super) fn scope(&mut self, task: &Task) -> Vec<String> {
        let mut paths = Vec::new();
        for (file, section) in of_kind(task, "ScanScope") {
            self.file = file.to_owned();
            let (line, name) = (section.line, format!("{}: ScanScope", task.name));
            let path = section.get("Path").map(|path| path.value.trim()).unwrap_or_default();
            if is_off(section, "UseScanArea") {
                self.tell(line, &name, Fate::LeftOut, format!("{path}: it was switched off"));
            } else if !path.starts_with('/') {
                let why = "it names no folder by its path; name the folders yourself where they are mounted";
                self.tell(line, &name, Fate::LessProtection, format!("{path}: {why}"));
            } else {
                let masks: Vec<&str> = section.list("AreaMask").map(|mask| mask.value.as_str()).collect();
                if masks.iter().all(|mask| *mask == "*") {
                    self.tell(line, &name, Fate::Taken, format!("{path} is scanned"));
                } else {
                    let text = format!("{path} is scanned as a whole, not only {}", masks.join(", "));
                    self.tell(line, &name, Fate::Changed, text);
                }
                paths.push(path.to_owned());
            }
        }
        paths.sort();
        paths.dedup();
        paths
    }

    /// What a task does not examine.
    pub(super) fn exclusions(&mut self, task: &Task) -> Vec<Exclusion> {
        let mut taken = Vec::new();
        for (file, section) in of_kind(task, "ExcludedFromScanScope") {
            self.file = file.to_owned();
            let (line, name) = (section.line, format!("{}: ExcludedFromScanScope", task.name));
            let path = section.get("Path").map(|path| path.value.trim()).unwrap_or_default();
            if is_off(section, "UseScanArea") {
                self.tell(line, &name, Fate::LeftOut, format!("{path}: it was switched off"));
                continue;
            }
            let masks: Vec<&str> = section.list("AreaMask").map(|mask| mask.value.as_str()).collect();
            let masks = if masks.is_empty() { vec!["*"] } else { masks };
            for mask in masks {
                self.exclusion(line, &name, Exclusion::of_path(path, Some(mask)), &mut taken);
            }
        }
        for (file, section) in task.sections.iter().filter(|(_, section)| section.name.is_empty()) {
            self.file = file.clone();
            for mask in section.list("ExcludeMasks") {
                let name = format!("{}: {}", task.name, mask.name);
                if task.is_on("UseExcludeMasks") {
                    self.exclusion(mask.line, &name, Exclusion::of_name(&mask.value), &mut taken);
                } else {
                    self.tell(mask.line, &name, Fate::LeftOut, "UseExcludeMasks was not on");
                }
            }
        }
        for (file, section) in of_kind(task, "ExcludedForProgram") {
            self.file = file.to_owned();
            let program = section.get("ProgramPath").map(|path| path.value.as_str()).unwrap_or_default();
            let text =
                format!("what {program} reads and writes is examined: nothing here depends on who asks");
            self.tell(section.line, &format!("{}: ExcludedForProgram", task.name), Fate::LeftOut, text);
        }
        taken
    }

    fn exclusion(
        &mut self,
        line: usize,
        name: &str,
        exclusion: Result<Exclusion, String>,
        taken: &mut Vec<Exclusion>,
    ) {
        let exclusion = match exclusion {
            Ok(exclusion) => exclusion,
            Err(why) => {
                let text = format!("not excluded: {why}");
                return self.tell(line, name, Fate::LeftOut, text);
            }
        };
        let danger = exclusion.danger;
        let refused = danger.filter(|danger| danger.is_refused() && self.dangerous == Dangerous::LeftOut);
        if let Some(danger) = refused {
            let text = format!("{} is examined: {}", exclusion.glob, danger.described());
            return self.tell_danger(line, name, Fate::LeftOut, text, Some(danger));
        }
        if taken.len() + self.imported.exclusions.len() >= MOST_EXCLUSIONS {
            let text =
                format!("{} is examined: there are {MOST_EXCLUSIONS} exclusions already", exclusion.glob);
            return self.tell(line, name, Fate::LeftOut, text);
        }
        let warning = danger.map_or_else(String::new, |danger| format!("; {}", danger.described()));
        self.tell_danger(
            line,
            name,
            Fate::Taken,
            format!("{} is not examined{warning}", exclusion.glob),
            danger,
        );
        if !taken.contains(&exclusion) {
            taken.push(exclusion);
        }
    }
}

fn of_kind<'t>(task: &'t Task, kind: &'t str) -> impl Iterator<Item = (&'t str, &'t Section)> {
    let sections = task.sections.iter().filter(move |(_, section)| section.name.eq_ignore_ascii_case(kind));
    sections.map(|(file, section)| (file.as_str(), section))
}

fn is_off(section: &Section, switch: &str) -> bool {
    section.get(switch).is_some_and(|switch| !is_yes(&switch.value))
}
