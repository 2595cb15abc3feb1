//! From a certificate to a root.
//!
//! As ClamAV judges: only the certificate that signed has to be valid at a time; roots and what is between may have
//! expired. A root is for what its entry says; nothing else of its certificate counts.

use super::certificate::{Certificate, Uses, sha1_of};
use super::section::{FOR_CERTIFICATES, FOR_CODE, FOR_TIME, Signer};

/// Most certificates between one that signed and a root.
const MAX_CHAIN: usize = 16;
/// Most signatures that are checked for one program. Stops certificates that all claim to have issued each other.
const MAX_CHECKS: usize = 128;

/// What a certificate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Code,
    Time,
}

impl Purpose {
    fn flag(self) -> u8 {
        match self {
            Self::Code => FOR_CODE,
            Self::Time => FOR_TIME,
        }
    }

    fn allowed(self, certificate: &Certificate<'_>) -> bool {
        match self {
            Self::Code => certificate.uses.code,
            Self::Time => certificate.uses.time,
        }
    }
}

/// Roots, and how many signatures may still be checked.
pub(super) struct Chains<'d> {
    roots: Vec<Signer<'d>>,
    left: usize,
}

impl<'d> Chains<'d> {
    pub(super) fn new(roots: Vec<Signer<'d>>) -> Self {
        Self { roots, left: MAX_CHECKS }
    }

    /// The root that stands for a certificate which signed something.
    pub(super) fn root(
        &mut self,
        leaf: &Certificate<'_>,
        others: &[Certificate<'_>],
        purpose: Purpose,
    ) -> Option<Signer<'d>> {
        if !purpose.allowed(leaf) {
            return None;
        }
        // An entry that allows less than the certificate claims is not for it.
        let itself = self.roots.iter().copied().find(|root| root.allows(claimed(leaf)) && root.is(leaf));
        let mut current = leaf;
        let mut found = itself;
        for _ in 0..MAX_CHAIN {
            found = found.or_else(|| self.issuing_root(current, purpose));
            if found.is_some() {
                break;
            }
            current = others.iter().find(|other| {
                other.uses.certificates
                    && other.subject.raw == current.issuer.raw
                    && spend(&mut self.left)
                    && other.has_issued(current)
            })?;
        }
        found
    }

    /// The root that has issued a certificate.
    fn issuing_root(&mut self, issued: &Certificate<'_>, purpose: Purpose) -> Option<Signer<'d>> {
        let name = sha1_of(issued.issuer.content);
        let left = &mut self.left;
        self.roots.iter().copied().find(|root| {
            root.allows(purpose.flag() | FOR_CERTIFICATES)
                && root.has_subject(&name)
                && spend(left)
                && root.key().is_some_and(|key| issued.is_signed_with(&key))
        })
    }
}

/// What the key of a certificate may do by its own words, as flags of an entry.
fn claimed(certificate: &Certificate<'_>) -> u8 {
    let Uses { code, time, certificates } = certificate.uses;
    let flags = [(code, FOR_CODE), (time, FOR_TIME), (certificates, FOR_CERTIFICATES)];
    flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, flag)| all | flag)
}

fn spend(left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    *left > 0
}
