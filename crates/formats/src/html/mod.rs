//! HTML, recognised by its tags: browsers open what has none of the rest.
//!
//! Specification: <https://html.spec.whatwg.org/>; what browsers look for where a server names no type:
//! <https://mimesniff.spec.whatwg.org/>. Browsers skip NULs (old ones inside of tags too), which is used against scanners, so
//! that content that begins with a tag is HTML even if the rest looks binary.

use candor_object::{Content, FileType, Flow, Sink};

mod entities;
mod data_address;
mod links;
mod normalise;
mod open;
mod references;
mod tags;

use crate::text::{is_text, narrow};
use crate::{Format, Glimpse, encoded_script, script};

/// The HTML format.
pub(crate) struct Html;

/// Tags that make a text HTML wherever they stand in its head.
const ANYWHERE: &[&[u8]] =
    &[b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<iframe", b"<a href", b"<table"];
/// Tags that make content HTML if it begins with them. SVG is among them for the scripts that it runs.
const FIRST: &[&[u8]] = &[
    b"<title",
    b"<meta",
    b"<base",
    b"<link",
    b"<style",
    b"<div",
    b"<span",
    b"<p",
    b"<br",
    b"<b",
    b"<font",
    b"<h1",
    b"<form",
    b"<img",
    b"<object",
    b"<embed",
    b"<applet",
    b"<frameset",
    b"<svg",
    b"<a",
    b"<center",
    b"<input",
];

impl Format for Html {
    fn file_type(&self) -> FileType {
        FileType::new("html")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let head = narrow(glimpse.head);
        let start = skip_prologue(&head);
        if begins_with_one_of(start, ANYWHERE) || begins_with_one_of(start, FIRST) {
            return true;
        }
        let without_nuls = || head.iter().copied().filter(|byte| *byte != 0).collect::<Vec<_>>();
        if head.contains(&0) && begins_with_one_of(skip_prologue(&without_nuls()), ANYWHERE) {
            return true;
        }
        let mut tags = head.iter().enumerate().filter(|(_, byte)| **byte == b'<').map(|(index, _)| index);
        is_text(glimpse.head)
            && tags.any(|index| head.get(index..).is_some_and(|rest| begins_with_one_of(rest, ANYWHERE)))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        open::open(content, sink)?;
        script::decode_content(content, sink)?;
        encoded_script::hand_over(content, sink)
    }
}

/// What follows white space, comments and processing instructions.
fn skip_prologue(head: &[u8]) -> &[u8] {
    let mut rest = head;
    loop {
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        rest = rest.get(blank..).unwrap_or_default();
        let end = if rest.starts_with(b"<!--") {
            b"-->".as_slice()
        } else if rest.starts_with(b"<?") {
            b">"
        } else {
            return rest;
        };
        let Some(place) = rest.windows(end.len()).position(|bytes| bytes == end) else {
            return rest;
        };
        rest = rest.get(place.saturating_add(end.len())..).unwrap_or_default();
    }
}

/// Whether one of the tags stands here, in any case, and its name ends where it does.
fn begins_with_one_of(bytes: &[u8], tags: &[&[u8]]) -> bool {
    tags.iter().any(|tag| {
        let Some((name, after)) = bytes.split_at_checked(tag.len()) else {
            return false;
        };
        let ends = after.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b':');
        ends && name.eq_ignore_ascii_case(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(head: &[u8]) -> bool {
        Html.recognises(&Glimpse { head, deep: head, tail: head, size: head.len() as u64 })
    }

    #[test]
    fn tags_make_html() {
        let wide: Vec<u8> = "\u{feff}<HTML>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for html in [
            b"<!DOCTYPE html>".as_slice(),
            b"\xef\xbb\xbf \r\n<!-- <b --> <?xml version='1.0'?><HtMl lang=de>",
            b"\0\0<script\0>\x01\x02",
            b"click <A HREF=http://x>",
            b"<p>",
            &wide,
        ] {
            assert!(recognised(html), "{html:?}");
        }
    }

    #[test]
    fn other_markup_does_not() {
        for text in [
            b"".as_slice(),
            b"<",
            b"<!--",
            b"<headers/>",
            b"<project><title>",
            b"a < b",
            b"x\0 <table>",
            b"<a:b>",
        ] {
            assert!(!recognised(text), "{text:?}");
        }
    }
}
