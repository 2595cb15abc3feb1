//! Encrypted members, and the passwords that open them.
//!
//! Passwords come from whoever scans. The check that a member carries is one byte (traditional encryption) or two (AES),
//! so that a password which passes it is proved by what comes out: the checksum or the HMAC. One that passes and is not
//! proved opens a damaged member, and perhaps does not open it; what comes out is handed over, and the gap stays.

mod pkware;
mod winzip;

use std::sync::Arc;

use candor_object::{Content, FileType, Password, Sink, Stop};

use super::entry::{Member, Reading, Seen, checksum, readings, stored_size};
use super::header::Claims;
use super::methods::StreamEnd;
use super::stream::{Ended, probe};
use crate::fields::{u32_le, u64_le};

/// What a try costs, in bytes of reading that take as long, about.
const PKWARE_COST: u64 = 64;
const AES_COST: u64 = 128 << 10;
/// Tries of an archive that cost nothing: a whole list of passwords, and those of a mail, once.
const FREE_TRIES: u32 = 1200;

/// The passwords of an archive's scan.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    passwords: Option<Arc<[Password]>>,
    /// The one that opened the member before: mostly one opens all.
    last: usize,
    /// Tries so far.
    tries: u32,
}

impl Keyring {
    fn passwords(&mut self, sink: &dyn Sink) -> Arc<[Password]> {
        Arc::clone(self.passwords.get_or_insert_with(|| sink.passwords(FileType::new(super::NAME))))
    }
}

/// A member without its encryption.
pub(super) struct Opened {
    /// Its data, compressed as its headers say.
    pub(super) content: Content,
    pub(super) central: Option<Claims>,
    pub(super) local: Option<Claims>,
    /// Where the password comes from.
    pub(super) origin: String,
    /// Whether what comes out proves the password.
    pub(super) proved: bool,
}

/// One way to read an encrypted member.
enum Lock {
    Pkware { header: [u8; pkware::HEADER], checks: Vec<u8>, data: Content },
    Aes(winzip::Parts),
}

/// What a password made of a lock.
struct Unlocked {
    content: Content,
    /// Whether it is proved, where that does not depend on what is decompressed.
    proved: Option<bool>,
}

/// Tries the passwords. Those that were tried cost what a search would, so that their number is bounded for an archive.
pub(super) fn unlock(
    content: &Content,
    member: &Member<'_>,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<Option<Opened>, Stop> {
    let passwords = seen.keyring.passwords(sink);
    if passwords.is_empty() {
        return Ok(None);
    }
    let mut unproved = None;
    for size in sizes(content, member, seen, sink)? {
        let Some(lock) = Lock::read(content, member, size)? else { continue };
        let last = seen.keyring.last;
        let others = (0..passwords.len()).filter(|number| *number != last);
        for number in std::iter::once(last).chain(others) {
            sink.pulse()?;
            let Some(password) = passwords.get(number) else { continue };
            if number != last {
                if seen.is_tired(content) {
                    return Ok(unproved);
                }
                seen.keyring.tries = seen.keyring.tries.saturating_add(1);
                let cost = if seen.keyring.tries > FREE_TRIES { lock.cost() } else { 0 };
                seen.searched = seen.searched.saturating_add(cost);
            }
            let Some(unlocked) = lock.open(&password.bytes, sink)? else { continue };
            let opened = Opened::new(content, member, size, unlocked.content, password)?;
            let proved = match unlocked.proved {
                Some(proved) => proved,
                None => opened.is_proved(member, seen, sink)?,
            };
            if proved {
                seen.keyring.last = number;
                return Ok(Some(Opened { proved, ..opened }));
            }
            unproved.get_or_insert(opened);
        }
    }
    Ok(unproved)
}

/// The sizes that the member may have, encryption included.
fn sizes(
    content: &Content,
    member: &Member<'_>,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<Vec<u64>, Stop> {
    let mut sizes: Vec<u64> = member.claims().filter(|c| !c.is_sizeless()).map(|c| c.packed).collect();
    if sizes.is_empty() {
        sizes.push(stored_size(content, member, seen, sink)?);
    }
    sizes.dedup();
    Ok(sizes)
}

impl Lock {
    fn read(content: &Content, member: &Member<'_>, size: u64) -> Result<Option<Self>, Stop> {
        let body = content.range(member.start, size);
        if let Some(aes) = member.claims().find_map(|claims| claims.aes) {
            return Ok(winzip::Parts::read(&body, aes.key)?.map(Self::Aes));
        }
        // The other bits mean strong encryption, whose keys no password alone gives.
        if !member.claims().any(|claims| claims.flags & 0x2041 == 1) {
            return Ok(None);
        }
        let Some(header) = body.window(0, pkware::HEADER)?.first_chunk().copied() else { return Ok(None) };
        let mut checks = Vec::new();
        for claims in member.claims() {
            let [.., checksum] = claims.crc.to_le_bytes();
            let [.., time] = claims.time.to_le_bytes();
            checks.extend(claims.has_descriptor().then_some(time));
            checks.extend((claims.crc != 0 || !claims.has_descriptor()).then_some(checksum));
        }
        Ok(Some(Self::Pkware { header, checks, data: body.from(pkware::HEADER as u64) }))
    }

    fn cost(&self) -> u64 {
        match self {
            Self::Pkware { .. } => PKWARE_COST,
            Self::Aes(_) => AES_COST,
        }
    }

    fn open(&self, password: &[u8], sink: &mut dyn Sink) -> Result<Option<Unlocked>, Stop> {
        match self {
            Self::Pkware { header, checks, data } => {
                let mut keys = pkware::Keys::new(password);
                let mut plain = *header;
                keys.decrypt(&mut plain);
                let [.., check] = plain;
                let decrypted = || Arc::new(pkware::Decrypted::new(data.clone(), keys));
                let content = checks.contains(&check).then(|| Content::from_source(decrypted()));
                Ok(content.map(|content| Unlocked { content, proved: None }))
            }
            Self::Aes(parts) => {
                let Some(keys) = parts.keys(password) else { return Ok(None) };
                let proved = Some(parts.is_authentic(&keys, sink)?);
                let decrypted = winzip::Decrypted::new(parts.data().clone(), keys);
                Ok(Some(Unlocked { content: Content::from_source(Arc::new(decrypted)), proved }))
            }
        }
    }
}

impl Opened {
    fn new(
        container: &Content,
        member: &Member<'_>,
        size: u64,
        content: Content,
        password: &Password,
    ) -> Result<Self, Stop> {
        let behind = Descriptor::read(container, member.start.saturating_add(size), size)?;
        let plain = |claims: &Claims| {
            let mut plain = claims.clone();
            plain.flags &= !0x2049;
            plain.packed = content.size();
            if let Some(aes) = claims.aes {
                plain.method = aes.method;
            }
            if let Some(behind) = behind.as_ref().filter(|_| claims.is_sizeless()) {
                (plain.crc, plain.unpacked) = (behind.crc, behind.unpacked);
            }
            plain
        };
        let (central, local) = (member.central.map(plain), member.local.map(plain));
        Ok(Self { content, central, local, origin: password.origin.clone(), proved: false })
    }

    /// The member that it is in the place of another.
    pub(super) fn member(&self, of: &Member<'_>) -> Member<'_> {
        of.decrypted(self.central.as_ref(), self.local.as_ref())
    }

    /// Whether some reading has a checksum that is claimed or, where none is, the size.
    fn is_proved(&self, of: &Member<'_>, seen: &mut Seen, sink: &mut dyn Sink) -> Result<bool, Stop> {
        let member = self.member(of);
        let most = member.claims().map(|claims| claims.unpacked).max().unwrap_or(0);
        for reading in readings(&self.content, &member, &mut Seen::default(), sink)? {
            let (crc, fits, cost) = match reading {
                Reading::Stored(size) => {
                    let body = self.content.range(0, size);
                    (Some(checksum(&body, sink)?), false, body.size())
                }
                Reading::Packed(method) => {
                    let most = most.saturating_add(1);
                    let probed = probe(method, &self.content, member.stream_end(), most, sink)?;
                    let size = StreamEnd::Size(probed.produced);
                    let fits = probed.ended == Ended::Whole && member.stream_end() == size;
                    (probed.crc, fits, probed.consumed.saturating_add(probed.produced))
                }
            };
            let mut claimed = member.checksums().peekable();
            let proved = match crc {
                Some(crc) if claimed.peek().is_some() => claimed.any(|claimed| claimed == crc),
                _ => fits,
            };
            // Members that lie in each other would otherwise cost their product.
            if !proved || of.start < of.covered {
                seen.searched = seen.searched.saturating_add(cost);
            }
            if proved {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The record behind the data of a member whose header tells neither sizes nor checksum.
struct Descriptor {
    crc: u32,
    unpacked: u64,
}

impl Descriptor {
    /// The record at a place, if it tells this packed size.
    fn read(content: &Content, place: u64, packed: u64) -> Result<Option<Self>, Stop> {
        let window = content.window(place, 24)?;
        let record = window.strip_prefix(b"PK\x07\x08").unwrap_or(&window);
        Ok((|| {
            let crc = u32_le(record, 0)?;
            if u32_le(record, 4).map(u64::from) == Some(packed) {
                return Some(Self { crc, unpacked: u32_le(record, 8)?.into() });
            }
            let unpacked = u64_le(record, 12).filter(|_| u64_le(record, 4) == Some(packed))?;
            Some(Self { crc, unpacked })
        })())
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{Budget, Limits, Reason};
    use proptest::prelude::*;

    use super::pkware::Keys;
    use crate::zip::Zip;
    use crate::{Collector, Format};

    /// A zip of one stored member in the traditional encryption, with no directory.
    fn archive(password: &str, plain: &[u8], random: [u8; 11]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(plain);
        let crc = crc.sum();
        let mut body = [&random[..], &crc.to_le_bytes()[3..], plain].concat();
        Keys::new(password.as_bytes()).encrypt(&mut body);
        let mut zip = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0".to_vec();
        zip.extend(crc.to_le_bytes());
        zip.extend((body.len() as u32).to_le_bytes());
        zip.extend((plain.len() as u32).to_le_bytes());
        zip.extend([1, 0, 0, 0, b'a']);
        zip.extend(body);
        zip
    }

    fn opened(zip: Vec<u8>, passwords: &[&str]) -> Collector {
        let content = candor_object::Content::from_vec(zip);
        let collector = Collector::new(Budget::new(&Limits::default(), content.size()));
        let mut collector = collector.with_passwords(passwords);
        Zip.open(&content, &mut collector).unwrap();
        collector
    }

    proptest! {
        #[test]
        fn the_right_password_of_several_opens(
            password in "[a-z]{0,12}",
            wrong in proptest::collection::vec("[A-Z]{1,6}", 0..300),
            plain in proptest::collection::vec(0_u8.., 1..2000),
            random: [u8; 11],
        ) {
            let zip = archive(&password, &plain, random);
            let mut passwords: Vec<&str> = wrong.iter().map(String::as_str).collect();
            passwords.push(&password);
            let seen = opened(zip, &passwords);
            prop_assert_eq!(&seen.gaps, &[]);
            prop_assert_eq!(seen.children.len(), 1);
            let child = seen.children[0].content.window(0, 4000).unwrap();
            prop_assert_eq!(child.as_ref(), &plain[..]);
            prop_assert_eq!(seen.anomalies[0].0, "zip-decrypted");
        }
    }

    #[test]
    fn without_a_right_password_it_stays_encrypted() {
        let zip = archive("right", b"what the member holds", [7; 11]);
        for passwords in [&[][..], &["wrong"], &["Right", "righ", "rightt"]] {
            let seen = opened(zip.clone(), passwords);
            assert!(seen.children.is_empty());
            assert_eq!(seen.gaps, [(Reason::Encrypted, "entry 1 \"a\" is encrypted".to_owned())]);
        }
    }

    #[test]
    fn an_archive_bounds_the_tries() {
        let member = archive("right", b"what the member holds", [7; 11]);
        // Each member costs all passwords, so that some are not tried on the last ones.
        let zip = member.repeat(400);
        let wrong: Vec<String> = (0..4096).map(|number| format!("wrong{number}")).collect();
        let mut passwords: Vec<&str> = wrong.iter().map(String::as_str).collect();
        let seen = opened(zip.clone(), &passwords);
        assert_eq!(seen.gaps.iter().filter(|(reason, _)| *reason == Reason::Encrypted).count(), 400);
        // One that opened a member is tried first, and costs nothing.
        passwords.push("right");
        let seen = opened(zip, &passwords);
        assert_eq!(seen.children.len(), 400);
    }
}
