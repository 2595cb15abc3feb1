//! Counts what decoders read without anything coming out at the end of their chain.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

/// Bytes between decoders that may bring no output before a stream counts as damaged: a chain of decoders multiplies
/// its input with each of them, and one that gives nothing is deaf to the time limit.
const QUIET: u64 = 16 << 20;
/// Bytes between decoders that one byte of output pays for. Those that shrink what they read do so by less.
const PAID: u64 = 256;

/// A reader between two decoders, or in front of the first.
pub(super) struct Metered<R> {
    reader: R,
    quiet: Rc<Cell<u64>>,
}

impl<R: Read> Metered<R> {
    pub(super) fn new(reader: R, quiet: &Rc<Cell<u64>>) -> Self {
        Self { reader, quiet: Rc::clone(quiet) }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let quiet = self.quiet.get().saturating_add(count as u64);
        self.quiet.set(quiet);
        if quiet > QUIET {
            return Err(io::Error::new(ErrorKind::InvalidData, "megabytes of input give hardly any output"));
        }
        Ok(count)
    }
}

/// The end of a chain. It is not read again after its end or an error, whatever its reader does.
pub(super) struct End<R> {
    reader: Option<R>,
    quiet: Rc<Cell<u64>>,
}

impl<R: Read> End<R> {
    pub(super) fn new(reader: R, quiet: &Rc<Cell<u64>>) -> Self {
        Self { reader: Some(reader), quiet: Rc::clone(quiet) }
    }
}

impl<R: Read> Read for End<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else { return Ok(0) };
        let result = reader.read(buffer);
        match &result {
            Ok(0) if buffer.is_empty() => {}
            Ok(count @ 1..) => {
                let paid = PAID.saturating_mul(*count as u64);
                self.quiet.set(self.quiet.get().saturating_sub(paid));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => self.reader = None,
        }
        result
    }
}
