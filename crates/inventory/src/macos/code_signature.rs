//! Who signed a program of macOS: the team, the identifier, and the certificate of the signer.
//!
//! Specifications: `mach-o/loader.h`, and `cs_blobs.h` of XNU: the command `LC_CODE_SIGNATURE` names a superblob, in
//! which are a directory of the code and signed data. Nothing is verified here.

use candor_object::{Attribute, FactKind};

use crate::damage::Damage;
use crate::fields::{u32_be, u32_le};
use crate::x509::SignedData;
use crate::{Error, Facts, Reader, Subject, Verified};

pub(crate) struct CodeSignature;

/// `LC_CODE_SIGNATURE`.
const COMMAND: u32 = 0x1d;
/// `CSMAGIC_EMBEDDED_SIGNATURE`, `CSMAGIC_CODEDIRECTORY` and `CSMAGIC_BLOBWRAPPER`.
const SUPERBLOB: u32 = 0xfade_0cc0;
const DIRECTORY: u32 = 0xfade_0c02;
const WRAPPER: u32 = 0xfade_0b01;
/// The first version of a directory that names a team.
const WITH_TEAM: u32 = 0x20200;
/// Most programs in a universal file, blobs of a signature, and bytes of commands and of signatures that are read.
const MOST_PROGRAMS: usize = 16;
const MOST_BLOBS: usize = 16;
const MOST_COMMANDS: usize = 1 << 20;
const MOST_SIGNATURE: usize = 16 << 20;

impl Reader for CodeSignature {
    fn name(&self) -> &'static str {
        "signature of a Mach-O program"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // Classes of Java begin like universal files, but with a version where the number of programs would be.
        let universal = matches!(u32_be(subject.head, 0), Some(0xcafe_babe | 0xcafe_babf))
            && u32_be(subject.head, 4).is_some_and(|count| count <= MOST_PROGRAMS as u32);
        universal || is_program(subject.head)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut damage = Damage::default();
        let mut told = Vec::new();
        for start in programs(subject.head) {
            subject.time_left()?;
            let head = subject.content().window(start, 32)?;
            let Some(place) = place(subject, start, &head)? else { continue };
            let (offset, size) = (start.saturating_add(place.0.into()), place.1 as usize);
            let bytes = subject.content().window(offset, size.min(MOST_SIGNATURE))?;
            let Some(signature) = signature(&bytes) else {
                damage.note("a signature", offset);
                continue;
            };
            // The programs of a universal file say the same, one for each processor.
            if !told.contains(&signature) {
                tell(&signature, facts)?;
                told.push(signature);
            }
        }
        damage.told()
    }
}

fn is_program(head: &[u8]) -> bool {
    matches!(u32_le(head, 0), Some(0xfeed_face | 0xfeed_facf | 0xcefa_edfe | 0xcffa_edfe))
}

/// Where programs begin: at the start, or where the table of a universal file says.
fn programs(head: &[u8]) -> Vec<u64> {
    if is_program(head) {
        return vec![0];
    }
    let wide = u32_be(head, 0) == Some(0xcafe_babf);
    let (size, count) = (if wide { 32 } else { 20 }, u32_be(head, 4).unwrap_or(0) as usize);
    let rows = head.get(8..).unwrap_or_default().chunks_exact(size).take(count.min(MOST_PROGRAMS));
    rows.filter_map(|row| if wide { crate::fields::u64_be(row, 8) } else { u32_be(row, 8).map(u64::from) })
        .collect()
}

/// Reads a number of a program, whose processor decides the order of its bytes.
type Field = fn(&[u8], usize) -> Option<u32>;

/// Place and size of the signature of a program.
fn place(subject: &Subject<'_>, start: u64, head: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    let (field, wide): (Field, bool) = match u32_le(head, 0) {
        Some(0xfeed_face) => (u32_le, false),
        Some(0xfeed_facf) => (u32_le, true),
        Some(0xcefa_edfe) => (u32_be, false),
        Some(0xcffa_edfe) => (u32_be, true),
        _ => return Ok(None),
    };
    let size = field(head, 20).map_or(0, |size| (size as usize).min(MOST_COMMANDS));
    let commands = subject.content().window(start.saturating_add(if wide { 32 } else { 28 }), size)?;
    let mut rest: &[u8] = &commands;
    while let (Some(command), Some(length)) = (field(rest, 0), field(rest, 4)) {
        if command == COMMAND {
            return Ok(field(rest, 8).zip(field(rest, 12)));
        }
        // A command of no length would come again and again.
        if length < 8 {
            break;
        }
        rest = rest.get(length as usize..).unwrap_or_default();
    }
    Ok(None)
}

/// What a signature says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Signature {
    id: String,
    team: String,
    signers: Vec<crate::x509::Certificate>,
}

fn signature(bytes: &[u8]) -> Option<Signature> {
    if u32_be(bytes, 0)? != SUPERBLOB {
        return None;
    }
    let count = (u32_be(bytes, 8)? as usize).min(MOST_BLOBS);
    let mut signature = Signature::default();
    for row in bytes.get(12..)?.chunks_exact(8).take(count) {
        let Some(blob) = u32_be(row, 4).and_then(|at| bytes.get(at as usize..)) else { continue };
        let length = u32_be(blob, 4).map_or(0, |length| (length as usize).min(blob.len()));
        let blob = blob.get(..length).unwrap_or_default();
        match u32_be(blob, 0) {
            Some(DIRECTORY) if signature.id.is_empty() => {
                signature.id = text(blob, 20);
                if u32_be(blob, 8).is_some_and(|version| version >= WITH_TEAM) {
                    signature.team = text(blob, 48);
                }
            }
            Some(WRAPPER) => {
                let data = blob.get(8..).and_then(SignedData::read);
                signature.signers = data.iter().flat_map(SignedData::signers).cloned().collect();
            }
            _ => {}
        }
    }
    (!signature.id.is_empty()).then_some(signature)
}

/// The text that a field of a directory names.
fn text(blob: &[u8], field: usize) -> String {
    let at = u32_be(blob, field).unwrap_or(0) as usize;
    let bytes = if at == 0 { &[][..] } else { blob.get(at..).unwrap_or_default() };
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text.get(..1024).unwrap_or(text)).into_owned()
}

fn tell(signature: &Signature, facts: &mut Facts<'_>) -> Result<(), Error> {
    let about = [
        (Attribute::Id, signature.id.as_str()),
        (Attribute::TeamId, signature.team.as_str()),
        (Attribute::Verified, Verified::default().name()),
        (Attribute::Source, "mach-o"),
    ];
    if signature.signers.is_empty() {
        return facts.add(FactKind::Signer, &about);
    }
    for signer in &signature.signers {
        let all: Vec<_> = signer.attributes().into_iter().chain(about).collect();
        facts.add(FactKind::Signer, &all)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    /// A program of 64 bit with a signature by a team and nobody's certificate.
    fn sample() -> Vec<u8> {
        let mut directory = vec![0; 60];
        directory.extend(b"com.example.kav\0ABCDE12345\0");
        for (at, value) in [(0, DIRECTORY), (4, directory.len() as u32), (8, WITH_TEAM), (20, 60), (48, 76)] {
            directory[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        let mut blob = Vec::new();
        for value in [SUPERBLOB, 20 + directory.len() as u32, 1, 0, 20] {
            blob.extend(value.to_be_bytes());
        }
        blob.extend(directory);
        let mut bytes = Vec::new();
        for value in [0xfeed_facf_u32, 0x0100_0007, 3, 2, 1, 16, 0, 0, COMMAND, 16, 64, blob.len() as u32] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.resize(64, 0);
        bytes.extend(blob);
        bytes
    }

    #[test]
    fn team_and_identifier_are_told() {
        let facts = facts_of(&CodeSignature, "kav", &sample());
        assert_eq!(facts[0].get(Attribute::Id), Some("com.example.kav"));
        assert_eq!(facts[0].get(Attribute::TeamId), Some("ABCDE12345"));
        assert_eq!(facts[0].get(Attribute::Verified), Some("present"));
    }

    #[test]
    fn universal_files_say_it_once() {
        let program = sample();
        let mut bytes = Vec::new();
        let size = program.len() as u32;
        for value in [0xcafe_babe_u32, 2, 7, 3, 64, size, 0, 12, 0, 64 + size, size, 0] {
            bytes.extend(value.to_be_bytes());
        }
        bytes.resize(64, 0);
        bytes.extend(&program);
        bytes.extend(&program);
        assert_eq!(facts_of(&CodeSignature, "kav", &bytes).len(), 1);
    }
}
