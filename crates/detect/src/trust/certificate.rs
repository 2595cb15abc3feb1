//! Certificates: RFC 5280, as far as signatures of programs need them.

use der::Decode;
use der::asn1::{GeneralizedTime, UtcTime};
use sha1::{Digest, Sha1};

use super::elements::{BIT_STRING, Element, Elements, INTEGER, OBJECT, OCTET_STRING, SEQUENCE, SET};
use super::rsa::{Algorithm, PublicKey};

const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";
const CODE_SIGNING: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x03";
const TIME_STAMPING: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x08";
/// The bit of the key usage that lets a key sign certificates.
const KEY_CERT_SIGN: u8 = 0x04;
/// Longest text of a name that is made for people, in characters.
const MAX_NAME: usize = 512;

/// What a certificate's key may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Sign programs.
    pub(super) code: bool,
    /// Sign times.
    pub(super) time: bool,
    /// Sign certificates.
    pub(super) certificates: bool,
}

/// A certificate, as it lies.
#[derive(Clone, Debug)]
pub(super) struct Certificate<'a> {
    /// What its issuer signed.
    signed: &'a [u8],
    algorithm: Option<Algorithm>,
    signature: &'a [u8],
    /// Its number, in DER without tag and length.
    pub(super) serial: &'a [u8],
    /// Who issued it, in DER.
    pub(super) issuer: Element<'a>,
    /// Whose it is, in DER.
    pub(super) subject: Element<'a>,
    /// From when to when it is valid, both included, in seconds since 1970.
    pub(super) validity: (u64, u64),
    /// The modulus of its RSA key without zeros before it; empty for another key.
    pub(super) modulus: &'a [u8],
    pub(super) key: Option<PublicKey>,
    pub(super) uses: Uses,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate.
    pub(super) fn read(element: &Element<'a>) -> Option<Self> {
        let mut outer = element.elements();
        let tbs = outer.expect(SEQUENCE)?;
        let algorithm = algorithm(&outer.expect(SEQUENCE)?);
        let signature = bits(&outer.expect(BIT_STRING)?)?;
        let mut fields = tbs.elements();
        fields.optional(0xa0);
        let serial = fields.expect(INTEGER)?.content;
        fields.expect(SEQUENCE)?;
        let issuer = fields.expect(SEQUENCE)?;
        let mut times = fields.expect(SEQUENCE)?.elements();
        let validity = (time(&times.next()?)?, time(&times.next()?)?);
        let subject = fields.expect(SEQUENCE)?;
        let (modulus, exponent) = rsa_key(&fields.expect(SEQUENCE)?).unwrap_or_default();
        let extensions = fields.find(|field| field.tag == 0xa3).and_then(|field| field.elements().next());
        Some(Self {
            signed: tbs.raw,
            algorithm,
            signature,
            serial,
            issuer,
            subject,
            validity,
            modulus: without_zeros(modulus),
            key: PublicKey::from_bytes(modulus, exponent),
            uses: extensions.map(|all| uses(all.elements())).unwrap_or_default(),
        })
    }

    /// Whether this key has signed a certificate.
    pub(super) fn has_issued(&self, issued: &Self) -> bool {
        self.subject.raw == issued.issuer.raw
            && self.key.as_ref().is_some_and(|key| issued.is_signed_with(key))
    }

    /// Whether a key has signed this certificate.
    pub(super) fn is_signed_with(&self, key: &PublicKey) -> bool {
        self.algorithm
            .is_some_and(|algorithm| key.verifies_pkcs1(self.signature, &algorithm.digest(self.signed)))
    }

    pub(super) fn is_valid_at(&self, time: u64) -> bool {
        (self.validity.0..=self.validity.1).contains(&time)
    }
}

/// SHA-1 of the content of a name, by which ClamAV's lists know it.
pub(super) fn sha1_of(content: &[u8]) -> [u8; 20] {
    Sha1::digest(content).into()
}

/// The digest of an algorithm identifier, for digests or for signatures with RSA.
pub(super) fn algorithm(identifier: &Element<'_>) -> Option<Algorithm> {
    Some(match identifier.elements().expect(OBJECT)?.content {
        b"\x2a\x86\x48\x86\xf7\x0d\x02\x05" | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04" => Algorithm::Md5,
        b"\x2b\x0e\x03\x02\x1a" | b"\x2b\x0e\x03\x02\x1d" | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05" => {
            Algorithm::Sha1
        }
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x01" | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b" => {
            Algorithm::Sha256
        }
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x02" | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c" => {
            Algorithm::Sha384
        }
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x03" | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d" => {
            Algorithm::Sha512
        }
        _ => return None,
    })
}

/// A time in seconds since 1970; what is before is 1970.
pub(super) fn time(element: &Element<'_>) -> Option<u64> {
    let since = match element.tag {
        0x17 => UtcTime::from_der(element.raw).ok()?.to_unix_duration(),
        _ => GeneralizedTime::from_der(element.raw).ok()?.to_unix_duration(),
    };
    Some(since.as_secs())
}

/// The bytes of a bit string whose bits are whole bytes.
fn bits<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    element.content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

/// Modulus and exponent of a public key.
fn rsa_key<'a>(info: &Element<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let mut fields = info.elements();
    if fields.expect(SEQUENCE)?.elements().expect(OBJECT)?.content != RSA {
        return None;
    }
    let key = Element::first(bits(&fields.expect(BIT_STRING)?)?)?;
    let mut numbers = key.elements();
    Some((numbers.expect(INTEGER)?.content, numbers.expect(INTEGER)?.content))
}

/// A number without the zeros before it.
pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number.get(start..).unwrap_or_default()
}

/// What extensions allow. An authority whose extended key usage is open may sign everything, as in ClamAV.
fn uses(extensions: Elements<'_>) -> Uses {
    let mut authority = false;
    let mut signs_certificates = true;
    let mut purposes: Option<(bool, bool)> = None;
    for extension in extensions {
        let mut fields = extension.elements();
        let (Some(name), Some(value)) = (fields.next(), fields.find(|field| field.tag == OCTET_STRING))
        else {
            continue;
        };
        let Some(value) = Element::first(value.content) else { continue };
        match name.content {
            BASIC_CONSTRAINTS => {
                authority = value.elements().next().is_some_and(|ca| ca.tag == 1 && ca.content == [0xff]);
            }
            KEY_USAGE => {
                signs_certificates = value.content.get(1).is_some_and(|bits| bits & KEY_CERT_SIGN != 0);
            }
            EXTENDED_KEY_USAGE => {
                let has = |wanted: &[u8]| value.elements().any(|purpose| purpose.content == wanted);
                purposes = Some((has(CODE_SIGNING), has(TIME_STAMPING)));
            }
            _ => {}
        }
    }
    let certificates = authority && signs_certificates;
    let (code, time) = purposes.unwrap_or((certificates, certificates));
    Uses { code, time, certificates }
}

/// A name for people: `CN=Somebody, O=Somewhere`, from the most particular part on.
pub(super) fn name_text(name: &Element<'_>) -> String {
    let mut parts = Vec::new();
    for set in name.elements().filter(|set| set.tag == SET) {
        for pair in set.elements() {
            let mut fields = pair.elements();
            if let (Some(kind), Some(value)) = (fields.expect(OBJECT), fields.next()) {
                parts.push(format!("{}={}", kind_text(kind.content), value_text(&value)));
            }
        }
    }
    parts.reverse();
    parts.join(", ").chars().take(MAX_NAME).collect()
}

fn kind_text(kind: &[u8]) -> String {
    let known = match kind {
        b"\x55\x04\x03" => "CN",
        b"\x55\x04\x05" => "serialNumber",
        b"\x55\x04\x06" => "C",
        b"\x55\x04\x07" => "L",
        b"\x55\x04\x08" => "ST",
        b"\x55\x04\x09" => "street",
        b"\x55\x04\x0a" => "O",
        b"\x55\x04\x0b" => "OU",
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01" => "emailAddress",
        other => return super::hexadecimal(other),
    };
    known.to_owned()
}

fn value_text(value: &Element<'_>) -> String {
    /// `BMPString`, two bytes a character.
    const WIDE: u8 = 0x1e;
    if value.tag != WIDE {
        return String::from_utf8_lossy(value.content).into_owned();
    }
    let units: Vec<u16> =
        value.content.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}
