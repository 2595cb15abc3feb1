//! The header block of a message or a part, read leniently.
//!
//! Specification: RFC 5322 section 2.2, RFC 2045 section 3. A comment or white space in the name, NULs
//! anywhere, a line of white space in the middle, a bare CR in place of a folded line, a line of garbage before
//! more fields, and no blank line before the body have each been used to show an attachment to a reader and hide
//! it from a scanner. Of a name the reading that finds more MIME fields wins; about where the block ends readers
//! disagree so much that a block is read in each [`Manner`].

use std::io;

use candor_object::Content;

use super::lines::{is_blank, line_end, line_feed};

/// Bytes of a header block that are read. Stops a message that is one endless header from being held in
/// memory; what follows is treated as the body.
const MAX_HEADER: usize = 256 << 10;
/// MIME fields that are kept of one block. Stops a block of thousands of `Content-Type` lines, each of which
/// would have its own boundaries searched for.
const MAX_FIELDS: usize = 64;
/// Lines that are looked through for another MIME field after a line that is no field. Stops quadratic time.
const MAX_GARBAGE: usize = 32;
/// Bytes of a field name; a line of text with a colon far behind is no field.
const MAX_NAME: usize = 128;

/// Whether the block is that of a message or of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Blank lines, a byte order mark and a `From ` line may come first.
    Message,
    /// A blank line is the end of an empty block.
    Part,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// A LF, and a CR without one as well: so reads Python.
    Any,
    /// A LF, with the CRs before it; any other CR is a character of the line: so read most.
    Feed,
}

/// What a line means that neither is a field nor goes on with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// It is passed over if MIME fields follow soon, and is otherwise the first line of the body.
    Weighed,
    /// It is the first line of the body, and a line of white space ends the block.
    Ends,
    /// It is passed over: nothing but an empty line ends the block.
    Skipped,
}

/// One way of reading a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Where lines end.
    pub(crate) line_end: LineEnd,
    /// What becomes of other lines.
    pub(crate) garbage: Garbage,
}

/// A field whose name begins with `content-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name in lower case, without comments and white space.
    pub(crate) name: String,
    /// The value without NULs, and with spaces in place of line ends.
    pub(crate) value: Vec<u8>,
}

/// What a header block says.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// The MIME fields in order.
    pub(crate) fields: Vec<Field>,
    /// Where the body begins.
    pub(crate) body: u64,
    /// Why the block was not read to its end.
    pub(crate) excess: Option<&'static str>,
    /// Whether a reader sees no transfer encoding.
    pub(crate) is_unencoded: bool,
    /// Whether a blank line ended the block.
    pub(crate) is_closed: bool,
    /// Whether a line was met that neither is a field nor goes on with one nor is empty.
    pub(crate) is_odd: bool,
    /// Whether a CR without a LF ended a line.
    pub(crate) has_bare_cr: bool,
}

impl Header {
    /// The values of the field `name`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| field.value.as_slice())
    }
}

/// Reads the header block at the start of the content.
pub(crate) fn read(content: &Content, lead: Lead, manner: Manner) -> io::Result<Header> {
    let window = content.window(0, MAX_HEADER)?;
    let mut header = Header::default();
    let mut at = match lead {
        Lead::Message => lead_length(&window),
        Lead::Part => 0,
    };
    let mut current = Current::None;
    let mut is_after_bare_cr = false;
    let mut is_mac = None;
    loop {
        let Some((text, next)) = line_by(&window, at, manner.line_end) else {
            let is_cut = (window.len() as u64) < content.size();
            header.excess = is_cut.then_some("header block longer than 256 KiB").or(header.excess);
            break;
        };
        let ends_in_bare_cr = window.get(next.wrapping_sub(1)) == Some(&b'\r');
        header.has_bare_cr |= ends_in_bare_cr && manner.line_end == LineEnd::Any;
        header.is_odd |= is_blank(text) && !text.is_empty();
        let is_over = match manner.garbage {
            Garbage::Weighed => is_blank(text) && !goes_on(&window, next, manner.line_end),
            Garbage::Ends => is_blank(text),
            Garbage::Skipped => false,
        };
        if text.is_empty() || is_over {
            header.is_closed = true;
            at = next;
            break;
        }
        let is_folded = matches!(text, [b' ' | b'\t' | 0x0b | 0x0c, ..]);
        if is_folded && matches!(current, Current::None) {
            header.is_odd = true;
            if manner.garbage == Garbage::Ends {
                break;
            }
        }
        match field(text) {
            _ if is_folded || is_blank(text) => append(&mut header, current, text),
            Some((name, _)) if !name.starts_with("content-") => current = Current::Other,
            Some(_) if header.fields.len() >= MAX_FIELDS => {
                current = Current::Other;
                header.excess = Some("more than 64 MIME fields");
            }
            Some((name, value)) => {
                current = Current::Mime;
                header.fields.push(Field { name, value: clean(value) });
            }
            None => {
                header.is_odd = true;
                match manner.garbage {
                    Garbage::Weighed if is_after_bare_cr && is_mac == Some(false) => {
                        append(&mut header, current, text);
                    }
                    // Where another part begins, this block has ended.
                    Garbage::Weighed
                        if !text.starts_with(b"--") && has_more_fields(&window, next, manner.line_end) => {}
                    Garbage::Skipped => {}
                    _ => break,
                }
            }
        }
        is_after_bare_cr = ends_in_bare_cr;
        is_mac = is_mac.or(Some(is_after_bare_cr));
        at = next;
    }
    header.body = at as u64;
    header.is_unencoded = !header.fields.iter().any(|field| field.name == "content-transfer-encoding");
    Ok(header)
}

/// What a folded line goes on with.
#[derive(Clone, Copy)]
enum Current {
    None,
    Other,
    Mime,
}

fn append(header: &mut Header, current: Current, text: &[u8]) {
    if let (Current::Mime, Some(field)) = (current, header.fields.last_mut()) {
        field.value.push(b' ');
        field.value.extend(clean(text.trim_ascii_start()));
    }
}

fn clean(value: &[u8]) -> Vec<u8> {
    let spaced = |byte: &u8| if *byte == b'\r' { b' ' } else { *byte };
    value.iter().filter(|byte| **byte != 0).map(spaced).collect()
}

/// Bytes before the first field of a message.
pub(crate) fn lead_length(bytes: &[u8]) -> usize {
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut has_from = false;
    while let Some((text, next)) = line(bytes, at) {
        let is_from = is_from_line(text) || text.starts_with(b">From ");
        if !is_blank(text) && (has_from || !is_from) {
            break;
        }
        has_from |= is_from;
        at = next;
    }
    at
}

/// Whether the line begins a message in a mailbox. `From : x` is a field.
pub(crate) fn is_from_line(text: &[u8]) -> bool {
    text.starts_with(b"From ") && field(text).is_none()
}

/// The line at `at`, whatever ends it, and the place of the next one.
pub(crate) fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    line_by(bytes, at, LineEnd::Any)
}

/// The line at `at`, which ends as told, and the place of the next one.
pub(crate) fn line_by(bytes: &[u8], at: usize, ends: LineEnd) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let found = match ends {
        LineEnd::Any => line_end(rest),
        LineEnd::Feed => line_feed(rest),
    };
    let (end, next) = found.unwrap_or((rest.len(), rest.len()));
    Some((rest.get(..end)?, at.checked_add(next)?))
}

/// The name, in lower case and without comments and white space, and the value, if the line is a field.
pub(crate) fn field(text: &[u8]) -> Option<(String, &[u8])> {
    let head = text.get(..text.len().min(MAX_NAME))?;
    // Most lines are none: this is asked of every line of a text.
    memchr::memchr(b':', head)?;
    let mut name = String::new();
    let (mut depth, mut is_over) = (0_u32, false);
    for (place, byte) in head.iter().enumerate() {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' if depth > 0 => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b':' if name.is_empty() => return None,
            b':' => return Some((name, text.get(place.checked_add(1)?..)?)),
            0 => {}
            // White space may only come between the name and the colon: "Dear all: ..." is no field.
            b' ' | b'\t' => is_over = !name.is_empty(),
            b'!'..=b'~' if !is_over => name.push(char::from(byte.to_ascii_lowercase())),
            _ => return None,
        }
    }
    None
}

/// Whether a field that matters is on the line.
pub(crate) fn is_mime_field(text: &[u8]) -> bool {
    field(text).is_some_and(|(name, _)| {
        matches!(name.as_str(), "content-type" | "content-transfer-encoding" | "content-disposition")
    })
}

/// Whether the header goes on after a line of white space.
fn goes_on(window: &[u8], next: usize, ends: LineEnd) -> bool {
    line_by(window, next, ends).is_some_and(|(text, _)| {
        !is_blank(text) && (matches!(text, [b' ' | b'\t', ..]) || is_mime_field(text))
    })
}

fn has_more_fields(window: &[u8], mut at: usize, ends: LineEnd) -> bool {
    for _ in 0..MAX_GARBAGE {
        match line_by(window, at, ends) {
            Some((text, next)) if !text.is_empty() => {
                if is_mime_field(text) {
                    return true;
                }
                if text.starts_with(b"--") {
                    return false;
                }
                at = next;
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, lead: Lead) -> (Vec<String>, String) {
        let manner = Manner { line_end: LineEnd::Any, garbage: Garbage::Weighed };
        let header = read(&Content::from_vec(text.into()), lead, manner).unwrap();
        let fields = header.fields.iter();
        let fields = fields.map(|field| format!("{}={}", field.name, String::from_utf8_lossy(&field.value)));
        (fields.collect(), text[usize::try_from(header.body).unwrap()..].to_owned())
    }

    #[test]
    fn lenient_in_names_and_folds() {
        for text in [
            "Content-Type: a/b; c\n\nbody",
            "CONTENT-TYPE (x:y) : a/b; c\r\n\r\nbody",
            "Content-Type: a/b;\n\t c\n\nbody",
            "Content-Type: a/b;\n \n c\n\nbody",
            "X: y\nContent-Type: a/b;\rc\n\nbody",
            "X: y\ngarbage\nContent-Type: a/b; c\n\nbody",
            "X: y\n \t\nContent-Type: a/b; c\n\nbody",
            "Con\0tent-Type: a/b; \0c\n\nbody",
            "X: y\rContent-Type: a/b; c\r\rbody",
        ] {
            let (fields, body) = values(text, Lead::Part);
            assert_eq!(fields.len(), 1, "{text:?} {fields:?}");
            let joined: String = fields[0].split_whitespace().collect();
            assert_eq!((joined.as_str(), body.as_str()), ("content-type=a/b;c", "body"), "{text:?}");
        }
    }

    #[test]
    fn where_the_body_begins() {
        assert_eq!(values("\nContent-Type: a\n\nb", Lead::Part).1, "Content-Type: a\n\nb");
        assert_eq!(values("Content-Type: a\nno field\n", Lead::Part).1, "no field\n");
        assert_eq!(values("Content-Type: a\n--b\nContent-Type: x\n", Lead::Part).1, "--b\nContent-Type: x\n");
        assert_eq!(values("\u{feff}\r\n \r\n>From x\r\nContent-Type: a\r\n\r\nb", Lead::Message).0.len(), 1);
        assert_eq!(values("", Lead::Message).1, "");
    }
}
