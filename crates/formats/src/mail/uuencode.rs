//! uuencode as a file of its own: one or more files, each behind a line `begin 644 name`.
//!
//! Specification: POSIX.1-2024, uuencode, with `begin-base64` for its base64 form.

use candor_object::{Content, FileType, Flow, Sink};

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
