//! Signed data: PKCS #7 (RFC 2315), what CMS (RFC 5652) came from.

use super::certificate::{Certificate, algorithm, time};
use super::elements::{Element, INTEGER, OBJECT, OCTET_STRING, SEQUENCE, SET};
use super::rsa::{Algorithm, ContentDigest};

/// What a program's signature is over: a digest and of what it is.
const INDIRECT_DATA: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04";
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const SIGNING_TIME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
const COUNTERSIGNATURE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x06";
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// Most certificates that are read. Stops tables of thousands, each of which would be asked of every list.
const MAX_CERTIFICATES: usize = 64;

/// Signed data, as it lies.
#[derive(Debug)]
pub(super) struct SignedData<'a> {
    /// The type of what is signed.
    pub(super) content_type: &'a [u8],
    /// What is signed.
    pub(super) content: Element<'a>,
    /// The certificates that could be read.
    pub(super) certificates: Vec<Certificate<'a>>,
    /// Whether there were others.
    pub(super) incomplete: bool,
    /// The only signer.
    pub(super) signer: Option<Signer<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads signed data, behind which zeros may be.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut info = Element::first(bytes).filter(|info| info.tag == SEQUENCE)?.elements();
        if info.expect(OBJECT)?.content != SIGNED_DATA {
            return None;
        }
        let mut fields = info.expect(0xa0)?.elements().expect(SEQUENCE)?.elements();
        fields.expect(INTEGER)?;
        fields.expect(SET)?;
        let mut encapsulated = fields.expect(SEQUENCE)?.elements();
        let content_type = encapsulated.expect(OBJECT)?.content;
        let content = encapsulated.expect(0xa0)?.elements().next()?;
        let mut all = fields.optional(0xa0).map(|set| set.elements());
        let mut certificates = Vec::new();
        let mut incomplete = false;
        for element in all.iter_mut().flatten().take(MAX_CERTIFICATES) {
            match Certificate::read(&element) {
                Some(certificate) => certificates.push(certificate),
                None => incomplete = true,
            }
        }
        incomplete |= all.is_some_and(|rest| !rest.is_finished());
        fields.optional(0xa1);
        let mut signers = fields.expect(SET)?.elements();
        let signer = signers.next().and_then(|signer| Signer::read(&signer));
        let signer = signer.filter(|_| signers.is_finished());
        Some(Self { content_type, content, certificates, incomplete, signer })
    }

    /// The signer's certificate, if the signer has signed what is in here.
    pub(super) fn signer_of_content(&self) -> Option<&Certificate<'a>> {
        let signer = self.signer.as_ref()?;
        let certificate = signer.certificate(&self.certificates)?;
        let digest = signer.algorithm?.digest(self.content.content);
        signer.has_signed(certificate, self.content_type, &digest).then_some(certificate)
    }

    /// The digest of the program that this is the signature of.
    pub(super) fn program_digest(&self) -> Option<ContentDigest> {
        if self.content_type == INDIRECT_DATA { indirect_digest(&self.content) } else { None }
    }
}

/// The digest in a structure `SpcIndirectDataContent`.
pub(super) fn indirect_digest(content: &Element<'_>) -> Option<ContentDigest> {
    let mut fields = content.elements();
    fields.expect(SEQUENCE)?;
    let mut info = fields.expect(SEQUENCE)?.elements();
    let algorithm = algorithm(&info.expect(SEQUENCE)?)?;
    Some(ContentDigest { algorithm, bytes: info.expect(OCTET_STRING)?.content.to_vec() })
}

/// The type of a structure `SpcIndirectDataContent`: what the digest in it is of.
pub(super) fn indirect_type<'a>(content: &Element<'a>) -> Option<&'a [u8]> {
    Some(content.elements().expect(SEQUENCE)?.elements().expect(OBJECT)?.content)
}

/// The name under which a list of trusted files (CTL) or a member of it has an attribute of this structure.
pub(super) fn is_indirect(name: &[u8]) -> bool {
    name == INDIRECT_DATA
}

/// Who signed, and how.
#[derive(Debug)]
pub(super) struct Signer<'a> {
    issuer: Element<'a>,
    serial: &'a [u8],
    /// The algorithm of the digest of what is signed.
    pub(super) algorithm: Option<Algorithm>,
    attributes: Option<Element<'a>>,
    signature: &'a [u8],
    unsigned: Option<Element<'a>>,
}

impl<'a> Signer<'a> {
    fn read(element: &Element<'a>) -> Option<Self> {
        let mut fields = element.elements();
        fields.expect(INTEGER)?;
        let mut named = fields.expect(SEQUENCE)?.elements();
        let (issuer, serial) = (named.expect(SEQUENCE)?, named.expect(INTEGER)?.content);
        let algorithm = algorithm(&fields.expect(SEQUENCE)?);
        let attributes = fields.optional(0xa0);
        fields.expect(SEQUENCE)?;
        let signature = fields.expect(OCTET_STRING)?.content;
        let unsigned = fields.optional(0xa1);
        Some(Self { issuer, serial, algorithm, attributes, signature, unsigned })
    }

    /// The signer's certificate.
    pub(super) fn certificate<'c>(&self, certificates: &'c [Certificate<'a>]) -> Option<&'c Certificate<'a>> {
        certificates.iter().find(|known| known.serial == self.serial && known.issuer.raw == self.issuer.raw)
    }

    /// Whether the signer has signed content of this type and digest, in signed attributes.
    fn has_signed(&self, certificate: &Certificate<'_>, kind: &[u8], digest: &ContentDigest) -> bool {
        let Some(attributes) = self.attributes else { return false };
        let holds = value(&attributes, CONTENT_TYPE).is_some_and(|value| value.content == kind)
            && value(&attributes, MESSAGE_DIGEST).is_some_and(|value| value.content == digest.bytes);
        // What is signed is the set itself, and not the field that it is in: RFC 5652, section 5.4.
        let mut set = attributes.raw.to_vec();
        if let Some(tag) = set.first_mut() {
            *tag = SET;
        }
        let key = certificate.key.as_ref();
        holds && key.is_some_and(|key| key.verifies_pkcs1(self.signature, &digest.algorithm.digest(&set)))
    }

    /// What somebody else says about when this was signed (PKCS #9, and not RFC 3161), if there is anything.
    pub(super) fn countersignature(&self) -> Option<Countersignature<'a>> {
        let attributes = self.unsigned?;
        let is_there = attributes
            .elements()
            .any(|one| one.elements().next().is_some_and(|name| name.content == COUNTERSIGNATURE));
        let signer = value(&attributes, COUNTERSIGNATURE).and_then(|value| Self::read(&value));
        is_there.then_some(Countersignature { signer, over: self.signature })
    }
}

/// What somebody says about when something was signed.
#[derive(Debug)]
pub(super) struct Countersignature<'a> {
    signer: Option<Signer<'a>>,
    over: &'a [u8],
}

impl<'a> Countersignature<'a> {
    /// When, and the certificate of who says so; nothing if it is not over this signature.
    pub(super) fn verified<'c>(
        &self,
        certificates: &'c [Certificate<'a>],
    ) -> Option<(u64, &'c Certificate<'a>)> {
        let signer = self.signer.as_ref()?;
        let certificate = signer.certificate(certificates)?;
        let at = time(&value(&signer.attributes?, SIGNING_TIME)?)?;
        let digest = signer.algorithm?.digest(self.over);
        signer.has_signed(certificate, DATA, &digest).then_some((at, certificate))
    }
}

/// The value of an attribute that is there once, with one value.
fn value<'a>(attributes: &Element<'a>, name: &[u8]) -> Option<Element<'a>> {
    let mut found = attributes.elements().filter_map(|attribute| {
        let mut fields = attribute.elements();
        let is_it = fields.expect(OBJECT)?.content == name;
        if is_it { fields.expect(SET) } else { None }
    });
    let (set, second) = (found.next()?, found.next());
    let mut values = set.elements();
    let value = values.next()?;
    (second.is_none() && values.is_finished()).then_some(value)
}
