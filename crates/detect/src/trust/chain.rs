//! From a certificate to a root.
//!
//! As ClamAV judges: only the certificate that signed has to be valid at a time; roots and what is between may have
//! expired. A root is for what its entry says; nothing else of its certificate counts.

use super::certificate::{Certificate, sha1_of};
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
        if let Some(root) = self.itself(leaf, purpose.flag()) {
            return Some(root);
        }
        if !purpose.allowed(leaf) {
            return None;
        }
        let mut current = leaf;
        for _ in 0..MAX_CHAIN {
            if let Some(root) = self.issuing_root(current, purpose) {
                return Some(root);
            }
            let issuer = others.iter().find(|other| {
                other.uses.certificates
                    && other.subject.raw == current.issuer.raw
                    && spend(&mut self.left)
                    && other.has_issued(current)
            })?;
            if let Some(root) = self.itself(issuer, purpose.flag() | FOR_CERTIFICATES) {
                return Some(root);
            }
            current = issuer;
        }
        None
    }

    /// The root that this certificate is.
    fn itself(&self, certificate: &Certificate<'_>, flags: u8) -> Option<Signer<'d>> {
        self.roots.iter().copied().find(|root| root.allows(flags) && root.is(certificate))
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

fn spend(left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    *left > 0
}
