//! Scripts that name their interpreter in the first line.
//!
//! Specification: <https://man7.org/linux/man-pages/man2/execve.2.html> ("Interpreter scripts"). What follows
//! the first line may be binary: self-extracting installers (makeself) are a script with an archive behind it.

use candor_object::{Content, FileType, Flow, Sink};

mod batch;
mod decode;
mod fold;
mod functions;
mod payload;
mod settings;
mod shell;
mod tokens;

use crate::text::normalise::normalise;
use crate::{Format, Glimpse, mail};

pub(crate) use decode::decode_content;

/// A script.
pub(crate) struct Script;

impl Format for Script {
    fn file_type(&self) -> FileType {
        FileType::new("script")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // A byte order mark keeps the kernel from running it, but not a shell that is told to.
        let head = glimpse.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(glimpse.head);
        let Some(line) = head.strip_prefix(b"#!") else {
            return false;
        };
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        // Two sound formats begin the same way.
        let sound = line.starts_with(b"AMR") || line.starts_with(b"SILK");
        // An interpreter begins the line; Rust's attributes (`#![no_std]`) look alike.
        let interpreter =
            line.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"/.%_".contains(byte));
        interpreter && !sound && line.iter().all(|byte| *byte == b'\t' || *byte >= b' ')
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        normalise(content, sink)?;
        decode_content(content, sink)?;
        mail::open_in_text(content, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_decides() {
        let recognised = |head: &[u8]| {
            Script.recognises(&Glimpse { head, deep: head, tail: head, size: head.len() as u64 })
        };
        assert!(recognised(b"#!/bin/sh"));
        assert!(recognised(b"#! /usr/bin/env python3\r\n\0\0\0"));
        assert!(recognised(b"\xef\xbb\xbf#!/bin/sh\n"));
        for no in [
            b"#".as_slice(),
            b"#!",
            b"#!\n/bin/sh",
            b"#!AMR\n\x3c",
            b"#!AMR-WB\n",
            b"#![no_std]\n",
            b"#!\x02!SILK",
            b" #!/bin/sh",
        ] {
            assert!(!recognised(no), "{no:?}");
        }
    }
}
