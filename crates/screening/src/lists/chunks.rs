//! The records of a large XML document: elements of given names, cut out of the stream one after the other. A record
//! that is broken does not keep the next one from being found.

use std::io::{self, BufRead};

use super::LONGEST_RECORD;

/// An element as it stands in the document.
pub(crate) struct Chunk {
    /// The line it starts in, from 1.
    pub(crate) line: u64,
    /// From its start tag to its end tag.
    pub(crate) bytes: Vec<u8>,
}

/// Cuts elements out of a document. An element of a wanted name that lies in another is a part of that one.
pub(crate) struct Chunks<'r> {
    reader: &'r mut dyn BufRead,
    wanted: &'static [&'static str],
    line: u64,
    /// The start tag of an element that was met within another.
    begun: Option<(u64, Vec<u8>, &'static str)>,
}

impl<'r> Chunks<'r> {
    pub(crate) fn new(reader: &'r mut dyn BufRead, wanted: &'static [&'static str]) -> Self {
        Self { reader, wanted, line: 1, begun: None }
    }

    /// Bytes up to and with the next `until`, at most `most`; whether there were any.
    fn take(&mut self, until: u8, most: usize, to: &mut Vec<u8>) -> io::Result<bool> {
        let before = to.len();
        let count = io::Read::take(&mut *self.reader, most as u64).read_until(until, to)?;
        self.line += to[before..].iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(count > 0)
    }

    /// The next element, or the line of one that cannot be cut out and why.
    pub(crate) fn next_chunk(&mut self) -> io::Result<Option<Result<Chunk, (u64, String)>>> {
        if let Some((line, tag, name)) = self.begun.take() {
            return self.rest(line, name, tag).map(Some);
        }
        let mut text = Vec::new();
        loop {
            text.clear();
            if !self.take(b'<', 64 * 1024, &mut text)? {
                return Ok(None);
            }
            if !text.ends_with(b"<") {
                continue;
            }
            let line = self.line;
            let mut tag = vec![b'<'];
            self.take(b'>', LONGEST_RECORD, &mut tag)?;
            let Some(name) = self.wanted.iter().copied().find(|name| is_tag(&tag, name)) else { continue };
            if tag.ends_with(b"/>") {
                return Ok(Some(Ok(Chunk { line, bytes: tag })));
            }
            return self.rest(line, name, tag).map(Some);
        }
    }

    /// Reads on to the end tag. Where the next element of the name comes first, this one was never closed.
    fn rest(
        &mut self,
        line: u64,
        name: &'static str,
        mut bytes: Vec<u8>,
    ) -> io::Result<Result<Chunk, (u64, String)>> {
        let end = format!("</{name}");
        loop {
            let room = LONGEST_RECORD.saturating_sub(bytes.len());
            let before = bytes.len();
            if room == 0 {
                return Ok(Err((line, format!("<{name}> is longer than 256 KiB"))));
            }
            if !self.take(b'>', room, &mut bytes)? {
                return Ok(Err((line, format!("<{name}> is not closed"))));
            }
            let read = &bytes[before..];
            let tag = read.iter().rposition(|byte| *byte == b'<').map_or(&[][..], |at| &read[at..]);
            if tag.starts_with(end.as_bytes()) && !continues(tag.get(end.len())) {
                return Ok(Ok(Chunk { line, bytes }));
            }
            if is_tag(tag, name) && !tag.ends_with(b"/>") {
                self.begun = Some((self.line, tag.to_vec(), name));
                return Ok(Err((line, format!("<{name}> is not closed"))));
            }
        }
    }
}

/// Whether this is a start tag of this name.
fn is_tag(tag: &[u8], name: &str) -> bool {
    tag.strip_prefix(b"<")
        .and_then(|rest| rest.strip_prefix(name.as_bytes()))
        .is_some_and(|rest| !continues(rest.first()))
}

fn continues(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_not_closed_costs_itself() {
        let mut source = &b"<list>\n<r a='1'>x</r>\n<r>open\n<r>y</r><rest/><r/></list>"[..];
        let mut chunks = Chunks::new(&mut source, &["r"]);
        let all: Vec<_> = std::iter::from_fn(|| chunks.next_chunk().unwrap())
            .map(|chunk| chunk.map(|chunk| (chunk.line, String::from_utf8(chunk.bytes).unwrap())))
            .collect();
        assert_eq!(all[0], Ok((2, "<r a='1'>x</r>".to_owned())));
        assert_eq!(all[1], Err((3, "<r> is not closed".to_owned())));
        assert_eq!(all[2], Ok((4, "<r>y</r>".to_owned())));
        assert_eq!(all[3], Ok((4, "<r/>".to_owned())));
        assert_eq!(all.len(), 4);
    }
}
