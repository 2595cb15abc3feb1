//! Bytes of a client, for fuzz targets.

use super::multipart::{Form, Step};

/// Reads a form, whose content type is the first line, in pieces of `piece` bytes.
pub(crate) fn form(bytes: &[u8], piece: usize) {
    let (content_type, content) = bytes.split_at(memchr::memchr(b'\n', bytes).unwrap_or(bytes.len()));
    let Ok(mut form) = Form::new(&String::from_utf8_lossy(content_type)) else { return };
    let mut given = 0;
    for piece in content.chunks(piece.max(1)) {
        form.push(piece);
        loop {
            match form.step() {
                Ok(Step::More) => break,
                Ok(Step::Content(bytes)) => given += bytes.len(),
                Ok(Step::Begin(_) | Step::End) => {}
                Ok(Step::Done) | Err(_) => return,
            }
        }
    }
    assert!(given <= content.len() && form.finish().is_err());
}
