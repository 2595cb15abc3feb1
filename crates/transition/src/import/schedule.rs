//! Scans on request and on a schedule, in the words of systemd.
//!
//! Source: "Tasks schedule settings" of the vendor's help (KESSLinux 3.4, page 261123; KICS4Linux 1.3, page 236381),
//! and systemd.time(7).

use serde::Serialize;

use super::Exclusion;

/// A scan that somebody or a timer starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scan {
    /// What it is called, fit for the name of a unit.
    pub name: String,
    /// What is scanned.
    pub paths: Vec<String>,
    /// What of that is not.
    pub exclusions: Vec<Exclusion>,
    /// When; nothing starts it by itself without.
    pub schedule: Option<Schedule>,
}

/// When a scan starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// `OnCalendar=` or `OnBootSec=`, with its value.
    pub timer: String,
    /// Minutes of which a part is waited, so that not all start together.
    pub spread: u32,
    /// Whether a start that was missed is made up for.
    pub missed: bool,
    /// Minutes after which it is ended.
    pub most: Option<u32>,
    /// How it differs from what it was.
    pub differs: Option<String>,
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What a rule and its start come to: nothing for a task that is started by hand.
///
/// # Errors
/// Why no timer can do it.
pub(super) fn translate(rule: &str, start: &str) -> Result<Option<Schedule>, String> {
    let plain = |timer: String| Ok(Some(Schedule { timer, missed: true, ..Schedule::default() }));
    let differing = |timer: String, differs: String| {
        Ok(Some(Schedule { timer, missed: true, differs: Some(differs), ..Schedule::default() }))
    };
    match rule.to_ascii_lowercase().as_str() {
        "manual" => return Ok(None),
        "ps" => {
            return differing(
                "OnBootSec=5min".into(),
                "it starts with the machine, not with a program".into(),
            );
        }
        "br" => return Err("nothing here starts a scan after each update; give it a time of its own".into()),
        _ => {}
    }
    let start = Start::read(start)?;
    let time = format!("{:02}:{:02}:{:02}", start.hour, start.minute, start.second);
    match rule.to_ascii_lowercase().as_str() {
        "once" => {
            let (year, month, day) = start.date.ok_or("it has no date")?;
            plain(format!("OnCalendar={year:04}-{month:02}-{day:02} {time}"))
        }
        "weekly" => {
            let day = DAYS
                .iter()
                .find(|day| start.what.get(..3).is_some_and(|what| what.eq_ignore_ascii_case(day)));
            plain(format!("OnCalendar={} *-*-* {time}", day.ok_or("it has no day of the week")?))
        }
        "monthly" => match start.number()? {
            day @ 1..=28 => plain(format!("OnCalendar=*-*-{day:02} {time}")),
            day @ 29..=31 => differing(
                format!("OnCalendar=*-*~01 {time}"),
                format!("day {day} is the last day of each month, since some have none such"),
            ),
            _ => Err("it has no day of the month".into()),
        },
        "daily" => match start.number().unwrap_or(1) {
            0 | 1 => plain(format!("OnCalendar=*-*-* {time}")),
            days @ 2..=15 => differing(
                format!("OnCalendar=*-*-01/{days} {time}"),
                format!("every {days} days begins anew on the first of each month"),
            ),
            _ => differing(format!("OnCalendar=*-*-01 {time}"), "it runs once a month".into()),
        },
        "hourly" => {
            let hours = start.number().unwrap_or(1).max(1);
            let timer = |hours| {
                format!(
                    "OnCalendar=*-*-* {:02}/{hours}:{:02}:{:02}",
                    start.hour % hours,
                    start.minute,
                    start.second
                )
            };
            match hours {
                hours if hours < 24 && 24 % hours == 0 => plain(timer(hours)),
                hours if hours < 24 => {
                    differing(timer(hours), format!("every {hours} hours begins anew each day"))
                }
                _ => differing(format!("OnCalendar=*-*-* {time}"), "it runs once a day".into()),
            }
        }
        "minutely" => {
            let minutes = start.number().unwrap_or(1).max(1);
            let timer = |minutes| {
                format!("OnCalendar=*-*-* *:{:02}/{minutes}:{:02}", start.minute % minutes, start.second)
            };
            match minutes {
                minutes if minutes < 60 && 60 % minutes == 0 => plain(timer(minutes)),
                minutes if minutes < 60 => {
                    differing(timer(minutes), format!("every {minutes} minutes begins anew each hour"))
                }
                _ => differing(
                    format!("OnCalendar=*-*-* *:{:02}:{:02}", start.minute, start.second),
                    "it runs once an hour".into(),
                ),
            }
        }
        _ => Err(format!("the rule {rule:?} is not known")),
    }
}

/// `[2021/May/30] 23:05:00; [10|Tue]; [2]`
#[derive(Debug, Default)]
struct Start {
    date: Option<(u32, usize, u32)>,
    hour: u32,
    minute: u32,
    second: u32,
    what: String,
}

impl Start {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("the start {text:?} cannot be read");
        let (when, what) = text.split_once(';').unwrap_or((text, ""));
        let when = when.replace(['[', ']'], "");
        let mut parts: Vec<&str> = when.split_whitespace().collect();
        let time = parts.pop().ok_or_else(wrong)?;
        let numbers: Vec<u32> =
            time.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let &[hour @ 0..=23, minute @ 0..=59, second @ 0..=59] = numbers.as_slice() else {
            return Err(wrong());
        };
        let date = match parts.as_slice() {
            [] => None,
            [date] => Some(Self::date(date).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        };
        let what = what.split(';').next().unwrap_or_default().replace(['[', ']'], "").trim().to_owned();
        Ok(Self { date, hour, minute, second, what })
    }

    fn date(text: &str) -> Option<(u32, usize, u32)> {
        let mut parts = text.split('/');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let by_name = MONTHS
            .iter()
            .position(|name| month.get(..3).is_some_and(|month| month.eq_ignore_ascii_case(name)));
        let month = by_name.map(|place| place + 1).or_else(|| month.parse().ok())?;
        let (year, day) = (year.parse().ok()?, day.parse().ok()?);
        ((1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day))
            .then_some((year, month, day))
    }

    fn number(&self) -> Result<u32, String> {
        self.what.parse().map_err(|_| format!("{:?} is no number", self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_become_timers() {
        for (rule, start, timer) in [
            ("Weekly", "18:01:30;Tue", "OnCalendar=Tue *-*-* 18:01:30"),
            ("Monthly", "23:25:00;15", "OnCalendar=*-*-15 23:25:00"),
            ("Monthly", "23:25:00;31", "OnCalendar=*-*~01 23:25:00"),
            ("Daily", "[2021/May/30] [23]:[15]:[00]; ; 1", "OnCalendar=*-*-* 23:15:00"),
            ("Daily", "23:15:00;6", "OnCalendar=*-*-01/6 23:15:00"),
            ("Hourly", "2021/May/30 23:05:00;10", "OnCalendar=*-*-* 03/10:05:00"),
            ("Hourly", "23:05:00;6", "OnCalendar=*-*-* 05/6:05:00"),
            ("Minutely", "23:10:00;10", "OnCalendar=*-*-* *:00/10:00"),
            ("Once", "2027/1/2 03:04:05", "OnCalendar=2027-01-02 03:04:05"),
            ("PS", "", "OnBootSec=5min"),
        ] {
            assert_eq!(translate(rule, start).unwrap().unwrap().timer, timer);
        }
        assert_eq!(translate("Manual", ""), Ok(None));
        for (rule, start) in [
            ("BR", ""),
            ("Weekly", "24:00:00;Tue"),
            ("Weekly", "10:00:00"),
            ("Monthly", "1:2:3;x"),
            ("Never", "1:2:3"),
            ("Once", "1:2:3"),
            ("Once", "2027/13/1 1:2:3"),
            ("Daily", "\u{fc}"),
        ] {
            assert!(translate(rule, start).is_err(), "{rule} {start}");
        }
    }
}
