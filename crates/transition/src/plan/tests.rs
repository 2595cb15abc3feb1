//! Plans out of made inventories, and edits that have to survive.

use jiff::Timestamp;

use super::*;
use crate::inventory::Inventory;

const FIRST: &str = r#"{"at":"2024-06-25T08:00:00Z","hosts":["web1","db1","pc9"],"items":[
  {"product":"kesl","name":"Endpoint Security for Linux","version":"12.0","state":"installed","grade":"A","host":"web1",
   "rulings":[{"rule":"us-icts-2021-002","ruling":"REPLACE","activity":"use","clause":"89 FR 52434",
     "next":[{"instant":"2024-07-20T04:00Z","activity":"new_agreement","what":"no new agreement"},
             {"instant":"2024-09-29T04:00Z","activity":["update","operate_cloud"],"what":"no updates"}]}]},
  {"product":"kesl","name":"Endpoint Security for Linux","version":"12.0","state":"installed","grade":"A","host":"db1","rulings":[]},
  {"product":"engine","name":"Engine","state":"installed","grade":"B","host":"pc9","integrated_in":"Box",
   "rulings":[{"rule":"far","ruling":"PROHIBITED","activity":"use","instant":"2018-10-01T04:00Z","duty":"report","deadline":"2024-06-26"}]},
  {"product":"feeds","state":"contacted","grade":"B","host":"pc9","rulings":[{"rule":"us","ruling":"EXEMPT","activity":"use"}]}]}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn choices() -> Choices {
    Choices {
        now: at("2024-06-25T10:00:00Z"),
        start: "2024-06-21".parse().unwrap(),
        days: None,
        owners: [(String::new(), "Ada".to_owned()), ("network".to_owned(), "Net".to_owned())].into(),
    }
}

fn input(text: &str) -> (Input, Inventory) {
    let inventory = Inventory::read(text.as_bytes()).unwrap();
    (Input { name: "a.json".into(), sha256: text.len().to_string(), at: inventory.at.clone() }, inventory)
}

fn first() -> Plan {
    draft(&[input(FIRST)], &choices())
}

fn task<'p>(plan: &'p Plan, start: &str) -> &'p Task {
    plan.tasks.iter().find(|task| task.id.starts_with(start)).unwrap_or_else(|| panic!("{start}"))
}

#[test]
fn instants_of_rules_are_taken_as_they_are() {
    let plan = first();
    let stage = |id: &str| plan.stages.iter().find(|stage| stage.id == id).unwrap();
    assert_eq!(stage("agreements").to.to_string(), "2024-07-20T04:00Z");
    assert_eq!(stage("last-update").to.to_string(), "2024-09-29T04:00Z");
    assert_eq!(
        plan.end.to_string(),
        "2024-06-26",
        "the nearest instant ahead that is no matter of agreements"
    );
    assert_eq!(stage("network").owner, "Net");
    assert_eq!(task(&plan, "duty-").due.to_string(), "2024-06-26");
    assert!(task(&plan, "stop-renewals").because[0].contains("2024-07-20T04:00Z"));
}

#[test]
fn nothing_is_removed_before_something_protects() {
    let plan = first();
    plan.check().unwrap();
    let removals: Vec<&Task> = plan.tasks.iter().filter(|task| task.id.starts_with("remove-")).collect();
    assert_eq!(removals.len(), 2, "without any ruling its state counts");
    for removal in removals {
        let protect = plan.tasks.iter().find(|task| removal.after.contains(&task.id)).unwrap();
        assert!(protect.id.starts_with("protect-") && protect.host == removal.host);
        assert!(protect.due.instant() <= removal.due.instant());
    }
    assert!(task(&plan, "supplier-").what.starts_with("Box has Engine inside"));
    assert!(
        !plan.tasks.iter().any(|task| task.product.as_deref() == Some("feeds")),
        "what is exempt is no task"
    );
}

#[test]
fn a_plan_is_read_as_it_is_written() {
    let plan = first();
    let text = plan.to_toml().unwrap();
    assert_eq!(Plan::read(&text).unwrap(), plan);
    assert_eq!(Plan::read(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    let bare = text.replacen("due = \"2024-06-26\"", "due = 2024-06-26", 1);
    assert_ne!(bare, text);
    assert_eq!(Plan::read(&bare).unwrap(), plan);
}

#[test]
fn edits_survive_a_new_inventory() {
    let plan = first();
    let id = task(&plan, "settings-").id.clone();
    let mut text = plan.to_toml().unwrap();
    text = text.replacen(
        &format!("id = \"{id}\"\nstage = \"pilot\""),
        &format!("# ask Grace first\nid = \"{id}\" # the shop\nstage = \"pilot\"\ncolour = \"red\""),
        1,
    );
    text.push_str(
        "\n[[task]]\nid = \"mine\"\nstage = \"pilot\"\nwhat = \"cake\"\ndue = 2024-08-01\nowner = \"Ada\"\n",
    );
    text.push_str("\n[[waiver]]\nhost = \"db1\"\nreason = \"lab\"\nuntil = 2024-08-01\nby = \"CISO\"\n");
    let text = text.replace("what = \"Remove ", "what = \"Carefully remove ");
    let second = FIRST.replace("\"host\":\"web1\"", "\"host\":\"mail1\"").replace("2024-09-29", "2024-09-28");
    let inventories = [input(&second)];
    let draft = draft(&inventories, &choices());
    let merged = merge(&text, &draft, &[&inventories[0].1], at("2024-07-01T00:00:00Z")).unwrap();
    for kept in [
        "# ask Grace first",
        "# the shop",
        "colour = \"red\"",
        "id = \"mine\"",
        "reason = \"lab\"",
        "Carefully remove",
    ] {
        assert!(merged.text.contains(kept), "{kept}\n{}", merged.text);
    }
    let read = Plan::read(&merged.text).unwrap();
    let gone = read.tasks.iter().filter(|task| task.gone.is_some());
    assert!(
        gone.clone().count() > 0 && gone.clone().all(|task| task.host.as_deref() == Some("web1")),
        "{read:#?}"
    );
    assert!(read.tasks.iter().any(|task| task.host.as_deref() == Some("mail1")));
    assert_eq!(
        read.stages.iter().find(|stage| stage.id == "last-update").unwrap().to.to_string(),
        "2024-09-28T04:00Z"
    );
    assert_eq!(read.inputs.len(), 2);
    // The same once more changes nothing.
    let again = merge(&merged.text, &draft, &[&inventories[0].1], at("2024-07-01T00:00:00Z")).unwrap();
    assert_eq!(again.news, Vec::<String>::new());
    assert_eq!(again.text, merged.text);
    // And what comes back is told.
    let back = super::draft(&[input(FIRST)], &choices());
    let back = merge(&merged.text, &back, &[&input(FIRST).1], at("2024-07-02T00:00:00Z")).unwrap();
    assert!(back.news.iter().any(|news| news.contains("there again")), "{:?}", back.news);
}

#[test]
fn an_edited_date_stays_and_is_told_if_it_is_too_late() {
    let plan = first();
    let text = plan.to_toml().unwrap();
    let edited = text.replacen("to = \"2024-09-29T04:00Z\"", "to = 2024-12-24", 1);
    assert_ne!(edited, text);
    let merged = merge(&edited, &plan, &[], at("2024-07-01T00:00:00Z")).unwrap();
    assert!(merged.text.contains("to = 2024-12-24"));
    assert!(
        merged.news.iter().any(|news| news.contains("later than 2024-09-29T04:00Z")),
        "{:?}",
        merged.news
    );
}

#[test]
fn what_is_wrong_in_a_plan_is_told() {
    let text = first().to_toml().unwrap();
    let wrong = |from: &str, to: &str| Plan::read(&text.replacen(from, to, 1)).unwrap_err();
    assert!(wrong("format = 1", "format = 9").contains("format 9"));
    assert!(wrong("stage = \"pilot\"", "stage = \"pilots\"").contains("there is no stage `pilots`"));
    assert!(wrong("after = [\"inventory-all\"]", "after = [\"x\"]").contains("nothing called `x`"));
    assert!(wrong("due = \"", "due = \"x").contains("neither a day"));
    let waived = format!(
        "{text}\n[[waiver]]\ntask = \"inventory-all\"\nreason = \"\"\nuntil = 2024-08-01\nby = \"x\"\n"
    );
    assert!(Plan::read(&waived).unwrap_err().contains("reason"));
}
