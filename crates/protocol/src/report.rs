//! A report as bytes: counts, then every record by itself, so that nothing is believed before it is there.

use candor_object::{
    Attribute, Category, Evidence, Fact, FactKind, FileType, Finding, Gap, MAX_ATTRIBUTES, MAX_EXCERPT,
    MAX_FACTS, MAX_VALUE, ObjectId, Reason, Relation, Report, Seen, Strength,
};
use serde::{Deserialize, Serialize};

use crate::Broken;
use crate::names::lasting;
use crate::request::write;

/// Most findings, gaps, and pieces of evidence of one finding that a report may have. The engine makes fewer.
const MAX_FINDINGS: u32 = 20_000;
const MAX_GAPS: u32 = 20_000;
const MAX_EVIDENCE: u32 = 4_096;

#[derive(Serialize, Deserialize)]
struct Counts {
    objects: u32,
    findings: u32,
    gaps: u32,
    facts: u32,
}

#[derive(Serialize, Deserialize)]
struct SeenRecord<'a> {
    parent: Option<u32>,
    name: &'a str,
    relation: &'a str,
    file_type: &'a str,
    size: u64,
    sha256: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct FindingRecord<'a> {
    object: u32,
    detector: &'a str,
    name: &'a str,
    source: &'a str,
    category: &'a str,
    strong: bool,
    text: &'a str,
    evidence: u32,
}

#[derive(Serialize, Deserialize)]
struct EvidenceRecord<'a> {
    what: &'a str,
    offset: u64,
    size: u64,
    excerpt: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct GapRecord<'a> {
    object: u32,
    reason: &'a str,
    limit: &'a str,
    detail: &'a str,
}

#[derive(Serialize, Deserialize)]
struct FactRecord<'a> {
    object: u32,
    kind: &'a str,
    attributes: u32,
}

#[derive(Serialize, Deserialize)]
struct AttributeRecord<'a> {
    name: &'a str,
    value: &'a str,
}

/// Appends a report.
pub(crate) fn write_report(report: &Report, bytes: &mut Vec<u8>) {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let Report { objects, findings, gaps, facts } = report;
    let counts = Counts {
        objects: count(objects.len()),
        findings: count(findings.len()),
        gaps: count(gaps.len()),
        facts: count(facts.len()),
    };
    write(&counts, bytes);
    for Seen { parent, name, relation, file_type, size, sha256 } in objects {
        let (relation, file_type) = (relation.name(), file_type.name());
        let parent = parent.map(|parent| parent.0);
        write(&SeenRecord { parent, name, relation, file_type, size: *size, sha256: *sha256 }, bytes);
    }
    for Finding { object, detector, name, source, category, strength, text, evidence } in findings {
        let strong = *strength == Strength::Strong;
        let (object, category) = (object.0, category.name());
        let count = count(evidence.len());
        let record =
            FindingRecord { object, detector, name, source, category, strong, text, evidence: count };
        write(&record, bytes);
        for Evidence { what, offset, size, excerpt } in evidence {
            write(&EvidenceRecord { what, offset: *offset, size: *size, excerpt }, bytes);
        }
    }
    for Gap { object, reason, detail } in gaps {
        let limit = match reason {
            Reason::Limit(limit) => limit.name(),
            _ => "",
        };
        write(&GapRecord { object: object.0, reason: reason.name(), limit, detail }, bytes);
    }
    for Fact { object, kind, attributes } in facts {
        let record = FactRecord { object: object.0, kind: kind.name(), attributes: count(attributes.len()) };
        write(&record, bytes);
        for (attribute, value) in attributes {
            write(&AttributeRecord { name: attribute.name(), value }, bytes);
        }
    }
}

/// Objects that a report may have beside those that the limit counts: forms of others, of which something is said.
pub const MOST_FORMS: u32 = MAX_FINDINGS + MAX_GAPS;

/// Reads a report of at most `most_objects` objects, and what follows it.
pub(crate) fn read_report(mut bytes: &[u8], most_objects: u32) -> Result<(Report, &[u8]), Broken> {
    let counts: Counts = next(&mut bytes)?;
    if counts.objects > most_objects
        || counts.findings > MAX_FINDINGS
        || counts.gaps > MAX_GAPS
        || counts.facts > MAX_FACTS
    {
        return Err(Broken("a report is too long"));
    }
    let mut report = Report::default();
    for number in 0..counts.objects {
        report.objects.push(seen(next(&mut bytes)?, number)?);
    }
    let object = |number: u32| {
        let known = number < counts.objects;
        known.then_some(ObjectId(number)).ok_or(Broken("a record is about no object"))
    };
    for _ in 0..counts.findings {
        let record: FindingRecord<'_> = next(&mut bytes)?;
        if record.evidence > MAX_EVIDENCE {
            return Err(Broken("a finding has too much evidence"));
        }
        let mut evidence = Vec::new();
        for _ in 0..record.evidence {
            let EvidenceRecord { what, offset, size, excerpt } = next(&mut bytes)?;
            if excerpt.len() > MAX_EXCERPT {
                return Err(Broken("an excerpt is too long"));
            }
            evidence.push(Evidence { what: what.to_owned(), offset, size, excerpt: excerpt.to_vec() });
        }
        report.findings.push(Finding {
            object: object(record.object)?,
            detector: lasting(record.detector)?,
            name: record.name.to_owned(),
            source: record.source.to_owned(),
            category: Category::from_name(record.category).ok_or(Broken("there is no such category"))?,
            strength: if record.strong { Strength::Strong } else { Strength::Weak },
            text: record.text.to_owned(),
            evidence,
        });
    }
    for _ in 0..counts.gaps {
        let record: GapRecord<'_> = next(&mut bytes)?;
        let reason = Reason::from_names(record.reason, record.limit);
        report.gaps.push(Gap {
            object: object(record.object)?,
            reason: reason.ok_or(Broken("there is no such reason"))?,
            detail: record.detail.to_owned(),
        });
    }
    for _ in 0..counts.facts {
        let record: FactRecord<'_> = next(&mut bytes)?;
        let object = object(record.object)?;
        report.facts.push(fact(&record, object, &mut bytes)?);
    }
    Ok((report, bytes))
}

fn fact(record: &FactRecord<'_>, object: ObjectId, bytes: &mut &[u8]) -> Result<Fact, Broken> {
    if record.attributes as usize > MAX_ATTRIBUTES {
        return Err(Broken("a fact has too many attributes"));
    }
    let kind = FactKind::from_name(record.kind).ok_or(Broken("there is no such kind of fact"))?;
    let mut attributes = Vec::new();
    for _ in 0..record.attributes {
        let AttributeRecord { name, value } = next(bytes)?;
        let attribute = Attribute::from_name(name).ok_or(Broken("there is no such attribute"))?;
        if value.len() > MAX_VALUE {
            return Err(Broken("a value of a fact is too long"));
        }
        attributes.push((attribute, value.to_owned()));
    }
    Ok(Fact { object, kind, attributes })
}

fn seen(record: SeenRecord<'_>, number: u32) -> Result<Seen, Broken> {
    let SeenRecord { parent, name, relation, file_type, size, sha256 } = record;
    // Only the first object has no container, and containers come first.
    if parent.is_none() != (number == 0) || parent.is_some_and(|parent| parent >= number) {
        return Err(Broken("an object comes before its container"));
    }
    Ok(Seen {
        parent: parent.map(ObjectId),
        name: name.to_owned(),
        relation: Relation::from_name(relation).ok_or(Broken("there is no such relation"))?,
        file_type: FileType::new(lasting(file_type)?),
        size,
        sha256,
    })
}

fn next<'b, T: Deserialize<'b>>(bytes: &mut &'b [u8]) -> Result<T, Broken> {
    let (record, rest) = postcard::take_from_bytes(bytes).map_err(|_| Broken("a record cannot be read"))?;
    *bytes = rest;
    Ok(record)
}
