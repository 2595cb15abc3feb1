//! rpm: the payload of a package and its scripts.
//!
//! Specification: <https://rpm-software-management.github.io/rpm/manual/format_v4.html>. A lead, a header with
//! signatures, a header with all that is known of the package, and the payload: a compressed cpio archive, handed over
//! as it is. The scripts that run as root on installation stand in the second header.

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink, Stop};

use crate::fields::{self, u16_be, u32_be};
use crate::search::find;
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"\xed\xab\xee\xdb";
const LEAD: u64 = 96;
const HEADER_MAGIC: &[u8] = b"\x8e\xad\xe8\x01";
/// Bytes of a header before its index.
const HEADER: u64 = 16;
const ENTRY: u64 = 16;
/// Entries of a header's index that are read; rpm allows as many.
const ENTRIES: u64 = 65_535;
/// Longest name or version.
const LONGEST_NAME: usize = 256;
/// Strings of one entry that are handed over as scripts.
const SCRIPTS: u32 = 1024;
/// Size of one script.
const SCRIPT: u64 = 4 << 20;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const ARCHITECTURE: u32 = 1022;
const PAYLOAD_FORMAT: u32 = 1124;
const PAYLOAD_COMPRESSOR: u32 = 1125;

/// The scripts, by their tags.
const SCRIPT_TAGS: [(u32, &str); 10] = [
    (1023, "prein"),
    (1024, "postin"),
    (1025, "preun"),
    (1026, "postun"),
    (1065, "triggerscripts"),
    (1079, "verifyscript"),
    (1151, "pretrans"),
    (1152, "posttrans"),
    (5066, "filetriggerscripts"),
    (5076, "transfiletriggerscripts"),
];

/// The rpm format.
pub(crate) struct Rpm;

impl Format for Rpm {
    fn file_type(&self) -> FileType {
        FileType::new("rpm")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let lead = content.window(0, 96)?;
        // The signatures may be missing in packages of the nineties: type 5 means that there is a header of them.
        let signed = u16_be(&lead, 78) != Some(0);
        let mut offset = LEAD;
        let mut main = None;
        if signed {
            let Some(signatures) = header(content, offset, "signature header", sink)? else { return Ok(()) };
            let padding = signatures.end.saturating_sub(LEAD).checked_next_multiple_of(8);
            offset = LEAD.saturating_add(padding.unwrap_or(u64::MAX));
            // Some packages do not pad.
            if signatures.end < offset && begins(&content.window(signatures.end, 4)?) {
                sink.anomaly("unpadded", "the signature header");
                offset = signatures.end;
            }
            // What was found in place of damaged signatures is the next header.
            if signatures.entries(sink)?.iter().any(|entry| entry.0 == ARCHITECTURE) {
                main = Some(signatures);
            }
        }
        let main = match main {
            Some(main) => main,
            None => match header(content, offset, "main header", sink)? {
                Some(main) => main,
                None => return Ok(()),
            },
        };
        let name = package_name(&main, sink)?;
        hand_over_scripts(&main, sink)?;
        if main.end >= content.size() {
            sink.gap(Reason::Truncated, "there is no payload");
            return Ok(());
        }
        sink.range(Child::member(&name), content.from(main.end))
    }
}

fn begins(head: &[u8]) -> bool {
    head.starts_with(HEADER_MAGIC)
}

/// A header: its index, and the bytes that the index speaks of.
struct Header {
    index: Content,
    store: Content,
    end: u64,
}

/// The header at `offset`, or the next one behind it if none is there; a gap if there is none at all.
fn header(content: &Content, offset: u64, what: &str, sink: &mut dyn Sink) -> Result<Option<Header>, Stop> {
    let mut offset = offset;
    if !begins(&content.window(offset, 4)?) {
        let next = find(content, offset, (1, 4), sink, begins)?;
        let end = next.unwrap_or_else(|| content.size());
        let reason = if offset >= content.size() { Reason::Truncated } else { Reason::Damaged };
        sink.gap(reason, &format!("no {what} at offset {offset}"));
        let lost = content.range(offset, end.saturating_sub(offset));
        if lost.size() > 0 {
            sink.range(Child { name: "", relation: Relation::Overlay }, lost)?;
        }
        let Some(next) = next else { return Ok(None) };
        offset = next;
    }
    let intro = content.window(offset, 16)?;
    let (Some(entries), Some(size)) = (u32_be(&intro, 8), u32_be(&intro, 12)) else {
        sink.gap(Reason::Truncated, &format!("{what} at offset {offset}"));
        return Ok(None);
    };
    let index = offset.saturating_add(HEADER);
    let store = index.saturating_add(u64::from(entries).saturating_mul(ENTRY));
    let end = store.saturating_add(u64::from(size));
    if end > content.size() {
        sink.gap(Reason::Truncated, &format!("{what} at offset {offset}: it should end at offset {end}"));
        // Sizes that are wrong would hide the payload.
        let rest = content.from(index);
        if rest.size() > 0 {
            sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
        }
        return Ok(None);
    }
    let index = content.range(index, store.saturating_sub(index));
    Ok(Some(Header { index, store: content.range(store, u64::from(size)), end }))
}

impl Header {
    /// The tags, the offsets and the counts of the index.
    fn entries(&self, sink: &mut dyn Sink) -> Result<Vec<(u32, u64, u32)>, Stop> {
        sink.pulse()?;
        let size = usize::try_from(ENTRIES.saturating_mul(ENTRY)).unwrap_or(usize::MAX);
        let index = self.index.window(0, size)?;
        if self.index.size() > index.len() as u64 {
            sink.gap(Reason::Unsupported, &format!("header entries after the first {ENTRIES}"));
        }
        let entry =
            |entry: &[u8]| Some((u32_be(entry, 0)?, u64::from(u32_be(entry, 8)?), u32_be(entry, 12)?));
        Ok(index.chunks_exact(16).filter_map(entry).collect())
    }
}

/// What the payload is called.
fn package_name(header: &Header, sink: &mut dyn Sink) -> Result<String, Stop> {
    let entries = header.entries(sink)?;
    let text = |tag: u32, otherwise: &str| -> Result<String, Stop> {
        let Some((_, offset, _)) = entries.iter().find(|entry| entry.0 == tag) else {
            return Ok(otherwise.to_owned());
        };
        Ok(fields::name(&header.store.window(*offset, LONGEST_NAME)?))
    };
    let packed = match text(PAYLOAD_COMPRESSOR, "gzip")?.as_str() {
        "gzip" => ".gz".to_owned(),
        "bzip2" => ".bz2".to_owned(),
        "zstd" => ".zst".to_owned(),
        "" | "none" => String::new(),
        other => format!(".{other}"),
    };
    let (name, version) = (text(NAME, "payload")?, text(VERSION, "")?);
    let (release, architecture) = (text(RELEASE, "")?, text(ARCHITECTURE, "")?);
    Ok(format!("{name}-{version}-{release}.{architecture}.{}{packed}", text(PAYLOAD_FORMAT, "cpio")?))
}

fn hand_over_scripts(header: &Header, sink: &mut dyn Sink) -> Flow {
    for (tag, offset, count) in header.entries(sink)? {
        let Some((_, name)) = SCRIPT_TAGS.iter().find(|(script, _)| *script == tag) else { continue };
        let mut offset = offset;
        if count > SCRIPTS {
            sink.gap(Reason::Unsupported, &format!("{name} after the first {SCRIPTS}"));
        }
        for _ in 0..count.min(SCRIPTS) {
            let end = find(&header.store, offset, (1, 1), sink, |head| head == [0])?;
            let size = end.unwrap_or_else(|| header.store.size()).saturating_sub(offset);
            if size > 0 {
                if size > SCRIPT {
                    sink.gap(Reason::Unsupported, &format!("{name}: more than {SCRIPT} bytes"));
                }
                sink.range(Child::part(name), header.store.range(offset, size.min(SCRIPT)))?;
            }
            let Some(end) = end else { break };
            offset = end.saturating_add(1);
        }
    }
    Ok(())
}
