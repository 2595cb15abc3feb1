//! Reads text line by line, whatever its line ends are and however long a line is.

use std::io::{self, BufRead, Read};

use crate::output::Output;
use crate::problem::Complaint;

/// Longest line in bytes; ClamAV's longest is 32,768. Stops a file that is one line from filling memory.
const MAX_LINE: usize = 256 << 10;

/// Calls `read` for each line without its end; complaints are reported with the line's number. Lines that
/// begin with `#` are comments.
pub(crate) fn each_line(
    text: &mut dyn BufRead,
    output: &mut Output<'_>,
    mut read: impl FnMut(&str, &mut Output<'_>) -> Result<(), Complaint>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut number = 0_u64;
    loop {
        bytes.clear();
        number = number.saturating_add(1);
        let count = text.take(MAX_LINE as u64).read_until(b'\n', &mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        if bytes.last() != Some(&b'\n') && count == MAX_LINE {
            output.problem(number, Complaint::malformed(format!("the line is longer than {MAX_LINE} bytes")));
            skip_line(text)?;
            continue;
        }
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            continue;
        }
        output.at_line(number, line);
        let result = match std::str::from_utf8(line) {
            Ok(line) => read(line, output),
            Err(_) => Err(Complaint::malformed("the line is not UTF-8")),
        };
        if let Err(complaint) = result {
            output.problem(number, complaint);
        }
    }
}

fn skip_line(text: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = text.fill_buf()?;
        let (used, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(place) => (place.saturating_add(1), true),
            None => (buffer.len(), buffer.is_empty()),
        };
        text.consume(used);
        if done {
            return Ok(());
        }
    }
}
