//! Tasks: scans, schedules, updates, and those that nothing here does.

use std::collections::BTreeMap;

use super::super::{Fate, Scan, schedule};
use super::known::known_setting;
use super::{Reader, Task, is_yes};
use crate::ini;

/// Candor's own limit of the time for an object of no size, in seconds: `limits.time`.
const OWN_SECONDS: u64 = 120;
/// Longest name of a unit.
const LONGEST_NAME: usize = 60;
/// Settings of a schedule.
const SCHEDULE: [&str; 6] =
    ["RuleType", "StartTime", "RandomInterval", "RunMissedStartRules", "UseWorkingTimeout", "WorkingTimeout"];

impl Reader {
    /// What a task, or the program as a whole, comes to.
    pub(super) fn task(&mut self, task: &Task) {
        let on_access = is_on_access(task);
        let paths = self.scope(task);
        let exclusions = self.exclusions(task);
        self.limits(task);
        self.proxy(task);
        self.others(task);
        let schedule = self.schedule(task);
        if on_access {
            self.service_exclusions(&exclusions);
        } else if !paths.is_empty() {
            let name = self.free_name(&task.name);
            self.imported.scans.push(Scan { name, paths, exclusions, schedule });
            return;
        } else if !exclusions.is_empty() {
            self.service_exclusions(&exclusions);
        }
        if let Some((file, rule)) = task.setting("RuleType").filter(|_| schedule.is_some()) {
            self.file = file.to_owned();
            let text = "the schedule has no scan beside it: give the settings of its task as well, in a file \
                        of the same name; updates have a timer of their own";
            self.tell(rule.line, &format!("{}: RuleType", task.name), Fate::LeftOut, text);
        }
    }

    /// What is excluded when clients ask the service.
    fn service_exclusions(&mut self, exclusions: &[super::super::Exclusion]) {
        for exclusion in exclusions {
            if !self.imported.exclusions.contains(exclusion) {
                self.imported.exclusions.push(exclusion.clone());
            }
        }
        let patterns =
            self.imported.exclusions.iter().map(|exclusion| exclusion.regex.clone().into()).collect();
        if !self.imported.exclusions.is_empty() {
            self.imported.daemon.insert("clamd.exclude".to_owned(), toml::Value::Array(patterns));
        }
    }

    fn limits(&mut self, task: &Task) {
        if let Some((file, limit)) = task.setting("TimeLimit") {
            self.file = file.to_owned();
            let name = format!("{}: TimeLimit", task.name);
            match limit.value.parse::<u64>() {
                Ok(seconds @ 1..=9999) if seconds > OWN_SECONDS => {
                    let key = "limits.time".to_owned();
                    let before =
                        self.imported.daemon.get(&key).and_then(toml::Value::as_integer).unwrap_or(0);
                    let seconds = before.max(i64::try_from(seconds).unwrap_or(i64::MAX));
                    self.imported.daemon.insert(key, seconds.into());
                    self.tell(
                        limit.line,
                        &name,
                        Fate::Changed,
                        format!("limits.time = {seconds}, the longest of all tasks; larger files get more"),
                    );
                }
                Ok(_) => {
                    let text = format!(
                        "limits.time stays {OWN_SECONDS} s, and larger files get more: less is left unexamined"
                    );
                    self.tell(limit.line, &name, Fate::Changed, text);
                }
                Err(_) => self.tell(limit.line, &name, Fate::Unreadable, "no number of seconds"),
            }
        }
        if let Some((file, limit)) = task.setting("SizeLimit") {
            self.file = file.to_owned();
            let text = match limit.value.trim() {
                "0" => (Fate::Taken, "files of any length are examined"),
                _ => (Fate::Changed, "files of any length are examined; larger ones were skipped before"),
            };
            self.tell(limit.line, &format!("{}: SizeLimit", task.name), text.0, text.1);
        }
    }

    fn proxy(&mut self, task: &Task) {
        let Some((file, server)) = task.setting("ProxyServer") else { return };
        self.file = file.to_owned();
        let name = format!("{}: ProxyServer", task.name);
        if server.value.is_empty() {
            return self.tell(server.line, &name, Fate::LeftOut, "it is empty");
        }
        if task.value("UseProxy").is_some_and(|switch| !is_yes(switch)) {
            return self.tell(server.line, &name, Fate::LeftOut, "UseProxy was not on");
        }
        self.take_proxy(server.line, &name, &server.value);
    }

    /// Puts a proxy into the updater's configuration, without what is secret in it.
    pub(super) fn take_proxy(&mut self, line: usize, name: &str, value: &str) {
        let (had_user, place) = match value.rsplit_once('@') {
            Some((_, place)) => (true, place),
            None => (false, value),
        };
        let place = place.trim_start_matches("http://").trim_end_matches('/');
        let fits = |character: char| character.is_ascii_alphanumeric() || ".-:[]_".contains(character);
        if place.is_empty() || !place.chars().all(fits) {
            return self.tell(line, name, Fate::Unreadable, "no address of a proxy");
        }
        let proxy = format!("http://{place}");
        let (fate, text) = match had_user {
            true => (
                Fate::Changed,
                format!("proxy = {proxy}, without the user and the password: write them yourself"),
            ),
            false => (Fate::Taken, format!("proxy = {proxy}")),
        };
        self.imported.update.insert("proxy".to_owned(), proxy.into());
        self.tell(line, name, fate, text);
    }

    fn schedule(&mut self, task: &Task) -> Option<schedule::Schedule> {
        let (file, rule) = task.setting("RuleType")?;
        self.file = file.to_owned();
        let name = format!("{}: RuleType", task.name);
        let start = task.value("StartTime").unwrap_or_default();
        let mut schedule = match schedule::translate(&rule.value, start) {
            Ok(Some(schedule)) => schedule,
            Ok(None) => {
                self.tell(rule.line, &name, Fate::Taken, "nothing starts it by itself");
                return None;
            }
            Err(why) => {
                self.tell(rule.line, &name, Fate::LessProtection, format!("nothing starts it: {why}"));
                return None;
            }
        };
        schedule.spread =
            task.value("RandomInterval").and_then(|text| text.parse().ok()).unwrap_or(0).min(1440);
        schedule.missed = task.value("RunMissedStartRules").is_none_or(is_yes);
        if task.is_on("UseWorkingTimeout") {
            schedule.most =
                task.value("WorkingTimeout").and_then(|text| text.parse().ok()).filter(|most| *most > 0);
        }
        let (fate, text) = match &schedule.differs {
            Some(differs) => (Fate::Changed, format!("{}: {differs}", schedule.timer)),
            None => (Fate::Taken, schedule.timer.clone()),
        };
        self.tell(rule.line, &name, fate, text);
        if let Some(minutes) = schedule.most {
            let text =
                format!("the scan is ended after {minutes} minutes; what it did not reach is not examined");
            self.tell(rule.line, &format!("{}: WorkingTimeout", task.name), Fate::Taken, text);
        }
        Some(schedule)
    }

    /// Settings that were not looked at elsewhere.
    fn others(&mut self, task: &Task) {
        let elsewhere = ["TimeLimit", "SizeLimit", "ProxyServer", "UseProxy", "ExcludeMasks"];
        for (file, section) in task.sections.iter() {
            let areas = ["ScanScope", "ExcludedFromScanScope", "ExcludedForProgram"];
            if areas.iter().any(|area| section.name.eq_ignore_ascii_case(area)) {
                continue;
            }
            self.file = file.clone();
            for setting in &section.settings {
                let base = ini::base(&setting.name);
                let told = elsewhere.iter().chain(&SCHEDULE).any(|told| told.eq_ignore_ascii_case(base));
                if told {
                    continue;
                }
                let (fate, text) = known_setting(base, &setting.value).unwrap_or((
                    Fate::LeftOut,
                    "there is no such setting here; look whether you need what it does",
                ));
                let name = match section.name.as_str() {
                    "" => format!("{}: {}", task.name, setting.name),
                    kind => format!("{}: {kind}: {}", task.name, setting.name),
                };
                self.tell(setting.line, &name, fate, text);
            }
        }
    }

    /// A name for a unit that no other scan has.
    fn free_name(&self, name: &str) -> String {
        let plain: String = name
            .chars()
            .map(
                |character| {
                    if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
                },
            )
            .take(LONGEST_NAME)
            .collect();
        let plain = plain.trim_matches('-');
        let plain = if plain.is_empty() { "task" } else { plain };
        let taken = |name: &str| self.imported.scans.iter().any(|scan| scan.name == name);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        std::iter::once(plain.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    /// Tells what nobody does any more, once for all.
    pub(super) fn protection(&mut self, tasks: &BTreeMap<String, Task>) {
        if tasks.values().any(is_on_access) {
            self.file = String::new();
            let text = "files were examined when programs opened them; Candor examines what clients of candord \
                        bring and what scans read. Exclusions of that task are excluded for clients of candord";
            self.tell(0, "File Threat Protection", Fate::LessProtection, text);
        }
    }

    /// What `kesl-control --get-task-list` printed.
    pub(super) fn task_list(&mut self, text: &str) {
        let (mut name, mut kind) = (String::new(), String::new());
        for (number, line) in (1..).zip(text.lines().take(10_000)) {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value: String = value.trim().chars().take(200).collect();
            match key.trim() {
                "Name" => name = value,
                "Type" => kind = value,
                "State" | "Status" => {
                    let started = value.to_ascii_lowercase().contains("start");
                    let (fate, text) = of_type(&kind);
                    let fate = if started { fate } else { Fate::LeftOut };
                    let state = if started { "it ran" } else { "it did not run" };
                    self.tell(number, &format!("task {name} ({kind})"), fate, format!("{state}; {text}"));
                }
                _ => {}
            }
        }
    }
}

fn is_on_access(task: &Task) -> bool {
    task.setting("ScanByAccessType").is_some() || task.setting("InterceptorProtectionMode").is_some()
}

/// Whether a text is a list of tasks: `Name : File_Threat_Protection`, and below it identifier, type and state.
pub(super) fn is_list(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let named = |line: &str, name: &str| line.split_once(':').is_some_and(|(key, _)| key.trim() == name);
    lines.any(|line| named(line, "Name")) && !text.contains('=')
}

/// What becomes of a type of task.
fn of_type(kind: &str) -> (Fate, &'static str) {
    match kind.to_ascii_uppercase().as_str() {
        "ODS" => (Fate::Taken, "give its settings and its schedule to this command as well"),
        "UPDATE" | "ROLLBACK" => (Fate::Changed, "`candor update` and its timer do this"),
        "OAS" => (Fate::LessProtection, "files are not examined when programs open them"),
        "CONTAINERSCAN" => (Fate::Changed, "`candor scan` examines images that are files"),
        "LICENSE" | "BACKUP" => {
            (Fate::LeftOut, "there are no licences, and the vault is `candor quarantine`")
        }
        "ANTICRYPTOR" | "BEHAVIORDETECTION" | "WTP" | "NTP" | "FIREWALL" | "DEVICECONTROL" | "APPCONTROL"
        | "OAFIM" | "ODFIM" | "RDS" | "WEBCONTROL" | "KATAEDR" => {
            (Fate::LessProtection, "nothing here does this; keep something that does if you depend on it")
        }
        _ => (Fate::LessProtection, "this type of task is not known here; look whether you depend on it"),
    }
}
