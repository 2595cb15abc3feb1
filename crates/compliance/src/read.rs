//! From TOML to rules, with all complaints.

use std::collections::BTreeSet;

use candor_products::document::{Document, Section, distance};
use candor_products::{Catalogue, Checked, Grade, Problem};
use jiff::tz::TimeZone;

use crate::moment::{Moment, parse_moment};
use crate::rule::{
    Advice, Closure, Consequence, Duty, Exemption, Floors, Forbid, Object, Place, Rule, Rules, SourceNote,
    Status, Subject, TextVersion, Within,
};
use crate::ruling::{Kind, Severity};
use crate::words::{WORDS, Word};

/// Kinds of authority.
const AUTHORITIES: [(&str, &str); 7] = [
    ("statute", "statute"),
    ("clause", "clause"),
    ("notice", "notice"),
    ("directive", "directive"),
    ("list", "list"),
    ("order", "order"),
    ("warning", "warning"),
];
const CLOSURES: [(&str, &str); 5] = [
    ("parents", "parents"),
    ("subsidiaries", "subsidiaries"),
    ("affiliates", "affiliates"),
    ("successors", "successors"),
    ("majority", "majority"),
];
const DEPTHS: [&str; 3] = ["direct", "integrated", "substantial-component"];
const ADVICE: [(&str, Kind); 3] =
    [("replace", Kind::Replace), ("advisory", Kind::Advisory), ("review", Kind::Review)];

/// Reads all files.
pub(crate) fn files<'f>(
    files: impl IntoIterator<Item = (&'f str, &'f str)>,
    catalogue: &Catalogue,
) -> (Rules, Vec<Problem>) {
    let mut rules = Rules::default();
    let mut problems: Vec<Problem> = Vec::new();
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for (name, text) in files {
        let mut words = Vec::new();
        let (rule, mut found) = Document::read(name, text, |root| {
            let reading = Reading::new(root, catalogue);
            words.clone_from(&reading.defined);
            Some(reading.rule(root))
        });
        if let Some(rule) = rule
            && found.is_empty()
        {
            if ids.insert(rule.id.clone()) {
                rules.rules.push(rule);
                rules.words.extend(words);
            } else {
                let reason = format!("there is a rule {:?} already", rule.id);
                found.push(Problem { file: name.to_owned(), line: 1, reason, hint: None });
            }
        }
        problems.append(&mut found);
    }
    (rules, problems)
}

struct Reading<'r> {
    catalogue: &'r Catalogue,
    zone: TimeZone,
    defined: Vec<(Word, String)>,
    classes: BTreeSet<String>,
}

impl<'r> Reading<'r> {
    fn new(root: &Section<'_>, catalogue: &'r Catalogue) -> Self {
        let name = root.text("zone").unwrap_or_else(|| "UTC".to_owned());
        let zone = TimeZone::get(&name).unwrap_or_else(|_| {
            root.complain(
                "zone",
                format!("there is no zone {name:?}"),
                Some("as in \"America/New_York\"".to_owned()),
            );
            TimeZone::UTC
        });
        let mut defined = Vec::new();
        for section in root.tables("define") {
            let kind = section.word("kind", &Word::KINDS);
            let word = section.needed("word");
            let _ = section.needed("says");
            section.finish();
            defined.extend(kind.map(|kind| (kind, word)));
        }
        let classes =
            catalogue.products().iter().flat_map(|product| product.classes.iter().cloned()).collect();
        Self { catalogue, zone, defined, classes }
    }

    fn rule(&self, root: &Section<'_>) -> Rule {
        let rule = Rule {
            id: root.needed("id"),
            title: root.needed("title"),
            status: needed_word(root, "status", &Status::WORDS).unwrap_or(Status::InForce),
            authority: needed_word(root, "authority", &AUTHORITIES).unwrap_or_default().to_owned(),
            issuer: root.needed("issuer"),
            zone: self.zone.clone(),
            announced: self.moment(root, "announced"),
            summary: root.needed("summary"),
            texts: root.tables("text").iter().map(text).collect(),
            subject: root.table("subject").map(|section| self.subject(&section)).unwrap_or_default(),
            object: root.table("object").map(|section| self.object(&section)).unwrap_or_default(),
            place: root.table("place").map(|section| self.place(&section)).unwrap_or_default(),
            forbids: root.tables("forbid").iter().filter_map(|section| self.forbid(section)).collect(),
            advice: root.tables("advise").iter().map(|section| self.advice(section)).collect(),
            exemptions: root.tables("exempt").iter().map(|section| self.exemption(section)).collect(),
            duties: root.tables("duty").iter().filter_map(|section| self.duty(section)).collect(),
            floors: root.table("evidence").map(|section| floors(&section)).unwrap_or_default(),
            consequences: root
                .tables("consequence")
                .iter()
                .map(|section| self.consequence(section))
                .collect(),
            sources: root.tables("source").iter().map(source).collect(),
            unverified: root.texts("unverified"),
            defined: format!("{}:1", root.file()),
        };
        self.whole(root, &rule);
        rule
    }

    /// What a rule needs as a whole.
    fn whole(&self, root: &Section<'_>, rule: &Rule) {
        let id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !rule.id.is_empty() && !rule.id.bytes().all(id) {
            root.complain(
                "id",
                format!("{:?} is no id", rule.id),
                Some("lower-case letters, digits, hyphens".to_owned()),
            );
        }
        for (key, missing) in [("text", rule.texts.is_empty()), ("source", rule.sources.is_empty())] {
            if missing {
                root.complain(
                    key,
                    format!("[[{key}]] is missing: every rule is cited and has a source"),
                    None,
                );
            }
        }
        if !rule.texts.is_sorted_by_key(|text| text.valid_from.as_str()) {
            root.complain(
                "text",
                "texts are not in the order of valid_from",
                Some("the oldest first".to_owned()),
            );
        }
        let subject = &rule.subject;
        let nobody =
            subject.entities.is_empty() && subject.foreign_to.is_empty() && subject.countries.is_empty();
        if nobody && rule.object.products.is_empty() {
            root.complain("subject", "the rule is against nobody: no entities, countries or products", None);
        }
        let object = &rule.object;
        if !object.parties && !object.all && object.classes.is_empty() && object.products.is_empty() {
            let hint = "one of all, classes, products, parties".to_owned();
            root.complain("object", "the rule is about no product", Some(hint));
        }
        if rule.forbids.is_empty() && rule.advice.is_empty() {
            root.complain("forbid", "the rule forbids and advises nothing", None);
        }
        if rule.status == Status::Warning && !rule.forbids.is_empty() {
            root.complain("forbid", "a warning forbids nothing", Some("use [[advise]]".to_owned()));
        }
    }

    fn moment(&self, section: &Section<'_>, key: &str) -> Option<Moment> {
        let text = section.text(key)?;
        match parse_moment(&text, &self.zone) {
            Ok(moment) => Some(moment),
            Err(reason) => {
                section.complain(key, format!("{key}: {reason}"), None);
                None
            }
        }
    }

    fn windows(&self, section: &Section<'_>) -> Vec<(Moment, Moment)> {
        let read = |window: &Section<'_>| {
            for key in ["from", "until"] {
                if !window.has(key) {
                    window.complain(key, format!("{key} is missing"), None);
                }
            }
            let (from, until) = (self.moment(window, "from"), self.moment(window, "until"));
            window.finish();
            let (from, until) = (from?, until?);
            if until.instant() <= from.instant() {
                window.complain("until", "a suspension ends before it begins", None);
            }
            Some((from, until))
        };
        section.tables("suspended").iter().filter_map(read).collect()
    }

    fn subject(&self, section: &Section<'_>) -> Subject {
        let entities = section.texts("entities");
        for id in entities.iter().filter(|id| self.catalogue.entity(id).is_none()) {
            let near = self.catalogue.entities().min_by_key(|entity| distance(&entity.id, id));
            let hint = near.map(|near| format!("did you mean {}? Entities are in rules/products", near.id));
            section.complain("entities", format!("there is no entity {id:?}"), hint);
        }
        let flags = section.texts("flags");
        for flag in flags.iter().filter(|flag| !CLOSURES.iter().any(|(word, _)| word == flag)) {
            section.complain("flags", format!("{flag:?} is no relation"), None);
        }
        let subject = Subject {
            entities,
            closures: section.tables("closure").iter().filter_map(|section| self.closure(section)).collect(),
            flags,
            foreign_to: countries(section, "foreign_to"),
            countries: countries(section, "countries"),
        };
        section.finish();
        subject
    }

    fn closure(&self, section: &Section<'_>) -> Option<Closure> {
        let closure = Closure {
            kind: needed_word(section, "kind", &CLOSURES)?.to_owned(),
            share: section.number("share").unwrap_or(0),
            from: self.moment(section, "from"),
            until: self.moment(section, "until"),
            suspended: self.windows(section),
            uncertain_after: section.flag("uncertain_after"),
        };
        section.finish();
        Some(closure)
    }

    fn object(&self, section: &Section<'_>) -> Object {
        let mut object = Object {
            parties: section.flag("parties"),
            all: section.flag("all"),
            classes: self.classes(section, "classes"),
            products: self.products(section),
            depth: section.texts("depth"),
            devices: self.words(section, "devices", Word::Device),
            systems: self.words(section, "systems", Word::System),
        };
        for depth in object.depth.iter().filter(|depth| !DEPTHS.contains(&depth.as_str())) {
            section.complain(
                "depth",
                format!("{depth:?} is no depth"),
                Some(format!("one of {}", DEPTHS.join(", "))),
            );
        }
        if object.depth.is_empty() {
            object.depth = vec!["direct".to_owned()];
        }
        section.finish();
        object
    }

    fn place(&self, section: &Section<'_>) -> Place {
        let place = Place { countries: countries(section, "countries"), persons: section.texts("persons") };
        section.finish();
        place
    }

    fn forbid(&self, section: &Section<'_>) -> Option<Forbid> {
        for key in ["activity", "bound", "from"] {
            if !section.has(key) {
                section.complain(key, format!("{key} is missing"), None);
            }
        }
        let from = self.moment(section, "from");
        let forbid = Forbid {
            activities: self.words(section, "activity", Word::Activity),
            bound: self.words(section, "bound", Word::Role),
            ambiguous_until: self.moment(section, "ambiguous_until"),
            until: self.moment(section, "until"),
            suspended: self.windows(section),
            published: self.moment(section, "published"),
            contracts_before: self.moment(section, "contracts_before"),
            devices: self.words(section, "devices", Word::Device),
            systems: self.words(section, "systems", Word::System),
            clause: section.text("clause"),
            says: section.text("says"),
            checked: needed_word(section, "checked", &Checked::WORDS).unwrap_or(Checked::Memory),
            from: from?,
        };
        section.finish();
        for (key, end) in [("ambiguous_until", &forbid.ambiguous_until), ("until", &forbid.until)] {
            if end.as_ref().is_some_and(|end| end.instant() <= forbid.from.instant()) {
                section.complain(key, format!("{key} is not after from"), None);
            }
        }
        Some(forbid)
    }

    fn advice(&self, section: &Section<'_>) -> Advice {
        let advice = Advice {
            activities: self.words(section, "activity", Word::Activity),
            bound: self.words(section, "bound", Word::Role),
            from: self.moment(section, "from"),
            until: self.moment(section, "until"),
            kind: needed_word(section, "ruling", &ADVICE).unwrap_or(Kind::Advisory),
            severity: section.word("severity", &Severity::WORDS).unwrap_or(Severity::Medium),
            says: section.needed("says"),
        };
        section.finish();
        advice
    }

    fn exemption(&self, section: &Section<'_>) -> Exemption {
        let exemption = Exemption {
            classes: self.classes(section, "classes"),
            products: self.products(section),
            activities: self.words(section, "activity", Word::Activity),
            bound: self.words(section, "bound", Word::Role),
            only_if: self.words(section, "only_if", Word::Purpose),
            unless: self.words(section, "unless", Word::Purpose),
            from: self.moment(section, "from"),
            until: self.moment(section, "until"),
            review: section.flag("review"),
            says: section.needed("says"),
            clause: section.text("clause"),
        };
        section.finish();
        if exemption.classes.is_empty() && exemption.products.is_empty() && exemption.only_if.is_empty() {
            let hint = "one of classes, products, only_if".to_owned();
            section.complain("says", "an exemption of everything", Some(hint));
        }
        exemption
    }

    fn duty(&self, section: &Section<'_>) -> Option<Duty> {
        let hours = section.number("hours").map(Within::Hours);
        let days = section.number("days").map(Within::Days);
        let business_days = section.number("business_days").map(Within::BusinessDays);
        let months = section.number("months").map(Within::Months);
        let given: Vec<Within> = [hours, days, business_days, months].into_iter().flatten().collect();
        if given.len() != 1 {
            let hint = "hours, days, business_days or months".to_owned();
            section.complain("what", "a duty has one period", Some(hint));
        }
        let within = given.first().copied()?;
        let (Within::Hours(number)
        | Within::Days(number)
        | Within::BusinessDays(number)
        | Within::Months(number)) = within;
        if number > 10_000 {
            section.complain("what", "a period is too long", None);
            return None;
        }
        if !section.has("bound") {
            section.complain("bound", "bound is missing", None);
        }
        let duty = Duty {
            bound: self.words(section, "bound", Word::Role),
            what: section.needed("what"),
            to: section.text("to"),
            within,
            counts_from: self.moment(section, "counts_from"),
            repeats: section.flag("repeats"),
            clause: section.text("clause"),
            from: self.moment(section, "from"),
            until: self.moment(section, "until"),
        };
        section.finish();
        Some(duty)
    }

    fn consequence(&self, section: &Section<'_>) -> Consequence {
        if !section.has("bound") {
            section.complain("bound", "bound is missing: a consequence is for somebody", None);
        }
        let kinds = [("civil", "civil"), ("criminal", "criminal"), ("contract", "contract")];
        let consequence = Consequence {
            bound: self.words(section, "bound", Word::Role),
            kind: needed_word(section, "kind", &kinds).unwrap_or_default().to_owned(),
            says: section.needed("says"),
            checked: needed_word(section, "checked", &Checked::WORDS).unwrap_or(Checked::Memory),
        };
        section.finish();
        consequence
    }

    /// Words of a kind, known or defined by the rule.
    fn words(&self, section: &Section<'_>, key: &str, kind: Word) -> Vec<String> {
        let texts = section.texts(key);
        let known: Vec<&str> =
            WORDS.iter().filter(|(of, _)| *of == kind).flat_map(|(_, words)| *words).copied().collect();
        for text in &texts {
            let defined = self.defined.iter().any(|(of, word)| *of == kind && word == text);
            if !known.contains(&text.as_str()) && !defined {
                let near = known.iter().min_by_key(|word| distance(word, text)).map_or("", |word| word);
                let hint = format!("did you mean {near}? A word of your own is defined with [[define]]");
                section.complain(key, format!("{key}: {text:?} is not known"), Some(hint));
            }
        }
        texts
    }

    fn classes(&self, section: &Section<'_>, key: &str) -> Vec<String> {
        let texts = section.texts(key);
        for text in texts.iter().filter(|text| !self.classes.contains(*text)) {
            let near =
                self.classes.iter().min_by_key(|class| distance(class, text)).map_or("", |class| class);
            let hint = format!("did you mean {near}?");
            section.complain(key, format!("no product of the catalogue is of class {text:?}"), Some(hint));
        }
        texts
    }

    fn products(&self, section: &Section<'_>) -> Vec<String> {
        let texts = section.texts("products");
        for text in texts.iter().filter(|text| self.catalogue.product(text).is_none()) {
            section.complain("products", format!("there is no product {text:?}"), None);
        }
        texts
    }
}

fn needed_word<T: Copy>(section: &Section<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
    if !section.has(key) {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        section.complain(key, format!("{key} is missing"), Some(format!("one of {}", all.join(", "))));
    }
    section.word(key, words)
}

fn text(section: &Section<'_>) -> TextVersion {
    if !section.has("valid_from") {
        section.complain("valid_from", "valid_from is missing", None);
    }
    let text = TextVersion {
        cite: section.needed("cite"),
        doc: section.text("doc"),
        url: section.text("url"),
        note: section.text("note"),
        valid_from: section.date("valid_from").unwrap_or_default(),
        valid_until: section.date("valid_until"),
        checked: needed_word(section, "checked", &Checked::WORDS).unwrap_or(Checked::Memory),
    };
    section.finish();
    text
}

fn source(section: &Section<'_>) -> SourceNote {
    let note = SourceNote {
        source: section.needed("source"),
        note: section.text("note"),
        checked: needed_word(section, "checked", &Checked::WORDS).unwrap_or(Checked::Memory),
    };
    section.finish();
    note
}

/// Nothing is prohibited on grade C or D: a rule that says so is refused.
fn floors(section: &Section<'_>) -> Floors {
    let floors = Floors {
        prohibited: section.word("prohibited", &[("A", Grade::A), ("B", Grade::B)]).unwrap_or(Grade::B),
        review: section.word("review", &Grade::WORDS).unwrap_or(Grade::C),
    };
    section.finish();
    floors
}

fn countries(section: &Section<'_>, key: &str) -> Vec<String> {
    let texts = section.texts(key);
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    for text in texts.iter().filter(|text| !is_code(text)) {
        section.complain(
            key,
            format!("{text:?} is no country"),
            Some("ISO 3166-1 alpha-2, as in \"US\"".to_owned()),
        );
    }
    texts
}
