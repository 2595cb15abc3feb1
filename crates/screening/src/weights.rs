//! The fitted weights of the scoring model, as `examples/fit.rs` writes them.

use crate::model::Model;

/// Fitted on the development half of the marks.
pub const PERSON: Model = Model {
    bias: 1.3099715,
    weights: [
        0.42198098,
        -0.15623796,
        -0.46033835,
        -0.052596632,
        0.47754484,
        0.13231638,
        0.13096623,
        0.51283437,
        -0.51490307,
        -0.3550719,
        0.0,
        0.0,
        -0.8283563,
        0.0,
        -1.0248557,
        -2.352353,
        -0.727122,
        0.0,
        0.21156356,
        -0.47121754,
        -1.2681596,
        -0.6353016,
    ],
};
/// Fitted on the development half of the marks.
pub const ORGANISATION: Model = Model {
    bias: -2.2936,
    weights: [
        1.2253349,
        -0.12539434,
        -0.80485547,
        -0.51847005,
        1.1525075,
        0.54028577,
        0.43437436,
        0.20271648,
        1.8854537,
        1.0109379,
        -2.2969792,
        -0.371886,
        0.74412054,
        0.0,
        -0.72941744,
        -1.6562884,
        -1.3680745,
        0.8380159,
        0.0,
        -2.2175884,
        -0.3405848,
        0.380915,
    ],
};
