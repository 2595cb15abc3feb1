//! What the signature of a program's publisher is over, and where the signatures are.
//!
//! Specification: "Windows Authenticode Portable Executable Signature Format", 2008, and the attribute certificate table
//! in <https://learn.microsoft.com/windows/win32/debug/pe-format>. The digest is over the file without the checksum,
//! the directory entry that names the table, and the table. The table is an overlay that no digest protects, so that
//! signed programs carry strangers' data there: whether they do is told.

use std::io;

use candor_object::{Content, Signed};

use super::header::Headers;
use crate::fields::{u16_le, u32_le};

/// Signatures that are looked at; real programs have one or two.
const MAX_SIGNATURES: usize = 8;
/// Length of the head of an entry in the table.
const HEAD: u32 = 8;
/// Entries begin at multiples of this.
const ALIGNMENT: u64 = 8;
/// The only revision and the only type that are in use: `WIN_CERT_REVISION_2_0`, `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const KNOWN: (u16, u16) = (0x200, 2);

/// What is signed of a program; nothing where the headers leave that open.
pub(super) fn signed(content: &Content, headers: &Headers) -> io::Result<Option<Signed>> {
    let size = content.size();
    if headers.defect.is_some() || headers.checksum.saturating_add(4) > size {
        return Ok(None);
    }
    let behind_checksum = headers.checksum.saturating_add(4);
    let (entry, behind_entry) = match headers.signatures_entry {
        Some(entry) => (entry, entry.saturating_add(8)),
        None => (behind_checksum, behind_checksum),
    };
    let (offset, length) = (u64::from(headers.signatures.0), u64::from(headers.signatures.1));
    let end = offset.saturating_add(length);
    let mut signed =
        Signed { covered: vec![0..headers.checksum, behind_checksum..entry], ..Signed::default() };
    if offset == 0 || length == 0 {
        signed.covered.push(behind_entry..size);
        return Ok(Some(signed));
    }
    if offset < behind_entry || end > size {
        return Ok(None);
    }
    signed.covered.extend([behind_entry..offset, end..size]);
    signed.irregular = end < size;
    entries(content, offset, end, &mut signed)?;
    Ok(Some(signed))
}

/// Adds the signatures of the table.
fn entries(content: &Content, offset: u64, end: u64, signed: &mut Signed) -> io::Result<()> {
    let mut at = offset;
    for _ in 0..MAX_SIGNATURES {
        if end.saturating_sub(at) < u64::from(HEAD) {
            break;
        }
        let head = content.window(at, 8)?;
        let (Some(length), Some(revision), Some(kind)) =
            (u32_le(&head, 0), u16_le(&head, 4), u16_le(&head, 6))
        else {
            break;
        };
        let next = at.saturating_add(u64::from(length));
        if length < HEAD || (revision, kind) != KNOWN {
            signed.irregular = true;
        }
        if (revision, kind) == KNOWN && length > HEAD {
            // A signature says itself where it ends, and the length here may be a lie.
            signed.signatures.push(at.saturating_add(HEAD.into())..end);
        }
        if length < HEAD {
            break;
        }
        at = next.next_multiple_of(ALIGNMENT);
    }
    signed.irregular |= at != end.next_multiple_of(ALIGNMENT);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of `size` bytes with a table of these entries (length, revision, type) at `offset`.
    fn table(size: u32, offset: u32, length: u32, rows: &[(u32, u16, u16)]) -> Option<Signed> {
        let mut bytes = vec![0; size as usize];
        let mut at = offset as usize;
        for (length, revision, kind) in rows {
            let row = [&length.to_le_bytes()[..], &revision.to_le_bytes(), &kind.to_le_bytes()].concat();
            bytes[at..at + 8].copy_from_slice(&row);
            at = (at + *length as usize).next_multiple_of(8);
        }
        let mut headers = Headers::default();
        headers.checksum = 100;
        headers.signatures_entry = Some(200);
        headers.signatures = (offset, length);
        signed(&Content::from_vec(bytes), &headers).unwrap()
    }

    #[test]
    fn checksum_entry_and_table_are_left_out() {
        let signed = table(1024, 512, 512, &[(508, 0x200, 2)]).unwrap();
        assert_eq!(signed.covered, [0..100, 104..200, 208..512, 1024..1024]);
        assert_eq!(signed.signatures.first(), Some(&(520..1024)));
        assert!(!signed.irregular);
        let unsigned = table(1021, 0, 0, &[]).unwrap();
        assert_eq!(unsigned.covered, [0..100, 104..200, 208..1021]);
        assert!(unsigned.signatures.is_empty());
    }

    #[test]
    fn tables_of_strangers_are_told() {
        assert!(table(1032, 512, 512, &[(512, 0x200, 2)]).unwrap().irregular, "something is behind it");
        assert!(table(1024, 512, 512, &[(400, 0x200, 2)]).unwrap().irregular, "something is in it");
        let two = table(1024, 512, 512, &[(256, 0x200, 2), (256, 0x200, 2)]).unwrap();
        assert_eq!(two.signatures, [520..1024, 776..1024]);
        assert!(!two.irregular);
        for (revision, kind) in [(0x100, 2), (0x200, 1)] {
            let other = table(1024, 512, 512, &[(512, revision, kind)]).unwrap();
            assert!(other.irregular && other.signatures.is_empty());
        }
        let long = table(1024, 512, 512, &[(u32::MAX, 0x200, 2)]);
        assert_eq!(long.unwrap().signatures.first(), Some(&(520..1024)));
        assert!(table(1024, 512, 512, &[]).unwrap().signatures.is_empty());
        assert_eq!(table(1024, 512, 516, &[]), None, "beyond the end");
        assert_eq!(table(1024, 200, 512, &[]), None, "over the headers");
        let many = table(1024, 512, 512, &[(16, 0x200, 2); 32]).unwrap();
        assert_eq!((many.signatures.len(), many.irregular), (8, true));
    }
}
