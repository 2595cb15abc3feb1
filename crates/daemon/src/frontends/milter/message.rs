//! A message, put together again from its header fields and the chunks of its body.

use super::envelope::Exemption;
use crate::spool::{self, Spool, Spooled};

/// Fields that stand before the message. The scan recognises mail by its first fields, and those that mail
/// servers write are still missing here; `Subject:` alone would be text. Other types are recognised by bytes at
/// fixed places up to 512, so these must be ours: with "ustar" in the right place of a field, a message would
/// pass for an archive and its parts would not be looked at. No digit is here, so that the sum of the bytes
/// cannot be what an archive says it is. It is the same for all messages, so that equal mail is equal content.
const LEAD: &[u8] = concat!(
    "Received: by candor with milter\r\n",
    "X-Candor-Front-End: milter\r\n",
    "X-Candor-Note: These fields stand before a message while it is examined, and are not\r\n",
    " delivered with it. The mail server has not yet written its own fields when it asks,\r\n",
    " and what a sender writes must not decide what the content is taken for. Some types of\r\n",
    " content are recognised by a few bytes that stand at a certain distance from the start,\r\n",
    " which is why this note goes on for longer than what it has to say would need. What\r\n",
    " follows is the message, with its fields in the order in which they came.\r\n",
)
.as_bytes();

const _: () = assert!(LEAD.len() >= 512);

/// Bytes that a spool needs beside those of the message.
pub(super) const BESIDE: u64 = LEAD.len() as u64;

/// Bytes that go to the spool at once.
const PIECE: usize = 64 << 10;

/// The fields that we write. Those that come with a message are forged, or of another organisation; filters
/// behind us must not believe them.
pub(super) const OWN_FIELDS: [&str; 3] = [STATUS, DETECTION, GAP];
/// Field that tells what came of the examination.
pub(super) const STATUS: &str = "X-Candor-Status";
/// Field that tells the detection names.
pub(super) const DETECTION: &str = "X-Candor-Detection";
/// Field that tells what was not examined.
pub(super) const GAP: &str = "X-Candor-Gap";
/// The fields of clamav-milter.
pub(super) const CLAMAV_FIELDS: [&str; 2] = [CLAMAV_SCANNED, CLAMAV_STATUS];
/// Field that tells which program looked.
pub(super) const CLAMAV_SCANNED: &str = "X-Virus-Scanned";
/// Field that tells what came of it.
pub(super) const CLAMAV_STATUS: &str = "X-Virus-Status";

/// How often one of our fields came with the message; its positions are 1 to this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forged {
    /// In the order of [`OWN_FIELDS`].
    pub(super) own: [u32; OWN_FIELDS.len()],
    /// In the order of [`CLAMAV_FIELDS`].
    pub(super) clamav: [u32; CLAMAV_FIELDS.len()],
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Message {
    /// What of our fields came with it.
    pub(super) forged: Forged,
    content: Content,
    is_cut: bool,
    is_in_header: bool,
    has_leading_space: bool,
}

#[derive(Debug)]
enum Content {
    Kept(Spool),
    Exempt(Exemption),
    Lost(spool::Error),
}

/// What is left of a message that is complete.
#[derive(Debug)]
pub(super) enum Complete {
    /// All of it.
    Whole(Spooled),
    /// As much as may be examined.
    Cut(Spooled),
    /// Nothing, as the settings want it.
    Exempt(Exemption),
    /// Nothing, since it could not be kept.
    Lost(spool::Error),
}

impl Message {
    /// An empty message that is to be examined. `has_leading_space` is whether values come with the white
    /// space behind the colon.
    pub(super) fn new(spool: Spool, has_leading_space: bool) -> Self {
        let mut message = Self::of(Content::Kept(spool), has_leading_space);
        message.push(LEAD);
        message
    }

    /// An empty message of which only our fields are looked at.
    pub(super) fn exempt(exemption: Exemption) -> Self {
        Self::of(Content::Exempt(exemption), false)
    }

    fn of(content: Content, has_leading_space: bool) -> Self {
        Self { forged: Forged::default(), content, is_cut: false, is_in_header: true, has_leading_space }
    }

    /// Whether a header field may follow.
    pub(super) fn is_in_header(&self) -> bool {
        self.is_in_header
    }

    /// Adds a header field.
    pub(super) fn add_field(&mut self, name: &[u8], value: &[u8]) {
        let own = OWN_FIELDS.iter().zip(&mut self.forged.own);
        for (field, count) in own.chain(CLAMAV_FIELDS.iter().zip(&mut self.forged.clamav)) {
            if name.trim_ascii().eq_ignore_ascii_case(field.as_bytes()) {
                *count = count.saturating_add(1);
            }
        }
        self.push(name);
        self.push(if self.has_leading_space { b":" } else { b": " });
        // Mail servers hand over folded lines with LF; in SMTP they had CRLF as all others.
        let mut lines =
            value.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        self.push(lines.next().unwrap_or_default());
        for line in lines {
            self.push(b"\r\n");
            self.push(line);
        }
        self.push(b"\r\n");
    }

    /// Ends the header, once.
    pub(super) fn end_header(&mut self) {
        if std::mem::take(&mut self.is_in_header) {
            self.push(b"\r\n");
        }
    }

    /// Adds a chunk of the body.
    pub(super) fn add_body(&mut self, bytes: &[u8]) {
        self.end_header();
        self.push(bytes);
    }

    /// Whether more of the body would change anything.
    pub(super) fn wants_more(&self) -> bool {
        matches!(self.content, Content::Kept(_)) && !self.is_cut
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Content::Kept(spool) = &mut self.content
            && !self.is_cut
            && let Err(error) = fill(spool, bytes)
        {
            match error {
                spool::Error::TooLong(_) => self.is_cut = true,
                error @ spool::Error::Io(_) => self.content = Content::Lost(error),
            }
        }
    }

    /// The content as it is to be examined.
    pub(super) fn complete(mut self) -> Complete {
        self.end_header();
        match self.content {
            Content::Kept(spool) => match spool.finish() {
                Ok(content) if self.is_cut => Complete::Cut(content),
                Ok(content) => Complete::Whole(content),
                Err(error) => Complete::Lost(error),
            },
            Content::Exempt(exemption) => Complete::Exempt(exemption),
            Content::Lost(error) => Complete::Lost(error),
        }
    }
}

/// Adds what there is room for, and is an error if that is not all.
fn fill(spool: &mut Spool, bytes: &[u8]) -> Result<(), spool::Error> {
    for piece in bytes.chunks(PIECE) {
        if let Err(error) = spool.push(piece) {
            if let spool::Error::TooLong(limit) = error {
                let room = usize::try_from(limit.saturating_sub(spool.size())).unwrap_or(usize::MAX);
                spool.push(piece.get(..room).unwrap_or(piece))?;
            }
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::path::Path;

    use super::*;

    fn spool(limit: u64) -> Spool {
        Spool::new(&std::env::temp_dir(), limit, &spool::Memory::default())
    }

    fn text(message: Message) -> (String, bool) {
        let (content, is_cut) = match message.complete() {
            Complete::Whole(content) => (content, false),
            Complete::Cut(content) => (content, true),
            other => panic!("{other:?}"),
        };
        let (mut file, mut text) = (&*content.into_file().unwrap(), String::new());
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        (text.strip_prefix(str::from_utf8(LEAD).unwrap()).unwrap().to_owned(), is_cut)
    }

    #[test]
    fn a_message_is_put_together() {
        let mut message = Message::new(spool(1000), true);
        message.add_field(b"Subject", b" a\n\tb");
        message.add_field(b"X", b"y\r\n z\n");
        message.end_header();
        assert!(!message.is_in_header() && message.wants_more());
        message.add_body(b"one\r\n");
        message.add_body(b"two");
        let expected = "Subject: a\r\n\tb\r\nX:y\r\n z\r\n\r\n\r\none\r\ntwo";
        assert_eq!(text(message), (expected.to_owned(), false));
        let mut message = Message::new(spool(1000), false);
        message.add_field(b"Subject", b"a");
        assert_eq!(text(message), ("Subject: a\r\n\r\n".to_owned(), false));
    }

    #[test]
    fn what_is_too_long_is_cut_and_what_fits_is_kept() {
        let limit = LEAD.len() as u64 + 10;
        let mut message = Message::new(spool(limit), true);
        message.add_body(b"123456789");
        assert!(!message.wants_more());
        message.add_body(b"more");
        assert_eq!(text(message), ("\r\n12345678".to_owned(), true));
        let mut message = Message::new(spool(limit), true);
        message.add_body(b"12345678");
        assert_eq!(text(message), ("\r\n12345678".to_owned(), false));
    }

    #[test]
    fn what_cannot_be_kept_is_lost_and_not_empty() {
        let mut message =
            Message::new(Spool::new(Path::new("/nonexistent"), 1 << 30, &spool::Memory::default()), true);
        message.add_body(&vec![b'x'; 1 << 20]);
        assert!(!message.wants_more());
        assert!(matches!(message.complete(), Complete::Lost(spool::Error::Io(_))));
    }

    #[test]
    fn forged_fields_are_counted() {
        let mut message = Message::exempt(Exemption::Network);
        for name in ["x-candor-status", "X-Candor-Status ", "X-Candor-Gap", "X-VIRUS-STATUS", "X-Candor"] {
            message.add_field(name.as_bytes(), b"");
        }
        assert_eq!(message.forged, Forged { own: [2, 0, 1], clamav: [0, 1] });
        assert!(matches!(message.complete(), Complete::Exempt(Exemption::Network)));
    }
}
