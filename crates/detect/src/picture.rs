//! Hashes of pictures that signatures name, sorted, so that one look tells which signatures a picture may start.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::image::{Kind, Writer};
use crate::strings::{Strings, Text};
use crate::{Database, Error, Found, Inspection};

/// A hash with a signature that names it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct PictureRecord {
    hash: le::U64,
    signature: le::U32,
    /// Names of the file types that the signature is for, separated by commas; empty for all.
    types: Text,
}

/// Collects hashes.
#[derive(Default)]
pub(crate) struct Compiler(Vec<PictureRecord>);

impl Compiler {
    /// Adds a hash that starts a signature.
    pub(crate) fn add(&mut self, hash: u64, signature: u32, types: &[String], strings: &mut Strings) {
        let types = strings.add(&types.join(","));
        self.0.push(PictureRecord { hash: hash.into(), signature: signature.into(), types });
    }

    /// Writes the section.
    pub(crate) fn finish(mut self, writer: &mut Writer) {
        self.0.sort_by_key(|record| (record.hash.get(), record.signature.get()));
        writer.section(Kind::PictureHashes, 0, &self.0);
    }
}

/// Adds the signatures that the object starts by what it looks like, if it is a picture; a gap if nobody can tell.
pub(crate) fn start(
    database: &Database,
    inspection: &Inspection<'_>,
    started: &mut Vec<u32>,
    found: &mut Found,
) -> Result<(), Error> {
    let records = database.picture_records()?;
    let Some(pictures) = inspection.pictures.filter(|_| !records.is_empty()) else { return Ok(()) };
    let hash = match pictures.perceptual_hash(inspection.deadline) {
        Ok(Some(hash)) => hash,
        Ok(None) => return Ok(()),
        Err(undecoded) => {
            found.gap(undecoded);
            return Ok(());
        }
    };
    let file_type = inspection.object.file_type;
    let first = records.partition_point(|record| record.hash.get() < hash);
    let same = records.get(first..).unwrap_or_default().iter().take_while(|record| record.hash.get() == hash);
    let before = started.len();
    started.extend(same.filter_map(|record| {
        let types = database.text(record.types);
        (types.is_empty() || types.split(',').any(|one| file_type.is(one))).then_some(record.signature.get())
    }));
    if started.len() > before {
        started.sort_unstable();
        started.dedup();
    }
    Ok(())
}
