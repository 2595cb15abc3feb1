//! `Packages` as a hash table of Berkeley DB: pages with pairs of a number and a header, which lies in overflow pages.

use candor_object::Content;

use super::LONGEST;
use crate::{Error, Subject};

/// At offset 12 of the first page.
const MAGIC: u32 = 0x0006_1561;
/// Bytes of a page before what it holds.
const HEADER: usize = 26;
/// Kinds of pages.
const UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// Kinds of values on hash pages.
const INLINE: u8 = 1;
const ELSEWHERE: u8 = 3;

/// The database, which is written in the order of bytes of the machine that made it.
struct Pages<'c> {
    content: &'c Content,
    size: usize,
    big_endian: bool,
}

pub(super) fn begins(head: &[u8]) -> bool {
    order(head).is_some()
}

/// Whether it is big-endian.
fn order(head: &[u8]) -> Option<bool> {
    let magic: [u8; 4] = *head.get(12..)?.first_chunk()?;
    if u32::from_le_bytes(magic) == MAGIC {
        return Some(false);
    }
    (u32::from_be_bytes(magic) == MAGIC).then_some(true)
}

/// Calls `each` with every header.
pub(super) fn headers(
    subject: &Subject<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let big_endian = order(subject.head).unwrap_or(false);
    let mut pages = Pages { content: subject.content(), size: 512, big_endian };
    pages.size = pages.u32(subject.head, 20) as usize;
    if !pages.size.is_power_of_two() || !(512..=65536).contains(&pages.size) {
        return Err(Error::Damaged(format!("pages of {} bytes", pages.size)));
    }
    let count = subject.content().size() / pages.size as u64;
    let mut damage = None;
    for number in 1..count {
        if number.is_multiple_of(256) {
            subject.time_left()?;
        }
        let page = pages.read(number)?;
        if !matches!(page.get(25), Some(&(HASH | UNSORTED))) {
            continue;
        }
        // Values follow their keys.
        for entry in (1..usize::from(pages.u16(&page, 20))).step_by(2) {
            match pages.value(&page, entry) {
                Ok(Some(blob)) => each(&blob)?,
                Ok(None) => {}
                Err(Error::Damaged(what)) => {
                    damage.get_or_insert_with(|| format!("page {number}: {what}"));
                }
                Err(error) => return Err(error),
            }
        }
    }
    damage.map_or(Ok(()), |what| Err(Error::Damaged(what)))
}

impl Pages<'_> {
    fn read(&self, number: u64) -> Result<std::borrow::Cow<'_, [u8]>, Error> {
        Ok(self.content.window(number * self.size as u64, self.size)?)
    }

    /// A value, unless it is too short for a header.
    fn value(&self, page: &[u8], entry: usize) -> Result<Option<Vec<u8>>, Error> {
        let place = |entry: usize| usize::from(self.u16(page, HEADER + entry * 2));
        let Some(item) = page.get(place(entry)..).filter(|item| !item.is_empty()) else {
            return Err(Error::Damaged("a value lies behind the page".to_owned()));
        };
        match item[0] {
            // Values are put in from the end of the page on, so each ends where the one before it begins.
            INLINE => {
                let length = place(entry - 1).saturating_sub(place(entry));
                let value = item.get(1..length).unwrap_or_default();
                Ok((value.len() >= 16).then(|| value.to_vec()))
            }
            ELSEWHERE => self.chain(self.u32(item, 4), self.u32(item, 8)).map(Some),
            _ => Ok(None),
        }
    }

    /// What lies in overflow pages, each of which knows the next. The length bounds their number.
    fn chain(&self, first: u32, length: u32) -> Result<Vec<u8>, Error> {
        if length > LONGEST {
            return Err(Error::Damaged(format!("a header of {length} bytes, which is too long")));
        }
        let length = length as usize;
        let (mut bytes, mut next) = (Vec::new(), first);
        while bytes.len() < length {
            let page = self.read(u64::from(next))?;
            let held = usize::from(self.u16(&page, 22)).min(length - bytes.len());
            let piece = page.get(HEADER..HEADER + held).unwrap_or_default();
            if page.get(25) != Some(&OVERFLOW) || piece.is_empty() {
                return Err(Error::Damaged(format!("a header is cut off on page {next}")));
            }
            bytes.extend_from_slice(piece);
            next = self.u32(&page, 16);
        }
        Ok(bytes)
    }

    fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        if self.big_endian { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) }
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(number) } else { u32::from_le_bytes(number) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One hash page, with the header in as many overflow pages of 512 bytes as it needs.
    pub(crate) fn database(header: &[u8], big_endian: bool) -> Vec<u8> {
        let u32s = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let u16s = |number: usize| {
            let number = number as u16;
            if big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
        };
        let mut bytes = vec![0; 1024];
        bytes[12..16].copy_from_slice(&u32s(MAGIC));
        bytes[20..24].copy_from_slice(&u32s(512));
        bytes[25] = 8;
        let page = &mut bytes[512..];
        page[20..22].copy_from_slice(&u16s(2));
        page[25] = HASH;
        page[26..28].copy_from_slice(&u16s(507));
        page[28..30].copy_from_slice(&u16s(495));
        page[495] = ELSEWHERE;
        page[499..503].copy_from_slice(&u32s(2));
        page[503..507].copy_from_slice(&u32s(header.len() as u32));
        page[507] = INLINE;
        for (number, piece) in header.chunks(512 - HEADER).enumerate() {
            let mut page = vec![0; 512];
            page[16..20].copy_from_slice(&u32s(number as u32 + 3));
            page[22..24].copy_from_slice(&u16s(piece.len()));
            page[25] = OVERFLOW;
            page[HEADER..HEADER + piece.len()].copy_from_slice(piece);
            bytes.extend(page);
        }
        bytes
    }
}
