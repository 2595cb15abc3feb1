//! 7z: the members of an archive, block by block.
//!
//! Specification: `7zFormat.txt` of the LZMA SDK, <https://py7zr.readthedocs.io/en/latest/archive_format.html>.
//!
//! The headers and decoders are those of `sevenz-rust2`. It has no limit for dictionaries and derives a key for every
//! block, so both are bounded here before it is asked.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use candor_object::{
    Child, Content, FileType, Flow, Listed, Password as Known, Reader, Reason, Relation, Sink, Stop,
};
use flate2::Crc;
use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, Error, Password};

use crate::fields::{u32_le, u64_le};
use crate::held::holding;
use crate::{Format, Glimpse};

const MAGIC: &[u8; 6] = b"7z\xbc\xaf\x27\x1c";
/// Bytes of the first header, from whose end on all offsets count.
const START: u64 = 32;
const LZMA: &[u8] = &[3, 1, 1];
const LZMA2: &[u8] = &[0x21];
const PPMD: &[u8] = &[3, 4, 1];
const AES: &[u8] = &[6, 0xf1, 7, 1];
/// The largest dictionary that is decoded with, in bytes: that of 7-Zip's strongest setting.
const LARGEST_DICTIONARY: u64 = 256 << 20;
/// The most rounds of the derivation of a key, as a power of two: 7-Zip writes 19.
const MOST_ROUNDS: u8 = 22;
/// The most passwords that are tried for one archive.
const MOST_PASSWORDS: usize = 256;
/// The most blocks that are decrypted: each needs a derivation of its own.
const MOST_ENCRYPTED: usize = 256;
/// Bytes that a password has to decode without an error to be believed, or the first member if that is shorter.
const PROOF: u64 = 4 << 20;
/// Bytes of a member that are skipped between two looks at the clock.
const SKIP: u64 = 1 << 20;

/// The 7z format.
pub(crate) struct SevenZ;

impl Format for SevenZ {
    fn file_type(&self) -> FileType {
        FileType::new("7z")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let Some((mut archive, password)) = read(content, sink)? else { return Ok(()) };
        // A wrong checksum must not hide what other programs take out all the same; it is compared afterwards.
        archive.blocks.iter_mut().for_each(|block| block.has_crc = false);
        let checksums: Vec<Option<u32>> = archive.files.iter_mut().map(take_checksum).collect();
        for (entry, block) in archive.files.iter().zip(&archive.stream_map.file_block_index) {
            let block = block.and_then(|number| archive.blocks.get(number));
            sink.listed(Listed {
                name: &entry.name,
                packed: entry.compressed_size,
                size: entry.size,
                encrypted: block.is_some_and(is_encrypted),
                position: None,
            });
        }
        let mut opener = Opener { content, archive: &archive, checksums, password, encrypted: 0 };
        for (number, block) in archive.blocks.iter().enumerate() {
            sink.pulse()?;
            opener.open_block(number, block, sink)?;
        }
        match end(content)? {
            Some(end) if end < content.size() => {
                let behind = Child { name: "", relation: Relation::Overlay };
                sink.range(behind, content.from(end))
            }
            _ => Ok(()),
        }
    }
}

/// Where the archive ends: behind its headers, which are its last part, and its members.
fn end(content: &Content) -> io::Result<Option<u64>> {
    let start = content.window(0, 32)?;
    let (offset, size) = (u64_le(&start, 12), u64_le(&start, 20));
    Ok(offset.zip(size).and_then(|(offset, size)| offset.checked_add(size)?.checked_add(START)))
}

/// The checksum of a member, which its decoder no longer looks at.
fn take_checksum(entry: &mut ArchiveEntry) -> Option<u32> {
    let had = std::mem::take(&mut entry.has_crc);
    had.then(|| u32::try_from(entry.crc).ok()).flatten()
}

/// Reads the headers, with a password if they are encrypted.
fn read(content: &Content, sink: &mut dyn Sink) -> Result<Option<(Archive, Option<Password>)>, Stop> {
    let passwords = sink.passwords(SevenZ.file_type());
    let none = Password::empty();
    match Archive::read(&mut content.reader(), &none) {
        Ok(archive) => return Ok(Some((archive, None))),
        Err(Error::PasswordRequired) => {}
        Err(_) if end(content)?.is_none_or(|end| end > content.size()) => {
            sink.gap(Reason::Truncated, "the headers, which are at the end of an archive, are missing");
            return Ok(None);
        }
        Err(error) => {
            note(&error, "the headers", sink);
            return Ok(None);
        }
    }
    for known in passwords.iter().take(MOST_PASSWORDS) {
        sink.pulse()?;
        let Some(password) = password(known) else { continue };
        if let Ok(archive) = Archive::read(&mut content.reader(), &password) {
            return Ok(Some((archive, Some(password))));
        }
    }
    let why = tried(passwords.len());
    sink.gap(Reason::Encrypted, &format!("the headers: neither names nor members can be read: {why}"));
    Ok(None)
}

/// What was tried of so many passwords, none of which is right.
fn tried(known: usize) -> String {
    match known {
        0 => "no password is known".to_owned(),
        1..=MOST_PASSWORDS => format!("none of {known} known passwords opens it"),
        _ => format!("none of the first {MOST_PASSWORDS} of {known} known passwords opens it"),
    }
}

/// A password as 7z takes it: text.
fn password(known: &Known) -> Option<Password> {
    std::str::from_utf8(&known.bytes).ok().map(Password::new)
}

fn is_encrypted(block: &Block) -> bool {
    block.coders.iter().any(|coder| coder.encoder_method_id() == AES)
}

/// Why a block is not decoded, before anything of it is.
fn refusal(block: &Block) -> Option<String> {
    block.coders.iter().find_map(|coder| {
        let properties = coder.properties();
        if coder.encoder_method_id() == AES
            && properties.first().is_some_and(|first| first & 0x3f > MOST_ROUNDS)
        {
            return Some(format!("keys of more than 2^{MOST_ROUNDS} rounds"));
        }
        let dictionary = dictionary(coder.encoder_method_id(), properties);
        (dictionary > LARGEST_DICTIONARY).then(|| format!("a dictionary of {dictionary} bytes"))
    })
}

/// Bytes of the dictionary of a method, or of the model where it has one.
fn dictionary(method: &[u8], properties: &[u8]) -> u64 {
    match method {
        LZMA | PPMD => u32_le(properties, 1).map_or(0, u64::from),
        LZMA2 => lzma2_dictionary(properties.first().copied().unwrap_or(0)),
        _ => 0,
    }
}

/// Bytes of dictionaries that decoding a block fills.
fn memory(block: &Block) -> u64 {
    let filled = block.coders.iter().enumerate().map(|(index, coder)| {
        let (method, dictionary) =
            (coder.encoder_method_id(), dictionary(coder.encoder_method_id(), coder.properties()));
        // A dictionary holds what was put out, and a model more than that.
        if method == PPMD { dictionary } else { dictionary.min(block.get_unpack_size_at_index(index)) }
    });
    filled.fold(0, u64::saturating_add)
}

/// The dictionary's size, which LZMA2 writes as half an exponent.
fn lzma2_dictionary(bits: u8) -> u64 {
    let mantissa = 2 | u64::from(bits & 1);
    mantissa.checked_shl(u32::from(bits / 2).saturating_add(11)).unwrap_or(u64::MAX)
}

struct Opener<'a> {
    content: &'a Content,
    archive: &'a Archive,
    /// Those of the members, in their order.
    checksums: Vec<Option<u32>>,
    password: Option<Password>,
    encrypted: usize,
}

impl Opener<'_> {
    fn open_block(&mut self, number: usize, block: &Block, sink: &mut dyn Sink) -> Flow {
        let none = Password::empty();
        let mut source = self.content.reader();
        let names = BlockDecoder::new(1, number, self.archive, &none, &mut source);
        let members = names.entry_count();
        let first = names.entries().first().map_or("", |entry| entry.name.as_str());
        let what = match members {
            0 | 1 => format!("member {first}"),
            _ => format!("member {first} and {} more", members.saturating_sub(1)),
        };
        if let Some(why) = refusal(block) {
            sink.gap(Reason::Unsupported, &format!("{what}: {why}"));
            return Ok(());
        }
        if is_encrypted(block) {
            self.encrypted = self.encrypted.saturating_add(1);
            if self.encrypted > MOST_ENCRYPTED {
                let detail =
                    format!("{what}: only the first {MOST_ENCRYPTED} encrypted blocks are decrypted");
                sink.gap(Reason::Encrypted, &detail);
                return Ok(());
            }
            if !self.find_password(number, sink)? {
                let known = sink.passwords(SevenZ.file_type()).len();
                sink.gap(Reason::Encrypted, &format!("{what}: {}", tried(known)));
                return Ok(());
            }
        }
        holding(memory(block), &what, sink, |sink| self.decode(number, (members, &what), sink))
    }

    /// Hands over the members of a block.
    fn decode(&self, number: usize, (members, what): (usize, &str), sink: &mut dyn Sink) -> Flow {
        let none = Password::empty();
        let mut source = self.content.reader();
        let password = self.password.as_ref().unwrap_or(&none);
        let decoder = BlockDecoder::new(1, number, self.archive, password, &mut source);
        let (mut stop, mut failed) = (None, false);
        let mut checksums = self.checksums_of(number);
        let done = decoder.for_each_entries(&mut |entry, body| {
            let mut body = Member::new(entry, body);
            let checksum = checksums.next().copied().flatten();
            match hand_over(entry, checksum, &mut body, sink) {
                Ok(()) => failed = body.error,
                Err(stopped) => stop = Some(stopped),
            }
            Ok(stop.is_none() && !failed)
        });
        if let Some(stop) = stop {
            return Err(stop);
        }
        if failed && members > 1 {
            sink.gap(Reason::Damaged, &format!("{what}: nothing behind the damage can be decoded"));
        }
        if let Err(error) = done {
            note(&error, what, sink);
        }
        Ok(())
    }

    /// Whether there is a password that decodes the block; the one that did so for another block is tried first.
    fn find_password(&mut self, number: usize, sink: &mut dyn Sink) -> Result<bool, Stop> {
        let known: Arc<[Known]> = sink.passwords(SevenZ.file_type());
        let known = known.iter().take(MOST_PASSWORDS).filter_map(password);
        for candidate in self.password.take().into_iter().chain(known) {
            sink.pulse()?;
            if self.decodes(number, &candidate) {
                self.password = Some(candidate);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn decodes(&self, number: usize, password: &Password) -> bool {
        let mut source: Reader = self.content.reader();
        let decoder = BlockDecoder::new(1, number, self.archive, password, &mut source);
        let mut right = false;
        let mut checksums = self.checksums_of(number);
        let done = decoder.for_each_entries(&mut |entry, body| {
            let checksum = checksums.next().copied().flatten();
            if !entry.has_stream || entry.size == 0 {
                return Ok(true);
            }
            let mut body = Member::new(entry, body);
            let read = io::copy(&mut Read::by_ref(&mut body).take(PROOF), &mut io::sink());
            let whole = read.as_ref().is_ok_and(|read| *read == entry.size);
            right = read.is_ok() && !(whole && checksum.is_some_and(|checksum| checksum != body.sum.sum()));
            Ok(false)
        });
        done.is_ok() && right
    }

    /// The checksums from the first member of a block on.
    fn checksums_of(&self, block: usize) -> impl Iterator<Item = &Option<u32>> {
        let first = self.archive.stream_map.block_first_file_index.get(block).copied().unwrap_or(0);
        self.checksums.iter().skip(first)
    }
}

/// Hands a member over and reads what the sink left of it, so that the next one begins where it has to.
fn hand_over(
    entry: &ArchiveEntry,
    checksum: Option<u32>,
    body: &mut Member<'_>,
    sink: &mut dyn Sink,
) -> Flow {
    if entry.has_stream && entry.size > 0 {
        sink.child(Child::member(&entry.name), body)?;
    }
    while !body.error {
        sink.pulse()?;
        match io::copy(&mut Read::by_ref(body).take(SKIP), &mut io::sink()) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    if !body.error && entry.has_stream && checksum.is_some_and(|checksum| checksum != body.sum.sum()) {
        sink.gap(Reason::Damaged, &format!("member {}: wrong checksum", entry.name));
    }
    Ok(())
}

/// A member's decoder, which is never read again after an error.
///
/// Where a block is one member, the decoder compares the checksum and gives an error in the place of the last bytes. They
/// must come out all the same, so that the very last one is asked for alone.
struct Member<'a> {
    body: &'a mut dyn Read,
    left: u64,
    error: bool,
    sum: Crc,
}

impl<'a> Member<'a> {
    fn new(entry: &ArchiveEntry, body: &'a mut dyn Read) -> Self {
        Self { body, left: entry.size, error: false, sum: Crc::new() }
    }
}

impl Read for Member<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.error || self.left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.left.saturating_sub(1).max(1)).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let read = match self.body.read(buffer) {
            Err(error) if self.left == 1 && is_checksum(&error) => Ok(1),
            other => other,
        };
        self.error = read.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted);
        let count = *read.as_ref().unwrap_or(&0);
        self.sum.update(buffer.get(..count).unwrap_or_default());
        self.left = self.left.saturating_sub(count as u64);
        read
    }
}

fn is_checksum(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::ChecksumVerificationFailed))
}

/// Notes an error of the headers or of a block's decoders as a gap.
fn note(error: &Error, what: &str, sink: &mut dyn Sink) {
    let reason = match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => Reason::Encrypted,
        Error::UnsupportedVersion { .. }
        | Error::UnsupportedCompressionMethod(_)
        | Error::ExternalUnsupported
        | Error::Unsupported(_)
        | Error::MaxMemLimited { .. } => Reason::Unsupported,
        Error::Io(error, _) if error.kind() == ErrorKind::UnexpectedEof => Reason::Truncated,
        _ => Reason::Damaged,
    };
    sink.gap(reason, &format!("{what}: {error}"));
}

#[cfg(test)]
mod tests {
    use super::lzma2_dictionary;

    #[test]
    fn dictionaries_of_lzma2() {
        assert_eq!(lzma2_dictionary(0), 4 << 10);
        assert_eq!(lzma2_dictionary(1), 6 << 10);
        assert_eq!(lzma2_dictionary(24), 16 << 20);
        assert_eq!(lzma2_dictionary(255), u64::MAX);
    }
}
