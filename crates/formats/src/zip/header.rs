//! The two headers that a zip entry has, which need not agree.
//!
//! Specification: APPNOTE.TXT 6.3.10, sections 4.3.7 (local), 4.3.12 (central), 4.5.3 (zip64). Names are not
//! trusted for anything: they are compared, cut at `MAX_NAME` and handed over.

use std::io;

use candor_object::{Content, MAX_NAME};

use crate::fields::{array, u16_le, u32_le, u64_le};

/// Signature of a local header.
pub(super) const LOCAL: &[u8; 4] = b"PK\x03\x04";
/// Signature of a central header.
pub(super) const CENTRAL: &[u8; 4] = b"PK\x01\x02";
/// Size of a local header without name and extra field.
pub(super) const LOCAL_SIZE: u64 = 30;
/// Size of a central header without name, extra field and comment.
pub(super) const CENTRAL_SIZE: u64 = 46;

/// What one header claims about an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) flags: u16,
    pub(super) method: u16,
    /// Time of the last change as MS-DOS writes it; a part of how some encrypted members are checked.
    pub(super) time: u16,
    pub(super) crc: u32,
    /// How the member is encrypted, if that is WinZip's AES.
    pub(super) aes: Option<Aes>,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) name: Vec<u8>,
    /// Size of the header with everything that belongs to it.
    pub(super) length: u64,
    /// Size of the extra field.
    pub(super) extra: u64,
    /// Where the local header is said to be; only in central headers.
    pub(super) offset: u64,
    /// The disk on which the local header is said to be; only in central headers.
    pub(super) disk: u32,
}

impl Claims {
    /// The local header at `offset`; nothing if the content ends before its name does. The signature is not
    /// looked at, since a wiped one hides nothing from readers that do not look either.
    pub(super) fn local(content: &Content, offset: u64) -> io::Result<Option<Self>> {
        let fixed = content.window(offset, 30)?;
        let parsed = (|| {
            let (name, extra) = (u16_le(&fixed, 26)?, u16_le(&fixed, 28)?);
            let length = LOCAL_SIZE.checked_add(u64::from(name))?.checked_add(u64::from(extra))?;
            let claims = Self {
                flags: u16_le(&fixed, 6)?,
                method: u16_le(&fixed, 8)?,
                time: u16_le(&fixed, 10)?,
                crc: u32_le(&fixed, 14)?,
                packed: u64::from(u32_le(&fixed, 18)?),
                unpacked: u64::from(u32_le(&fixed, 22)?),
                length,
                extra: u64::from(extra),
                ..Self::default()
            };
            Some((claims, name, extra))
        })();
        let Some((mut claims, name, extra)) = parsed else {
            return Ok(None);
        };
        let Some(after) = claims.read_name(content, offset, LOCAL_SIZE, name)? else {
            return Ok(None);
        };
        claims.read_extra(&content.window(after, extra.into())?);
        Ok(Some(claims))
    }

    /// The central header at `offset`; nothing without its signature or if the content ends before its name.
    pub(super) fn central(content: &Content, offset: u64) -> io::Result<Option<Self>> {
        let fixed = content.window(offset, 46)?;
        let parsed = (|| {
            if array::<4>(&fixed, 0)? != *CENTRAL {
                return None;
            }
            let (name, extra, comment) = (u16_le(&fixed, 28)?, u16_le(&fixed, 30)?, u16_le(&fixed, 32)?);
            let length = CENTRAL_SIZE
                .checked_add(u64::from(name))?
                .checked_add(u64::from(extra))?
                .checked_add(u64::from(comment))?;
            let claims = Self {
                flags: u16_le(&fixed, 8)?,
                method: u16_le(&fixed, 10)?,
                time: u16_le(&fixed, 12)?,
                crc: u32_le(&fixed, 16)?,
                packed: u64::from(u32_le(&fixed, 20)?),
                unpacked: u64::from(u32_le(&fixed, 24)?),
                length,
                extra: u64::from(extra),
                offset: u64::from(u32_le(&fixed, 42)?),
                disk: u32::from(u16_le(&fixed, 34)?),
                ..Self::default()
            };
            Some((claims, name, extra))
        })();
        let Some((mut claims, name, extra)) = parsed else {
            return Ok(None);
        };
        let Some(after) = claims.read_name(content, offset, CENTRAL_SIZE, name)? else {
            return Ok(None);
        };
        claims.read_extra(&content.window(after, extra.into())?);
        Ok(Some(claims))
    }

    /// Whether the encryption bits are set: bit 0, strong encryption (6) or a masked header (13).
    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & 0x2041 != 0
    }

    /// Whether sizes and checksum stand behind the data.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }

    /// Whether this header says nothing about the sizes.
    pub(super) fn is_sizeless(&self) -> bool {
        self.has_descriptor() && self.packed == 0 && self.unpacked == 0
    }

    /// The name for people, cut at [`MAX_NAME`].
    pub(super) fn text(&self) -> String {
        let mut text = decode(&self.name);
        let end = text.floor_char_boundary(MAX_NAME);
        text.truncate(end);
        text
    }

    /// Reads the name and returns the offset behind it.
    fn read_name(
        &mut self,
        content: &Content,
        header: u64,
        fixed: u64,
        size: u16,
    ) -> io::Result<Option<u64>> {
        let Some(start) = header.checked_add(fixed) else {
            return Ok(None);
        };
        let name = content.window(start, size.into())?;
        if name.len() < usize::from(size) {
            return Ok(None);
        }
        self.name = name.into_owned();
        Ok(start.checked_add(u64::from(size)))
    }

    /// Reads the extra fields that matter, the first of each kind.
    fn read_extra(&mut self, extra: &[u8]) {
        let mut widened = false;
        let mut rest = extra;
        while let (Some(id), Some(size)) = (u16_le(rest, 0), u16_le(rest, 2)) {
            let body = rest.get(4..).unwrap_or_default();
            let (field, after) = body.split_at(usize::from(size).min(body.len()));
            rest = after;
            match id {
                1 if !widened => {
                    self.widen(field);
                    widened = true;
                }
                0x9901 if self.aes.is_none() => self.aes = Aes::read(field),
                _ => {}
            }
        }
    }

    /// Takes the values that do not fit into the header from the zip64 extra field.
    fn widen(&mut self, field: &[u8]) {
        const FULL: u64 = u32::MAX as u64;
        let mut place = 0_usize;
        for value in [&mut self.unpacked, &mut self.packed, &mut self.offset] {
            if *value == FULL
                && let Some(wide) = u64_le(field, place)
            {
                *value = wide;
                place = place.saturating_add(8);
            }
        }
        if self.disk == 0xffff {
            self.disk = u32_le(field, place).unwrap_or(self.disk);
        }
    }
}

/// The extra field of WinZip's AES: <https://www.winzip.com/en/support/aes-encryption/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aes {
    /// Bytes of the key: 16, 24 or 32.
    pub(super) key: usize,
    /// How the member is compressed below the encryption.
    pub(super) method: u16,
}

impl Aes {
    fn read(field: &[u8]) -> Option<Self> {
        let key = match field.get(4)? {
            1 => 16,
            2 => 24,
            3 => 32,
            _ => return None,
        };
        (field.get(2..4)? == b"AE").then_some(Self { key, method: u16_le(field, 5)? })
    }
}

/// A name as UTF-8 if it is UTF-8, whatever its flag says, else as code page 437.
fn decode(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => name.iter().map(|byte| cp437(*byte)).collect(),
    }
}

fn cp437(byte: u8) -> char {
    const HIGH: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte.checked_sub(128) {
        None => char::from(byte),
        Some(high) => HIGH.chars().nth(usize::from(high)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zip64_values_are_taken_in_order_where_the_header_is_full() {
        let mut claims =
            Claims { unpacked: 7, packed: 0xffff_ffff, offset: 0xffff_ffff, ..Claims::default() };
        let mut extra = vec![9, 9, 1, 0, 5, 1, 0, 16, 0];
        extra.extend_from_slice(&(1_u64 << 33).to_le_bytes());
        extra.extend_from_slice(&(1_u64 << 34).to_le_bytes());
        claims.read_extra(&extra);
        assert_eq!((claims.unpacked, claims.packed, claims.offset), (7, 1 << 33, 1 << 34));
        claims.read_extra(&extra[..12]);
    }

    #[test]
    fn names_decode_and_are_cut_between_characters() {
        assert_eq!(decode(b"\x80\xe1\xff"), "Çß\u{a0}");
        assert_eq!(decode("ü".as_bytes()), "ü");
        let claims = Claims { name: "xü".repeat(1000).into_bytes(), ..Claims::default() };
        assert!(claims.text().len() <= MAX_NAME && claims.text().len() > MAX_NAME - 2);
    }
}
