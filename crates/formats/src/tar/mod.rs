//! tar: v7, ustar, pax and GNU archives.
//!
//! Specification: POSIX pax, <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>, and
//! <https://www.gnu.org/software/tar/manual/html_node/Standard.html> for the GNU extensions.
//!
//! Evasion: most readers stop at the end marker and some do not; some insist on the checksum and some do not;
//! links and directories with a size have content for some readers. All of it is handed over here.
//!
//! Sparse files are handed over as they are stored, without their holes.

mod header;
mod pax;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink, Stop};

use crate::search::{find, skip_zeros};
use crate::{Format, Glimpse, fields};
use header::{BLOCK, Header};

/// Longest name that is looked at; longer ones are cut.
const LONGEST_NAME: usize = 4096;
/// Largest pax header that is looked at.
const LARGEST_PAX: usize = 1 << 20;

/// The tar format.
pub(crate) struct Tar;

impl Format for Tar {
    fn file_type(&self) -> FileType {
        FileType::new("tar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        Header::parse(glimpse.head).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        let mut next = Next::default();
        while offset < content.size() {
            sink.pulse()?;
            let block = content.window(offset, BLOCK)?;
            if block.iter().all(|byte| *byte == 0) {
                next = Next::default();
                match after_end(content, offset, sink)? {
                    Some(header) => offset = header,
                    None => return Ok(()),
                }
                continue;
            }
            let Some(header) = Header::parse(&block) else {
                next = Next::default();
                match recover(content, offset, sink)? {
                    Some(header) => offset = header,
                    None => return Ok(()),
                }
                continue;
            };
            if !header.checksum_is_right {
                sink.anomaly("wrong-checksum", &format!("header at offset {offset} {:?}", header.name));
            }
            offset = member(content, offset, &header, &mut next, sink)?;
        }
        Ok(())
    }
}

/// What headers before a member's own say about it.
#[derive(Default)]
struct Next {
    name: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

/// Hands over what a header is for; returns where the next header begins.
fn member(
    content: &Content,
    offset: u64,
    header: &Header,
    next: &mut Next,
    sink: &mut dyn Sink,
) -> Result<u64, Stop> {
    let mut start = offset.saturating_add(BLOCK as u64);
    if header.kind == b'S' {
        start = skip_sparse_map(content, start, &content.window(offset, BLOCK)?, sink)?;
    }
    let extension = matches!(header.kind, b'L' | b'K' | b'x' | b'X' | b'g');
    let name = if extension { None } else { next.name.take() };
    let name = name.as_deref().unwrap_or(&header.name);
    let Some(size) = (if extension { None } else { next.size.take() }).or(header.size) else {
        sink.gap(Reason::Damaged, &format!("member at offset {offset} {name:?}: its size is no number"));
        return Ok(start);
    };
    // Links, devices and directories have no content whatever their size says, if a header follows at once.
    let bodiless =
        matches!(header.kind, b'1'..=b'6') && (size == 0 || header::begins(&content.window(start, BLOCK)?));
    let size = if bodiless { 0 } else { size };
    let left = content.size().saturating_sub(start);
    if size > left {
        let detail = format!("member at offset {offset} {name:?}: {left} of {size} bytes are there");
        sink.gap(Reason::Truncated, &detail);
    }
    let body = content.range(start, size);
    match header.kind {
        b'L' => next.name = Some(fields::name(&body.window(0, LONGEST_NAME)?)),
        b'K' | b'V' if size <= LONGEST_NAME as u64 => {}
        b'x' | b'X' | b'g' => {
            if size > LARGEST_PAX as u64 {
                sink.gap(
                    Reason::Unsupported,
                    &format!("pax header at offset {offset}: {size} bytes are too many"),
                );
            }
            let records = pax::Records::parse(&body.window(0, LARGEST_PAX)?);
            if let Some(detail) = records.damage {
                sink.gap(Reason::Damaged, &format!("pax header at offset {offset}: {detail}"));
            }
            // A global header's size would be that of every member, which nobody means.
            if header.kind != b'g' {
                next.name = records.name.or_else(|| next.name.take());
                next.size = records.size.or_else(|| next.size.take());
                next.sparse |= records.sparse;
            }
        }
        kind => {
            if kind == b'M' {
                let detail = format!("member at offset {offset} {name:?}: its start is in another volume");
                sink.gap(Reason::Truncated, &detail);
            }
            if kind == b'S' || next.sparse {
                sink.anomaly(
                    "sparse",
                    &format!("member at offset {offset} {name:?} is handed over without its holes"),
                );
            }
            if matches!(kind, b'1'..=b'6') && size > 0 {
                sink.anomaly(
                    "content-of-link",
                    &format!("member at offset {offset} {name:?} of type {:?}", char::from(kind)),
                );
            }
            // An empty file is still an object, but a link or a directory is none.
            if size > 0 || (!bodiless && !name.ends_with('/')) {
                sink.listed(Listed { name, packed: size, size, encrypted: false, position: None });
                sink.range(Child::member(name), body)?;
            }
        }
    }
    if !extension {
        *next = Next::default();
    }
    if size > left && !header.checksum_is_right {
        // The size may be what is damaged, and would hide all the members behind it.
        return Ok(
            find(content, start, (BLOCK, BLOCK), sink, header::begins)?.unwrap_or_else(|| content.size())
        );
    }
    Ok(start.saturating_add(size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX)))
}

/// Jumps over the blocks in which an old GNU header goes on with the map of a sparse file.
fn skip_sparse_map(content: &Content, start: u64, header: &[u8], sink: &mut dyn Sink) -> Result<u64, Stop> {
    let mut start = start;
    let mut goes_on = header.get(482).is_some_and(|flag| *flag != 0);
    while goes_on && start < content.size() {
        sink.pulse()?;
        goes_on = content.window(start, BLOCK)?.get(504).is_some_and(|flag| *flag != 0);
        start = start.saturating_add(BLOCK as u64);
    }
    Ok(start)
}

/// Where a header follows behind the end marker; hands over what follows and is no header.
fn after_end(content: &Content, offset: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let end = skip_zeros(content, offset, sink)?;
    if end >= content.size() {
        return Ok(None);
    }
    // Headers stand at multiples of the block size, and a name may not begin with a zero.
    let blocks = end.saturating_sub(offset).checked_div(BLOCK as u64).unwrap_or(0);
    let start = offset.saturating_add(blocks.saturating_mul(BLOCK as u64));
    let next = find(content, start, (BLOCK, BLOCK), sink, header::begins)?;
    let detail = format!("behind the end marker at offset {offset}, from offset {end} on");
    sink.anomaly("trailing-data", &detail);
    let rest = content.range(end, next.unwrap_or(u64::MAX).saturating_sub(end));
    if rest.size() > 0 {
        sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
    }
    Ok(next)
}

/// Where the next header is after damage.
fn recover(content: &Content, offset: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let next = find(content, offset, (BLOCK, BLOCK), sink, header::begins)?;
    let end = next.unwrap_or_else(|| content.size());
    let lost = content.range(offset, end.saturating_sub(offset));
    let reason = if lost.size() < BLOCK as u64 { Reason::Truncated } else { Reason::Damaged };
    sink.gap(reason, &format!("no header at offset {offset}, nor up to offset {end}"));
    // At the start it would be this very object again.
    if offset > 0 {
        sink.range(Child { name: "", relation: Relation::Overlay }, lost)?;
    }
    Ok(next)
}
