//! Lists of one's own: CSV with a header, or TOML with `[[party]]` tables.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::rows::{Columns, Rows};
use super::{Sink, countries, text};
use crate::entry::Entry;
use crate::name::Kind;

pub(crate) fn read_csv(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut rows = Rows::new(reader);
    let mut columns: Option<Columns> = None;
    while let Some(row) = rows.next_row()? {
        match (row, &columns) {
            (Err((line, reason)), _) => sink.problem(line, reason),
            (Ok(row), None) => columns = Some(Columns::new(&row)),
            (Ok(row), Some(columns)) if row.fields.len() > columns.len() => {
                sink.problem(row.line, format!("{} fields instead of {}", row.fields.len(), columns.len()));
            }
            (Ok(row), Some(columns)) => {
                let get = |names: &[&str]| columns.get(&row, names);
                let mut names = text::names(get(&["name"]));
                names.extend(text::several(get(&["aliases", "alias"])));
                let party = Party {
                    id: get(&["id"]).to_owned(),
                    list: get(&["list"]).to_owned(),
                    kind: get(&["kind", "type"]).to_owned(),
                    names,
                    countries: text::several(get(&["countries", "country"])),
                    addresses: text::several(get(&["addresses", "address"])),
                    born: text::several(get(&["born"])),
                    programs: text::several(get(&["programs", "program"])),
                    source: get(&["source"]).to_owned(),
                    remarks: get(&["remarks"]).to_owned(),
                };
                take(sink, row.line, party);
            }
        }
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Party {
    id: String,
    list: String,
    kind: String,
    names: Vec<String>,
    countries: Vec<String>,
    addresses: Vec<String>,
    born: Vec<String>,
    programs: Vec<String>,
    source: String,
    remarks: String,
}

#[derive(Deserialize)]
struct Table {
    party: Vec<Party>,
}

/// Reads one table after the other, so that a broken one costs itself only.
pub(crate) fn read_toml(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let (mut table, mut begin, mut at) = (Vec::new(), 0, 0);
    let mut too_long = false;
    loop {
        let mut line = Vec::new();
        let more = super::line(reader, &mut line, super::LONGEST_RECORD)?;
        at += 1;
        let starts = String::from_utf8_lossy(&line).trim() == "[[party]]";
        if starts || !more {
            if begin > 0 && too_long {
                sink.problem(begin, "the record is longer than 256 KiB");
            } else if begin > 0 {
                table_read(sink, begin, &table);
            } else if let Some(reason) = strange(&table) {
                sink.problem(1, reason);
            }
            table.clear();
            (begin, too_long) = (at, false);
        }
        if !more {
            return Ok(());
        }
        too_long |= table.len() + line.len() > super::LONGEST_RECORD;
        if !too_long {
            table.append(&mut line);
        }
    }
}

fn strange(before: &[u8]) -> Option<String> {
    toml::from_str::<toml::Table>(&String::from_utf8_lossy(before))
        .err()
        .map(|error| error.message().to_owned())
}

fn table_read(sink: &mut Sink, line: u64, table: &[u8]) {
    match toml::from_str::<Table>(&String::from_utf8_lossy(table)) {
        Ok(table) => table.party.into_iter().for_each(|party| take(sink, line, party)),
        Err(error) => sink.problem(line, error.message()),
    }
}

fn take(sink: &mut Sink, line: u64, party: Party) {
    let kind = match party.kind.to_lowercase().as_str() {
        "" | "unknown" => Kind::Unknown,
        "person" | "individual" => Kind::Person,
        "organisation" | "organization" | "entity" | "vessel" | "company" => Kind::Organisation,
        other => {
            sink.problem(line, format!("\"{other}\" is no kind: person, organisation or unknown"));
            Kind::Unknown
        }
    };
    let mut known = Vec::new();
    for country in &party.countries {
        match countries::code(country) {
            Some(code) => known.push(code.to_owned()),
            None => sink.problem(line, format!("\"{country}\" is no country that is known")),
        }
    }
    let Party { id, list, names, addresses, born, programs, source, remarks, .. } = party;
    let list = if list.is_empty() { "own".to_owned() } else { list };
    let id = if id.is_empty() { line.to_string() } else { id };
    sink.entry(
        line,
        Entry { id, list, kind, names, countries: known, addresses, born, programs, source, remarks },
    );
}
