//! The TXT record that tells the newest versions.
//!
//! Fields split by colons: 0 the newest ClamAV, 1 main, 2 daily, 3 when it was made, in seconds since 1970, 4 a flag,
//! 5 the functionality level, 6 what was safebrowsing, 7 bytecode.

/// How old a record may be, in seconds.
const MOST_AGE: u64 = 12 * 3600;
/// How far in the future it may have been made, in seconds: clocks differ.
const MOST_AHEAD: u64 = 3600;
/// Longest number of a ClamAV.
const LONGEST_SOFTWARE: usize = 32;

/// What the record says. Nobody has signed it: it can only be the reason to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The number of the newest ClamAV.
    pub software: String,
    main: u32,
    daily: u32,
    bytecode: u32,
}

impl Record {
    /// The record in a text.
    ///
    /// # Errors
    /// Why it is none, or none for today.
    pub fn parse(text: &str, now: u64) -> Result<Self, String> {
        let fields: Vec<&str> = text.split(':').collect();
        let [software, main, daily, made, _, _, _, bytecode, ..] = fields[..] else {
            return Err("it has too few fields".to_owned());
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        if software.is_empty() || software.len() > LONGEST_SOFTWARE || !software.chars().all(plain) {
            return Err("its number of ClamAV is none".to_owned());
        }
        let made: u64 = number(made)?;
        if now.saturating_sub(made) > MOST_AGE {
            return Err("it is older than 12 hours".to_owned());
        }
        if made.saturating_sub(now) > MOST_AHEAD {
            return Err("it was made in the future".to_owned());
        }
        let (main, daily, bytecode) = (number(main)?, number(daily)?, number(bytecode)?);
        Ok(Self { software: software.to_owned(), main, daily, bytecode })
    }

    /// The newest version of a container; nothing for those that the record does not tell of.
    pub fn version(&self, name: &str) -> Option<u32> {
        match name {
            "main" => Some(self.main),
            "daily" => Some(self.daily),
            "bytecode" => Some(self.bytecode),
            _ => None,
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| "one of its numbers is none".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_795_000_000;

    #[test]
    fn a_record_tells_versions() {
        let record = Record::parse(&format!("1.5.1:62:27800:{NOW}:1:90:49192:339"), NOW).unwrap();
        assert_eq!(record.software, "1.5.1");
        let versions = ["main", "daily", "bytecode", "other"].map(|name| record.version(name));
        assert_eq!(versions, [Some(62), Some(27800), Some(339), None]);
    }

    #[test]
    fn old_and_wrong_ones_are_not_believed() {
        for (text, reason) in [
            (format!("1.5.1:62:27800:{}:1:90:49192:339", NOW - 43_201), "older"),
            (format!("1.5.1:62:27800:{}:1:90:49192:339", NOW + 3601), "future"),
            (format!("1.5.1:62:27800:{NOW}:1:90:49192"), "few"),
            (format!("1.5.1:-62:27800:{NOW}:1:90:49192:339"), "number"),
            (format!("1.5.1:62:99999999999:{NOW}:1:90:49192:339"), "number"),
            (format!("\x1b[2J:62:27800:{NOW}:1:90:49192:339"), "ClamAV"),
            (String::new(), "few"),
        ] {
            let told = Record::parse(&text, NOW).unwrap_err();
            assert!(told.contains(reason), "{text:?}: {told}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_is_read_or_refused(text in "[0-9:.a-z-]{0,80}") {
            let _ = Record::parse(&text, NOW);
        }
    }
}
