//! From TOML to products and entities, with all complaints.

use std::collections::{BTreeMap, BTreeSet};

use candor_object::{Attribute, FactKind};

use crate::document::{Document, Problem, Section, distance};
use crate::entity::{Entity, Relation, RelationKind};
use crate::item::{Grade, State};
use crate::pattern::Pattern;
use crate::product::{Checked, Confidence, Mark, Need, Product, Provenance};

/// What files say.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) products: Vec<Product>,
    pub(crate) entities: BTreeMap<String, Entity>,
    pub(crate) relations: Vec<Relation>,
}

/// Something that names another thing, to be looked up when all files are read.
struct Reference {
    file: String,
    line: usize,
    what: &'static str,
    id: String,
    kind: Named,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Entity,
    Product,
    Either,
}

#[derive(Default)]
struct Reading {
    parts: Parts,
    references: Vec<Reference>,
    ids: BTreeSet<String>,
    /// Sources by file and name.
    sources: BTreeMap<(String, String), Provenance>,
}

/// Reads all files.
pub(crate) fn files<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> (Parts, Vec<Problem>) {
    let files: Vec<_> = files.into_iter().collect();
    let mut reading = Reading::default();
    let mut problems = Vec::new();
    // Marks name entities of other files, so those come first.
    for (name, text) in &files {
        let ((), found) = Document::read(name, text, |root| {
            reading.sources(root);
            reading.entities(root);
            root.tables("product");
        });
        problems.extend(found);
    }
    for (name, text) in &files {
        // What is wrong with the rest was told already.
        let ((), found) = Document::read(name, text, |root| {
            reading.products(root);
            let _ = (root.tables("entity"), root.tables("relation"), root.table("sources"));
        });
        problems.extend(found.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>());
    }
    problems.extend(reading.unresolved());
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    (reading.parts, problems)
}

impl Reading {
    fn sources(&mut self, root: &Section<'_>) {
        let Some(sources) = root.table("sources") else { return };
        for name in sources.rest() {
            let Some(source) = sources.table(&name) else { continue };
            let provenance = stated(&source);
            source.finish();
            self.sources.insert((root.file().to_owned(), name), provenance);
        }
    }

    /// Source, date, confidence, and who checked: nothing in the catalogue is without. `per` names a source of the
    /// file's table `sources`.
    fn provenance(&self, section: &Section<'_>) -> Provenance {
        let Some(name) = section.text("per") else { return stated(section) };
        let Some(source) = self.sources.get(&(section.file().to_owned(), name.clone())) else {
            section.complain("per", format!("the file has no [sources.{name}]"), None);
            return stated(section);
        };
        Provenance {
            source: source.source.clone(),
            seen: section.date("seen").unwrap_or_else(|| source.seen.clone()),
            confidence: section.word("confidence", &Confidence::WORDS).unwrap_or(source.confidence),
            checked: section.word("checked", &Checked::WORDS).unwrap_or(source.checked),
            note: section.text("note").or_else(|| source.note.clone()),
        }
    }

    fn entities(&mut self, root: &Section<'_>) {
        for section in root.tables("entity") {
            let entity = Entity {
                id: self.id(&section),
                name: section.needed("name"),
                aliases: section.texts("aliases"),
                country: section.text("country"),
                registered: section.texts("registered"),
                provenance: self.provenance(&section),
            };
            if entity.country.as_ref().is_some_and(|code| !is_country(code)) {
                let hint = Some("ISO 3166-1 alpha-2, as in \"RU\"".to_owned());
                section.complain("country", "country is no code of two letters", hint);
            }
            section.finish();
            self.parts.entities.insert(entity.id.clone(), entity);
        }
        for section in root.tables("relation") {
            let kind = section.word("kind", &RelationKind::WORDS);
            if !section.has("kind") {
                section.complain("kind", "kind is missing", None);
            }
            let (from, to) = (section.needed("from"), section.needed("to"));
            let named = if kind == Some(RelationKind::Oem) { Named::Either } else { Named::Entity };
            self.refer(&section, "from", &from, named);
            self.refer(&section, "to", &to, named);
            let relation = Relation {
                from,
                kind: kind.unwrap_or(RelationKind::Affiliate),
                to,
                since: section.date("since"),
                until: section.date("until"),
                share: section.number("share"),
                provenance: self.provenance(&section),
            };
            if relation.share.is_some_and(|share| share > 100) {
                section.complain("share", "a share is at most 100 per cent", None);
            }
            section.finish();
            self.parts.relations.extend(kind.map(|_| relation));
        }
    }

    fn products(&mut self, root: &Section<'_>) {
        for section in root.tables("product") {
            let id = self.id(&section);
            let maker = section.needed("maker");
            self.refer(&section, "maker", &maker, Named::Entity);
            let succeeds = section.text("succeeds");
            if let Some(other) = &succeeds {
                self.refer(&section, "succeeds", other, Named::Product);
            }
            let mut product = Product {
                id,
                name: section.needed("name"),
                classes: section.texts("classes"),
                aliases: section.texts("aliases"),
                generic: section.flag("generic"),
                apart: section.flag("apart"),
                succeeds,
                devices: section.texts("devices"),
                alert: section.text("alert"),
                note: section.text("note"),
                marks: Vec::new(),
                homes: patterns(&section, "homes", Attribute::Path, &section.texts("homes")),
                hosts: patterns(&section, "hosts", Attribute::Host, &section.texts("hosts")),
                maker,
            };
            if product.classes.is_empty() {
                section.complain("classes", "classes is missing", Some("at least one word".to_owned()));
            }
            for mark in section.tables("mark") {
                let read = self.mark(&mark, &product.maker);
                product.marks.extend(read);
            }
            section.finish();
            self.parts.products.push(product);
        }
    }

    fn mark(&self, section: &Section<'_>, maker: &str) -> Option<Mark> {
        let kinds: Vec<(&str, FactKind)> = FactKind::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
        let finding = section.text("finding");
        let fact = match &finding {
            Some(_) => Some(FactKind::Finding),
            None => section.word("fact", &kinds),
        };
        if fact.is_none() && !section.has("fact") {
            section.complain("fact", "fact is missing", Some("what kind of fact it is about".to_owned()));
        }
        let grade = section.word("grade", &Grade::WORDS);
        if !section.has("grade") {
            section.complain("grade", "grade is missing", Some("one of A, B, C, D".to_owned()));
        }
        let corroborated = section.word("corroborated", &Grade::WORDS);
        if corroborated.is_some_and(|better| Some(better) >= grade) {
            section.complain("corroborated", "corroborated must be a better grade than grade", None);
        }
        let state = section.word("state", &State::WORDS).or_else(|| fact.map(usual_state));
        let signal = section.text("signal").or_else(|| fact.map(|fact| fact.name().to_owned()));
        let engine = section.flag("engine");
        let provenance = self.provenance(section);
        let not = section.table("not").map(|table| self.needs(&table, maker)).unwrap_or_default();
        let if_present =
            section.table("if-present").map(|table| self.needs(&table, maker)).unwrap_or_default();
        let mut needs = self.needs(section, maker);
        if let Some(finding) = finding {
            needs.push(vec![(Attribute::Id, patterns(section, "finding", Attribute::Id, &[finding]))]);
        }
        needs.retain(|need| need.iter().any(|(_, patterns)| !patterns.is_empty()));
        if needs.is_empty() {
            section.complain(
                "fact",
                "a mark names no attribute, and would match every fact of its kind",
                None,
            );
            return None;
        }
        Some(Mark {
            place: format!("{}:{}", section.file(), section.line()),
            fact: fact?,
            grade: grade?,
            corroborated,
            signal: signal?,
            state: state?,
            engine,
            provenance,
            needs,
            not,
            if_present,
        })
    }

    /// All attributes of a table that were not asked for otherwise, each with its patterns. `"id|name"` is either.
    fn needs(&self, section: &Section<'_>, maker: &str) -> Vec<Need> {
        let mut needs = Vec::new();
        for key in section.rest() {
            let texts = self.expanded(section, &key, maker);
            let attributes = key.split('|').filter_map(|name| attribute(section, &key, name.trim()));
            let need = attributes.map(|attribute| (attribute, patterns(section, &key, attribute, &texts)));
            needs.push(need.collect());
        }
        needs
    }

    /// The texts of a key; `@maker` and `@ID` are all names of an entity.
    fn expanded(&self, section: &Section<'_>, key: &str, maker: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for text in section.texts(key) {
            let Some(id) = text.strip_prefix('@') else {
                texts.push(text);
                continue;
            };
            match self.parts.entities.get(if id == "maker" { maker } else { id }) {
                Some(entity) => texts.extend(entity.names().map(str::to_owned)),
                None => section.complain(key, format!("there is no entity {id:?}"), None),
            }
        }
        texts
    }

    /// The id of a table: a word that no other table has.
    fn id(&mut self, section: &Section<'_>) -> String {
        let id = section.needed("id");
        if !id.is_empty() && !is_word(&id) {
            let hint = Some("lower-case letters, digits and hyphens".to_owned());
            section.complain("id", format!("{id:?} is no id"), hint);
        } else if !id.is_empty() && !self.ids.insert(id.clone()) {
            section.complain("id", format!("{id:?} is there already"), None);
        }
        id
    }

    fn refer(&mut self, section: &Section<'_>, what: &'static str, id: &str, kind: Named) {
        let (file, line) = (section.file().to_owned(), section.line_of(what));
        self.references.push(Reference { file, line, what, id: id.to_owned(), kind });
    }

    fn unresolved(&self) -> Vec<Problem> {
        let products: BTreeSet<&str> =
            self.parts.products.iter().map(|product| product.id.as_str()).collect();
        let known = |reference: &Reference| {
            let entity = self.parts.entities.contains_key(&reference.id);
            let product = products.contains(reference.id.as_str());
            match reference.kind {
                Named::Entity => entity,
                Named::Product => product,
                Named::Either => entity || product,
            }
        };
        let unknown =
            self.references.iter().filter(|reference| !reference.id.is_empty() && !known(reference));
        let problem = |reference: &Reference| Problem {
            file: reference.file.clone(),
            line: reference.line,
            reason: format!("{}: there is no {:?}", reference.what, reference.id),
            hint: None,
        };
        unknown.map(problem).collect()
    }
}

fn stated(section: &Section<'_>) -> Provenance {
    let needed = |key: &str| {
        if !section.has(key) {
            section.complain(key, format!("{key} is missing: every fact has a dated source"), None);
        }
    };
    ["source", "seen", "confidence", "checked"].into_iter().for_each(needed);
    Provenance {
        source: section.text("source").unwrap_or_default(),
        seen: section.date("seen").unwrap_or_default(),
        confidence: section.word("confidence", &Confidence::WORDS).unwrap_or(Confidence::Low),
        checked: section.word("checked", &Checked::WORDS).unwrap_or(Checked::Memory),
        note: section.text("note"),
    }
}

/// The attribute of that name; words that a mark itself has are those of the fact with `fact-` in front.
fn attribute(section: &Section<'_>, key: &str, name: &str) -> Option<Attribute> {
    let plain = name.strip_prefix("fact-").unwrap_or(name);
    let found = Attribute::from_name(plain);
    if found.is_none() {
        let known = Attribute::ALL.iter().map(|known| known.name());
        let near = known.min_by_key(|known| distance(known, plain));
        section.complain(
            key,
            format!("there is no attribute {name:?}"),
            near.map(|near| format!("did you mean {near}?")),
        );
    }
    found
}

fn patterns(section: &Section<'_>, key: &str, attribute: Attribute, texts: &[String]) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for text in texts {
        match Pattern::new(attribute, text) {
            Ok(pattern) => patterns.push(pattern),
            Err(reason) => section.complain(key, reason, None),
        }
    }
    patterns
}

/// The state that facts of a kind show.
fn usual_state(kind: FactKind) -> State {
    match kind {
        FactKind::Component | FactKind::Image | FactKind::Layer => State::Declared,
        FactKind::Address | FactKind::Socket => State::Contacted,
        FactKind::Certificate | FactKind::Removed => State::Remnant,
        _ => State::Installed,
    }
}

/// Whether a text is a word of rules.
fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 100 && text.bytes().all(fits)
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
