//! XDP: a form of Adobe's in XML, which may hold a whole PDF.
//!
//! Specification: XML Data Package Specification 2.0, part of the XFA specification 3.3,
//! <https://pdfa.org/norm-refs/XFA-3_3.pdf>. The document is base64 in an element `chunk`. Elements are found by their
//! names alone, whatever is around them: readers differ in which XML they refuse.

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink, Stop};
use memchr::memmem;

use crate::mail::{Base64, Base64End};
use crate::text::{Encoding, encoding, narrow, normalise};
use crate::{Format, Glimpse};

/// Bytes that are looked at between two looks at the clock.
const STEP: usize = 256 << 10;
/// Longest tag.
const TAG: usize = 1024;
/// Elements that are handed over.
const MOST: usize = 10_000;

/// The XDP format.
pub(crate) struct Xdp;

impl Format for Xdp {
    fn file_type(&self) -> FileType {
        FileType::new("xdp")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let head = narrow(glimpse.head);
        let blank = head.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let begins = head.get(blank..).is_some_and(|rest| rest.starts_with(b"<"));
        begins
            && (memmem::find(&head, b"ns.adobe.com/xdp").is_some()
                || memmem::find(&head, b"<xdp:xdp").is_some())
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        if encoding(&content.window(0, crate::HEAD)?).0 == Encoding::Bytes {
            elements(content, sink)?;
        } else {
            sink.gap(Reason::Unsupported, "elements of forms in UTF-16 are not taken out");
        }
        normalise::normalise(content, sink)
    }
}

/// What an element holds that is handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Chunk,
    Script,
}

/// Hands over documents and scripts.
fn elements(content: &Content, sink: &mut dyn Sink) -> Flow {
    let mut offset: u64 = 0;
    let mut count: usize = 0;
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, STEP.saturating_add(TAG))?;
        let mut next = offset.saturating_add(STEP as u64);
        for place in memchr::memchr_iter(b'<', &window).take_while(|place| *place < STEP) {
            let Some((element, length)) = window.get(place..).and_then(start_tag) else { continue };
            let start = offset.saturating_add(place.saturating_add(length) as u64);
            let end = end_of(content, start, element, sink)?;
            count = count.saturating_add(1);
            if count > MOST {
                sink.gap(Reason::Unsupported, &format!("elements behind offset {start} are not taken out"));
                return Ok(());
            }
            hand_over(element, &content.range(start, end.saturating_sub(start)), sink)?;
            next = end;
            break;
        }
        offset = next;
    }
    Ok(())
}

fn hand_over(element: Element, inner: &Content, sink: &mut dyn Sink) -> Flow {
    let inner = match memmem::find(&inner.window(0, 64)?, b"<![CDATA[") {
        Some(place) => inner.from(place.saturating_add(9) as u64),
        None => inner.clone(),
    };
    match element {
        Element::Chunk => sink.child(Child::member("chunk"), &mut Base64::new(inner, Base64End::Content)),
        Element::Script => sink.range(Child { name: "script", relation: Relation::Stream }, inner),
    }
}

/// The element that begins here, and the length of its tag.
fn start_tag(bytes: &[u8]) -> Option<(Element, usize)> {
    let head = bytes.get(1..)?;
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    let name = head.get(..head.iter().take(TAG).position(|byte| !letter(byte))?)?;
    let element = match name.rsplit(|byte| *byte == b':').next()? {
        b"chunk" => Element::Chunk,
        b"script" => Element::Script,
        _ => return None,
    };
    let end = bytes.iter().take(TAG).position(|byte| *byte == b'>')?;
    let closed = bytes.get(end.checked_sub(1)?) == Some(&b'/');
    (!closed).then_some((element, end.saturating_add(1)))
}

/// Where the text of an element ends: before its end tag, or where the file does.
fn end_of(content: &Content, start: u64, element: Element, sink: &mut dyn Sink) -> Result<u64, Stop> {
    let name: &[u8] = if element == Element::Chunk { b"chunk" } else { b"script" };
    let mut offset = start;
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, STEP.saturating_add(TAG))?;
        let ends = |place: &usize| {
            let tag = window.get(place.saturating_add(2)..).unwrap_or_default();
            let tag = tag.get(..TAG.min(tag.len())).unwrap_or_default();
            let length = tag.iter().position(|byte| *byte == b'>' || byte.is_ascii_whitespace());
            tag.get(..length.unwrap_or(tag.len())).is_some_and(|tag| tag.ends_with(name))
        };
        if let Some(place) = memmem::find_iter(&window, b"</").take_while(|place| *place < STEP).find(ends) {
            return Ok(offset.saturating_add(place as u64));
        }
        offset = offset.saturating_add(STEP as u64);
    }
    sink.gap(Reason::Truncated, &format!("element at offset {start} has no end"));
    Ok(content.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_known_by_their_local_names() {
        assert!(matches!(start_tag(b"<chunk>x"), Some((Element::Chunk, 7))));
        assert!(matches!(start_tag(b"<a:script b='c'>x"), Some((Element::Script, 16))));
        for other in [&b"<chunks>"[..], b"<chunk/>", b"<script", b"</script>", b"< script>"] {
            assert!(start_tag(other).is_none(), "{other:?}");
        }
    }
}
