//! Mail: messages, mailboxes, and files encoded in text.
//!
//! Specification: RFC 5322 (messages), RFC 2045 to 2047, RFC 2183 and RFC 2231 (MIME). The splitter is our own
//! because mail readers are lenient in different ways, and a scanner must find what any of them would show:
//! Ullrich's <https://noxxi.de/research/mime-conformance.html> has the list of disagreements from which the
//! golden samples are made. So where a header can be read in two ways, both are tried.

use candor_object::{Content, FileType, Flow, Sink};

use crate::{Format, Glimpse};

mod lines;
mod bytes;

mod base64;
mod quoted;
mod uu;
mod yenc;
mod transfer;

mod words;
mod parameters;
mod header;
mod readings;

mod multipart;
mod embedded;
mod walk;
mod leaf;

mod passwords;
mod recognise;
mod mbox;
mod uuencode;

pub(crate) use base64::{Base64, End as Base64End, is_sextet};
pub(crate) use mbox::Mbox;
pub(crate) use passwords::told;
pub(crate) use recognise::is_message;
pub(crate) use uuencode::{Uuencode, YencFile, open_in_text};

/// The format of a single message.
pub(crate) struct Mail;

impl Format for Mail {
    fn file_type(&self) -> FileType {
        FileType::new("mail")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        is_message(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        walk::open(content, sink)
    }
}
