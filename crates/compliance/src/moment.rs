//! Instants of rules: with the zone that the rule is written in.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// An instant, as a rule or a question has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The instant, with the zone to show it in.
    pub at: Zoned,
}

impl Moment {
    /// An instant of universal time.
    pub fn of(at: Timestamp) -> Self {
        Self { at: at.to_zoned(TimeZone::UTC) }
    }

    /// The instant.
    pub fn instant(&self) -> Timestamp {
        self.at.timestamp()
    }

    /// The day, `YYYY-MM-DD`, where the rule counts days.
    pub fn day(&self) -> String {
        self.at.date().to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at.strftime("%Y-%m-%d %H:%M %Z"))
    }
}

/// Reads an instant: `2024-07-20T00:00-04:00`, `...Z`, `...[America/New_York]`, or a day, which is its beginning in
/// `zone`.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_moment(text: &str, zone: &TimeZone) -> Result<Moment, String> {
    let moment = written(text, zone)?;
    // Periods are reckoned from an instant, and have to end at one.
    if (1900..=2999).contains(&moment.at.year()) {
        Ok(moment)
    } else {
        Err(format!("{text:?} is out of reach; years from 1900 to 2999 are understood"))
    }
}

fn written(text: &str, zone: &TimeZone) -> Result<Moment, String> {
    if let Ok(at) = text.parse::<Zoned>() {
        return Ok(Moment { at });
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Moment { at: at.to_zoned(zone.clone()) });
    }
    let wrong = |_| format!("{text:?} is no instant; write 2024-07-20T00:00-04:00, ...Z, or a day");
    if text.contains(['T', ':']) {
        // A time without a zone would be anybody's.
        return Err(format!("{text:?} has no zone; write 2024-07-20T00:00-04:00, or ...[America/New_York]"));
    }
    let date: Date = text.parse().map_err(wrong)?;
    date.to_zoned(zone.clone()).map(|at| Moment { at }).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_a_zone_and_days_begin_in_it() {
        let new_york = TimeZone::get("America/New_York").unwrap();
        let at = |text| parse_moment(text, &new_york).map(|moment| moment.instant().to_string());
        assert_eq!(at("2024-07-20").unwrap(), "2024-07-20T04:00:00Z");
        assert_eq!(at("2024-12-20").unwrap(), "2024-12-20T05:00:00Z");
        assert_eq!(at("2024-07-19T23:59-04:00").unwrap(), "2024-07-20T03:59:00Z");
        assert_eq!(at("2024-07-19T23:59[America/New_York]").unwrap(), "2024-07-20T03:59:00Z");
        assert_eq!(at("2024-07-20T04:00Z").unwrap(), "2024-07-20T04:00:00Z");
        assert!(at("2024-07-20T04:00").unwrap_err().contains("no zone"));
        assert!(at("tomorrow").is_err());
        assert!(at("9000-12-31").unwrap_err().contains("out of reach"));
        assert!(at("99999-12-31").is_err());
    }
}
