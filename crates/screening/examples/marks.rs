//! Prints precision and recall of all profiles and the curve: `marks CASES.csv [held-back]`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program for its author")]

use candor_screening::entry::{Profile, Ruling};
use candor_screening::marks::{self, Figures, Mark};
use candor_screening::name::Kind;

fn main() {
    let path = std::env::args().nth(1).expect("a file of cases");
    let held_back = std::env::args().nth(2).is_some();
    let marks = marks::read(&std::fs::read_to_string(path).expect("readable cases"));
    for kind in [Kind::Person, Kind::Organisation] {
        let half: Vec<&Mark> =
            marks.iter().filter(|mark| mark.kind == kind && mark.development != held_back).collect();
        for profile in [Profile::Strict, Profile::Balanced, Profile::Wide] {
            let figures = marks::measure(half.iter().copied(), profile);
            println!(
                "{kind:?} {profile:?}: precision {:.3} recall {:.3} of {} {figures:?}",
                figures.precision(),
                figures.recall(),
                half.len()
            );
        }
        for percent in (20..=90).step_by(5) {
            let mut figures = Figures::default();
            for mark in &half {
                let scored = mark.judge();
                figures
                    .count(scored.score * 100.0 >= percent as f32 && scored.cap == Ruling::Match, mark.same);
            }
            println!(
                "  from {percent} %: precision {:.3} recall {:.3}",
                figures.precision(),
                figures.recall()
            );
        }
    }
}
