//! The record that an auditor reads years later: one JSON line for each answer.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use super::output::{answer_record, list_records};
use super::{Screened, kind_name};

/// Appends the answers.
pub(super) fn append(path: &Path, screened: &Screened<'_>) -> io::Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let mut to = BufWriter::new(file);
    let lists = list_records(screened);
    for answer in screened.answers {
        let query = &answer.question.query;
        let record = json!({
            "time": screened.time.to_string(),
            "program": concat!("candor ", env!("CARGO_PKG_VERSION")),
            "query": {
                "id": answer.question.id, "name": query.name, "kind": kind_name(query.kind), "country": query.country,
                "born": query.born, "address": query.address,
            },
            "date": screened.date,
            "profile": screened.profile.name(),
            "lists": lists,
            "problems": screened.problems.len(),
            "result": answer_record(screened, answer),
        });
        writeln!(to, "{record}")?;
    }
    to.flush()?;
    to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}
