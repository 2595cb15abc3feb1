//! cpio: new ASCII (with and without checksum), old ASCII and old binary in both byte orders.
//!
//! Specification: <https://man.freebsd.org/cgi/man.cgi?query=cpio&sektion=5>, and
//! <https://docs.kernel.org/driver-api/early-userspace/buffer-format.html> for archives in a row.
//!
//! An initramfs is often several archives with zeros between them, the last of them compressed: after the
//! trailer the next archive is opened too, and what is none is handed over as it is.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink, Stop};

use crate::search::{find, skip_zeros};
use crate::{Format, Glimpse, fields};

const TRAILER: &str = "TRAILER!!!";
/// Longest name that is believed; Linux allows 4 KiB.
const LONGEST_NAME: u64 = 64 << 10;
/// Bytes of a header and of a name that can be judged at a glimpse.
const HEAD: usize = 512;
/// Longest target of a symbolic link, which is the link's content and nothing to examine.
const LONGEST_TARGET: u64 = 4096;

/// The cpio format.
pub(crate) struct Cpio;

impl Format for Cpio {
    fn file_type(&self) -> FileType {
        FileType::new("cpio")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let text = glimpse.has(0, b"0707") && Member::parse(glimpse.head).is_some();
        text || begins(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        // Where the archive began; its padding is counted from there.
        let mut base = 0;
        while offset < content.size() {
            sink.pulse()?;
            let member = Member::parse(&content.window(offset, 128)?).filter(Member::has_name);
            let Some(member) = member else {
                let Some(next) = recover(content, offset, sink)? else { return Ok(()) };
                (offset, base) = (next, next);
                continue;
            };
            let name_at = offset.saturating_add(member.header);
            let name_size = usize::try_from(member.name_size).unwrap_or(usize::MAX);
            let name = fields::name(&content.window(name_at, name_size)?);
            let start = member.pad(name_at.saturating_add(member.name_size), base);
            let end = member.pad(start.saturating_add(member.size), base);
            if name == TRAILER && member.size == 0 {
                let Some(next) = after_trailer(content, end, sink)? else { return Ok(()) };
                (offset, base) = (next, next);
                continue;
            }
            let left = content.size().saturating_sub(start);
            if member.size > left {
                let detail =
                    format!("member at offset {offset} {name:?}: {left} of {} bytes are there", member.size);
                sink.gap(Reason::Truncated, &detail);
            }
            sink.listed(Listed {
                name: &name,
                packed: member.size,
                size: member.size,
                encrypted: false,
                position: None,
            });
            if member.size > 0 && !(member.is_link() && member.size <= LONGEST_TARGET) {
                sink.range(Child::member(&name), content.range(start, member.size))?;
            }
            if member.size > left {
                // A size that is wrong would hide all the members behind it.
                let next = find(content, start, (1, HEAD), sink, begins_text)?;
                let Some(next) = next else { return Ok(()) };
                sink.anomaly("resumed", &format!("another member at offset {next}"));
                (offset, base) = (next, next);
                continue;
            }
            offset = end;
        }
        sink.gap(Reason::Truncated, "the trailer is missing");
        Ok(())
    }
}

/// Where the next archive begins behind a trailer; hands over what is none.
fn after_trailer(content: &Content, end: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let start = skip_zeros(content, end, sink)?;
    if start >= content.size() || begins(&content.window(start, HEAD)?) {
        return Ok((start < content.size()).then_some(start));
    }
    let next = find(content, start, (1, HEAD), sink, begins_text)?;
    let rest = content.range(start, next.unwrap_or(u64::MAX).saturating_sub(start));
    sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
    Ok(next)
}

/// Where the next member begins after damage.
fn recover(content: &Content, offset: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let next = find(content, offset, (1, HEAD), sink, begins)?;
    let end = next.unwrap_or_else(|| content.size());
    let lost = content.range(offset, end.saturating_sub(offset));
    let reason = if lost.size() < NEWC { Reason::Truncated } else { Reason::Damaged };
    sink.gap(reason, &format!("no member begins at offset {offset}, nor up to offset {end}"));
    // At the start it would be this very object again.
    if offset > 0 {
        sink.range(Child { name: "", relation: Relation::Overlay }, lost)?;
    }
    Ok(next)
}

/// Whether a member begins here.
fn begins(head: &[u8]) -> bool {
    let Some(member) = Member::parse(head).filter(Member::has_name) else { return false };
    let (Ok(start), Ok(size)) = (usize::try_from(member.header), usize::try_from(member.name_size)) else {
        return false;
    };
    // The binary magic is two bytes short, and so its name must be one.
    let name = head.get(start..).unwrap_or_default();
    let name = name.get(..size).unwrap_or(name);
    member.pad == Pad::Four
        || member.header == ODC
        || match name.iter().position(|byte| *byte == 0) {
            Some(end) => end > 0 && end.saturating_add(1) == size,
            None => name.len() < size && start.saturating_add(name.len()) >= HEAD,
        }
}

/// Whether a member begins here that is no binary one; strict enough for a search in compressed bytes.
fn begins_text(head: &[u8]) -> bool {
    head.starts_with(b"0707") && begins(head)
}

const NEWC: u64 = 110;
const ODC: u64 = 76;
const BINARY: u64 = 26;

/// To what names and contents are padded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pad {
    One,
    Two,
    Four,
}

struct Member {
    mode: u64,
    size: u64,
    name_size: u64,
    header: u64,
    pad: Pad,
}

impl Member {
    fn parse(head: &[u8]) -> Option<Self> {
        let member = match head.get(..6)? {
            b"070701" | b"070702" => {
                let field = |at: usize| number(head.get(at..at.checked_add(8)?)?, 16);
                // All fields are looked at, so that a search does not stop at text about cpio.
                let all = (6..110).step_by(8).all(|at| field(at).is_some());
                let (mode, size, name_size) = (field(14)?, field(54)?, field(94)?);
                all.then_some(Self { mode, size, name_size, header: NEWC, pad: Pad::Four })?
            }
            b"070707" => {
                let field = |at: usize, size: usize| number(head.get(at..at.checked_add(size)?)?, 8);
                let (mode, size, name_size) = (field(18, 6)?, field(65, 11)?, field(59, 6)?);
                Self { mode, size, name_size, header: ODC, pad: Pad::One }
            }
            [0xc7, 0x71, ..] => Self::binary(head, fields::u16_le)?,
            [0x71, 0xc7, ..] => Self::binary(head, fields::u16_be)?,
            _ => return None,
        };
        Some(member)
    }

    fn has_name(&self) -> bool {
        (1..=LONGEST_NAME).contains(&self.name_size)
    }

    fn binary(head: &[u8], word: fn(&[u8], usize) -> Option<u16>) -> Option<Self> {
        let word = |at: usize| word(head, at).map(u64::from);
        // The high half comes first in either byte order.
        let size = word(22)? << 16 | word(24)?;
        let mode = word(6)?;
        let known = matches!(mode >> 12, 0 | 1 | 2 | 4 | 6 | 8 | 9 | 10 | 12);
        known.then_some(Self { mode, size, name_size: word(20)?, header: BINARY, pad: Pad::Two })
    }

    fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    /// The next offset at which something may begin.
    fn pad(&self, offset: u64, base: u64) -> u64 {
        let unit: u64 = match self.pad {
            Pad::One => return offset,
            Pad::Two => 2,
            Pad::Four => 4,
        };
        let length = offset.saturating_sub(base);
        base.saturating_add(length.checked_next_multiple_of(unit).unwrap_or(u64::MAX))
    }
}

/// A number of digits only, in any case.
fn number(field: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u64::from_str_radix(text, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_signs_and_no_spaces() {
        assert_eq!(number(b"0000001F", 16), Some(31));
        assert_eq!(number(b"000017", 8), Some(15));
        assert_eq!(number(b"000018", 8), None);
        assert_eq!(number(b"+0000001", 16), None);
        assert_eq!(number(b"       1", 16), None);
    }

    #[test]
    fn padding_is_counted_from_the_start_of_the_archive() {
        let member = Member { mode: 0, size: 0, name_size: 1, header: NEWC, pad: Pad::Four };
        assert_eq!(member.pad(117, 3), 119);
        assert_eq!(member.pad(119, 3), 119);
        assert_eq!(member.pad(u64::MAX, 0), u64::MAX);
    }
}
