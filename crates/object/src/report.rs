//! All that one scan saw and did not see.

use std::collections::BTreeSet;

use crate::{Fact, FileType, Finding, Gap, ObjectId, Reason, Relation};

/// The result of scanning one root object. Numbering is parents first: an object's parent has a lower number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every object, the root object first.
    pub objects: Vec<Seen>,
    /// Evidence, in the order it was seen.
    pub findings: Vec<Finding>,
    /// What was not examined.
    pub gaps: Vec<Gap>,
    /// What is said about what is installed; empty unless an inventory was asked for.
    pub facts: Vec<Fact>,
}

/// An object as the report remembers it: without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The container, or nothing for the root object.
    pub parent: Option<ObjectId>,
    /// Its name in the container; hostile.
    pub name: String,
    /// How it came out of the container.
    pub relation: Relation,
    /// What it is.
    pub file_type: FileType,
    /// Its size in bytes, as far as it could be taken out.
    pub size: u64,
    /// SHA-256 of the content; known for objects with findings.
    pub sha256: Option<[u8; 32]>,
}

impl Report {
    /// The report of a root object of `size` bytes that was not examined at all. It has no name.
    pub fn not_examined(size: u64, reason: Reason, detail: String) -> Self {
        let root = Seen {
            parent: None,
            name: String::new(),
            relation: Relation::Root,
            file_type: FileType::DATA,
            size,
            sha256: None,
        };
        let gap = Gap { object: ObjectId::ROOT, reason, detail };
        Self { objects: vec![root], findings: Vec::new(), gaps: vec![gap], facts: Vec::new() }
    }

    /// An object of this report, if there is one with that number.
    pub fn object(&self, id: ObjectId) -> Option<&Seen> {
        self.objects.get(id.0 as usize)
    }

    /// The object and its containers, innermost first.
    pub fn chain(&self, id: ObjectId) -> impl Iterator<Item = ObjectId> + '_ {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let current = next?;
            // Parents have lower numbers; whatever does not is damage and ends the walk.
            next = self.object(current).and_then(|seen| seen.parent).filter(|parent| *parent < current);
            Some(current)
        })
    }

    /// The object path for people, such as `mail.eml > invoice.zip > a.exe`; objects without a name are
    /// shown by their relation in angle brackets. Hostile: print it escaped.
    pub fn path(&self, id: ObjectId) -> String {
        self.path_from("", id)
    }

    /// The same, with a name for the root object, where that is not empty: reports of workers have none.
    pub fn path_from(&self, root: &str, id: ObjectId) -> String {
        let name = |id: ObjectId| {
            let seen = self.object(id)?;
            Some(match seen.name.as_str() {
                _ if id == ObjectId::ROOT && !root.is_empty() => root.to_owned(),
                "" => format!("<{}>", seen.relation.name()),
                name => name.to_owned(),
            })
        };
        let mut names: Vec<String> = self.chain(id).filter_map(name).collect();
        names.reverse();
        names.join(" > ")
    }

    /// Whether the examination failed: what is told is no answer about the content.
    pub fn failed(&self) -> bool {
        self.objects.is_empty() || self.gaps.iter().any(|gap| gap.reason.is_failure())
    }

    /// Bytes of memory that it takes, about: records, and the text that they hold.
    pub fn weight(&self) -> usize {
        let objects = self.objects.iter().map(|seen| size_of_val(seen) + seen.name.len());
        let findings = self.findings.iter().map(|finding| {
            let Finding { name, source, text, evidence, .. } = finding;
            let places =
                evidence.iter().map(|place| size_of_val(place) + place.what.len() + place.excerpt.len());
            size_of_val(finding) + name.len() + source.len() + text.len() + places.sum::<usize>()
        });
        let gaps = self.gaps.iter().map(|gap| size_of_val(gap) + gap.detail.len());
        let facts = self.facts.iter().map(|fact| {
            let values = fact.attributes.iter().map(|value| size_of_val(value) + value.1.len());
            size_of_val(fact) + values.sum::<usize>()
        });
        size_of_val(self) + objects.chain(findings).chain(gaps).chain(facts).sum::<usize>()
    }

    /// The root object, the objects that have findings, gaps or facts, and their containers.
    pub fn concerned(&self) -> BTreeSet<ObjectId> {
        let findings = self.findings.iter().map(|finding| finding.object);
        let gaps = self.gaps.iter().map(|gap| gap.object);
        let mut concerned = BTreeSet::from([ObjectId::ROOT]);
        let facts = self.facts.iter().map(|fact| fact.object);
        for object in findings.chain(gaps).chain(facts) {
            for id in self.chain(object) {
                // The containers of an object that is there are there as well.
                if !concerned.insert(id) {
                    break;
                }
            }
        }
        concerned
    }

    /// Bytes of all objects together.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().fold(0, |sum, seen| sum.saturating_add(seen.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(parent: Option<u32>, name: &str, relation: Relation) -> Seen {
        let file_type = FileType::DATA;
        Seen { parent: parent.map(ObjectId), name: name.into(), relation, file_type, size: 2, sha256: None }
    }

    #[test]
    fn a_path_names_every_container() {
        let objects = vec![
            seen(None, "mail.eml", Relation::Root),
            seen(Some(0), "a.gz", Relation::Part),
            seen(Some(1), "", Relation::Stream),
        ];
        let report = Report { objects, ..Report::default() };
        assert_eq!(report.path(ObjectId(2)), "mail.eml > a.gz > <stream>");
        assert_eq!(report.path_from("1.eml", ObjectId(2)), "1.eml > a.gz > <stream>");
        assert_eq!(report.bytes(), 6);
    }

    #[test]
    fn a_cycle_of_parents_ends() {
        let report = Report { objects: vec![seen(Some(0), "x", Relation::Root)], ..Report::default() };
        assert_eq!(report.chain(ObjectId(0)).count(), 1);
    }
}
