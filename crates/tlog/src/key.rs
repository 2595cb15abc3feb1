//! Keys with names, as text: <https://c2sp.org/signed-note>, "Verifier keys".

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;
use crate::encoding::{base64, unbase64};

/// What a key signs, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// Notes: the text itself.
    Note,
    /// Checkpoints, with the time: <https://c2sp.org/tlog-cosignature>.
    Cosignature,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }

    fn of(byte: u8) -> Result<Self, Error> {
        match byte {
            1 => Ok(Self::Note),
            4 => Ok(Self::Cosignature),
            _ => Err(Error::Malformed("the key is of an algorithm that is not supported (only Ed25519 is)")),
        }
    }
}

/// A public key that signs notes or checkpoints. As text it is a *vkey*: `NAME+ID+KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    id: [u8; 4],
    kind: KeyKind,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// A key under this name.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the name is empty or has spaces or plus signs.
    fn new(name: &str, kind: KeyKind, key: ed25519_dalek::VerifyingKey) -> Result<Self, Error> {
        check_name(name)?;
        let id = key_id(name, kind, key.as_bytes());
        Ok(Self { name: name.to_owned(), id, kind, key })
    }

    /// Who signs with it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells it from other keys of that name.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself: two keys are the same if these bytes are, whatever they are called.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether it made this signature; malleable ones and those of weak keys count as wrong.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for VerifyingKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Malformed("a key has the form NAME+ID+KEY"));
        };
        let encoded = unbase64(key)?;
        let (&kind, key) = encoded.split_first().ok_or(Error::Malformed("the key is empty"))?;
        let kind = KeyKind::of(kind)?;
        let key = key.try_into().map_err(|_| Error::Malformed("an Ed25519 key has 32 bytes"))?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(key)
            .map_err(|_| Error::Malformed("the key is no point on the curve"))?;
        if key.is_weak() {
            return Err(Error::Malformed("the key is weak: anybody can sign with it"));
        }
        let key = Self::new(name, kind, key)?;
        if hex::encode(key.id) != id {
            return Err(Error::Malformed("the key's number does not belong to its name and bytes"));
        }
        Ok(key)
    }
}

impl Display for VerifyingKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![self.kind.byte()];
        encoded.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), base64(&encoded))
    }
}

/// A private key. As text it is `PRIVATE+KEY+NAME+ID+KEY`, the form that Go's `note` package writes.
pub struct SigningKey {
    public: VerifyingKey,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key that these 32 random bytes make, under this name.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the name is empty or has spaces or plus signs.
    pub fn new(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, Error> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(name, kind, key.verifying_key())?;
        Ok(Self { public, key })
    }

    /// The public half.
    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The private half as text, which is wiped when it is dropped.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let mut encoded = Zeroizing::new(vec![self.public.kind.byte()]);
        encoded.extend_from_slice(self.key.as_bytes());
        let id = hex::encode(self.public.id);
        Zeroizing::new(format!("PRIVATE+KEY+{}+{id}+{}", self.public.name, base64(&encoded)))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

impl FromStr for SigningKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const FORM: Error = Error::Malformed("a private key has the form PRIVATE+KEY+NAME+ID+KEY");
        let mut parts = text.strip_prefix("PRIVATE+KEY+").ok_or(FORM)?.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(FORM);
        };
        let encoded = Zeroizing::new(unbase64(key)?);
        let (&kind, seed) = encoded.split_first().ok_or(FORM)?;
        let seed = seed.try_into().map_err(|_| Error::Malformed("an Ed25519 key has 32 bytes"))?;
        let key = Self::new(name, KeyKind::of(kind)?, seed)?;
        if hex::encode(key.public.id) != id {
            return Err(Error::Malformed("the key's number does not belong to its name and bytes"));
        }
        Ok(key)
    }
}

/// `SHA-256(name || 0x0A || kind || key)[..4]`.
fn key_id(name: &str, kind: KeyKind, key: &[u8; 32]) -> [u8; 4] {
    let digest =
        Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]).chain_update(key).finalize();
    let mut id = [0; 4];
    id.copy_from_slice(&digest[..4]);
    id
}

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fit = |character: char| !character.is_whitespace() && !character.is_control() && character != '+';
    if name.is_empty() || name.len() > 255 || !name.chars().all(fit) {
        return Err(Error::Malformed("a key's name has 1 to 255 bytes and neither spaces nor plus signs"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for kind in [KeyKind::Note, KeyKind::Cosignature] {
            let key = SigningKey::new("example.org/log", kind, &[7; 32]).expect("a key");
            let again: SigningKey = key.to_secret_text().parse().expect("the private key");
            assert_eq!(again.public(), key.public());
            let public: VerifyingKey = key.public().to_string().parse().expect("the public key");
            assert_eq!(&public, key.public());
            assert!(public.verifies(b"text", &again.sign(b"text")));
            assert!(!public.verifies(b"Text", &again.sign(b"text")));
        }
    }

    #[test]
    fn the_example_key_of_go_is_read() {
        // The key in the documentation of golang.org/x/mod/sumdb/note.
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: VerifyingKey = text.parse().expect("the key");
        assert_eq!((key.name(), key.kind()), ("PeterNeumann", KeyKind::Note));
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn malformed_keys_are_refused() {
        let good = SigningKey::new("a", KeyKind::Note, &[7; 32]).expect("a key").public().to_string();
        for bad in
            ["", "a", "a+b", "a+00000000+AQ==", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
        {
            assert!(bad.parse::<VerifyingKey>().is_err(), "{bad}");
        }
        assert!(good.replacen("a+", "b+", 1).parse::<VerifyingKey>().is_err(), "another name");
        // The neutral element, for which every signature of zeros is right.
        let mut weak = vec![1, 1];
        weak.resize(33, 0);
        let id = hex::encode(key_id("a", KeyKind::Note, weak[1..].try_into().expect("32 bytes")));
        assert!(format!("a+{id}+{}", base64(&weak)).parse::<VerifyingKey>().is_err());
        assert!(SigningKey::new("a b", KeyKind::Note, &[7; 32]).is_err());
    }
}
