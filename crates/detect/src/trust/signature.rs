//! The signatures of a program: who signed, and whether it is this content.

use std::ops::Range;
use std::time::Instant;

use candor_object::{Content, Signed};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::certificate::{Certificate, name_text};
use super::hexadecimal;
use super::rsa::{Algorithm, ContentDigest};
use super::signed_data::SignedData;
use crate::Error;

/// Longest signature that is read, in bytes. One with digests of every page of a program of 1 GB is no longer.
const MAX_SIGNATURE: u64 = 16 << 20;
/// Bytes that are digested between two looks at the clock.
const CHUNK: usize = 256 << 10;

/// A signature of a program: what it says, and what of that was verified. Whether its signer is to be trusted is for
/// lists to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Where it lies in the content.
    pub place: Range<u64>,
    /// Whose certificate signed, such as `CN=Somebody, O=Somewhere`; hostile, and empty if no certificate is there.
    pub subject: String,
    /// Who issued that certificate.
    pub issuer: String,
    /// The number of that certificate in hexadecimal.
    pub serial: String,
    /// From when to when that certificate is valid, in seconds since 1970.
    pub validity: (u64, u64),
    /// The algorithm of the digest of the program, if it is known.
    pub algorithm: Option<Algorithm>,
    /// When somebody else confirmed that it was signed, in seconds since 1970; that somebody is not verified to be
    /// anyone.
    pub countersigned: Option<u64>,
    /// Whether the signature verifies under that certificate, over this content. Anyone can make such a certificate.
    pub holds: bool,
}

/// What the signatures of a program say.
///
/// # Errors
/// When the content could not be read or the time is up. What cannot be read as a signature is left out.
pub fn signatures(content: &Content, signed: &Signed, deadline: Instant) -> Result<Vec<Signature>, Error> {
    let mut all = Vec::new();
    for place in &signed.signatures {
        let Some(bytes) = bytes(content, place)? else { continue };
        let Some(data) = SignedData::read(&bytes) else { continue };
        let digest = data.program_digest();
        let signer = data.signer_of_content();
        let holds = match (&digest, signer) {
            (Some(digest), Some(_)) => covers(content, signed, digest, deadline)?,
            _ => false,
        };
        let named = data.signer.as_ref().and_then(|signer| signer.certificate(&data.certificates));
        let text = |name: fn(&Certificate<'_>) -> String| named.map(name).unwrap_or_default();
        all.push(Signature {
            place: place.clone(),
            subject: text(|of| name_text(&of.subject)),
            issuer: text(|of| name_text(&of.issuer)),
            serial: text(|of| hexadecimal(of.serial)),
            validity: named.map(|of| of.validity).unwrap_or_default(),
            algorithm: digest.map(|digest| digest.algorithm),
            countersigned: data
                .signer
                .as_ref()
                .and_then(|signer| signer.countersignature())
                .and_then(|countersignature| countersignature.verified(&data.certificates))
                .map(|(at, _)| at),
            holds,
        });
    }
    Ok(all)
}

/// The bytes of a signature; nothing if it is too long.
pub(super) fn bytes(content: &Content, place: &Range<u64>) -> Result<Option<Vec<u8>>, Error> {
    let length = place.end.saturating_sub(place.start);
    if length > MAX_SIGNATURE {
        return Ok(None);
    }
    let length = usize::try_from(length).unwrap_or(0);
    Ok(Some(content.window(place.start, length)?.into_owned()))
}

/// Whether this is the digest of what is signed of a program.
pub(super) fn covers(
    content: &Content,
    signed: &Signed,
    digest: &ContentDigest,
    deadline: Instant,
) -> Result<bool, Error> {
    Ok(program_digest(content, signed, digest.algorithm, deadline)? == digest.bytes)
}

/// The digest of what is signed of a program.
pub(super) fn program_digest(
    content: &Content,
    signed: &Signed,
    algorithm: Algorithm,
    deadline: Instant,
) -> Result<Vec<u8>, Error> {
    match algorithm {
        Algorithm::Md5 => digested::<Md5>(content, signed, deadline),
        Algorithm::Sha1 => digested::<Sha1>(content, signed, deadline),
        Algorithm::Sha256 => digested::<Sha256>(content, signed, deadline),
        Algorithm::Sha384 => digested::<Sha384>(content, signed, deadline),
        Algorithm::Sha512 => digested::<Sha512>(content, signed, deadline),
    }
}

fn digested<D: Digest>(content: &Content, signed: &Signed, deadline: Instant) -> Result<Vec<u8>, Error> {
    let mut hasher = D::new();
    for part in &signed.covered {
        let mut at = part.start;
        while at < part.end {
            let left = usize::try_from(part.end.saturating_sub(at)).unwrap_or(usize::MAX);
            let chunk = content.window(at, left.min(CHUNK))?;
            if chunk.is_empty() {
                break;
            }
            hasher.update(&chunk);
            at = at.saturating_add(chunk.len() as u64);
            if Instant::now() >= deadline {
                return Err(Error::TimeIsUp);
            }
        }
    }
    Ok(hasher.finalize().to_vec())
}
