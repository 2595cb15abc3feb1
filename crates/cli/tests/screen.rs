//! `candor screen`: who is on lists, what it says, and how it ends. The lists are those of `crates/screening/tests`.

mod program;

use std::fs;
use std::path::Path;

use program::{Ground, Seen};
use serde_json::Value;

/// A folder with lists whose every record can be read.
fn ground() -> Ground {
    let ground = Ground::new();
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("../screening/tests/lists");
    for name in ["entity-list.csv", "consolidated.csv", "own.toml"] {
        fs::copy(lists.join(name), ground.path(name)).unwrap();
    }
    fs::write(ground.path("house.csv"), "name,aliases,kind,countries,list\nAO Kaspersky Lab,АО «Лаборатория Касперского»,organisation,RU,house\n").unwrap();
    ground
}

fn screen(ground: &Ground, arguments: &[&str]) -> Seen {
    ground.run(&[&["screen"], arguments].concat())
}

const LISTS: [&str; 4] = ["--list", "entity-list.csv", "--list", "house.csv"];

#[test]
fn without_lists_it_says_where_they_are() {
    let seen = screen(&ground(), &["Acme"]).expect(2);
    assert!(seen.stderr.contains("no lists") && seen.stderr.contains("https://data.trade.gov/"), "{seen:#?}");
    screen(&ground(), &["--list", "entity-list.csv"]).expect(2);
    screen(&ground(), &["Acme", "--list", "missing.csv"]).expect(2);
    screen(&ground(), &["Acme", "--list", "known.hashes"]).expect(2);
    screen(&ground(), &["Acme", "--list", "entity-list.csv", "--country", "ZZ"]).expect(2);
    screen(&ground(), &["Acme", "--list", "entity-list.csv", "--date", "tomorrow"]).expect(2);
}

#[test]
fn cases_18_and_19() {
    let ground = ground();
    for name in ["Kasper Labs Inc.", "Casper Labs Ltd", "Kaspersky Bakery LLC"] {
        let seen = screen(&ground, &[&[name, "--organisation"], &LISTS[..]].concat());
        assert!(!seen.stdout.starts_with("match "), "{seen:#?}");
    }
    for name in ["АО «Лаборатория Касперского»", "Kasperskiy Lab AO", "Kaѕреrsку Lab"]
    {
        let seen = screen(&ground, &[&[name, "--organisation"], &LISTS[..]].concat()).expect(1);
        assert!(seen.stdout.starts_with("match ") && seen.stdout.contains("AO Kaspersky Lab"), "{seen:#?}");
        assert_eq!(seen.stdout.contains("evasion"), name.starts_with("Kaѕ"), "{seen:#?}");
    }
    screen(&ground, &[&["Entirely Different Gardening Club", "--organisation"], &LISTS[..]].concat())
        .expect(0);
}

#[test]
fn case_20_ownership_depends_on_the_day() {
    let ground = ground();
    fs::write(
        ground.path("owners.csv"),
        "owner,owned,percent,since,until,source\nKaspersky Labs Limited,Kaspersky Labs GmbH,100,,,register\n",
    )
    .unwrap();
    for (date, owners, status, word) in [
        ("2025-06-01", true, 3, "red-flag"),
        ("2025-10-15", true, 1, "listed"),
        ("2025-10-15", false, 3, "red-flag"),
        ("2026-03-01", true, 3, "red-flag"),
        ("2026-11-22", true, 3, "review"),
    ] {
        let mut arguments =
            vec!["Kaspersky Labs GmbH", "--organisation", "--list", "entity-list.csv", "--date", date];
        if owners {
            arguments.extend(["--owners", "owners.csv"]);
        }
        let seen = screen(&ground, &arguments).expect(status);
        assert!(seen.stdout.contains(&format!("{word}: ")), "{date}: {seen:#?}");
    }
}

#[test]
fn an_index_answers_as_its_lists_do_and_damage_is_refused() {
    let ground = ground();
    let seen =
        screen(&ground, &["index", "--list", "entity-list.csv", "--list", "house.csv", "--out", "lists.idx"])
            .expect(0);
    assert!(seen.stdout.contains("entity-list.csv  4 parties"), "{seen:#?}");
    let answers = |arguments: &[&str]| {
        let mut json = screen(
            &ground,
            &[&["AO Kaspersky Lab", "--format", "json", "--date", "2026-01-01"], arguments].concat(),
        )
        .expect(1)
        .json();
        json["time"] = Value::Null;
        json
    };
    let json = answers(&["--index", "lists.idx"]);
    assert_eq!(json, answers(&LISTS));
    assert_eq!(json["answers"][0]["ruling"], "match");
    assert_eq!(json["lists"][0]["sha256"].as_str().unwrap().len(), 64);
    let text = fs::read_to_string(ground.path("lists.idx")).unwrap();
    fs::write(ground.path("lists.idx"), text.replace("AO Kaspersky Lab", "AO Somebody Else")).unwrap();
    let seen = screen(&ground, &["AO Kaspersky Lab", "--index", "lists.idx"]).expect(2);
    assert!(seen.stderr.contains("refused"), "{seen:#?}");
}

#[test]
fn what_could_not_be_read_of_a_list_is_never_no_match() {
    let ground = ground();
    let seen =
        screen(&ground, &["Entirely Different Gardening Club", "--list", "consolidated.csv"]).expect(3);
    assert!(seen.stderr.contains("consolidated.csv:19: 2 fields instead of 29"), "{seen:#?}");
}

#[test]
fn tables_of_names_give_tables_of_answers() {
    let ground = ground();
    let names = "id,name,kind,country\n1,AO Kaspersky Lab,organisation,RU\n2,\"=HYPERLINK(\"\"x\"\")\",organisation,\n3,,person,\n4,Gardening Club,organisation,Utopia\n5,Gardening Club,organisation,DE\n";
    fs::write(ground.path("names.csv"), names).unwrap();
    let table = ["--names", "names.csv", "--audit", "audit.jsonl"];
    let seen = screen(&ground, &[&table[..], &LISTS, &["--format", "csv"]].concat()).expect(1);
    assert!(seen.stdout.contains("\n1,AO Kaspersky Lab,organisation,RU,match,listed,"), "{seen:#?}");
    assert!(seen.stdout.contains("'=HYPERLINK") && !seen.stdout.contains(",=HYPERLINK"), "{seen:#?}");
    assert!(seen.stderr.contains("names.csv:4: ") && seen.stderr.contains("names.csv:5: "), "{seen:#?}");
    screen(&ground, &[&table[..], &LISTS, &["--format", "xlsx"]].concat()).expect(2);
    screen(&ground, &[&table[..], &LISTS, &["--format", "xlsx", "--output", "result.xlsx"]].concat())
        .expect(1);
    assert!(fs::read(ground.path("result.xlsx")).unwrap().starts_with(b"PK\x03\x04"));
    // Two runs of three names: what was refused was not asked.
    let audit = fs::read_to_string(ground.path("audit.jsonl")).unwrap();
    let records: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 6);
    assert_eq!(
        (&records[0]["query"]["name"], &records[0]["result"]["ruling"]),
        (&"AO Kaspersky Lab".into(), &"match".into())
    );
    assert_eq!(records[0]["lists"][0]["sha256"].as_str().unwrap().len(), 64);
    fs::write(ground.path("names.csv"), "who\nx\n").unwrap();
    screen(&ground, &[&table[..], &LISTS].concat()).expect(2);
}

#[test]
fn suppliers_of_bills_of_materials_are_asked() {
    let ground = ground();
    let cyclone = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"supplier":{"name":"Acme"}},"components":[
        {"name":"outer","supplier":{"name":"Acme"},"components":[{"name":"inner","publisher":"AO Kaspersky Lab"}]}]}"#;
    fs::write(ground.path("bom.json"), cyclone).unwrap();
    let seen = screen(&ground, &[&["--sbom-suppliers", "bom.json"], &LISTS[..]].concat()).expect(1);
    assert!(
        seen.stdout.contains("Screened  2 names") && seen.stdout.contains("match     AO Kaspersky Lab"),
        "{seen:#?}"
    );
    let spdx = r#"{"spdxVersion":"SPDX-2.3","packages":[{"supplier":"Organization: AO Kaspersky Lab (x@y.example)"},{"supplier":"NOASSERTION"}]}"#;
    fs::write(ground.path("bom.json"), spdx).unwrap();
    let seen = screen(&ground, &[&["--sbom-suppliers", "bom.json"], &LISTS[..]].concat()).expect(1);
    assert!(seen.stdout.contains("Screened  1 names"), "{seen:#?}");
    for broken in ["{}", "[[[[", "{\"bomFormat\":"] {
        fs::write(ground.path("bom.json"), broken).unwrap();
        screen(&ground, &[&["--sbom-suppliers", "bom.json"], &LISTS[..]].concat()).expect(2);
    }
}

#[test]
fn hostile_names_in_lists_reach_no_terminal() {
    let ground = ground();
    fs::write(ground.path("evil.csv"), "name,remarks,source\n\"Evil \x1b[31mParty\",\x1b]0;x\x07,\x1b[2J\n")
        .unwrap();
    let seen = screen(&ground, &["Evil Party", "--list", "evil.csv"]);
    assert!(!seen.stdout.contains('\x1b') && !seen.stderr.contains('\x1b'), "{seen:#?}");
}
