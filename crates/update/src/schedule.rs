//! When a release is for whom: a public calendar, the same for all. Each machine draws its own place in it, and
//! nobody else knows that place; so a publisher can be careful, and still cannot choose who gets what.

use std::fmt::{self, Display, Formatter};

/// How many places there are in the queue.
pub const PLACES: u32 = 10_000;
/// Most steps of a schedule.
const MAX_STEPS: usize = 32;
/// A year: whoever has to wait longer than this gets nothing.
const MAX_HOURS: u32 = 24 * 366;

/// Steps, each with the hours after the date of the release and how many percent of all places may take it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Schedule(Vec<(u32, u32)>);

impl Schedule {
    /// Everybody at once.
    pub fn immediate() -> Self {
        Self(Vec::new())
    }

    /// Reads `0:5 6:25 24:100`; nothing means everybody at once.
    ///
    /// # Errors
    /// What is wrong, unless hours and percents rise and the last step is for everybody.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let mut steps: Vec<(u32, u32)> = Vec::new();
        for step in text.split(' ').filter(|step| !step.is_empty()) {
            let (hours, percent) = step.split_once(':').ok_or("a step has the form HOURS:PERCENT")?;
            let number = |text: &str| match text.parse() {
                Ok(number) if text == u32::to_string(&number) => Ok(number),
                _ => Err("a step consists of two decimal numbers"),
            };
            let step = (number(hours)?, number(percent)?);
            if steps.last().is_some_and(|last| step.0 <= last.0 || step.1 <= last.1) {
                return Err("hours and percents must rise from step to step");
            }
            if step.0 > MAX_HOURS || steps.len() == MAX_STEPS {
                return Err("the schedule is too long");
            }
            steps.push(step);
        }
        match steps.last() {
            None | Some((_, 100)) => Ok(Self(steps)),
            Some(_) => Err("the last step must be for 100 percent: nobody may be left out"),
        }
    }

    /// From how many seconds after the date of the release on this place, of [`PLACES`], may take it.
    pub fn opens_after(&self, place: u32) -> u64 {
        let opens = self.0.iter().find(|(_, percent)| place < percent * (PLACES / 100));
        opens.or_else(|| self.0.last()).map_or(0, |(hours, _)| u64::from(*hours) * 3600)
    }
}

impl Display for Schedule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, (hours, percent)) in self.0.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{hours}:{percent}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_let_in_step_by_step() {
        let schedule = Schedule::read("0:5 6:25 24:100").expect("a schedule");
        let opens = [0, 499, 500, 2499, 2500, 9999].map(|place| schedule.opens_after(place) / 3600);
        assert_eq!(opens, [0, 0, 6, 6, 24, 24]);
        assert_eq!(Schedule::immediate().opens_after(9999), 0);
        assert_eq!(schedule.to_string(), "0:5 6:25 24:100");
    }

    #[test]
    fn nobody_is_left_out_or_made_to_wait_for_ever() {
        for bad in ["0:5", "0:5 6:5 7:100", "6:5 6:100", "0:101", "1:+100", "x", "9999:100", "01:100"] {
            assert!(Schedule::read(bad).is_err(), "{bad}");
        }
    }
}
