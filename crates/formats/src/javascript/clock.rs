//! When to look at the clock within a script.

use candor_object::Flow;

/// Steps between two looks at the clock: a step takes far less than a microsecond, and a thousand of the longest some
/// milliseconds.
const STEPS: u32 = 4096;

/// Counts steps and calls what stops when the time is up.
pub(super) struct Clock<'p> {
    pulse: &'p mut dyn FnMut() -> Flow,
    left: u32,
}

impl<'p> Clock<'p> {
    /// A clock that is first looked at after some steps.
    pub(super) fn new(pulse: &'p mut dyn FnMut() -> Flow) -> Self {
        Self { pulse, left: STEPS }
    }

    /// A step.
    pub(super) fn step(&mut self) -> Flow {
        let Some(left) = self.left.checked_sub(1) else {
            self.left = STEPS;
            return (self.pulse)();
        };
        self.left = left;
        Ok(())
    }
}
