//! uuencode as a file of its own: one or more files, each behind a line `begin 644 name`.
//!
//! Specification: POSIX.1-2024, uuencode, with `begin-base64` for its base64 form. yEnc is opened the same, and so are
//! files that begin in the middle of a text.

use candor_object::{Content, FileType, Flow, Reason, Sink};
use memchr::memmem;

use super::{recognise, walk};
use crate::{Format, Glimpse};

/// The uuencode format.
pub(crate) struct Uuencode;

impl Format for Uuencode {
    fn file_type(&self) -> FileType {
        FileType::new("uuencode")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        recognise::uuencoded(glimpse.head).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        walk::open_text(content, sink)
    }
}

/// The yEnc format: text but for its bytes above ASCII, so that it is no text to others.
pub(crate) struct YencFile;

impl Format for YencFile {
    fn file_type(&self) -> FileType {
        FileType::new("yenc")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        recognise::yenc(glimpse.head).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        walk::open_text(content, sink)
    }
}

/// Bytes that are looked at between two looks at the clock.
const STEP: usize = 256 << 10;
/// How lines begin behind which a file follows, with the end of the line before.
const BEGINS: [&[u8]; 3] = [b"\nbegin ", b"\nbegin-base64 ", b"\n=ybegin "];

/// Takes files out of a text that is no message, if it has some.
pub(crate) fn open_in_text(text: &Content, sink: &mut dyn Sink) -> Flow {
    if text.window(0, 27)?.as_ref() == b"-----BEGIN PGP MESSAGE-----" {
        sink.gap(Reason::Encrypted, "a PGP message");
    }
    let finder = memmem::Finder::new(b"begin");
    let mut offset: u64 = 0;
    while offset < text.size() {
        sink.pulse()?;
        let window = text.window(offset, STEP.saturating_add(16))?;
        let begins = |place: usize| {
            // The word is up to two bytes behind the end of a line.
            let starts = [place.checked_sub(1), place.checked_sub(3)];
            let mut rests = starts.into_iter().flatten().filter_map(|start| window.get(start..));
            rests.any(|rest| BEGINS.iter().any(|begin| rest.starts_with(begin)))
        };
        if finder.find_iter(&window).any(begins) {
            return walk::open_text(text, sink);
        }
        offset = offset.saturating_add(STEP as u64);
    }
    Ok(())
}
