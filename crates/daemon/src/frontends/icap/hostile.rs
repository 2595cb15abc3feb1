//! Bytes of a client, for fuzz targets.

use super::chunked::{Decoder, Step};
use super::head;
use super::message::{AcceptEncoding, Message};

/// Reads requests: head, heads of HTTP, chunked body.
pub(crate) fn requests(mut bytes: &[u8]) {
    while let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") {
        let (head, rest) = bytes.split_at(end + 4);
        bytes = rest;
        let Ok(head) = head::parse(head) else { continue };
        let Some(list) = head.encapsulated else { continue };
        let heads = bytes.get(..list.heads).unwrap_or(bytes);
        bytes = bytes.get(heads.len()..).unwrap_or_default();
        if let Ok(message) = Message::parse(heads, &list, head.method, AcceptEncoding::Limit) {
            let _ =
                (message.url(), message.file_name(), message.length(), message.multipart(), message.gaps());
            let _ = message.encapsulated();
        }
        if list.has_body {
            bytes = body(bytes);
        }
    }
}

/// What follows a chunked body.
fn body(mut bytes: &[u8]) -> &[u8] {
    let mut decoder = Decoder::new();
    loop {
        let (count, ended) = match decoder.step(bytes) {
            Ok(Step::Skip(count) | Step::Content(count)) => (count, false),
            Ok(Step::End(count, _)) => (count, true),
            Ok(Step::More) | Err(_) => return &[],
        };
        assert!(count > 0, "a step without bytes is taken for ever");
        bytes = bytes.get(count..).unwrap_or_default();
        if ended {
            return bytes;
        }
    }
}
