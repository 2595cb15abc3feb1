//! The cryptography that the TUF verification calls: SHA-2 and Ed25519 in safe Rust, and nothing else.

use std::sync::Once;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use sigstore_crypto::{CryptoProvider, Error, HashContext, Result, SigningScheme, install_default_provider};
use sigstore_types::HashAlgorithm;

#[derive(Debug)]
struct Provider;

/// Makes it known to the library. Called before every use, works once.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    // Another provider can only be there if the program chose it, and then it is the program's.
    ONCE.call_once(|| {
        let _ = install_default_provider(&Provider);
    });
}

struct Hashing<D>(D);

impl<D: Digest + Send> HashContext for Hashing<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for Provider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(Hashing(Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(Hashing(Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(Hashing(Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(format!("{other:?}"))),
        }
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        if scheme != SigningScheme::Ed25519 {
            return Err(Error::UnsupportedAlgorithm(format!("{scheme:?}; only Ed25519 is used here")));
        }
        let wrong = |error: ed25519_dalek::SignatureError| Error::Verification(error.to_string());
        let key = key.try_into().map_err(|_| Error::Verification("the key has no 32 bytes".to_owned()))?;
        let signature = Signature::from_slice(signature).map_err(wrong)?;
        VerifyingKey::from_bytes(key).and_then(|key| key.verify_strict(data, &signature)).map_err(wrong)
    }

    fn verify_prehashed(
        &self,
        scheme: SigningScheme,
        _key: &[u8],
        _digest: &[u8],
        _signature: &[u8],
    ) -> Result<()> {
        Err(Error::UnsupportedAlgorithm(format!("{scheme:?} over a digest")))
    }
}
