//! Feature switches (`cfg`): which parsers and methods of ClamAV are on, by functionality level.
//!
//! `Category:0xFlags:MinFL:MaxFL`
//!
//! A bit that is not set is off; the last line of a category holds. What each bit is was seen in what `clamscan --debug` tells
//! with one bit set after the other. They mend faults of certain versions of ClamAV from afar; what has a counterpart here
//! is switched off here as well, and each object that is concerned says so.

use std::io;

use candor_detect::switch::{PASSWORDS, PROGRAMS};

use super::functionality_level;
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// The categories.
const CATEGORIES: [&str; 11] =
    ["PE", "ELF", "MACHO", "ARCHIVE", "DOCUMENT", "MAIL", "OTHER", "PHISHING", "BYTECODE", "STATS", "PCRE"];

/// What is off when none of these bits is set: category, bits, and what it is here.
#[rustfmt::skip]
const COUNTERPARTS: &[(&str, u32, &[&str])] = &[
    ("PE", u32::MAX, &["pe", "dos-exe"]),
    ("ELF", u32::MAX, &["elf"]),
    ("MACHO", u32::MAX, &["macho"]),
    ("ARCHIVE", 1, &["rar"]),
    ("ARCHIVE", 1 << 1, &["zip"]),
    ("ARCHIVE", 1 << 2, &["gzip"]),
    ("ARCHIVE", 1 << 3, &["bzip2"]),
    ("ARCHIVE", 1 << 4, &["szdd"]),
    ("ARCHIVE", 1 << 5, &["cab"]),
    ("ARCHIVE", 1 << 6, &["chm"]),
    ("ARCHIVE", 1 << 7, &["ole2"]),
    ("ARCHIVE", 1 << 8, &["tar"]),
    ("ARCHIVE", 1 << 12, &["arj"]),
    ("ARCHIVE", 1 << 14, &["cpio"]),
    ("ARCHIVE", 1 << 15, &["installshield-cab"]),
    ("ARCHIVE", 1 << 16, &["7z"]),
    ("ARCHIVE", 1 << 19, &["xar"]),
    ("ARCHIVE", 1 << 21, &["xz"]),
    ("ARCHIVE", 1 << 22, &[PASSWORDS]),
    ("ARCHIVE", 1 << 26, &["egg"]),
    ("ARCHIVE", 1 << 28, &["lha"]),
    ("ARCHIVE", 1 << 29, &["alz"]),
    ("DOCUMENT", 1, &["html"]),
    ("DOCUMENT", 1 << 1, &["rtf"]),
    ("DOCUMENT", 1 << 2, &["pdf"]),
    ("DOCUMENT", 1 << 3, &["text-normalized"]),
    ("DOCUMENT", 1 << 5, &["javascript-normalized"]),
    ("DOCUMENT", 1 << 6, &["swf"]),
    ("DOCUMENT", 1 << 10, &["onenote"]),
    ("MAIL", 1, &["mail", "mbox"]),
    ("MAIL", 1 << 1, &["tnef"]),
    ("OTHER", 1, &["uuencode"]),
    ("OTHER", 1 << 1, &["encoded-script"]),
    ("BYTECODE", 1, &[PROGRAMS]),
];

/// Bits that mean something to ClamAV 1.4.6, and have no counterpart.
const OTHERS: &[(&str, u32)] = &[
    ("PE", 0x000f_ff7f),
    ("ARCHIVE", 0x0b96_2e00),
    ("DOCUMENT", 0x0000_0390),
    ("OTHER", 0x0000_3ffc),
    ("PHISHING", 0x3),
    ("PCRE", 0x7),
];

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
        each_line(text, output, |line, output| {
            let (category, flags) = read(line)?;
            output.switches(category, off(category, flags))?;
            match without_counterpart(category, flags) {
                0 => Ok(()),
                bits => Err(Complaint::unsupported(format!(
                    "nothing here is what 0x{bits:x} of {category} switches off"
                ))),
            }
        })
    }
}

/// What flags of a category switch off here.
fn off(category: &str, flags: u32) -> Vec<&'static str> {
    let off = COUNTERPARTS.iter().filter(|(of, bits, _)| *of == category && flags & bits == 0);
    off.flat_map(|(_, _, names)| names.iter().copied()).collect()
}

/// What they switch off that is not here.
fn without_counterpart(category: &str, flags: u32) -> u32 {
    let bits = OTHERS.iter().filter(|(of, _)| *of == category).fold(0, |all, (_, bits)| all | bits);
    bits & !flags
}

/// The category of a line, and its flags.
fn read(line: &str) -> Result<(&'static str, u32), Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let [category, flags, levels @ ..] = fields.as_slice() else {
        return Err(Complaint::malformed(format!("{} field, expected 4", fields.len())));
    };
    if levels.len() > 2 {
        return Err(Complaint::malformed(format!("{} fields, expected 4", fields.len())));
    }
    let digits =
        flags.strip_prefix("0x").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let value = value
        .ok_or_else(|| Complaint::malformed(format!("the flags {flags:?} are no hexadecimal number")))?;
    let level = |place: usize| levels.get(place).copied().filter(|level| !level.is_empty());
    functionality_level(level(0), level(1))?;
    let known = CATEGORIES.into_iter().find(|known| known == category);
    let known = known.ok_or_else(|| Complaint::NotForUs(format!("the category {category:?} is unknown")))?;
    Ok((known, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        for (line, kind) in [
            ("PE:0x1:1:300", "good"),
            ("DOCUMENT:0xffffffff:1:", "good"),
            ("PCRE:0x3", "good"),
            ("DOCUMENT:0x1:500:600", "not for us"),
            ("FOO:0x1:1:300", "not for us"),
            ("PE:1:1:300", "malformed"),
            ("PE:0x:1:300", "malformed"),
            ("PE:0x100000000:1:300", "malformed"),
            ("PE:0x1:a:300", "malformed"),
            ("PE:0x1:1:300:400", "malformed"),
            ("PE", "malformed"),
        ] {
            let read = read(line);
            assert_eq!(read.as_ref().map_or_else(Complaint::kind, |_| "good"), kind, "{line}: {read:?}");
        }
    }

    #[test]
    fn a_bit_that_is_not_set_is_off() {
        assert_eq!(off("ARCHIVE", u32::MAX), [""; 0]);
        assert_eq!(off("ARCHIVE", !0x2), ["zip"]);
        assert_eq!(off("ARCHIVE", !0x40_0004), ["gzip", PASSWORDS]);
        assert_eq!(off("MAIL", 2), ["mail", "mbox"]);
        assert_eq!(off("PE", 1), [""; 0]);
        assert_eq!(off("PE", 0), ["pe", "dos-exe"]);
        assert_eq!(off("BYTECODE", 0), [PROGRAMS]);
        assert_eq!(without_counterpart("PE", !0x20), 0x20);
        assert_eq!(without_counterpart("PE", u32::MAX), 0);
        assert_eq!(without_counterpart("ARCHIVE", !0x202), 0x200);
    }

    /// Nothing has two meanings, and what the debugging output of ClamAV 1.4.6 names has one.
    #[test]
    fn bits_have_a_counterpart_or_none() {
        let all = |category| {
            let single =
                COUNTERPARTS.iter().filter(|(of, bits, _)| *of == category && bits.count_ones() == 1);
            single.fold(0, |all, (_, bits, _)| {
                assert_eq!(all & bits, 0);
                all | bits
            })
        };
        for (category, bits, known) in [
            ("PE", 20, 0x000f_ffff),
            ("ARCHIVE", 30, 0x3fff_ffff),
            ("DOCUMENT", 11, 0x7ff),
            ("MAIL", 2, 3),
            ("OTHER", 14, 0x3fff),
            ("PHISHING", 2, 3),
            ("PCRE", 3, 7),
        ] {
            let others = without_counterpart(category, 0);
            assert_eq!(all(category) & others, 0, "{category}");
            // Swizzor is off from the beginning.
            let off = if category == "PE" { 0x80 } else { 0 };
            assert_eq!(all(category) | others | off, known, "{category}: {bits} bits");
        }
    }
}
