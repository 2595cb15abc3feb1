//! What a terminal is shown meanwhile.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::stdio::stderr;
use rustix::termios::isatty;

/// How often a line is written.
const INTERVAL: Duration = Duration::from_millis(200);

/// A line on standard error that tells which file is being fetched, if that is a terminal.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    last: Cell<Option<Instant>>,
}

impl Progress {
    /// Shown only if standard error is a terminal.
    pub fn on_terminal() -> Self {
        Self { shown: isatty(stderr()), last: Cell::new(None) }
    }

    /// Never shown.
    pub fn quiet() -> Self {
        Self { shown: false, last: Cell::new(None) }
    }

    /// A sink that passes everything on to another one and counts. The name is written as it is.
    pub fn of<'s>(&'s self, name: &'s str, sink: &'s mut dyn Write) -> impl Write + 's {
        Counted { progress: self, name, sink, bytes: 0 }
    }

    /// Wipes the line.
    pub fn end(&self) {
        if self.last.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn show(&self, name: &str, bytes: u64) {
        if !self.shown || self.last.get().is_some_and(|last| last.elapsed() < INTERVAL) {
            return;
        }
        self.last.set(Some(Instant::now()));
        // A terminal that is gone ends nothing.
        let _ = write!(io::stderr(), "\r\x1b[K{name}  {} KiB", bytes / 1024);
    }
}

struct Counted<'s> {
    progress: &'s Progress,
    name: &'s str,
    sink: &'s mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.bytes += written as u64;
        self.progress.show(self.name, self.bytes);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
