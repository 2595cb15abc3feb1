//! ar: the members of static libraries and Debian packages.
//!
//! Specification: none; the GNU and BSD variants are described in
//! <https://man.freebsd.org/cgi/man.cgi?query=ar&sektion=5> and the format of packages in
//! <https://manpages.debian.org/deb.5>. Every member is handed over, also symbol and name tables: only their
//! names say that they are tables.

use std::io;

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink, Stop};

use crate::fields::usize_of;
use crate::search::{find, skip_zeros};
use crate::{Format, Glimpse, fields};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const THIN_MAGIC: &[u8; 8] = b"!<thin>\n";
const HEADER: usize = 60;
const HEADER_END: &[u8; 2] = b"`\n";
/// Longest name that is looked at; longer ones are cut.
const LONGEST_NAME: u64 = 1024;

/// The ar format.
pub(crate) struct Ar;

impl Format for Ar {
    fn file_type(&self) -> FileType {
        FileType::new("ar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC) || glimpse.has(0, THIN_MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        if content.window(0, MAGIC.len())?.as_ref() == THIN_MAGIC {
            sink.gap(Reason::Unsupported, "thin archive: its members are files of their own");
            return Ok(());
        }
        let mut offset = MAGIC.len() as u64;
        // Where the table of long names lies, once it was seen.
        let mut names = content.range(0, 0);
        while offset < content.size() {
            sink.pulse()?;
            let window = content.window(offset, HEADER)?;
            let Some(member) = Member::parse(&window) else {
                match recover(content, offset, sink)? {
                    Some(next) => offset = next,
                    None => return Ok(()),
                }
                continue;
            };
            let start = offset.saturating_add(HEADER as u64);
            let body = content.range(start, member.size);
            let (name, body) = member.name(&names, body)?;
            if name == "//" {
                names = body.clone();
            }
            let left = content.size().saturating_sub(start);
            if member.size > left {
                let detail =
                    format!("member at offset {offset} {name:?}: {left} of {} bytes are there", member.size);
                sink.gap(Reason::Truncated, &detail);
            }
            sink.range(Child::member(&name), body)?;
            if member.size > left {
                // A size that is wrong would hide all the members behind it.
                let next = find(content, start, (1, HEADER), sink, begins)?;
                let Some(next) = next else { return Ok(()) };
                sink.anomaly("resumed", &format!("another member at offset {next}"));
                offset = next;
                continue;
            }
            let end = start.saturating_add(member.size);
            // Members begin at even offsets, but some writers forget it.
            let padded = end.saturating_add(end & 1);
            let unpadded = padded != end && Member::parse(&content.window(end, HEADER)?).is_some();
            offset = if unpadded { end } else { padded };
        }
        Ok(())
    }
}

/// Looks for the next member where there is none; nothing if there is no other.
fn recover(content: &Content, offset: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let next = find(content, offset, (1, HEADER), sink, begins)?;
    let start = skip_zeros(content, offset, sink)?;
    if next.is_none() && start == content.size() {
        return Ok(None);
    }
    let end = next.unwrap_or_else(|| content.size());
    let reason = if end.saturating_sub(offset) < HEADER as u64 { Reason::Truncated } else { Reason::Damaged };
    sink.gap(reason, &format!("no member begins at offset {offset}, nor up to offset {end}"));
    let rest = content.range(start, end.saturating_sub(start));
    sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
    Ok(next)
}

fn begins(head: &[u8]) -> bool {
    Member::parse(head).is_some()
}

struct Member {
    name: [u8; 16],
    size: u64,
}

impl Member {
    fn parse(header: &[u8]) -> Option<Self> {
        let size = header.get(48..58)?;
        if header.get(58..60)? != HEADER_END {
            return None;
        }
        Some(Self { name: fields::array(header, 0)?, size: decimal(size)? })
    }

    /// The name, and the content without it.
    fn name(&self, names: &Content, body: Content) -> io::Result<(String, Content)> {
        let short = self.name.trim_ascii_end();
        let bsd = short.strip_prefix(b"#1/").and_then(decimal).filter(|length| *length <= body.size());
        if let Some(length) = bsd {
            // BSD puts the name in front of the content.
            let name = fields::name(&body.window(0, usize_of(length.min(LONGEST_NAME)))?);
            return Ok((name, body.from(length)));
        }
        if let Some(place) = short.strip_prefix(b"/").and_then(decimal) {
            let window = names.window(place, usize_of(LONGEST_NAME))?;
            let line = window.split(|byte| matches!(byte, b'\n' | 0)).next().unwrap_or_default();
            let line = line.strip_suffix(b"/").unwrap_or(line);
            if !line.is_empty() {
                return Ok((fields::name(line), body));
            }
        }
        let name = match short {
            b"/" | b"//" | b"/SYM64/" => short,
            _ => short.strip_suffix(b"/").unwrap_or(short),
        };
        Ok((fields::name(name), body))
    }
}

/// A number of decimal digits with spaces behind it.
fn decimal(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field.trim_ascii_end()).ok().filter(|text| !text.starts_with('+'))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_spaces() {
        assert_eq!(decimal(b"120       "), Some(120));
        assert_eq!(decimal(b"9999999999"), Some(9_999_999_999));
        for wrong in [&b""[..], b"   ", b"-1  ", b"+1", b"1 2", b"1\0", b"\xff"] {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }
}
