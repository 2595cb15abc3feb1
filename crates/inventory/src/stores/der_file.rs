//! A certificate in a file of its own, in DER.

use candor_object::Attribute;

use crate::x509::Certificate;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct DerFile;

/// Longest certificate, in bytes.
const LONGEST: u64 = 64 << 10;

impl Reader for DerFile {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // A sequence that holds a sequence, and is as long as the file.
        let Some([0x30, 0x82, high, low, 0x30, 0x82 | 0x81, ..]) = subject.head.get(..8) else {
            return false;
        };
        let length = u64::from(*high) << 8 | u64::from(*low);
        let size = subject.content().size();
        size <= LONGEST && length.saturating_add(4) == size
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let bytes = subject.content().window(0, LONGEST as usize)?;
        // Many other things begin in this way: keys, requests, lists of what was revoked.
        let Some(certificate) = Certificate::read(&bytes) else { return Ok(()) };
        certificate.tell(&[(Attribute::Store, super::kind(&subject.path()))], facts)
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;
    use crate::x509::sample;

    use super::*;

    #[test]
    fn only_certificates_are_told() {
        let mut bytes = sample();
        assert_eq!(facts_of(&DerFile, "a.cer", &bytes).len(), 1);
        bytes.push(0);
        assert!(facts_of(&DerFile, "a.cer", &bytes).is_empty());
        assert!(facts_of(&DerFile, "a", b"\x30\x82\0\x08\x30\x82\0\x04abcd").is_empty());
    }
}
