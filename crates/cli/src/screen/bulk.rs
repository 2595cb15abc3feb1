//! Many names: read from a file, answered by all processors.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::num::NonZero;
use std::path::Path;
use std::thread;

use anyhow::bail;
use candor_screening::entry::{Match, Profile, Query};
use candor_screening::lists::{LARGEST_FILE, Problem, Row, Rows, country_code};
use candor_screening::name::Kind;
use candor_screening::search::Search;
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{Limited, Question};

const MOST_NAMES: usize = 1_000_000;
/// Names between two steps of the progress bar.
const BATCH: usize = 4096;

/// Opens a regular file of a bearable size.
pub(super) fn open(path: &Path) -> io::Result<Limited> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let wrong = |reason: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    match () {
        () if !metadata.is_file() => wrong("it is no regular file"),
        () if metadata.len() > LARGEST_FILE => wrong("it is larger than 512 MiB"),
        () => Ok(file.take(LARGEST_FILE)),
    }
}

/// Reads names from CSV. What is broken in it becomes a problem and costs one record.
pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> anyhow::Result<Vec<Question>> {
    let mut reader = BufReader::new(open(path)?);
    let mut rows = Rows::new(&mut reader);
    let mut problem = |line, reason: String| {
        if problems.len() < 1000 {
            problems.push(Problem { file: path.display().to_string(), line, reason });
        }
    };
    let mut header: Option<Row> = None;
    let mut questions = Vec::new();
    while let Some(row) = rows.next_row()? {
        match (row, &header) {
            (Err((line, reason)), _) => problem(line, reason),
            (Ok(row), None) => {
                if !row.fields.iter().any(|column| is(column, "name")) {
                    bail!("line {}: the header has no column \"name\"", row.line);
                }
                header = Some(row);
            }
            (Ok(row), Some(header)) => match question(header, &row) {
                Ok(_) if questions.len() >= MOST_NAMES => bail!("more than {MOST_NAMES} names"),
                Ok(question) => questions.push(question),
                Err(reason) => problem(row.line, reason),
            },
        }
    }
    if header.is_none() {
        bail!("the file is empty");
    }
    Ok(questions)
}

fn is(column: &str, name: &str) -> bool {
    column.trim().trim_start_matches('\u{feff}').eq_ignore_ascii_case(name)
}

fn question(header: &Row, row: &Row) -> Result<Question, String> {
    let get = |name: &str| {
        let at = header.fields.iter().position(|column| is(column, name));
        at.and_then(|at| row.fields.get(at)).map_or("", |field| field.trim())
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if row.fields.len() > header.fields.len() {
        return Err(format!("{} fields instead of {}", row.fields.len(), header.fields.len()));
    }
    let name = get("name");
    if !name.chars().any(char::is_alphanumeric) {
        return Err("the name is missing".to_owned());
    }
    let kind = match get("kind").to_lowercase().as_str() {
        "" | "unknown" => Kind::Unknown,
        "person" | "individual" => Kind::Person,
        "organisation" | "organization" | "company" | "entity" => Kind::Organisation,
        other => return Err(format!("\"{other}\" is no kind: person, organisation or unknown")),
    };
    let country = match get("country") {
        "" => None,
        text => Some(
            country_code(text).ok_or_else(|| format!("\"{text}\" is no country that is known"))?.to_owned(),
        ),
    };
    let query = Query {
        name: name.to_owned(),
        kind,
        country,
        born: some(get("born")),
        address: some(get("address")),
    };
    Ok(Question { query, id: get("id").to_owned() })
}

/// What all these names may mean, in their order, with as many threads as there are processors.
pub(super) fn find(search: &Search<'_>, questions: &[Question], profile: Profile) -> Vec<Vec<Match>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let progress = match questions.len() {
        0..1000 => ProgressBar::hidden(),
        count => ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr()),
    };
    let mut found = Vec::with_capacity(questions.len());
    for batch in questions.chunks(BATCH) {
        let queries: Vec<Query> = batch.iter().map(|question| question.query.clone()).collect();
        found.append(&mut search.find_all(&queries, profile, threads));
        progress.inc(batch.len() as u64);
    }
    progress.finish_and_clear();
    found
}
