//! Feature switches (`cfg`): which parsers and methods of ClamAV are on, by functionality level.
//!
//! `Category:0xFlags:MinFL:MaxFL`
//!
//! They mend faults of certain versions of ClamAV from afar. There is nothing in them for us, so that each good line is
//! reported as unsupported, and what it would have turned off stays on.

use std::io;

use super::functionality_level;
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// The categories.
const CATEGORIES: [&str; 11] =
    ["PE", "ELF", "MACHO", "ARCHIVE", "DOCUMENT", "MAIL", "OTHER", "PHISHING", "BYTECODE", "STATS", "PCRE"];

/// Feature switches.
pub(crate) struct Switches;

impl Language for Switches {
    fn name(&self) -> &'static str {
        "ClamAV feature switches"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["cfg"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, _| Err(complaint(line)))
    }
}

fn complaint(line: &str) -> Complaint {
    match read(line) {
        Ok(category) => {
            Complaint::unsupported(format!("a feature switch for {category}; all that we have stays on"))
        }
        Err(complaint) => complaint,
    }
}

/// The category that a line is about.
fn read(line: &str) -> Result<&str, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let [category, flags, levels @ ..] = fields.as_slice() else {
        return Err(Complaint::malformed(format!("{} field, expected 4", fields.len())));
    };
    if levels.len() > 2 {
        return Err(Complaint::malformed(format!("{} fields, expected 4", fields.len())));
    }
    let digits =
        flags.strip_prefix("0x").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).is_none() {
        return Err(Complaint::malformed(format!("the flags {flags:?} are no hexadecimal number")));
    }
    let level = |place: usize| levels.get(place).copied().filter(|level| !level.is_empty());
    functionality_level(level(0), level(1))?;
    if !CATEGORIES.contains(category) {
        return Err(Complaint::NotForUs(format!("the category {category:?} is unknown")));
    }
    Ok(category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_none_is_used() {
        for (line, kind) in [
            ("PE:0x1:1:300", "unsupported"),
            ("DOCUMENT:0xffffffff:1:", "unsupported"),
            ("PCRE:0x3", "unsupported"),
            ("DOCUMENT:0x1:500:600", "not for us"),
            ("FOO:0x1:1:300", "not for us"),
            ("PE:1:1:300", "malformed"),
            ("PE:0x:1:300", "malformed"),
            ("PE:0x100000000:1:300", "malformed"),
            ("PE:0x1:a:300", "malformed"),
            ("PE:0x1:1:300:400", "malformed"),
            ("PE", "malformed"),
        ] {
            assert_eq!(complaint(line).kind(), kind, "{line}");
        }
    }
}
