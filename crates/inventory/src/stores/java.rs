//! Keystores of Java (JKS, and JCEKS, which has the same entries): certificates lie there in the clear, behind a name.
//!
//! There is no specification but `sun.security.provider.JavaKeyStore`. All numbers have their most significant byte
//! first: magic, version, number of entries; of each entry its kind, its alias, a time, and for a certificate its type,
//! a length and the bytes.

use std::io::{BufReader, Read};

use candor_object::Attribute;

use crate::x509::Certificate;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Java;

const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
/// Kinds of entries: a key with its chain of certificates, and a certificate. Those of secret keys end a store for us:
/// they have no length.
const KEY: u32 = 1;
const CERTIFICATE: u32 = 2;
/// Longest key or certificate, in bytes.
const LONGEST: u32 = 1 << 20;
/// Most certificates of a chain.
const MOST_CHAIN: u32 = 64;

impl Reader for Java {
    fn name(&self) -> &'static str {
        "keystore of Java"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // The version; program code in other formats begins in the same way.
        (subject.head.starts_with(&JKS) || subject.head.starts_with(&JCEKS))
            && matches!(subject.head.get(4..8), Some([0, 0, 0, 1 | 2]))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let reader = BufReader::new(subject.content().reader());
        let mut store = Store { reader, at: 0 };
        store.skip(4)?;
        let version = store.number()?;
        let count = store.number()?;
        for number in 0..count {
            if number.is_multiple_of(64) {
                subject.time_left()?;
            }
            let kind = store.number()?;
            let alias = store.text()?;
            store.skip(8)?;
            let certificates = match kind {
                KEY => {
                    let length = store.number()?;
                    store.skip(length)?;
                    store.number()?.min(MOST_CHAIN)
                }
                CERTIFICATE => 1,
                _ => {
                    let text = format!("an entry of kind {kind}, and what is behind it");
                    return Err(Error::Unsupported(text));
                }
            };
            for _ in 0..certificates {
                if version == 2 {
                    store.text()?;
                }
                let bytes = store.bytes()?;
                let Some(certificate) = Certificate::read(&bytes) else { continue };
                let state = if kind == CERTIFICATE { "trusted" } else { "own" };
                let about =
                    [(Attribute::Store, "java"), (Attribute::Id, alias.as_str()), (Attribute::State, state)];
                certificate.tell(&about, facts)?;
            }
        }
        Ok(())
    }
}

/// A store that is read from the front.
struct Store<R> {
    reader: R,
    at: u64,
}

impl<R: Read> Store<R> {
    fn number(&mut self) -> Result<u32, Error> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn text(&mut self) -> Result<String, Error> {
        let mut length = [0; 2];
        self.fill(&mut length)?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let length = self.number()?;
        if length > LONGEST {
            return Err(self.broken());
        }
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(length.into()).read_to_end(&mut bytes)?;
        self.at = self.at.saturating_add(read as u64);
        if read < length as usize { Err(self.broken()) } else { Ok(bytes) }
    }

    fn skip(&mut self, length: u32) -> Result<(), Error> {
        if length > LONGEST {
            return Err(self.broken());
        }
        let read = std::io::copy(&mut self.reader.by_ref().take(length.into()), &mut std::io::sink())?;
        self.at = self.at.saturating_add(read);
        if read < u64::from(length) { Err(self.broken()) } else { Ok(()) }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.reader.read_exact(buffer).map_err(|_| self.broken())?;
        self.at = self.at.saturating_add(buffer.len() as u64);
        Ok(())
    }

    fn broken(&self) -> Error {
        Error::Damaged(format!("the keystore is damaged at offset {}", self.at))
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;
    use crate::x509::sample;

    use super::*;

    #[test]
    fn trusted_certificates_need_no_password() {
        let certificate = sample();
        let mut bytes =
            [&JKS[..], &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 2], b"ca", &[0; 8], &[0, 5], b"X.509"]
                .concat();
        bytes.extend((certificate.len() as u32).to_be_bytes());
        bytes.extend(&certificate);
        bytes.extend([0; 20]);
        let facts = facts_of(&Java, "lib/security/cacerts", &bytes);
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Id), Some("ca"));
        assert_eq!(facts[0].get(Attribute::Store), Some("java"));
    }
}
