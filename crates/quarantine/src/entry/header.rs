//! The first 96 bytes of an entry: what is sealed where. Little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic `CANDORQE` |
//! | 8 | 4 | version, 1 |
//! | 12 | 16 | id |
//! | 28 | 8 | mark of the key |
//! | 36 | 19 | nonce of the content |
//! | 55 | 24 | nonce of the record |
//! | 79 | 8 | length of the sealed content |
//! | 87 | 4 | length of the sealed record |
//! | 91 | 5 | zero |

use crate::id::Id;

use super::Fault;

/// Its length in bytes.
pub(crate) const LENGTH: usize = 96;
/// How much of it is known when the content begins, and is sealed with every chunk.
pub(crate) const KNOWN_FIRST: usize = 55;
const MAGIC: [u8; 8] = *b"CANDORQE";
const VERSION: u32 = 1;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: Id,
    pub(crate) key_mark: [u8; 8],
    pub(crate) content_nonce: [u8; 19],
    pub(crate) record_nonce: [u8; 24],
    pub(crate) content_length: u64,
    pub(crate) record_length: u32,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let parts: [&[u8]; 8] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &self.id.0,
            &self.key_mark,
            &self.content_nonce,
            &self.record_nonce,
            &self.content_length.to_le_bytes(),
            &self.record_length.to_le_bytes(),
        ];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// What is sealed with every chunk: a chunk belongs to this entry and no other.
    pub(crate) fn known_first(self) -> [u8; KNOWN_FIRST] {
        let mut bytes = [0; KNOWN_FIRST];
        bytes.iter_mut().zip(self.to_bytes()).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; LENGTH]) -> Result<Self, Fault> {
        let mut rest = bytes.as_slice();
        if next::<8>(&mut rest)? != MAGIC {
            return Err(Fault::Damaged("it does not begin as an entry does"));
        }
        if u32::from_le_bytes(next(&mut rest)?) != VERSION {
            return Err(Fault::Damaged("it was made by another version of this program"));
        }
        let header = Self {
            id: Id(next(&mut rest)?),
            key_mark: next(&mut rest)?,
            content_nonce: next(&mut rest)?,
            record_nonce: next(&mut rest)?,
            content_length: u64::from_le_bytes(next(&mut rest)?),
            record_length: u32::from_le_bytes(next(&mut rest)?),
        };
        if rest.iter().any(|byte| *byte != 0) {
            return Err(Fault::Damaged("its header has bytes that mean nothing"));
        }
        Ok(header)
    }
}

fn next<const COUNT: usize>(rest: &mut &[u8]) -> Result<[u8; COUNT], Fault> {
    let (head, tail) = rest.split_first_chunk().ok_or(Fault::Damaged("its header is cut short"))?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let header = Header {
            id: Id([1; 16]),
            key_mark: [2; 8],
            content_nonce: [3; 19],
            record_nonce: [4; 24],
            content_length: u64::MAX - 1,
            record_length: u32::MAX - 1,
        };
        let bytes = header.to_bytes();
        assert_eq!(Header::from_bytes(&bytes).unwrap(), header);
        assert_eq!(bytes[87..91], (u32::MAX - 1).to_le_bytes());
        for place in (0..12).chain(91..96) {
            let mut bytes = bytes;
            bytes[place] ^= 1;
            assert!(Header::from_bytes(&bytes).is_err(), "{place}");
        }
    }
}
