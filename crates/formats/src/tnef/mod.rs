//! TNEF: the `winmail.dat` of Outlook and Exchange, attributes of a message in a row.
//!
//! Specification: [MS-OXTNEF], <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxtnef>. Readers differ
//! in whether they look at checksums, so that they hide nothing, and in what they do where an attribute is damaged, so
//! that the next is looked for.

mod properties;

use std::borrow::Cow;

use candor_object::{Child, Content, FileType, Flow, Limit, Reason, Relation, Sink, Stop};

use crate::fields::{u16_le, u32_le};
use crate::search::find;
use crate::{Format, Glimpse};
use properties::{Kind, Property, Value};

const MAGIC: &[u8; 4] = b"\x78\x9f\x3e\x22";
/// Bytes before the first attribute.
const START: u64 = 6;
/// Bytes before the data of an attribute.
const HEADER: usize = 9;
/// Longest name in bytes.
const LONGEST_NAME: usize = 1024;
/// Contents of one attachment that are kept until its name is known.
const PARTS: usize = 256;
/// Gaps of one kind that are listed.
const GAPS: u32 = 100;
/// Shortest value that is handed over though nobody knows what it is: nothing shorter can be an object of its own.
const WORTH: u64 = 64;

const BODY: u32 = 0x0002_800c;
const ATTACHMENT_TITLE: u32 = 0x0001_8010;
const ATTACHMENT_DATA: u32 = 0x0006_800f;
const ATTACHMENT_PROPERTIES: u32 = 0x0006_9005;
const ATTACHMENT_BEGINS: u32 = 0x0006_9002;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;

/// All attributes of the specification, by which the next is found after damage.
const ATTRIBUTES: &[u32] = &[
    0x0000_8000,
    0x0000_8004,
    0x0001_8004,
    0x0003_8005,
    0x0003_8006,
    0x0007_8007,
    0x0007_8008,
    0x0001_8009,
    0x0001_800a,
    0x0001_800b,
    BODY,
    0x0004_800d,
    ATTACHMENT_DATA,
    ATTACHMENT_TITLE,
    0x0006_8011,
    0x0003_8012,
    0x0003_8013,
    0x0003_8020,
    ATTACHMENT_BEGINS,
    MESSAGE_PROPERTIES,
    0x0006_9004,
    ATTACHMENT_PROPERTIES,
    0x0006_9006,
    0x0006_9007,
    0x0008_9006,
    0x0006_0000,
    0x0006_0001,
    0x0006_0002,
    0x0003_0006,
    0x0003_0007,
    0x0003_0008,
    0x0004_0009,
    0x0007_8008,
];

/// The TNEF format.
pub(crate) struct Tnef;

impl Format for Tnef {
    fn file_type(&self) -> FileType {
        FileType::new("tnef")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut walk = Walk { attachment: Attachment::default(), checksums: 0, properties: 0 };
        let mut offset = START;
        if content.size() < START {
            sink.gap(Reason::Truncated, "no attributes");
        }
        while offset < content.size() {
            sink.pulse()?;
            let Some(header) = Header::read(content, offset)? else {
                let Some(next) = recover(content, offset, sink)? else { break };
                offset = next;
                continue;
            };
            let start = offset.saturating_add(HEADER as u64);
            let data = content.range(start, header.size);
            let is_cut = data.size() < header.size;
            walk.attribute(&header, offset, &data, sink)?;
            let end = start.saturating_add(header.size);
            if is_cut {
                let (there, size) = (data.size(), header.size);
                let detail =
                    format!("attribute {:#010x} at offset {offset}: {there} of {size} bytes", header.id);
                sink.gap(Reason::Truncated, &detail);
                // A size that is wrong would hide all that follows.
                let Some(next) = find(content, start, (1, HEADER), sink, begins)? else { break };
                sink.anomaly("resumed", &format!("another attribute at offset {next}"));
                offset = next;
                continue;
            }
            walk.check(&header, content, (offset, end), sink)?;
            offset = end.saturating_add(2);
        }
        walk.finish(sink)
    }
}

/// The start of an attribute.
struct Header {
    id: u32,
    size: u64,
}

impl Header {
    fn read(content: &Content, offset: u64) -> Result<Option<Self>, Stop> {
        let bytes = content.window(offset, HEADER)?;
        Ok(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let is_level = matches!(bytes.first(), Some(1 | 2));
        is_level.then_some(Self { id: u32_le(bytes, 1)?, size: u32_le(bytes, 5)?.into() })
    }
}

/// Whether an attribute that somebody knows begins here.
fn begins(bytes: &[u8]) -> bool {
    Header::parse(bytes).is_some_and(|header| ATTRIBUTES.contains(&header.id))
}

/// Looks for the next attribute where there is none.
fn recover(content: &Content, offset: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let next = find(content, offset, (1, HEADER), sink, begins)?;
    let end = next.unwrap_or_else(|| content.size());
    let rest = content.range(offset, end.saturating_sub(offset));
    let is_padding = rest.size() < WORTH
        && rest.window(0, 64)?.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' '));
    if next.is_none() && is_padding {
        return Ok(None);
    }
    sink.gap(Reason::Damaged, &format!("no attribute begins at offset {offset}, nor up to offset {end}"));
    sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
    Ok(next)
}

/// What lies in an attachment.
enum Part {
    /// Its content as it is.
    Data(Content),
    /// A property of it.
    Property(Value),
}

/// What is known of an attachment: its name may come behind its content.
#[derive(Default)]
struct Attachment {
    title: String,
    /// What is shown in place of a name, which embedded messages have not.
    shown: String,
    parts: Vec<Part>,
}

struct Walk {
    attachment: Attachment,
    /// How many wrong checksums and broken lists of properties there were.
    checksums: u32,
    properties: u32,
}

impl Walk {
    fn attribute(&mut self, header: &Header, offset: u64, data: &Content, sink: &mut dyn Sink) -> Flow {
        match header.id {
            ATTACHMENT_BEGINS => self.flush(sink)?,
            // Of two names the first is the longer one, which came from the properties.
            ATTACHMENT_TITLE if self.attachment.title.is_empty() => {
                self.attachment.title = short_name(&data.window(0, LONGEST_NAME)?);
            }
            ATTACHMENT_DATA => self.keep(Part::Data(data.clone()), sink)?,
            ATTACHMENT_PROPERTIES => self.read(true, offset, data, sink)?,
            MESSAGE_PROPERTIES => self.read(false, offset, data, sink)?,
            BODY => sink.range(Child::part("body.txt"), properties::without_end(data, 1)?)?,
            _ if data.size() >= WORTH => {
                sink.range(Child::part(&format!("attribute {:#010x}", header.id)), data.clone())?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads properties of the message or of an attachment.
    fn read(&mut self, is_attachment: bool, offset: u64, data: &Content, sink: &mut dyn Sink) -> Flow {
        let mut properties = properties::Reader::new(data);
        let broken = loop {
            match properties.next(sink)? {
                Ok(None) => break None,
                Ok(Some(property)) => self.property(is_attachment, property, sink)?,
                Err(place) => break Some(place),
            }
        };
        let Some(place) = broken else { return Ok(()) };
        self.properties = self.properties.saturating_add(1);
        if self.properties <= GAPS {
            let detail =
                format!("properties in the attribute at offset {offset}, from their byte {place} on");
            sink.gap(Reason::Damaged, &detail);
        }
        sink.range(Child { name: "", relation: Relation::Overlay }, data.from(place))
    }

    fn property(&mut self, is_attachment: bool, property: Property, sink: &mut dyn Sink) -> Flow {
        let Property { id, kind, value } = property;
        let value = Value { id, kind, content: value };
        if !is_attachment {
            return value.hand_over("", sink);
        }
        match id {
            properties::LONG_NAME | properties::SHORT_NAME if !matches!(kind, Kind::Bytes | Kind::Object) => {
                let name = value.text(LONGEST_NAME)?;
                if !name.is_empty() && (id == properties::LONG_NAME || self.attachment.title.is_empty()) {
                    self.attachment.title = name;
                }
                Ok(())
            }
            properties::SHOWN if !matches!(kind, Kind::Bytes | Kind::Object) => {
                self.attachment.shown = value.text(LONGEST_NAME)?;
                Ok(())
            }
            _ => self.keep(Part::Property(value), sink),
        }
    }

    fn keep(&mut self, part: Part, sink: &mut dyn Sink) -> Flow {
        self.attachment.parts.push(part);
        if self.attachment.parts.len() >= PARTS { self.flush(sink) } else { Ok(()) }
    }

    /// Hands over the attachment that ends.
    fn flush(&mut self, sink: &mut dyn Sink) -> Flow {
        let Attachment { title, shown, parts } = std::mem::take(&mut self.attachment);
        let title = if title.is_empty() { shown } else { title };
        for part in parts {
            match part {
                Part::Data(content) => sink.range(Child::part(&title), content)?,
                Part::Property(value) => value.hand_over(&title, sink)?,
            }
        }
        Ok(())
    }

    /// Compares the checksum behind an attribute.
    fn check(
        &mut self,
        header: &Header,
        content: &Content,
        (offset, end): (u64, u64),
        sink: &mut dyn Sink,
    ) -> Flow {
        let Some(expected) = u16_le(&content.window(end, 2)?, 0) else {
            let detail = format!("attribute {:#010x} at offset {offset}: its checksum is cut", header.id);
            sink.gap(Reason::Truncated, &detail);
            return Ok(());
        };
        if sum(content, offset.saturating_add(HEADER as u64), end, sink)? == expected {
            return Ok(());
        }
        self.checksums = self.checksums.saturating_add(1);
        if self.checksums <= GAPS {
            let detail = format!("checksum of attribute {:#010x} at offset {offset}", header.id);
            sink.gap(Reason::Damaged, &detail);
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Flow {
        self.flush(sink)?;
        let most = self.checksums.max(self.properties);
        if most > GAPS {
            let detail = format!("{} checksums, {} lists of properties", self.checksums, self.properties);
            sink.gap(Reason::Limit(Limit::Objects), &format!("more damage than is listed: {detail}"));
        }
        Ok(())
    }
}

/// The sum of the bytes.
fn sum(content: &Content, from: u64, to: u64, sink: &mut dyn Sink) -> Result<u16, Stop> {
    let mut sum: u16 = 0;
    let mut offset = from;
    while offset < to {
        sink.pulse()?;
        let size = usize::try_from(to.saturating_sub(offset)).unwrap_or(usize::MAX).min(64 << 10);
        let window = content.window(offset, size)?;
        if window.is_empty() {
            break;
        }
        sum = window.iter().fold(sum, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        offset = offset.saturating_add(window.len() as u64);
    }
    Ok(sum)
}

/// A name in a one-byte encoding.
fn short_name(bytes: &[u8]) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
    .into_owned()
}
