//! quoted-printable: a reader that decodes what is there.
//!
//! Specification: RFC 2045 section 6.7. Broken escapes stay as they are, as its robustness rules ask; hex
//! digits may be in lower case. White space before a line end is dropped, for transports add it.

use std::io::{self, Read};

use candor_object::Content;

use super::bytes::Bytes;

/// White space that is looked through for a line end. Stops lines of nothing but spaces from costing
/// quadratic time; a longer run stays as it is.
const MAX_RUN: usize = 256;

/// A reader of the decoded bytes.
#[derive(Debug)]
pub(crate) struct Quoted {
    input: Bytes,
    /// White space that was looked through and stays.
    keep: usize,
}

impl Quoted {
    /// Decodes `content`.
    pub(crate) fn new(content: Content) -> Self {
        Self { input: Bytes::new(content), keep: 0 }
    }

    fn step(&mut self) -> io::Result<Option<u8>> {
        loop {
            let Some(byte) = self.input.next()? else {
                return Ok(None);
            };
            match byte {
                b' ' | b'\t' if self.keep > 0 => {
                    self.keep = self.keep.saturating_sub(1);
                    return Ok(Some(byte));
                }
                b' ' | b'\t' => {
                    let run = self.run()?;
                    let is_last = matches!(self.input.peek(run)?, None | Some(b'\r' | b'\n'));
                    if is_last && run < MAX_RUN {
                        self.input.skip(run);
                    } else {
                        self.keep = run;
                        return Ok(Some(byte));
                    }
                }
                b'=' => {
                    let high = self.input.peek(0)?.and_then(hex);
                    let low = self.input.peek(1)?.and_then(hex);
                    if let (Some(high), Some(low)) = (high, low) {
                        self.input.skip(2);
                        return Ok(Some(high << 4 | low));
                    }
                    let run = self.run()?;
                    match self.input.peek(run)? {
                        None => self.input.skip(run),
                        Some(b'\n') => self.input.skip(run.saturating_add(1)),
                        Some(b'\r') => {
                            let is_crlf = self.input.peek(run.saturating_add(1))? == Some(b'\n');
                            self.input.skip(run.saturating_add(if is_crlf { 2 } else { 1 }));
                        }
                        Some(_) => return Ok(Some(b'=')),
                    }
                }
                _ => return Ok(Some(byte)),
            }
        }
    }

    fn run(&mut self) -> io::Result<usize> {
        let mut run = 0_usize;
        while run < MAX_RUN && matches!(self.input.peek(run)?, Some(b' ' | b'\t')) {
            run = run.saturating_add(1);
        }
        Ok(run)
    }
}

impl Read for Quoted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0_usize;
        while let Some(space) = buffer.get_mut(filled..).filter(|space| !space.is_empty()) {
            // Nearly all bytes stand for themselves.
            let ahead = self.input.ahead()?;
            let plain = plain(ahead, self.keep).min(space.len());
            if let (Some(space), Some(ahead)) = (space.get_mut(..plain), ahead.get(..plain)) {
                space.copy_from_slice(ahead);
            }
            self.input.skip(plain);
            filled = filled.saturating_add(plain);
            if plain < space.len() {
                let Some(byte) = self.step()? else { break };
                if let Some(slot) = space.get_mut(plain) {
                    *slot = byte;
                    filled = filled.saturating_add(1);
                }
            }
        }
        Ok(filled)
    }
}

/// How many bytes stand for themselves whatever follows; none while white space is left that was looked through.
fn plain(ahead: &[u8], keep: usize) -> usize {
    if keep > 0 {
        return 0;
    }
    let next = ahead.get(1..).unwrap_or_default();
    let is_special = |(byte, next): (&u8, &u8)| match byte {
        b'=' => true,
        b' ' | b'\t' => matches!(next, b' ' | b'\t' | b'\r' | b'\n'),
        _ => false,
    };
    // The last byte in sight is left, for what follows it is not known.
    ahead.iter().zip(next).position(is_special).unwrap_or(next.len())
}

/// The value of a hex digit.
pub(crate) fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_there() {
        for (text, plain) in [
            ("a=3Db=3db", "a=b=b"),
            ("soft=\r\nbreak=\nand=\rmore= \t\r\n.", "softbreakandmore."),
            ("=4D=5a=XY=4=", "MZ=XY=4"),
            ("trailing  \t\r\nspace", "trailing\r\nspace"),
            ("in  side", "in  side"),
            ("= x", "= x"),
            ("end  ", "end"),
        ] {
            let mut out = String::new();
            Quoted::new(Content::from_vec(text.into())).read_to_string(&mut out).unwrap();
            assert_eq!(out, plain, "{text:?}");
        }
        let spaces = vec![b' '; 100_000];
        let mut out = Vec::new();
        Quoted::new(Content::from_vec(spaces)).read_to_end(&mut out).unwrap();
        assert!(out.len() <= 100_000);
    }
}
