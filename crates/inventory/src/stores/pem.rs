//! Certificates as text (RFC 7468): bundles such as `ca-certificates.crt`, and single ones.

use candor_object::Attribute;

use crate::damage::Damage;
use crate::fields::holds;
use crate::text::lines;
use crate::x509::{Certificate, base64};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Pem;

/// Longest certificate, in letters.
const LONGEST: usize = 256 << 10;
/// Labels of certificates; the second is OpenSSL's, with what the certificate is trusted for behind it.
const LABELS: [&str; 3] = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"];

impl Reader for Pem {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // Many files that hold a certificate begin with text about it.
        holds(subject.head, b"-----BEGIN ") && holds(subject.head, b"CERTIFICATE-----") || {
            let path = subject.path();
            let named = ["crt", "pem", "cer"].iter().any(|end| path.ends_with(end));
            named && subject.head.len() == crate::HEAD && subject.head.is_ascii()
        }
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let path = subject.path();
        let about = [(Attribute::Store, super::kind(&path))];
        let mut damage = Damage::default();
        let mut open: Option<String> = None;
        let mut number = 0_u64;
        lines(subject, |line| {
            number = number.saturating_add(1);
            let line = line.trim();
            if let Some(label) = line.strip_prefix("-----BEGIN ") {
                let label = label.trim_end_matches('-');
                open = LABELS.contains(&label).then(String::new);
            } else if line.starts_with("-----END ") {
                let Some(text) = open.take() else { return Ok(()) };
                let certificate = base64(&text).as_deref().and_then(Certificate::read);
                match certificate {
                    Some(certificate) => certificate.tell(&about, facts)?,
                    None => damage.note_line("a certificate", number),
                }
            } else if let Some(text) = &mut open
                && text.len() < LONGEST
            {
                text.push_str(line);
            }
            Ok(())
        })?;
        damage.told()
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;
    use crate::x509::SAMPLE;

    use super::*;

    #[test]
    fn each_certificate_of_a_bundle_is_told() {
        let bundle = format!(
            "# roots\n{SAMPLE}\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{SAMPLE}"
        );
        let facts = facts_of(&Pem, "etc/ssl/certs/ca-certificates.crt", bundle.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Store), Some("system"));
        assert_eq!(facts[0].get(Attribute::Name), Some("Candor Test Root"));
        assert_eq!(facts[0].get(Attribute::Publisher), Some("Example Org"));
        assert_eq!(facts[0].get(Attribute::Subject), Some("CN=Candor Test Root, O=Example Org"));
        assert_eq!(facts[0].get(Attribute::Fingerprint).map(str::len), Some(64));
    }
}
