//! From inventories to a plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use sha2::{Digest, Sha256};

use super::{FORMAT, Input, Plan, STAGES, Stage, Task, TaskState, Until};
use crate::inventory::{Inventory, Item, is_about};
use crate::when::When;

/// What people want of a plan.
#[derive(Clone, Debug)]
pub struct Choices {
    /// What time it is.
    pub now: Timestamp,
    /// The first day.
    pub start: Date,
    /// How many days it may take where no rule says; a rule's instant counts more.
    pub days: Option<u32>,
    /// Who answers for a stage; the empty word is for all others.
    pub owners: BTreeMap<String, String>,
}

/// Days where neither a rule nor people say.
const DAYS: u32 = 100;
/// Days where the rules' instants have passed.
const DAYS_WHEN_LATE: u32 = 30;
/// Percent of hosts that are tried first.
const PILOT: usize = 5;
/// Percent of hosts up to which the first ring goes.
const FIRST_RING: usize = 30;
/// Products of which the verdict is a task of its own.
const MOST_PRODUCTS: usize = 500;

/// An instant of a rule.
#[derive(Clone, Debug)]
struct Mark {
    when: When,
    activity: Vec<String>,
    because: String,
}

/// The plan for what inventories show.
pub fn draft(inventories: &[(Input, Inventory)], choices: &Choices) -> Plan {
    let marks = marks(inventories);
    let (end, end_because) = end(&marks, choices);
    let now = now(choices.now);
    let mut plan = Plan {
        format: FORMAT,
        made: now.clone(),
        updated: now,
        start: When::day(choices.start),
        end: end.clone(),
        end_because,
        inputs: inventories.iter().map(|(input, _)| input.clone()).collect(),
        stages: Vec::new(),
        tasks: Vec::new(),
        waivers: Vec::new(),
    };
    plan.stages = stages(&marks, &end, choices);
    let mut drafting = Drafting { plan, choices };
    drafting.organisation(inventories, &marks);
    drafting.hosts(inventories);
    drafting.plan
}

/// An instant, to the second.
pub(super) fn now(now: Timestamp) -> When {
    let text = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    text.parse().unwrap_or_else(|_| When::day(Date::ZERO))
}

fn marks(inventories: &[(Input, Inventory)]) -> Vec<Mark> {
    let mut marks: BTreeMap<(String, String), Mark> = BTreeMap::new();
    let rulings =
        inventories.iter().flat_map(|(_, inventory)| &inventory.items).flat_map(|item| &item.rulings);
    for ruling in rulings.filter(|ruling| ruling.concerns()) {
        let clause = ruling.clause.as_ref().map_or_else(String::new, |clause| format!(" ({clause})"));
        let deadlines = ruling.duties.iter().filter_map(|duty| duty.deadline.as_ref());
        let own = ruling.instant.iter().chain(deadlines).map(|text| (text, &ruling.activity));
        let next = ruling.next.iter().map(|next| {
            (&next.instant, if next.activity.is_empty() { &ruling.activity } else { &next.activity })
        });
        for (text, activity) in own.chain(next) {
            // What a rule gives in a form that nobody can read is told by the verdict's task.
            let Ok(when) = text.parse::<When>() else { continue };
            // Where use is not forbidden, no reason may sound as if it were.
            let what = match ruling.ruling.to_ascii_lowercase().as_str() {
                "prohibited" => activity.join(", "),
                other => format!("{other}, asked about {}", activity.join(", ")),
            };
            let because = format!("{}{clause}: {what} from {text}", ruling.rule);
            marks.entry((when.instant().to_string(), because.clone())).or_insert_with(|| Mark {
                when,
                activity: activity.clone(),
                because,
            });
        }
    }
    marks.into_values().collect()
}

/// When the plan is to be over: at the first instant of a rule that is still to come.
fn end(marks: &[Mark], choices: &Choices) -> (When, String) {
    let begin = When::day(choices.start);
    let ahead = marks.iter().filter(|mark| mark.when.instant() > begin.instant());
    let matters = |mark: &&Mark| !is_about(&mark.activity, &["new_agreement"]);
    if let Some(mark) = ahead.filter(matters).min_by_key(|mark| mark.when.instant()) {
        return (mark.when.clone(), mark.because.clone());
    }
    let passed = marks.iter().filter(matters).max_by_key(|mark| mark.when.instant());
    let (days, because) = match (choices.days, passed) {
        (Some(days), _) => {
            (days, "the days that were asked for; no rule gives an instant that is still to come".to_owned())
        }
        (None, Some(mark)) => (DAYS_WHEN_LATE, format!("{} has passed: each day counts", mark.because)),
        (None, None) => (DAYS, "no rule gives an instant".to_owned()),
    };
    let day = choices.start.checked_add(i64::from(days).days()).unwrap_or(choices.start);
    (When::day(day), because)
}

fn stages(marks: &[Mark], end: &When, choices: &Choices) -> Vec<Stage> {
    let first = |activities: &[&str]| {
        let about = marks.iter().filter(|mark| is_about(&mark.activity, activities));
        about.min_by_key(|mark| mark.when.instant())
    };
    let whole = choices.start.until(end.date()).map_or(0, |span| span.get_days()).max(0);
    let at = |hundredths: i32| {
        let days = i64::from(whole) * i64::from(hundredths) / 100;
        When::day(choices.start.checked_add(days.days()).unwrap_or(choices.start))
    };
    let mut stages = Vec::new();
    for kind in STAGES {
        let mark = match kind.id {
            "agreements" => first(&["new_agreement"]),
            "last-update" => first(&["update", "operate_cloud"]),
            _ => None,
        };
        let (from, to, because) = match mark {
            Some(mark) => {
                let from = [at(kind.share.0), mark.when.clone()].into_iter().min_by_key(When::instant);
                (from.unwrap_or_else(|| mark.when.clone()), mark.when.clone(), mark.because.clone())
            }
            None if kind.share.1 == 100 => (at(kind.share.0), end.clone(), "the end of the plan".to_owned()),
            None => {
                let to = [at(kind.share.1), end.clone()].into_iter().min_by_key(When::instant);
                let because = format!(
                    "its share of the plan: from {} % to {} % of the time",
                    kind.share.0, kind.share.1
                );
                (at(kind.share.0), to.unwrap_or_else(|| end.clone()), because)
            }
        };
        let owner =
            choices.owners.get(kind.id).or_else(|| choices.owners.get("")).cloned().unwrap_or_default();
        stages.push(Stage {
            id: kind.id.to_owned(),
            title: kind.title.to_owned(),
            from,
            planned: Some(to.clone()),
            to,
            because,
            owner,
        });
    }
    stages
}

struct Drafting<'c> {
    plan: Plan,
    choices: &'c Choices,
}

impl Drafting<'_> {
    fn task(&mut self, mut id: String, stage: &str, what: String) -> &mut Task {
        // Two products may come to the same word.
        while self.plan.tasks.iter().any(|task| task.id == id) {
            id.push_str("-2");
        }
        let due = self.plan.stages.iter().find(|known| known.id == stage).map(|stage| stage.to.clone());
        let due = due.unwrap_or_else(|| self.plan.end.clone());
        let owners = &self.choices.owners;
        let owner = owners.get(stage).or_else(|| owners.get("")).cloned().unwrap_or_default();
        self.plan.tasks.push(Task {
            id,
            stage: stage.to_owned(),
            what,
            planned: Some(due.clone()),
            due,
            because: Vec::new(),
            after: Vec::new(),
            owner,
            state: TaskState::Open,
            done: None,
            note: String::new(),
            host: None,
            ring: None,
            product: None,
            inside: None,
            until: None,
            gone: None,
        });
        let last = self.plan.tasks.len() - 1;
        &mut self.plan.tasks[last]
    }

    /// What has to be done once.
    fn organisation(&mut self, inventories: &[(Input, Inventory)], marks: &[Mark]) {
        let about = |activities: &[&str]| -> Vec<String> {
            let about = marks.iter().filter(|mark| is_about(&mark.activity, activities));
            about.map(|mark| mark.because.clone()).take(20).collect()
        };
        self.task("inventory-all".into(), "inventory", "Look at every host, image, template, appliance, bill of materials, mobile device, browser and network log (`candor check`), and list contracts, licences and resellers".into());
        let mut products: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let items = inventories.iter().flat_map(|(_, inventory)| &inventory.items);
        for item in items.filter(|item| item.concerns()) {
            let why = products.entry(&item.product).or_default();
            why.extend(item.rulings.iter().filter(|ruling| ruling.concerns()).map(|ruling| {
                let clause = ruling.clause.as_deref().unwrap_or("no clause told");
                format!("{}: {} ({}; {clause})", ruling.rule, ruling.ruling, ruling.activity.join(", "))
            }));
        }
        for (product, why) in products.iter().take(MOST_PRODUCTS) {
            let what =
                format!("Have counsel confirm what each rule means for us and {product}, and as which party");
            let task = self.task(format!("verdict-{}", slug(product)), "verdict", what);
            task.product = Some((*product).to_owned());
            task.because = why.iter().take(20).cloned().collect();
            task.after = vec!["inventory-all".into()];
        }
        let task = self.task(
            "stop-agreements".into(),
            "agreements",
            "Tell purchasing, resellers and holders of company cards: no new agreement".into(),
        );
        task.because = about(&["new_agreement"]);
        let task = self.task("stop-renewals".into(), "agreements", "Switch off every automatic renewal, in the vendor's portal, at resellers and at payment services, with a confirmation of each".into());
        task.because = about(&["new_agreement"]);
        self.task("end-contracts".into(), "contracts", "End contracts, claim back what was paid for time to come, keep proofs of purchase and of the end".into());
        let task = self.task("ask-suppliers".into(), "contracts", "Ask suppliers in writing whether their products have the vendor's engine or databases inside; answers into the evidence".into());
        task.because = about(&["integrate", "license_for_integration", "resell", "license_for_resale"]);
        self.task("rebuild-templates".into(), "images", "Rebuild templates of virtual machines, golden images and container images without it; also light agents and their servers".into());
        self.task("purge-certificates".into(), "certificates", "Take the vendor's root certificates out of the stores of the system, Java, NSS, browsers and containers; a certificate that is left can read TLS".into());
        self.task("block-rules".into(), "network", "Block the hosts of updates and of the reputation service, and take out rules that allowed them; not those of what is exempt (opentip, tip and taxii.tip.kaspersky.com)".into()).after =
            vec!["rings".into()];
        let task = self.task(
            "stale-alarm".into(),
            "last-update",
            "Have an alarm for each host that still runs it: its databases are old from here on".into(),
        );
        task.because = about(&["update", "operate_cloud"]);
        self.task(
            "pack".into(),
            "evidence",
            "Make the evidence pack (`candor transition report`), and let somebody else verify it".into(),
        )
        .after = vec!["remnants".into()];
    }

    /// What has to be done on each host.
    fn hosts(&mut self, inventories: &[(Input, Inventory)]) {
        let mut hosts: BTreeMap<&str, BTreeMap<String, &Item>> = BTreeMap::new();
        for (_, inventory) in inventories {
            for item in inventory.items.iter().filter(|item| item.concerns()) {
                let host = inventory.host_of(item);
                hosts.entry(host).or_default().insert(item.key(host), item);
            }
        }
        let moving: Vec<&str> = hosts
            .iter()
            .filter(|(_, items)| items.values().any(|item| runs(item)))
            .map(|(host, _)| *host)
            .collect();
        let rings = rings(&moving);
        for (host, items) in &hosts {
            if let Some(ring) = rings.get(host) {
                self.move_host(host, ring);
            }
            for (key, item) in items {
                self.item(host, key, item);
            }
        }
    }

    fn move_host(&mut self, host: &str, ring: &'static str) {
        let name = named(host);
        let settings = format!("settings-{name}");
        let what = "Export its settings, see what they come to (`candor transition import`), and decide on each exclusion".to_owned();
        let of = |task: &mut Task| {
            task.host = Some(host.to_owned());
            task.ring = Some(ring.to_owned());
        };
        of(self.task(settings.clone(), "pilot", what));
        let (stage, due) = self.turn(ring);
        let what = "Install Candor, with the consent of who uses the host, and see that it detects (`candor transition remove --dry-run` asks it)".to_owned();
        let task = self.task(format!("protect-{name}"), stage, what);
        of(task);
        task.after = vec![settings];
        task.planned = Some(due.clone());
        task.due = due;
        let what = "See that nothing is left (`candor check --host`): drivers, services, certificates, tasks, rules that allow it".to_owned();
        let task = self.task(format!("remnants-{name}"), "remnants", what);
        of(task);
        task.after = vec![format!("protect-{name}")];
        task.until = Some(Until::NothingLeft);
    }

    /// The stage and the day of a ring.
    fn turn(&self, ring: &str) -> (&'static str, When) {
        let stage = |id: &str| self.plan.stages.iter().find(|stage| stage.id == id);
        let to = |id: &str| stage(id).map_or_else(|| self.plan.end.clone(), |stage| stage.to.clone());
        match ring {
            "pilot" => ("pilot", to("pilot")),
            "1" => {
                let (Some(rings), days) = (stage("rings"), 2) else { return ("rings", to("rings")) };
                let span = rings.from.date().until(rings.to.date()).map_or(0, |span| span.get_days());
                let middle = rings.from.date().checked_add(i64::from(span / days).days());
                ("rings", middle.map_or_else(|_| to("rings"), When::day))
            }
            _ => ("rings", to("rings")),
        }
    }

    fn item(&mut self, host: &str, key: &str, item: &Item) {
        let title = item.title();
        let version = item.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
        let place = item.places.first().map_or_else(String::new, |place| format!(", seen at {place}"));
        let is = |kind: &str| is_only(item, kind);
        let has_protection = self.plan.tasks.iter().any(|task| task.id == format!("protect-{}", named(host)));
        let due = self.plan.tasks.iter().rfind(|task| task.id == format!("protect-{}", named(host)));
        let due = due.map(|task| (task.stage.clone(), task.due.clone(), task.ring.clone()));
        let (word, stage, what, until) = if let Some(inside) = &item.integrated_in {
            (
                "supplier",
                "contracts",
                format!(
                    "{inside} has {title}{version} inside{place}: have it replaced or taken out, in writing"
                ),
                Until::NothingLeft,
            )
        } else if is("image") {
            (
                "image",
                "images",
                format!("Rebuild the image without {title}{version}{place}"),
                Until::NothingLeft,
            )
        } else if is("certificate") {
            (
                "certificate",
                "certificates",
                format!("Take the certificate of {title} out of its store{place}"),
                Until::NothingLeft,
            )
        } else {
            match item.state.as_str() {
                "installed" => (
                    "remove",
                    "rings",
                    format!("Remove {title}{version} (`candor transition remove`){place}"),
                    Until::NotInstalled,
                ),
                "remnant" => {
                    ("clean", "remnants", format!("Remove what {title} left{place}"), Until::NothingLeft)
                }
                "contacted" => (
                    "contact",
                    "network",
                    format!("Find what contacts the servers of {title}{place}"),
                    Until::NothingLeft,
                ),
                _ => (
                    "declared",
                    "contracts",
                    format!("{title}{version} is declared{place}: have it replaced"),
                    Until::NothingLeft,
                ),
            }
        };
        let task = self.task(format!("{word}-{key}"), stage, what);
        task.host = Some(host.to_owned());
        task.product = Some(item.product.clone());
        task.inside = item.integrated_in.clone();
        task.until = Some(until);
        task.because = reasons(item);
        if let Some((stage, due, ring)) = due.filter(|_| word == "remove") {
            task.stage = stage;
            task.planned = Some(due.clone());
            task.due = due;
            task.ring = ring;
        }
        // Never before something else protects the host.
        if has_protection && word == "remove" {
            task.after = vec![format!("protect-{}", named(host))];
            let id = task.id.clone();
            let remnants = format!("remnants-{}", named(host));
            if let Some(remnants) = self.plan.tasks.iter_mut().find(|task| task.id == remnants) {
                remnants.after.push(id);
            }
        }
        self.duties(host, key, item);
    }

    /// Reports and other duties, which rules give a deadline of their own.
    fn duties(&mut self, host: &str, key: &str, item: &Item) {
        for ruling in item.rulings.iter().filter(|ruling| ruling.concerns()) {
            for (number, duty) in ruling.duties.iter().enumerate() {
                let number = if number == 0 { String::new() } else { format!("-{}", number + 1) };
                let id = format!("duty-{key}-{}{number}", slug(&ruling.rule));
                if self.plan.tasks.iter().any(|task| task.id == id) {
                    continue;
                }
                let task = self.task(id, "verdict", duty.what.clone());
                task.host = Some(host.to_owned());
                task.product = Some(item.product.clone());
                task.because = reasons(item);
                if let Some(deadline) =
                    duty.deadline.as_ref().and_then(|deadline| deadline.parse::<When>().ok())
                {
                    task.planned = Some(deadline.clone());
                    task.due = deadline;
                }
            }
        }
    }
}

/// Whether nothing but facts of one kind speak for it.
fn is_only(item: &Item, kind: &str) -> bool {
    !item.kinds.is_empty() && item.kinds.iter().all(|known| known == kind)
}

/// Whether it runs here, and not inside something else.
fn runs(item: &Item) -> bool {
    let elsewhere = is_only(item, "image") || is_only(item, "certificate");
    item.state == "installed" && item.integrated_in.is_none() && !elsewhere
}

fn reasons(item: &Item) -> Vec<String> {
    let rulings = item.rulings.iter().filter(|ruling| ruling.concerns()).take(10);
    let mut reasons: Vec<String> =
        rulings.map(|ruling| format!("{}: {}", ruling.rule, ruling.ruling)).collect();
    if !item.grade.is_empty() {
        reasons.push(format!("evidence of grade {}", item.grade));
    }
    reasons
}

/// The turn of each host, drawn by its name, so that no department is hit as a whole.
fn rings<'h>(hosts: &[&'h str]) -> BTreeMap<&'h str, &'static str> {
    let mut drawn: Vec<&str> = hosts.to_vec();
    drawn.sort_by_key(|host| Sha256::digest(host.as_bytes()));
    let up_to = |percent: usize| (drawn.len() * percent).div_ceil(100);
    let ring = |place: usize| match place {
        place if place < up_to(PILOT) => "pilot",
        place if place < up_to(FIRST_RING) => "1",
        _ => "2",
    };
    drawn.iter().enumerate().map(|(place, host)| (*host, ring(place))).collect()
}

/// A word for a host that no other has.
fn named(host: &str) -> String {
    format!("{}-{}", slug(host), hex::encode(&Sha256::digest(host.as_bytes())[..3]))
}

fn slug(text: &str) -> String {
    let fit = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    let slug: String = text.chars().map(fit).take(60).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() { hex::encode(&Sha256::digest(text.as_bytes())[..3]) } else { slug.to_owned() }
}
