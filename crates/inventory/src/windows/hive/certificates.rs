//! Certificates of the stores that lie in the registry: `SystemCertificates`. Each is a value `Blob`, in which
//! properties follow each other; one of them is the certificate (`CertSerializeCertificateStoreElement`).

use candor_object::Attribute;

use super::{Branch, Hive, Value};
use crate::fields::u32_le;
use crate::x509::Certificate;
use crate::{Error, Facts};

const STORES: [&str; 3] = [
    r"Microsoft\SystemCertificates",
    r"Policies\Microsoft\SystemCertificates",
    r"Microsoft\EnterpriseCertificates",
];
/// `CERT_CERT_PROP_ID`.
const CERTIFICATE: u32 = 32;

pub(super) fn read(hive: &Hive<'_>, top: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    for path in STORES {
        let Some(stores) = top.at(hive, path)? else { continue };
        for store in stores.children(hive)? {
            let Some(all) = store.at(hive, "Certificates")? else { continue };
            for entry in all.children(hive)? {
                let values = entry.values(hive)?;
                let blob = values.iter().find(|value| value.name.eq_ignore_ascii_case("Blob"));
                let Some(certificate) = blob.and_then(certificate) else { continue };
                let about = [
                    (Attribute::Store, "system"),
                    (Attribute::Parent, store.key.name.as_str()),
                    (Attribute::Key, entry.path.as_str()),
                ];
                certificate.tell(&about, facts)?;
            }
        }
    }
    Ok(())
}

/// The certificate in a blob: an identifier, a one, a length and so many bytes, again and again.
fn certificate(blob: &Value) -> Option<Certificate> {
    let mut rest = blob.bytes();
    loop {
        let length = usize::try_from(u32_le(rest, 8)?).ok()?;
        let data = rest.get(12..)?.get(..length)?;
        if u32_le(rest, 0)? == CERTIFICATE {
            return Certificate::read(data);
        }
        rest = rest.get(12..)?.get(length..)?;
    }
}
