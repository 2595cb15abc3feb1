//! OFAC's `sdn.csv`, without a header and with `-0-` for nothing, and the aliases and addresses in `alt.csv` and
//! `add.csv` beside it.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader};

use super::rows::Rows;
use super::text::in_order;
use super::{Beside, LARGEST_FILE, Problem, Sink, countries};
use crate::entry::Entry;
use crate::name::Kind;

pub(crate) fn read(reader: &mut dyn BufRead, sink: &mut Sink, beside: &Beside<'_>) -> io::Result<()> {
    let mut places: HashMap<String, usize> = HashMap::new();
    rows(reader, sink, 12, |sink, line, fields| {
        let id = fields[0].clone();
        let before = sink.entries.len();
        sink.entry(line, entry(fields));
        if sink.entries.len() > before {
            places.insert(id, before);
        }
    })?;
    for other in ["alt.csv", "add.csv"] {
        let Some((name, file)) = beside(other) else {
            let file = sink.file.clone();
            sink.problems.push(Problem {
                file,
                line: 0,
                reason: format!("{other} is not beside it: what it says is not known"),
            });
            continue;
        };
        let own = std::mem::replace(&mut sink.file, name);
        let mut reader = BufReader::new(io::Read::take(file, LARGEST_FILE));
        let aliases = other == "alt.csv";
        let read = rows(&mut reader, sink, 5, |sink, line, fields| {
            let entry = places.get(&fields[0]).and_then(|at| sink.entries.get_mut(*at));
            match entry {
                Some(entry) if aliases && entry.names.len() < 200 => {
                    entry.names.push(in_order(&fields[3], entry.kind))
                }
                Some(entry) if entry.addresses.len() < 200 => address(entry, fields),
                Some(_) => {}
                None => sink.problem(line, format!("no party has the number {}", fields[0])),
            }
        });
        sink.file = own;
        read?;
    }
    let mut entries = std::mem::take(&mut sink.entries);
    entries.iter_mut().for_each(super::text::tidy);
    sink.entries = entries;
    Ok(())
}

fn rows(
    reader: &mut dyn BufRead,
    sink: &mut Sink,
    least: usize,
    mut each: impl FnMut(&mut Sink, u64, &[String]),
) -> io::Result<()> {
    let mut rows = Rows::new(reader);
    while let Some(row) = rows.next_row()? {
        match row {
            Err((line, reason)) => sink.problem(line, reason),
            Ok(row) if row.fields.len() < least => {
                sink.problem(row.line, format!("{} fields instead of {least}", row.fields.len()))
            }
            Ok(row) => {
                let fields: Vec<String> = row.fields.iter().map(|field| plain(field)).collect();
                each(sink, row.line, &fields);
            }
        }
    }
    Ok(())
}

/// A field; `-0-` stands for nothing.
fn plain(field: &str) -> String {
    let field = field.trim();
    if field == "-0-" { String::new() } else { field.to_owned() }
}

fn entry(fields: &[String]) -> Entry {
    let kind = match fields[2].to_ascii_lowercase().as_str() {
        "individual" => Kind::Person,
        _ => Kind::Organisation,
    };
    let remarks = fields[11].clone();
    let after = |what: &str| -> Vec<String> {
        let parts = remarks.split(';').map(|part| part.trim().trim_end_matches('.'));
        parts.filter_map(|part| part.strip_prefix(what)).map(|rest| rest.trim().to_owned()).collect()
    };
    let of = [after("nationality "), after("citizen ")].concat();
    let programs =
        fields[3].split("] [").map(|program| program.trim_matches(['[', ']', ' ']).to_owned()).collect();
    Entry {
        id: fields[0].clone(),
        list: "SDN".to_owned(),
        kind,
        names: vec![in_order(&fields[1], kind)],
        countries: of.iter().filter_map(|name| countries::code(name)).map(str::to_owned).collect(),
        addresses: Vec::new(),
        born: [after("DOB "), after("alt. DOB ")].concat(),
        programs,
        source: format!("https://sanctionssearch.ofac.treas.gov/Details.aspx?id={}", fields[0]),
        remarks: [fields[4].as_str(), &remarks]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn address(entry: &mut Entry, fields: &[String]) {
    let parts = fields[2..5].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ");
    entry.addresses.push(parts);
    entry.countries.extend(countries::code(&fields[4]).map(str::to_owned));
}
