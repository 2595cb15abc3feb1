//! Elements of DER (X.690), one behind the other; indefinite lengths of BER are read as well, since PKCS #7 and PKCS #12
//! of older programs have them.

/// Tags that are looked for.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// Deepest nest of indefinite lengths that is followed.
const DEEPEST: usize = 16;

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) content: &'a [u8],
    /// All of it, from the tag on.
    pub(crate) raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element of these bytes.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        read(bytes, 0)
    }

    /// The elements in it.
    pub(crate) fn elements(&self) -> Elements<'a> {
        Elements(self.content)
    }
}

fn read(bytes: &[u8], depth: usize) -> Option<Element<'_>> {
    let (&tag, rest) = bytes.split_first()?;
    // Tags of several bytes are in nothing that is read here.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, head) = match first {
        0..=0x7f => (usize::from(first), 2),
        0x80 => return indefinite(bytes, tag, rest, depth),
        _ => {
            let count = usize::from(first & 0x7f);
            let length = crate::fields::number_be(rest.get(..count)?)?;
            (usize::try_from(length).ok()?, count.checked_add(2)?)
        }
    };
    let end = length.checked_add(head)?;
    Some(Element { tag, content: bytes.get(head..end)?, raw: bytes.get(..end)? })
}

/// An element that ends with two zeros.
fn indefinite<'a>(bytes: &'a [u8], tag: u8, inside: &'a [u8], depth: usize) -> Option<Element<'a>> {
    if depth >= DEEPEST || tag & 0x20 == 0 {
        return None;
    }
    let mut at = 0_usize;
    loop {
        let rest = inside.get(at..)?;
        if rest.starts_with(&[0, 0]) {
            let raw = bytes.get(..at.checked_add(4)?)?;
            return Some(Element { tag, content: inside.get(..at)?, raw });
        }
        at = at.checked_add(read(rest, depth.saturating_add(1))?.raw.len())?;
    }
}

/// Elements that follow each other; what is no element ends them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The next element, if it has this tag; else it stays the next.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.0.first() == Some(&tag) { self.next() } else { None }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let element = read(self.0, 0)?;
        self.0 = self.0.get(element.raw.len()..)?;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_end_where_they_say() {
        let element = Element::first(b"\x30\x03\x02\x01\x05rest").unwrap();
        assert_eq!(element.raw, b"\x30\x03\x02\x01\x05");
        assert_eq!(element.elements().expect(tag::INTEGER).unwrap().content, [5]);
        assert!(Element::first(b"\x30\x05\x02").is_none());
        assert!(Element::first(b"\x30\x89aaaaaaaaa").is_none());
    }

    #[test]
    fn indefinite_lengths_end_with_zeros_and_nest_only_so_deep() {
        let element = Element::first(b"\x30\x80\x02\x01\x05\0\0x").unwrap();
        assert_eq!(element.content, b"\x02\x01\x05");
        assert_eq!(element.raw.len(), 7);
        assert!(Element::first(&b"\x30\x80".repeat(10_000)).is_none());
    }
}
