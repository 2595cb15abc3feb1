//! Looks for an expression in content.

use std::time::Instant;

use super::Flags;
use super::engine::{Compiled, TooCostly};
use crate::Error;
use crate::pattern::Starts;

/// Matches between two looks at the clock.
const PULSE: u32 = 1024;
/// Matches are counted up to here; no signature asks for more.
const MAX_COUNT: u32 = 1 << 20;

/// What a search saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// How many matches there are, at most one where not all are asked for.
    pub(crate) count: u32,
    /// Start and end of the first.
    pub(crate) first: (u64, u64),
    /// Whether the search ended early because it took too many steps.
    pub(crate) cut: bool,
}

/// Looks for an expression that begins where it may. `end` is where a match must end, if it must.
pub(crate) fn find(
    compiled: &Compiled,
    flags: Flags,
    whole: &[u8],
    starts: Starts<'_>,
    end: u64,
    deadline: Instant,
) -> Result<Matches, Error> {
    let mut matches = Matches::default();
    let Ok(low) = usize::try_from(starts.low) else { return Ok(matches) };
    let end = usize::try_from(end).unwrap_or(usize::MAX).min(whole.len());
    let Some(subject) = whole.get(low..end) else { return Ok(matches) };
    let most = if flags.has(Flags::GLOBAL) { MAX_COUNT } else { 1 };
    let mut at = 0;
    while matches.count < most && at <= subject.len() {
        let (from, to) = match compiled.find(subject, at) {
            Ok(Some(found)) => found,
            Ok(None) => break,
            Err(TooCostly) => {
                matches.cut = true;
                break;
            }
        };
        let start = starts.low.saturating_add(from as u64);
        if start > starts.high {
            break;
        }
        if matches.count == 0 {
            matches.first = (start, starts.low.saturating_add(to as u64));
        }
        matches.count = matches.count.saturating_add(1);
        // A match without length would be found again and again.
        at = if to > from { to } else { to.saturating_add(1) };
        if matches.count.is_multiple_of(PULSE) && Instant::now() >= deadline {
            return Err(Error::TimeIsUp);
        }
    }
    Ok(matches)
}
