//! Bytes and times as people write them in the configuration: `256M`, `30s`.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

const BYTES: [(&str, u64); 4] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
const MILLISECONDS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A number of bytes: a number, or text with `K`, `M`, `G` or `T` (powers of 1024).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) u64);

/// A time: a number of seconds, or text with `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Duration);

impl Time {
    /// A number of seconds.
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0, &BYTES))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        f.write_str(&if milliseconds == 0 { "0s".to_owned() } else { written(milliseconds, &MILLISECONDS) })
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a number of bytes such as 1000000, \"64K\", \"256M\" or \"4G\"";
        deserializer.deserialize_any(Quantity { units: &BYTES, unit: 1, wanted }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a time such as 90 (seconds), \"500ms\", \"30s\", \"2m\" or \"1h\"";
        let quantity = Quantity { units: &MILLISECONDS, unit: 1000, wanted };
        deserializer.deserialize_any(quantity).map(|number| Self(Duration::from_millis(number)))
    }
}

/// The shortest exact form.
fn written(number: u64, units: &[(&str, u64)]) -> String {
    units
        .iter()
        .find(|(_, factor)| number > 0 && number.is_multiple_of(*factor))
        .map_or_else(|| number.to_string(), |(name, factor)| format!("{}{name}", number / factor))
}

struct Quantity {
    units: &'static [(&'static str, u64)],
    unit: u64,
    wanted: &'static str,
}

impl Quantity {
    fn product<E: de::Error>(
        &self,
        number: Option<u64>,
        factor: u64,
        seen: de::Unexpected<'_>,
    ) -> Result<u64, E> {
        number.and_then(|number| number.checked_mul(factor)).ok_or_else(|| E::invalid_value(seen, self))
    }
}

impl Visitor<'_> for Quantity {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
        self.product(u64::try_from(number).ok(), self.unit, de::Unexpected::Signed(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        self.product(Some(number), self.unit, de::Unexpected::Unsigned(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (digits, name) = text.split_at(end);
        let factor = match name {
            "" => Some(self.unit),
            _ => {
                self.units.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(name)).map(|(_, factor)| *factor)
            }
        };
        // A factor of nothing makes the product refuse the text.
        self.product(factor.and_then(|_| digits.parse().ok()), factor.unwrap_or(0), de::Unexpected::Str(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, bytes) in
            [("\"64K\"", 64 << 10), ("\"4G\"", 4 << 30), ("17", 17), ("\"17\"", 17), ("0", 0)]
        {
            let read: Bytes = serde_json::from_str(text).unwrap();
            assert_eq!(read, Bytes(bytes));
            assert_eq!(serde_json::from_str::<Bytes>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
        for (text, milliseconds) in
            [("90", 90_000), ("\"500ms\"", 500), ("\"2m\"", 120_000), ("\"1d\"", 86_400_000)]
        {
            let read: Time = serde_json::from_str(text).unwrap();
            assert_eq!(read, Time(Duration::from_millis(milliseconds)));
            assert_eq!(serde_json::from_str::<Time>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
        assert_eq!(Time::seconds(0).to_string(), "0s");
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for wrong in ["\"\"", "-1", "\"K\"", "\"1.5G\"", "\"1 G\"", "\"99999999999T\"", "true", "1.5"] {
            assert!(serde_json::from_str::<Bytes>(wrong).is_err(), "{wrong}");
        }
        for wrong in ["\"s\"", "\"-1s\"", "\"1w\"", "\"99999999999999999999\""] {
            assert!(serde_json::from_str::<Time>(wrong).is_err(), "{wrong}");
        }
    }
}
