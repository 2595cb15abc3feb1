//! What we tell a mail server.
//!
//! Source: "The Sendmail Milter Protocol, Version 2", section "Response codes"; the rules for texts are those of
//! `smfi_setreply` and `smfi_setmlreply` in the manual of libmilter.

use super::negotiation::Agreement;
use super::packet::write;

/// A reply, or one of several at the end of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Go on; at the end of a message: take it.
    Continue,
    /// The rest of the body is not needed.
    Skip,
    /// Wait a little longer.
    Progress,
    /// Take the message and throw it away.
    Discard,
    /// Refuse it for ever (550 5.7.1) with these lines.
    Refuse(Vec<String>),
    /// Refuse it for now (451 4.7.1) with these lines.
    Defer(Vec<String>),
    /// Hold it until somebody decides.
    Hold(String),
    /// Take out a header field, the how manyth of its name, counted from 1.
    Remove(&'static str, u32),
    /// Add a header field.
    Add(&'static str, String),
}

impl Reply {
    /// Appends the packet.
    pub(super) fn write(&self, agreement: Agreement, to: &mut Vec<u8>) {
        match self {
            Self::Continue => write(to, b'c', &[]),
            Self::Skip => write(to, b's', &[]),
            Self::Progress => write(to, b'p', &[]),
            Self::Discard => write(to, b'd', &[]),
            Self::Refuse(lines) => write(to, b'y', &[status("550", "5.7.1", lines).as_bytes(), b"\0"]),
            Self::Defer(lines) => write(to, b'y', &[status("451", "4.7.1", lines).as_bytes(), b"\0"]),
            Self::Hold(reason) => write(to, b'q', &[reason.as_bytes(), b"\0"]),
            Self::Remove(name, number) => {
                write(to, b'm', &[&number.to_be_bytes(), name.as_bytes(), b"\0", b"\0"]);
            }
            Self::Add(name, value) => {
                // A server that hands over the white space behind the colon expects it from us, too.
                let space: &[u8] = if agreement.has_leading_space() { b" " } else { b"" };
                write(to, b'h', &[name.as_bytes(), b"\0", space, value.as_bytes(), b"\0"]);
            }
        }
    }
}

/// An SMTP reply of one or more lines. Sendmail takes "%" for the beginning of a format, so there is none.
fn status(code: &str, enhanced: &str, lines: &[String]) -> String {
    let last = lines.len().saturating_sub(1);
    let line = |(number, text): (usize, &String)| {
        let joint = if number < last { '-' } else { ' ' };
        format!("{code}{joint}{enhanced} {}", text.replace('%', "_"))
    };
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
}

#[cfg(test)]
mod tests {
    use super::super::negotiation::agree;
    use super::*;

    fn packet(reply: &Reply, steps: u32) -> Vec<u8> {
        let offer = [6, 0x1ff, steps].map(u32::to_be_bytes).concat();
        let mut bytes = Vec::new();
        reply.write(agree(&offer, true).unwrap(), &mut bytes);
        bytes
    }

    #[test]
    fn packets_are_as_specified() {
        assert_eq!(packet(&Reply::Continue, 0), b"\0\0\0\x01c");
        assert_eq!(packet(&Reply::Remove("X-A", 2), 0), b"\0\0\0\x0am\0\0\0\x02X-A\0\0");
        assert_eq!(packet(&Reply::Add("X-A", "b".into()), 0), b"\0\0\0\x07hX-A\0b\0");
        assert_eq!(packet(&Reply::Add("X-A", "b".into()), 0x10_0000), b"\0\0\0\x08hX-A\0 b\0");
        assert_eq!(packet(&Reply::Hold("why".into()), 0), b"\0\0\0\x05qwhy\0");
        let one = Reply::Defer(vec!["later".into()]);
        assert_eq!(packet(&one, 0), b"\0\0\0\x11y451 4.7.1 later\0");
        let two = packet(&Reply::Refuse(vec!["100%".into(), "no".into()]), 0);
        assert_eq!(&two[5..], b"550-5.7.1 100_\r\n550 5.7.1 no\0");
    }
}
