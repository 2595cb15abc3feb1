//! Differences between two versions of a container (`.cdiff`), as ClamAV's publisher distributes them.
//!
//! `ClamAV-Diff:<version>:<length of the script>:`, the script in gzip, `:`, and a signature with PSS over all that
//! is before that colon. A file `daily-27001.cdiff.sign` beside it may hold one more, as with containers. The script
//! edits the members of version N - 1, the list of members with its signature as well, so that the result can be
//! verified like a container that was never patched. Observed with `sigtool` 1.4.6.

mod edit;
mod script;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use super::{Keys, Refusal, detached, legacy};

/// What a file of differences begins with.
const MAGIC: &str = "ClamAV-Diff";
/// Most bytes of its header.
const MAX_HEADER: usize = 64;
/// Most letters of its signature.
const MAX_SIGNATURE: usize = 350;
/// Longest file in bytes. Those of a day have some 50 KB; the length of a whole container is of no use.
const MAX_LENGTH: u64 = 64 << 20;
/// Longest script in bytes. Stops a bomb.
const MAX_SCRIPT: u64 = 256 << 20;

/// Differences that lead to one version from the version before it.
pub struct Differences {
    version: u32,
    script: Vec<u8>,
    unsigned: Option<String>,
}

impl Differences {
    /// Reads a file of differences and checks its signatures.
    ///
    /// # Errors
    /// When it is unreadable or damaged, or a signature beside it is for other content. That it is not signed is no
    /// error, but it cannot be applied then: see [`unsigned`](Self::unsigned).
    pub fn open(path: &Path, keys: &Keys) -> Result<Self, Refusal> {
        if !fs::metadata(path)?.is_file() {
            return Err(Refusal::damaged("it is no regular file"));
        }
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        (&file).take(MAX_LENGTH.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LENGTH {
            return Err(Refusal::damaged(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        let parts = Parts::of(&bytes).map_err(Refusal::Damaged)?;
        let signed_beside = detached::verify(path, parts.version, &file, &keys.roots)?;
        let holds = keys.differences.as_ref().is_some_and(|key| {
            legacy::listing_holds(key, parts.signature, &Sha256::digest(parts.signed).into())
        });
        let unsigned = (!signed_beside && !holds).then(|| "the signature of the differences".to_owned());
        // Nothing that nobody has signed is unpacked.
        let script = if unsigned.is_none() { parts.script()? } else { Vec::new() };
        Ok(Self { version: parts.version, script, unsigned })
    }

    /// The version that they lead to.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Why nobody who is trusted stands for them; nothing if somebody does.
    pub fn unsigned(&self) -> Option<&str> {
        self.unsigned.as_deref()
    }

    /// Edits the members that lie in a folder, which nobody else may write to. After an error the folder is of no use.
    ///
    /// # Errors
    /// [`Refusal::Unsigned`] when nobody has signed them, [`Refusal::Damaged`] with the number of the script's line
    /// when they are not for these members.
    pub fn apply(&self, folder: &Path) -> Result<(), Refusal> {
        if let Some(reason) = &self.unsigned {
            return Err(Refusal::Unsigned(reason.clone()));
        }
        edit::run(&self.script, folder)
    }
}

/// Runs a script that nobody has signed, for fuzzing and tests.
#[doc(hidden)]
pub fn run_unsigned(script: &[u8], folder: &Path) -> Result<(), Refusal> {
    edit::run(script, folder)
}

/// The version that bytes without any valid signature tell, and their script, for fuzzing.
#[doc(hidden)]
pub fn read_unsigned(bytes: &[u8]) -> Result<(u32, Vec<u8>), Refusal> {
    let parts = Parts::of(bytes).map_err(Refusal::Damaged)?;
    Ok((parts.version, parts.script()?))
}

/// The parts of a file of differences.
struct Parts<'a> {
    version: u32,
    length: u64,
    packed: &'a [u8],
    signed: &'a [u8],
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        let colon = bytes.iter().rposition(|byte| *byte == b':').ok_or("it has no signature")?;
        let (signed, signature) = bytes.split_at_checked(colon).unwrap_or_default();
        let signature = std::str::from_utf8(signature.get(1..).unwrap_or_default());
        let signature = signature.map_err(|_| "its signature is no text")?.trim_ascii_end();
        if signature.is_empty() || signature.len() > MAX_SIGNATURE {
            return Err("its signature is empty or too long".to_owned());
        }
        let (header, packed) = header(signed).ok_or("it has no header of differences")?;
        let [MAGIC, version, length] = header.split(':').collect::<Vec<_>>()[..] else {
            return Err(format!("it does not begin with {MAGIC}"));
        };
        let version = digits(version).and_then(|version| u32::try_from(version).ok());
        let version = version.filter(|version| *version > 0).ok_or("its version is no number in range")?;
        let length = digits(length).filter(|length| *length <= MAX_SCRIPT);
        let length = length.ok_or("the length of its script is no number in range")?;
        Ok(Self { version, length, packed, signed, signature })
    }

    /// The script, unpacked.
    fn script(&self) -> Result<Vec<u8>, Refusal> {
        let mut decoder = GzDecoder::new(self.packed);
        let mut script = Vec::new();
        (&mut decoder)
            .take(self.length.saturating_add(1))
            .read_to_end(&mut script)
            .map_err(|error| Refusal::damaged(format!("the script: {error}")))?;
        if script.len() as u64 != self.length || !decoder.into_inner().is_empty() {
            return Err(Refusal::damaged("the script is not as long as the header says"));
        }
        Ok(script)
    }
}

/// The header up to its third colon, and what follows that.
fn header(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let mut colons =
        bytes.iter().take(MAX_HEADER).enumerate().filter(|(_, byte)| **byte == b':').map(|(place, _)| place);
    let (header, rest) = bytes.split_at_checked(colons.nth(2)?)?;
    Some((std::str::from_utf8(header).ok()?, rest.get(1..)?))
}

/// A number of decimal digits alone.
fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}
