//! Lines of content of any size, whatever ends them: LF, CRLF, CR CR LF or a bare CR.
//!
//! Mail readers disagree about the bare CR. Here it always ends a line, so that a boundary hidden behind one is
//! seen; a body is never changed by this, since bodies are ranges of the content. A header is read in both ways.

use std::io;

use candor_object::Content;

/// Bytes read at once. A longer line is gone through, but only its beginning is shown.
const BUFFER: usize = 64 << 10;
/// Bytes shown of a line that is longer than the buffer; bounds nothing but the comparison of boundaries.
const SHOWN: usize = 8 << 10;

/// A line and where it lies.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Offset of its first byte.
    pub(crate) start: u64,
    /// Offset of what ends it.
    pub(crate) end: u64,
    /// Offset of the next line.
    pub(crate) next: u64,
    /// Its bytes without the end; cut if it is very long.
    pub(crate) text: &'a [u8],
}

/// Goes through the lines of content.
#[derive(Debug)]
pub(crate) struct Lines {
    content: Content,
    buffer: Vec<u8>,
    long: Vec<u8>,
    /// Offset in the content of the buffer's first byte.
    base: u64,
    at: usize,
}

impl Lines {
    /// The lines of `content` from `offset` on.
    pub(crate) fn new(content: &Content, offset: u64) -> Self {
        Self { content: content.clone(), buffer: Vec::new(), long: Vec::new(), base: offset, at: 0 }
    }

    /// The next line; none at the end. A line end at the very end begins no further line.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut start = self.position();
        let mut is_long = false;
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let found = line_end(rest);
            let all = self.base.saturating_add(self.buffer.len() as u64) >= self.content.size();
            match found {
                // What follows a CR decides how long the line's end is, so three bytes must be in sight.
                Some((end, next)) if all || end.saturating_add(3) <= rest.len() => {
                    let line_start = self.at;
                    let here = self.position();
                    self.at = self.at.saturating_add(next);
                    let text = if is_long {
                        self.long.as_slice()
                    } else {
                        start = here;
                        self.buffer.get(line_start..line_start.saturating_add(end)).unwrap_or_default()
                    };
                    let end = here.saturating_add(end as u64);
                    return Ok(Some(Line { start, end, next: here.saturating_add(next as u64), text }));
                }
                None if all => {
                    if rest.is_empty() && !is_long {
                        return Ok(None);
                    }
                    let end = self.content.size().max(start);
                    let line_start = self.at;
                    self.at = self.buffer.len();
                    let text = if is_long {
                        self.long.as_slice()
                    } else {
                        self.buffer.get(line_start..).unwrap_or_default()
                    };
                    return Ok(Some(Line { start, end, next: end, text }));
                }
                None if rest.len() >= BUFFER => {
                    if !is_long {
                        self.long.clear();
                        self.long.extend_from_slice(rest.get(..SHOWN).unwrap_or(rest));
                        is_long = true;
                    }
                    self.at = self.buffer.len();
                }
                _ => {}
            }
            self.fill()?;
        }
    }

    fn position(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.base = self.position();
        self.buffer.drain(..self.at.min(self.buffer.len()));
        self.at = 0;
        let kept = self.buffer.len();
        self.buffer.resize(BUFFER.max(kept).saturating_add(3), 0);
        let space = self.buffer.get_mut(kept..).unwrap_or_default();
        let read = self.content.read_at(self.base.saturating_add(kept as u64), space)?;
        self.buffer.truncate(kept.saturating_add(read));
        if read == 0 && self.base.saturating_add(kept as u64) < self.content.size() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the content became shorter"));
        }
        Ok(())
    }
}

/// Where the first line of `bytes` ends and where the next begins; none if no line end is in sight.
pub(crate) fn line_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = memchr::memchr2(b'\n', b'\r', bytes)?;
    let rest = bytes.get(end..).unwrap_or_default();
    // CR CR LF is what a text-mode write makes of CRLF.
    let length = match rest {
        [b'\r', b'\r', b'\n', ..] => 3,
        [b'\r', b'\n', ..] => 2,
        _ => 1,
    };
    Some((end, end.saturating_add(length)))
}

/// The same where only a LF ends a line; CRs before it are no part of the line.
pub(crate) fn line_feed(bytes: &[u8]) -> Option<(usize, usize)> {
    let feed = memchr::memchr(b'\n', bytes)?;
    let returns = bytes.get(..feed)?.iter().rev().take_while(|byte| **byte == b'\r').count();
    Some((feed.saturating_sub(returns), feed.saturating_add(1)))
}

/// Whether nothing but white space and NULs is in it.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | 0))
}

/// Whether nothing but white space and NULs is in the content.
pub(crate) fn is_blank_content(content: &Content) -> io::Result<bool> {
    all(content, is_blank)
}

/// Whether there is a LF in the content.
pub(crate) fn has_line_feed(content: &Content) -> io::Result<bool> {
    Ok(!all(content, |window| memchr::memchr(b'\n', window).is_none())?)
}

/// Whether all windows of the content are as told.
fn all(content: &Content, is: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
    let mut offset = 0_u64;
    while offset < content.size() {
        let window = content.window(offset, BUFFER)?;
        if window.is_empty() {
            break;
        }
        if !is(&window) {
            return Ok(false);
        }
        offset = offset.saturating_add(window.len() as u64);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(bytes: &[u8]) -> Vec<(u64, u64, u64, Vec<u8>)> {
        let mut lines = Lines::new(&Content::from_vec(bytes.to_vec()), 0);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.start, line.end, line.next, line.text.to_vec()));
        }
        found
    }

    #[test]
    fn every_line_end_ends_a_line() {
        let texts: Vec<_> = lines_of(b"a\nb\r\nc\r\r\nd\re\r\rf").into_iter().map(|line| line.3).collect();
        assert_eq!(texts, [&b"a"[..], b"b", b"c", b"d", b"e", b"", b"f"]);
        assert_eq!(lines_of(b"a\r\n"), [(0, 1, 3, b"a".to_vec())]);
        assert!(lines_of(b"").is_empty());
    }

    #[test]
    fn lines_across_the_buffer_keep_their_places() {
        for lead in BUFFER - 5..BUFFER + 8 {
            let mut bytes = vec![b'x'; lead];
            bytes.extend_from_slice(b"\r\nab\r\n\ncd");
            let lead = lead as u64;
            let found = lines_of(&bytes);
            assert_eq!(found.len(), 4, "{lead}");
            assert_eq!((found[0].0, found[0].1, found[0].2), (0, lead, lead + 2));
            assert_eq!(found[1], (lead + 2, lead + 4, lead + 6, b"ab".to_vec()));
            assert_eq!(found[3], (lead + 7, lead + 9, lead + 9, b"cd".to_vec()));
        }
        let long = lines_of(&vec![b'y'; 3 * BUFFER]);
        assert_eq!(long.len(), 1);
        assert_eq!((long[0].0, long[0].1, long[0].3.len()), (0, 3 * BUFFER as u64, SHOWN));
    }
}
