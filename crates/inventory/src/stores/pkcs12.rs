//! Keystores of PKCS #12 (RFC 7292): `cacerts` of newer Java, `.p12` and `.pfx`. Certificates that are encrypted are
//! not read; that of Java is not, if it was made without a password.

use candor_object::Attribute;

use crate::x509::{Certificate, Element, tag};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Pkcs12;

/// Longest store, in bytes.
const LONGEST: u64 = 16 << 20;
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const ENCRYPTED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
const CERTIFICATE_BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03";

impl Reader for Pkcs12 {
    fn name(&self) -> &'static str {
        "keystore of PKCS #12"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // A sequence that begins with version 3 and data.
        subject.content().size() <= LONGEST
            && subject.head.starts_with(b"\x30")
            && subject.head.get(..64).is_some_and(|head| {
                crate::fields::holds(head, b"\x02\x01\x03\x30") && crate::fields::holds(head, DATA)
            })
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let bytes = subject.content().window(0, LONGEST as usize)?;
        let damaged = || Error::Damaged("the keystore is damaged".to_owned());
        let safe = Element::first(&bytes).and_then(|all| all.elements().nth(1)).ok_or_else(damaged)?;
        let safe = joined(&content(&safe, DATA).ok_or_else(damaged)?);
        let parts = Element::first(&safe).ok_or_else(damaged)?;
        let path = subject.path();
        let store = super::kind(&path);
        let mut encrypted = 0_usize;
        for part in parts.elements() {
            subject.time_left()?;
            if part.elements().next().is_some_and(|kind| kind.content == ENCRYPTED) {
                encrypted = encrypted.saturating_add(1);
                continue;
            }
            let Some(bags) = content(&part, DATA) else { continue };
            let bags = joined(&bags);
            for bag in Element::first(&bags).iter().flat_map(Element::elements) {
                if let Some(bytes) = certificate(&bag)
                    && let Some(certificate) = Certificate::read(&bytes)
                {
                    certificate.tell(&[(Attribute::Store, store)], facts)?;
                }
            }
        }
        if encrypted > 0 {
            let text = format!("{encrypted} parts of the keystore are encrypted");
            return Err(Error::Unsupported(text));
        }
        Ok(())
    }
}

/// The octets in a piece of content of that type.
fn content<'a>(info: &Element<'a>, kind: &[u8]) -> Option<Element<'a>> {
    let mut fields = info.elements();
    if fields.expect(tag::OBJECT)?.content != kind {
        return None;
    }
    fields.expect(0xa0)?.elements().next()
}

/// The bytes of octets, which may lie in pieces.
fn joined(octets: &Element<'_>) -> Vec<u8> {
    if octets.tag == tag::OCTET_STRING {
        return octets.content.to_vec();
    }
    octets.elements().flat_map(|piece| piece.content).copied().collect()
}

/// The certificate in a bag.
fn certificate(bag: &Element<'_>) -> Option<Vec<u8>> {
    let mut fields = bag.elements();
    if fields.expect(tag::OBJECT)?.content != CERTIFICATE_BAG {
        return None;
    }
    let bag = fields.expect(0xa0)?.elements().next()?;
    let octets = bag.elements().nth(1)?.elements().next()?;
    Some(joined(&octets))
}
