//! SVG: pictures that run scripts.
//!
//! Specification: <https://www.w3.org/TR/SVG2/>, and for references <https://www.w3.org/TR/xml/>. Its forms, links and `data:`
//! addresses are those of a page. In XML a script may be written in references and in sections, which HTML has not, so that
//! scripts come out as they are run; so do event handlers, entities, and the pages in `foreignObject`.

use std::borrow::Cow;

use candor_object::{Child, Content, FileType, Flow, Limit, Link, Reason, Relation, Sink, Stop};
use memchr::memmem;

use crate::html::Html;
use crate::mail::{Base64, Base64End};
use crate::text::{Encoding, encoding, narrow, units};
use crate::{Format, Glimpse, HEAD};

/// Bytes of a picture that are looked at.
const MOST: usize = 32 << 20;
/// Most of each kind that is handed over.
const CHILDREN: u32 = 10_000;
/// Longest tag.
const TAG: usize = 1 << 20;

/// The SVG format.
pub(crate) struct Svg;

impl Format for Svg {
    fn file_type(&self) -> FileType {
        FileType::new("svg")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        first_element(&narrow(glimpse.head)).is_some_and(|name| local(name).eq_ignore_ascii_case(b"svg"))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        Html.open(content, sink)?;
        if content.size() > MOST as u64 {
            let detail = format!("scripts behind offset {MOST} are not taken out");
            sink.gap(Reason::Limit(Limit::ObjectBytes), &detail);
        }
        let window = content.window(0, MOST)?;
        let (encoding, body) = encoding(window.get(..HEAD).unwrap_or(&window));
        let text = if encoding == Encoding::Bytes {
            window
        } else {
            let mark = window.len().min(HEAD).saturating_sub(body.len());
            let letters = char::decode_utf16(units(encoding, window.get(mark..).unwrap_or_default()));
            let letters = letters.map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
            Cow::Owned(letters.collect::<String>().into_bytes())
        };
        let mut picture =
            Picture { text: &text, handlers: Vec::new(), links: 0, children: 0, foreign: 0, is_blind: false };
        picture.walk(sink)
    }
}

/// The name of the first element, behind comments, instructions and the declaration of the type.
fn first_element(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head.trim_ascii_start();
    if !rest.starts_with(b"<") {
        return None;
    }
    loop {
        rest = rest.get(memchr::memchr(b'<', rest)?..)?;
        let next = *rest.get(1)?;
        if next.is_ascii_alphabetic() {
            return Some(name(rest.get(1..)?));
        }
        let end = if rest.starts_with(b"<!--") {
            memmem::find(rest, b"-->")?.checked_add(3)?
        } else if next == b'?' {
            memmem::find(rest, b"?>")?.checked_add(2)?
        } else if next == b'!' {
            // Of a page in whose head a picture stands, browsers make a page.
            let kind = rest.get(2..)?;
            let is_type = kind.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b"doctype"));
            let is_other =
                is_type && !local(name(kind.get(7..)?.trim_ascii_start())).eq_ignore_ascii_case(b"svg");
            if is_other {
                return None;
            }
            declaration_end(rest)?
        } else {
            return None;
        };
        rest = rest.get(end..)?;
    }
}

/// Where a declaration ends, or the first of those inside of it.
fn declaration_end(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (place, byte) in rest.iter().enumerate().skip(2) {
        match (quote, *byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>' | b'[') => return place.checked_add(1),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The name that stands here.
fn name(bytes: &[u8]) -> &[u8] {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    let length = bytes.iter().position(|byte| !letter(byte)).unwrap_or(bytes.len());
    bytes.get(..length).unwrap_or_default()
}

/// A name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b':').next().unwrap_or(name)
}

struct Picture<'t> {
    text: &'t [u8],
    /// Event handlers and addresses that are scripts, a line each.
    handlers: Vec<u8>,
    links: u32,
    children: u32,
    /// Where the page ends that was handed over last.
    foreign: usize,
    /// Whether a script without content was met: what follows is script to whoever reads HTML, and its addresses are not
    /// those of a page.
    is_blind: bool,
}

impl Picture<'_> {
    fn walk(&mut self, sink: &mut dyn Sink) -> Flow {
        let mut place: usize = 0;
        while let Some(found) = self.text.get(place..).and_then(|rest| memchr::memchr(b'<', rest)) {
            sink.pulse()?;
            place = place.saturating_add(found);
            let rest = self.text.get(place..).unwrap_or_default();
            let length = if rest.starts_with(b"<!--") {
                memmem::find(rest, b"-->").unwrap_or(rest.len())
            } else if rest.starts_with(b"<![CDATA[") {
                memmem::find(rest, b"]]>").unwrap_or(rest.len())
            } else if rest.starts_with(b"<!ENTITY") {
                self.entity(rest, sink)?
            } else if rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
                self.element(place, rest, sink)?
            } else {
                1
            };
            place = place.saturating_add(length.max(1));
        }
        if self.children > CHILDREN {
            let detail =
                format!("{} scripts, entities and pages beyond", self.children.saturating_sub(CHILDREN));
            sink.gap(Reason::Limit(Limit::Objects), &detail);
        }
        if self.handlers.is_empty() {
            return Ok(());
        }
        sink.child(Child { name: "handlers.js", relation: Relation::Part }, &mut self.handlers.as_slice())
    }

    /// Whether another child may be handed over.
    fn may(&mut self) -> bool {
        self.children = self.children.saturating_add(1);
        self.children <= CHILDREN
    }

    /// Hands over the value of an entity, which stands wherever its name does. Returns the length of the declaration.
    fn entity(&mut self, rest: &[u8], sink: &mut dyn Sink) -> Result<usize, Stop> {
        let Some(length) = declaration_end(rest) else { return Ok(rest.len()) };
        let text = rest.get(..length).unwrap_or_default();
        let quote = text.iter().find(|byte| matches!(byte, b'"' | b'\'')).copied().unwrap_or(b'"');
        let value = text.split(|byte| *byte == quote).nth(1).unwrap_or_default();
        // What is shorter is a letter, or the address of a namespace.
        if value.len() >= 16 && self.may() {
            let value = decoded(value);
            sink.child(Child::part("entity"), &mut value.as_ref())?;
        }
        Ok(length)
    }

    /// Takes out what an element has; the length of its tag, and of its script if it is one.
    fn element(&mut self, at: usize, rest: &[u8], sink: &mut dyn Sink) -> Result<usize, Stop> {
        let full = name(rest.get(1..).unwrap_or_default());
        let element = local(full).to_ascii_lowercase();
        let tag = rest.get(..TAG.min(rest.len())).unwrap_or_default();
        let length = self.attributes(&element, full.len().saturating_add(1), tag, sink)?;
        let is_closed = length.checked_sub(2).and_then(|last| rest.get(last)) == Some(&b'/');
        if is_closed {
            self.is_blind |= element == b"script";
            return Ok(length);
        }
        let inner = rest.get(length..).unwrap_or_default();
        match element.as_slice() {
            b"script" => {
                let end = end_of(inner, &element);
                if end.is_none() {
                    sink.gap(Reason::Truncated, &format!("script at offset {at} has no end"));
                }
                let size = end.unwrap_or(inner.len());
                let script = inner.get(..size).unwrap_or_default();
                if !script.trim_ascii().is_empty() && self.may() {
                    let script = without_sections(script);
                    sink.child(Child { name: "script", relation: Relation::Stream }, &mut script.as_slice())?;
                }
                Ok(length.saturating_add(size))
            }
            b"foreignobject" if at >= self.foreign => {
                let size = end_of(inner, &element).unwrap_or(inner.len());
                self.foreign = at.saturating_add(length).saturating_add(size);
                let page = inner.get(..size).unwrap_or_default();
                if !page.trim_ascii().is_empty() && self.may() {
                    sink.child(Child::part("foreignObject"), &mut &*page)?;
                }
                Ok(length)
            }
            _ => Ok(length),
        }
    }

    /// Looks at the attributes of a tag, which begin at `start`; the length of the tag.
    fn attributes(
        &mut self,
        element: &[u8],
        start: usize,
        tag: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<usize, Stop> {
        let mut place = start;
        loop {
            let Some(rest) = tag.get(place..).filter(|rest| !rest.is_empty()) else { return Ok(tag.len()) };
            let first = rest.first().copied().unwrap_or(b'>');
            if first == b'>' {
                return Ok(place.saturating_add(1));
            }
            let attribute = name(rest);
            if attribute.is_empty() {
                place = place.saturating_add(1);
                continue;
            }
            let after = rest.get(attribute.len()..).unwrap_or_default();
            let trimmed = after.trim_ascii_start();
            let Some(value) = trimmed.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) else {
                place = place.saturating_add(attribute.len());
                continue;
            };
            let (value, behind) = match value.first() {
                Some(quote @ (b'"' | b'\'')) => {
                    let value = value.get(1..).unwrap_or_default();
                    let size = memchr::memchr(*quote, value).unwrap_or(value.len());
                    (
                        value.get(..size).unwrap_or_default(),
                        value.get(size.saturating_add(1)..).unwrap_or_default(),
                    )
                }
                _ => {
                    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
                    let size = value.iter().position(ends).unwrap_or(value.len());
                    value.split_at_checked(size).unwrap_or_default()
                }
            };
            self.attribute(element, attribute, value, sink)?;
            place = tag.len().saturating_sub(behind.len());
        }
    }

    fn attribute(&mut self, element: &[u8], attribute: &[u8], value: &[u8], sink: &mut dyn Sink) -> Flow {
        let full = attribute.to_ascii_lowercase();
        let short = local(&full);
        let is_handler = short.starts_with(b"on") && short.len() > 3;
        let is_address = matches!(short, b"href" | b"src");
        // Animations may set any attribute.
        let may_be_script =
            is_address || matches!(short, b"to" | b"from" | b"values" | b"action" | b"formaction");
        if !is_handler && !may_be_script {
            return Ok(());
        }
        let value = decoded(value);
        let scheme = scheme(&value);
        if is_handler || scheme.starts_with(b"javascript:") {
            self.handlers.extend_from_slice(&value);
            self.handlers.push(b'\n');
            return Ok(());
        }
        if scheme.starts_with(b"data:") {
            return if self.is_blind && self.may() { data_address(&value, sink) } else { Ok(()) };
        }
        let is_told = element == b"a" && full == b"href";
        let target = value.trim_ascii();
        if is_address && !is_told && !target.is_empty() && !target.starts_with(b"#") && sink.wants_links() {
            self.links = self.links.saturating_add(1);
            if self.links <= CHILDREN {
                sink.link(Link { target, shown: target, is_text: false });
            }
        }
        Ok(())
    }
}

/// Hands over what a `data:` address holds.
fn data_address(address: &[u8], sink: &mut dyn Sink) -> Flow {
    let Some(comma) = memchr::memchr(b',', address) else { return Ok(()) };
    let (kind, payload) = address.split_at_checked(comma).unwrap_or_default();
    let payload = payload.get(1..).unwrap_or_default();
    if memmem::find(&kind.to_ascii_lowercase(), b";base64").is_some() {
        let content = Content::from_vec(payload.to_vec());
        return sink.child(Child::part(""), &mut Base64::new(content, Base64End::Content));
    }
    let mut out = Vec::with_capacity(payload.len());
    let mut rest = payload;
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    sink.child(Child::part(""), &mut out.as_slice())
}

/// The start of an address without what browsers skip.
fn scheme(address: &[u8]) -> Vec<u8> {
    let kept = address.iter().take(64).filter(|byte| !byte.is_ascii_whitespace() && !byte.is_ascii_control());
    kept.map(u8::to_ascii_lowercase).collect()
}

/// Where the end tag of an element stands.
fn end_of(inner: &[u8], element: &[u8]) -> Option<usize> {
    memmem::find_iter(inner, b"</").find(|place| {
        let tag = inner.get(place.saturating_add(2)..).unwrap_or_default();
        let tag = tag.get(..128.min(tag.len())).unwrap_or_default();
        local(name(tag)).eq_ignore_ascii_case(element)
    })
}

/// A script as it is run: sections as they are, and references outside of them replaced.
fn without_sections(script: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(script.len());
    let mut rest = script;
    while let Some(place) = memmem::find(rest, b"<![CDATA[") {
        text.extend_from_slice(&decoded(rest.get(..place).unwrap_or_default()));
        rest = rest.get(place.saturating_add(9)..).unwrap_or_default();
        let end = memmem::find(rest, b"]]>").unwrap_or(rest.len());
        text.extend_from_slice(rest.get(..end).unwrap_or_default());
        rest = rest.get(end.saturating_add(3)..).unwrap_or_default();
    }
    text.extend_from_slice(&decoded(rest));
    text
}

/// Text with the references of XML replaced.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'&', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(rest.get(..place).unwrap_or_default());
        rest = rest.get(place..).unwrap_or_default();
        let reference = rest.get(..16.min(rest.len())).unwrap_or_default();
        let letter =
            memchr::memchr(b';', reference).and_then(|end| Some((end, letter(reference.get(1..end)?)?)));
        let length = match letter {
            Some((end, letter)) => {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                end.saturating_add(1)
            }
            None => {
                out.push(b'&');
                1
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The letter that a reference stands for.
fn letter(reference: &[u8]) -> Option<char> {
    Some(match reference {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => {
            char::from_u32(u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?)?
        }
        [b'#', digits @ ..] => char::from_u32(str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_decides() {
        let is_svg =
            |head: &[u8]| Svg.recognises(&Glimpse { head, deep: head, tail: head, size: head.len() as u64 });
        for svg in [
            &b"<svg>"[..],
            b" \n<?xml version='1.0'?>\n<!-- <p> --><svg:svg xmlns:svg='x'>",
            b"<!DOCTYPE svg PUBLIC '-//W3C//DTD>' 'x' [ <!ENTITY a '<b>'> ]><SVG",
        ] {
            assert!(is_svg(svg), "{svg:?}");
        }
        for other in [&b"<!doctype html><svg>"[..], b"<p><svg>", b"text <svg>", b"<", b"<?xml", b""] {
            assert!(!is_svg(other), "{other:?}");
        }
    }

    #[test]
    fn references_are_replaced() {
        assert_eq!(decoded(b"&#97;&#x6C;ert&lt;&nope;&&#xffffffff;").as_ref(), b"alert<&nope;&&#xffffffff;");
        assert_eq!(without_sections(b"a&lt;<![CDATA[b&lt;]]>c"), b"a<b&lt;c");
    }
}
