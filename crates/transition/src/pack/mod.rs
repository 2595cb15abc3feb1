//! The evidence of a move: one signed document, a page and a PDF for people, and copies of what they were made from.
//!
//! `pack.json` is one line of canonical JSON: names sorted, no space, whole numbers only. What is signed is its part
//! `signed`, in the same form, behind [`CONTEXT`]. So no byte of it can be another one.

mod canonical;
mod html;
mod key;
mod pages;
mod pdf;
mod verify;

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};
use ed25519_dalek::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use key::{PublicKey, SecretKey};
pub use verify::{Verification, verify};

use crate::plan::Plan;
use crate::status::Status;

/// The signed document's name.
pub const PACK: &str = "pack.json";
/// The page's name.
pub const PAGE: &str = "report.html";
/// The PDF's name.
pub const PDF: &str = "report.pdf";
/// The folder of what it was made from.
pub const INPUTS: &str = "inputs/";
/// What stands before the signed bytes, so that no other signature of the key can be taken for this one.
const CONTEXT: &[u8] = b"candor transition pack v1\n";
/// The form of packs.
const FORMAT: &str = "candor-transition-pack/1";
/// Longest pack that is read, in bytes.
pub const MOST_BYTES: usize = 256 << 20;

/// What a pack is made of.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'e> {
    /// The plan.
    pub plan: &'e Plan,
    /// How far it is.
    pub status: &'e Status,
    /// The program, its version and commit.
    pub tool: [&'e str; 3],
    /// The style of the page.
    pub style: &'e str,
    /// What it was made from: names without folders, and bytes.
    pub inputs: &'e [(String, Vec<u8>)],
}

/// The files of a pack, by name.
///
/// # Errors
/// When something cannot be written in canonical JSON.
pub fn make(evidence: &Evidence<'_>, key: &SecretKey) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, bytes) in evidence.inputs {
        if files.insert(format!("{INPUTS}{name}"), bytes.clone()).is_some() {
            return Err(format!("two inputs are called {name}"));
        }
    }
    let sheet = pages::sheet(evidence);
    files.insert(PAGE.to_owned(), html::page(&sheet, evidence.style).into_bytes());
    files.insert(PDF.to_owned(), pdf::document(&sheet));
    let digests: serde_json::Map<String, Value> = files
        .iter()
        .map(|(name, bytes)| (name.clone(), json!({"bytes": bytes.len(), "sha256": digest(bytes)})))
        .collect();
    let [program, version, commit] = evidence.tool;
    let to_json = |value: Result<Value, serde_json::Error>| value.map_err(|error| error.to_string());
    let signed = json!({
        "format": FORMAT,
        "made": evidence.status.at,
        "tool": {"program": program, "version": version, "commit": commit},
        "plan": to_json(serde_json::to_value(evidence.plan))?,
        "status": to_json(serde_json::to_value(evidence.status))?,
        "files": digests,
    });
    let signature = key.inner().sign(&message(&signed)?);
    let pack = json!({
        "signed": signed,
        "signature": {
            "algorithm": "ed25519",
            "key": key.public().to_base64(),
            "value": Base64::encode_string(&signature.to_bytes()),
        },
    });
    files.insert(PACK.to_owned(), canonical::bytes(&pack)?);
    Ok(files)
}

/// The bytes that are signed.
fn message(signed: &Value) -> Result<Vec<u8>, String> {
    Ok([CONTEXT, &canonical::bytes(signed)?].concat())
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
