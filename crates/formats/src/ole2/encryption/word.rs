//! Encrypted documents of Word: the header of the encryption stands at the start of the table stream, and the streams
//! are encrypted in blocks of 512 bytes.
//!
//! Specification: [MS-DOC] 2.2.6 and 2.5.2.

use std::io::Read;

use candor_object::{Flow, Sink};

use super::rc4::{Decrypted, Decryption, Header, Keys};
use super::{Keyring, Place, Tried, utf16};
use crate::fields::{u16_le, u32_le};

/// Bytes at the start of the main stream that stay as they are.
const PLAIN: usize = 68;
const BLOCK: usize = 512;
const ENCRYPTED: u16 = 0x100;
const OBFUSCATED: u16 = 0x8000;
const SECOND_TABLE: u16 = 0x200;

pub(super) fn open(place: Place<'_>, keyring: &mut Keyring, sink: &mut dyn Sink) -> Flow {
    let head = place.head(PLAIN as u64);
    let flags = u16_le(&head, 10).unwrap_or(0);
    // The identifier of the format, and a bit of the flags.
    if !head.starts_with(b"\xec\xa5") || flags & ENCRYPTED == 0 {
        return Ok(());
    }
    if flags & OBFUSCATED != 0 {
        place.locked("XOR obfuscation of Word", sink);
        return Ok(());
    }
    let name = if flags & SECOND_TABLE != 0 { "1Table" } else { "0Table" };
    let table = place.beside(name);
    let length = u64::from(u32_le(&head, 14).unwrap_or(0)).clamp(52, 4096);
    let header = table.and_then(|table| Header::read(&table.head(length)));
    let (Some(table), Some(header)) = (table, header) else {
        place.locked("how is not known", sink);
        return Ok(());
    };
    let mut attempt = |password: &[u8], _: &mut dyn Sink| {
        // The keys of each stream begin anew.
        let keys = || header.open(&utf16(password)?);
        Ok(keys().zip(keys()).zip(keys()))
    };
    let Tried::Open(((main, tables), data), origin) = keyring.try_all(0, place, sink, &mut attempt)? else {
        return Ok(());
    };
    place.opened(&origin, &mut decrypted(place, main, PLAIN), sink)?;
    table.opened(&origin, &mut decrypted(table, tables, 0), sink)?;
    if let Some(stream) = place.beside("Data") {
        stream.opened(&origin, &mut decrypted(stream, data, 0), sink)?;
    }
    Ok(())
}

fn decrypted(place: Place<'_>, keys: Keys, plain: usize) -> impl Read {
    Decrypted { source: place.stream(), decryption: Decryption::new(keys, BLOCK), plain }
}
