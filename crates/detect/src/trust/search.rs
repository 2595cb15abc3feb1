//! Asks lists of publishers about the signatures of a program.

use std::sync::Arc;
use std::time::Instant;

use candor_object::{Content, Evidence, Finding, MAX_EXCERPT, ObjectId, Reason, Signed, Strength};

use super::certificate::name_text;
use super::chain::{Chains, Purpose};
use super::rsa::Algorithm;
use super::section::Signer;
use super::signature::{bytes, covers, program_digest};
use super::signed_data::SignedData;
use super::{now, telling};
use crate::hash::{self, Subject};
use crate::{Database, Error, Found, Inspection};

/// Adds a finding for each blocked publisher whose certificate is in a signature of the object.
pub(crate) fn inspect(
    database: &Database,
    inspection: &Inspection<'_>,
    found: &mut Found,
) -> Result<(), Error> {
    let Some(signed) = inspection.signed.filter(|signed| !signed.signatures.is_empty()) else {
        return Ok(());
    };
    if database.tells_certificates() {
        telling::tell(inspection, found)?;
    }
    let blocked = Signer::all(database, false)?.collect::<Result<Vec<_>, _>>()?;
    if blocked.is_empty() {
        return Ok(());
    }
    let mut known = Vec::new();
    for place in &signed.signatures {
        let bytes = bytes(&inspection.object.content, place)?;
        let data = bytes.as_deref().and_then(SignedData::read);
        if data.as_ref().is_none_or(|data| data.incomplete) {
            let detail = format!(
                "the signature at offset {} could not be read, so that blocked publishers could not be looked for",
                place.start
            );
            found.gaps.push((Reason::Damaged, detail));
        }
        for certificate in data.iter().flat_map(|data| &data.certificates) {
            let Some(signer) = blocked.iter().find(|signer| signer.is(certificate)) else { continue };
            if known.contains(&signer.name()) {
                continue;
            }
            known.push(signer.name());
            let start =
                bytes.as_deref().map(|bytes| offset(bytes, certificate.subject.raw)).unwrap_or_default();
            let evidence = Evidence {
                what: format!("certificate of {}", name_text(&certificate.subject)),
                offset: place.start.saturating_add(start),
                size: certificate.subject.raw.len() as u64,
                excerpt: certificate.subject.raw.iter().copied().take(MAX_EXCERPT).collect(),
            };
            found.findings.push(finding(signer, inspection.id, evidence));
        }
    }
    Ok(())
}

/// The finding that speaks for a program, if its publisher is trusted by one of the databases and blocked by none.
///
/// # Errors
/// When the content could not be read, the time is up or a database is damaged.
pub fn trusted(
    databases: &[Arc<Database>],
    content: &Content,
    signed: &Signed,
    id: ObjectId,
    deadline: Instant,
) -> Result<Option<Finding>, Error> {
    let mut roots = Vec::new();
    let mut blocked = Vec::new();
    for database in databases {
        roots.extend(Signer::all(database, true)?.collect::<Result<Vec<_>, _>>()?);
        blocked.extend(Signer::all(database, false)?.collect::<Result<Vec<_>, _>>()?);
    }
    let mut spoken = None;
    for (number, place) in signed.signatures.iter().enumerate() {
        let Some(bytes) = bytes(content, place)? else { continue };
        let Some(data) = SignedData::read(&bytes) else { continue };
        let is_blocked = |certificate| blocked.iter().any(|signer| signer.is(certificate));
        if data.certificates.iter().any(is_blocked) {
            return Ok(None);
        }
        // Others are not what Windows, or ClamAV, would judge the program by.
        if number > 0 {
            continue;
        }
        if let Some(root) = root_of(&data, &roots)
            && let Some(digest) = data.program_digest()
            && covers(content, signed, &digest, deadline)?
        {
            let subject = data.signer_of_content().map(|of| name_text(&of.subject)).unwrap_or_default();
            let what = format!("trusted signer {subject}");
            let evidence = Evidence { what, offset: 0, size: content.size(), excerpt: Vec::new() };
            spoken = Some(finding(&root, id, evidence));
        }
    }
    if spoken.is_some() {
        return Ok(spoken);
    }
    in_catalog(databases, content, signed, id, deadline)
}

/// What is known of a signature of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is over this content, and certificates lead to a root that a list trusts for programs.
    Trusted,
    /// Its digest is not that of this content.
    Foreign,
    /// Neither: nobody who is known stands for it.
    Unknown,
}

/// What is known of each signature of a program, by where it begins. What cannot be read as one is left out.
///
/// # Errors
/// When the content could not be read, the time is up or a database is damaged.
pub fn standing(
    databases: &[Arc<Database>],
    content: &Content,
    signed: &Signed,
    deadline: Instant,
) -> Result<Vec<(u64, Standing)>, Error> {
    let mut roots = Vec::new();
    for database in databases {
        roots.extend(Signer::all(database, true)?.collect::<Result<Vec<_>, _>>()?);
    }
    let mut all = Vec::new();
    for place in &signed.signatures {
        let Some(bytes) = bytes(content, place)? else { continue };
        let Some(data) = SignedData::read(&bytes) else { continue };
        let standing = match data.program_digest() {
            Some(digest) if !covers(content, signed, &digest, deadline)? => Standing::Foreign,
            Some(_) if root_of(&data, &roots).is_some() => Standing::Trusted,
            _ => Standing::Unknown,
        };
        all.push((place.start, standing));
    }
    Ok(all)
}

/// The root that stands for the signer of signed data, at the time that counts: when it was signed, if somebody says
/// so, and now if nobody does. Who says so needs a root as well, and whatever is wrong with that is never passed over.
pub(super) fn root_of<'d>(data: &SignedData<'_>, roots: &[Signer<'d>]) -> Option<Signer<'d>> {
    if roots.is_empty() {
        return None;
    }
    let leaf = data.signer_of_content()?;
    let mut chains = Chains::new(roots.to_vec());
    let root = chains.root(leaf, &data.certificates, Purpose::Code)?;
    let at = match data.signer.as_ref()?.countersignature() {
        None => now(),
        Some(countersignature) => {
            let (at, by) = countersignature.verified(&data.certificates)?;
            chains.root(by, &data.certificates, Purpose::Time).filter(|_| by.is_valid_at(at))?;
            at
        }
    };
    leaf.is_valid_at(at).then_some(root)
}

/// The finding of a catalog that has the digest of a program.
fn in_catalog(
    databases: &[Arc<Database>],
    content: &Content,
    signed: &Signed,
    id: ObjectId,
    deadline: Instant,
) -> Result<Option<Finding>, Error> {
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
        let mut digest = None;
        for database in databases {
            if !database.has_trusted(Subject::Signed, algorithm.name()) {
                continue;
            }
            let digest = match &digest {
                Some(known) => known,
                None => digest.insert(program_digest(content, signed, algorithm, deadline)?),
            };
            if let Some(finding) = hash::trusted_digest(database, Subject::Signed, digest, content, id)? {
                return Ok(Some(finding));
            }
        }
    }
    Ok(None)
}

fn finding(signer: &Signer<'_>, object: ObjectId, evidence: Evidence) -> Finding {
    let Signer { database, record, .. } = signer;
    Finding {
        object,
        detector: "trust",
        name: signer.name().to_owned(),
        source: database.source(record.source.get()).to_owned(),
        category: hash::category(record.category),
        strength: Strength::Strong,
        text: database.text(record.text).to_owned(),
        evidence: vec![evidence],
    }
}

/// Where a part of bytes begins in them.
fn offset(whole: &[u8], part: &[u8]) -> u64 {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr()) as u64
}
