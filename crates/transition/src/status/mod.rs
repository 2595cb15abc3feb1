//! How far a plan is: what people say, and what inventories say of that.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::inventory::{Inventory, Item};
use crate::plan::{Plan, Task, TaskState, Until};

/// Days before its end at which a waiver is told.
const WARNED: i64 = 14;

/// How far a plan is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// When.
    pub at: String,
    /// Tasks by standing.
    pub counts: BTreeMap<Standing, usize>,
    /// Each stage, in order.
    pub stages: Vec<StageStatus>,
    /// Each host that has tasks, by name.
    pub hosts: Vec<HostStatus>,
    /// Each task.
    pub tasks: Vec<TaskStatus>,
    /// Each waiver.
    pub waivers: Vec<WaiverStatus>,
    /// Remarks that somebody should read.
    pub remarks: Vec<String>,
}

/// Where a task stands. The first are those that somebody should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// People say that it is done, and an inventory shows that it is not.
    Contradicted,
    /// Its day has passed.
    Late,
    /// It cannot be done yet.
    Blocked,
    /// It is to be done.
    Open,
    /// It need not be done for the time being.
    Waived,
    /// People say that it is done.
    Done,
    /// An inventory shows that it is done.
    Confirmed,
}

impl Standing {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contradicted => "contradicted",
            Self::Late => "late",
            Self::Blocked => "blocked",
            Self::Open => "open",
            Self::Waived => "waived",
            Self::Done => "done",
            Self::Confirmed => "confirmed",
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Confirmed)
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Its word.
    pub id: String,
    /// Its stage.
    pub stage: String,
    /// Its host.
    pub host: Option<String>,
    /// What to do.
    pub what: String,
    /// Who does it.
    pub owner: String,
    /// Until when.
    pub due: String,
    /// Where it stands.
    pub standing: Standing,
    /// Why, where that is not plain.
    pub why: String,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageStatus {
    /// Its word.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Who answers for it.
    pub owner: String,
    /// Until when.
    pub to: String,
    /// Tasks in it.
    pub tasks: usize,
    /// Of them, those with nothing left to do.
    pub over: usize,
    /// Of them, those that are late or contradicted.
    pub late: usize,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostStatus {
    /// Its name; hostile text.
    pub name: String,
    /// Its turn.
    pub ring: Option<String>,
    /// Tasks on it.
    pub tasks: usize,
    /// Of them, those with nothing left to do.
    pub over: usize,
    /// Of them, those that are late or contradicted.
    pub late: usize,
    /// When an inventory last looked at it.
    pub seen: Option<String>,
}

/// A waiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaiverStatus {
    /// The task or the host.
    pub of: String,
    /// Why.
    pub reason: String,
    /// Who gave it.
    pub by: String,
    /// Until when.
    pub until: String,
    /// `over`, `ends soon` or `holds`.
    pub standing: String,
}

/// How far a plan is, and what inventories say of that.
pub fn status(plan: &Plan, inventories: &[Inventory], now: Timestamp) -> Status {
    let mut looking = Looking { plan, inventories, now, standings: BTreeMap::new() };
    let tasks: Vec<TaskStatus> = plan.tasks.iter().map(|task| looking.task(task)).collect();
    let mut counts = BTreeMap::new();
    tasks.iter().for_each(|task| *counts.entry(task.standing).or_default() += 1);
    Status {
        at: Timestamp::from_second(now.as_second()).unwrap_or(now).to_string(),
        counts,
        stages: plan.stages.iter().map(|stage| of_stage(stage, &tasks)).collect(),
        hosts: looking.hosts(&tasks),
        waivers: plan.waivers.iter().map(|waiver| looking.waiver(waiver)).collect(),
        remarks: looking.remarks(),
        tasks,
    }
}

struct Looking<'l> {
    plan: &'l Plan,
    inventories: &'l [Inventory],
    now: Timestamp,
    standings: BTreeMap<&'l str, bool>,
}

impl<'l> Looking<'l> {
    fn task(&mut self, task: &'l Task) -> TaskStatus {
        let (standing, why) = self.standing(task);
        TaskStatus {
            id: task.id.clone(),
            stage: task.stage.clone(),
            host: task.host.clone(),
            what: task.what.clone(),
            owner: task.owner.clone(),
            due: task.due.to_string(),
            standing,
            why,
        }
    }

    fn standing(&mut self, task: &'l Task) -> (Standing, String) {
        let shown = task.until.and_then(|until| self.shown(task, until));
        match (task.state, &shown) {
            (TaskState::Done, Some(Shown::Still(place))) => {
                return (Standing::Contradicted, format!("said to be done, and still seen: {place}"));
            }
            (_, Some(Shown::NoMore(when))) if task.product.is_some() || task.state == TaskState::Done => {
                return (Standing::Confirmed, format!("not seen any more {when}"));
            }
            (TaskState::Done, _) => return (Standing::Done, String::new()),
            _ => {}
        }
        let waiver = self
            .plan
            .waivers
            .iter()
            .filter(|waiver| waiver.covers(task))
            .max_by_key(|waiver| waiver.until.instant());
        let over = match waiver {
            Some(waiver) if waiver.until.instant() > self.now => {
                return (
                    Standing::Waived,
                    format!("until {}: {} ({})", waiver.until, waiver.reason, waiver.by),
                );
            }
            Some(waiver) => format!("; its waiver ended {}", waiver.until),
            None => String::new(),
        };
        let waits = self.waits(task);
        let blocked = task.state == TaskState::Blocked || waits.is_some();
        let why = match (task.state, waits) {
            (TaskState::Blocked, _) if !task.note.is_empty() => format!("blocked: {}", task.note),
            (TaskState::Blocked, None) => "blocked".to_owned(),
            (_, Some(waits)) => format!("waits for {waits}"),
            _ => String::new(),
        };
        if task.due.instant() <= self.now {
            let why = if why.is_empty() { why } else { format!("; {why}") };
            return (Standing::Late, format!("since {}{why}{over}", task.due));
        }
        let standing = if blocked { Standing::Blocked } else { Standing::Open };
        (standing, format!("{why}{over}"))
    }

    /// The first of those before it that is not done.
    fn waits(&mut self, task: &'l Task) -> Option<String> {
        let plan = self.plan;
        for before in &task.after {
            let stage = plan.tasks.iter().filter(|other| other.stage == *before && other.id != task.id);
            let single = plan.tasks.iter().filter(|other| other.id == *before);
            let open = single.chain(stage).find(|other| !self.is_over(other));
            if let Some(open) = open {
                return Some(open.id.clone());
            }
        }
        None
    }

    /// Whether a task needs nothing more, without asking what comes before it: plans may have circles.
    fn is_over(&mut self, task: &'l Task) -> bool {
        if let Some(over) = self.standings.get(task.id.as_str()) {
            return *over;
        }
        let shown = task.until.and_then(|until| self.shown(task, until));
        let over = match shown {
            Some(Shown::Still(_)) => false,
            Some(Shown::NoMore(_)) if task.product.is_some() => true,
            _ => task.state == TaskState::Done || task.gone.is_some(),
        };
        self.standings.insert(&task.id, over);
        over
    }

    /// What the newest inventory that looked at the host shows.
    fn shown(&self, task: &Task, until: Until) -> Option<Shown> {
        let host = task.host.as_deref()?;
        let inventory = self.newest(host)?;
        let is_it = |item: &&Item| {
            let same = task.product.as_ref().is_none_or(|product| *product == item.product);
            let inside = task.product.is_none() || item.integrated_in == task.inside;
            let state = until == Until::NothingLeft || item.state == "installed";
            inventory.host_of(item) == host && same && inside && state && item.concerns()
        };
        if let Some(item) = inventory.items.iter().find(is_it) {
            let place = item.places.first().map_or("", String::as_str);
            return Some(Shown::Still(format!("{} {place}", item.title()).trim().to_owned()));
        }
        // What was not examined may still have it.
        (!inventory.incomplete).then(|| Shown::NoMore(inventory.at.clone().unwrap_or_default()))
    }

    fn newest(&self, host: &str) -> Option<&Inventory> {
        let looked = self.inventories.iter().filter(|inventory| inventory.all_hosts().contains(&host));
        looked.max_by_key(|inventory| inventory.at.as_ref().and_then(|at| at.parse::<Timestamp>().ok()))
    }

    fn hosts(&self, tasks: &[TaskStatus]) -> Vec<HostStatus> {
        let mut hosts: BTreeMap<&str, HostStatus> = BTreeMap::new();
        for (task, planned) in tasks.iter().zip(&self.plan.tasks) {
            let Some(name) = &task.host else { continue };
            let host = hosts.entry(name).or_insert_with(|| HostStatus {
                name: name.clone(),
                ring: None,
                tasks: 0,
                over: 0,
                late: 0,
                seen: self.newest(name).and_then(|inventory| inventory.at.clone()),
            });
            host.ring = host.ring.take().or_else(|| planned.ring.clone());
            host.tasks += 1;
            host.over += usize::from(task.standing.is_over());
            host.late += usize::from(is_late(task));
        }
        hosts.into_values().collect()
    }

    fn waiver(&self, waiver: &crate::plan::Waiver) -> WaiverStatus {
        let until = waiver.until.instant();
        let soon = self.now.checked_add((WARNED * 24).hours()).unwrap_or(self.now);
        let standing = match () {
            () if until <= self.now => "over",
            () if until <= soon => "ends soon",
            () => "holds",
        };
        WaiverStatus {
            of: waiver.task.clone().or_else(|| waiver.host.clone()).unwrap_or_default(),
            reason: waiver.reason.clone(),
            by: waiver.by.clone(),
            until: waiver.until.to_string(),
            standing: standing.to_owned(),
        }
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for inventory in self.inventories.iter().filter(|inventory| inventory.incomplete) {
            let hosts = inventory.all_hosts().join(", ");
            remarks.push(format!(
                "the inventory of {hosts} is incomplete: what it does not show may still be there"
            ));
        }
        for inventory in self.inventories {
            for item in inventory.items.iter().filter(|item| item.concerns()) {
                let host = inventory.host_of(item);
                let of = |task: &Task| {
                    task.host.as_deref() == Some(host)
                        && task.product.as_deref() == Some(item.product.as_str())
                };
                if !self.plan.tasks.iter().any(of) {
                    let text = format!(
                        "{} on {host} is in no task: run `candor transition plan` again",
                        item.title()
                    );
                    if !remarks.contains(&text) && remarks.len() < 1000 {
                        remarks.push(text);
                    }
                }
            }
        }
        if self.inventories.is_empty() {
            remarks.push("no inventory was given: what is done is what people say".to_owned());
        }
        remarks
    }
}

enum Shown {
    Still(String),
    NoMore(String),
}

fn is_late(task: &TaskStatus) -> bool {
    matches!(task.standing, Standing::Late | Standing::Contradicted)
}

fn of_stage(stage: &crate::plan::Stage, tasks: &[TaskStatus]) -> StageStatus {
    let of: Vec<&TaskStatus> = tasks.iter().filter(|task| task.stage == stage.id).collect();
    StageStatus {
        id: stage.id.clone(),
        title: stage.title.clone(),
        owner: stage.owner.clone(),
        to: stage.to.to_string(),
        tasks: of.len(),
        over: of.iter().filter(|task| task.standing.is_over()).count(),
        late: of.iter().filter(|task| is_late(task)).count(),
    }
}

impl Status {
    /// Whether somebody should look at it: something is late or contradicted, or a waiver is over.
    pub fn alarms(&self) -> bool {
        self.tasks.iter().any(is_late) || self.waivers.iter().any(|waiver| waiver.standing == "over")
    }
}

#[cfg(test)]
mod tests;
