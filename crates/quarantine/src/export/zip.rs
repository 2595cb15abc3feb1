//! A zip with one stored member under the traditional encryption (PKWARE APPNOTE.TXT 6.3.10, 4.3, 4.5, 6.1).
//!
//! That encryption is weak and its password is public: it keeps programs from opening the content by
//! accident, and nobody from opening it on purpose. AES would need tools that fewer analysts have at hand.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};

use crate::entry::Fault;
use crate::entry::unseal::Unsealed;
use crate::id::random;

/// What analysts use everywhere.
const PASSWORD: &[u8] = b"infected";
/// Bytes that the encryption puts before the content.
const SALT: u64 = 12;
/// A regular file that only its owner reads and writes, where the directory keeps it.
const MODE: u32 = 0o100_600 << 16;
/// 1980-01-01, the first day that the format knows.
const DATE: u16 = 0x21;

/// Writes the content of an entry.
pub(super) fn write<R: Read + Seek>(unsealed: &mut Unsealed<R>, file: &File) -> Result<(), Fault> {
    let checksum = checksum(unsealed)?;
    let name = hex::encode(unsealed.entry.sha256);
    let mut zip = Writer::begin(file, &name, unsealed.entry.size, checksum).map_err(Fault::Sink)?;
    unsealed.content(&mut |offset, piece| zip.push(offset, piece))?;
    zip.finish().map_err(Fault::Sink)
}

/// CRC-32 of the whole content, holes included; reading it also finds damage before anything is written.
fn checksum<R: Read + Seek>(unsealed: &mut Unsealed<R>) -> Result<u32, Fault> {
    let mut checksum = crc32fast::Hasher::new();
    let mut at = 0;
    unsealed.content(&mut |offset, piece| {
        zeros(&mut at, offset, &mut |zeros| {
            checksum.update(zeros);
            Ok(())
        })?;
        checksum.update(piece);
        at += piece.len() as u64;
        Ok(())
    })?;
    let size = unsealed.entry.size;
    zeros(&mut at, size, &mut |zeros| {
        checksum.update(zeros);
        Ok(())
    })?;
    Ok(checksum.finalize())
}

/// Passes on the zeros of a hole.
fn zeros(at: &mut u64, until: u64, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    static ZEROS: [u8; 16 << 10] = [0; 16 << 10];
    while *at < until {
        let zeros = usize::try_from(until - *at).ok().and_then(|left| ZEROS.get(..left)).unwrap_or(&ZEROS);
        sink(zeros)?;
        *at += zeros.len() as u64;
    }
    Ok(())
}

/// A zip that is being written.
struct Writer<'a> {
    file: BufWriter<&'a File>,
    keys: Keys,
    name: &'a str,
    size: u64,
    checksum: u32,
    at: u64,
}

impl<'a> Writer<'a> {
    fn begin(file: &'a File, name: &'a str, size: u64, checksum: u32) -> io::Result<Self> {
        let mut writer =
            Self { file: BufWriter::new(file), keys: Keys::new(PASSWORD), name, size, checksum, at: 0 };
        let extra = writer.extra();
        let head = [b"PK\x03\x04".as_slice(), &writer.shared(), &[], name.as_bytes(), &extra].concat();
        writer.file.write_all(&head)?;
        let mut salt: [u8; SALT as usize] = random()?;
        // The last byte lets readers tell a wrong password.
        let [.., last] = &mut salt;
        *last = checksum.to_be_bytes()[0];
        writer.keys.encrypt(&mut salt);
        writer.file.write_all(&salt)?;
        Ok(writer)
    }

    /// Adds content at its offset.
    fn push(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.fill(offset)?;
        self.write(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.fill(self.size)?;
        let name = self.name.as_bytes();
        let extra = self.extra();
        let local = 30 + name.len() as u64 + extra.len() as u64;
        let directory_at = local + SALT + self.size;
        let mut directory = [b"PK\x01\x02".as_slice(), &[45, 3], &self.shared()].concat();
        // No comment, first disk, no internal attributes; the member is at the beginning.
        directory.extend([0; 6]);
        directory.extend(MODE.to_le_bytes());
        directory.extend([0; 4]);
        directory.extend(name);
        directory.extend(&extra);
        let mut end = Vec::new();
        if self.is_long() {
            end.extend(b"PK\x06\x06");
            end.extend(44_u64.to_le_bytes());
            end.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            end.extend(1_u64.to_le_bytes());
            end.extend(1_u64.to_le_bytes());
            end.extend((directory.len() as u64).to_le_bytes());
            end.extend(directory_at.to_le_bytes());
            end.extend(b"PK\x06\x07");
            end.extend([0; 4]);
            end.extend((directory_at + directory.len() as u64).to_le_bytes());
            end.extend(1_u32.to_le_bytes());
        }
        end.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        end.extend((directory.len() as u32).to_le_bytes());
        end.extend(u32::try_from(directory_at).unwrap_or(u32::MAX).to_le_bytes());
        end.extend([0; 2]);
        self.file.write_all(&directory)?;
        self.file.write_all(&end)?;
        self.file.flush()
    }

    fn fill(&mut self, until: u64) -> io::Result<()> {
        let mut at = self.at;
        let filled = zeros(&mut at, until, &mut |zeros| self.write(zeros));
        self.at = at;
        filled
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut encrypted = bytes.to_vec();
        self.keys.encrypt(&mut encrypted);
        self.file.write_all(&encrypted)
    }

    /// Whether sizes and places need 64 bits; near the border they get them.
    fn is_long(&self) -> bool {
        self.size >= u64::from(u32::MAX) - 1024
    }

    /// What local header and directory have in common, from the needed version to the length of the extra field.
    fn shared(&self) -> Vec<u8> {
        let short =
            |size: u64| if self.is_long() { u32::MAX } else { u32::try_from(size).unwrap_or(u32::MAX) };
        let mut bytes = Vec::new();
        // Encrypted, stored.
        for field in [if self.is_long() { 45 } else { 20 }, 1, 0, 0, DATE] {
            bytes.extend(u16::to_le_bytes(field));
        }
        for field in [self.checksum, short(self.size + SALT), short(self.size)] {
            bytes.extend(field.to_le_bytes());
        }
        for length in [self.name.len(), self.extra().len()] {
            bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        }
        bytes
    }

    /// The extra field with the sizes that do not fit.
    fn extra(&self) -> Vec<u8> {
        if !self.is_long() {
            return Vec::new();
        }
        let mut bytes = vec![1, 0, 16, 0];
        bytes.extend(self.size.to_le_bytes());
        bytes.extend((self.size + SALT).to_le_bytes());
        bytes
    }
}

/// The three keys of the traditional encryption.
struct Keys([u32; 3]);

impl Keys {
    fn new(password: &[u8]) -> Self {
        let mut keys = Self([0x1234_5678, 0x2345_6789, 0x3456_7890]);
        password.iter().for_each(|byte| keys.update(*byte));
        keys
    }

    fn encrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let plain = *byte;
            let mix = (self.0[2] | 2) & 0xffff;
            *byte ^= (mix.wrapping_mul(mix ^ 1) >> 8) as u8;
            self.update(plain);
        }
    }

    fn update(&mut self, byte: u8) {
        let [first, second, third] = &mut self.0;
        *first = step(*first, byte);
        *second = second.wrapping_add(*first & 0xff).wrapping_mul(134_775_813).wrapping_add(1);
        *third = step(*third, (*second >> 24) as u8);
    }
}

/// One step of CRC-32 without its inversions, which the crate does at both ends.
fn step(checksum: u32, byte: u8) -> u32 {
    let [low, ..] = checksum.to_le_bytes();
    (checksum >> 8) ^ TABLE[usize::from(low ^ byte)]
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};
