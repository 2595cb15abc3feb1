//! What holds whatever the rules, the facts and the question are.

use candor_compliance::{Kind, Rules, Situation, WORDS, Word, judge, judge_party, timeline};
use candor_object::{Attribute, Fact, FactKind, ObjectId};
use candor_products::{Catalogue, Evidence, Grade, Item, Located, State};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

fn words(kind: Word) -> Vec<&'static str> {
    WORDS.iter().filter(|(of, _)| *of == kind).flat_map(|(_, words)| *words).copied().collect()
}

fn shipped() -> &'static (Catalogue, Rules) {
    static SHIPPED: std::sync::OnceLock<(Catalogue, Rules)> = std::sync::OnceLock::new();
    SHIPPED.get_or_init(|| {
        let catalogue = Catalogue::embedded();
        let rules = Rules::embedded(&catalogue);
        (catalogue, rules)
    })
}

prop_compose! {
    fn situations()(
        role in select(words(Word::Role)),
        person in proptest::option::of(select(vec!["us", "none"])),
        place in proptest::option::of(select(vec!["US", "DE", "CA", "AU", "LT", "FR"])),
        device in proptest::option::of(select(words(Word::Device))),
        system in proptest::option::of(select(words(Word::System))),
        activities in proptest::collection::vec(select(words(Word::Activity)), 0..4),
        purposes in proptest::collection::vec(select(words(Word::Purpose)), 0..2),
        at in 1_480_000_000_i64..1_830_000_000,
    ) -> Situation {
        let own = |word: Option<&str>| word.map(str::to_owned);
        let all = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
        Situation {
            person: own(person),
            place: own(place),
            device: own(device),
            system: own(system),
            activities: all(activities),
            purposes: all(purposes),
            ..Situation::new(role, Timestamp::from_second(at).unwrap())
        }
    }
}

fn items() -> impl Strategy<Value = Item> {
    let products: Vec<String> = shipped().0.products().iter().map(|product| product.id.clone()).collect();
    let states = State::WORDS.map(|(_, state)| state).to_vec();
    let grades = Grade::WORDS.map(|(_, grade)| grade).to_vec();
    (select(products), select(states), select(grades)).prop_map(|(product, state, grade)| Item {
        product,
        state,
        grade,
        integrated_in: None,
        places: vec!["/x".to_owned()],
        evidence: Vec::<Evidence>::new(),
        facts: 1,
        version: None,
        host: None,
    })
}

proptest! {
    #[test]
    fn nothing_is_prohibited_on_a_name_and_no_user_is_threatened(item in items(), situation in situations()) {
        let (catalogue, rules) = shipped();
        let rulings = judge(rules, catalogue, &item, &situation);
        prop_assert!(!rulings.is_empty());
        for ruling in rulings {
            if ruling.kind == Kind::Prohibited {
                prop_assert!(item.grade <= Grade::B && item.state != State::Mentioned && item.state != State::Remnant, "{}", ruling);
                prop_assert!(ruling.text.is_some() && ruling.since.is_some(), "{}", ruling);
            }
            prop_assert!(situation.role != "user" || ruling.consequence.is_none(), "{}", ruling);
            prop_assert!(ruling.rule.is_empty() == ruling.sources.is_empty());
            if let Some(next) = ruling.next {
                prop_assert!(next.at.instant() > situation.at);
            }
        }
    }

    #[test]
    fn no_party_is_prohibited_on_a_name(
        grade in select(vec![Grade::C, Grade::D]),
        entity in select(shipped().0.entities().map(|entity| entity.id.clone()).collect::<Vec<_>>()),
        situation in situations(),
    ) {
        let (catalogue, rules) = shipped();
        for ruling in judge_party(rules, catalogue, &entity, grade, &situation) {
            prop_assert_ne!(ruling.kind, Kind::Prohibited);
        }
    }

    #[test]
    fn arbitrary_text_makes_no_panic(text in "(?s).{0,200}") {
        let (catalogue, _) = shipped();
        let _ = Rules::parse([("a", text.as_str())], catalogue);
        let _ = Catalogue::parse([("a", text.as_str())]);
    }

    #[test]
    fn damaged_files_make_no_panic_and_say_no_more_than_whole_ones(
        at in 0_usize..1_000_000, cut in 0_usize..40, put in "[\\[\\]{}\"=\n0-9a-z-]{0,12}", which in 0_usize..1000,
    ) {
        let (catalogue, rules) = shipped();
        let files = Rules::embedded_files();
        let text = files[which % files.len()].1;
        let start = text.floor_char_boundary(at % text.len());
        let end = text.floor_char_boundary((start + cut).min(text.len())).max(start);
        let damaged = format!("{}{put}{}", &text[..start], &text[end..]);
        let (read, problems) = Rules::parse([("a", damaged.as_str())], catalogue);
        prop_assert!(read.rules.len() + problems.len() > 0);
        let item = Item { product: "kaspersky-consumer".to_owned(), state: State::Installed, grade: Grade::C,
            integrated_in: None, places: Vec::new(), evidence: Vec::new(), facts: 1, version: None, host: None };
        for role in ["contractor", "agency", "reseller", "user"] {
            for ruling in judge(&read, catalogue, &item, &Situation::new(role, Timestamp::from_second(1_750_000_000).unwrap())) {
                prop_assert_ne!(ruling.kind, Kind::Prohibited);
            }
        }
        let files = Catalogue::embedded_files();
        let text = files[which % files.len()].1;
        let start = text.floor_char_boundary(at % text.len());
        let _ = Catalogue::parse([("a", format!("{}{put}{}", &text[..start], &text[start..]).as_str())]);
        let _ = rules;
    }

    #[test]
    fn arbitrary_facts_make_no_panic(
        kind in select(FactKind::ALL.to_vec()),
        attributes in proptest::collection::vec((select(Attribute::ALL.to_vec()), "(?s).{0,60}|https?://[a-z.]{0,20}/u1313g.xml|Kaspersky Lab|CN=[\\\\\",=a-z]{0,9}"), 0..6),
        place in ".{0,40}",
    ) {
        let (catalogue, rules) = shipped();
        let located = Located { host: String::new(), place, fact: Fact { object: ObjectId::ROOT, kind, attributes } };
        for item in catalogue.identify(&[located]) {
            prop_assert!(!item.evidence.is_empty());
            let _ = judge(rules, catalogue, &item, &Situation::new("contractor", Timestamp::UNIX_EPOCH));
        }
    }
}

#[test]
fn a_timeline_begins_before_all_rules_and_goes_forward() {
    let (catalogue, rules) = shipped();
    let item = Item {
        product: "kaspersky-endpoint-security-linux".to_owned(),
        state: State::Installed,
        grade: Grade::A,
        integrated_in: None,
        places: Vec::new(),
        evidence: Vec::new(),
        facts: 1,
        version: None,
        host: None,
    };
    let situation =
        Situation { place: Some("US".to_owned()), ..Situation::new("reseller", Timestamp::UNIX_EPOCH) };
    let stages = timeline(rules, catalogue, &item, &situation);
    assert!(stages.windows(2).all(|pair| pair[0].from.instant() < pair[1].from.instant()));
    let gravest: Vec<Kind> = stages.iter().map(|stage| stage.rulings[0].kind).collect();
    assert_eq!(gravest.first(), Some(&Kind::NotCovered));
    // The disputed hour comes before the prohibition.
    let disputed = gravest.iter().position(|kind| *kind == Kind::Review).unwrap();
    assert_eq!(gravest[disputed + 1], Kind::Prohibited);
    assert_eq!(stages[disputed].from.to_string(), "2024-09-29 00:00 EDT");
}

#[test]
fn one_of_two_hundred_thousand_components_is_found() {
    let (catalogue, _) = shipped();
    let fact = |number: usize| Fact {
        object: ObjectId::ROOT,
        kind: FactKind::Component,
        attributes: vec![
            (Attribute::Name, format!("library-{number}")),
            (Attribute::Vendor, format!("Maker {} GmbH", number % 999)),
            (Attribute::Purl, format!("pkg:npm/library-{number}@1.2.{}", number % 17)),
            (Attribute::Cpe, format!("cpe:2.3:a:maker{}:library-{number}:1.2:*:*:*:*:*:*:*", number % 999)),
        ],
    };
    let place = "big.cdx.json".to_owned();
    let mut facts: Vec<Located> = (0..200_000)
        .map(|number| Located { host: String::new(), place: place.clone(), fact: fact(number) })
        .collect();
    let needle = Fact {
        object: ObjectId::ROOT,
        kind: FactKind::Component,
        attributes: vec![(Attribute::Vendor, "AO Kaspersky Lab".to_owned())],
    };
    facts.push(Located { host: String::new(), place, fact: needle });
    let items = catalogue.identify(&facts);
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0].facts, 1);
}
