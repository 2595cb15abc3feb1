//! Signed data (RFC 2315, RFC 5652): whose certificate signed. Nothing is verified here.

use super::certificate::Certificate;
use super::der::{Element, tag};

const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// Where a second signature of the same program lies, in what the first leaves unsigned.
const NESTED: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x04\x01";
/// Most certificates that are read.
const MOST_CERTIFICATES: usize = 64;
/// Most signers.
const MOST_SIGNERS: usize = 4;

/// Signed data, as far as it names people.
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    pub(crate) certificates: Vec<Certificate>,
    /// Places in [`certificates`](Self::certificates) of those that signed.
    signers: Vec<usize>,
    /// Signatures in this one.
    pub(crate) nested: Vec<&'a [u8]>,
}

impl<'a> SignedData<'a> {
    /// Reads signed data, behind which anything may be.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut info = Element::first(bytes).filter(|info| info.tag == tag::SEQUENCE)?.elements();
        if info.expect(tag::OBJECT)?.content != SIGNED_DATA {
            return None;
        }
        let mut fields = info.expect(0xa0)?.elements().expect(tag::SEQUENCE)?.elements();
        fields.expect(tag::INTEGER)?;
        fields.expect(tag::SET)?;
        fields.expect(tag::SEQUENCE)?;
        let all = fields.optional(0xa0);
        let certificates: Vec<Certificate> = all
            .iter()
            .flat_map(Element::elements)
            .take(MOST_CERTIFICATES)
            .filter_map(|element| Certificate::read(element.raw))
            .collect();
        fields.optional(0xa1);
        let mut signers = Vec::new();
        let mut nested = Vec::new();
        for signer in fields.expect(tag::SET)?.elements().take(MOST_SIGNERS) {
            if let Some((issuer, serial)) = named(&signer) {
                let is = |one: &Certificate| one.key.0 == issuer && one.key.1 == serial;
                signers.extend(certificates.iter().position(is));
            }
            nested.extend(others(&signer));
        }
        Some(Self { certificates, signers, nested })
    }

    /// The certificates that signed.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &Certificate> {
        self.signers.iter().filter_map(|place| self.certificates.get(*place))
    }
}

/// Issuer and serial number of a signer's certificate.
fn named<'a>(signer: &Element<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let mut fields = signer.elements();
    fields.expect(tag::INTEGER)?;
    let mut named = fields.expect(tag::SEQUENCE)?.elements();
    Some((named.expect(tag::SEQUENCE)?.raw, named.expect(tag::INTEGER)?.content))
}

/// Signatures in what a signer leaves unsigned.
fn others<'a>(signer: &Element<'a>) -> impl Iterator<Item = &'a [u8]> {
    let unsigned = signer.elements().filter(|field| field.tag == 0xa1).take(1);
    let attributes = unsigned.flat_map(|unsigned| unsigned.elements());
    attributes.filter_map(|attribute| {
        let mut fields = attribute.elements();
        let is_nested = fields.expect(tag::OBJECT)?.content == NESTED;
        let values = fields.expect(tag::SET).filter(|_| is_nested)?;
        Some(values.elements().next()?.raw)
    })
}
