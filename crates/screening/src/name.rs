//! A name as the comparison sees it: words with their classes and weights, the legal form, and what looks like evasion.

use std::borrow::Cow;

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

use crate::words::{GENERIC, PARTICLES, PLACES, TITLES};
use crate::{forms, several, synonyms};

/// The longest name that is looked at, in characters; the rest of a longer one is not compared.
pub const LONGEST_NAME: usize = 400;
/// The most words of a name that are compared.
const MOST_WORDS: usize = 24;
const LONGEST_WORD: usize = 32;

/// What a party is, which decides how its name is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A human being.
    Person,
    /// A company, an authority, a vessel, or whatever else is no person.
    Organisation,
    /// The list or the asker does not say.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Word,
    /// Says little about who is meant: titles, particles, articles.
    Light,
    /// A word that many organisations share.
    Generic,
    Place,
    Number,
    Initial,
}

#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Its sound: consonants, with those alike that transliterations mix up.
    pub(crate) sound: String,
    pub(crate) class: Class,
    pub(crate) weight: f32,
}

/// A name, ready to be compared.
#[derive(Clone, Debug)]
pub struct Name {
    /// As it was written.
    pub original: String,
    pub(crate) words: Vec<Word>,
    pub(crate) joined: String,
    /// The legal form, as the short name that all spellings of it share.
    pub form: Option<&'static str>,
    /// Whether letters of several scripts stand in one word, as nobody types by accident.
    pub mixed_scripts: bool,
    /// The names of which this one is made, if it is several in one: "A, formerly B", "A / B".
    pub(crate) parts: Vec<Self>,
}

impl Name {
    /// Reads a name. What is longer than [`LONGEST_NAME`] is cut.
    pub fn new(original: &str, kind: Kind) -> Self {
        let cut: String = original.chars().take(LONGEST_NAME).collect();
        let parts = several::split(&cut).into_iter().map(|part| Self::single(part, kind));
        let parts: Vec<Self> =
            parts.filter(|part| part.words.iter().any(|word| word.class == Class::Word)).collect();
        // A branch or a place in brackets is no other name.
        let parts = if parts.len() > 1 { parts } else { Vec::new() };
        Self { parts, ..Self::single(cut, kind) }
    }

    /// Reads a name as one, whatever it looks like.
    fn single(cut: String, kind: Kind) -> Self {
        let mixed_scripts = cut.split_whitespace().any(is_mixed);
        let folded = fold(&cut);
        let organisation = kind != Kind::Person;
        let all: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).take(MOST_WORDS).collect();
        let mut form = None;
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) {
            let found =
                organisation.then(|| forms::at(rest)).flatten().filter(|(_, count)| *count < all.len());
            if let Some((id, count)) = found {
                // "Corporation" is often a part of the name of a company of another form.
                form = form.filter(|known| *known != "corp").or(Some(id));
                at += count;
                continue;
            }
            words.push(if organisation { word(rest[0], true) } else { word(&letters(rest[0]), false) });
            at += 1;
        }
        // A name of nothing but forms and articles is compared by them.
        if words.is_empty() {
            words = all.iter().map(|text| word(text, organisation)).collect();
        }
        if words.iter().all(|word| word.weight < 0.5) {
            words.iter_mut().for_each(|word| word.weight = 1.0);
        }
        let joined = words.iter().map(|word| word.text.as_str()).collect();
        Self { original: cut, words, joined, form, mixed_scripts, parts: Vec::new() }
    }

    /// This name with neighbouring words put together where the other name has them as one.
    pub(crate) fn joined_like(&self, other: &Self) -> Cow<'_, Self> {
        let same = |a: &Word, b: &Word| {
            let length = a.text.len() + b.text.len();
            length > 4
                && other.words.iter().any(|word| {
                    word.text.len() == length
                        && word.text.starts_with(&a.text)
                        && word.text.ends_with(&b.text)
                })
        };
        let Some(at) = self.words.windows(2).position(|pair| same(&pair[0], &pair[1])) else {
            return Cow::Borrowed(self);
        };
        let mut joined = self.clone();
        let second = joined.words.remove(at + 1);
        let first = &mut joined.words[at];
        first.text.push_str(&second.text);
        first.sound = sound(&first.text);
        first.class = Class::Word;
        first.weight = 1.0;
        Cow::Owned(joined)
    }

    /// The name itself and those that it is made of.
    pub(crate) fn readings(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.parts)
    }

    /// This name with the words that `acronym` stands for in their place.
    pub(crate) fn shortened(&self, acronym: &Word) -> Self {
        let words = vec![acronym.clone()];
        Self { joined: acronym.text.clone(), words, ..self.clone() }
    }

    /// Whether this name has all words of the other one and besides them only places and words that say little.
    pub(crate) fn has_core_of(&self, other: &Self) -> bool {
        let telling = |word: &&Word| !matches!(word.class, Class::Light | Class::Place);
        let has = |name: &Self, text: &str| name.words.iter().any(|word| word.text == text);
        other.words.iter().any(|word| word.class == Class::Word)
            && other.words.iter().filter(|word| word.class != Class::Light).all(|word| has(self, &word.text))
            && self.words.iter().filter(telling).all(|word| has(other, &word.text))
    }

    /// Whether this name has more places than the other one.
    pub(crate) fn has_more_places_than(&self, other: &Self) -> bool {
        let places = |name: &Self| name.words.iter().filter(|word| word.class == Class::Place).count();
        places(self) > places(other)
    }
}

/// Digits inside a word of letters, as the letters that they stand for: nobody is called "1gor".
fn letters(word: &str) -> String {
    let (digits, letters) = word.bytes().fold((0, 0), |(digits, letters), b| {
        if b.is_ascii_digit() { (digits + 1, letters) } else { (digits, letters + 1) }
    });
    if digits == 0 || letters <= digits {
        return word.to_owned();
    }
    let letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    word.chars().map(letter).collect()
}

/// Whether a word has Latin letters and others that look like Latin ones.
fn is_mixed(word: &str) -> bool {
    let latin = word.chars().any(|c| c.is_ascii_alphabetic());
    let other = word.chars().any(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}'));
    latin && other
}

/// Lower-case ASCII words divided by single spaces: confusables of mixed words undone, other scripts transliterated.
pub(crate) fn fold(name: &str) -> String {
    let mut plain = String::new();
    for word in name.nfkc().collect::<String>().split_whitespace() {
        let word = if is_mixed(word) { skeleton(word).collect() } else { word.to_owned() };
        for c in word.chars() {
            // A Chinese character or a Korean syllable is a word of its own; the joined spelling puts them together again.
            let syllable =
                matches!(c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{3ffff}');
            plain.push_str(any_ascii_char(c));
            if syllable {
                plain.push(' ');
            }
        }
        plain.push(' ');
    }
    // "Putin, Vladimir" is put into its order by the alignment, which knows none.
    let mut folded = String::new();
    for word in plain.to_ascii_lowercase().split_whitespace() {
        let abbreviation = word
            .split('.')
            .filter(|part| !part.is_empty())
            .all(|part| part.chars().filter(char::is_ascii_alphanumeric).count() <= 1);
        for c in word.chars() {
            match c {
                'a'..='z' | '0'..='9' => folded.push(c),
                '\'' | '`' | '"' => {}
                '.' if abbreviation => {}
                '&' | '+' => folded.push_str(" and "),
                _ => folded.push(' '),
            }
        }
        folded.push(' ');
    }
    folded
}

fn word(text: &str, organisation: bool) -> Word {
    let text = same_word(&text[..text.len().min(LONGEST_WORD)]);
    let text = synonyms::common(text).filter(|_| organisation).unwrap_or(text);
    let number = text.bytes().all(|b| b.is_ascii_digit()) || (organisation && is_roman(text));
    let (class, weight) = if PARTICLES.contains(&text) || TITLES.contains(&text) {
        (Class::Light, 0.1)
    } else if number {
        (Class::Number, 0.5)
    } else if text.len() == 1 {
        (Class::Initial, 0.4)
    } else if organisation && PLACES.contains(&text) {
        (Class::Place, 0.7)
    } else if organisation && GENERIC.contains(&text) {
        (Class::Generic, 0.5)
    } else {
        (Class::Word, 1.0)
    };
    Word { text: text.to_owned(), sound: sound(text), class, weight }
}

/// Short names and numbers in words, as one spelling.
fn same_word(text: &str) -> &str {
    match text {
        "one" | "first" | "1st" => "1",
        "two" | "second" | "2nd" => "2",
        "three" | "third" | "3rd" => "3",
        "four" | "fourth" | "4th" => "4",
        "five" | "fifth" | "5th" => "5",
        "six" | "sixth" => "6",
        "seven" | "seventh" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        "bill" | "will" | "billy" => "william",
        "bob" | "rob" => "robert",
        "mohd" | "md" | "mohamed" | "muhammad" | "mohammad" | "mohammed" | "muhammed" | "mohamad"
        | "muhamad" => "muhammad",
        other => other,
    }
}

fn is_roman(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| matches!(b, b'i' | b'v' | b'x'))
}

/// The consonants of a word, with those alike that transliterations mix up.
pub(crate) fn sound(text: &str) -> String {
    let mut rest = text;
    let mut sound = String::new();
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        const CLUSTERS: &[(&str, &str)] = &[
            ("shch", "S"),
            ("tsch", "S"),
            ("sch", "S"),
            ("tch", "S"),
            ("dzh", "S"),
            ("dj", "S"),
            ("sh", "S"),
            ("ch", "S"),
            ("zh", "S"),
            ("kh", "k"),
            ("gh", "g"),
            ("ph", "f"),
            ("th", "t"),
            ("dh", "d"),
            ("ck", "k"),
            ("cq", "k"),
            ("ts", "s"),
            ("tz", "s"),
            ("cz", "s"),
            ("sz", "s"),
            ("ks", "x"),
            ("qu", "k"),
        ];
        let (code, taken) = CLUSTERS.iter().find(|(cluster, _)| rest.starts_with(cluster)).map_or_else(
            || {
                let soft = rest.as_bytes().get(1).is_some_and(|next| matches!(next, b'e' | b'i' | b'y'));
                let code = match c {
                    'c' if soft => "s",
                    'a' | 'e' | 'i' | 'o' | 'u' | 'y' if first => "A",
                    'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' => "",
                    'b' => "b",
                    'c' | 'k' | 'q' => "k",
                    'd' => "d",
                    'f' => "f",
                    'g' => "g",
                    'j' => {
                        if first {
                            "S"
                        } else {
                            ""
                        }
                    }
                    'l' => "l",
                    'm' => "m",
                    'n' => "n",
                    'p' => "p",
                    'r' => "r",
                    's' | 'z' => "s",
                    't' => "t",
                    'v' | 'w' => "v",
                    'x' => "x",
                    _ => &rest[..c.len_utf8()],
                };
                (code, c.len_utf8())
            },
            |(cluster, code)| (*code, cluster.len()),
        );
        if !sound.ends_with(code) || code.is_empty() {
            sound.push_str(code);
        }
        first = false;
        rest = &rest[taken..];
    }
    sound
}
