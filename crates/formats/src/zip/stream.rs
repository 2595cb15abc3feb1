//! A decoded stream on its way into the sink: counted, summed up, and with errors that name the member.

use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Content, Reason, Sink, Stop};
use flate2::Crc;

use super::methods::{Progress, StreamEnd, decoder};

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// At its end.
    Whole,
    /// With an error.
    Failed,
    /// Not at all: the reader had enough.
    Stopped,
}

/// Who is told of a stream's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failures {
    /// The sink.
    Pass,
    /// Whoever looks into [`Stream::complaint`]: another reading of the member may be the right one.
    Keep,
}

/// A decoder and what came out of it.
pub(super) struct Stream<'a> {
    decoder: Box<dyn Read>,
    label: &'a str,
    failures: Failures,
    pub(super) crc: Crc,
    pub(super) produced: u64,
    pub(super) ended: Ended,
    /// The error that was kept.
    pub(super) complaint: Option<(Reason, String)>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(decoder: Box<dyn Read>, label: &'a str, failures: Failures) -> Self {
        let crc = Crc::new();
        Self { decoder, label, failures, crc, produced: 0, ended: Ended::Stopped, complaint: None }
    }

    /// A stream that fails at once, for a decoder that could not begin.
    pub(super) fn failed(error: io::Error, label: &'a str, failures: Failures) -> Self {
        Self::new(Box::new(Broken(Some(error))), label, failures)
    }
}

struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Decoders are not read again after an error, whatever the sink does.
        if self.ended != Ended::Stopped || buffer.is_empty() {
            return Ok(0);
        }
        match self.decoder.read(buffer) {
            Ok(0) => {
                self.ended = Ended::Whole;
                Ok(0)
            }
            Ok(count) => {
                self.crc.update(buffer.get(..count).unwrap_or_default());
                self.produced = self.produced.saturating_add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.ended = Ended::Failed;
                let detail = format!("{}: after {} bytes: {error}", self.label, self.produced);
                if self.failures == Failures::Pass {
                    return Err(io::Error::new(error.kind(), detail));
                }
                let reason = match error.kind() {
                    ErrorKind::UnexpectedEof => Reason::Truncated,
                    ErrorKind::Unsupported => Reason::Unsupported,
                    _ => Reason::Damaged,
                };
                self.complaint = Some((reason, detail));
                Ok(0)
            }
        }
    }
}

/// What a trial showed.
pub(super) struct Probed {
    pub(super) ended: Ended,
    pub(super) produced: u64,
    pub(super) consumed: u64,
    /// The checksum of the output, if all of it came out.
    pub(super) crc: Option<u32>,
}

/// Decodes up to `most` bytes and throws them away.
pub(super) fn probe(
    method: u16,
    content: &Content,
    end: StreamEnd,
    most: u64,
    sink: &mut dyn Sink,
) -> Result<Probed, Stop> {
    let progress = Rc::new(Progress::default());
    let mut stream = match decoder(method, content, end, &progress) {
        Ok(decoder) => Stream::new(decoder, "", Failures::Keep),
        Err(error) => Stream::failed(error, "", Failures::Keep),
    };
    let mut chunk = [0; 16 << 10];
    while stream.produced < most {
        sink.pulse()?;
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if let Some(failure) = progress.failure() {
        return Err(failure.into());
    }
    let (ended, produced, consumed) = (stream.ended, stream.produced, progress.consumed());
    let crc = (ended == Ended::Whole).then(|| stream.crc.sum());
    Ok(Probed { ended, produced, consumed, crc })
}
