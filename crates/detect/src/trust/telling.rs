//! Tells of the certificates in signatures, for people who write lists of publishers.

use candor_object::{Category, Evidence, Finding, Strength};

use super::certificate::{Certificate, Uses, name_text, sha1_of};
use super::hexadecimal;
use super::signature::bytes;
use super::signed_data::SignedData;
use crate::{Error, Found, Inspection};

/// The name of what is told of a certificate.
pub const CERTIFICATE: &str = "Certificate";

/// Adds for each certificate in signatures of the object what a list would know it by.
pub(super) fn tell(inspection: &Inspection<'_>, found: &mut Found) -> Result<(), Error> {
    for place in inspection.signed.iter().flat_map(|signed| &signed.signatures) {
        let bytes = bytes(&inspection.object.content, place)?;
        let data = bytes.as_deref().and_then(SignedData::read);
        for certificate in data.iter().flat_map(|data| &data.certificates) {
            let evidence = Evidence {
                what: format!("certificate of {}", name_text(&certificate.subject)),
                offset: place.start,
                size: place.end.saturating_sub(place.start),
                excerpt: Vec::new(),
            };
            found.findings.push(Finding {
                object: inspection.id,
                detector: "trust",
                name: CERTIFICATE.to_owned(),
                source: String::new(),
                category: Category::Anomaly,
                strength: Strength::Weak,
                text: description(certificate),
                evidence: vec![evidence],
            });
        }
    }
    Ok(())
}

/// The lines that `clamscan --debug --dumpcerts` has for a certificate.
fn description(certificate: &Certificate<'_>) -> String {
    let sha1 = |bytes| hexadecimal(&sha1_of(bytes));
    let Uses { code, time, certificates } = certificate.uses;
    let uses = [(code, "code "), (time, "time "), (certificates, "cert ")];
    let uses: String = uses.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word).collect();
    let serial: Vec<String> = certificate.serial.iter().map(|byte| hexadecimal(&[*byte])).collect();
    let (subject, issuer) = (certificate.subject.content, certificate.issuer.content);
    let (from, to) = certificate.validity;
    [
        "cert:".to_owned(),
        format!("  subject: {}", sha1(subject)),
        format!("  serial: {}", sha1(certificate.serial)),
        format!("  pubkey: {}", hexadecimal(certificate.modulus).to_uppercase()),
        format!("  i: {} {from}->{to} {uses}", sha1(issuer)),
        "  ==============RAW==============".to_owned(),
        format!("  raw_subject: {}", hexadecimal(subject)),
        format!("  raw_serial: {}", serial.join(":")),
        format!("  raw_issuer: {}", hexadecimal(issuer)),
    ]
    .join("\n")
}
