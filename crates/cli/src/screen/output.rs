//! Answers for people, programs and tables.

use std::io::{self, Write};
use std::path::Path;

use candor_screening::entry::{Match, Ruling};
use serde_json::{Value, json};

use super::{Answer, Screened, flag_name, kind_name, ruling_name, spreadsheet, standing};
use crate::escape::Escaped;
use crate::inventory::{cell, write_to};

/// How answers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One document.
    Json,
    /// A table; one row for each match, and one for each name without.
    Csv,
    /// The same table for spreadsheets.
    Xlsx,
}

/// Writes all answers.
pub(super) fn write(output: Option<&Path>, format: Format, screened: &Screened<'_>) -> io::Result<()> {
    write_to(output, |to| match format {
        Format::Text => text(to, screened),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *to, &document(screened))?;
            writeln!(to)
        }
        Format::Csv => csv(to, screened),
        Format::Xlsx => spreadsheet::write(to, screened),
    })
}

fn text(to: &mut dyn Write, screened: &Screened<'_>) -> io::Result<()> {
    let mut counts = [0; 3];
    for answer in screened.answers {
        let ruling = answer.ruling();
        counts[match ruling {
            Ruling::Match => 0,
            Ruling::Possible => 1,
            Ruling::NoMatch => 2,
        }] += 1;
        // Of many names only those are told that are news.
        if ruling == Ruling::NoMatch && screened.answers.len() > 20 {
            continue;
        }
        writeln!(to, "{:<9} {}", ruling_name(ruling), Escaped(&answer.question.query.name))?;
        let (word, why) = standing(&answer.standing);
        if !why.is_empty() {
            writeln!(to, "          {word}: {}", Escaped(why))?;
        }
        for found in &answer.matches {
            one(to, screened, found)?;
        }
    }
    let lists: Vec<String> = screened.index.lists().iter().map(|list| Escaped(list).to_string()).collect();
    writeln!(
        to,
        "\nScreened  {} names for {}, profile {}",
        screened.answers.len(),
        screened.date,
        screened.profile.name()
    )?;
    writeln!(to, "Against   {} parties on {}", screened.index.entries.len(), lists.join("; "))?;
    for source in &screened.index.sources {
        let date = source.date.as_deref().unwrap_or("without a date");
        writeln!(to, "          {} ({date}, SHA-256 {})", Escaped(&source.file), Escaped(&source.sha256))?;
    }
    writeln!(to, "Result    {} match, {} possible, {} no match", counts[0], counts[1], counts[2])?;
    if !screened.problems.is_empty() {
        writeln!(to, "Problems  {}: what they are about was not screened", screened.problems.len())?;
    }
    Ok(())
}

fn one(to: &mut dyn Write, screened: &Screened<'_>, found: &Match) -> io::Result<()> {
    let Some(entry) = screened.index.entries.get(found.entry) else { return Ok(()) };
    let name = entry.names.get(found.name).map_or("", String::as_str);
    writeln!(
        to,
        "  {:.2}  {:<9} {} [{}: {}]",
        found.score,
        ruling_name(found.ruling),
        Escaped(name),
        Escaped(&entry.list),
        Escaped(&entry.id)
    )?;
    if found.name != 0 {
        writeln!(to, "        an alias of {}", Escaped(entry.names.first().map_or("", String::as_str)))?;
    }
    let facts = [
        ("countries", entry.countries.join(", ")),
        ("born", entry.born.join(", ")),
        ("programmes", entry.programs.join(", ")),
        ("source", entry.source.clone()),
    ];
    let facts: Vec<String> = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(what, value)| format!("{what} {value}"))
        .collect();
    if !facts.is_empty() {
        writeln!(to, "        {}", Escaped(&facts.join("; ")))?;
    }
    writeln!(to, "        because: {}", Escaped(&parts(found)))?;
    if !found.flags.is_empty() {
        writeln!(to, "        look at: {}", flags(found))?;
    }
    Ok(())
}

fn parts(found: &Match) -> String {
    let parts =
        found.parts.iter().map(|part| format!("{} {:.2} x {:+.2}", part.what, part.value, part.weight));
    parts.collect::<Vec<_>>().join(", ")
}

fn flags(found: &Match) -> String {
    found.flags.iter().map(|flag| flag_name(*flag)).collect::<Vec<_>>().join(", ")
}

/// What the lists were.
pub(super) fn list_records(screened: &Screened<'_>) -> Vec<Value> {
    let sources = screened.index.sources.iter();
    let record = sources.map(|source| json!({"file": source.file, "format": source.format, "date": source.date, "sha256": source.sha256, "parties": source.parties}));
    record.collect()
}

/// What came of one question.
pub(super) fn answer_record(screened: &Screened<'_>, answer: &Answer) -> Value {
    let (word, why) = standing(&answer.standing);
    let matches = answer.matches.iter().filter_map(|found| {
        let entry = screened.index.entries.get(found.entry)?;
        let parts = found
            .parts
            .iter()
            .map(|part| json!({"what": part.what, "value": part.value, "weight": part.weight}));
        Some(json!({
            "ruling": ruling_name(found.ruling),
            "score": found.score,
            "name": entry.names.get(found.name),
            "parts": parts.collect::<Vec<_>>(),
            "flags": found.flags.iter().map(|flag| flag_name(*flag)).collect::<Vec<_>>(),
            "entry": entry,
        }))
    });
    json!({"ruling": ruling_name(answer.ruling()), "standing": word, "why": why, "matches": matches.collect::<Vec<_>>()})
}

fn document(screened: &Screened<'_>) -> Value {
    let answers = screened.answers.iter().map(|answer| {
        let query = &answer.question.query;
        let mut record = answer_record(screened, answer);
        record["id"] = json!(answer.question.id);
        record["query"] = json!({"name": query.name, "kind": kind_name(query.kind), "country": query.country, "born": query.born, "address": query.address});
        record
    });
    json!({
        "time": screened.time.to_string(),
        "date": screened.date,
        "profile": screened.profile.name(),
        "lists": list_records(screened),
        "problems": screened.problems,
        "answers": answers.collect::<Vec<_>>(),
    })
}

/// The columns of a table.
pub(super) const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "kind",
    "country",
    "ruling",
    "standing",
    "why",
    "match",
    "score",
    "matched_name",
    "listed_name",
    "list",
    "entry",
    "flags",
    "parts",
    "source",
];

/// The rows of a table.
pub(super) fn rows<'r>(screened: &'r Screened<'_>) -> impl Iterator<Item = [String; 16]> + 'r {
    screened.answers.iter().flat_map(|answer| {
        let query = &answer.question.query;
        let (word, why) = standing(&answer.standing);
        let first = [
            answer.question.id.as_str(),
            &query.name,
            kind_name(query.kind),
            query.country.as_deref().unwrap_or_default(),
            ruling_name(answer.ruling()),
            word,
            why,
        ];
        let row = move |rest: [String; 9]| -> [String; 16] {
            let mut all = first.iter().map(|&text| text.to_owned()).chain(rest);
            std::array::from_fn(|_| all.next().unwrap_or_default())
        };
        let mut rows: Vec<[String; 16]> = answer
            .matches
            .iter()
            .filter_map(|found| {
                let entry = screened.index.entries.get(found.entry)?;
                let name = |at: usize| entry.names.get(at).cloned().unwrap_or_default();
                Some(row([
                    ruling_name(found.ruling).to_owned(),
                    format!("{:.3}", found.score),
                    name(found.name),
                    name(0),
                    entry.list.clone(),
                    entry.id.clone(),
                    flags(found),
                    parts(found),
                    entry.source.clone(),
                ]))
            })
            .collect();
        if rows.is_empty() {
            rows.push(row(std::array::from_fn(|_| String::new())));
        }
        rows
    })
}

fn csv(to: &mut dyn Write, screened: &Screened<'_>) -> io::Result<()> {
    writeln!(to, "{}", COLUMNS.join(","))?;
    for row in rows(screened) {
        writeln!(to, "{}", row.map(|value| cell(&value)).join(","))?;
    }
    Ok(())
}
