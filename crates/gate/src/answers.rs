//! What is answered: pure rules, from the policy and what is known.

use crate::configuration::{Allowed, Late, Mode};
use crate::group::Access;
use crate::verdicts::Verdict;

/// Whether an access has to wait for a verdict.
pub(crate) fn waits(mode: Mode, access: Access) -> bool {
    match (mode, access) {
        (_, Access::Written) | (Mode::Report, _) => false,
        (Mode::Block, _) | (Mode::Executions, Access::Execute) => true,
        (Mode::Executions, Access::Open) => false,
    }
}

/// Whether an access goes on that has a verdict.
pub(crate) fn goes_on(mode: Mode, access: Access, verdict: &Verdict) -> bool {
    *verdict == Verdict::Undetected || !waits(mode, access)
}

/// Whether an access is denied for which there is no verdict in time.
pub(crate) fn is_strict(late: &Late, access: Access, is_removable: bool) -> bool {
    let by_access = if access == Access::Execute { late.executions } else { late.reads };
    by_access == Allowed::Deny || is_removable && late.removable == Allowed::Deny
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::verdicts::Detection;

    #[test]
    fn each_mode_refuses_what_it_says() {
        let bad = Verdict::Detected(Arc::new(Detection { verdict: "malicious", names: Vec::new() }));
        for (mode, open, execute) in
            [(Mode::Block, false, false), (Mode::Executions, true, false), (Mode::Report, true, true)]
        {
            assert_eq!(goes_on(mode, Access::Open, &bad), open, "{mode:?}");
            assert_eq!(goes_on(mode, Access::Execute, &bad), execute, "{mode:?}");
            assert!(goes_on(mode, Access::Execute, &Verdict::Undetected));
        }
    }

    #[test]
    fn what_is_late_follows_the_stricter_rule() {
        let late = Late::default();
        assert!(!is_strict(&late, Access::Open, false));
        assert!(is_strict(&late, Access::Execute, false));
        assert!(is_strict(&late, Access::Open, true));
        let mild = Late { removable: Allowed::Allow, executions: Allowed::Allow, ..late };
        assert!(!is_strict(&mild, Access::Execute, true));
    }
}
