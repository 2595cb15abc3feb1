//! Elements of DER (X.690), one behind the other. The bytes of each are kept as they lie: digests are over them.
//!
//! What wraps certificates in programs is read with this and not with types of a schema: sets are found unordered and
//! with an element twice, and one odd certificate must not hide the others.

use der::{Decode, Header, Reader, SliceReader};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// Its first byte.
    pub(super) tag: u8,
    /// What is in it.
    pub(super) content: &'a [u8],
    /// All of it, from the tag on.
    pub(super) raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element of these bytes.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        Elements(bytes).next()
    }

    /// The elements in it.
    pub(super) fn elements(&self) -> Elements<'a> {
        Elements(self.content)
    }
}

/// Elements that follow each other; what is no element ends them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The next element, if it has this tag; else it stays the next.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.0.first() == Some(&tag) { self.next() } else { None }
    }

    /// Whether all bytes were elements.
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let tag = *self.0.first()?;
        let mut reader = SliceReader::new(self.0).ok()?;
        let length = Header::decode(&mut reader).ok()?.length();
        let content = reader.read_slice(length).ok()?;
        let end = usize::try_from(reader.position()).ok()?;
        let (raw, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(Element { tag, content, raw })
    }
}
