//! Where `sigtool` prints: bytes as they are for programs, escaped for a terminal.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use crate::escape::Escaped;

/// Standard output.
pub(super) struct Printer {
    target: BufWriter<StdoutLock<'static>>,
    terminal: bool,
    quiet: bool,
}

impl Printer {
    /// Standard output; with `quiet` only what is printed as raw bytes.
    pub(super) fn new(quiet: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self { target: BufWriter::new(stdout.lock()), terminal, quiet }
    }

    /// A text of our own.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.target.write_all(text.as_bytes()) }
    }

    /// A line that may quote anything; it has no line end within.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        self.part(line)?;
        self.text("\n")
    }

    /// A part of a line that may quote anything.
    pub(super) fn part(&mut self, part: &str) -> io::Result<()> {
        match (self.quiet, self.terminal) {
            (true, _) => Ok(()),
            (false, true) => write!(self.target, "{}", Escaped(part)),
            (false, false) => self.target.write_all(part.as_bytes()),
        }
    }

    /// Bytes that may be anything, printed even where quiet is wanted.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.terminal {
            write!(self.target, "{}", Escaped(&String::from_utf8_lossy(bytes)))
        } else {
            self.target.write_all(bytes)
        }
    }

    /// Hands everything over.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}

/// Lines on standard error, escaped: they may quote anything.
pub(super) fn error(message: &str) {
    let mut stderr = io::stderr().lock();
    for line in message.lines() {
        // Where standard error is gone, so is whoever reads it.
        let _ = writeln!(stderr, "{}", Escaped(line));
    }
}
