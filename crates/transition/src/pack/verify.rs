//! Whether a pack is as it was signed, to the last byte.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use ed25519_dalek::Signature;
use serde_json::Value;

use super::{FORMAT, INPUTS, PACK, PAGE, PDF, PublicKey, canonical, digest, message};
use crate::inventory::Inventory;
use crate::plan::Plan;
use crate::status::status;

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// What is wrong; a pack is untouched if that is nothing.
    pub wrong: Vec<String>,
    /// The key that signed, in Base64.
    pub signer: Option<String>,
    /// Whether that is the key that was expected; nothing if none was.
    pub expected: Option<bool>,
    /// Files that are as they were signed.
    pub files: Vec<String>,
    /// Files that were signed and are not here, where only the document is looked at.
    pub elsewhere: Vec<String>,
    /// When it was made, as it says.
    pub made: Option<String>,
    /// Remarks that are no error.
    pub remarks: Vec<String>,
}

impl Verification {
    /// Whether nothing is wrong and the key is the one that was expected.
    pub fn holds(&self) -> bool {
        self.wrong.is_empty() && self.expected == Some(true)
    }
}

/// Checks a pack: its form, signature and key, and each file. `files` are those that are in its folder, without
/// `pack.json`; nothing if only the document is there.
pub fn verify(pack: &[u8], key: Option<&PublicKey>, files: Option<&[(String, Vec<u8>)]>) -> Verification {
    let mut verification = Verification::default();
    if let Err(wrong) = document(&mut verification, pack, key, files) {
        verification.wrong.push(wrong);
    }
    verification
}

fn document(
    verification: &mut Verification,
    pack: &[u8],
    key: Option<&PublicKey>,
    files: Option<&[(String, Vec<u8>)]>,
) -> Result<(), String> {
    let value: Value = serde_json::from_slice(pack).map_err(|error| format!("{PACK}: {error}"))?;
    // Whatever was added, left out or written in another way makes other bytes.
    if canonical::bytes(&value).is_ok_and(|bytes| bytes != pack) {
        return Err(format!("{PACK}: it is not in the form in which it was written"));
    }
    let text = |path: &str| {
        value.pointer(path).and_then(Value::as_str).ok_or_else(|| format!("{PACK}: there is no {path}"))
    };
    let names = |path: &str| {
        let object = value.pointer(path).and_then(Value::as_object);
        object.map(|object| object.keys().map(String::as_str).collect::<BTreeSet<_>>()).unwrap_or_default()
    };
    if names("") != BTreeSet::from(["signed", "signature"])
        || names("/signature") != BTreeSet::from(["algorithm", "key", "value"])
    {
        return Err(format!("{PACK}: it has other parts than a pack has"));
    }
    if text("/signature/algorithm")? != "ed25519" || text("/signed/format")? != FORMAT {
        return Err(format!("{PACK}: its form or its algorithm is not known here"));
    }
    let signer = PublicKey::read(text("/signature/key")?).map_err(|error| format!("{PACK}: {error}"))?;
    if signer.to_base64() != text("/signature/key")? {
        return Err(format!("{PACK}: its key is written in another way"));
    }
    let mut bytes = [0; 64];
    let decoded = Base64::decode(text("/signature/value")?, &mut bytes);
    if decoded.map(<[u8]>::len) != Ok(64) {
        return Err(format!("{PACK}: its signature is none"));
    }
    let signed = value.get("signed").ok_or("there is nothing signed")?;
    let is_good = signer.inner().verify_strict(&message(signed)?, &Signature::from_bytes(&bytes));
    is_good.map_err(|_| format!("{PACK}: the signature does not fit: it was changed after it was signed"))?;
    verification.signer = Some(signer.to_base64());
    verification.expected = key.map(|key| *key == signer);
    if verification.expected == Some(false) {
        verification.wrong.push("it was signed with another key than the one that was expected".to_owned());
    }
    verification.made = text("/signed/made").ok().map(str::to_owned);
    listed(verification, signed, files)?;
    if let Some(files) = files.filter(|_| verification.wrong.is_empty()) {
        follows(verification, signed, files);
    }
    Ok(())
}

/// Whether the files are those that were signed, and no others.
fn listed(
    verification: &mut Verification,
    signed: &Value,
    files: Option<&[(String, Vec<u8>)]>,
) -> Result<(), String> {
    let listed = signed.get("files").and_then(Value::as_object).ok_or("it lists no files")?;
    for name in [PAGE, PDF] {
        if !listed.contains_key(name) {
            verification.wrong.push(format!("{name}: it does not belong to what was signed"));
        }
    }
    let Some(files) = files else {
        verification.elsewhere = listed.keys().cloned().collect();
        return Ok(());
    };
    for (name, signed) in listed {
        match files.iter().find(|(known, _)| known == name) {
            None => verification.wrong.push(format!("{name}: it is missing")),
            Some((_, bytes)) => {
                let same = signed.get("sha256").and_then(Value::as_str) == Some(digest(bytes).as_str())
                    && signed.get("bytes").and_then(Value::as_u64) == Some(bytes.len() as u64);
                if same {
                    verification.files.push(name.clone());
                } else {
                    verification.wrong.push(format!("{name}: it is not the one that was signed"));
                }
            }
        }
    }
    for (name, _) in files.iter().filter(|(name, _)| !listed.contains_key(name)) {
        verification.wrong.push(format!("{name}: it was not signed"));
    }
    Ok(())
}

/// Whether the status is what follows from the plan and the inventories that are there.
fn follows(verification: &mut Verification, signed: &Value, files: &[(String, Vec<u8>)]) {
    let inputs = files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(INPUTS)?, bytes)));
    let (mut plan, mut inventories) = (None, Vec::new());
    for (name, bytes) in inputs {
        if let Ok(inventory) = Inventory::read_named(name, bytes) {
            inventories.push(inventory);
        } else if let Some(read) = std::str::from_utf8(bytes).ok().and_then(|text| Plan::read(text).ok()) {
            plan = Some(read);
        }
    }
    let made = verification.made.as_deref().and_then(|made| made.parse().ok());
    let (Some(plan), Some(made)) = (plan, made) else {
        verification
            .remarks
            .push("the plan is not among the inputs, so the status was not made again".to_owned());
        return;
    };
    let again = serde_json::to_value(status(&plan, &inventories, made)).ok();
    let same = again.as_ref() == signed.get("status")
        && serde_json::to_value(&plan).ok().as_ref() == signed.get("plan");
    verification.remarks.push(if same {
        "made again from the inputs, the plan and the status are the same".to_owned()
    } else {
        "made again from the inputs by this version, the status is another one".to_owned()
    });
}
