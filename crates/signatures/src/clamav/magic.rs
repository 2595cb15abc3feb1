//! File type magic (`ftm`): how ClamAV tells types apart.
//!
//! `Kind:Offset:Bytes:Description:RequiredType:Type[:MinFL[:MaxFL]]`, where the kind is 0 for bytes at an offset, 1 for
//! a pattern, 4 for bytes of a partition.
//!
//! Our own formats say what content is, more strictly than these lines do, so that each good line is reported as
//! unsupported.

use std::io;

use super::pattern::Modifiers;
use super::{functionality_level, number, offset, pattern, target};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// File type magic.
pub(crate) struct Magic;

impl Language for Magic {
    fn name(&self) -> &'static str {
        "ClamAV file type magic"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ftm"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, _| Err(complaint(line)))
    }
}

fn complaint(line: &str) -> Complaint {
    match read(line) {
        Ok(file_type) => {
            Complaint::unsupported(format!("magic for {file_type}; our formats recognise types themselves"))
        }
        Err(complaint) => complaint,
    }
}

/// The type that a line is about.
fn read(line: &str) -> Result<&str, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let (kind, place, bytes, required, file_type, levels) = match fields.as_slice() {
        [kind, place, bytes, _, required, file_type, levels @ ..] if levels.len() <= 2 => {
            (*kind, *place, *bytes, *required, *file_type, levels)
        }
        _ => return Err(Complaint::malformed(format!("{} fields, expected 6 to 8", fields.len()))),
    };
    functionality_level(levels.first().copied(), levels.get(1).copied())?;
    for name in [required, file_type] {
        if !target::is_type(name) {
            return Err(Complaint::malformed(format!("the type {name:?} is unknown")));
        }
    }
    match kind {
        "0" | "4" => {
            number::<u32>(place, "offset")?;
            hex::decode(bytes)
                .map_err(|_| Complaint::malformed(format!("the bytes {bytes:?} are not hexadecimal")))?;
        }
        "1" => {
            offset::parse(place, 0)?;
            pattern::parse(bytes, Modifiers::default())?;
        }
        _ => return Err(Complaint::NotForUs(format!("the kind of magic {kind:?} is unknown"))),
    }
    Ok(file_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `clamscan` 1.4.6 takes, skips or refuses it.
    #[test]
    fn lines_are_read_and_none_is_used() {
        for (line, kind) in [
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "unsupported"),
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE:1:300", "unsupported"),
            ("0:5000:78::CL_TYPE_ZIP:CL_TYPE_MSEXE", "unsupported"),
            ("1:0,10:7878*6865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "unsupported"),
            ("1:EOF-20:(7878|6868)6865:Foo:CL_TYPE_ANY:CL_TYPE_IGNORED", "unsupported"),
            ("4:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_PART_HFSPLUS", "unsupported"),
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE:300", "not for us"),
            ("2:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "not for us"),
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_NOPE", "malformed"),
            ("0:0:78786865:Foo:*:CL_TYPE_MSEXE", "malformed"),
            ("0:*:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "malformed"),
            ("0:0:7878??65:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "malformed"),
            ("1:EP+0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "malformed"),
            ("1:*:78:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "malformed"),
            ("0:0:78786865:Foo:CL_TYPE_ANY", "malformed"),
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE:1:300:5", "malformed"),
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE:x", "malformed"),
        ] {
            assert_eq!(complaint(line).kind(), kind, "{line}: {}", complaint(line));
        }
    }
}
