//! Certificates: RFC 5280, as far as an inventory tells of them.

use candor_object::{Attribute, FactKind};
use sha2::{Digest, Sha256};

use super::der::{Element, tag};
use crate::fields::{hexadecimal, utf16_be};
use crate::{Error, Facts};

/// Longest text of a name, in characters.
const MAX_NAME: usize = 1024;
/// `BMPString`, two bytes a character.
const WIDE: u8 = 0x1e;
/// `T61String`, which everybody reads as Latin-1.
const TELETEX: u8 = 0x14;
/// `GeneralizedTime`.
const GENERALIZED: u8 = 0x18;

/// What a certificate says of itself. Nobody has checked who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Whose it is: `CN=Somebody, O=Somewhere`, from the most particular part on.
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// In hexadecimal digits.
    pub(crate) serial: String,
    /// SHA-256 of all of it, in hexadecimal digits.
    pub(crate) fingerprint: String,
    /// When it ends, `YYYY-MM-DD`.
    pub(crate) ends: String,
    /// The most particular names of its subject: common name, organisation.
    pub(crate) names: (String, String),
    /// Issuer and serial number as they lie, by which signatures name it.
    pub(super) key: (Vec<u8>, Vec<u8>),
}

impl Certificate {
    /// Reads a certificate, behind which anything may be.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let all = Element::first(bytes).filter(|all| all.tag == tag::SEQUENCE)?;
        let mut fields = all.elements().expect(tag::SEQUENCE)?.elements();
        fields.optional(0xa0);
        let serial = fields.expect(tag::INTEGER)?.content;
        fields.expect(tag::SEQUENCE)?;
        let issuer = fields.expect(tag::SEQUENCE)?;
        let ends = fields.expect(tag::SEQUENCE)?.elements().nth(1)?;
        let subject = fields.expect(tag::SEQUENCE)?;
        // Of the key only that there is one: else it could be anything.
        fields.expect(tag::SEQUENCE)?;
        Some(Self {
            subject: name_text(&subject),
            issuer: name_text(&issuer),
            serial: hexadecimal(serial),
            fingerprint: hexadecimal(&Sha256::digest(all.raw)),
            ends: day(&ends),
            names: (part(&subject, b"\x55\x04\x03"), part(&subject, b"\x55\x04\x0a")),
            key: (issuer.raw.to_vec(), serial.to_vec()),
        })
    }

    /// What of it goes into facts.
    pub(crate) fn attributes(&self) -> [(Attribute, &str); 6] {
        [
            (Attribute::Subject, &self.subject),
            (Attribute::Name, &self.names.0),
            (Attribute::Publisher, &self.names.1),
            (Attribute::Issuer, &self.issuer),
            (Attribute::Serial, &self.serial),
            (Attribute::Fingerprint, &self.fingerprint),
        ]
    }

    /// Adds it as one of a trust store.
    pub(crate) fn tell(&self, about: &[(Attribute, &str)], facts: &mut Facts<'_>) -> Result<(), Error> {
        let ends = [(Attribute::Time, self.ends.as_str())];
        let all: Vec<_> = self.attributes().into_iter().chain(ends).chain(about.iter().copied()).collect();
        facts.add(FactKind::Certificate, &all)
    }
}

/// The pairs of a name: what kind, and its text.
fn pairs<'a>(name: &Element<'a>) -> impl Iterator<Item = (&'a [u8], String)> {
    let sets = name.elements().filter(|set| set.tag == tag::SET);
    sets.flat_map(|set| set.elements()).filter_map(|pair| {
        let mut fields = pair.elements();
        Some((fields.expect(tag::OBJECT)?.content, value_text(&fields.next()?)))
    })
}

fn part(name: &Element<'_>, kind: &[u8]) -> String {
    pairs(name).filter(|(found, _)| *found == kind).last().map(|(_, text)| text).unwrap_or_default()
}

fn name_text(name: &Element<'_>) -> String {
    let mut parts: Vec<String> =
        pairs(name).map(|(kind, text)| format!("{}={text}", kind_text(kind))).collect();
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
        b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01" => "UID",
        b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" => "DC",
        other => return hexadecimal(other),
    };
    known.to_owned()
}

fn value_text(value: &Element<'_>) -> String {
    match value.tag {
        WIDE => utf16_be(value.content),
        TELETEX => crate::fields::latin1(value.content),
        _ => String::from_utf8_lossy(value.content).into_owned(),
    }
}

/// The day of a time: two digits of the year in `UTCTime`, four in `GeneralizedTime`.
fn day(time: &Element<'_>) -> String {
    let digits: String =
        time.content.iter().map_while(|byte| byte.is_ascii_digit().then(|| char::from(*byte))).collect();
    let long = match digits.get(..2) {
        _ if time.tag == GENERALIZED => digits,
        Some(year) if year < "50" => format!("20{digits}"),
        _ => format!("19{digits}"),
    };
    match (long.get(..4), long.get(4..6), long.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::sample;

    #[test]
    fn a_certificate_says_who_it_is() {
        let bytes = sample();
        let certificate = Certificate::read(&bytes).unwrap();
        assert_eq!(certificate.subject, "CN=Candor Test Root, O=Example Org");
        assert_eq!(certificate.subject, certificate.issuer);
        assert_eq!(certificate.ends, "2046-11-17");
        assert_eq!(certificate.serial.len(), 40);
        for cut in 0..bytes.len() {
            assert!(Certificate::read(&bytes[..cut]).is_none());
        }
    }
}
