//! Cases from facts to rulings. A test is a file dropped into `cases`: facts, questions, and what each must be answered.

use std::fs;
use std::path::{Path, PathBuf};

use candor_compliance::{Kind, Rules, Ruling, Situation, judge, judge_party, parse_moment};
use candor_object::{Attribute, Fact, FactKind, ObjectId};
use candor_products::{Catalogue, Grade, Item, Located};
use jiff::tz::TimeZone;
use toml::{Table, Value};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
        Some(value) => vec![value.as_str().unwrap().to_owned()],
    }
}

fn tables(table: &Table, key: &str) -> Vec<Table> {
    table
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|value| value.as_table().unwrap().clone())
        .collect()
}

fn text<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key).map(|value| value.as_str().unwrap_or_else(|| panic!("{key} is no text")))
}

fn located(table: &Table) -> Located {
    let mut attributes = Vec::new();
    for (key, value) in table.iter().filter(|(key, _)| !["fact", "place"].contains(&key.as_str())) {
        let attribute = Attribute::from_name(key).unwrap_or_else(|| panic!("no attribute {key}"));
        attributes.extend(strings(Some(value)).into_iter().map(|value| (attribute, value)));
    }
    let kind = FactKind::from_name(text(table, "fact").expect("fact")).expect("a kind of fact");
    let place = text(table, "place").unwrap_or("/").to_owned();
    Located { host: String::new(), place, fact: Fact { object: ObjectId::ROOT, kind, attributes } }
}

fn situation(table: &Table) -> Situation {
    let instant = |key: &str| {
        text(table, key).map(|text| {
            parse_moment(text, &TimeZone::UTC).unwrap_or_else(|error| panic!("{error}")).instant()
        })
    };
    let own = |key: &str| text(table, key).map(str::to_owned);
    Situation {
        person: own("person"),
        place: own("place"),
        device: own("device"),
        system: own("system"),
        activities: strings(table.get("activity")),
        purposes: strings(table.get("purpose")),
        contract: instant("contract"),
        discovered: instant("discovered"),
        ..Situation::new(text(table, "as").unwrap_or("user"), instant("at").expect("at"))
    }
}

/// Whether a ruling is what a case expects; each key that is given counts.
fn fits(expected: &Table, ruling: &Ruling, item: Option<&Item>) -> bool {
    let is = |key: &str, found: Option<&str>| text(expected, key).is_none_or(|wanted| found == Some(wanted));
    let has = |key: &str, found: &str| text(expected, key).is_none_or(|wanted| found.contains(wanted));
    let kinds = strings(expected.get("ruling"));
    (kinds.is_empty() || kinds.iter().any(|kind| kind == ruling.kind.name()))
        && is("rule", Some(&ruling.rule))
        && is("activity", ruling.activity.as_deref())
        && is("severity", Some(ruling.severity.name()))
        && is("grade", Some(ruling.grade.name()))
        && has("cites", &ruling.citation())
        && has("why", &ruling.why)
        && has("since", &ruling.since.as_ref().map(ToString::to_string).unwrap_or_default())
        && has(
            "next",
            &ruling.next.as_ref().map(|next| format!("{} {}", next.at, next.what)).unwrap_or_default(),
        )
        && has("alert", ruling.alert.as_deref().unwrap_or_default())
        && has(
            "duty",
            &ruling
                .duties
                .iter()
                .map(|due| format!("{} by {}\n", due.within, due.deadline))
                .collect::<String>(),
        )
        && is("product", item.map(|item| item.product.as_str()))
        && is("state", item.map(|item| item.state.name()))
        && has(
            "integrated_in",
            item.and_then(|item| item.integrated_in.as_ref()).map_or("", |host| &host.name),
        )
}

/// What every ruling must have, whatever the case.
fn sound(ruling: &Ruling, item: Option<&Item>, situation: &Situation) {
    assert!(ruling.why.len() > 10, "{ruling}");
    assert!(ruling.alert.is_none() || item.is_some());
    if ruling.kind == Kind::Prohibited {
        assert!(ruling.grade <= Grade::B, "{ruling}");
        assert!(ruling.text.is_some() && ruling.since.is_some() && !ruling.sources.is_empty(), "{ruling}");
        assert!(item.is_none_or(|item| !item.evidence.is_empty()));
    }
    if situation.role == "user" {
        assert!(ruling.consequence.is_none(), "a user is threatened: {ruling}");
    }
}

fn run(file: &Path) -> Vec<String> {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let case: Table =
        fs::read_to_string(file).unwrap().parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    let more: Vec<(String, String)> =
        strings(case.get("products")).into_iter().map(|text| ("more.toml".to_owned(), text)).collect();
    let files = Catalogue::embedded_files().iter().copied();
    let (catalogue, problems) =
        Catalogue::parse(files.chain(more.iter().map(|(name, text)| (name.as_str(), text.as_str()))));
    assert!(problems.is_empty(), "{name}: {problems:?}");
    let rules = Rules::embedded(&catalogue);
    let facts: Vec<Located> = tables(&case, "fact").iter().map(located).collect();
    let items = catalogue.identify(&facts);
    let mut wrong = Vec::new();
    let asks = tables(&case, "ask");
    assert!(!asks.is_empty(), "{name} asks nothing");
    for (number, ask) in asks.iter().enumerate() {
        let situation = situation(ask);
        let mut rulings: Vec<(Option<&Item>, Ruling)> = Vec::new();
        if let Some(party) = text(ask, "party") {
            let grade = if text(ask, "grade") == Some("C") { Grade::C } else { Grade::B };
            rulings.extend(
                judge_party(&rules, &catalogue, party, grade, &situation)
                    .into_iter()
                    .map(|ruling| (None, ruling)),
            );
        } else {
            for item in &items {
                rulings.extend(
                    judge(&rules, &catalogue, item, &situation)
                        .into_iter()
                        .map(|ruling| (Some(item), ruling)),
                );
            }
        }
        for (item, ruling) in &rulings {
            sound(ruling, *item, &situation);
        }
        let told = || {
            rulings
                .iter()
                .map(|(item, ruling)| {
                    format!("    {} {:?} {ruling}\n", item.map_or("", |item| &item.product), ruling.severity)
                })
                .collect::<String>()
        };
        for expected in tables(ask, "expect") {
            if !rulings.iter().any(|(item, ruling)| fits(&expected, ruling, *item)) {
                wrong.push(format!("{name} ask {number}: nothing is {expected}\n  but\n{}", told()));
            }
        }
        for never in tables(ask, "never") {
            if rulings.iter().any(|(item, ruling)| fits(&never, ruling, *item)) {
                wrong.push(format!("{name} ask {number}: something is {never}\n{}", told()));
            }
        }
        if let Some(most) = text(ask, "gravest") {
            let gravest = rulings.iter().map(|(_, ruling)| ruling.kind).min().map_or("clean", Kind::name);
            if gravest != most {
                wrong.push(format!("{name} ask {number}: the gravest is {gravest}, not {most}\n{}", told()));
            }
        }
    }
    wrong
}

#[test]
fn every_case_is_ruled_as_expected() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{} cases", files.len());
    let wrong: Vec<String> = files.iter().flat_map(|file| run(file)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_shipped_rules_have_no_problem() {
    let catalogue = Catalogue::embedded();
    let (rules, problems) = Rules::parse(Rules::embedded_files().iter().copied(), &catalogue);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    assert!(rules.rules.len() >= 13);
}
