//! asar: archives of Electron programs, a header in JSON and files one behind another.
//!
//! Specification: <https://github.com/electron/asar#format>.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};
use serde_json::{Map, Value};

use crate::fields::u32_le;
use crate::unpack::Claimed;
use crate::{Format, Glimpse};

/// Largest header that is read; a program with all its modules has some MB.
const HEADER: u32 = 16 << 20;
/// Bytes in front of the header's text: sizes of things within each other.
const SIZES: u32 = 16;
/// Longest path that is told.
const PATH: usize = 4096;

/// The asar format.
pub(crate) struct Asar;

impl Format for Asar {
    fn file_type(&self) -> FileType {
        FileType::new("asar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let field = |at| u32_le(glimpse.head, at);
        field(0) == Some(4)
            && field(4) > field(8)
            && field(8) > field(12)
            && glimpse.has(16, b"{")
            && u64::from(field(4).unwrap_or(0)) <= glimpse.size
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, SIZES as usize)?;
        let (Some(outer), Some(size)) = (u32_le(&head, 4), u32_le(&head, 12)) else {
            sink.gap(Reason::Truncated, "the header ends too early");
            return Ok(());
        };
        let base = u64::from(outer).saturating_add(8);
        let text = content.range(u64::from(SIZES), size.into());
        sink.range(Child::part("header"), text.clone())?;
        let mut claimed = Claimed::default();
        if size > HEADER {
            sink.gap(Reason::Unsupported, &format!("a header of {size} bytes"));
        } else {
            match serde_json::from_slice::<Value>(&text.window(0, size as usize)?) {
                Ok(header) => members(&header, content, base, &mut claimed, sink)?,
                Err(error) => sink.gap(Reason::Damaged, &format!("header: {error}")),
            }
        }
        claimed.hand_over_rest(content, base, sink)
    }
}

fn files(value: &Value) -> Option<&Map<String, Value>> {
    value.get("files")?.as_object()
}

fn members(header: &Value, content: &Content, base: u64, claimed: &mut Claimed, sink: &mut dyn Sink) -> Flow {
    // The parser bounds how deep it is.
    let mut folders: Vec<(String, &Map<String, Value>)> = Vec::new();
    folders.extend(files(header).map(|files| (String::new(), files)));
    if folders.is_empty() {
        sink.gap(Reason::Damaged, "the header names no files");
    }
    while let Some((folder, entries)) = folders.pop() {
        for (name, entry) in entries {
            sink.pulse()?;
            let mut path = folder.clone();
            if !path.is_empty() {
                path.push('/');
            }
            path.extend(name.chars().take(PATH.saturating_sub(path.len())));
            if let Some(inner) = files(entry) {
                folders.push((path.clone(), inner));
            }
            let is_outside = entry.get("unpacked").and_then(Value::as_bool) == Some(true);
            let Some(offset) = entry.get("offset") else {
                if is_outside && files(entry).is_none() {
                    sink.anomaly("outside", &format!("{path:?} lies beside the archive"));
                } else if entry.get("size").is_some() {
                    sink.gap(Reason::Damaged, &format!("member {path:?}: it has no offset"));
                }
                continue;
            };
            let offset = offset.as_str().and_then(|text| text.parse::<u64>().ok()).or(offset.as_u64());
            let size = entry.get("size").and_then(Value::as_u64);
            let (Some(offset), Some(size)) = (offset, size) else {
                sink.gap(Reason::Damaged, &format!("member {path:?}: its offset or size is no number"));
                continue;
            };
            sink.listed(Listed { name: &path, packed: size, size, encrypted: false, position: None });
            let start = base.saturating_add(offset);
            claimed.add(start, size);
            let body = content.range(start, size);
            let there = body.size();
            sink.range(Child { name: &path, relation: Relation::Member }, body)?;
            if there < size {
                sink.gap(Reason::Truncated, &format!("member {path:?}: {there} of {size} bytes are there"));
            }
        }
    }
    Ok(())
}
