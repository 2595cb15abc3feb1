//! Parties like the listed Kaspersky companies: which are they, which only may be, and which are others.
#![allow(clippy::expect_used, reason = "tests")]

use candor_screening::entry::{Entry, Flag, Match, Profile, Query, Ruling};
use candor_screening::name::Kind;
use candor_screening::search::Search;

fn entry(id: &str, country: &str, names: &[&str]) -> Entry {
    Entry {
        id: id.to_owned(),
        list: "EL".to_owned(),
        kind: Kind::Organisation,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        countries: vec![country.to_owned()],
        addresses: Vec::new(),
        born: Vec::new(),
        programs: Vec::new(),
        source: "89 FR 52362".to_owned(),
        remarks: String::new(),
    }
}

fn listed() -> Vec<Entry> {
    vec![
        entry("lab", "RU", &["AO Kaspersky Lab", "АО «Лаборатория Касперского»", "Kaspersky Lab"]),
        entry("group", "RU", &["OOO Kaspersky Group"]),
        entry("labs", "GB", &["Kaspersky Labs Limited"]),
    ]
}

fn query(name: &str) -> Query {
    Query { name: name.to_owned(), kind: Kind::Organisation, country: None, born: None, address: None }
}

fn ask(query: &Query) -> (Vec<Entry>, Vec<Match>) {
    let entries = listed();
    let matches = Search::new(&entries).find(query, Profile::Balanced);
    (entries, matches)
}

fn best(name: &str) -> (String, Match) {
    let (entries, matches) = ask(&query(name));
    let best = matches.into_iter().next().expect("the nearest entry is always told");
    (entries[best.entry].id.clone(), best)
}

#[test]
fn other_companies_do_not_match() {
    for name in ["Kasper Labs Inc.", "Casper Labs Ltd", "Kaspersky Bakery LLC"] {
        let (_, matches) = ask(&query(name));
        assert!(matches.iter().all(|found| found.ruling == Ruling::NoMatch), "{name}: {matches:?}");
    }
}

#[test]
fn the_listed_company_matches_under_its_other_spellings() {
    for name in [
        "АО «Лаборатория Касперского»",
        "Kasperskiy Lab AO",
        "AO Kaspersky Lab",
        "KASPERSKY LAB",
        "Kaspersky Laboratory AO",
    ] {
        let (id, found) = best(name);
        assert_eq!((id.as_str(), found.ruling), ("lab", Ruling::Match), "{name}: {found:?}");
        assert!(!found.flags.contains(&Flag::Evasion), "{name}");
    }
}

#[test]
fn letters_of_two_scripts_in_one_word_are_told() {
    let (id, found) = best("Kaѕреrsку Lab");
    assert_eq!((id.as_str(), found.ruling), ("lab", Ruling::Match), "{found:?}");
    assert!(found.flags.contains(&Flag::Evasion));
}

#[test]
fn an_unlisted_sister_never_matches() {
    for name in ["Kaspersky Labs GmbH", "Kaspersky Lab Switzerland GmbH"] {
        let (_, matches) = ask(&query(name));
        assert_eq!(matches[0].ruling, Ruling::Possible, "{name}: {matches:?}");
        assert!(matches[0].flags.contains(&Flag::LegalFormDiffers), "{name}: {matches:?}");
        assert!(matches.iter().all(|found| found.ruling != Ruling::Match), "{name}: {matches:?}");
    }
    let (_, found) = best("Kaspersky Lab Switzerland GmbH");
    assert!(found.flags.contains(&Flag::UnlistedAffiliate));
}

#[test]
fn the_british_company_is_told_from_the_russian_one() {
    let (id, found) = best("Kaspersky Labs Ltd.");
    assert_eq!((id.as_str(), found.ruling), ("labs", Ruling::Match));
    assert!(!found.flags.contains(&Flag::LegalFormDiffers));
}

#[test]
fn another_country_is_told_and_does_not_hide_a_match() {
    let (_, matches) = ask(&Query { country: Some("DE".to_owned()), ..query("AO Kaspersky Lab") });
    assert_eq!(matches[0].ruling, Ruling::Match);
    assert!(matches[0].flags.contains(&Flag::CountryDiffers));
    let (_, matches) = ask(&Query { country: Some("ru".to_owned()), ..query("AO Kaspersky Lab") });
    assert!(!matches[0].flags.contains(&Flag::CountryDiffers));
}

#[test]
fn a_date_of_birth_tells_namesakes_apart() {
    let mut person = entry("p", "RU", &["Andrei Gennadyevich Tikhonov"]);
    person.kind = Kind::Person;
    person.born = vec!["04 Oct 1966".to_owned()];
    let entries = [person];
    let search = Search::new(&entries);
    let ask = |born: &str| {
        let query = Query {
            kind: Kind::Person,
            born: Some(born.to_owned()),
            ..query("TIKHONOV, Andrey Gennadievich")
        };
        search.find(&query, Profile::Balanced).remove(0)
    };
    assert_eq!(ask("1966-10-04").ruling, Ruling::Match);
    assert_eq!(ask("1990").ruling, Ruling::Possible);
    assert!(ask("1990").flags.contains(&Flag::BirthDiffers));
}

#[test]
fn many_questions_are_answered_as_one_is_and_in_their_order() {
    let entries = listed();
    let search = Search::new(&entries);
    let names = ["Kaspersky Lab", "", "Casper Labs Ltd", "\u{0}\u{202e}", "Kaspersky Labs Limited"];
    let queries: Vec<Query> = (0..500).map(|at| query(names[at % names.len()])).collect();
    let all = search.find_all(&queries, Profile::Balanced, 3);
    assert_eq!(all.len(), queries.len());
    for (query, matches) in queries.iter().zip(&all).take(names.len() * 2) {
        assert_eq!(&search.find(query, Profile::Balanced), matches);
    }
    assert!(Search::new(&[]).find(&queries[0], Profile::Wide).is_empty());
}

mod any {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn name_is_scored_within_bounds(name in "\\PC{0,600}", listed in "\\PC{1,80}") {
            let entries = [entry("x", "RU", &[&listed, &name])];
            let search = Search::new(&entries);
            for kind in [Kind::Person, Kind::Organisation, Kind::Unknown] {
                let query = Query { kind, ..query(&name) };
                for found in search.find(&query, Profile::Wide) {
                    prop_assert!((0.0..=1.0).contains(&found.score));
                }
            }
        }
    }
}
