//! Publishers as records of the image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::certificate::{Certificate, sha1_of};
use super::rsa::PublicKey;
use crate::strings::Text;
use crate::{Database, Error};

/// The entry is for those who sign programs.
pub(super) const FOR_CODE: u8 = 1;
/// The entry is for those who sign times.
pub(super) const FOR_TIME: u8 = 2;
/// The entry is for those who sign certificates.
pub(super) const FOR_CERTIFICATES: u8 = 4;
/// The entry is trusted; else it is blocked.
pub(super) const TRUSTED: u8 = 8;
/// The entry names a serial number.
pub(super) const HAS_SERIAL: u8 = 16;
/// ClamAV's entries have no exponent: it is this one.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A publisher; its modulus lies in a section of bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SignerRecord {
    pub(super) name: Text,
    pub(super) text: Text,
    pub(super) source: le::U16,
    pub(super) category: u8,
    pub(super) flags: u8,
    pub(super) subject: [u8; 20],
    pub(super) serial: [u8; 20],
    pub(super) modulus: le::U32,
    pub(super) modulus_length: le::U16,
}

/// A publisher of a database.
#[derive(Clone, Copy)]
pub(super) struct Signer<'d> {
    pub(super) database: &'d Database,
    pub(super) record: &'d SignerRecord,
    modulus: &'d [u8],
}

impl<'d> Signer<'d> {
    /// The publishers of a database that are trusted, or those that are blocked.
    pub(super) fn all(
        database: &'d Database,
        trusted: bool,
    ) -> Result<impl Iterator<Item = Result<Self, Error>>, Error> {
        let (records, moduli) = database.signers()?;
        let wanted = records.iter().filter(move |record| (record.flags & TRUSTED != 0) == trusted);
        Ok(wanted.map(move |record| {
            let start = usize::try_from(record.modulus.get()).unwrap_or(usize::MAX);
            let end = start.saturating_add(usize::from(record.modulus_length.get()));
            let modulus = moduli.get(start..end).ok_or(Error::Damaged("a key is missing"))?;
            Ok(Self { database, record, modulus })
        }))
    }

    pub(super) fn allows(&self, flags: u8) -> bool {
        self.record.flags & flags == flags
    }

    pub(super) fn has_subject(&self, subject: &[u8; 20]) -> bool {
        self.record.subject == *subject
    }

    /// Whether this certificate is meant.
    pub(super) fn is(&self, certificate: &Certificate<'_>) -> bool {
        self.modulus == certificate.modulus
            && self.has_subject(&sha1_of(certificate.subject.content))
            && (self.record.flags & HAS_SERIAL == 0 || self.record.serial == sha1_of(certificate.serial))
    }

    pub(super) fn key(&self) -> Option<PublicKey> {
        PublicKey::from_bytes(self.modulus, &EXPONENT)
    }

    pub(super) fn name(&self) -> &'d str {
        self.database.text(self.record.name)
    }
}
