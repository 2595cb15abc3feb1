//! The table of answers as an Excel workbook. Values are written as strings, which no program takes for formulas; the
//! same guard as in CSV keeps them harmless when they are saved as CSV later.

use std::io::{self, Write};

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::Screened;
use super::output::{COLUMNS, rows};
use crate::escape::Escaped;

/// What a cell and a sheet can hold.
const LONGEST_CELL: usize = 32_000;
const MOST_ROWS: usize = 1_048_000;

/// Writes a workbook.
pub(super) fn write(to: &mut dyn Write, screened: &Screened<'_>) -> io::Result<()> {
    let bytes = workbook(screened).map_err(io::Error::other)?;
    to.write_all(&bytes)
}

fn workbook(screened: &Screened<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    let answers = workbook.add_worksheet().set_name("Answers")?;
    for (column, name) in (0..).zip(COLUMNS) {
        answers.write_string_with_format(0, column, name, &bold)?;
    }
    answers.set_freeze_panes(1, 0)?;
    for (at, row) in (1..).zip(rows(screened)) {
        if at as usize > MOST_ROWS {
            return Err(XlsxError::RowColumnLimitError);
        }
        for (column, value) in (0..).zip(&row) {
            answers.write_string(at, column, guarded(value))?;
        }
    }
    let lists = workbook.add_worksheet().set_name("Lists")?;
    for (column, name) in (0..).zip(["file", "date", "sha256", "parties", "problems"]) {
        lists.write_string_with_format(0, column, name, &bold)?;
    }
    for (at, source) in (1..).zip(&screened.index.sources) {
        let date = source.date.clone().unwrap_or_default();
        let values = [
            source.file.clone(),
            date,
            source.sha256.clone(),
            source.parties.to_string(),
            source.problems.len().to_string(),
        ];
        for (column, value) in (0..).zip(values) {
            lists.write_string(at, column, guarded(&value))?;
        }
    }
    workbook.save_to_buffer()
}

fn guarded(value: &str) -> String {
    let value = Escaped(value).to_string();
    let value: String = value.chars().take(LONGEST_CELL).collect();
    if value.starts_with(['=', '+', '-', '@']) { format!("'{value}") } else { value }
}
