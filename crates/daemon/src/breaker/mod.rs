//! The breaker: a burst of detections after new databases went live means that they are wrong more often than that
//! the world became worse in an hour.
//!
//! It is fed with what happened and when, has no clock of its own and does nothing by itself. While databases are new
//! it counts distinct contents, of each signature and of all together, and compares them with what the databases before
//! found in the same time. One unmodified file of a package is enough. Databases that tripped it are not acted upon any
//! more, and are not put into use again as long as the service runs.

mod package;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

pub(crate) use package::{Lookups, vouching};

/// Most distinct contents that are remembered of one database; more than any sensible threshold.
const MOST_CONTENTS: usize = 100_000;
/// Most signatures of one database whose contents are told apart, and names of one detection that are looked at.
const MOST_SIGNATURES: usize = 10_000;
const MOST_NAMES: usize = 16;
/// Most bytes of a name.
const LONGEST_NAME: usize = 256;
/// Most databases that tripped it and are remembered.
const MOST_TRIPPED: usize = 64;

/// When it trips.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether it is there at all.
    pub(crate) enabled: bool,
    /// How long databases are new.
    pub(crate) window: Duration,
    /// Least distinct contents of one signature that trip it.
    pub(crate) contents_of_a_signature: usize,
    /// Least distinct contents of all signatures together that trip it.
    pub(crate) contents: usize,
    /// And least how many times as many as before.
    pub(crate) factor: usize,
    /// Detection names that do not count: those of test files.
    pub(crate) ignored: Vec<String>,
}

/// What names databases.
pub(crate) type Identity = [u8; 32];

/// Content in which something was detected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detection<'d> {
    /// The databases.
    pub(crate) identity: Identity,
    /// What tells the content from others.
    pub(crate) content: [u8; 32],
    /// The detection names.
    pub(crate) names: &'d [&'d str],
    /// The package whose unmodified file it is.
    pub(crate) package: Option<&'d str>,
}

/// Why it tripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trip {
    /// The databases that are not trusted any more.
    pub(crate) identity: Identity,
    /// Why, for people.
    pub(crate) reason: String,
}

/// The breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: Settings,
    live: Live,
    /// What was found before the databases that are live.
    before: Rate,
    trip: Option<Trip>,
    trips: u64,
    tripped: Vec<Identity>,
}

/// Databases in use, and what they found.
#[derive(Debug)]
struct Live {
    identity: Identity,
    since: Instant,
    /// Whether they are new, or those that were there when the service started or that it went back to.
    new: bool,
    contents: HashSet<[u8; 32]>,
    signatures: HashMap<String, HashSet<[u8; 32]>>,
}

/// Distinct contents in some time.
#[derive(Debug, Default)]
struct Rate {
    time: Duration,
    contents: usize,
    signatures: HashMap<String, usize>,
}

impl Breaker {
    /// With the databases that are in use when the service starts.
    pub(crate) fn new(settings: Settings, identity: Identity, now: Instant) -> Self {
        let (before, tripped) = (Rate::default(), Vec::new());
        Self { settings, live: Live::new(identity, now, false), before, trip: None, trips: 0, tripped }
    }

    /// Other databases are in use, since somebody wants them.
    pub(crate) fn went_live(&mut self, identity: Identity, now: Instant) {
        if identity == self.live.identity {
            return;
        }
        self.replace(Live::new(identity, now, true), now);
        self.trip = None;
    }

    /// The databases from before are in use again.
    pub(crate) fn went_back(&mut self, identity: Identity, now: Instant) {
        self.replace(Live::new(identity, now, false), now);
    }

    /// What databases find that tripped it is no measure for those after them.
    fn replace(&mut self, live: Live, now: Instant) {
        let old = std::mem::replace(&mut self.live, live);
        if !self.refuses(old.identity) {
            self.before = old.rate(now);
        }
    }

    /// Notes a detection; whether it trips the breaker now.
    pub(crate) fn detected(&mut self, detection: &Detection<'_>, now: Instant) -> Option<Trip> {
        let counts = |name: &&&str| !self.settings.ignored.iter().any(|ignored| ignored == **name);
        let names: Vec<&str> = detection.names.iter().filter(counts).take(MOST_NAMES).copied().collect();
        let stale = detection.identity != self.live.identity || self.refuses(detection.identity);
        if !self.settings.enabled || stale || names.is_empty() {
            return None;
        }
        let reason = self.count(detection, &names, now)?;
        // Names are whatever the databases say.
        let reason = reason.replace(|character: char| !matches!(character, ' '..='~'), "?");
        let trip = Trip { identity: detection.identity, reason };
        self.tripped.truncate(MOST_TRIPPED - 1);
        self.tripped.insert(0, detection.identity);
        self.trips = self.trips.saturating_add(1);
        self.trip = Some(trip.clone());
        Some(trip)
    }

    /// Counts a detection; why that is too much, if it is.
    fn count(&mut self, detection: &Detection<'_>, names: &[&str], now: Instant) -> Option<String> {
        let Settings { window, contents, contents_of_a_signature, factor, .. } = self.settings;
        let watched = self.live.is_new(window, now);
        let least = |least: usize, before: usize| least.max(before.saturating_mul(factor)).max(1);
        if let (true, Some(package)) = (watched, detection.package) {
            let name = names.first().unwrap_or(&"");
            return Some(format!("{name} is found in an unmodified file of the package {package}"));
        }
        for name in names {
            let name = name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or_default();
            let found = self.live.add(name, detection.content);
            let before =
                self.before.signatures.get(name).map_or(0, |count| self.before.within(*count, window));
            if watched && found >= least(contents_of_a_signature, before) {
                return Some(format!("{name} is found in {found} contents, and was in {before} before"));
            }
        }
        if self.live.contents.len() < MOST_CONTENTS {
            self.live.contents.insert(detection.content);
        }
        let (found, before) = (self.live.contents.len(), self.before.within(self.before.contents, window));
        let too_many = watched && found >= least(contents, before).min(MOST_CONTENTS);
        too_many.then(|| format!("something is found in {found} contents, and was in {before} before"))
    }

    /// Whether a file's package matters now: databases are new.
    pub(crate) fn watches(&self, identity: Identity, now: Instant) -> bool {
        self.settings.enabled && identity == self.live.identity && self.live.is_new(self.settings.window, now)
    }

    /// Whether what these databases find is only reported, and they are not put into use again.
    pub(crate) fn refuses(&self, identity: Identity) -> bool {
        self.tripped.contains(&identity)
    }

    /// Why it is tripped, until somebody puts other databases into use.
    pub(crate) fn tripped(&self) -> Option<&Trip> {
        self.trip.as_ref()
    }

    /// How often it tripped.
    pub(crate) fn trips(&self) -> u64 {
        self.trips
    }
}

impl Live {
    fn new(identity: Identity, since: Instant, new: bool) -> Self {
        Self { identity, since, new, contents: HashSet::new(), signatures: HashMap::new() }
    }

    fn is_new(&self, window: Duration, now: Instant) -> bool {
        self.new && now.saturating_duration_since(self.since) < window
    }

    /// Adds content to a signature; how many it has.
    fn add(&mut self, name: &str, content: [u8; 32]) -> usize {
        let room = self.signatures.len() < MOST_SIGNATURES && self.contents.len() < MOST_CONTENTS;
        match self.signatures.get_mut(name) {
            Some(contents) => {
                if room {
                    contents.insert(content);
                }
                contents.len()
            }
            None if room => {
                self.signatures.insert(name.to_owned(), HashSet::from([content]));
                1
            }
            None => 0,
        }
    }

    fn rate(&self, now: Instant) -> Rate {
        let signatures = self.signatures.iter().map(|(name, contents)| (name.clone(), contents.len()));
        Rate {
            time: now.saturating_duration_since(self.since),
            contents: self.contents.len(),
            signatures: signatures.collect(),
        }
    }
}

impl Rate {
    /// How many of so many fall into such a time, rounded up; of a shorter time all of them.
    fn within(&self, count: usize, window: Duration) -> usize {
        let (time, window) = (self.time.max(window).as_millis().max(1), window.as_millis());
        usize::try_from((count as u128).saturating_mul(window).div_ceil(time)).unwrap_or(usize::MAX)
    }
}
