//! What no chain of sectors leads to, in files that are damaged or hide something.

use std::io;

use candor_object::{Child, Content, Flow, Relation, Sink, Stop};

use super::compound::Compound;
use super::entries::{Entry, is_root};
use crate::search::zeros;

/// Most stretches of sectors that are not used and come out one by one.
const MOST: usize = 64;

/// Hands over where a stream is most likely to lie, whose chain is broken: writers put sectors in a row.
pub(super) fn in_a_row(compound: &Compound<'_>, entry: &Entry, sink: &mut dyn Sink) -> Flow {
    let Some(content) = compound.in_a_row(entry) else { return Ok(()) };
    let name = format!("{} in a row", entry.path);
    if content.size() > 0 {
        sink.range(Child { name: &name, relation: Relation::Overlay }, content)?;
    }
    Ok(())
}

/// Hands over sectors that no chain uses, and what lies behind the sectors, where that is not zeros.
pub(super) fn open(compound: &Compound<'_>, sink: &mut dyn Sink) -> Flow {
    let size = compound.sector_size();
    let (content, sectors) = compound.sectors();
    let mut found = 0_usize;
    let mut start: Option<u64> = None;
    // Behind the header, if there is no sector.
    let mut end = size;
    for (number, (offset, used)) in sectors.enumerate() {
        if number.is_multiple_of(1 << 12) {
            sink.pulse()?;
        }
        if offset >= content.size() {
            break;
        }
        end = offset.saturating_add(size);
        if found >= MOST {
            break;
        }
        if !used {
            start = start.or(Some(offset));
        } else if let Some(from) = start.take() {
            let stretch = content.range(from, offset.saturating_sub(from));
            if !is_filled(&stretch)? {
                found = found.saturating_add(1);
                sink.range(Child { name: "unused", relation: Relation::Overlay }, stretch)?;
            }
        }
    }
    let rest = content.from(start.unwrap_or(end));
    if !is_filled(&rest)? {
        sink.range(Child { name: "unused", relation: Relation::Overlay }, rest)?;
    }
    Ok(())
}

/// Whether there is nothing but zeros, or in a few sectors but one byte again and again.
fn is_filled(stretch: &Content) -> io::Result<bool> {
    let start = stretch.window(0, 4096)?;
    let same = start.iter().all(|byte| start.first() == Some(byte)) && start.len() as u64 == stretch.size();
    Ok(same || zeros(stretch, 0, stretch.size())? == stretch.size())
}

/// The sector where the directory begins, if it is not where it should be.
pub(super) fn find_directory(compound: &Compound<'_>, sink: &mut dyn Sink) -> Result<Option<u32>, Stop> {
    const ROOT_ENTRY: &[u8] = b"R\0o\0o\0t\0 \0E\0n\0t\0r\0y\0\0\0";
    let size = compound.sector_size();
    let (content, _) = compound.sectors();
    let mut offset = size;
    let mut number = 0_u32;
    while offset < content.size() {
        if number.is_multiple_of(1 << 8) {
            sink.pulse()?;
        }
        let head = content.window(offset, 128)?;
        if head.starts_with(ROOT_ENTRY) && is_root(&head) {
            return Ok(Some(number));
        }
        number = number.saturating_add(1);
        offset = offset.saturating_add(size);
    }
    Ok(None)
}
