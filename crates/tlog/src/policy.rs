//! Whom a user believes: <https://c2sp.org/tlog-policy>.

use std::collections::{HashMap, HashSet};

use crate::cosignature::cosigned;
use crate::{Checkpoint, Error, KeyKind, Note, VerifyingKey};

/// Most bytes of a policy.
pub const MAX_POLICY: usize = 64 << 10;
/// Most logs, witnesses and groups, each.
const MAX_NAMES: usize = 256;
/// How far the clock of a witness may be ahead of ours, in seconds.
const CLOCK_SKEW: u64 = 600;

/// A log that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key, whose name is its origin.
    pub key: VerifyingKey,
    /// Where it is, if the policy says so.
    pub url: Option<String>,
}

/// A witness that the policy knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What the policy calls it.
    pub name: String,
    /// Its key.
    pub key: VerifyingKey,
    /// Where it can be asked, if the policy says so.
    pub url: Option<String>,
}

/// Logs, witnesses, and which of them must have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    /// Witnesses and groups in the order of their lines; members come before their group.
    voters: Vec<Voter>,
    /// Nothing for `quorum none`.
    quorum: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Voter {
    Witness(usize),
    Group { needed: usize, members: Vec<usize> },
}

/// A line of a policy that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct PolicyError {
    /// Its number, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// What a witness says of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessState {
    /// It has not cosigned it.
    Silent,
    /// It cosigned it, too long ago.
    Old {
        /// When, in seconds since 1970.
        time: u64,
    },
    /// It cosigned it at a time that is still to come: its clock or ours is wrong.
    Future {
        /// When, in seconds since 1970.
        time: u64,
    },
    /// It counts.
    Counted {
        /// When, in seconds since 1970.
        time: u64,
    },
}

/// How a checkpoint stands before a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The checkpoint, which a log of the policy signed.
    pub checkpoint: Checkpoint,
    /// Each witness of the policy, in its order.
    pub witnesses: Vec<WitnessState>,
    /// Whether the quorum cosigned within the age.
    pub quorum: bool,
    /// The latest time since which the quorum has cosigned, whatever the age allowed is; nothing if it never has, or none is asked for.
    pub witnessed: Option<u64>,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, PolicyError> {
        let whole = |reason: &str| PolicyError { line: 0, reason: reason.to_owned() };
        if bytes.len() > MAX_POLICY {
            return Err(whole("the policy is too long"));
        }
        if let Some(place) =
            bytes.iter().position(|&byte| (byte < 0x20 && byte != b'\t' && byte != b'\n') || byte == 0x7F)
        {
            let line = bytes[..place].iter().filter(|&&byte| byte == b'\n').count() + 1;
            return Err(PolicyError { line, reason: "there is a control character".to_owned() });
        }
        let mut reader = Reader::default();
        for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            // Names are bytes. Only what is no UTF-8 is changed, and then it does not matter into what.
            let line = String::from_utf8_lossy(line);
            reader.line(&line).map_err(|reason| PolicyError { line: number + 1, reason })?;
        }
        let quorum = reader.quorum.ok_or_else(|| whole("there is no quorum line"))?;
        Ok(Self { logs: reader.logs, witnesses: reader.witnesses, voters: reader.voters, quorum })
    }

    /// The logs, in the order of their lines.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// All keys of the log with this origin, as [`Evidence`](crate::Evidence) wants them.
    pub fn keys_of(&self, origin: &str) -> Vec<VerifyingKey> {
        self.logs.iter().filter(|log| log.key.name() == origin).map(|log| log.key.clone()).collect()
    }

    /// The witnesses, in the order of their lines.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether it demands a witness at all.
    pub fn demands_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// How a checkpoint stands at the time `now` if cosignatures may be `max_age` old, both in seconds.
    ///
    /// # Errors
    /// If no log of the policy signed it, if it is no checkpoint of that log, or if a signature of
    /// somebody known is wrong.
    pub fn assess(&self, note: &Note, now: u64, max_age: u64) -> Result<Assessment, Error> {
        let checkpoint = self.signed_by_log(note)?;
        let mut witnesses = Vec::with_capacity(self.witnesses.len());
        for witness in &self.witnesses {
            witnesses.push(match cosigned(note, &witness.key) {
                Err(Error::NotSigned(_)) => WitnessState::Silent,
                Err(error) => return Err(error),
                Ok(cosignature) => state(cosignature.time, now, max_age),
            });
        }
        let quorum = self.holds(|witness| matches!(witnesses[witness], WitnessState::Counted { .. }));
        let witnessed = self.witnessed(&witnesses);
        Ok(Assessment { checkpoint, witnesses, quorum, witnessed })
    }

    /// The checkpoint that is in a note, if a log of the policy signed it.
    ///
    /// # Errors
    /// As [`assess`](Self::assess).
    pub fn signed_by_log(&self, note: &Note) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::read(note)?;
        let mut signed = false;
        for log in self.logs.iter().filter(|log| log.key.name() == checkpoint.origin) {
            match note.signed_by(&log.key) {
                Ok(()) => signed = true,
                Err(Error::NotSigned(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if signed { Ok(checkpoint) } else { Err(Error::NotSigned("a log of the policy".to_owned())) }
    }

    fn witnessed(&self, states: &[WitnessState]) -> Option<u64> {
        self.quorum?;
        let time = |witness: usize| match states[witness] {
            WitnessState::Silent | WitnessState::Future { .. } => None,
            WitnessState::Old { time } | WitnessState::Counted { time } => Some(time),
        };
        let mut times: Vec<u64> = (0..states.len()).filter_map(time).collect();
        times.sort_unstable();
        times
            .into_iter()
            .rev()
            .find(|&since| self.holds(|witness| time(witness).is_some_and(|time| time >= since)))
    }

    /// Whether the quorum holds if these witnesses cosigned.
    fn holds(&self, cosigned: impl Fn(usize) -> bool) -> bool {
        let Some(quorum) = self.quorum else {
            return true;
        };
        let mut votes = Vec::with_capacity(self.voters.len());
        for voter in &self.voters {
            votes.push(match voter {
                Voter::Witness(witness) => cosigned(*witness),
                Voter::Group { needed, members } => {
                    members.iter().filter(|&&member| votes[member]).count() >= *needed
                }
            });
        }
        votes[quorum]
    }
}

fn state(time: u64, now: u64, max_age: u64) -> WitnessState {
    if time > now.saturating_add(CLOCK_SKEW) {
        WitnessState::Future { time }
    } else if now.saturating_sub(time) > max_age {
        WitnessState::Old { time }
    } else {
        WitnessState::Counted { time }
    }
}

#[derive(Default)]
struct Reader {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    voters: Vec<Voter>,
    names: HashMap<String, usize>,
    members: HashSet<usize>,
    quorum: Option<Option<usize>>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, needed, members @ ..] => self.group(name, needed, members),
            ["quorum", name] => self.quorum(name),
            [first @ ("log" | "witness" | "group" | "quorum"), ..] => {
                Err(format!("a {first} line has another number of words"))
            }
            [first, ..] => Err(format!("{first} is none of log, witness, group and quorum")),
        }
    }

    fn log(&mut self, key: &str, url: Option<&&str>) -> Result<(), String> {
        let key = key_of(key, KeyKind::Note)?;
        if self.logs.iter().any(|log| log.key.as_bytes() == key.as_bytes()) {
            return Err("this log is already there".to_owned());
        }
        full(self.logs.len())?;
        self.logs.push(Log { key, url: url.map(|url| (*url).to_owned()) });
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&&str>) -> Result<(), String> {
        let key = key_of(key, KeyKind::Cosignature)?;
        if self.witnesses.iter().any(|witness| witness.key.as_bytes() == key.as_bytes()) {
            return Err("this witness is already there under another name".to_owned());
        }
        self.voter(name, Voter::Witness(self.witnesses.len()))?;
        let url = url.map(|url| (*url).to_owned());
        self.witnesses.push(Witness { name: name.to_owned(), key, url });
        Ok(())
    }

    fn group(&mut self, name: &str, needed: &str, members: &[&str]) -> Result<(), String> {
        let needed = match needed {
            "any" => 1,
            "all" => members.len(),
            number => crate::encoding::decimal(number)
                .ok()
                .and_then(|number| usize::try_from(number).ok())
                .ok_or("a group needs any, all or a number")?,
        };
        if needed == 0 || needed > members.len() {
            return Err(format!("a group of {} cannot need {needed}", members.len()));
        }
        let mut places = Vec::with_capacity(members.len());
        for member in members {
            let place = *self.names.get(*member).ok_or_else(|| format!("{member} is not defined above"))?;
            if !self.members.insert(place) {
                return Err(format!("{member} is a member already; nobody votes twice"));
            }
            places.push(place);
        }
        self.voter(name, Voter::Group { needed, members: places })
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a second quorum line".to_owned());
        }
        let place = match name {
            "none" => None,
            name => Some(*self.names.get(name).ok_or_else(|| format!("{name} is not defined above"))?),
        };
        self.quorum = Some(place);
        Ok(())
    }

    fn voter(&mut self, name: &str, voter: Voter) -> Result<(), String> {
        full(self.voters.len())?;
        if name == "none" || self.names.insert(name.to_owned(), self.voters.len()).is_some() {
            return Err(format!("the name {name} is taken"));
        }
        self.voters.push(voter);
        Ok(())
    }
}

fn full(count: usize) -> Result<(), String> {
    if count < MAX_NAMES { Ok(()) } else { Err(format!("there are more than {MAX_NAMES}")) }
}

fn key_of(text: &str, kind: KeyKind) -> Result<VerifyingKey, String> {
    let key: VerifyingKey = text.parse().map_err(|error: Error| error.to_string())?;
    match kind {
        _ if key.kind() == kind => Ok(key),
        KeyKind::Note => Err("this is the key of a witness and not of a log".to_owned()),
        KeyKind::Cosignature => Err("this is the key of a log and not of a witness".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{SigningKey, cosign};

    fn log() -> SigningKey {
        SigningKey::new("example.org/log", KeyKind::Note, &[99; 32]).expect("a key")
    }

    fn witness(seed: u8) -> SigningKey {
        let name = format!("w{seed}.example.org");
        SigningKey::new(&name, KeyKind::Cosignature, &[seed; 32]).expect("a key")
    }

    /// Five witnesses `1` to `5`, and what follows.
    fn policy(rest: &str) -> Result<Policy, PolicyError> {
        let mut text = format!("# whom I believe\nlog {} https://example.org/\n\n", log().public());
        for seed in 1..=5 {
            text.push_str(&format!("\twitness {seed} {}  \n", witness(seed).public()));
        }
        Policy::read(format!("{text}{rest}").as_bytes())
    }

    fn note(cosignatures: &[(u8, u64)]) -> Note {
        let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 3, root: [7; 32] };
        let mut note = checkpoint.to_note().expect("a note");
        note.sign(&log());
        for &(seed, time) in cosignatures {
            let line = cosign(&note, &witness(seed), time).expect("a line");
            note.put(line);
        }
        note
    }

    #[test]
    fn quorums_are_counted_through_groups() {
        let policy =
            policy("group x 2 1 2 3\ngroup y any 4 5\ngroup both all x y\nquorum both\n").expect("a policy");
        for (who, expected) in [
            (&[1, 2, 4][..], true),
            (&[1, 3, 5], true),
            (&[1, 2, 3], false),
            (&[1, 4, 5], false),
            (&[], false),
        ] {
            let cosignatures: Vec<_> = who.iter().map(|&seed| (seed, 1000)).collect();
            let assessed = policy.assess(&note(&cosignatures), 1000, 60).expect("signed");
            assert_eq!(assessed.quorum, expected, "{who:?}");
        }
    }

    #[test]
    fn old_and_future_cosignatures_do_not_count() {
        let policy = policy("group x 2 1 2 3\nquorum x\n").expect("a policy");
        let note = note(&[(1, 1000), (2, 900), (3, 5000)]);
        let assessed = policy.assess(&note, 1000, 60).expect("signed");
        let expected = [
            WitnessState::Counted { time: 1000 },
            WitnessState::Old { time: 900 },
            WitnessState::Future { time: 5000 },
            WitnessState::Silent,
            WitnessState::Silent,
        ];
        assert_eq!((assessed.quorum, assessed.witnesses), (false, expected.to_vec()));
        assert_eq!(assessed.witnessed, Some(900));
        assert!(policy.assess(&note, 1000, 100).expect("signed").quorum);
    }

    #[test]
    fn another_log_or_a_wrong_line_is_refused() {
        let policy = policy("quorum none\n").expect("a policy");
        assert!(policy.assess(&note(&[]), 0, 0).expect("signed").quorum);
        let mut foreign = Checkpoint { origin: "example.org/other".to_owned(), size: 3, root: [7; 32] }
            .to_note()
            .expect("a note");
        foreign.sign(&log());
        assert!(matches!(policy.assess(&foreign, 0, 0), Err(Error::NotSigned(_))));
        let mut lying = note(&[(1, 1000)]);
        let mut line = lying.signatures()[1].clone();
        line.signature[40] ^= 1;
        lying.put(line);
        assert!(matches!(policy.assess(&lying, 1000, 60), Err(Error::WrongSignature(_))));
    }

    #[test]
    fn wrong_lines_are_named() {
        for (rest, line, part) in [
            ("", 0, "no quorum"),
            ("quorum x\n", 9, "not defined"),
            ("quorum none\nquorum none\n", 10, "second quorum"),
            ("group x 3 1 2\n", 9, "cannot need 3"),
            ("group x any\n", 9, "cannot need"),
            ("group x 01 1\n", 9, "any, all or a number"),
            ("group x 1 1 1\n", 9, "votes twice"),
            ("group x 1 1\ngroup y 1 1\n", 10, "votes twice"),
            ("group 1 any 2\n", 9, "taken"),
            ("group none any 2\n", 9, "taken"),
            ("mirror x\n", 9, "none of"),
            ("log\n", 9, "number of words"),
            ("log x\n", 9, "NAME+ID+KEY"),
            ("quorum none\r\n", 9, "control character"),
        ] {
            let error = policy(rest).expect_err(rest);
            assert_eq!(error.line, line, "{rest:?}: {error}");
            assert!(error.reason.contains(part), "{rest:?}: {error}");
        }
        let again = format!("log {}\n", log().public());
        assert!(policy(&again).expect_err("twice").reason.contains("already"));
        let swapped = format!("log {}\n", witness(9).public());
        assert!(policy(&swapped).expect_err("swapped").reason.contains("of a witness"));
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read(bytes: Vec<u8>, words in "((log|witness|group|quorum|any|all|none|a|b|1)[ \n]){0,40}") {
            let _ = Policy::read(&bytes);
            let _ = Policy::read(words.as_bytes());
        }
    }
}
