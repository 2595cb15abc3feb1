//! The index over the names of a list: few candidates by what they share with the asked name, then the exact score.
//!
//! Every name is filed under its words, their sounds, the groups of three letters in them, and its initials. A question
//! reads the rarest of these lists first and stops after a fixed number of names, so that no question is dear.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::entry::{Entry, Match, Profile, Query, Ruling};
use crate::name::{Class, Kind, Name};
use crate::ruling::{self, Scored};

/// The most answers to one question.
pub const MOST_MATCHES: usize = 20;
/// The most names that are scored for one question.
const MOST_CANDIDATES: usize = 24;
/// The most filed names that one question reads.
const MOST_READ: usize = 8_000;
/// Questions that a thread takes at once.
const BATCH: usize = 64;

/// A list that can be asked.
pub struct Search<'e> {
    entries: &'e [Entry],
    names: Vec<Listed>,
    /// For each name the weight of all that it is filed under; apart from the names, as thousands are read per question.
    totals: Vec<f32>,
    /// The legal forms of each entry's names.
    forms: Vec<Vec<&'static str>>,
    filed: HashMap<u64, Vec<u32>>,
}

struct Listed {
    entry: usize,
    /// Which of the entry's names.
    at: usize,
    name: Name,
}

/// What a thread keeps between questions.
struct Scratch {
    shared: Vec<f32>,
    touched: Vec<u32>,
}

impl<'e> Search<'e> {
    /// Reads and files all names of the entries.
    pub fn new(entries: &'e [Entry]) -> Self {
        let mut names = Vec::new();
        let mut forms = Vec::with_capacity(entries.len());
        let mut filed: HashMap<u64, Vec<u32>> = HashMap::new();
        for (entry, listed) in entries.iter().enumerate() {
            let mut of_entry = Vec::new();
            for (at, name) in listed.names.iter().enumerate() {
                let name = Name::new(name, listed.kind);
                of_entry.extend(name.form);
                let number = u32::try_from(names.len()).unwrap_or(u32::MAX);
                let keys = keys(&name);
                for (key, _) in &keys {
                    filed.entry(*key).or_default().push(number);
                }
                names.push(Listed { entry, at, name });
            }
            forms.push(of_entry);
        }
        let mut search = Self { entries, names, totals: Vec::new(), forms, filed };
        search.totals = search
            .names
            .iter()
            .map(|listed| search.weigh(&keys(&listed.name)).iter().map(|(_, weight)| weight).sum())
            .collect();
        search
    }

    /// The entries that the asked party may be, best first, at most [`MOST_MATCHES`]. When there are none, the nearest
    /// entry is told with [`Ruling::NoMatch`], so that its score can be recorded.
    pub fn find(&self, query: &Query, profile: Profile) -> Vec<Match> {
        self.ask(query, profile, &mut self.scratch())
    }

    /// Answers many questions, in their order, on this many threads (at least one, at most 64).
    pub fn find_all(&self, queries: &[Query], profile: Profile, threads: usize) -> Vec<Vec<Match>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut scratch = self.scratch();
            let mut done = Vec::new();
            loop {
                let start = next.fetch_add(BATCH, Ordering::Relaxed);
                let Some(rest) = queries.get(start..).filter(|rest| !rest.is_empty()) else { return done };
                for (at, query) in rest.iter().take(BATCH).enumerate() {
                    done.push((start + at, self.ask(query, profile, &mut scratch)));
                }
            }
        };
        let mut answers: Vec<Vec<Match>> = Vec::new();
        answers.resize_with(queries.len(), Vec::new);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.clamp(1, 64)).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                match other.join() {
                    Ok(more) => done.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            for (at, matches) in done {
                answers[at] = matches;
            }
        });
        answers
    }

    fn scratch(&self) -> Scratch {
        Scratch { shared: vec![0.0; self.names.len()], touched: Vec::new() }
    }

    fn ask(&self, query: &Query, profile: Profile, scratch: &mut Scratch) -> Vec<Match> {
        let readings = Readings::new(query);
        let mut best: HashMap<usize, (usize, Kind, Scored)> = HashMap::new();
        for number in self.candidates(readings.first(), scratch) {
            let listed = &self.names[number as usize];
            let entry = &self.entries[listed.entry];
            let kind = ruling::common_kind(query.kind, entry.kind);
            let asked = readings.of(kind);
            // An entry that does not say what it is was read as an organisation.
            let reread = (kind == Kind::Person && entry.kind != Kind::Person)
                .then(|| Name::new(&listed.name.original, kind));
            let scored = ruling::score(
                asked,
                reread.as_ref().unwrap_or(&listed.name),
                &self.forms[listed.entry],
                kind,
            );
            let rank = |scored: &Scored| (scored.ruling(profile), scored.score);
            let better = best.get(&listed.entry).is_none_or(|(_, _, other)| rank(&scored) > rank(other));
            if better {
                best.insert(listed.entry, (listed.at, kind, scored));
            }
        }
        let mut matches: Vec<(Match, Kind, Scored)> = best
            .into_iter()
            .map(|(entry, (name, kind, mut scored))| {
                let ruling = ruling::rule(&mut scored, query, &self.entries[entry], profile);
                (
                    Match {
                        entry,
                        name,
                        score: scored.score,
                        parts: Vec::new(),
                        ruling,
                        flags: scored.flags.clone(),
                    },
                    kind,
                    scored,
                )
            })
            .collect();
        matches.sort_by(|(a, ..), (b, ..)| {
            b.ruling.cmp(&a.ruling).then(b.score.total_cmp(&a.score)).then(a.entry.cmp(&b.entry))
        });
        let hits = matches.iter().filter(|(found, ..)| found.ruling > Ruling::NoMatch).count();
        matches.truncate(hits.clamp(1, MOST_MATCHES));
        let explain = |(found, kind, scored): (Match, Kind, Scored)| Match {
            parts: ruling::parts(&scored.features, kind),
            ..found
        };
        matches.into_iter().map(explain).collect()
    }

    /// Names that share the most with the asked one, the most first.
    fn candidates(&self, asked: &Name, scratch: &mut Scratch) -> Vec<u32> {
        let mut lists: Vec<(&[u32], f32)> = Vec::new();
        let mut asked_total = 0.0;
        let keys = keys(asked);
        for ((key, _), (_, weight)) in keys.iter().zip(self.weigh(&keys)) {
            asked_total += weight;
            if let Some(list) = self.filed.get(key) {
                lists.push((list, weight));
            }
        }
        lists.sort_by_key(|(list, _)| list.len());
        let mut read = 0;
        for (list, weight) in lists {
            // When even the rarest list is long its first names stand for all.
            let list = if read == 0 { &list[..list.len().min(MOST_READ)] } else { list };
            if read + list.len() > MOST_READ {
                break;
            }
            read += list.len();
            for number in list {
                let shared = &mut scratch.shared[*number as usize];
                if *shared == 0.0 {
                    scratch.touched.push(*number);
                }
                *shared += weight;
            }
        }
        let share = |number: u32, shared: f32| {
            let total = self.totals[number as usize];
            // Between the share of the shorter and that of both: names are often given short.
            shared / (asked_total.min(total) + 0.5 * asked_total.max(total)).max(0.01)
        };
        let mut ranked: Vec<(f32, u32)> = scratch
            .touched
            .iter()
            .map(|number| (share(*number, scratch.shared[*number as usize]), *number))
            .collect();
        for number in scratch.touched.drain(..) {
            scratch.shared[number as usize] = 0.0;
        }
        let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if ranked.len() > MOST_CANDIDATES {
            ranked.select_nth_unstable_by(MOST_CANDIDATES, order);
            ranked.truncate(MOST_CANDIDATES);
        }
        ranked.sort_by(order);
        ranked.into_iter().map(|(_, number)| number).collect()
    }

    /// Weights of keys: rare ones say more.
    fn weigh(&self, keys: &[(u64, f32)]) -> Vec<(u64, f32)> {
        let all = self.names.len().max(1) as f32;
        let rare = |key: &u64| (1.0 + all / self.filed.get(key).map_or(1, Vec::len) as f32).ln();
        keys.iter().map(|(key, weight)| (*key, weight * rare(key))).collect()
    }
}

/// The asked name as a person's and as an organisation's, for lists that have both.
struct Readings {
    person: Name,
    organisation: Name,
    asked: Kind,
}

impl Readings {
    fn new(query: &Query) -> Self {
        Self {
            person: Name::new(&query.name, Kind::Person),
            organisation: Name::new(&query.name, Kind::Organisation),
            asked: query.kind,
        }
    }

    /// The reading that candidates are looked for with.
    fn first(&self) -> &Name {
        self.of(self.asked)
    }

    fn of(&self, kind: Kind) -> &Name {
        if kind == Kind::Person { &self.person } else { &self.organisation }
    }
}

/// What a name is filed under, with the weight of each, without repetition.
fn keys(name: &Name) -> Vec<(u64, f32)> {
    let mut keys = Vec::with_capacity(32);
    for word in name.words.iter().filter(|word| word.class != Class::Light || name.words.len() == 1) {
        keys.push((key(b'w', word.text.as_bytes()), 2.0 * word.weight));
        if word.sound.len() >= 2 {
            keys.push((key(b's', word.sound.as_bytes()), 1.2 * word.weight));
        }
    }
    // Groups of three run over the joined spelling too, so that a name is found however its words are divided.
    let joined = format!("^{}$", name.joined);
    for group in joined.as_bytes().windows(3) {
        keys.push((key(b'g', group), 0.4));
    }
    let heavy: Vec<&str> =
        name.words.iter().filter(|word| word.class != Class::Light).map(|word| word.text.as_str()).collect();
    if heavy.len() >= 3 {
        let initials: Vec<u8> = heavy.iter().filter_map(|word| word.bytes().next()).collect();
        keys.push((key(b'i', &initials), 2.0));
    }
    if let Some(first) =
        heavy.first().filter(|first| first.len() >= 3 && first.len() <= 8 && heavy.len() <= 2)
    {
        keys.push((key(b'i', first.as_bytes()), 2.0));
    }
    keys.sort_by_key(|(key, _)| *key);
    keys.dedup_by_key(|(key, _)| *key);
    keys
}

/// FNV-1a of a kind of key and its text.
fn key(kind: u8, text: &[u8]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.iter().fold(step(0xcbf2_9ce4_8422_2325, kind), |hash, byte| step(hash, *byte))
}
