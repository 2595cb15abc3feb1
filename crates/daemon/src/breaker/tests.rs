//! Bursts, outbreaks and the clock.

use super::*;

const OLD: Identity = [1; 32];
const NEW: Identity = [2; 32];
const NEXT: Identity = [3; 32];

fn settings() -> Settings {
    Settings {
        enabled: true,
        window: Duration::from_secs(3600),
        contents_of_a_signature: 5,
        contents: 20,
        factor: 10,
        ignored: vec!["Test.Eicar".to_owned()],
    }
}

struct Feed {
    breaker: Breaker,
    start: Instant,
    now: Duration,
    next: u64,
}

impl Feed {
    fn new() -> Self {
        let start = Instant::now();
        Self { breaker: Breaker::new(settings(), OLD, start), start, now: Duration::ZERO, next: 0 }
    }

    fn now(&self) -> Instant {
        self.start + self.now
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn live(&mut self, identity: Identity) {
        self.breaker.went_live(identity, self.now());
    }

    fn content(number: u64) -> [u8; 32] {
        let mut content = [0; 32];
        content[..8].copy_from_slice(&number.to_le_bytes());
        content
    }

    fn detect(&mut self, identity: Identity, name: &str, number: u64, package: Option<&str>) -> Option<Trip> {
        let detection = Detection { identity, content: Self::content(number), names: &[name], package };
        let now = self.now();
        self.breaker.detected(&detection, now)
    }

    /// So many other contents; how many it takes until it trips.
    fn burst(&mut self, identity: Identity, name: &str, count: u64) -> Option<u64> {
        (1..=count).find(|_| {
            self.next += 1;
            self.detect(identity, name, self.next, None).is_some()
        })
    }
}

#[test]
fn a_burst_of_one_new_signature_trips() {
    let mut feed = Feed::new();
    feed.live(NEW);
    assert_eq!(feed.burst(NEW, "A", 100), Some(5));
    let trip = feed.breaker.tripped().unwrap();
    assert!(trip.identity == NEW && trip.reason.contains("A is found in 5 contents"), "{trip:?}");
    assert!(feed.breaker.refuses(NEW) && !feed.breaker.refuses(OLD));
    // It trips once, and what is still under way does not count for those after it.
    assert_eq!(feed.burst(NEW, "A", 100), None);
    assert_eq!(feed.breaker.trips(), 1);
    feed.breaker.went_back(OLD, feed.now());
    assert_eq!(feed.burst(OLD, "A", 100), None);
    assert!(feed.breaker.tripped().is_some());
    feed.live(NEXT);
    assert!(feed.breaker.tripped().is_none() && feed.breaker.refuses(NEW));
}

#[test]
fn many_signatures_together_trip() {
    let mut feed = Feed::new();
    feed.live(NEW);
    let tripped = (0..100).find(|number| feed.burst(NEW, &format!("S{number}"), 1).is_some());
    assert_eq!(tripped, Some(19));
}

#[test]
fn the_same_content_counts_once() {
    let mut feed = Feed::new();
    feed.live(NEW);
    assert!((0..1000).all(|_| feed.detect(NEW, "A", 7, None).is_none()));
}

#[test]
fn what_was_as_frequent_before_is_no_burst() {
    let mut feed = Feed::new();
    assert_eq!(feed.burst(OLD, "A", 30), None);
    feed.wait(2 * 3600);
    feed.live(NEW);
    // 15 an hour; ten times as many are a burst.
    assert_eq!(feed.burst(NEW, "A", 1000), Some(150));
    let mut feed = Feed::new();
    assert_eq!(feed.burst(OLD, "A", 30), None);
    feed.wait(2 * 3600);
    feed.live(NEW);
    assert_eq!(feed.burst(NEW, "B", 1000), Some(5));
}

#[test]
fn one_file_of_a_package_is_enough() {
    let mut feed = Feed::new();
    assert_eq!(feed.detect(OLD, "A", 1, Some("libc6")), None);
    feed.live(NEW);
    assert_eq!(feed.detect(NEW, "Test.Eicar", 1, Some("testfiles")), None);
    let trip = feed.detect(NEW, "A", 1, Some("libc6")).unwrap();
    assert!(trip.reason.contains("package libc6"), "{}", trip.reason);
}

#[test]
fn only_new_databases_are_watched_and_not_for_ever() {
    let mut feed = Feed::new();
    assert_eq!(feed.burst(OLD, "A", 1000), None);
    feed.live(OLD);
    assert_eq!(feed.burst(OLD, "A", 1000), None);
    feed.live(NEW);
    assert!(feed.breaker.watches(NEW, feed.now()) && !feed.breaker.watches(OLD, feed.now()));
    feed.wait(3600);
    assert_eq!(feed.burst(NEW, "C", 1000), None);
    assert_eq!(feed.detect(NEW, "C", 0, Some("libc6")), None);
    assert!(!feed.breaker.watches(NEW, feed.now()));
    let mut off = Breaker::new(Settings { enabled: false, ..settings() }, OLD, feed.now());
    off.went_live(NEW, feed.now());
    let detection = Detection { identity: NEW, content: [0; 32], names: &["A"], package: Some("libc6") };
    assert_eq!(off.detected(&detection, feed.now()), None);
}

#[test]
fn a_database_that_tripped_is_no_measure_for_the_next() {
    let mut feed = Feed::new();
    feed.live(NEW);
    assert_eq!(feed.burst(NEW, "A", 100), Some(5));
    feed.breaker.went_back(OLD, feed.now());
    feed.wait(10);
    feed.live(NEXT);
    assert_eq!(feed.burst(NEXT, "A", 100), Some(5));
    assert_eq!(feed.breaker.trips(), 2);
}

#[test]
fn memory_is_bounded() {
    let mut feed = Feed::new();
    for number in 0..(MOST_CONTENTS as u64 + 10) {
        assert_eq!(feed.burst(OLD, &format!("S{number}"), 1), None);
    }
    assert_eq!(feed.breaker.live.contents.len(), MOST_CONTENTS);
    assert_eq!(feed.breaker.live.signatures.len(), MOST_SIGNATURES);
}
