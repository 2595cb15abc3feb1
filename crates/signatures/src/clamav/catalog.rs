//! Catalogs of Microsoft (`cat`): signed lists of the digests of programs, which are trusted if the signer is.

use std::io;
use std::sync::Arc;

use candor_detect::hash::HashSignature;
use candor_detect::trust::Catalog;
use candor_detect::{Compiler, Database};
use candor_object::Category;

use crate::sources::whole;
use crate::{Complaint, Language, Output, Turn};

/// Longest catalog in bytes; those of Windows have a few megabytes.
const MAX_LENGTH: u64 = 64 << 20;

/// Catalogs.
pub(crate) struct Catalogs;

impl Language for Catalogs {
    fn name(&self) -> &'static str {
        "Microsoft security catalogs"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["cat"]
    }

    /// After the publishers.
    fn turn(&self) -> Turn {
        Turn::Third
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let bytes = match whole(text, MAX_LENGTH) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                output.problem(0, Complaint::malformed(format!("the file is {error}")));
                return Ok(());
            }
            bytes => bytes?,
        };
        if let Err(complaint) = read(&bytes, output) {
            output.problem(0, complaint);
        }
        Ok(())
    }
}

fn read(bytes: &[u8], output: &mut Output<'_>) -> Result<(), Complaint> {
    let mut publishers = Compiler::default();
    for signer in output.signers() {
        publishers.signer(signer);
    }
    let database = Database::from_vec(publishers.finish());
    let database = database.map_err(|error| Complaint::unsupported(error.to_string()))?;
    let catalog = Catalog::verify(bytes, &[Arc::new(database)])
        .map_err(|error| Complaint::malformed(error.to_string()))?;
    let source = output.source().to_owned();
    for (subject, digest) in catalog.digests() {
        output.hash(&HashSignature {
            name: catalog.signer(),
            source: &source,
            category: Category::Trusted,
            subject,
            size: None,
            digest,
        })?;
    }
    Ok(())
}
