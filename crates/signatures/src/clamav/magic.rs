//! File type magic (`ftm`): how ClamAV tells types apart.
//!
//! `Kind:Offset:Bytes:Description:RequiredType:Type[:MinFL[:MaxFL]]`, where the kind is 0 for bytes at an offset, 1 for
//! a pattern, 4 for bytes of a partition.
//!
//! ClamAV forgets its own list where a database has a line of kind 0. Ours stays: content is also looked at as what our
//! formats say that it is. The required type means nothing to lines of kind 0 there, and here.

use std::io;

use candor_detect::logical::{Expression, LogicalSignature, Outcome};
use candor_detect::magic::{MAGIC_HEAD, MagicSignature};
use candor_detect::pattern::Pattern;

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
        each_line(text, output, |line, output| match read(line)? {
            Line::Bytes(signature) => output.magic(&signature),
            Line::Pattern(signature) => {
                output.logical(&LogicalSignature { source: output.source().to_owned(), ..*signature })
            }
        })
    }
}

/// What a line says.
#[derive(Debug)]
enum Line {
    Bytes(MagicSignature<'static>),
    /// Without its source.
    Pattern(Box<LogicalSignature>),
}

fn read(line: &str) -> Result<Line, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let (kind, place, bytes, description, required, file_type, levels) = match fields.as_slice() {
        [kind, place, bytes, description, required, file_type, levels @ ..] if levels.len() <= 2 => {
            (*kind, *place, *bytes, *description, *required, *file_type, levels)
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
        "0" => {
            let (offset, bytes) = (number(place, "offset")?, row(bytes)?);
            let file_type = ours(file_type)?;
            let end = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(bytes.len());
            if end > MAGIC_HEAD || bytes.is_empty() {
                let reason = format!("magic is at least one byte, and none beyond the first {MAGIC_HEAD}");
                return Err(Complaint::unsupported(reason));
            }
            Ok(Line::Bytes(MagicSignature { offset, bytes, file_type }))
        }
        "1" => {
            let groups = pattern::parse(bytes, Modifiers::default())?;
            let place = offset::of_pattern(offset::parse(place, 0)?, &groups);
            let pattern = Pattern { place, groups };
            let opened = ours(file_type)?.split(',').next().unwrap_or_default();
            let text = line.to_owned();
            let types = match required {
                "CL_TYPE_ANY" => Vec::new(),
                "CL_TYPE_BINARY_DATA" => vec!["data".to_owned()],
                other => ours(other)?.split(',').map(str::to_owned).collect(),
            };
            let outcome = Outcome::Embedded(opened.to_owned());
            let signature = LogicalSignature::new(description, "", Expression::Pattern(0), vec![pattern]);
            Ok(Line::Pattern(Box::new(LogicalSignature { text, types, outcome, ..signature })))
        }
        "4" => {
            number::<u32>(place, "offset")?;
            row(bytes)?;
            Err(Complaint::unsupported("magic of a partition: disk images are not opened"))
        }
        _ => Err(Complaint::NotForUs(format!("the kind of magic {kind:?} is unknown"))),
    }
}

fn row(bytes: &str) -> Result<Vec<u8>, Complaint> {
    hex::decode(bytes).map_err(|_| Complaint::malformed(format!("the bytes {bytes:?} are not hexadecimal")))
}

/// The types here that one of ClamAV is.
fn ours(file_type: &str) -> Result<&'static str, Complaint> {
    if file_type == "CL_TYPE_IGNORED" {
        return Err(Complaint::NotForUs("what ClamAV does not scan is scanned here".to_owned()));
    }
    target::of_magic(file_type)
        .ok_or_else(|| Complaint::unsupported(format!("nothing here is of the type {file_type}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `clamscan` 1.4.6 takes, skips or refuses it.
    #[test]
    fn lines_are_read() {
        for (line, kind) in [
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "good"),
            ("0:0:78786865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE:1:300", "good"),
            ("0:5000:78::CL_TYPE_ZIP:CL_TYPE_MSEXE", "unsupported"),
            ("1:0,10:7878*6865:Foo:CL_TYPE_ANY:CL_TYPE_MSEXE", "good"),
            ("1:EOF-20:(7878|6868)6865:Foo:CL_TYPE_ANY:CL_TYPE_IGNORED", "not for us"),
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
            let read = read(line);
            assert_eq!(read.as_ref().map_or_else(Complaint::kind, |_| "good"), kind, "{line}: {read:?}");
        }
    }

    proptest::proptest! {
        /// A line is used or refused, whatever it says.
        #[test]
        fn any_line_is_judged(fields in proptest::collection::vec(
            proptest::prelude::prop_oneof![
                "[014]", "0x[0-9]{2}", "[0-9,*]{0,12}", "EOF-[0-9]{1,4}", "([0-9a-f]{2}){0,20}",
                "[0-9a-f?*{}()|!-]{0,30}", "CL_TYPE_(ANY|ZIP|ZIPSFX|PDF|IGNORED|MBR)", ".{0,8}",
            ],
            0..10,
        )) {
            let _ = read(&fields.join(":"));
        }

        #[test]
        fn good_bytes_are_taken(offset in 0_usize..1100, bytes in proptest::collection::vec(0_u8.., 1..40)) {
            let line = format!("0:{offset}:{}:D:CL_TYPE_ANY:CL_TYPE_PDF", hex::encode(&bytes));
            let fits = offset + bytes.len() <= MAGIC_HEAD;
            proptest::prop_assert_eq!(read(&line).is_ok(), fits, "{}", line);
        }
    }
}
