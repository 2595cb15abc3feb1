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
    bias: -2.3215458,
    weights: [
        1.2196846,
        -0.11631843,
        -0.8013997,
        -0.5153378,
        1.179973,
        0.51913154,
        0.42795202,
        0.20766824,
        1.876971,
        1.0192864,
        -2.2971077,
        -0.36577827,
        0.757812,
        0.0,
        -0.7342583,
        -1.6530826,
        -1.3663126,
        0.83798647,
        0.0,
        -2.2087793,
        -0.3348951,
        0.38256943,
    ],
};
