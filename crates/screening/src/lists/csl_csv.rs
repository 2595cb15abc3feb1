//! The Consolidated Screening List as CSV: 29 columns, found by their names, in any order.

use std::io::{self, BufRead};

use super::rows::{Columns, Row, Rows};
use super::{Sink, countries, text};
use crate::entry::Entry;
use crate::name::Kind;

pub(crate) fn read(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut rows = Rows::new(reader);
    let mut columns: Option<Columns> = None;
    while let Some(row) = rows.next_row()? {
        match (row, &columns) {
            (Err((line, reason)), _) => sink.problem(line, reason),
            (Ok(row), None) => columns = Some(Columns::new(&row)),
            (Ok(row), Some(columns)) if row.fields.len() != columns.len() => {
                sink.problem(row.line, format!("{} fields instead of {}", row.fields.len(), columns.len()));
            }
            (Ok(row), Some(columns)) => sink.entry(row.line, entry(columns, &row)),
        }
    }
    Ok(())
}

fn entry(columns: &Columns, row: &Row) -> Entry {
    let get = |names: &[&str]| columns.get(row, names);
    let source = get(&["source"]);
    // The number is not unique and is missing on the lists of the BIS.
    let id = [get(&["_id", "id"]), get(&["entity_number"])]
        .into_iter()
        .find(|id| !id.is_empty())
        .unwrap_or_default();
    let mut names = text::names(get(&["name"]));
    names.extend(text::several(get(&["alt_names"])).iter().flat_map(|name| text::names(name)));
    let kind = kind(get(&["type"]), source);
    let addresses = text::several(get(&["addresses", "address"]));
    let mut of = text::several(get(&["citizenships"]));
    of.extend(text::several(get(&["nationalities"])));
    of.extend(text::several(get(&["vessel_flag"])));
    of.extend(text::several(get(&["countries", "country"])));
    let mut found: Vec<String> =
        of.iter().filter_map(|name| countries::code(name)).map(str::to_owned).collect();
    found.extend(addresses.iter().filter_map(|address| countries::of_address(address)).map(str::to_owned));
    Entry {
        id: id.to_owned(),
        list: source.to_owned(),
        kind,
        names: names.iter().map(|name| text::in_order(name, kind)).collect(),
        countries: found,
        addresses,
        born: text::several(get(&["dates_of_birth"])),
        programs: text::several(get(&["programs"])),
        source: first(&[
            get(&["federal_register_notice"]),
            get(&["source_information_url"]),
            get(&["source_list_url"]),
        ]),
        remarks: remarks(&[
            ("", get(&["title"])),
            ("", get(&["remarks"])),
            ("licence requirement", get(&["license_requirement"])),
            ("licence policy", get(&["license_policy"])),
            ("from", get(&["start_date"])),
            ("until", get(&["end_date"])),
        ]),
    }
}

pub(crate) fn kind(kind: &str, source: &str) -> Kind {
    match kind.to_ascii_lowercase().as_str() {
        "individual" | "person" => Kind::Person,
        "entity" | "organisation" | "organization" | "vessel" | "aircraft" => Kind::Organisation,
        _ if source.contains("Entity List") => Kind::Organisation,
        _ => Kind::Unknown,
    }
}

pub(crate) fn first(texts: &[&str]) -> String {
    texts.iter().find(|text| !text.is_empty()).map_or_else(String::new, |text| (*text).to_owned())
}

pub(crate) fn remarks(parts: &[(&str, &str)]) -> String {
    let told = parts.iter().filter(|(_, text)| !text.is_empty());
    let told =
        told.map(|(name, text)| if name.is_empty() { (*text).to_owned() } else { format!("{name}: {text}") });
    told.collect::<Vec<_>>().join("; ")
}
