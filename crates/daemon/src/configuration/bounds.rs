//! What numbers may be, for the keys where not every number can work.

use std::ops::RangeInclusive;

use candor_jail::MOST_WORKERS;
use candor_object::Limits;
use serde::Deserialize;

use super::quantities::Time;

/// Least and most of the number of a key.
fn of(key: &str) -> RangeInclusive<u64> {
    match key {
        // Each is a process and a thread; `candor scan --threads` takes as many. More cannot scan at once.
        "service.workers" | "clamd.parallel" => 1..=MOST_WORKERS,
        "service.queue" => 1..=u64::MAX,
        "limits.objects" => 1..=u32::MAX.into(),
        "limits.depth" => 0..=Limits::MOST_DEPTH.into(),
        _ if is_mode(key) => 0..=0o777,
        _ if key.ends_with(".connections") => 1..=65_536,
        _ => 0..=u64::MAX,
    }
}

fn is_mode(key: &str) -> bool {
    key.ends_with("_mode")
}

/// The most that the number of a key may be.
pub(crate) fn most(key: &str) -> u64 {
    *of(key).end()
}

/// Refuses a value with which the service could not work, or nothing could be examined.
///
/// # Errors
/// Says what was expected.
pub(crate) fn check(key: &str, value: &toml::Value) -> Result<(), String> {
    if key == "limits.time" && Time::deserialize(value.clone()).is_ok_and(|time| time.0.is_zero()) {
        return Err("nothing can be examined in no time".to_owned());
    }
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    let bounds = of(key);
    match (number, *bounds.start(), *bounds.end()) {
        (Some(number), ..) if bounds.contains(&number) => Ok(()),
        (None, ..) => Ok(()),
        (Some(mode), _, most) if is_mode(key) => {
            Err(format!("0o{mode:o}: expected permissions of at most 0o{most:o}, in octal such as 0o660"))
        }
        (Some(number), least, u64::MAX) => Err(format!("{number}: expected at least {least}")),
        (Some(number), least, most) => Err(format!("{number}: expected a number between {least} and {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Configuration;
    use super::super::keys::Keys;
    use super::*;

    #[test]
    fn every_default_is_within_its_bounds() {
        for (key, value) in Keys::of(&Configuration::default()).values().filter(|(_, value)| !value.is_null())
        {
            assert_eq!(check(key, &toml::Value::try_from(value).unwrap()), Ok(()), "{key}");
        }
    }

    #[test]
    fn what_was_expected_is_told() {
        let wrong = |key, number: i64| check(key, &number.into()).unwrap_err();
        assert_eq!(wrong("service.workers", 513), "513: expected a number between 1 and 512");
        assert_eq!(wrong("service.queue", 0), "0: expected at least 1");
        let mode = "0o1224: expected permissions of at most 0o777, in octal such as 0o660";
        assert_eq!(wrong("clamd.socket_mode", 660), mode);
    }
}
