//! The Entity List, Supplement No. 4 to 15 CFR part 744: a table of country, entity, licence requirement, review
//! policy and citation. The entity is prose: name, aliases and addresses in one cell.

use std::io::{self, BufRead};

use super::chunks::Chunks;
use super::node::Node;
use super::rows::{Columns, Rows};
use super::{Sink, countries, text};
use crate::entry::Entry;
use crate::name::Kind;

pub(crate) fn read_xml(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut chunks = Chunks::new(reader, &["AMDDATE", "TR"]);
    let mut country = String::new();
    while let Some(chunk) = chunks.next_chunk()? {
        let (line, node) = match chunk {
            Ok(chunk) => (chunk.line, Node::parse(&chunk.bytes)),
            Err((line, reason)) => (line, Err(reason)),
        };
        let node = match node {
            Ok(node) => node,
            Err(reason) => {
                sink.problem(line, reason);
                continue;
            }
        };
        let cells: Vec<String> = node.all("TD").iter().map(|cell| text::in_one_line(&cell.text)).collect();
        match &cells[..] {
            // Headings have cells of another name.
            [] => {}
            [of, entity, requirement, policy, citation, ..] => {
                row(sink, line, &mut country, [of, entity, requirement, policy, citation])
            }
            // A country's cell may span the rows of its entities.
            [entity, requirement, policy, citation] => {
                row(sink, line, &mut country, ["", entity, requirement, policy, citation])
            }
            other => sink.problem(line, format!("{} cells instead of 5", other.len())),
        }
    }
    Ok(())
}

pub(crate) fn read_csv(reader: &mut dyn BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut rows = Rows::new(reader);
    let mut columns: Option<Columns> = None;
    let mut country = String::new();
    while let Some(next) = rows.next_row()? {
        match (next, &columns) {
            (Err((line, reason)), _) => sink.problem(line, reason),
            (Ok(next), None) => columns = Some(Columns::new(&next)),
            (Ok(next), Some(columns)) if next.fields.len() < columns.len() => {
                sink.problem(next.line, format!("{} fields instead of {}", next.fields.len(), columns.len()));
            }
            (Ok(next), Some(columns)) => {
                let cells = [
                    columns.get(&next, &["country"]),
                    columns.get(&next, &["entity"]),
                    columns.get(&next, &["license_requirement", "licence_requirement"]),
                    columns.get(&next, &["license_review_policy", "licence_review_policy", "license_policy"]),
                    columns.get(&next, &["federal_register_citation", "federal_register_notice"]),
                ];
                row(sink, next.line, &mut country, cells);
            }
        }
    }
    Ok(())
}

fn row(
    sink: &mut Sink,
    line: u64,
    country: &mut String,
    [of, entity, requirement, policy, citation]: [&str; 5],
) {
    if !of.trim().is_empty() {
        of.trim().clone_into(country);
    }
    // Countries have rows of their own, and entries that were removed leave "[Reserved]".
    if entity.trim().is_empty() || entity.contains("[Reserved]") || entity.contains("[RESERVED]") {
        return;
    }
    let Parts { names, addresses } = parts(entity);
    let of = countries::code(country).map(str::to_owned);
    let of_addresses =
        addresses.iter().filter_map(|address| countries::of_address(address)).map(str::to_owned);
    let id = names.first().map(|name| format!("{country}: {name}")).unwrap_or_default();
    let entry = Entry {
        id,
        list: "Entity List".to_owned(),
        // The list names persons as well and does not say which.
        kind: if is_organisation(&names) { Kind::Organisation } else { Kind::Unknown },
        countries: of.into_iter().chain(of_addresses).collect(),
        names,
        addresses,
        born: Vec::new(),
        programs: Vec::new(),
        source: citation.trim().to_owned(),
        remarks: super::csl_csv::remarks(&[
            ("licence requirement", requirement.trim()),
            ("licence policy", policy.trim()),
        ]),
    };
    sink.entry(line, entry);
}

struct Parts {
    names: Vec<String>,
    addresses: Vec<String>,
}

/// Takes a cell apart: `Name, a.k.a., the following two aliases: —A; and —B. Address; and address.` and
/// `Name (a.k.a. A), address`.
fn parts(cell: &str) -> Parts {
    let cell = text::in_one_line(cell);
    let lower = cell.to_ascii_lowercase();
    let marker = [", a.k.a.", ", f.k.a.", " a.k.a.,", ", also known as", ", d.b.a."]
        .iter()
        .filter_map(|marker| lower.find(marker))
        .min();
    let Some(at) = marker.filter(|at| lower.find('(').is_none_or(|open| open > *at)) else {
        let (name, rest) = end_of_name(&cell);
        return Parts { names: text::names(name), addresses: addresses(rest) };
    };
    let mut names = text::names(&cell[..at]);
    let after = &cell[at..];
    let Some(colon) = after.find(':').filter(|colon| after[..*colon].contains("alias")) else {
        // "Name, a.k.a. Other, address".
        let after = after.trim_start_matches(", ").split_once(' ').map_or("", |(_, rest)| rest);
        let (alias, rest) = end_of_name(after.trim_start_matches([',', ' ']));
        names.extend(text::names(alias));
        return Parts { names, addresses: addresses(rest) };
    };
    let mut rest = after[colon + 1..].trim();
    while !rest.is_empty() {
        let (alias, end, next) = one_alias(rest);
        names.extend(text::names(
            alias.trim().trim_start_matches("and ").trim().trim_start_matches(['—', '–', '-', ' ']),
        ));
        rest = next.trim();
        if end {
            break;
        }
    }
    Parts { names, addresses: addresses(rest) }
}

/// An alias, whether it is the last one, and what follows.
fn one_alias(text: &str) -> (&str, bool, &str) {
    let next = text.find(';').unwrap_or(text.len());
    // The last alias ends with a full stop that belongs to no abbreviation.
    let stop = text.match_indices(". ").map(|(at, _)| at).find(|at| {
        let word = text[..*at].rsplit([' ', ',', '.']).next().unwrap_or_default();
        word.chars().count() > 1 && !ABBREVIATIONS.contains(&word.to_lowercase().as_str())
            || starts_address(&text[at + 2..])
    });
    match stop {
        Some(stop) if stop < next => (&text[..stop], true, &text[stop + 2..]),
        _ if next < text.len() => (&text[..next], false, &text[next + 1..]),
        _ => (text.trim_end_matches('.'), true, ""),
    }
}

const ABBREVIATIONS: &[&str] = &[
    "co", "ltd", "inc", "corp", "st", "no", "llc", "pte", "pvt", "bhd", "sdn", "rd", "ave", "bldg", "jsc",
    "int'l", "intl", "tech", "res", "inst", "dr", "mr",
];

fn starts_address(text: &str) -> bool {
    let word = text.split([' ', ',']).next().unwrap_or_default();
    word.bytes().any(|byte| byte.is_ascii_digit())
        || matches!(
            word,
            "No" | "No." | "Room" | "P.O." | "Building" | "Unit" | "Suite" | "Flat" | "Floor" | "Block"
        )
}

/// Words that stand behind a comma and belong to the name all the same.
const FORMS: &[&str] = &[
    "ltd", "inc", "llc", "co", "corp", "limited", "jsc", "gmbh", "l.l.c", "s.a", "plc", "ojsc", "pjsc",
    "cjsc", "fze", "fzco", "fzc", "pte", "bv", "b.v", "llp", "ag", "jr", "sr",
];

/// Divides a name from the address behind it.
fn end_of_name(cell: &str) -> (&str, &str) {
    let mut end = 0;
    let mut depth = 0_i32;
    for (at, c) in cell.char_indices().chain([(cell.len(), ',')]) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' | ';' if depth <= 0 || at == cell.len() => {
                let part = cell[end..at].trim_start_matches([',', ' ']);
                let first = part.split(' ').next().unwrap_or_default().trim_end_matches('.').to_lowercase();
                if end > 0 && !FORMS.contains(&first.as_str()) {
                    return (&cell[..end], cell[end..].trim_start_matches([',', ' ', ';']));
                }
                end = at;
            }
            _ => {}
        }
    }
    (&cell[..end], "")
}

fn addresses(text: &str) -> Vec<String> {
    let text = text.trim().trim_end_matches('.');
    let all = text
        .split(';')
        .map(|part| part.trim().trim_start_matches("and ").trim_start_matches(['—', ' ']).to_owned());
    all.filter(|part| part.len() > 2).collect()
}

fn is_organisation(names: &[String]) -> bool {
    let words: Vec<String> =
        names.iter().flat_map(|name| name.split([' ', ',', '.'])).map(str::to_lowercase).collect();
    let known = [
        "group",
        "company",
        "institute",
        "university",
        "technologies",
        "technology",
        "lab",
        "labs",
        "laboratory",
        "limited",
        "ao",
        "ooo",
        "trading",
        "factory",
        "center",
        "plant",
        "bureau",
        "industries",
        "corporation",
        "electronics",
        "aviation",
    ];
    words.iter().any(|word| FORMS.contains(&word.as_str()) || known.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_taken_apart() {
        let all = parts(
            "Acme Trading Co., Ltd., a.k.a., the following two aliases: —Acme Co. Ltd.; and —ACM Works. 12 High Street, Moscow, Russia; and 3 Low Street, Kazan, Russia.",
        );
        assert_eq!(all.names, ["Acme Trading Co., Ltd.", "Acme Co. Ltd.", "ACM Works"]);
        assert_eq!(all.addresses, ["12 High Street, Moscow, Russia", "3 Low Street, Kazan, Russia"]);
        let all = parts("Acme Trading Co., Ltd., 12 High Street, Moscow, Russia.");
        assert_eq!(
            (&all.names[..], &all.addresses[..]),
            (&["Acme Trading Co., Ltd.".to_owned()][..], &["12 High Street, Moscow, Russia".to_owned()][..])
        );
        let all = parts("Acme (a.k.a. ACM; f.k.a. Old), Moscow, Russia");
        assert_eq!(all.names, ["Acme", "ACM", "Old"]);
        assert_eq!(parts("Kaspersky Labs Limited").names, ["Kaspersky Labs Limited"]);
        assert_eq!(parts("Acme, a.k.a. ACM, Moscow, Russia").names, ["Acme", "ACM"]);
    }
}
