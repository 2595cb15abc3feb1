//! Programs that run at a place of the scan and not because a signature is true.
//!
//! Where that is was observed with `clamscan --debug` 1.4.6: programs for PE files and their unpackers on every PE
//! file, those for PDF in each phase of a document, unpackers for ELF and Mach-O on every such file. Those before the
//! type is known (`Preclass`) read ClamAV's description of a file in JSON; it runs them only where that was asked
//! for, and there is none here. Startup programs decide whether a compiler to machine code may be used; there is none
//! either, so that nothing depends on them. Both are kept and not run.

use candor_object::FileType;

use super::draft::Kind;
use super::interpreter::Matches;
use super::search::{Session, Stored};
use crate::{Database, Error, Found, Inspection};

/// Which programs run on objects of a type.
const PLACES: [(&str, &[Kind]); 4] = [
    ("pe", &[Kind::PeAll, Kind::PeUnpacker]),
    ("pdf", &[Kind::Pdf]),
    ("elf", &[Kind::ElfUnpacker]),
    ("macho", &[Kind::MachOUnpacker]),
];

/// Whether a program of this kind may run on an object of this type when its trigger is true.
pub(super) fn fits(kind: Kind, file_type: FileType) -> bool {
    kind == Kind::Logical || kinds(file_type).contains(&kind)
}

fn kinds(file_type: FileType) -> &'static [Kind] {
    let place = PLACES.iter().find(|(name, _)| *name == file_type.name());
    place.map_or(&[], |(_, kinds)| kinds)
}

/// Runs the programs without a trigger whose place this object is.
pub(crate) fn inspect(
    database: &Database,
    inspection: &Inspection<'_>,
    found: &mut Found,
) -> Result<(), Error> {
    let kinds = kinds(inspection.object.file_type);
    if kinds.is_empty() {
        return Ok(());
    }
    let matches = Matches::default();
    let mut session = Session::new(database, inspection, &matches);
    for kind in kinds {
        for stored in Stored::all(database)? {
            if stored.kind()? == *kind && stored.trigger().is_empty() {
                session.run(stored, found)?;
            }
        }
    }
    Ok(())
}
