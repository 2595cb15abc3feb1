//! An inventory for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use candor_object::{Attribute, Fact, FactKind, Reason};
use candor_products::{Catalogue, Item, Located};
use serde_json::{Map, Value, json};

use super::Collected;
use crate::escape::Escaped;
use crate::numbers::{counted, grouped};
use crate::output::json;

/// How an inventory is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One document.
    Json,
    /// A row for each fact.
    Csv,
}

/// Gaps that are named for people.
const GAPS_NAMED: usize = 20;
/// Pieces of evidence of an item that are shown to people.
const EVIDENCE_SHOWN: usize = 8;

/// An inventory, and what of it some rule may be about.
pub(crate) struct Listing<'l> {
    pub(crate) collected: &'l Collected,
    pub(crate) catalogue: &'l Catalogue,
    pub(crate) items: &'l [Item],
}

impl Listing<'_> {
    /// Writes it.
    pub(crate) fn write(&self, to: &mut dyn Write, format: Format, all: bool) -> io::Result<()> {
        match format {
            Format::Text => {
                self.items.iter().try_for_each(|item| identified(to, self.catalogue, item))?;
                text(to, all, self.collected)
            }
            Format::Json => self.document(to),
            Format::Csv => rows(to, self.collected),
        }
    }

    fn document(&self, to: &mut dyn Write) -> io::Result<()> {
        let Collected { facts, gaps, all_gaps, files, objects, errors } = self.collected;
        let items: Vec<Value> = self.items.iter().map(|item| item_record(self.catalogue, item)).collect();
        write!(to, "{{\"inventory\":1,\"files\":{files},\"objects\":{objects},\n\"items\":")?;
        json::write(to, &items)?;
        to.write_all(b",\n\"facts\":[")?;
        for (number, Located { place, fact, .. }) in facts.iter().enumerate() {
            to.write_all(if number == 0 { b"\n" } else { b",\n" })?;
            json::write(to, &record(place, fact))?;
        }
        to.write_all(b"],\n\"gaps\":")?;
        json::write(to, &gap_records(gaps))?;
        write!(to, ",\"all_gaps\":{all_gaps},\"errors\":")?;
        json::write(to, errors)?;
        to.write_all(b"}\n")
    }
}

/// What was not examined, as JSON.
pub(crate) fn gap_records(gaps: &[(String, Reason, String)]) -> Vec<Value> {
    let record = |(place, reason, detail): &(String, Reason, String)| json!({"place": place, "reason": reason.name(), "detail": detail});
    gaps.iter().map(record).collect()
}

/// An item for people: what it is, how it is known, where.
pub(crate) fn identified(to: &mut dyn Write, catalogue: &Catalogue, item: &Item) -> io::Result<()> {
    let product = catalogue.product(&item.product);
    let name = product.map_or(item.product.as_str(), |product| product.name.as_str());
    write!(to, "{}", Escaped(name))?;
    if let Some(version) = &item.version {
        write!(to, " {}", Escaped(version))?;
    }
    writeln!(to, ": {}, evidence of grade {}", item.state.name(), item.grade)?;
    if let Some(host) = &item.host {
        writeln!(to, "    on         {}", Escaped(host))?;
    }
    if let Some(integration) = &item.integrated_in {
        writeln!(to, "    inside     {}", Escaped(&integration.name))?;
    }
    if let Some(maker) = product.and_then(|product| catalogue.entity(&product.maker)) {
        let country = maker.country.as_deref().map(|country| format!(", {country}")).unwrap_or_default();
        writeln!(to, "    made by    {}{country}", Escaped(&maker.name))?;
    }
    for evidence in item.evidence.iter().take(EVIDENCE_SHOWN) {
        writeln!(to, "    {:<10} {}", evidence.grade.name(), Escaped(&evidence.what))?;
        writeln!(to, "               {}", Escaped(&evidence.place))?;
    }
    if item.evidence.len() > EVIDENCE_SHOWN {
        let more = (item.evidence.len() - EVIDENCE_SHOWN) as u64;
        writeln!(to, "    and {}", counted(more, "more piece of evidence", "more pieces of evidence"))?;
    }
    Ok(())
}

/// An item as JSON.
pub(crate) fn item_record(catalogue: &Catalogue, item: &Item) -> Value {
    let product = catalogue.product(&item.product);
    let maker = product.and_then(|product| catalogue.entity(&product.maker));
    let evidence = item.evidence.iter().map(|evidence| {
        json!({
            "what": evidence.what,
            "place": evidence.place,
            "grade": evidence.grade.name(),
            "state": evidence.state.name(),
            "mark": evidence.mark,
            "source": evidence.source.to_string(),
        })
    });
    json!({
        "product": item.product,
        "name": product.map(|product| product.name.as_str()),
        "maker": maker.map(|maker| maker.name.as_str()),
        "country": maker.and_then(|maker| maker.country.as_deref()),
        "classes": product.map(|product| product.classes.as_slice()),
        "version": item.version,
        "host": item.host,
        "state": item.state.name(),
        "grade": item.grade.name(),
        "inside": item.integrated_in.as_ref().map(|integration| integration.name.as_str()),
        "places": item.places,
        "facts": item.facts,
        "evidence": evidence.collect::<Vec<Value>>(),
    })
}

fn text(to: &mut dyn Write, all: bool, collected: &Collected) -> io::Result<()> {
    let Collected { facts, gaps, all_gaps, files, objects, .. } = collected;
    if all {
        for Located { place, fact, .. } in facts {
            writeln!(to, "{:<12} {}", fact.kind.name(), described(fact))?;
            writeln!(to, "{:12} {}", "", Escaped(place))?;
        }
    }
    let mut kinds: BTreeMap<(FactKind, &str), u64> = BTreeMap::new();
    for Located { fact, .. } in facts {
        let by = match fact.kind {
            FactKind::Package => fact.get(Attribute::Manager).unwrap_or_default(),
            FactKind::Component => fact.get(Attribute::Source).unwrap_or_default(),
            _ => "",
        };
        *kinds.entry((fact.kind, by)).or_default() += 1;
    }
    for ((kind, by), count) in kinds {
        writeln!(to, "{:<14}{:<12}{:>10}", kind.name(), Escaped(by).to_string(), grouped(count))?;
    }
    for (place, reason, detail) in gaps.iter().take(GAPS_NAMED) {
        writeln!(to, "not examined: {}: {} ({})", Escaped(place), Escaped(detail), reason.name())?;
    }
    if *all_gaps > GAPS_NAMED {
        let more = counted((all_gaps - GAPS_NAMED) as u64, "more gap", "more gaps");
        writeln!(to, "not examined: {more}; --format json has them")?;
    }
    let (files, objects) = (counted(*files, "file", "files"), counted(*objects, "object", "objects"));
    writeln!(to, "{files}, {objects}, {}", counted(facts.len() as u64, "fact", "facts"))
}

/// A fact in one line, the name and the version first.
pub(crate) fn described(fact: &Fact) -> String {
    let first = [Attribute::Name, Attribute::Version];
    let named = first.iter().flat_map(|attribute| fact.all(*attribute));
    let rest = fact.attributes.iter().filter(|(attribute, _)| !first.contains(attribute));
    let rest = rest.map(|(attribute, value)| format!("{}={}", attribute.name(), Escaped(value)));
    let words: Vec<String> = named.map(|value| Escaped(value).to_string()).chain(rest).collect();
    words.join(" ")
}

/// A fact as JSON: an attribute that is there several times is a list.
pub(crate) fn record(place: &str, fact: &Fact) -> Value {
    let mut record = Map::new();
    record.insert("kind".to_owned(), fact.kind.name().into());
    record.insert("place".to_owned(), place.into());
    for (attribute, _) in &fact.attributes {
        let mut values: Vec<Value> = fact.all(*attribute).map(Value::from).collect();
        let value = if values.len() == 1 { values.remove(0) } else { Value::from(values) };
        record.insert(attribute.name().to_owned(), value);
    }
    Value::Object(record)
}

/// The columns of the table; what else a fact says is in JSON only.
const COLUMNS: [Attribute; 12] = [
    Attribute::Manager,
    Attribute::Name,
    Attribute::Version,
    Attribute::Vendor,
    Attribute::Publisher,
    Attribute::State,
    Attribute::Path,
    Attribute::Id,
    Attribute::Purl,
    Attribute::Cpe,
    Attribute::Host,
    Attribute::Subject,
];

fn rows(to: &mut dyn Write, collected: &Collected) -> io::Result<()> {
    write!(to, "kind,place")?;
    for column in COLUMNS {
        write!(to, ",{}", column.name())?;
    }
    to.write_all(b"\r\n")?;
    for Located { place, fact, .. } in &collected.facts {
        write!(to, "{},{}", fact.kind.name(), cell(place))?;
        for column in COLUMNS {
            write!(to, ",{}", cell(&fact.all(column).collect::<Vec<_>>().join("; ")))?;
        }
        to.write_all(b"\r\n")?;
    }
    Ok(())
}

/// A value of a table (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe: names of packages
/// come from strangers.
pub(crate) fn cell(value: &str) -> String {
    let value = Escaped(value).to_string();
    let formula = value.starts_with(['=', '+', '-', '@']);
    let value = if formula { format!("'{value}") } else { value };
    if value.contains(['"', ',']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use candor_object::ObjectId;

    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        assert_eq!(cell("a"), "a");
        assert_eq!(cell("a,\"b"), "\"a,\"\"b\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert!(!cell("a\r\nb").contains('\n'));
    }

    #[test]
    fn several_values_of_an_attribute_are_a_list() {
        let cpe = |name: &str| (Attribute::Cpe, name.to_owned());
        let fact =
            Fact { object: ObjectId::ROOT, kind: FactKind::Component, attributes: vec![cpe("a"), cpe("b")] };
        assert_eq!(record("x", &fact), json!({"kind": "component", "place": "x", "cpe": ["a", "b"]}));
    }
}
