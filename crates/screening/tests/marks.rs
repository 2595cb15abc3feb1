//! How often the balanced profile is right, on labelled pairs. The figures must not get worse unseen.
#![allow(clippy::expect_used, clippy::print_stderr, reason = "tests")]

use candor_screening::entry::Profile;
use candor_screening::marks::{self, Figures, Mark};
use candor_screening::name::Kind;

fn balanced(marks: &[Mark], kind: Kind, held_back: Option<bool>) -> Figures {
    let wanted = marks.iter().filter(|mark| mark.kind == kind && held_back.is_none_or(|held_back| mark.development != held_back));
    marks::measure(wanted, Profile::Balanced)
}

fn at_least(figures: Figures, precision: f32, recall: f32) {
    assert!(figures.precision() >= precision, "precision {} {figures:?}", figures.precision());
    assert!(figures.recall() >= recall, "recall {} {figures:?}", figures.recall());
}

#[test]
fn own_pairs() {
    let marks = marks::read(include_str!("pairs.csv"));
    assert_eq!(marks.len(), 63);
    let (persons, organisations) = (balanced(&marks, Kind::Person, None), balanced(&marks, Kind::Organisation, None));
    eprintln!("persons {:.3} {:.3}, organisations {:.3} {:.3}", persons.precision(), persons.recall(), organisations.precision(), organisations.recall());
    at_least(persons, 0.85, 0.74);
    at_least(organisations, 0.94, 0.94);
}
