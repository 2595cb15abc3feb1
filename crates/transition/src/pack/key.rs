//! Keys of evidence packs, as lines of text.

use std::fmt;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{SigningKey, VerifyingKey};

const SECRET: &str = "candor-transition-secret-v1 ";
const PUBLIC: &str = "candor-transition-public-v1 ";

/// The key that signs. Its text is a secret.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of a seed, which must be random.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads the line of a file.
    ///
    /// # Errors
    /// When it is no such key. The text is not in the message.
    pub fn read(text: &str) -> Result<Self, String> {
        let seed = read(text, SECRET).ok_or("it is no secret key of `candor transition key`")?;
        Ok(Self::of_seed(&seed))
    }

    /// The line of a file.
    pub fn to_line(&self) -> String {
        format!("{SECRET}{}\n", Base64::encode_string(self.0.as_bytes()))
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn inner(&self) -> &SigningKey {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// The key that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the line of a file, or what stands in it behind the space.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches(['\r', '\n']);
        let bytes = read(text, PUBLIC).or_else(|| read(text, ""));
        let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        key.filter(|key| !key.is_weak())
            .map(Self)
            .ok_or_else(|| "it is no public key of `candor transition key`".to_owned())
    }

    /// The line of a file.
    pub fn to_line(self) -> String {
        format!("{PUBLIC}{}\n", self.to_base64())
    }

    /// The key in Base64, as packs have it.
    pub fn to_base64(self) -> String {
        Base64::encode_string(self.0.as_bytes())
    }

    pub(super) fn inner(&self) -> &VerifyingKey {
        &self.0
    }
}

fn read(text: &str, prefix: &str) -> Option<[u8; 32]> {
    let text = text.trim_end_matches(['\r', '\n']).strip_prefix(prefix)?;
    let mut bytes = [0; 32];
    (Base64::decode(text, &mut bytes).ok()?.len() == 32).then_some(bytes)
}
