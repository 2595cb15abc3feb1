//! Reads an entry; nothing of it is believed before it was authenticated.

use std::io::{self, Read, Seek, SeekFrom};

use aead_stream::DecryptorBE32;

use crate::id::Id;
use crate::key::Key;
use crate::whole_digest::WholeDigest;

use super::header::{self, Header};
use super::record::{Entry, MOST_BYTES};
use super::{CHUNK, Fault, TAG};

/// An entry whose record is authentic; its content is looked at when it is read.
#[derive(Debug)]
pub(crate) struct Unsealed<R> {
    source: R,
    key: Key,
    header: Header,
    pub(crate) entry: Entry,
}

impl<R: Read + Seek> Unsealed<R> {
    /// Reads header and record of the entry with this id.
    pub(crate) fn open(mut source: R, key: &Key, id: Id) -> Result<Self, Fault> {
        let length = source.seek(SeekFrom::End(0))?;
        source.seek(SeekFrom::Start(0))?;
        let mut bytes = [0; header::LENGTH];
        source.read_exact(&mut bytes)?;
        let header = Header::from_bytes(&bytes)?;
        if header.key_mark != key.mark() {
            return Err(Fault::ForeignKey);
        }
        if header.id != id {
            return Err(Fault::Damaged("it is another entry than its name says"));
        }
        let record_at = (header::LENGTH as u64).checked_add(header.content_length);
        if record_at.and_then(|at| at.checked_add(header.record_length.into())) != Some(length) {
            return Err(Fault::Damaged("it does not have the length that its header says"));
        }
        if header.record_length > MOST_BYTES {
            return Err(Fault::Damaged("its record is too long"));
        }
        source.seek(SeekFrom::Start(record_at.unwrap_or(length)))?;
        let mut record = vec![0; header.record_length as usize];
        source.read_exact(&mut record)?;
        key.open(header.record_nonce, &bytes, &mut record)
            .ok_or(Fault::Damaged("its record was changed after it was sealed"))?;
        let entry = Entry::from_json(&record)?;
        if entry.id != id {
            return Err(Fault::Damaged("it is another entry than its name says"));
        }
        if sealed_length(entry.stored()?) != Some(header.content_length) {
            return Err(Fault::Damaged("its content does not have the length that its record says"));
        }
        Ok(Self { source, key: key.clone(), header, entry })
    }

    /// Reads the content from its beginning: each piece with its offset in the file, without the holes.
    ///
    /// What the sink got must not be used before this returns: only then the whole is known to be right.
    pub(crate) fn content(
        &mut self,
        sink: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        const CHANGED: Fault = Fault::Damaged("its content was changed after it was sealed");
        self.source.seek(SeekFrom::Start(header::LENGTH as u64))?;
        let with = self.header.known_first();
        let mut stream = DecryptorBE32::from_aead(self.key.cipher(), &self.header.content_nonce.into());
        let mut left = self.header.content_length;
        let mut spread =
            Spread { entry: &self.entry, extent: 0, done: 0, digest: WholeDigest::default(), sink };
        let full = (CHUNK + TAG) as u64;
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        while left > full {
            fill(&mut self.source, &mut chunk, full)?;
            left -= full;
            stream.decrypt_next_in_place(&with, &mut chunk).map_err(|_| CHANGED)?;
            spread.push(&chunk)?;
        }
        fill(&mut self.source, &mut chunk, left)?;
        stream.decrypt_last_in_place(&with, &mut chunk).map_err(|_| CHANGED)?;
        spread.push(&chunk)?;
        if spread.digest.finish(self.entry.size) != self.entry.sha256 {
            return Err(Fault::Damaged("its content does not have the digest that its record says"));
        }
        Ok(())
    }
}

fn fill(source: &mut impl Read, chunk: &mut Vec<u8>, length: u64) -> Result<(), Fault> {
    chunk.clear();
    let read = source.take(length).read_to_end(chunk)?;
    if read as u64 == length { Ok(()) } else { Err(Fault::Damaged("it is cut short")) }
}

/// Bytes of sealed content for this many bytes; there is always a last chunk.
fn sealed_length(stored: u64) -> Option<u64> {
    let chunks = stored.div_ceil(CHUNK as u64).max(1);
    chunks.checked_mul(TAG as u64)?.checked_add(stored)
}

/// Puts stored bytes to where they were in the file.
struct Spread<'a> {
    entry: &'a Entry,
    extent: usize,
    done: u64,
    digest: WholeDigest,
    sink: &'a mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
}

impl Spread<'_> {
    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let extent = self
                .entry
                .extents
                .get(self.extent)
                .ok_or(Fault::Damaged("it has more content than its record says"))?;
            let left = extent.length.saturating_sub(self.done);
            let now = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let (piece, later) = bytes.split_at(now);
            let offset = extent.offset + self.done;
            self.digest.push(offset, piece);
            (self.sink)(offset, piece).map_err(Fault::Sink)?;
            self.done += now as u64;
            if self.done == extent.length {
                self.extent += 1;
                self.done = 0;
            }
            bytes = later;
        }
        Ok(())
    }
}
