//! Keys of TUF roles and of logs.
//!
//! Private TUF keys are PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes them. The public file is the key
//! object of a root, with the party that holds it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use candor_tlog::{KeyKind, VerifyingKey};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer};
use rustix::rand::{GetRandomFlags, getrandom};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sigstore_tuf::canonical_json::to_canonical_bytes;
use zeroize::Zeroizing;

use crate::files;

/// The party that publishes.
pub const VENDOR: &str = "vendor";
const PARTY: &str = "x-candor-party";
const NAME: &str = "x-candor-name";
/// Longest file with a key.
const MOST_BYTES: u64 = 4096;

/// Random bytes for a private key.
///
/// # Errors
/// When the system has none.
pub fn new_seed() -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    ensure!(getrandom(&mut *seed, GetRandomFlags::empty())? == 32, "the system gave too few random bytes");
    Ok(seed)
}

/// The public half of a key of a TUF role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// SHA-256 of the key object, by which it is named.
    pub id: String,
    /// Who holds it: `vendor` or another name.
    pub party: String,
    /// What it is called, for people.
    pub name: String,
    bytes: [u8; 32],
}

impl PublicKey {
    fn new(bytes: [u8; 32], name: &str, party: &str) -> anyhow::Result<Self> {
        for text in [name, party] {
            let fit = !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
            ensure!(fit, "names of keys and parties have 1 to 200 bytes in one line");
        }
        let id = hex::encode(Sha256::digest(to_canonical_bytes(&bare(&bytes))?));
        Ok(Self { id, party: party.to_owned(), name: name.to_owned(), bytes })
    }

    /// The key object of a root.
    pub fn to_json(&self) -> Value {
        let mut key = bare(&self.bytes);
        key[PARTY] = json!(self.party);
        key[NAME] = json!(self.name);
        key
    }

    /// Reads a key object.
    ///
    /// # Errors
    /// When it is no Ed25519 key, or does not say who holds it.
    pub fn from_json(key: &Value) -> anyhow::Result<Self> {
        let text = |value: &Value, what: &str| {
            value.as_str().map(str::to_owned).ok_or_else(|| anyhow!("the key has no {what}"))
        };
        for (field, expected) in [("keytype", "ed25519"), ("scheme", "ed25519")] {
            ensure!(key[field] == expected, "the key is no Ed25519 key");
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text(&key["keyval"]["public"], "public half")?, &mut bytes)
            .context("the public half")?;
        let name = key[NAME].as_str().unwrap_or("unnamed");
        Self::new(bytes, name, &text(&key[PARTY], PARTY)?)
    }

    /// Reads a file with a key object.
    ///
    /// # Errors
    /// With the path.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || Self::from_json(&serde_json::from_slice(&read_small(path)?.0)?);
        read().with_context(|| format!("the public key {}", path.display()))
    }

    /// Whether it made this signature.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.bytes);
        let signature = Signature::from_slice(signature);
        key.is_ok_and(|key| signature.is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()))
    }

    /// For people: name, party and the beginning of the number.
    pub fn describe(&self) -> String {
        format!("{} of {} ({})", self.name, self.party, self.id.get(..12).unwrap_or_default())
    }
}

fn bare(bytes: &[u8; 32]) -> Value {
    json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": hex::encode(bytes) } })
}

/// A private key of a TUF role.
#[derive(Debug)]
pub struct TufKey(ed25519_dalek::SigningKey);

impl TufKey {
    /// The key that these random bytes make.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads PKCS#8 in PEM from a file that only its owner can read.
    ///
    /// # Errors
    /// With the path.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || {
            let text = read_secret(path)?;
            let key = ed25519_dalek::SigningKey::from_pkcs8_pem(&text);
            key.map(Self).map_err(|error| anyhow!("it is no Ed25519 key in PKCS#8, PEM: {error}"))
        };
        read().with_context(|| format!("the key {}", path.display()))
    }

    /// PKCS#8 in PEM, version 1, which every program reads.
    ///
    /// # Errors
    /// Never with a key that is one.
    pub fn to_pem(&self) -> anyhow::Result<Zeroizing<String>> {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).map_err(|error| anyhow!("{error}"))
    }

    /// The public half.
    ///
    /// # Errors
    /// When name or party cannot be one.
    pub fn public(&self, name: &str, party: &str) -> anyhow::Result<PublicKey> {
        PublicKey::new(self.0.verifying_key().to_bytes(), name, party)
    }

    /// The number of its public half.
    ///
    /// # Errors
    /// Never with a key that is one.
    pub fn id(&self) -> anyhow::Result<String> {
        Ok(self.public("-", "-")?.id)
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// Makes a key of a TUF role: the private half in a new file, the public half beside it, with `.pub` at the end.
///
/// # Errors
/// When one of the files is there already or cannot be written.
pub fn new_tuf_key(name: &str, party: &str, path: &Path) -> anyhow::Result<PublicKey> {
    let key = TufKey::new(&*new_seed()?);
    let public = key.public(name, party)?;
    let beside = public_path(path);
    ensure!(!beside.exists(), "{} is there already", beside.display());
    files::write_new(path, key.to_pem()?.as_bytes(), true)?;
    files::write_new(&beside, format!("{:#}\n", public.to_json()).as_bytes(), false)?;
    Ok(public)
}

/// Where the public half lies.
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Makes a key that signs notes: of a log, or of a site's director.
///
/// # Errors
/// When the name is none, or the file is there already or cannot be written.
pub fn new_note_key(name: &str, path: &Path) -> anyhow::Result<VerifyingKey> {
    let key = candor_tlog::SigningKey::new(name, KeyKind::Note, &*new_seed()?)?;
    files::write_new(path, format!("{}\n", *key.to_secret_text()).as_bytes(), true)?;
    Ok(key.public().clone())
}

/// Reads a key that signs notes.
///
/// # Errors
/// With the path.
pub fn read_note_key(path: &Path) -> anyhow::Result<candor_tlog::SigningKey> {
    let read = || {
        let key: candor_tlog::SigningKey = read_secret(path)?.trim_end().parse()?;
        ensure!(key.public().kind() == KeyKind::Note, "it is the key of a witness");
        anyhow::Ok(key)
    };
    read().with_context(|| format!("the key {}", path.display()))
}

fn read_secret(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let (content, mode) = read_small(path)?;
    ensure!(mode & 0o077 == 0, "others can read it: chmod 600");
    Ok(Zeroizing::new(std::str::from_utf8(&content)?.to_owned()))
}

fn read_small(path: &Path) -> anyhow::Result<(Zeroizing<Vec<u8>>, u32)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    ensure!(about.is_file() && about.len() <= MOST_BYTES, "it is no file with a key");
    let mut content = Zeroizing::new(Vec::new());
    file.take(MOST_BYTES).read_to_end(&mut content)?;
    Ok((content, about.mode()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written_and_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        let public = new_tuf_key("Alice", "Example e.V.", &path).expect("a key");
        assert_eq!(PublicKey::read(&public_path(&path)).expect("the public half"), public);
        let key = TufKey::read(&path).expect("the private half");
        assert_eq!(key.id().expect("a number"), public.id);
        assert!(
            public.verifies(b"text", &key.sign(b"text")) && !public.verifies(b"other", &key.sign(b"text"))
        );
        assert!(new_tuf_key("Alice", "Example e.V.", &path).is_err());
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("its owner");
        assert!(TufKey::read(&path).is_err());
        assert!(read_note_key(&path).is_err());
    }

    #[test]
    fn public_keys_say_who_holds_them() {
        let public = TufKey::new(&[7; 32]).public("k", "p").expect("a key");
        let mut json = public.to_json();
        assert_eq!(PublicKey::from_json(&json).expect("the key"), public);
        json.as_object_mut().expect("an object").remove(PARTY);
        assert!(PublicKey::from_json(&json).is_err());
    }
}
