//! Fits the weights of the model on the development half: `fit CASES.csv > src/weights.rs`, figures on standard error.
//! The figures are crossed: each fifth of the half is measured with a model of the other four.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a program for its author"
)]

use candor_screening::entry::Ruling;
use candor_screening::features::{COUNT, Features};
use candor_screening::marks::{self, Figures, Mark};
use candor_screening::model::Model;
use candor_screening::name::Kind;

/// What a false match costs, against a miss: it puts both kinds on one threshold.
const COSTS: [(Kind, &str, f32); 2] =
    [(Kind::Person, "PERSON", 1.5), (Kind::Organisation, "ORGANISATION", 1.0)];
/// The penalty on large weights.
const PENALTY: f32 = 0.005;

/// The number that tells whether numbers differ.
const NUMBER: usize = 13;

struct Pair<'m> {
    mark: &'m Mark,
    features: Features,
    capped: bool,
}

fn main() {
    let path = std::env::args().nth(1).expect("a file of cases");
    let penalty = std::env::args().nth(2).map_or(PENALTY, |text| text.parse().expect("a penalty"));
    let marks = marks::read(&std::fs::read_to_string(path).expect("readable cases"));
    println!(
        "//! The fitted weights of the scoring model, as `examples/fit.rs` writes them.\n\nuse crate::model::Model;\n"
    );
    for (kind, constant, cost) in COSTS {
        let pairs: Vec<Pair<'_>> =
            marks.iter().filter(|mark| mark.kind == kind && mark.development).map(pair).collect();
        let model = fit(&pairs.iter().collect::<Vec<_>>(), cost, penalty);
        println!("/// Fitted on the development half of the marks.");
        println!(
            "pub const {constant}: Model = Model {{ bias: {:?}, weights: {:?} }};",
            model.bias, model.weights
        );
        let crossed = crossed(&pairs, cost, penalty);
        for threshold in [0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8] {
            let seen = pairs.iter().map(|pair| (pair, model.score(&pair.features)));
            eprintln!(
                "{constant} {threshold}: fitted {}, crossed {}",
                figures(seen, threshold),
                figures(crossed.iter().copied(), threshold)
            );
        }
        // Each pair of both halves by weights that never saw it; the rules beside the weights saw the development half.
        let all: Vec<Pair<'_>> = marks.iter().filter(|mark| mark.kind == kind).map(pair).collect();
        let seen = self::crossed(&all, cost, penalty);
        eprintln!("{constant} both halves 0.55: crossed {}", figures(seen.into_iter(), 0.55));
        for (pair, score) in
            crossed.iter().filter(|(pair, score)| matched(pair, *score, 0.55) != pair.mark.same)
        {
            eprintln!(
                "  {} {score:.2} {} {:?} {:.2?}",
                pair.mark.same, pair.capped, pair.mark.names, pair.features
            );
        }
    }
}

fn pair(mark: &Mark) -> Pair<'_> {
    let scored = mark.judge();
    Pair { mark, features: scored.features, capped: scored.cap < Ruling::Match }
}

fn matched(pair: &Pair<'_>, score: f32, threshold: f32) -> bool {
    score >= threshold && !pair.capped
}

/// Scores by models that never saw the pair.
fn crossed<'p, 'm>(pairs: &'p [Pair<'m>], cost: f32, penalty: f32) -> Vec<(&'p Pair<'m>, f32)> {
    let mut scored = Vec::new();
    for fold in 0..5 {
        let part = |inside: bool| {
            pairs.iter().enumerate().filter(move |(at, _)| (at % 5 == fold) == inside).map(|(_, pair)| pair)
        };
        let model = fit(&part(false).collect::<Vec<_>>(), cost, penalty);
        scored.extend(part(true).map(|pair| (pair, model.score(&pair.features))));
    }
    scored
}

fn figures<'p, 'm: 'p>(scored: impl Iterator<Item = (&'p Pair<'m>, f32)>, threshold: f32) -> String {
    let mut figures = Figures::default();
    scored.for_each(|(pair, score)| figures.count(matched(pair, score, threshold), pair.mark.same));
    format!("precision {:.3} recall {:.3}", figures.precision(), figures.recall())
}

/// Logistic regression by gradient descent with a penalty on large weights.
fn fit(pairs: &[&Pair<'_>], cost: f32, penalty: f32) -> Model {
    let mut model = Model { bias: 0.0, weights: [0.0; COUNT] };
    let rate = 0.5;
    for _ in 0..20_000 {
        let mut bias = 0.0;
        let mut weights = [0.0; COUNT];
        for pair in pairs {
            let same = f32::from(u8::from(pair.mark.same));
            let error = (model.score(&pair.features) - same) * if pair.mark.same { 1.0 } else { cost };
            bias += error;
            weights.iter_mut().zip(&pair.features).for_each(|(weight, feature)| *weight += error * feature);
        }
        let count = pairs.len() as f32;
        model.bias -= rate * bias / count;
        for (weight, step) in model.weights.iter_mut().zip(weights) {
            *weight -= rate * (step / count + penalty * *weight);
        }
        // Some labels call two funds of one series the same. A number that differs must never speak for a party.
        model.weights[NUMBER] = model.weights[NUMBER].min(0.0);
    }
    model
}
