//! Asks 100,000 made-up names of 60,000 made-up entries on two threads, beside naive Jaro-Winkler over a sample.
#![allow(clippy::print_stdout, reason = "a program for its author")]

use std::time::Instant;

use candor_screening::entry::{Entry, Profile, Query, Ruling};
use candor_screening::name::Kind;
use candor_screening::search::Search;

const ENTRIES: usize = 60_000;
const QUERIES: usize = 100_000;
const SAMPLE: usize = 50;
const THREADS: usize = 2;

/// A generator of numbers (SplitMix64) with a fixed start, so that every run asks the same.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn word(&mut self) -> String {
        const STARTS: &[&str] = &[
            "ba", "ka", "mo", "ser", "vla", "zhi", "al", "chen", "ro", "pet", "sha", "gri", "lu", "ha", "ni",
            "ter", "wo", "yu", "de", "mar",
        ];
        const ENDS: &[&str] = &[
            "ov", "enko", "man", "ski", "ra", "lin", "tech", "dov", "ez", "son", "li", "mad", "zad", "ia",
            "corp", "nik", "berg", "wei", "ti", "go",
        ];
        let mut word = String::new();
        for _ in 0..=1 + self.below(2) {
            word.push_str(self.of(STARTS));
        }
        word + self.of(ENDS)
    }

    /// A name of two to four words; words come again as they do in real lists.
    fn name(&mut self, kind: Kind, words: &[String]) -> String {
        // Squaring makes the first words common and the last ones rare.
        let mut name: Vec<String> = (0..2)
            .map(|_| {
                let at = self.below(words.len());
                words[at * at / words.len()].clone()
            })
            .collect();
        if self.below(3) == 0 {
            name.push(self.word());
        }
        if kind == Kind::Organisation {
            name.push(
                self.of(&["Trading", "Technologies", "Group", "Logistics", "Bank", "International"])
                    .to_owned(),
            );
            name.push(self.of(&["LLC", "Ltd", "GmbH", "OOO", "Co., Ltd.", "JSC", "S.A."]).to_owned());
        }
        name.join(" ")
    }
}

fn main() {
    let mut random = Random(24);
    let words: Vec<String> = (0..20_000).map(|_| random.word()).collect();
    let kind = |at: usize| if at.is_multiple_of(2) { Kind::Person } else { Kind::Organisation };
    let entries: Vec<Entry> = (0..ENTRIES)
        .map(|at| Entry {
            id: at.to_string(),
            list: "made up".to_owned(),
            kind: kind(at),
            names: if at % 4 == 0 {
                vec![random.name(kind(at), &words), random.name(kind(at), &words)]
            } else {
                vec![random.name(kind(at), &words)]
            },
            countries: Vec::new(),
            addresses: Vec::new(),
            born: Vec::new(),
            programs: Vec::new(),
            source: String::new(),
            remarks: String::new(),
        })
        .collect();
    // Every tenth is a listed name with an error, which has to be found.
    let mut meant = Vec::new();
    let queries: Vec<Query> = (0..QUERIES)
        .map(|at| {
            let target = (at % 10 == 0).then(|| random.below(ENTRIES));
            let name = match target {
                Some(target) => misspelt(&entries[target].names[0], &mut random),
                None => random.name(kind(at), &words),
            };
            meant.push(target);
            Query {
                name,
                kind: target.map_or_else(|| kind(at), |target| entries[target].kind),
                country: None,
                born: None,
                address: None,
            }
        })
        .collect();

    let start = Instant::now();
    let search = Search::new(&entries);
    let filing = start.elapsed();
    let start = Instant::now();
    let answers = search.find_all(&queries, Profile::Balanced, THREADS);
    let asking = start.elapsed();
    let wanted = meant.iter().flatten().count();
    let found = answers
        .iter()
        .zip(&meant)
        .filter(|(matches, target)| {
            target.is_some_and(|target| {
                matches.iter().any(|found| found.entry == target && found.ruling > Ruling::NoMatch)
            })
        })
        .count();
    let matched = answers
        .iter()
        .filter(|matches| matches.first().is_some_and(|found| found.ruling == Ruling::Match))
        .count();

    let start = Instant::now();
    let mut alike = 0_usize;
    for query in queries.iter().take(SAMPLE) {
        let asked = query.name.to_lowercase();
        alike += entries
            .iter()
            .flat_map(|entry| &entry.names)
            .filter(|name| strsim::jaro_winkler(&asked, &name.to_lowercase()) >= 0.9)
            .count();
    }
    let naive = start.elapsed().as_secs_f64() / SAMPLE as f64 * QUERIES as f64 / THREADS as f64;
    println!(
        "{ENTRIES} entries filed in {filing:.2?}; {QUERIES} names asked in {asking:.2?} on {THREADS} threads"
    );
    println!("{found} of {wanted} misspelt names found; {matched} names match");
    println!(
        "naive Jaro-Winkler would take {naive:.0} s on {THREADS} threads ({alike} alike in a sample of {SAMPLE}): {:.0} times as long",
        naive / asking.as_secs_f64()
    );
}

/// Replaces one letter in the middle of a name.
fn misspelt(name: &str, random: &mut Random) -> String {
    let at = 1 + random.below(name.len().saturating_sub(2).max(1));
    name.char_indices()
        .map(|(index, c)| if index == at && c.is_ascii_lowercase() { 'e' } else { c })
        .collect()
}
