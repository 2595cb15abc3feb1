//! Where tasks stand, on made plans.

use super::*;

const PLAN: &str = r#"
format = 1
made = 2024-06-21
updated = 2024-06-21
start = 2024-06-21
end = 2024-09-29
end_because = ""
[[stage]]
id = "rings"
title = "Rings"
from = 2024-07-01
to = 2024-09-01
[[task]]
id = "protect"
stage = "rings"
what = "protect"
due = 2024-07-10
host = "a"
[[task]]
id = "remove"
stage = "rings"
what = "remove"
due = 2024-07-20
host = "a"
product = "kesl"
after = ["protect"]
until = "not-installed"
[[task]]
id = "clean"
stage = "rings"
what = "clean"
due = 2024-08-20
host = "a"
after = ["remove"]
until = "nothing-left"
"#;

fn at(text: &str) -> Timestamp {
    format!("{text}T12:00:00Z").parse().unwrap()
}

fn standing(plan: &str, inventories: &[Inventory], now: &str, id: &str) -> (Standing, String) {
    let status = status(&Plan::read(plan).unwrap(), inventories, at(now));
    let task = status.tasks.iter().find(|task| task.id == id).unwrap();
    (task.standing, task.why.clone())
}

fn inventory(state: &str, day: &str, incomplete: bool) -> Inventory {
    let items = if state.is_empty() {
        String::new()
    } else {
        format!(r#"{{"product":"kesl","state":"{state}","places":["/opt"]}}"#)
    };
    let text =
        format!(r#"{{"host":"a","at":"{day}T00:00:00Z","incomplete":{incomplete},"items":[{items}]}}"#);
    Inventory::read(text.as_bytes()).unwrap()
}

fn done(id: &str) -> String {
    PLAN.replace(&format!("id = \"{id}\""), &format!("id = \"{id}\"\nstate = \"done\""))
}

#[test]
fn days_and_dependencies() {
    assert_eq!(standing(PLAN, &[], "2024-07-01", "protect").0, Standing::Open);
    assert_eq!(standing(PLAN, &[], "2024-07-10", "protect").0, Standing::Open, "its own day is not over");
    assert_eq!(standing(PLAN, &[], "2024-07-11", "protect").0, Standing::Late);
    assert_eq!(standing(PLAN, &[], "2024-07-01", "remove"), (Standing::Blocked, "waits for protect".into()));
    assert_eq!(standing(&done("protect"), &[], "2024-07-01", "remove").0, Standing::Open);
    assert_eq!(standing(&done("protect"), &[], "2024-07-01", "protect").0, Standing::Done);
}

#[test]
fn inventories_confirm_and_contradict() {
    let plan = done("remove");
    let said = |inventories: &[Inventory]| standing(&plan, inventories, "2024-07-01", "remove").0;
    assert_eq!(said(&[]), Standing::Done);
    assert_eq!(said(&[inventory("installed", "2024-06-30", false)]), Standing::Contradicted);
    assert_eq!(said(&[inventory("remnant", "2024-06-30", false)]), Standing::Confirmed);
    assert_eq!(
        said(&[inventory("", "2024-06-30", true)]),
        Standing::Done,
        "an incomplete inventory confirms nothing"
    );
    assert_eq!(
        said(&[inventory("", "2024-06-30", false), inventory("installed", "2024-06-29", false)]),
        Standing::Confirmed
    );
    let left = [inventory("remnant", "2024-06-30", false)];
    assert_eq!(standing(&done("clean"), &left, "2024-07-01", "clean").0, Standing::Contradicted);
    assert_eq!(
        standing(PLAN, &[inventory("", "2024-06-30", false)], "2024-07-01", "remove").0,
        Standing::Confirmed
    );
}

#[test]
fn waivers_hold_until_they_end() {
    let plan =
        format!("{PLAN}[[waiver]]\nhost = \"a\"\nreason = \"lab\"\nuntil = 2024-08-01\nby = \"CISO\"\n");
    assert_eq!(standing(&plan, &[], "2024-07-25", "remove").0, Standing::Waived);
    let (standing, why) = standing(&plan, &[], "2024-08-02", "remove");
    assert_eq!(standing, Standing::Late);
    assert!(why.contains("its waiver ended 2024-08-01"), "{why}");
    let of = |now| status(&Plan::read(&plan).unwrap(), &[], at(now)).waivers[0].standing.clone();
    assert_eq!([of("2024-07-01"), of("2024-07-20"), of("2024-08-02")], ["holds", "ends soon", "over"]);
}

#[test]
fn circles_end() {
    let plan = PLAN.replace(
        "host = \"a\"\n[[task]]\nid = \"remove\"",
        "host = \"a\"\nafter = [\"clean\", \"rings\"]\n[[task]]\nid = \"remove\"",
    );
    assert_eq!(standing(&plan, &[], "2024-07-01", "protect").0, Standing::Blocked);
}

#[test]
fn what_no_task_is_about_is_told() {
    let mut other = inventory("installed", "2024-06-30", false);
    other.host = Some("b".into());
    let status = status(&Plan::read(PLAN).unwrap(), &[other], at("2024-07-01"));
    assert!(status.remarks[0].contains("kesl on b is in no task"), "{:?}", status.remarks);
    assert!(!status.alarms());
    assert_eq!(status.stages[0].tasks, 3);
    assert_eq!(status.hosts[0].tasks, 3);
}
