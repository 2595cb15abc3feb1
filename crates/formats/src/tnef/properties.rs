//! The MAPI properties of a message or an attachment.
//!
//! Specification: [MS-OXTNEF] 2.1.3.4, and [MS-OXPROPS] for what each is.

use std::io;

use candor_object::{Child, Content, Flow, Sink, Stop};

use super::{WORTH, short_name};
use crate::compressed_rtf::CompressedRtf;
use crate::fields::{u16_le, u32_le};
use crate::wide::Wide;

pub(super) const LONG_NAME: u16 = 0x3707;
pub(super) const SHORT_NAME: u16 = 0x3704;
pub(super) const SHOWN: u16 = 0x3001;
const DATA: u16 = 0x3701;
const BODY: u16 = 0x1000;
const RTF: u16 = 0x1009;
const HTML: u16 = 0x1013;
/// What the name of an embedded object takes, before the object itself.
const INTERFACE: u64 = 16;
/// Embedded messages and storages are called by these, which differ in the first number only.
const INTERFACES: &[u8] = b"\0\0\0\0\xc0\0\0\0\0\0\0\x46";

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Wide,
    Bytes,
    Object,
}

/// A property whose value may be of any length.
pub(super) struct Property {
    pub(super) id: u16,
    pub(super) kind: Kind,
    pub(super) value: Content,
}

/// Goes through a list of properties.
pub(super) struct Reader<'c> {
    data: &'c Content,
    offset: u64,
    /// Properties that are left, if the list began.
    left: Option<u32>,
    /// Of a property with several values: which it is, and how many there are left.
    values: Option<(u16, Kind, u32)>,
}

/// A property, or nothing at the end; or where the damage is.
type Next<T> = Result<T, u64>;

impl<'c> Reader<'c> {
    pub(super) fn new(data: &'c Content) -> Self {
        Self { data, offset: 0, left: None, values: None }
    }

    /// The next property of variable length.
    pub(super) fn next(&mut self, sink: &mut dyn Sink) -> Result<Next<Option<Property>>, Stop> {
        loop {
            sink.pulse()?;
            if let Some((id, kind, left)) = self.values {
                self.values = left.checked_sub(1).filter(|left| *left > 0).map(|left| (id, kind, left));
                let place = self.offset;
                let Some(size) = self.number()? else { return Ok(Err(place)) };
                let value = self.data.range(self.offset, size.into());
                if value.size() < size.into() {
                    return Ok(Err(place));
                }
                self.skip(size.into());
                return Ok(Ok(Some(Property { id, kind, value })));
            }
            let left = match self.left {
                Some(left) => left,
                None => match self.number()? {
                    Some(count) => count,
                    None => return Ok(Err(0)),
                },
            };
            let Some(left) = left.checked_sub(1) else {
                // What lies behind the last property belongs to nothing.
                let is_whole = self.data.size().saturating_sub(self.offset) < 4;
                return Ok(if is_whole { Ok(None) } else { Err(self.offset) });
            };
            self.left = Some(left);
            let place = self.offset;
            if !self.property()? {
                return Ok(Err(place));
            }
        }
    }

    /// Reads the head of a property, and goes over its value if that has a fixed length; false where it is damaged.
    fn property(&mut self) -> io::Result<bool> {
        let Some(tag) = self.number()? else { return Ok(false) };
        let [low, high, id_low, id_high] = tag.to_le_bytes();
        let (kind, id) = (u16::from_le_bytes([low, high]), u16::from_le_bytes([id_low, id_high]));
        if id >= 0x8000 && !self.name()? {
            return Ok(false);
        }
        let is_many = kind & 0x1000 != 0;
        let fixed = match kind & 0x0fff {
            0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => 4,
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
            0x0048 => 16,
            0x0000 | 0x0001 => 0,
            variable => {
                let kind = match variable {
                    0x001e => Kind::Text,
                    0x001f => Kind::Wide,
                    0x0102 => Kind::Bytes,
                    0x000d => Kind::Object,
                    _ => return Ok(false),
                };
                let Some(count) = self.number()? else { return Ok(false) };
                self.values = (count > 0).then_some((id, kind, count));
                return Ok(true);
            }
        };
        let mut count = 1;
        if is_many {
            let Some(values) = self.number()? else { return Ok(false) };
            count = u64::from(values);
        }
        let size = count.saturating_mul(fixed);
        let is_there = self.data.size().saturating_sub(self.offset) >= size;
        self.skip(size);
        Ok(is_there)
    }

    /// Goes over the name of a property that has one.
    fn name(&mut self) -> io::Result<bool> {
        self.skip(16);
        let Some(is_text) = self.number()? else { return Ok(false) };
        let Some(number) = self.number()? else { return Ok(false) };
        if is_text != 0 {
            self.skip(number.into());
        }
        Ok(self.offset <= self.data.size())
    }

    fn number(&mut self) -> io::Result<Option<u32>> {
        let number = u32_le(&self.data.window(self.offset, 4)?, 0);
        self.skip(4);
        Ok(number)
    }

    /// Values are filled up to four bytes.
    fn skip(&mut self, size: u64) {
        self.offset = self.offset.saturating_add(size.saturating_add(3) & !3);
    }
}

/// A value that may be handed over.
pub(super) struct Value {
    pub(super) id: u16,
    pub(super) kind: Kind,
    pub(super) content: Content,
}

impl Value {
    /// The value as a text of at most so many bytes.
    pub(super) fn text(&self, most: usize) -> io::Result<String> {
        let bytes = self.content.window(0, most)?;
        if self.kind != Kind::Wide {
            return Ok(short_name(&bytes));
        }
        let units =
            (0..bytes.len()).step_by(2).map_while(|at| u16_le(&bytes, at)).take_while(|unit| *unit != 0);
        Ok(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }

    /// Hands it over if something can hide in it. `title` is that of the attachment, if it is one.
    pub(super) fn hand_over(&self, title: &str, sink: &mut dyn Sink) -> Flow {
        if self.content.size() == 0 {
            return Ok(());
        }
        let own;
        let name = match self.id {
            BODY => "body.txt",
            RTF => "body.rtf",
            HTML => "body.html",
            DATA => title,
            id => {
                if self.content.size() < WORTH {
                    return Ok(());
                }
                own = format!("property {id:#06x}");
                &own
            }
        };
        let child = Child::part(name);
        match self.kind {
            Kind::Wide => sink.child(child, &mut Wide::new(without_end(&self.content, 2)?.reader())),
            Kind::Bytes if self.id == RTF => {
                sink.child(child, &mut CompressedRtf::new(self.content.reader()))
            }
            Kind::Object => {
                let has_interface = self.content.window(4, INTERFACES.len())?.as_ref() == INTERFACES;
                sink.range(child, self.content.from(if has_interface { INTERFACE } else { 0 }))
            }
            Kind::Text => sink.range(child, without_end(&self.content, 1)?),
            Kind::Bytes => sink.range(child, self.content.clone()),
        }
    }
}

/// A text without the NUL at its end, which takes as many bytes.
pub(super) fn without_end(text: &Content, bytes: usize) -> io::Result<Content> {
    let size = text.size().saturating_sub(bytes as u64);
    let ends = text.window(size, bytes)?.iter().all(|byte| *byte == 0);
    Ok(if ends { text.range(0, size) } else { text.clone() })
}
