//! The scoring model: one weight for each feature, in one table for persons and one for organisations.

use crate::features::{COUNT, Features};

/// Weights of the features, and where the sum starts.
#[derive(Clone, Debug)]
pub struct Model {
    /// The sum before any feature.
    pub bias: f32,
    /// One weight for each of [`crate::features::FEATURES`].
    pub weights: [f32; COUNT],
}

pub use crate::weights::{ORGANISATION, PERSON};

impl Model {
    /// The score of a pair, from 0 to 1: a logistic function of the weighted sum.
    pub fn score(&self, features: &Features) -> f32 {
        let sum = self.bias
            + self.weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum::<f32>();
        1.0 / (1.0 + (-sum).exp())
    }
}
