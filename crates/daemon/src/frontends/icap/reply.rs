//! The heads of ICAP responses: RFC 3507 section 4.3.3 and the extension 206, Partial Content.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Whether the connection goes on after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another request may come.
    Another,
    /// It ends.
    Close,
}

/// An answer in a few words. The numbers are those of ICAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(pub(super) u16);

impl Status {
    fn words(self) -> &'static str {
        match self.0 {
            100 => "Continue",
            200 => "OK",
            204 => "No modifications needed",
            206 => "Partial Content",
            400 => "Bad request",
            405 => "Method not allowed for service",
            408 => "Request timeout",
            501 => "Method not implemented",
            503 => "Service overloaded",
            505 => "ICAP version not supported",
            _ => "Server error",
        }
    }
}

/// The head of a response, with the empty line at its end.
pub(super) fn head(status: Status, istag: &str, next: Next, fields: &[(&'static str, String)]) -> Vec<u8> {
    let mut text = format!("ICAP/1.0 {} {}\r\n", status.0, status.words());
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let connection = if next == Next::Close { "close" } else { "keep-alive" };
    let server = concat!("Candor/", env!("CARGO_PKG_VERSION"));
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "Server: {server}\r\nDate: {date}\r\nISTag: \"{istag}\"\r\nConnection: {connection}\r\n"
    );
    for (name, value) in fields {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The tag of everything that a verdict depends on (RFC 3507 section 4.7): a proxy drops what it cached when
/// the tag changes. At most 32 bytes with its quotes.
pub(super) fn istag(database: &[u8; 32], settings: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    digest.update(database);
    digest.update(settings);
    digest.finalize().iter().take(12).fold("C-".to_owned(), |mut tag, byte| {
        let _ = write!(tag, "{byte:02x}");
        tag
    })
}

/// The head of the HTTP response that brings the page in place of blocked content.
pub(super) fn blocked_head(page: usize) -> String {
    format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {page}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\
         Server: Candor\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_change_with_what_they_are_of() {
        let tag = istag(&[1; 32], "a");
        assert!(tag.len() + 2 <= 32 && tag.bytes().all(|byte| byte.is_ascii_graphic()), "{tag}");
        assert_eq!(tag, istag(&[1; 32], "a"));
        assert_ne!(tag, istag(&[2; 32], "a"));
        assert_ne!(tag, istag(&[1; 32], "b"));
    }

    #[test]
    fn heads_end_with_an_empty_line() {
        let bytes = head(Status(204), "C-1", Next::Close, &[("X-Response-Info", "Allowed".to_owned())]);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("ICAP/1.0 204 No modifications needed\r\n"), "{text}");
        assert!(
            text.contains("ISTag: \"C-1\"\r\nConnection: close\r\nX-Response-Info: Allowed\r\n\r\n"),
            "{text}"
        );
    }
}
