//! mbox: messages in a row, each behind a line that begins with `From `.
//!
//! Specification: RFC 4155; there are four dialects. A `From ` line in a body need not be quoted in all of
//! them, so a line counts if a field follows it. Where that is wrong and a message is cut in two, the second
//! piece is searched for lost parts like any message without a proper header.

use candor_object::{Child, Content, FileType, Flow, Sink};

use super::header::{field, is_from_line};
use super::lines::{Lines, is_blank_content};
use super::{recognise, walk};
use crate::{Format, Glimpse, HEAD};

/// The mbox format.
pub(crate) struct Mbox;

impl Format for Mbox {
    fn file_type(&self) -> FileType {
        FileType::new("mbox")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        recognise::is_mailbox(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut lines = Lines::new(content, 0);
        let mut start = 0;
        let mut separator: Option<(u64, u64)> = None;
        let mut count = 0_u32;
        let mut is_first = true;
        while let Some(line) = lines.next()? {
            // The first is what the mailbox was recognised by; a piece with it would be a mailbox again.
            if let Some((end, next)) = separator.take()
                && (is_first || field(line.text).is_some() || line.text.starts_with(b">From "))
            {
                hand_over(&content.range(start, end.saturating_sub(start)), sink)?;
                start = next;
                is_first = false;
            }
            let text = line.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.text);
            if is_from_line(text) {
                separator = Some((line.start, line.next));
            }
            count = count.wrapping_add(1);
            if count.is_multiple_of(1024) {
                sink.pulse()?;
            }
        }
        hand_over(&content.from(start), sink)
    }
}

fn hand_over(message: &Content, sink: &mut dyn Sink) -> Flow {
    if is_blank_content(message)? {
        return sink.pulse();
    }
    // Nobody else would open a message that does not look like one.
    if !recognise::is_message(&message.window(0, HEAD)?) {
        return walk::open(message, sink);
    }
    sink.range(Child::part(""), message.clone())
}
