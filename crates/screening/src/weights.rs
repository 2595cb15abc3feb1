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
    bias: 0.6572597,
    weights: [
        0.22144625,
        -0.059698958,
        -0.2354743,
        0.5616615,
        0.5141978,
        0.50553465,
        0.33686796,
        -0.38893563,
        1.0388603,
        0.50850695,
        -1.5617524,
        -0.3694496,
        0.17040034,
        1.7088284,
        -1.076662,
        -1.105084,
        -1.0287297,
        2.5059905,
        0.0,
        -2.3156393,
        -1.4023681,
        0.34456483,
    ],
};
