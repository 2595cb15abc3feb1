//! Signatures beside a container (`.sign`): PKCS#7 over the whole file.
//!
//! A line `#clamsign-1.0`, then lines `minFL:maxFL:pkcs7-pem:base64`. The file of `daily.cvd`, version 27000, is
//! `daily-27000.cvd.sign`; one that is called like the container with `.sign` behind it is taken as well.
//! Certificates: RFC 5280; signatures: RFC 5652.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};

use super::rsa::{Algorithm, ContentDigest, PublicKey};
use super::{Kind, Refusal};
use crate::clamav::FUNCTIONALITY_LEVEL;

/// The first line.
const MAGIC: &str = "#clamsign-1.0";
/// Longest file of signatures in bytes, and of a file of certificates.
const MAX_LENGTH: u64 = 1 << 20;
/// Most certificates between a signature and a root.
const MAX_CHAIN: usize = 8;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");

/// Certificates that are trusted to stand for those who sign containers. Without any, no `.sign` file is looked at.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<Certificate>);

impl Roots {
    /// The certificates in the files `.pem` and `.crt` of a folder.
    ///
    /// # Errors
    /// When the folder or one of these files cannot be read, holds no certificate, or there is no such file.
    pub fn from_folder(folder: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            if path.is_file() && (extension == "pem" || extension == "crt") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut all = Vec::new();
        for path in paths {
            let named =
                |error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()));
            all.extend(
                Self::from_pem(&bounded(&File::open(&path)?)?).map_err(|error| named(error.to_string()))?.0,
            );
        }
        if all.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no certificate in a .pem or .crt file"));
        }
        Ok(Self(all))
    }

    /// The certificates in a text in PEM.
    ///
    /// # Errors
    /// When it holds none, or something that is none.
    pub fn from_pem(pem: &[u8]) -> io::Result<Self> {
        let certificates = Certificate::load_pem_chain(pem).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("no certificate: {error}"))
        })?;
        if certificates.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no certificate"));
        }
        Ok(Self(certificates))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// It is over this content, by somebody whom a root stands for.
    Good,
    /// No root stands for who signed.
    Untrusted,
    /// It is not over this content.
    Wrong,
}

/// Whether somebody whom a root stands for has signed the container in a file beside it. Where there is no such file
/// or no root stands for who signed, the other signatures decide, as in ClamAV.
///
/// # Errors
/// [`Refusal::Forged`] when the signature is for other content.
pub(super) fn verify(path: &Path, version: u32, file: &File, roots: &Roots) -> Result<bool, Refusal> {
    if roots.is_empty() {
        return Ok(false);
    }
    let Some(text) = beside(path, version).into_iter().find_map(|path| File::open(path).ok()) else {
        return Ok(false);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let worth = signatures(&bounded(&text)?)?
        .iter()
        .map(|der| SignedContent { file }.worth(der, roots, now))
        .collect::<io::Result<Vec<_>>>()?;
    if worth.contains(&Worth::Good) {
        return Ok(true);
    }
    if worth.contains(&Worth::Wrong) {
        return Err(Refusal::Forged("the signature beside it is not for this content".to_owned()));
    }
    Ok(false)
}

/// Where the signatures of a container may be.
fn beside(path: &Path, version: u32) -> Vec<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut names = vec![format!("{name}.sign")];
    if let Some((stem, extension)) = name.rsplit_once('.')
        && Kind::of(&name).is_some()
    {
        names.insert(0, format!("{stem}-{version}.{extension}.sign"));
    }
    let regular = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    names.iter().map(|name| path.with_file_name(name)).filter(regular).collect()
}

fn bounded(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_LENGTH.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {MAX_LENGTH} bytes")));
    }
    Ok(bytes)
}

/// The signatures for our functionality level, in DER.
fn signatures(text: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let wrong = || Refusal::damaged("the file of signatures beside it is none");
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    let mut lines = text.lines();
    if lines.next() != Some(MAGIC) {
        return Err(wrong());
    }
    let mut found = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(':').collect();
        let [lowest, highest, "pkcs7-pem", .., base64] = fields.as_slice() else { continue };
        let level = |text: &str, default| if text.is_empty() { Ok(default) } else { text.parse() };
        let (lowest, highest) = (level(lowest, 0), level(highest, u32::MAX));
        let (Ok(lowest), Ok(highest)) = (lowest, highest) else { return Err(wrong()) };
        if (lowest..=highest).contains(&FUNCTIONALITY_LEVEL) {
            found.push(Base64::decode_vec(base64).map_err(|_| wrong())?);
        }
    }
    Ok(found)
}

/// The content that a signature should be for.
struct SignedContent<'a> {
    file: &'a File,
}

impl SignedContent<'_> {
    fn worth(&self, der: &[u8], roots: &Roots, now: Duration) -> io::Result<Worth> {
        let Some(data) = signed_data(der) else { return Ok(Worth::Wrong) };
        let certificates: Vec<&Certificate> = data
            .certificates
            .iter()
            .flat_map(|set| set.0.iter())
            .filter_map(|choice| match choice {
                CertificateChoices::Certificate(certificate) => Some(certificate),
                CertificateChoices::Other(_) => None,
            })
            .collect();
        let mut worth = Worth::Wrong;
        for signer in data.signer_infos.0.iter().take(MAX_CHAIN) {
            match self.worth_of(signer, &certificates, roots, now)? {
                Worth::Good => return Ok(Worth::Good),
                Worth::Untrusted => worth = Worth::Untrusted,
                Worth::Wrong => {}
            }
        }
        Ok(worth)
    }

    fn worth_of(
        &self,
        signer: &SignerInfo,
        certificates: &[&Certificate],
        roots: &Roots,
        now: Duration,
    ) -> io::Result<Worth> {
        let known = certificates.iter().copied().chain(&roots.0);
        let Some(certificate) = known.clone().find(|certificate| is_of(&signer.sid, certificate)) else {
            return Ok(Worth::Untrusted);
        };
        let Some(content) = self.digest(&signer.digest_alg.oid)? else { return Ok(Worth::Untrusted) };
        if !signer_holds(signer, certificate, &content) {
            return Ok(Worth::Wrong);
        }
        Ok(if chain_holds(certificate, certificates, roots, now) { Worth::Good } else { Worth::Untrusted })
    }

    /// The digest of the whole container; nothing for an algorithm that is not used.
    fn digest(&self, algorithm: &ObjectIdentifier) -> io::Result<Option<ContentDigest>> {
        let Some(algorithm) = algorithm_of(algorithm) else { return Ok(None) };
        let bytes = match algorithm {
            Algorithm::Sha384 => self.digested::<Sha384>()?,
            Algorithm::Sha512 => self.digested::<Sha512>()?,
            _ => self.digested::<Sha256>()?,
        };
        Ok(Some(ContentDigest { algorithm, bytes }))
    }

    fn digested<D: Digest>(&self) -> io::Result<Vec<u8>> {
        let mut whole = super::Part { file: self.file, at: 0, end: u64::MAX };
        let mut hasher = D::new();
        let mut buffer = vec![0; super::BUFFER];
        loop {
            let count = whole.read(&mut buffer)?;
            if count == 0 {
                return Ok(hasher.finalize().to_vec());
            }
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
    }
}

fn signed_data(der: &[u8]) -> Option<SignedData> {
    let info = ContentInfo::from_der(der).ok()?;
    if info.content_type != SIGNED_DATA {
        return None;
    }
    // A signature that brings its own content says nothing about the container.
    info.content.decode_as::<SignedData>().ok().filter(|data| data.encap_content_info.econtent.is_none())
}

fn is_of(signer: &SignerIdentifier, certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == *tbs.issuer() && named.serial_number == *tbs.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(identifier) => {
            matches!(tbs.get_extension::<SubjectKeyIdentifier>(), Ok(Some((_, known))) if known == *identifier)
        }
    }
}

/// Whether a signer's certificate has signed content with this digest.
fn signer_holds(signer: &SignerInfo, certificate: &Certificate, content: &ContentDigest) -> bool {
    let Some(attributes) = &signer.signed_attrs else {
        return key_of(certificate)
            .is_some_and(|key| key.verifies_pkcs1(signer.signature.as_bytes(), content));
    };
    let single = |wanted: ObjectIdentifier| {
        let mut all = attributes.iter().filter(move |attribute| attribute.oid == wanted);
        let (first, second) = (all.next()?, all.next());
        if second.is_some() || first.values.len() != 1 { None } else { first.values.get(0).cloned() }
    };
    let digest = single(MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok());
    let kind = single(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if digest.is_none_or(|digest| digest.as_bytes() != content.bytes) || kind != Some(DATA) {
        return false;
    }
    let algorithm = match signer.signature_algorithm.oid {
        RSA => signer.digest_alg.oid,
        other => other,
    };
    let Ok(signed) = attributes.to_der() else { return false };
    let Some(signed) = digest_for(&algorithm, &signed) else { return false };
    key_of(certificate).is_some_and(|key| key.verifies_pkcs1(signer.signature.as_bytes(), &signed))
}

/// The digest that an algorithm for digests or signatures uses.
fn digest_for(algorithm: &ObjectIdentifier, bytes: &[u8]) -> Option<ContentDigest> {
    Some(algorithm_of(algorithm)?.digest(bytes))
}

fn algorithm_of(algorithm: &ObjectIdentifier) -> Option<Algorithm> {
    Some(match *algorithm {
        SHA256 | SHA256_WITH_RSA => Algorithm::Sha256,
        SHA384 | SHA384_WITH_RSA => Algorithm::Sha384,
        SHA512 | SHA512_WITH_RSA => Algorithm::Sha512,
        _ => return None,
    })
}

/// Whether certificates lead from this one to a root, all of them valid now.
fn chain_holds(leaf: &Certificate, others: &[&Certificate], roots: &Roots, now: Duration) -> bool {
    let mut current = leaf;
    for _ in 0..MAX_CHAIN {
        if !is_valid_at(current, now) {
            return false;
        }
        if roots.0.contains(current) {
            return true;
        }
        let issuers = roots.0.iter().chain(others.iter().copied());
        let Some(issuer) = issuers.into_iter().find(|issuer| has_issued(issuer, current)) else {
            return false;
        };
        current = issuer;
    }
    false
}

fn is_valid_at(certificate: &Certificate, now: Duration) -> bool {
    let validity = certificate.tbs_certificate().validity();
    (validity.not_before.to_unix_duration()..=validity.not_after.to_unix_duration()).contains(&now)
}

/// Whether a certificate may issue others, and has issued this one.
fn has_issued(issuer: &Certificate, issued: &Certificate) -> bool {
    let authority = issuer.tbs_certificate().get_extension::<BasicConstraints>();
    if issuer.tbs_certificate().subject() != issued.tbs_certificate().issuer()
        || !matches!(authority, Ok(Some((_, constraints))) if constraints.ca)
    {
        return false;
    }
    let Ok(signed) = issued.tbs_certificate().to_der() else { return false };
    let Some(digest) = digest_for(&issued.signature_algorithm().oid, &signed) else { return false };
    let Some(signature) = issued.signature().as_bytes() else { return false };
    key_of(issuer).is_some_and(|key| key.verifies_pkcs1(signature, &digest))
}

/// The RSA key of a certificate.
fn key_of(certificate: &Certificate) -> Option<PublicKey> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    if info.algorithm.oid != RSA {
        return None;
    }
    let numbers: Vec<x509_cert::der::asn1::Uint> = Vec::from_der(info.subject_public_key.as_bytes()?).ok()?;
    match numbers.as_slice() {
        [modulus, exponent] => PublicKey::from_bytes(modulus.as_bytes(), exponent.as_bytes()),
        _ => None,
    }
}

/// The certificates in a file of signatures that may issue others.
#[cfg(test)]
pub(super) fn issuers(text: &[u8]) -> Roots {
    let data = signed_data(&signatures(text).unwrap()[0]).unwrap();
    let authority = |certificate: &Certificate| {
        let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>();
        constraints.unwrap().is_some_and(|(_, constraints)| constraints.ca)
    };
    let certificates = data.certificates.unwrap().0.into_vec().into_iter();
    Roots(
        certificates
            .filter_map(|choice| match choice {
                CertificateChoices::Certificate(certificate) => Some(certificate),
                CertificateChoices::Other(_) => None,
            })
            .filter(authority)
            .collect(),
    )
}
