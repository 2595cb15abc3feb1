//! Lines of text, each bounded, whatever the content is.

use std::io::{BufRead, BufReader, Read};

use candor_object::Content;

use crate::{Error, Subject};

/// Longest line that is kept, in bytes; what is longer is cut.
const LONGEST: u64 = 64 << 10;

/// Calls `each` with every line, without its end, lossily decoded.
pub(crate) fn lines(
    subject: &Subject<'_>,
    mut each: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = BufReader::with_capacity(64 << 10, Content::reader(subject.content()));
    let mut line = Vec::new();
    for number in 0_u64.. {
        if number.is_multiple_of(1024) {
            subject.time_left()?;
        }
        line.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&line);
        each(text.trim_end_matches(['\n', '\r']))?;
    }
    Ok(())
}
