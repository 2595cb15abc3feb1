//! ASCIIHexDecode, ASCII85Decode and RunLengthDecode: ISO 32000-1, 7.4.2, 7.4.3 and 7.4.5.

use std::io::{self, ErrorKind, Read};

use super::input::Input;

/// A decoder that makes a few bytes at a time.
pub(super) trait Step {
    /// Adds what comes next; nothing more if this says that it is over.
    ///
    /// # Errors
    /// What is wrong with the input.
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool>;
}

/// A reader of what a decoder makes.
pub(super) struct Stepped<S> {
    input: Input,
    step: S,
    ready: Vec<u8>,
    given: usize,
    end: Option<io::Result<()>>,
}

/// Bytes that are made before they are given out.
const BATCH: usize = 4 << 10;

impl<S: Step> Stepped<S> {
    pub(super) fn new(reader: Box<dyn Read>, step: S) -> Self {
        Self { input: Input::new(reader), step, ready: Vec::new(), given: 0, end: None }
    }
}

impl<S: Step> Read for Stepped<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.ready.len() {
            self.ready.clear();
            self.given = 0;
            while self.end.is_none() && self.ready.len() < BATCH {
                match self.step.step(&mut self.input, &mut self.ready) {
                    Ok(true) => {}
                    Ok(false) => self.end = Some(Ok(())),
                    Err(error) => self.end = Some(Err(error)),
                }
            }
        }
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if count > 0
            && let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count))
        {
            to.copy_from_slice(from);
            self.given = self.given.saturating_add(count);
            return Ok(count);
        }
        match &mut self.end {
            Some(end) if !buffer.is_empty() => std::mem::replace(end, Ok(())).map(|()| 0),
            _ => Ok(0),
        }
    }
}

/// ASCIIHexDecode.
pub(super) struct Hexadecimal;

impl Step for Hexadecimal {
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut high = None;
        loop {
            let byte = input.next()?;
            let digit = byte.and_then(|byte| char::from(byte).to_digit(16)?.try_into().ok());
            match (high, digit) {
                (None, Some(digit)) => high = Some(digit),
                (Some(high), Some(low)) => {
                    let (high, low): (u8, u8) = (high, low);
                    output.push(high << 4 | low);
                    return Ok(true);
                }
                (_, None) if matches!(byte, None | Some(b'>')) => {
                    output.extend(high.map(|high: u8| high << 4));
                    return Ok(false);
                }
                // Whatever else stands there is skipped by readers.
                (_, None) => {}
            }
        }
    }
}

/// ASCII85Decode.
#[derive(Default)]
pub(super) struct Ascii85 {
    begun: bool,
}

impl Step for Ascii85 {
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut group: u32 = 0;
        let mut count: usize = 0;
        let begun = std::mem::replace(&mut self.begun, true);
        loop {
            let byte = input.next()?;
            match byte {
                Some(byte @ b'!'..=b'u') => {
                    group = group.wrapping_mul(85).wrapping_add(u32::from(byte.saturating_sub(b'!')));
                    count = count.saturating_add(1);
                    if count == 5 {
                        output.extend(group.to_be_bytes());
                        return Ok(true);
                    }
                }
                Some(b'z') if count == 0 => {
                    output.extend([0; 4]);
                    return Ok(true);
                }
                // `<~` begins it in PostScript, and `<` alone is a digit.
                Some(b'~') if !begun && count == 1 && group == u32::from(b'<'.saturating_sub(b'!')) => {
                    group = 0;
                    count = 0;
                }
                None | Some(b'~') => {
                    if count > 1 {
                        for _ in count..5 {
                            group = group.wrapping_mul(85).wrapping_add(84);
                        }
                        output.extend(group.to_be_bytes().iter().take(count.saturating_sub(1)));
                    }
                    return Ok(false);
                }
                Some(_) => {}
            }
        }
    }
}

/// RunLengthDecode.
pub(super) struct RunLength;

impl Step for RunLength {
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool> {
        let cut = || io::Error::new(ErrorKind::UnexpectedEof, "a run ends too early");
        match input.next()? {
            // Many writers forget the mark at the end.
            None | Some(128) => Ok(false),
            Some(length @ 0..=127) => {
                for _ in 0..=length {
                    output.push(input.next()?.ok_or_else(cut)?);
                }
                Ok(true)
            }
            Some(length) => {
                let byte = input.next()?.ok_or_else(cut)?;
                let count = 257_usize.saturating_sub(usize::from(length));
                output.extend(std::iter::repeat_n(byte, count));
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(step: impl Step, bytes: &'static [u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let whole = Stepped::new(Box::new(bytes), step).read_to_end(&mut out).is_ok();
        (out, whole)
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(decode(Hexadecimal, b"48 65\n6c 6C6f7>zz"), (b"Hellop".to_vec(), true));
    }

    #[test]
    fn ascii85() {
        assert_eq!(decode(Ascii85::default(), b"87cUR\nD]i,\"Ebo80~>junk"), (b"Hello World!".to_vec(), true));
        assert_eq!(decode(Ascii85::default(), b"<~87cURD]i,\"Ebo7~>"), (b"Hello World".to_vec(), true));
        assert_eq!(decode(Ascii85::default(), b"z87cUR"), (b"\0\0\0\0Hell".to_vec(), true));
    }

    #[test]
    fn runs() {
        assert_eq!(decode(RunLength, b"\x02abc\xffx\x80zz"), (b"abcxx".to_vec(), true));
        assert_eq!(decode(RunLength, b"\x02ab"), (b"ab".to_vec(), false));
    }
}
