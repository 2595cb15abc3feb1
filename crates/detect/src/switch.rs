//! What signature files switch off, and which line says so.
//!
//! ClamAV's databases mend faults of ClamAV from afar, by switching off what has them. What is switched off is never passed
//! over in silence: whoever asks gets the words for a gap.

use std::collections::BTreeMap;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::image::{Kind, Writer};
use crate::strings::{Strings, Text};
use crate::{Database, Error};

/// The programs in bytecode, as something that can be switched off.
pub const PROGRAMS: &str = "programs";
/// The passwords of signature files.
pub const PASSWORDS: &str = "passwords";

/// What a line switches off: names of file types, of their forms, [`PROGRAMS`] or [`PASSWORDS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switches<'a> {
    /// What the line is about: the last line of a category holds.
    pub category: &'static str,
    /// What is off.
    pub off: Vec<&'static str>,
    /// The file that it comes from.
    pub source: &'a str,
    /// The line, counted from 1.
    pub line: u64,
}

/// The same as a record of the image.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SwitchRecord {
    what: Text,
    source: le::U16,
    line: le::U64,
}

/// Collects what is switched off, by category.
#[derive(Default)]
pub(crate) struct Compiler(BTreeMap<&'static str, Vec<SwitchRecord>>);

impl Compiler {
    /// Takes a line, in the place of those of its category before it.
    pub(crate) fn set(&mut self, switches: &Switches<'_>, strings: &mut Strings) {
        let Switches { category, off, source, line } = switches;
        let record = |what: &&'static str| SwitchRecord {
            what: strings.add(what),
            source: strings.source(source),
            line: (*line).into(),
        };
        self.0.insert(category, off.iter().map(record).collect());
    }

    /// Writes the section.
    pub(crate) fn finish(self, writer: &mut Writer) {
        let records: Vec<SwitchRecord> = self.0.into_values().flatten().collect();
        writer.section(Kind::Switches, 0, &records);
    }
}

/// Why something is off, in words; nothing if it is on.
///
/// # Errors
/// [`Error::Damaged`].
pub(crate) fn switched_off(database: &Database, what: &str) -> Result<Option<String>, Error> {
    let records = database.switch_records()?;
    let record = records.iter().find(|record| database.text(record.what) == what);
    Ok(record.map(|record| {
        let source = database.source(record.source.get());
        format!("switched off by {source} line {}", record.line.get())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_category_holds() {
        let mut compiler = crate::Compiler::default();
        let mut set = |category, off: &[&'static str], line| {
            compiler.switches(&Switches { category, off: off.to_vec(), source: "daily.cfg", line });
        };
        set("ARCHIVE", &["zip", "rar"], 3);
        set("MAIL", &["mail"], 4);
        set("ARCHIVE", &["rar"], 5);
        set("BYTECODE", &[], 6);
        let database = Database::from_vec(compiler.finish()).unwrap();
        let off = |what| database.switched_off(what).unwrap();
        assert_eq!(off("zip"), None);
        assert_eq!(off("rar").unwrap(), "switched off by daily.cfg line 5");
        assert_eq!(off("mail").unwrap(), "switched off by daily.cfg line 4");
        assert_eq!(off(PROGRAMS), None);
        let nothing = Database::from_vec(crate::Compiler::default().finish()).unwrap();
        assert_eq!(nothing.switched_off("zip").unwrap(), None);
    }
}
