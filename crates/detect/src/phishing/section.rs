//! Lists about links as sections of the image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::List;
use crate::image::{Image, Kind};
use crate::strings::Text;
use crate::{Database, Error};

/// A host or a pair of hosts. They are sorted by their text.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct HostRecord {
    pub(super) hosts: Text,
    pub(super) source: le::U16,
}

/// A regular expression.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct ExpressionRecord {
    pub(super) translated: Text,
    pub(super) original: Text,
    pub(super) source: le::U16,
}

/// A digest of an address. They are sorted by digest.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct DigestRecord {
    pub(super) digest: [u8; 32],
    /// The list; 0 for what is on none.
    pub(super) list: u8,
    pub(super) source: le::U16,
}

/// A list as a number of the image.
pub(super) fn list_byte(list: Option<List>) -> u8 {
    match list {
        None => 0,
        Some(List::Malware) => 1,
        Some(List::Imitation) => 2,
        Some(List::Blocked) => 3,
    }
}

/// The list of a number of the image; nothing for what is on none.
pub(super) fn list(byte: u8) -> Option<List> {
    match byte {
        0 => None,
        1 => Some(List::Malware),
        2 => Some(List::Imitation),
        _ => Some(List::Blocked),
    }
}

/// What the lists are about; the number of the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum About {
    /// Links that are examined.
    Protected,
    /// Links that are in order.
    Allowed,
    /// Addresses that may be led to.
    Target,
}

/// The lists of a database.
#[derive(Clone, Copy)]
pub(crate) struct LinkTables<'d> {
    pub(super) protected: &'d [HostRecord],
    pub(super) allowed: &'d [HostRecord],
    pub(super) protected_expressions: &'d [ExpressionRecord],
    pub(super) allowed_expressions: &'d [ExpressionRecord],
    pub(super) target_expressions: &'d [ExpressionRecord],
    digests: &'d [DigestRecord],
}

impl<'d> LinkTables<'d> {
    /// Whether the image has any.
    pub(crate) fn any(image: &Image) -> bool {
        let kinds = [
            Kind::ProtectedHosts,
            Kind::ProtectedExpressions,
            Kind::AllowedHosts,
            Kind::AllowedExpressions,
            Kind::AllowedTargets,
            Kind::BlockedAddresses,
        ];
        kinds.into_iter().any(|kind| image.has(kind, 0))
    }

    pub(crate) fn new(image: &Image, bytes: &'d [u8]) -> Result<Self, Error> {
        Ok(Self {
            protected: image.records(bytes, Kind::ProtectedHosts, 0)?,
            allowed: image.records(bytes, Kind::AllowedHosts, 0)?,
            protected_expressions: image.records(bytes, Kind::ProtectedExpressions, 0)?,
            allowed_expressions: image.records(bytes, Kind::AllowedExpressions, 0)?,
            target_expressions: image.records(bytes, Kind::AllowedTargets, 0)?,
            digests: image.records(bytes, Kind::BlockedAddresses, 0)?,
        })
    }

    /// Number of their entries.
    pub(crate) fn len(&self) -> usize {
        let hosts = self.protected.len().saturating_add(self.allowed.len());
        let all = [self.protected_expressions, self.allowed_expressions, self.target_expressions];
        let expressions = all.iter().fold(0_usize, |sum, records| sum.saturating_add(records.len()));
        hosts.saturating_add(expressions).saturating_add(self.digests.len())
    }

    /// Whether there are digests.
    pub(super) fn has_digests(&self) -> bool {
        !self.digests.is_empty()
    }

    pub(super) fn expressions(&self, about: About) -> &'d [ExpressionRecord] {
        match about {
            About::Protected => self.protected_expressions,
            About::Allowed => self.allowed_expressions,
            About::Target => self.target_expressions,
        }
    }

    /// The entry of a digest.
    pub(super) fn digest(&self, digest: &[u8; 32]) -> Option<&'d DigestRecord> {
        let first = self.digests.partition_point(|record| record.digest < *digest);
        self.digests.get(first).filter(|record| record.digest == *digest)
    }
}

/// The entry whose text is all of `hosts`, or what of it follows a full stop or a space.
pub(super) fn ending<'d>(
    database: &Database,
    records: &'d [HostRecord],
    hosts: &[u8],
) -> Option<&'d HostRecord> {
    if records.is_empty() {
        return None;
    }
    // Longer entries are not taken, so that nothing is lost by looking at the end only.
    let start = hosts.len().saturating_sub(super::MAX_HOSTS);
    let after_label = |place: &usize| match place.checked_sub(1) {
        None => true,
        Some(before) => matches!(hosts.get(before), Some(b'.' | b' ')),
    };
    (start..hosts.len()).filter(after_label).find_map(|place| {
        let end = hosts.get(place..)?;
        let first = records.partition_point(|record| database.text(record.hosts).as_bytes() < end);
        records.get(first).filter(|record| database.text(record.hosts).as_bytes() == end)
    })
}
