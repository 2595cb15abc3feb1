//! Who signed a program of Windows (Authenticode).
//!
//! The certificates are read here; whether a signature holds is the engine's to say, which has the lists of publishers.

use candor_object::{Attribute, FactKind};

use crate::x509::SignedData;
use crate::{Error, Facts, Reader, Subject, Verified};

pub(crate) struct Signer;

/// Longest signature that is read, in bytes.
const LONGEST: u64 = 16 << 20;

impl Reader for Signer {
    fn name(&self) -> &'static str {
        "signature of a program"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.signed.is_some_and(|signed| !signed.signatures.is_empty())
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut damage = crate::damage::Damage::default();
        let places = subject.signed.map(|signed| signed.signatures.as_slice()).unwrap_or_default();
        for place in places {
            let length = place.end.saturating_sub(place.start);
            let length = usize::try_from(length.min(LONGEST)).unwrap_or(0);
            let bytes = subject.content().window(place.start, length)?;
            let Some(data) = SignedData::read(&bytes) else {
                damage.note("a signature", place.start);
                continue;
            };
            let known = subject.verified.iter().find(|(start, _)| *start == place.start);
            tell(&data, known.map(|(_, verified)| *verified).unwrap_or_default(), facts)?;
            for nested in &data.nested {
                if let Some(data) = SignedData::read(nested) {
                    tell(&data, Verified::default(), facts)?;
                }
            }
        }
        damage.told()
    }
}

fn tell(data: &SignedData<'_>, verified: Verified, facts: &mut Facts<'_>) -> Result<(), Error> {
    for certificate in data.signers() {
        let about = [(Attribute::Verified, verified.name()), (Attribute::Source, "authenticode")];
        let all: Vec<_> = certificate.attributes().into_iter().chain(about).collect();
        facts.add(FactKind::Signer, &all)?;
    }
    Ok(())
}
