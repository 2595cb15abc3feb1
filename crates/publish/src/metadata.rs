//! TUF metadata: something signed, and signatures over its canonical form.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, ensure};
use candor_update::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sigstore_tuf::canonical_json::to_canonical_bytes;

use crate::keys::{PublicKey, TufKey};

/// The version of the specification that is followed.
pub const SPECIFICATION: &str = "1.0.31";

/// A metadata file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// By number of the key.
    pub signatures: Vec<Signature>,
    /// What is signed.
    pub signed: Value,
}

/// A signature of a metadata file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature {
    /// The number of the key.
    pub keyid: String,
    /// 64 bytes in hexadecimal.
    pub sig: String,
}

impl Document {
    /// What nobody has signed yet: the fields of a role, with version and expiry.
    ///
    /// # Errors
    /// Never for objects.
    pub fn new(role: &str, version: u64, expires: Timestamp, fields: Value) -> anyhow::Result<Self> {
        let mut signed = fields;
        let object = signed.as_object_mut().ok_or_else(|| anyhow!("the fields are no object"))?;
        object.insert("_type".to_owned(), json!(role));
        object.insert("spec_version".to_owned(), json!(SPECIFICATION));
        object.insert("version".to_owned(), json!(version));
        object.insert("expires".to_owned(), json!(whole_seconds(expires).to_string()));
        Ok(Self { signatures: Vec::new(), signed })
    }

    /// Reads a file of this role. Nothing is verified.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8], role: &str) -> anyhow::Result<Self> {
        let document: Self = serde_json::from_slice(bytes).context("it is no TUF metadata")?;
        ensure!(document.signed["_type"] == role, "it is no TUF metadata of the role {role}");
        document.version()?;
        document.expires()?;
        Ok(document)
    }

    /// The file.
    ///
    /// # Errors
    /// Never for what was read.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut sorted = self.clone();
        sorted.signatures.sort();
        let mut bytes = serde_json::to_vec_pretty(&sorted)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// What the signatures are made over.
    ///
    /// # Errors
    /// When there is a number in it that is no integer.
    pub fn canonical(&self) -> anyhow::Result<Vec<u8>> {
        Ok(to_canonical_bytes(&self.signed)?)
    }

    /// Its version.
    ///
    /// # Errors
    /// When it has none.
    pub fn version(&self) -> anyhow::Result<u64> {
        self.signed["version"].as_u64().ok_or_else(|| anyhow!("it has no version"))
    }

    /// When it runs out.
    ///
    /// # Errors
    /// When it does not say.
    pub fn expires(&self) -> anyhow::Result<Timestamp> {
        let text = self.signed["expires"].as_str().ok_or_else(|| anyhow!("it does not expire"))?;
        text.parse().context("expires")
    }

    /// Signs it. An older signature of the same key goes.
    ///
    /// # Errors
    /// As [`canonical`](Self::canonical).
    pub fn sign(&mut self, key: &TufKey) -> anyhow::Result<()> {
        let (keyid, sig) = (key.id()?, hex::encode(key.sign(&self.canonical()?)));
        self.signatures.retain(|old| old.keyid != keyid);
        self.signatures.push(Signature { keyid, sig });
        self.signatures.sort();
        Ok(())
    }

    /// Takes the signatures that another copy has.
    ///
    /// # Errors
    /// When the other signs something else.
    pub fn join(&mut self, other: &Self) -> anyhow::Result<()> {
        ensure!(self.signed == other.signed, "the copies differ in what is signed");
        self.signatures.extend(other.signatures.iter().cloned());
        self.signatures.sort();
        self.signatures.dedup();
        Ok(())
    }

    /// Which of these keys signed it.
    ///
    /// # Errors
    /// As [`canonical`](Self::canonical).
    pub fn signers<'k>(&self, keys: &'k [PublicKey]) -> anyhow::Result<Vec<&'k PublicKey>> {
        let message = self.canonical()?;
        Ok(keys.iter().filter(|key| self.signature_of(key, &message).is_some()).collect())
    }

    /// The same with one right signature of each of these keys that signed it, and none of others. Clients refuse
    /// files in which a key signs twice, even if one of the two is wrong.
    ///
    /// # Errors
    /// As [`canonical`](Self::canonical).
    pub fn cleaned(&self, keys: &[PublicKey]) -> anyhow::Result<Self> {
        let message = self.canonical()?;
        let mut signatures: Vec<Signature> =
            keys.iter().filter_map(|key| self.signature_of(key, &message)).cloned().collect();
        signatures.sort();
        signatures.dedup();
        Ok(Self { signatures, signed: self.signed.clone() })
    }

    fn signature_of(&self, key: &PublicKey, message: &[u8]) -> Option<&Signature> {
        let mut lines = self.signatures.iter().filter(|line| line.keyid == key.id);
        lines.find(|line| hex::decode(&line.sig).is_ok_and(|sig| key.verifies(message, &sig)))
    }
}

/// How one metadata file names another.
pub fn pin(version: u64, bytes: &[u8]) -> Value {
    json!({ "version": version, "length": bytes.len(), "hashes": hashes(bytes) })
}

/// How a file is named by its digest.
pub fn hashes(bytes: &[u8]) -> BTreeMap<&'static str, String> {
    BTreeMap::from([("sha256", hex::encode(Sha256::digest(bytes)))])
}

/// Parts of a second are not for TUF.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
