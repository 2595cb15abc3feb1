//! From facts to items: matches marks, puts evidence together, and grades it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use candor_object::{Attribute, Fact, FactKind};

use crate::catalogue::Catalogue;
use crate::item::{Evidence, Grade, Integration, Item, Located, State};
use crate::pattern::normal;
use crate::product::{Checked, Mark, Need, Product};

/// Most bytes of a value in the words for a fact.
const MOST_SHOWN: usize = 200;

/// One product in one place: the system, what belongs together there, the product, and what it is inside of.
type Key = (String, String, usize, Option<Integration>);

/// What speaks for one product in one place.
#[derive(Default)]
struct Gathered {
    facts: u64,
    /// Numbers of marks, with how often each was met.
    marks: BTreeMap<usize, usize>,
    /// Of the evidence: the number of the mark.
    of: Vec<usize>,
    evidence: Vec<Evidence>,
    places: Vec<String>,
    seen_places: HashSet<String>,
    versions: Vec<(Grade, String)>,
}

pub(crate) fn identify(catalogue: &Catalogue, facts: &[Located]) -> Vec<Item> {
    let mut all: HashMap<Key, Gathered> = HashMap::new();
    let mut found = Vec::new();
    for located in facts {
        let values = Values::new(&located.fact);
        matching(catalogue, &located.fact, &values, &mut found);
        let mut counted: Vec<Key> = Vec::new();
        for number in &found {
            let (product, _) = catalogue.marks[*number];
            let mark = catalogue.mark(*number);
            let Some(state) = state(mark, &located.fact) else { continue };
            let integration = integration(catalogue, product, mark, located, &values);
            let key = (system(located).to_owned(), group(located), product, integration);
            let gathered = all.entry(key.clone()).or_default();
            gathered.add(*number, mark, state, located, &values);
            // A fact that several marks match is one fact.
            if !counted.contains(&key) {
                gathered.facts += 1;
                counted.push(key);
            }
        }
    }
    let mut all: BTreeMap<Key, Gathered> = all.into_iter().collect();
    give_away(catalogue, &mut all);
    let mut items: Vec<Item> =
        all.iter().map(|(key, gathered)| item(catalogue, key, gathered, &all)).collect();
    items.sort_by(|a, b| {
        (a.state, a.grade, &a.product, &a.places).cmp(&(b.state, b.grade, &b.product, &b.places))
    });
    items
}

/// Values of a fact in normal form, made when they are asked for.
struct Values<'f> {
    fact: &'f Fact,
}

impl<'f> Values<'f> {
    fn new(fact: &'f Fact) -> Self {
        Self { fact }
    }

    /// All values of an attribute. Names of certificates are also there in parts, hosts also out of addresses.
    fn of(&self, attribute: Attribute) -> Vec<Cow<'f, str>> {
        let mut values: Vec<Cow<'f, str>> =
            self.fact.all(attribute).map(|value| normal(attribute, value)).collect();
        match attribute {
            Attribute::Subject | Attribute::Issuer => {
                let whole: Vec<&str> = self.fact.all(attribute).collect();
                let parts = whole.iter().flat_map(|name| parts(name));
                values.extend(parts.map(|part| Cow::Owned(normal(attribute, &part).into_owned())));
            }
            Attribute::Host if values.is_empty() => {
                let hosts = self.fact.all(Attribute::Url).filter_map(host);
                values.extend(hosts.map(|host| normal(attribute, host)));
            }
            _ => {}
        }
        values
    }

    fn meets(&self, need: &Need) -> bool {
        need.iter().any(|(attribute, patterns)| {
            self.of(*attribute).iter().any(|value| patterns.iter().any(|pattern| pattern.matches(value)))
        })
    }

    fn lacks(&self, need: &Need) -> bool {
        need.iter().all(|(attribute, _)| self.fact.get(*attribute).is_none())
    }
}

/// Common name and organisation of a distinguished name; values may be in quotes or have escaped commas.
fn parts(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in name.chars().chain([',']) {
        match character {
            _ if escaped => {
                part.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | '/' | '+' | ';' if !quoted => {
                if let Some((kind, value)) = part.split_once('=')
                    && ["cn", "o"].contains(&kind.trim().to_ascii_lowercase().as_str())
                {
                    parts.push(value.trim().to_owned());
                }
                part.clear();
            }
            _ => part.push(character),
        }
    }
    parts
}

/// The host of an address.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.strip_prefix('[').map_or_else(|| host.split(':').next(), |six| six.split(']').next())?;
    (!host.is_empty()).then_some(host)
}

/// Numbers of the marks that a fact matches. A product that is known takes the fact from those that stand for any.
fn matching(catalogue: &Catalogue, fact: &Fact, values: &Values<'_>, found: &mut Vec<usize>) {
    found.clear();
    for attribute in catalogue.index.attributes(fact.kind) {
        for value in values.of(attribute) {
            catalogue.index.candidates(fact.kind, attribute, &value, found);
        }
    }
    found.sort_unstable();
    found.dedup();
    found.retain(|number| matches(catalogue.mark(*number), values));
    let product = |number: &usize| &catalogue.products[catalogue.marks[*number].0];
    if found.len() > 1 {
        let known: Vec<String> = found
            .iter()
            .map(product)
            .filter(|product| !product.generic)
            .map(|product| product.maker.clone())
            .collect();
        found.retain(|number| !product(number).generic || !known.contains(&product(number).maker));
    }
}

fn matches(mark: &Mark, values: &Values<'_>) -> bool {
    mark.needs.iter().all(|need| values.meets(need))
        && !mark.not.iter().any(|need| values.meets(need))
        && mark.if_present.iter().all(|need| values.lacks(need) || values.meets(need))
}

/// The state that a fact shows, or none if it says that nothing is there.
fn state(mark: &Mark, fact: &Fact) -> Option<State> {
    if fact.kind != FactKind::Package || mark.state != State::Installed {
        return Some(mark.state);
    }
    match fact.get(Attribute::State).map(str::to_ascii_lowercase).as_deref() {
        Some("config-files" | "removed" | "deinstalled") => Some(State::Remnant),
        Some("declared") => Some(State::Declared),
        Some("not-installed" | "available") => None,
        _ => Some(State::Installed),
    }
}

/// The system that a fact is about: that which an exported inventory names, or the one that was looked at.
fn system(located: &Located) -> &str {
    // There the host is the other end.
    let is_remote = matches!(located.fact.kind, FactKind::Address | FactKind::Image | FactKind::Socket);
    located.fact.get(Attribute::Host).filter(|_| !is_remote).unwrap_or(&located.host)
}

/// What belongs together: everything that is in no container; what is in the same outermost container; and what one
/// document says.
fn group(located: &Located) -> String {
    if let Some((outermost, _)) = located.place.split_once(" > ") {
        return outermost.to_owned();
    }
    let declares = matches!(located.fact.kind, FactKind::Component | FactKind::Address | FactKind::Image)
        || located.fact.get(Attribute::State) == Some("declared");
    if declares { located.place.clone() } else { String::new() }
}

/// Whose product it is inside of, if that is another's.
fn integration(
    catalogue: &Catalogue,
    product: usize,
    mark: &Mark,
    located: &Located,
    values: &Values<'_>,
) -> Option<Integration> {
    let product = &catalogue.products[product];
    let own = |other: &&Product| other.maker == product.maker;
    if located.fact.kind == FactKind::Component {
        let parent = located.fact.get(Attribute::Parent)?;
        let lower = parent.to_lowercase();
        let maker = catalogue.entity(&product.maker);
        let mut names = catalogue
            .products
            .iter()
            .filter(own)
            .map(|product| product.name.as_str())
            .chain(maker.into_iter().flat_map(|maker| maker.names()));
        let is_own = names.any(|name| lower.contains(&name.to_lowercase()));
        return (!is_own).then(|| Integration { product: None, name: shown(parent) });
    }
    if !mark.engine {
        return None;
    }
    let path = located.fact.get(Attribute::Path).unwrap_or(&located.place);
    let paths = [normal(Attribute::Path, path), normal(Attribute::Path, &located.place)];
    let hosts = values.of(Attribute::Host);
    let is_home = |other: &&Product| {
        let home = |path: &Cow<'_, str>| other.homes.iter().any(|home| home.matches(path));
        let host = |host: &Cow<'_, str>| other.hosts.iter().any(|pattern| pattern.matches(host));
        (hosts.is_empty() && paths.iter().any(home)) || hosts.iter().any(host)
    };
    if catalogue.products.iter().filter(own).any(|other| is_home(&other)) {
        return None;
    }
    let host = catalogue.products.iter().filter(|other| !own(other)).find(is_home);
    let place = match hosts.first() {
        Some(host) => host.as_ref(),
        None => folder_of_product(path),
    };
    Some(host.map_or_else(
        || Integration { product: None, name: format!("unknown product at {}", shown(place)) },
        |host| Integration { product: Some(host.id.clone()), name: host.name.clone() },
    ))
}

/// The folder that a product has for itself, judged by where systems put products; otherwise the file's own folder.
/// So pieces of one unknown product are one item.
fn folder_of_product(path: &str) -> &str {
    const ABOVE: [&str; 6] =
        ["/opt/", "/program files (x86)/", "/program files/", "/programdata/", "/usr/lib/", "/usr/share/"];
    let lower = path.to_ascii_lowercase().replace('\\', "/");
    // Lower case of ASCII has the same length, so places in one are places in the other.
    let inside = ABOVE.iter().find_map(|above| lower.find(above).map(|at| at + above.len()));
    let end = match inside {
        Some(start) => lower[start..].find('/').map(|at| start + at),
        None => lower.rfind('/'),
    };
    end.filter(|end| *end > 0).map_or(path, |end| &path[..end])
}

impl Gathered {
    fn add(&mut self, number: usize, mark: &Mark, state: State, located: &Located, values: &Values<'_>) {
        let met = self.marks.entry(number).or_default();
        *met += 1;
        if *met <= Item::MOST_EVIDENCE {
            self.of.push(number);
            // Where what has to agree is missing, the name stands alone.
            let alone = mark.if_present.iter().any(|need| values.lacks(need));
            let grade = worth(mark, mark.grade);
            self.evidence.push(Evidence {
                what: words(&located.fact),
                place: located.place.clone(),
                mark: mark.place.clone(),
                grade: if alone { grade.max(Grade::C) } else { grade },
                state,
                source: mark.provenance.clone(),
            });
            let version = located.fact.get(Attribute::Version).map(str::to_owned);
            self.versions.extend(version.map(|version| (mark.grade, version)));
        }
        if self.places.len() < Item::MOST_PLACES && self.seen_places.insert(located.place.clone()) {
            self.places.push(located.place.clone());
        }
    }

    fn take(&mut self, other: Self) {
        self.facts += other.facts;
        for (mark, count) in other.marks {
            *self.marks.entry(mark).or_default() += count;
        }
        self.of.extend(other.of);
        self.evidence.extend(other.evidence);
        self.versions.extend(other.versions);
        for place in other.places {
            if self.places.len() < Item::MOST_PLACES && self.seen_places.insert(place.clone()) {
                self.places.push(place);
            }
        }
    }

    fn state(&self) -> State {
        self.evidence.iter().map(|evidence| evidence.state).min().unwrap_or(State::Mentioned)
    }

    /// The grade of all evidence for the state together: a name alone stays a name, but a signal of another kind, a
    /// remnant even, makes it better where its mark says so.
    fn grade(&self, catalogue: &Catalogue) -> Grade {
        let state = self.state();
        let grade = |(number, evidence): (&usize, &Evidence)| {
            let mark = catalogue.mark(*number);
            let mut others = self.of.iter().map(|other| catalogue.mark(*other));
            let agrees = |other: &Mark| {
                other.signal != mark.signal
                    && other.grade < Grade::D
                    && other.provenance.checked != Checked::Memory
            };
            match mark.corroborated {
                Some(better) if others.any(agrees) => worth(mark, better),
                _ => evidence.grade,
            }
        };
        let of_state = self.of.iter().zip(&self.evidence).filter(|(_, evidence)| evidence.state == state);
        of_state.map(grade).min().unwrap_or(Grade::D)
    }
}

/// A grade of a mark; what nobody looked up is a name at best.
fn worth(mark: &Mark, grade: Grade) -> Grade {
    if mark.provenance.checked == Checked::Memory { grade.max(Grade::C) } else { grade }
}

/// Gives the evidence of products that stand for any of their maker to the one that is known in the same place.
fn give_away(catalogue: &Catalogue, all: &mut BTreeMap<Key, Gathered>) {
    let generic: Vec<Key> =
        all.keys().filter(|(_, _, product, _)| catalogue.products[*product].generic).cloned().collect();
    for key in generic {
        let (system, group, product, integration) = &key;
        let Some(state) = all.get(&key).map(Gathered::state) else { continue };
        let maker = &catalogue.products[*product].maker;
        let known = all.iter().filter(|((other_system, other_group, other, inside), gathered)| {
            let other = &catalogue.products[*other];
            let fits = gathered.state() == state || (gathered.state() < state && state == State::Remnant);
            other_system == system
                && other_group == group
                && inside == integration
                && !other.generic
                && !other.apart
                && other.maker == *maker
                && fits
                && other.alert.is_none()
        });
        let best = known.min_by_key(|(_, gathered)| (gathered.state(), gathered.grade(catalogue)));
        if let Some(best) = best.map(|(key, _)| key.clone())
            && let Some(evidence) = all.remove(&key)
            && let Some(best) = all.get_mut(&best)
        {
            best.take(evidence);
        }
    }
}

fn item(catalogue: &Catalogue, key: &Key, gathered: &Gathered, all: &BTreeMap<Key, Gathered>) -> Item {
    let (system, group, product, integration) = key;
    let product = &catalogue.products[*product];
    let mut state = gathered.state();
    let certificates = gathered.of.iter().all(|number| catalogue.mark(*number).fact == FactKind::Certificate);
    // A certificate is left over only where its product is gone.
    if certificates && state == State::Remnant {
        let installed = all.iter().any(|((other_system, other_group, other, _), gathered)| {
            let same = other_system == system
                && other_group == group
                && catalogue.products[*other].maker == product.maker;
            same && gathered.state() == State::Installed && gathered.grade(catalogue) <= Grade::B
        });
        state = if installed { State::Installed } else { state };
    }
    let version =
        gathered.versions.iter().min_by_key(|(grade, _)| *grade).map(|(_, version)| version.clone());
    let mut evidence = gathered.evidence.clone();
    evidence.sort_by_key(|evidence| (evidence.state, evidence.grade));
    // A fact that several marks match is one piece of evidence, worth what the best of them says.
    let mut told = HashSet::new();
    evidence.retain(|evidence| told.insert((evidence.what.clone(), evidence.place.clone())));
    Item {
        product: product.id.clone(),
        state,
        grade: gathered.grade(catalogue),
        integrated_in: integration.clone(),
        places: gathered.places.clone(),
        evidence,
        facts: gathered.facts,
        version,
        host: (!system.is_empty()).then(|| shown(system)),
    }
}

/// A fact in words: `package name kesl, version 12.0, state installed`.
fn words(fact: &Fact) -> String {
    let values = fact.attributes.iter().filter(|(attribute, _)| *attribute != Attribute::Description);
    let values: Vec<String> =
        values.map(|(attribute, value)| format!("{} {}", attribute.name(), shown(value))).collect();
    format!("{} {}", fact.kind.name(), values.join(", "))
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
