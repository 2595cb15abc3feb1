//! Fits the weights of the model on the development half: `fit CASES.csv > src/weights.rs`, figures on standard error.
#![allow(clippy::print_stdout, reason = "a program for its author")]

use candor_screening::features::{COUNT, Features, compare};
use candor_screening::marks::{self, Mark};
use candor_screening::model::Model;
use candor_screening::name::{Kind, Name};

fn main() {
    let path = std::env::args().nth(1).expect("a file of cases");
    let cases = marks::read(&std::fs::read_to_string(path).expect("readable cases"));
    println!("// Made by examples/fit.rs.");
    for (kind, constant) in [(Kind::Person, "PERSON"), (Kind::Organisation, "ORGANISATION")] {
        let of = |development| -> Vec<(&Mark, Features, f32)> {
            let wanted = cases.iter().filter(|mark| mark.kind == kind && mark.development == development);
            wanted.map(|mark| (mark, measure(mark), f32::from(u8::from(mark.same)))).collect()
        };
        let (development, held_back) = (of(true), of(false));
        let model = fit(&development);
        println!("/// Fitted on the development half of the marks.");
        println!("pub const {constant}: Model = Model {{ bias: {:?}, weights: {:?} }};", model.bias, model.weights);
        for threshold in [0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7] {
            eprintln!("{constant} {threshold}: development {}", figures(&model, &development, threshold));
            if std::env::args().nth(2).is_some() {
                eprintln!("{constant} {threshold}: held back   {}", figures(&model, &held_back, threshold));
            }
        }
        for (mark, features, same) in &development {
            let score = model.score(features);
            if (score >= 0.5) != (*same > 0.5) {
                eprintln!("  {same} {score:.2} {:?} {features:.2?}", mark.names);
            }
        }
    }
}

fn measure(mark: &Mark) -> Features {
    compare(&Name::new(&mark.names[0], mark.kind), &Name::new(&mark.names[1], mark.kind))
}

fn figures(model: &Model, pairs: &[(&Mark, Features, f32)], threshold: f32) -> String {
    let count = |hit: bool, same: bool| pairs.iter().filter(|(_, features, label)| (model.score(features) >= threshold) == hit && (*label > 0.5) == same).count() as f32;
    let (hits, false_hits, missed) = (count(true, true), count(true, false), count(false, true));
    format!("precision {:.3} recall {:.3} of {}", hits / (hits + false_hits), hits / (hits + missed), pairs.len())
}

/// Logistic regression by gradient descent with a penalty on large weights.
fn fit(pairs: &[(&Mark, Features, f32)]) -> Model {
    let mut model = Model { bias: 0.0, weights: [0.0; COUNT] };
    let rate = 0.5;
    for _ in 0..20_000 {
        let mut bias = 0.0;
        let mut weights = [0.0; COUNT];
        for (_, features, same) in pairs {
            let error = model.score(features) - same;
            bias += error;
            weights.iter_mut().zip(features).for_each(|(weight, feature)| *weight += error * feature);
        }
        let count = pairs.len() as f32;
        model.bias -= rate * bias / count;
        for (weight, step) in model.weights.iter_mut().zip(weights) {
            *weight -= rate * (step / count + 0.002 * *weight);
        }
    }
    model
}
