//! The catalogue: all products and entities, and what asks about them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use candor_object::{Attribute, FactKind};

use crate::document::Problem;
use crate::entity::{Entity, Relation, RelationKind};
use crate::identify;
use crate::index::Index;
use crate::item::{Grade, Item, Located, State};
use crate::pattern::{Pattern, normal};
use crate::product::{Mark, Product};
use crate::read;

/// The files of `rules/products`, by name.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Products, their makers and their marks.
#[derive(Debug, Default)]
pub struct Catalogue {
    pub(crate) products: Vec<Product>,
    entities: BTreeMap<String, Entity>,
    relations: Vec<Relation>,
    by_id: HashMap<String, usize>,
    /// Product and mark of each number of the index.
    pub(crate) marks: Vec<(usize, usize)>,
    pub(crate) index: Index,
}

impl Catalogue {
    /// The catalogue that the program carries.
    pub fn embedded() -> Self {
        // A test reads them without a problem.
        Self::parse(EMBEDDED.iter().copied()).0
    }

    /// The files that the program carries, by name.
    pub fn embedded_files() -> &'static [(&'static str, &'static str)] {
        EMBEDDED
    }

    /// Whether a text is a file of a catalogue and not one of rules, by the tables that it has.
    pub fn is_catalogue(text: &str) -> bool {
        let starts = |line: &str| {
            let line = line.trim_start();
            ["[[product]]", "[[entity]]", "[[relation]]", "[sources"]
                .iter()
                .any(|table| line.starts_with(table))
        };
        text.lines().any(starts)
    }

    /// Reads files, each with its name. What is wrong with a table costs that table only.
    pub fn parse<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> (Self, Vec<Problem>) {
        let (mut parts, problems) = read::files(files);
        for product in parts.products.iter_mut().filter(|product| product.generic) {
            product.marks.extend(parts.entities.get(&product.maker).into_iter().flat_map(by_name));
        }
        let mut catalogue = Self {
            by_id: parts.products.iter().enumerate().map(|(at, product)| (product.id.clone(), at)).collect(),
            products: parts.products,
            entities: parts.entities,
            relations: parts.relations,
            ..Self::default()
        };
        let all = catalogue.products.iter().enumerate();
        catalogue.marks =
            all.flat_map(|(at, product)| (0..product.marks.len()).map(move |mark| (at, mark))).collect();
        let marks = catalogue.marks.iter().map(|(product, mark)| &catalogue.products[*product].marks[*mark]);
        catalogue.index = Index::new(marks.map(|mark: &Mark| (mark.fact, mark.needs.as_slice())));
        (catalogue, problems)
    }

    /// The product of that id.
    pub fn product(&self, id: &str) -> Option<&Product> {
        self.by_id.get(id).map(|at| &self.products[*at])
    }

    /// All products.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The entity of that id.
    pub fn entity(&self, id: &str) -> Option<&Entity> {
        self.entities.get(id)
    }

    /// All entities.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    /// All relations.
    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// Entities that some relation of these kinds leads to on a day, each with the relation that led to it. A parent
    /// relation is a subsidiary relation the other way round.
    pub fn related(
        &self,
        from: &BTreeSet<String>,
        day: &str,
        wanted: impl Fn(&Relation, RelationKind) -> bool,
    ) -> BTreeMap<String, &Relation> {
        let mut reached: BTreeMap<String, &Relation> = BTreeMap::new();
        let mut next: Vec<String> = from.iter().cloned().collect();
        while let Some(entity) = next.pop() {
            for relation in self.relations.iter().filter(|relation| relation.holds(day)) {
                // What the other one is to this entity.
                let (other, kind) = if relation.to == entity {
                    (&relation.from, relation.kind)
                } else if relation.from == entity {
                    (&relation.to, inverse(relation.kind))
                } else {
                    continue;
                };
                if wanted(relation, kind) && !from.contains(other) && !reached.contains_key(other) {
                    reached.insert(other.clone(), relation);
                    next.push(other.clone());
                }
            }
        }
        reached
    }

    /// Turns facts into items. Facts of one product in one place, which is all outside of containers or one outermost
    /// container or document, become one item.
    pub fn identify(&self, facts: &[Located]) -> Vec<Item> {
        identify::identify(self, facts)
    }

    /// Whether some mark asks about a file of this path.
    pub fn wants(&self, path: &str) -> bool {
        let path = normal(Attribute::Path, path);
        let mut found = Vec::new();
        self.index.candidates(FactKind::File, Attribute::Path, &path, &mut found);
        found.into_iter().any(|number| {
            let needs = self.mark(number).needs.iter().flatten();
            let mut of_paths = needs.filter(|(attribute, _)| *attribute == Attribute::Path);
            of_paths.all(|(_, patterns)| patterns.iter().any(|pattern| pattern.matches(&path)))
        })
    }

    pub(crate) fn mark(&self, number: usize) -> &Mark {
        let (product, mark) = self.marks[number];
        &self.products[product].marks[mark]
    }
}

/// Marks for what names the maker, by any of its names, as who supplies or publishes it: a name alone.
fn by_name(maker: &Entity) -> [Mark; 2] {
    let names = || {
        let patterns =
            |attribute| maker.names().filter_map(|name| Pattern::new(attribute, name).ok()).collect();
        [Attribute::Vendor, Attribute::Publisher].map(|attribute| (attribute, patterns(attribute))).to_vec()
    };
    [FactKind::Component, FactKind::Program].map(|fact| Mark {
        place: format!("the names of {}", maker.id),
        fact,
        grade: Grade::C,
        corroborated: None,
        signal: "supplier".to_owned(),
        state: if fact == FactKind::Component { State::Declared } else { State::Installed },
        engine: false,
        provenance: maker.provenance.clone(),
        needs: vec![names()],
        not: Vec::new(),
        if_present: Vec::new(),
    })
}

/// What the second is to the first.
fn inverse(kind: RelationKind) -> RelationKind {
    match kind {
        RelationKind::Parent => RelationKind::Subsidiary,
        RelationKind::Subsidiary => RelationKind::Parent,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_has_no_problem() {
        let (catalogue, problems) = Catalogue::parse(EMBEDDED.iter().copied());
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, Vec::<String>::new());
        assert!(catalogue.products().len() > 25);
    }

    #[test]
    fn only_paths_of_marks_are_wanted() {
        let catalogue = Catalogue::embedded();
        for path in [
            "/opt/kaspersky/kesl/bin/kesl-control",
            r"C:\Windows\System32\drivers\klif.sys",
            "/mnt/x/ProgramData/CheckPoint/ZoneAlarm/Data/avsys/bases_csd/data/u1313g.xml",
        ] {
            assert!(catalogue.wants(path), "{path}");
        }
        for path in ["/etc/passwd", "/usr/bin/avp", "/home/a/kaspersky.txt", ""] {
            assert!(!catalogue.wants(path), "{path}");
        }
    }
}
