//! Dates and instants as people write them in plans, and as rules give them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day, or an instant with its zone as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    text: String,
    instant: Timestamp,
}

impl When {
    /// A day; what is due on it is late when it is over, in UTC.
    pub fn day(day: Date) -> Self {
        Self { text: day.to_string(), instant: end_of(day) }
    }

    /// The instant until which it is not over.
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The day that it names, or in UTC falls on.
    pub fn date(&self) -> Date {
        self.text.parse().unwrap_or_else(|_| self.instant.to_zoned(TimeZone::UTC).date())
    }
}

fn end_of(day: Date) -> Timestamp {
    let next = day.checked_add(1.day()).unwrap_or(day);
    next.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "{text:?} is neither a day such as 2026-01-31 nor an instant such as 2026-01-31T23:59:59Z"
            )
        };
        // Rules write instants without seconds as well.
        let padded = match text.split_once(['T', 't', ' ']) {
            None => return text.parse().map(Self::day).map_err(|_| wrong()),
            Some((day, time)) => {
                let zone = time.find(['Z', 'z', '+', '-']).ok_or_else(wrong)?;
                let (clock, zone) = time.split_at(zone);
                let seconds = if clock.matches(':').count() == 1 { ":00" } else { "" };
                format!("{day}T{clock}{seconds}{zone}")
            }
        };
        let instant = padded.parse().map_err(|_| wrong())?;
        Ok(Self { text: text.to_owned(), instant })
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants() {
        let when = |text: &str| text.parse::<When>().unwrap();
        assert_eq!(when("2024-09-29T04:00Z").instant(), "2024-09-29T04:00:00Z".parse().unwrap());
        assert_eq!(when("2024-09-29T00:00:00-04:00").instant(), when("2024-09-29T04:00Z").instant());
        assert_eq!(when("2024-09-28").instant(), "2024-09-29T00:00:00Z".parse().unwrap());
        assert_eq!(when("2024-09-29T04:00Z").to_string(), "2024-09-29T04:00Z");
        for text in ["2024-09-29", "2024-09-29T04:00Z"] {
            assert_eq!(when(text).date().to_string(), "2024-09-29");
        }
        for wrong in ["", "soon", "2024-13-01", "2024-09-29T04:00", "2024-09-29Tx:00Z"] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
        }
    }
}
