//! What two names have in common, as numbers that the scoring model weighs.

use crate::name::{Class, Name, Word};

/// The numbers, each from 0 to 1. Their names are what explanations print.
pub const FEATURES: [&str; 22] = [
    "shorter name covered",
    "worst word pair",
    "words that contradict",
    "words only one has",
    "whole spelling",
    "edits",
    "worst pair sounds alike",
    "last words",
    "first words",
    "single word",
    "legal form differs",
    "place contradicts",
    "exact words",
    "number contradicts",
    "unlikeness of the worst pair",
    "more than one edit in a word",
    "first letters differ",
    "acronym",
    "initial for a word",
    "more words, the rest exact",
    "replaced word",
    "more edits than one in the whole",
];

/// The number that tells whether the legal forms differ.
pub(crate) const LEGAL_FORM: usize = 10;
const UNLIKENESS: usize = 14;
const EDITS_IN_WORD: usize = 15;
const ACRONYM: usize = 17;

/// How many numbers describe a pair.
pub const COUNT: usize = FEATURES.len();

/// The measured pair.
pub type Features = [f32; COUNT];

/// Compares two names.
pub fn compare(left: &Name, right: &Name) -> Features {
    let short_left = acronym(left, right).then(|| right.shortened(&left.words[0]));
    let short_right = acronym(right, left).then(|| left.shortened(&right.words[0]));
    let is_acronym = short_left.is_some() || short_right.is_some();
    let (left, right) = (short_right.as_ref().unwrap_or(left), short_left.as_ref().unwrap_or(right));
    let (left, right) = (&left.joined_like(right), &right.joined_like(left));
    let pairs = align(&left.words, &right.words);
    let total = |words: &[Word]| words.iter().map(|word| word.weight).sum::<f32>().max(0.1);
    let (left_total, right_total) = (total(&left.words), total(&right.words));
    let (mut left_over, mut right_over) = (left_total, right_total);
    let (mut covered, mut worst, mut worst_sounds, mut edits, mut exact) =
        (0.0_f32, 1.0_f32, true, 0.0_f32, 0.0_f32);
    for pair in &pairs {
        let (a, b) = (&left.words[pair.left], &right.words[pair.right]);
        let weight = a.weight.min(b.weight);
        covered += weight * pair.similarity;
        left_over -= a.weight;
        right_over -= b.weight;
        if weight >= 0.4 && pair.similarity < worst {
            worst = pair.similarity;
            worst_sounds = a.sound == b.sound;
        }
        if weight >= 0.4 {
            edits += edits_of(a, b) as f32;
            exact += f32::from(u8::from(a.text == b.text));
        }
    }
    let whole = similarity(&left.joined, &right.joined);
    let merged = left.words.len() != right.words.len() && left.joined.len() > 5 && whole > 0.9;
    if merged {
        covered = covered.max(left_total.min(right_total) * whole);
        (left_over, right_over) = (0.0, 0.0);
        worst = worst.max(whole);
    }
    let (left_over, right_over) = (left_over.max(0.0), right_over.max(0.0));
    let worst_pair = if merged { None } else { worst_of(left, right, &pairs) };
    let (forced, forced_edits, other_start) = worst_pair.map_or((1.0, 0, false), |(a, b)| {
        (word_similarity(a, b), edits_of(a, b), a.text.as_bytes().first() != b.text.as_bytes().first())
    });
    let initial = pairs.iter().any(|pair| {
        let (a, b) = (left.words[pair.left].class, right.words[pair.right].class);
        (a == Class::Initial) != (b == Class::Initial)
    });
    let extra = left_over.max(right_over) >= 0.4 && left_over.min(right_over) < 0.4;
    let end = |a: Option<&Word>, b: Option<&Word>| a.zip(b).map_or(0.0, |(a, b)| word_similarity(a, b));
    let heavy = |name: &'_ Name| name.words.iter().filter(|word| word.weight >= 0.4).count();
    let first = |name: &'_ Name| name.words.iter().position(|word| word.weight >= 0.4);
    let last = |name: &'_ Name| name.words.iter().rposition(|word| word.weight >= 0.4);
    let word = |name: &'_ Name, at: Option<usize>| at.map(|at| name.words[at].clone());
    [
        (covered / left_total.min(right_total)).min(1.0),
        worst,
        (left_over.min(right_over) / 2.0).min(1.0),
        ((left_over.max(right_over) - left_over.min(right_over)) / left_total.max(right_total)).min(1.0),
        whole,
        (edits / 6.0).min(1.0),
        flag(worst_sounds),
        if merged { 1.0 } else { end(word(left, last(left)).as_ref(), word(right, last(right)).as_ref()) },
        if merged { 1.0 } else { end(word(left, first(left)).as_ref(), word(right, first(right)).as_ref()) },
        flag(heavy(left).min(heavy(right)) <= 1),
        flag(left.form.zip(right.form).is_some_and(|(a, b)| a != b)),
        flag(differ(left, right, Class::Place)),
        (exact / 4.0).min(1.0),
        flag(differ(left, right, Class::Number)),
        1.0 - forced,
        (forced_edits.saturating_sub(1) as f32 / 4.0).min(1.0),
        flag(other_start),
        flag(is_acronym),
        flag(initial),
        flag(extra && worst >= 1.0 && forced >= 1.0),
        flag(forced < PAIRED),
        (edits - 1.0).clamp(0.0, 4.0) / 4.0,
    ]
}

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

/// The least alike of the paired words, where words that both sides have left over are paired too.
fn worst_of<'a>(left: &'a Name, right: &'a Name, pairs: &[Pair]) -> Option<(&'a Word, &'a Word)> {
    let rest = |name: &'a Name, used: &dyn Fn(&Pair) -> usize| -> Vec<&'a Word> {
        let free = name
            .words
            .iter()
            .enumerate()
            .filter(|(at, word)| word.weight >= 0.4 && !pairs.iter().any(|pair| used(pair) == *at));
        free.map(|(_, word)| word).collect()
    };
    let (free_left, free_right) = (rest(left, &|pair| pair.left), rest(right, &|pair| pair.right));
    let (fewer, more) =
        if free_left.len() <= free_right.len() { (free_left, free_right) } else { (free_right, free_left) };
    let best = |word: &'a Word| {
        more.iter()
            .map(|other| (word, *other))
            .max_by(|a, b| word_similarity(a.0, a.1).total_cmp(&word_similarity(b.0, b.1)))
    };
    let forced = fewer.into_iter().filter_map(best);
    let paired = pairs
        .iter()
        .map(|pair| (&left.words[pair.left], &right.words[pair.right]))
        .filter(|(a, b)| a.weight.min(b.weight) >= 0.4);
    paired.chain(forced).min_by(|a, b| word_similarity(a.0, a.1).total_cmp(&word_similarity(b.0, b.1)))
}

/// Whether the first name's first word is made of the initials of the second.
fn acronym(short: &Name, long: &Name) -> bool {
    let heavy = |name: &Name| name.words.iter().filter(|word| word.weight >= 0.4).count();
    let Some(first) = short.words.first() else { return false };
    let initials = long
        .words
        .iter()
        .filter(|word| word.class != Class::Light)
        .filter_map(|word| word.text.chars().next());
    first.text.len() >= 3 && heavy(short) <= 2 && heavy(long) >= 3 && initials.eq(first.text.chars())
}

/// Whether a word is another one, and no other spelling: three edits or more, unlike in sound.
pub(crate) fn has_another_word(features: &Features) -> bool {
    features[EDITS_IN_WORD] >= 0.5 && features[UNLIKENESS] > 0.3 && features[ACRONYM] == 0.0
}

/// Whether one name is a single word of the other: too little to say who is meant.
pub(crate) fn contained_word(left: &Name, right: &Name) -> bool {
    let heavy = |name: &'_ Name| -> usize {
        name.words
            .iter()
            .filter(|word| matches!(word.class, Class::Word | Class::Generic | Class::Place | Class::Number))
            .count()
    };
    let (fewer, more) = if heavy(left) <= heavy(right) { (left, right) } else { (right, left) };
    heavy(fewer) <= 1
        && heavy(more) > 1
        && similarity(&left.joined, &right.joined) < 0.8
        && !acronym(fewer, more)
}

/// Whether the words of a class are not the same on both sides.
fn differ(left: &Name, right: &Name, class: Class) -> bool {
    let of = |name: &'_ Name| {
        let mut words: Vec<String> =
            name.words.iter().filter(|word| word.class == class).map(|word| word.text.clone()).collect();
        words.sort();
        words
    };
    of(left) != of(right)
}

struct Pair {
    left: usize,
    right: usize,
    similarity: f32,
}

/// Words below this are no pair: each stands alone.
const PAIRED: f32 = 0.6;

/// Pairs the words of both names, the most alike first.
fn align(left: &[Word], right: &[Word]) -> Vec<Pair> {
    let mut all = Vec::with_capacity(left.len() * right.len());
    for (l, a) in left.iter().enumerate() {
        for (r, b) in right.iter().enumerate() {
            let similarity = word_similarity(a, b);
            if similarity >= PAIRED {
                all.push(Pair { left: l, right: r, similarity });
            }
        }
    }
    all.sort_by(|a, b| {
        b.similarity.total_cmp(&a.similarity).then(a.left.abs_diff(a.right).cmp(&b.left.abs_diff(b.right)))
    });
    let (mut used_left, mut used_right) = (0_u32, 0_u32);
    all.retain(|pair| {
        let free = used_left & (1 << pair.left) == 0 && used_right & (1 << pair.right) == 0;
        if free {
            used_left |= 1 << pair.left;
            used_right |= 1 << pair.right;
        }
        free
    });
    all
}

/// Edits between two words; an initial that stands for a word is none.
fn edits_of(a: &Word, b: &Word) -> usize {
    let initial = (a.class == Class::Initial || b.class == Class::Initial) && word_similarity(a, b) > 0.0;
    if initial { 0 } else { distance(&a.text, &b.text) }
}

fn word_similarity(a: &Word, b: &Word) -> f32 {
    if a.text == b.text {
        return 1.0;
    }
    if a.class == Class::Initial || b.class == Class::Initial {
        return if a.text.as_bytes().first() == b.text.as_bytes().first() { 0.8 } else { 0.0 };
    }
    let spelled = similarity(&a.text, &b.text);
    if a.sound == b.sound && a.sound.len() >= 2 { spelled.max(0.85) } else { spelled }
}

/// 1 minus the edit distance over the longer length.
pub(crate) fn similarity(a: &str, b: &str) -> f32 {
    let longer = a.len().max(b.len());
    if longer == 0 { 0.0 } else { 1.0 - distance(a, b) as f32 / longer as f32 }
}

/// Edits between two ASCII strings (insert, delete, replace, swap of neighbours). Only the first 128 bytes count.
fn distance(a: &str, b: &str) -> usize {
    const MOST: usize = 128;
    let (a, b) = (&a.as_bytes()[..a.len().min(MOST)], &b.as_bytes()[..b.len().min(MOST)]);
    let mut rows = [[0_u8; MOST + 1]; 3];
    for (at, cell) in rows[0].iter_mut().enumerate().take(b.len() + 1) {
        *cell = at as u8;
    }
    for i in 1..=a.len() {
        let (now, last, before) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i as u8;
        for j in 1..=b.len() {
            let cost = u8::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[last][j - 1] + cost).min(rows[last][j] + 1).min(rows[now][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[before][j - 2] + 1);
            }
            rows[now][j] = least;
        }
    }
    usize::from(rows[a.len() % 3][b.len()])
}
