//! Many names: read from a file, answered by all processors.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::bail;
use candor_screening::entry::{Kind, Query};
use candor_screening::lists::{LARGEST_FILE, Problem, Row, Rows, country_code};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{Answer, Limited, Question};

const MOST_NAMES: usize = 1_000_000;

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
        text => Some(country_code(text).ok_or_else(|| format!("\"{text}\" is no country that is known"))?.to_owned()),
    };
    let query = Query { name: name.to_owned(), kind, country, born: some(get("born")), address: some(get("address")) };
    Ok(Question { query, id: get("id").to_owned() })
}

/// Answers all questions, in their order, with as many threads as there are processors.
pub(super) fn answer(questions: Vec<Question>, one: impl Fn(Question) -> Answer + Sync) -> Vec<Answer> {
    let count = questions.len();
    if count < 100 {
        return questions.into_iter().map(one).collect();
    }
    let progress = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    let rest = Mutex::new(questions.into_iter().enumerate());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut answers: Vec<(usize, Answer)> = Vec::with_capacity(count);
    thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let batch: Vec<(usize, Question)> = match rest.lock() {
                    Ok(mut rest) => rest.by_ref().take(64).collect(),
                    Err(_) => break,
                };
                if batch.is_empty() {
                    break;
                }
                let done = batch.len() as u64;
                mine.extend(batch.into_iter().map(|(at, question)| (at, one(question))));
                progress.inc(done);
            }
            mine
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(mut mine) => answers.append(&mut mine),
                // A question without an answer must not look like one without a match.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    progress.finish_and_clear();
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
