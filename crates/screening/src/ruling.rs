//! What a score means: thresholds of the profiles, and what caps a ruling whatever the score says.

use crate::entry::{Entry, Flag, Part, Profile, Query, Ruling};
use crate::features::{FEATURES, Features, LEGAL_FORM, compare, contained_word, has_another_word};
use crate::model::{Model, ORGANISATION, PERSON};
use crate::name::{Kind, Name};

/// Scores from which a ruling is given.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// From here on it is a match.
    pub matching: f32,
    /// From here on somebody has to look.
    pub possible: f32,
}

impl Profile {
    /// The scores from which this profile rules.
    pub fn thresholds(self) -> Thresholds {
        match self {
            Self::Strict => Thresholds { matching: 0.8, possible: 0.5 },
            Self::Balanced => Thresholds { matching: 0.55, possible: 0.35 },
            Self::Wide => Thresholds { matching: 0.35, possible: 0.2 },
        }
    }

    /// The ruling on a score alone.
    pub fn rule(self, score: f32) -> Ruling {
        let thresholds = self.thresholds();
        if score >= thresholds.matching {
            Ruling::Match
        } else if score >= thresholds.possible {
            Ruling::Possible
        } else {
            Ruling::NoMatch
        }
    }
}

/// How two names are compared, when one side may not know what it is.
pub fn common_kind(asked: Kind, listed: Kind) -> Kind {
    match (asked, listed) {
        (Kind::Person, Kind::Person | Kind::Unknown) | (Kind::Unknown, Kind::Person) => Kind::Person,
        _ => Kind::Organisation,
    }
}

/// The model of a kind.
pub fn model(kind: Kind) -> &'static Model {
    if kind == Kind::Person { &PERSON } else { &ORGANISATION }
}

/// A pair of names with its score and what it is made of.
#[derive(Clone, Debug)]
pub struct Scored {
    /// From 0 to 1, before any cap.
    pub score: f32,
    /// What was measured.
    pub features: Features,
    /// What is to be known about the names.
    pub flags: Vec<Flag>,
    /// The highest ruling that the names allow.
    pub cap: Ruling,
    /// The lowest: the core of a listed name under another form or at another place has to be looked at.
    pub floor: Ruling,
}

/// Scores a name against a listed one, where one of them is several in one by the parts that are most alike. `forms` are
/// the legal forms of all names of the entry: an alias without a form has that of the main name.
pub fn score(asked: &Name, listed: &Name, forms: &[&'static str], kind: Kind) -> Scored {
    let pairs = asked.readings().flat_map(|a| listed.readings().map(move |b| (a, b)));
    let rank = |scored: &Scored| (scored.ruling(Profile::Balanced), scored.score);
    let mut best: Option<Scored> = None;
    for (a, b) in pairs {
        let scored = score_single(a, b, forms, kind);
        if best.as_ref().is_none_or(|best| rank(&scored) > rank(best)) {
            best = Some(scored);
        }
    }
    best.unwrap_or_else(|| score_single(asked, listed, forms, kind))
}

fn score_single(asked: &Name, listed: &Name, forms: &[&'static str], kind: Kind) -> Scored {
    let mut features = compare(asked, listed);
    let other_form =
        kind != Kind::Person && asked.form.is_some_and(|form| !forms.is_empty() && !forms.contains(&form));
    features[LEGAL_FORM] = f32::from(u8::from(other_form));
    let score = model(kind).score(&features);
    let (mut flags, mut cap, mut floor) = (Vec::new(), Ruling::Match, Ruling::NoMatch);
    if asked.mixed_scripts {
        flags.push(Flag::Evasion);
    }
    if kind != Kind::Person {
        if other_form {
            flags.push(Flag::LegalFormDiffers);
            cap = Ruling::Possible;
        }
        let more_places = asked.has_more_places_than(listed);
        if more_places {
            cap = Ruling::Possible;
        }
        if (other_form || more_places) && asked.has_core_of(listed) {
            floor = Ruling::Possible;
            flags.extend(more_places.then_some(Flag::UnlistedAffiliate));
        }
    }
    if contained_word(asked, listed) {
        cap = Ruling::Possible;
    }
    if has_another_word(&features) {
        // Persons are written in more ways than any table knows.
        cap = if kind == Kind::Person { Ruling::Possible } else { Ruling::NoMatch };
    }
    Scored { score, features, flags, cap, floor }
}

/// The ruling on a scored pair, with what else is known of the party and the entry. Adds flags.
pub fn rule(scored: &mut Scored, query: &Query, entry: &Entry, profile: Profile) -> Ruling {
    let known_kinds = query.kind != Kind::Unknown && entry.kind != Kind::Unknown;
    if known_kinds && query.kind != entry.kind {
        scored.cap = scored.cap.min(Ruling::Possible);
    }
    let country = query.country.as_deref().map(str::trim).filter(|country| !country.is_empty());
    if country.is_some_and(|country| {
        !entry.countries.is_empty()
            && !entry.countries.iter().any(|other| other.eq_ignore_ascii_case(country))
    }) {
        scored.flags.push(Flag::CountryDiffers);
        // Parties move; a name that is not nearly the same needs the country beside it.
        if scored.score < Profile::Strict.thresholds().matching {
            scored.cap = scored.cap.min(Ruling::Possible);
        }
    }
    if let Some(born) = query.born.as_deref().and_then(year) {
        let listed: Vec<u16> = entry.born.iter().filter_map(|born| year(born)).collect();
        // Lists are often a year off.
        if !listed.is_empty() && !listed.iter().any(|other| other.abs_diff(born) <= 1) {
            scored.flags.push(Flag::BirthDiffers);
            scored.cap = scored.cap.min(Ruling::Possible);
        }
    }
    scored.ruling(profile)
}

impl Scored {
    /// The ruling of a profile on the names alone.
    pub fn ruling(&self, profile: Profile) -> Ruling {
        profile.rule(self.score).max(self.floor).min(self.cap)
    }
}

/// The first four digits in a row that can be a year of birth.
fn year(text: &str) -> Option<u16> {
    let years = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 4)
        .filter_map(|digits| digits.parse().ok());
    years.into_iter().find(|year| (1850..=2100).contains(year))
}

/// The parts of a score, as an explanation prints them: only those that say something.
pub fn parts(features: &Features, kind: Kind) -> Vec<Part> {
    let all = FEATURES.iter().zip(features).zip(&model(kind).weights);
    all.filter(|((_, value), _)| **value != 0.0)
        .map(|((what, value), weight)| Part { what, value: *value, weight: *weight })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_found_in_dates_of_any_order() {
        assert_eq!(year("1965-10-04"), Some(1965));
        assert_eq!(year("04 Oct 1965"), Some(1965));
        assert_eq!(year("circa 0042"), None);
        assert_eq!(year(""), None);
    }

    #[test]
    fn a_wider_profile_never_rules_lower() {
        for score in 0..=100_u8 {
            let score = f32::from(score) / 100.0;
            assert!(Profile::Strict.rule(score) <= Profile::Balanced.rule(score));
            assert!(Profile::Balanced.rule(score) <= Profile::Wide.rule(score));
        }
    }
}
