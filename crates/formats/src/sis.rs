//! sis: packages of Symbian, of either kind.
//!
//! Specification: <https://web.archive.org/web/2008/http://homepage.ntlworld.com/thouky/software/psifs/sis.html> for those of
//! EPOC, and Symbian's "SIS file format" for those of version 9. The former have a table of files; the latter are a tree of
//! fields, in which packed content is a field of its own and names stand elsewhere.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Sink, Stop};

use crate::fields::{u16_le, u32_le};
use crate::unpack::{Check, Claimed, Promise, hand_over, stored, unsupported, zlib};
use crate::{Format, Glimpse};

const OLD: u32 = 0x1000_0419;
const NEW: u32 = 0x1020_1a7a;
/// Fields within fields.
const DEPTH: u32 = 16;
/// Fields that are walked.
const FIELDS: u32 = 1 << 20;
/// Longest name.
const NAME: u32 = 2048;

/// The sis format.
pub(crate) struct Sis;

impl Format for Sis {
    fn file_type(&self) -> FileType {
        FileType::new("sis")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let number = |at| u32_le(glimpse.head, at);
        let is_old = number(8) == Some(OLD) && number(4).is_some_and(|number| number >> 16 == 0x1000);
        is_old || number(0) == Some(NEW)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut claimed = Claimed::default();
        // Even where nothing else can be read, so that an overlay is never the whole again.
        claimed.add(0, 16);
        if u32_le(&content.window(0, 4)?, 0) == Some(NEW) {
            let mut tree = Tree { content, count: 0, files: 0, claimed: &mut claimed };
            tree.fields(16, content.size(), 0, sink)?;
            if tree.files == 0 {
                sink.gap(Reason::Damaged, "no packed field is found");
            }
        } else {
            old(content, &mut claimed, sink)?;
        }
        claimed.hand_over_rest(content, 0, sink)
    }
}

fn old(content: &Content, claimed: &mut Claimed, sink: &mut dyn Sink) -> Flow {
    let head = content.window(0, 100)?;
    let (Some(languages), Some(files), Some(version), Some(options), Some(table)) =
        (u16_le(&head, 18), u16_le(&head, 20), u32_le(&head, 32), u16_le(&head, 36), u32_le(&head, 52))
    else {
        sink.gap(Reason::Truncated, "the header ends too early");
        return Ok(());
    };
    claimed.add(0, 100);
    let is_packed = version >= 200 && options & 8 == 0;
    // Version 200 added original sizes and types.
    let is_late = version >= 200;
    let mut at = u64::from(table);
    for file in 1..=files {
        sink.pulse()?;
        let window = content.window(at, 28)?;
        let (Some(kind), Some(length), Some(start)) =
            (u32_le(&window, 0), u32_le(&window, 20), u32_le(&window, 24))
        else {
            sink.gap(Reason::Truncated, &format!("record {file} of {files} at offset {at} ends too early"));
            return Ok(());
        };
        let copies = match kind {
            0 => 1,
            1 => u64::from(languages),
            _ => {
                let detail =
                    format!("record {file} of {files} at offset {at}: kind {kind}, and those behind it");
                sink.gap(Reason::Unsupported, &detail);
                return Ok(());
            }
        };
        let text = content.window(start.into(), usize::try_from(length.min(NAME)).unwrap_or(0))?;
        let units: Vec<u16> = text.chunks_exact(2).filter_map(|unit| u16_le(unit, 0)).collect();
        let name = String::from_utf16_lossy(&units);
        let lengths = at.saturating_add(28);
        let starts = lengths.saturating_add(copies.saturating_mul(4));
        let sizes = starts.saturating_add(copies.saturating_mul(4));
        let number = |at: u64| -> std::io::Result<Option<u32>> { Ok(u32_le(&content.window(at, 4)?, 0)) };
        for copy in 0..copies {
            sink.pulse()?;
            let place = copy.saturating_mul(4);
            let (Some(packed), Some(from)) =
                (number(lengths.saturating_add(place))?, number(starts.saturating_add(place))?)
            else {
                sink.gap(
                    Reason::Truncated,
                    &format!("record {file} of {files} at offset {at} ends too early"),
                );
                return Ok(());
            };
            let size = if is_late { number(sizes.saturating_add(place))?.unwrap_or(0) } else { packed };
            sink.listed(Listed {
                name: &name,
                packed: packed.into(),
                size: size.into(),
                encrypted: false,
                position: Some(file.into()),
            });
            let body = content.range(from.into(), packed.into());
            let label = format!("file {file} {name:?}");
            if body.size() < u64::from(packed) {
                let detail = format!("{label}: {} of {packed} bytes are there", body.size());
                sink.gap(Reason::Truncated, &detail);
            }
            claimed.add(from.into(), packed.into());
            if packed == 0 {
                continue;
            }
            // What is stored has both sizes alike, whatever the options say.
            let looks_packed = body.window(0, 1)?.first().is_some_and(|byte| byte & 15 == 8);
            if (is_packed || size != packed) && looks_packed {
                let promise = Promise { size: Some(size.into()), check: Check::None };
                hand_over(sink, Child::member(&name), &label, &body, promise, zlib)?;
            } else {
                if is_packed && size != packed && body.size() > 0 {
                    sink.gap(
                        Reason::Damaged,
                        &format!("{label}: it is packed, and no packed data begins there"),
                    );
                }
                sink.range(Child::member(&name), body)?;
            }
        }
        let end =
            if is_late { sizes.saturating_add(copies.saturating_mul(4)).saturating_add(8) } else { sizes };
        claimed.add(at, end.saturating_sub(at));
        at = end;
    }
    Ok(())
}

/// A tree of fields.
struct Tree<'a> {
    content: &'a Content,
    count: u32,
    files: u32,
    claimed: &'a mut Claimed,
}

/// Kinds of fields.
const ARRAY: u32 = 2;
const COMPRESSED: u32 = 3;
/// Those that hold fields.
const HOLDERS: [u32; 4] = [12, 30, 31, 32];

impl Tree<'_> {
    /// Walks fields from `at` to `end`.
    fn fields(&mut self, mut at: u64, end: u64, depth: u32, sink: &mut dyn Sink) -> Flow {
        while at.saturating_add(8) <= end {
            let head = (u32_le(&self.content.window(at, 4)?, 0), self.length(at.saturating_add(4))?);
            let (Some(kind), Some((start, size))) = head else {
                sink.gap(Reason::Truncated, &format!("field at offset {at} ends too early"));
                return Ok(());
            };
            if !(1..=64).contains(&kind) {
                // What is no field comes out as it is. Behind the outermost it is no damage.
                if depth > 0 {
                    sink.gap(Reason::Damaged, &format!("no field from offset {at} to offset {end}"));
                }
                return Ok(());
            }
            let after = start.saturating_add(size);
            if after > end {
                let detail = format!("field at offset {at} of kind {kind}: {size} bytes are not there");
                sink.gap(Reason::Truncated, &detail);
            }
            self.claimed.add(at, start.saturating_sub(at));
            self.field(kind, start, after.min(end), depth, sink)?;
            let next = after.checked_next_multiple_of(4).unwrap_or(end);
            self.claimed.add(after, next.saturating_sub(after));
            at = next;
        }
        Ok(())
    }

    fn length(&self, at: u64) -> Result<Option<(u64, u64)>, Stop> {
        let window = self.content.window(at, 8)?;
        let Some(low) = u32_le(&window, 0) else { return Ok(None) };
        if low >> 31 == 0 {
            return Ok(Some((at.saturating_add(4), low.into())));
        }
        let high = u64::from(u32_le(&window, 4).unwrap_or(0));
        Ok(Some((at.saturating_add(8), high << 31 | u64::from(low & 0x7fff_ffff))))
    }

    fn field(&mut self, kind: u32, start: u64, end: u64, depth: u32, sink: &mut dyn Sink) -> Flow {
        sink.pulse()?;
        self.count = self.count.saturating_add(1);
        if self.count > FIELDS || depth > DEPTH {
            if self.count == FIELDS.saturating_add(1) || depth > DEPTH {
                sink.gap(Reason::Unsupported, &format!("field at offset {start}: there are too many"));
            }
            return Ok(());
        }
        let deeper = depth.saturating_add(1);
        match kind {
            COMPRESSED => self.compressed(start, end, sink),
            ARRAY => {
                let Some(of) = u32_le(&self.content.window(start, 4)?, 0) else {
                    sink.gap(Reason::Truncated, &format!("array at offset {start} ends too early"));
                    return Ok(());
                };
                let mut at = start.saturating_add(4);
                self.claimed.add(start, 4);
                while at.saturating_add(4) <= end && self.count <= FIELDS {
                    let Some((from, size)) = self.length(at)? else {
                        sink.gap(Reason::Truncated, &format!("array at offset {start} ends too early"));
                        break;
                    };
                    let after = from.saturating_add(size);
                    if after > end {
                        let detail = format!(
                            "array at offset {start}: of {size} bytes at offset {from} not all are there"
                        );
                        sink.gap(Reason::Truncated, &detail);
                    }
                    self.claimed.add(at, from.saturating_sub(at));
                    self.field(of, from, after.min(end), deeper, sink)?;
                    at = after.checked_next_multiple_of(4).unwrap_or(end);
                    self.claimed.add(after, at.saturating_sub(after));
                }
                Ok(())
            }
            kind if HOLDERS.contains(&kind) => self.fields(start, end, deeper, sink),
            _ => Ok(()),
        }
    }

    fn compressed(&mut self, start: u64, end: u64, sink: &mut dyn Sink) -> Flow {
        let window = self.content.window(start, 12)?;
        let (Some(method), Some(size)) = (u32_le(&window, 0), crate::fields::u64_le(&window, 4)) else {
            sink.gap(Reason::Truncated, &format!("packed field at offset {start} ends too early"));
            return Ok(());
        };
        self.claimed.add(start, end.saturating_sub(start));
        let body = self.content.range(start.saturating_add(12), end.saturating_sub(start).saturating_sub(12));
        self.files = self.files.saturating_add(1);
        let name = if self.files == 1 {
            "controller".to_owned()
        } else {
            format!("file {}", self.files.saturating_sub(1))
        };
        let promise = Promise { size: Some(size), check: Check::None };
        hand_over(sink, Child::member(&name), &name, &body, promise, |body, progress| match method {
            0 => stored(body, progress),
            1 => zlib(body, progress),
            _ => Err(unsupported(&format!("method {method} is not supported"))),
        })?;
        Ok(())
    }
}
