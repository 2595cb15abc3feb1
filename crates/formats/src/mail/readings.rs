//! The ways in which readers read the header of one message or part.
//!
//! Readers disagree about two things: whether a CR alone ends a line, and what a line means that is no field.
//! Each way that ends the block elsewhere gives another body, and each is handed over. Ways that end it in the
//! same place become one whose fields are those of all, since every value of a field is tried anyway.

use std::io;

use candor_object::Content;

use super::header::{Field, Garbage, Header, Lead, LineEnd, Manner, read};
use super::lines::has_line_feed;

/// Reads the header block at the start of the content in every way, the likeliest first. The bodies differ; a
/// block without anything odd gives one.
pub(crate) fn of(content: &Content, lead: Lead) -> io::Result<Vec<Header>> {
    let mut found = Vec::new();
    if each(content, lead, LineEnd::Any, &mut found)? && has_line_feed(content)? {
        each(content, lead, LineEnd::Feed, &mut found)?;
    }
    Ok(found)
}

/// Adds the readings with these line ends; true if a CR alone ended a line.
fn each(content: &Content, lead: Lead, line_end: LineEnd, found: &mut Vec<Header>) -> io::Result<bool> {
    let first = read(content, lead, Manner { line_end, garbage: Garbage::Weighed })?;
    let mut has_bare_cr = first.has_bare_cr;
    let is_odd = first.is_odd;
    // Without a blank line and MIME fields it may be the text of a part that has no header.
    let is_text = lead == Lead::Part && first.fields.is_empty() && !first.is_closed;
    add(found, first);
    if is_text {
        add(found, Header { is_unencoded: true, ..Header::default() });
    }
    if is_odd {
        for garbage in [Garbage::Ends, Garbage::Skipped] {
            let other = read(content, lead, Manner { line_end, garbage })?;
            has_bare_cr |= other.has_bare_cr;
            add(found, other);
        }
    }
    Ok(has_bare_cr)
}

fn add(found: &mut Vec<Header>, header: Header) {
    let Some(known) = found.iter_mut().find(|known| known.body == header.body) else {
        found.push(header);
        return;
    };
    known.is_unencoded |= header.is_unencoded;
    known.excess = known.excess.or(header.excess);
    for field in header.fields {
        if !known.fields.contains(&field) {
            known.fields.push(field);
        }
    }
}

/// Whether the header says nothing of its body that `first` does not say, and nothing of an encoding.
pub(crate) fn says_less(header: &Header, first: &Header) -> bool {
    header.fields.iter().all(|field| {
        let is_start_of = |known: &Field| known.name == field.name && known.value.starts_with(&field.value);
        field.name != "content-transfer-encoding" && first.fields.iter().any(is_start_of)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &str, lead: Lead) -> Vec<String> {
        let found = of(&Content::from_vec(text.into()), lead).unwrap();
        found.iter().map(|header| text[usize::try_from(header.body).unwrap()..].to_owned()).collect()
    }

    #[test]
    fn a_proper_header_is_read_in_one_way() {
        for text in [
            "\r\nbody",
            "X: y\r\n\r\nbody",
            "Content-Type: a/b;\r\n c\r\n\r\nbody",
            "Content-Type: a/b\r\r\n\r\r\nbody",
            "Content-Type: a/b\r\rbody",
        ] {
            assert_eq!(bodies(text, Lead::Part), ["body"], "{text:?}");
            assert_eq!(of(&Content::from_vec(text.into()), Lead::Part).unwrap().len(), 1);
        }
    }

    #[test]
    fn a_part_that_may_be_text_is_read_as_text_too() {
        assert_eq!(bodies("text\n\nmore", Lead::Part), ["text\n\nmore", "more"]);
        assert_eq!(bodies(" text\n\nmore", Lead::Part), ["more", " text\n\nmore"]);
        assert_eq!(bodies("A: b\ntext\n\nmore", Lead::Part), ["text\n\nmore", "A: b\ntext\n\nmore", "more"]);
        assert_eq!(bodies("A: b\n", Lead::Part), ["", "A: b\n"]);
        assert_eq!(bodies("x\nContent-Type: a\n\nb", Lead::Part), ["b", "x\nContent-Type: a\n\nb"]);
        assert_eq!(bodies("Content-Type: a\n \nX: y\n\nb", Lead::Part), ["X: y\n\nb", "b"]);
    }

    #[test]
    fn a_bare_cr_ends_a_line_or_does_not() {
        let text = "Subject: a\r\rb\r\nContent-Type: c/d\r\n\r\nbody";
        assert_eq!(bodies(text, Lead::Message), ["b\r\nContent-Type: c/d\r\n\r\nbody", "body"]);
        let found = of(&Content::from_vec(text.into()), Lead::Message).unwrap();
        assert_eq!(found.iter().map(|header| header.fields.len()).collect::<Vec<_>>(), [0, 1]);

        let text = "A: b\nContent-Type: a\rContent-Transfer-Encoding: base64\n\nb";
        let found = of(&Content::from_vec(text.into()), Lead::Part).unwrap();
        assert_eq!((found.len(), found[0].is_unencoded), (1, true));
        assert_eq!(found[0].values("content-transfer-encoding").count(), 1);
    }
}
