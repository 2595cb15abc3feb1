//! Writes an entry: content in chunks as it comes, then the record, then the header.
//!
//! The content is sealed with the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online
//! Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance) over XChaCha20-Poly1305, so that chunks
//! can be neither left out, nor cut off, nor moved.

use std::io::{self, Seek, SeekFrom, Write};

use aead_stream::EncryptorBE32;
use chacha20poly1305::XChaCha20Poly1305;

use crate::id::{Id, random};
use crate::key::Key;

use super::header::{self, Header};
use super::record::{Entry, MOST_BYTES};
use super::{CHUNK, TAG};

/// An entry that is being written.
pub(crate) struct Sealer<'a, W> {
    file: W,
    key: &'a Key,
    header: Header,
    stream: EncryptorBE32<XChaCha20Poly1305>,
    waiting: Vec<u8>,
}

impl<'a, W: Write + Seek> Sealer<'a, W> {
    /// Begins one in an empty file.
    pub(crate) fn begin(mut file: W, key: &'a Key, id: Id) -> io::Result<Self> {
        let header = Header {
            id,
            key_mark: key.mark(),
            content_nonce: random()?,
            record_nonce: random()?,
            content_length: 0,
            record_length: 0,
        };
        // The header is written last, so that what is unfinished cannot pass for an entry.
        file.write_all(&[0; header::LENGTH])?;
        let stream = EncryptorBE32::from_aead(key.cipher(), &header.content_nonce.into());
        Ok(Self { file, key, header, stream, waiting: Vec::with_capacity(CHUNK + TAG) })
    }

    /// Adds content. The bytes are on their way to the file when a chunk is full.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // A full chunk waits until it is known that it is not the last one.
            if self.waiting.len() == CHUNK {
                let with = self.header.known_first();
                self.stream.encrypt_next_in_place(&with, &mut self.waiting).map_err(|_| too_long())?;
                self.write_waiting()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends the content, adds the record and the header.
    pub(crate) fn finish(mut self, entry: &Entry) -> io::Result<()> {
        let with = self.header.known_first();
        let mut waiting = std::mem::take(&mut self.waiting);
        self.stream.encrypt_last_in_place(&with, &mut waiting).map_err(|_| too_long())?;
        self.header.content_length += waiting.len() as u64;
        self.file.write_all(&waiting)?;
        let mut record = entry.to_json().map_err(io::Error::other)?;
        self.header.record_length = u32::try_from(record.len() + TAG)
            .ok()
            .filter(|length| *length <= MOST_BYTES)
            .ok_or_else(|| io::Error::other("the record is too long"))?;
        let header = self.header.to_bytes();
        self.key.seal(self.header.record_nonce, &header, &mut record).ok_or_else(too_long)?;
        self.file.write_all(&record)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.flush()
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        self.file.write_all(&self.waiting)?;
        self.header.content_length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

fn too_long() -> io::Error {
    io::Error::other("the content is too long to be sealed")
}
