//! Whether text is a message or a mailbox, judged by its first lines.
//!
//! Fields are weighed: those that only mail has count most. A few fields must come together, since `Subject:`
//! alone begins many a text, and `Date:` with `Content-Type:` is how HTTP begins.

use super::header::{LineEnd, field, is_from_line, lead_length, line, line_by};
use super::lines::is_blank;
use super::{parameters, uu, yenc};

/// Weight that makes a message.
const ENOUGH: u32 = 4;

/// Whether a message begins with `head`, which is `all` of it or its first bytes.
pub(crate) fn is_message(head: &[u8]) -> bool {
    weight(head, lead_length(head)) >= ENOUGH
}

/// Whether a mailbox begins with `head`: a `From ` line and fields.
pub(crate) fn is_mailbox(head: &[u8]) -> bool {
    let at = blank_length(head);
    let Some((text, next)) = line(head, at) else {
        return false;
    };
    // Two points are one field that nearly only mail has.
    is_from_line(text) && weight(head, next) >= 2
}

/// Where the data begin, if a uuencoded file begins with `head`.
pub(crate) fn uuencoded(head: &[u8]) -> Option<usize> {
    let (text, start) = line(head, blank_length(head))?;
    let is_data = |text: &[u8]| uu::data_length(text).is_some() || text == b"end";
    match uu::begin(text)? {
        uu::Begin::Uu(_) => line(head, start).is_some_and(|(text, _)| is_data(text)).then_some(start),
        uu::Begin::Base64(_) => Some(start),
    }
}

/// Where the data begin, if a yEnc file begins with `head`.
pub(crate) fn yenc(head: &[u8]) -> Option<usize> {
    let (text, start) = line(head, blank_length(head))?;
    yenc::begin(text).map(|_| start)
}

/// Bytes of a byte order mark and blank lines at the start.
fn blank_length(head: &[u8]) -> usize {
    let mut at = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while let Some((text, next)) = line(head, at).filter(|(text, _)| is_blank(text)) {
        let _ = text;
        at = next;
    }
    at
}

/// The weight of the fields from `at` on, for the reader who sees more of them.
fn weight(head: &[u8], at: usize) -> u32 {
    weight_by(head, at, LineEnd::Any).max(weight_by(head, at, LineEnd::Feed))
}

fn weight_by(head: &[u8], mut at: usize, ends: LineEnd) -> u32 {
    let mut seen: Vec<String> = Vec::new();
    let mut total = 0_u32;
    let mut value: Option<(String, Vec<u8>)> = None;
    let mut is_open = true;
    while let Some((text, next)) = line_by(head, at, ends) {
        at = next;
        // Up to the damage is enough to judge by.
        if text.is_empty() {
            is_open = false;
            break;
        }
        if matches!(text, [b' ' | b'\t', ..]) || is_blank(text) {
            if let Some((_, value)) = &mut value {
                value.extend_from_slice(text);
            }
            continue;
        }
        let Some((name, rest)) = field(text) else {
            is_open = false;
            break;
        };
        total = total.saturating_add(points(value.take()));
        if !seen.contains(&name) && seen.len() < 64 {
            seen.push(name.clone());
            value = Some((name, rest.to_vec()));
        }
    }
    total = total.saturating_add(points(value));
    // A field longer than the glimpse hides the rest: one field of mail must do then.
    if is_open && head.len() >= crate::HEAD && total > 0 { ENOUGH } else { total }
}

fn points(field: Option<(String, Vec<u8>)>) -> u32 {
    let Some((name, value)) = field else { return 0 };
    match name.as_str() {
        "content-type" => {
            let mut boundaries = Vec::new();
            parameters::boundaries(&value, &mut boundaries);
            if boundaries.is_empty() { 1 } else { 4 }
        }
        "received"
        | "return-path"
        | "message-id"
        | "mime-version"
        | "delivered-to"
        | "dkim-signature"
        | "domainkey-signature"
        | "envelope-to"
        | "x-original-to"
        | "content-transfer-encoding"
        | "authentication-results"
        | "received-spf"
        | "arc-seal"
        | "arc-message-signature"
        | "arc-authentication-results"
        | "in-reply-to"
        | "x-mailer"
        | "x-account-key"
        | "x-mozilla-status"
        | "x-uidl"
        | "content-disposition" => 3,
        "from" | "to" | "subject" | "cc" | "bcc" | "reply-to" | "sender" | "newsgroups" | "resent-from" => 2,
        "date" | "references" | "organization" | "path" | "user-agent" | "status" | "importance"
        | "precedence" => 1,
        _ if name.starts_with("x-") || name.starts_with("list-") || name.starts_with("resent-") => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        for text in [
            "From: a@b\nTo: c@d\n\nx",
            "\r\n\r\nReceived: from a by b\r\nSubject: x\r\n\r\n",
            "\u{feff}From: a\rSubject: b\r\r",
            ">From a@b Thu\nReturn-Path: <a>\nMessage-ID: <b>\n\n",
            "Content-Type: multipart/mixed;\n boundary=\"x\"\n\n--x\n",
            "MIME-Version: 1.0\nContent-Type: text/html\n\n",
            "From : a\nSub\0ject (c): b\n\n",
            "DKIM-Signature: v=1;\n\tb=x\nFrom: y\n",
            "From: a\nMIME-Version: 1.0\n",
            "Subject: a\r\rb\r\nFrom: a\r\n\r\n",
        ] {
            assert!(is_message(text.as_bytes()), "{text}");
        }
        let long = format!("X-Junk: {}", "y".repeat(crate::HEAD));
        assert!(is_message(&long.as_bytes()[..crate::HEAD]));
    }

    #[test]
    fn mailboxes() {
        assert!(is_mailbox(b"From a@b Thu Jul 31 13:49:50 2008\nFrom: a@b\n\n"));
        assert!(!is_mailbox(b"From the start:\nit went on.\n"));
        assert!(!is_mailbox(b"From: a@b\nTo: c\n\n"));
    }

    #[test]
    fn other_text_is_no_mail() {
        for text in [
            "",
            "NAME\n     ls - list directory contents\n",
            "Subject: a note\n\nSome words.\n",
            "To: do today\n- this\n",
            "HTTP/1.1 200 OK\nDate: Mon\nContent-Type: text/html\n\n",
            "Date: Mon\nContent-Type: text/html\nServer: x\n\n",
            "GET / HTTP/1.1\nHost: x\nFrom: y\n",
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nSource: x\n\nFiles: *\n",
            "[Desktop Entry]\nName=x\nX-Foo=y\n",
            "Package: x\nVersion: 1\nMaintainer: a <a@b>\n",
            "Metadata-Version: 2.1\nName: x\nDescription-Content-Type: text/markdown\n\n",
            "---\ntitle: x\ndate: 2020-01-01\nfrom: y\n",
            "from: a\nname: b\n",
            "import os\nfrom os import path\n",
            "From here on\nto there\n",
            "#!/usr/bin/perl\n# From: x\n# To: y\n",
            "Network Working Group                                    P. Resnick\nRequest for Comments: 2822\n",
            "<html>\nFrom: a\nTo: b\n",
            "Dear all,\nFrom: now on\nTo: the end\n",
            "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 2326\n",
        ] {
            assert!(!is_message(text.as_bytes()), "{text}");
            assert!(!is_mailbox(text.as_bytes()), "{text}");
            assert!(uuencoded(text.as_bytes()).is_none(), "{text}");
        }
        assert_eq!(uuencoded(b"\nbegin 644 a\n#0V%T\n`\nend\n"), Some(13));
        assert!(uuencoded(b"begin 644 a\nwords of text\n").is_none());
    }
}
