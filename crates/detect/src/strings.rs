//! Text in the image: names, sources, signatures.

use std::collections::HashMap;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

/// Where a text lies in the strings section.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Text {
    offset: le::U32,
    length: le::U16,
}

impl Text {
    /// The text, or nothing where the place is damaged.
    pub(crate) fn read(self, strings: &[u8]) -> Option<&str> {
        std::str::from_utf8(self.bytes(strings)?).ok()
    }

    /// What lies there, if that need be no text.
    pub(crate) fn bytes(self, strings: &[u8]) -> Option<&[u8]> {
        let start = usize::try_from(self.offset.get()).ok()?;
        strings.get(start..start.checked_add(usize::from(self.length.get()))?)
    }
}

/// Collects text; short texts that come again are stored once.
#[derive(Default)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    sources: HashMap<String, u16>,
    official_sources: HashMap<String, u16>,
    source_texts: Vec<Text>,
    official: Vec<u8>,
    is_official: bool,
}

impl Strings {
    /// Bytes of all texts.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a text; what is longer than 65,535 bytes is cut at a character.
    pub(crate) fn add(&mut self, text: &str) -> Text {
        let text = text.get(..text.floor_char_boundary(usize::from(u16::MAX))).unwrap_or_default();
        self.add_bytes(text.as_bytes())
    }

    /// Adds what need be no text; nothing of what is longer than 65,535 bytes.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> Text {
        let (Ok(offset), Ok(length)) = (u32::try_from(self.bytes.len()), u16::try_from(bytes.len())) else {
            return Text::default();
        };
        self.bytes.extend_from_slice(bytes);
        Text { offset: offset.into(), length: length.into() }
    }

    /// Says whether the signature files that are named from now on are official.
    pub(crate) fn official(&mut self, official: bool) {
        self.is_official = official;
    }

    /// The number of a signature file; files beyond the 65,535th share the last number.
    pub(crate) fn source(&mut self, name: &str) -> le::U16 {
        let known = if self.is_official { &mut self.official_sources } else { &mut self.sources };
        if let Some(number) = known.get(name) {
            return (*number).into();
        }
        let number = u16::try_from(self.source_texts.len()).unwrap_or(u16::MAX);
        known.insert(name.to_owned(), number);
        if usize::from(number) == self.source_texts.len() {
            let text = self.add(name);
            self.source_texts.push(text);
            self.official.push(u8::from(self.is_official));
        }
        number.into()
    }

    /// The bytes of the section, the sources, and a byte for each that is 1 for official ones; none if none is.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<Text>, Vec<u8>) {
        let official = if self.official.contains(&1) { self.official } else { Vec::new() };
        (self.bytes, self.source_texts, official)
    }
}
