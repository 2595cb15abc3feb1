//! What archives of packed members have in common: a decoder runs over a range of the archive, what it gives is
//! compared with what the headers promise, and nothing that it gave before an error is lost.

use std::io::{self, Error, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, Flow, Reason, Relation, Sink, Stop};

use crate::search::skip_zeros;
use crate::zip::methods::{DEFLATE, Packed, Progress, StreamEnd, decoder};

/// Output of a [`Steps`] that is collected before it is given on.
const STEP: usize = 16 << 10;
/// Calls of [`Steps::step`] in a row that may bring no output: no encoder needs more, and a decoder that never gives
/// anything is deaf to the time limit.
const QUIET: u32 = 1 << 20;

/// A checksum that the headers promise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// None.
    None,
    /// CRC-32 of IEEE 802.3.
    Crc32(u32),
    /// CRC-16 with the polynomial 0x8005, reflected, as LHA and ARC have it.
    Crc16(u16),
}

/// What headers say of what a decoder will give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// Its size.
    pub(crate) size: Option<u64>,
    /// Its checksum.
    pub(crate) check: Check,
}

/// Puts a child into the sink that a decoder takes out of `packed`, and says how many bytes of it the decoder took.
///
/// A decoder that cannot be opened is a gap. A size or a checksum that is wrong is an error behind the child's bytes, and so
/// is a gap, too. `place` names the child in these.
///
/// # Errors
/// Those of the sink, and those of reading the content.
pub(crate) fn hand_over(
    sink: &mut dyn Sink,
    child: Child<'_>,
    place: &str,
    packed: &Content,
    promise: Promise,
    open: impl FnOnce(&Content, &Rc<Progress>) -> io::Result<Box<dyn Read>>,
) -> Result<u64, Stop> {
    let progress = Rc::new(Progress::default());
    let decoder = open(packed, &progress);
    if let Some(error) = progress.failure() {
        return Err(Stop::Unreadable(error));
    }
    match decoder {
        Ok(decoder) => {
            let mut body = Checked {
                decoder: Some(decoder),
                progress: Rc::clone(&progress),
                place,
                promise,
                size: 0,
                sum: Sum::new(promise.check),
            };
            sink.child(child, &mut body)?;
        }
        Err(error) => sink.gap(reason(error.kind()), &format!("{place}: {error}")),
    }
    match progress.failure() {
        Some(error) => Err(Stop::Unreadable(error)),
        None => Ok(progress.consumed()),
    }
}

/// The reason of a gap that an error of a decoder stands for.
pub(crate) fn reason(kind: ErrorKind) -> Reason {
    match kind {
        ErrorKind::UnexpectedEof => Reason::Truncated,
        ErrorKind::Unsupported | ErrorKind::OutOfMemory => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}

/// An error for a stream that makes no sense.
pub(crate) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// An error for what is not decoded.
pub(crate) fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}

struct Checked<'a> {
    /// Gone when it must not be read again.
    decoder: Option<Box<dyn Read>>,
    progress: Rc<Progress>,
    place: &'a str,
    promise: Promise,
    size: u64,
    sum: Sum,
}

impl Checked<'_> {
    fn explain(&mut self, kind: ErrorKind, what: &str) -> Error {
        self.decoder = None;
        Error::new(kind, format!("{}: {what}", self.place))
    }

    fn finish(&mut self) -> io::Result<usize> {
        self.decoder = None;
        match self.promise.size {
            Some(size) if self.size < size => {
                let kind =
                    if self.progress.starved() { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
                return Err(self.explain(kind, &format!("{} of {size} bytes came out", self.size)));
            }
            Some(size) if self.size > size => {
                let what = format!("{} bytes came out instead of {size}", self.size);
                return Err(self.explain(ErrorKind::InvalidData, &what));
            }
            _ => {}
        }
        if self.sum.is_wrong(self.promise.check) {
            return Err(self.explain(ErrorKind::InvalidData, "the checksum is wrong"));
        }
        Ok(0)
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return Ok(0) };
        if buffer.is_empty() {
            return Ok(0);
        }
        match decoder.read(buffer) {
            Ok(0) => self.finish(),
            Ok(count) => {
                self.size = self.size.saturating_add(count as u64);
                self.sum.add(buffer.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let starved = self.progress.starved() && reason(error.kind()) == Reason::Damaged;
                let kind = if starved { ErrorKind::UnexpectedEof } else { error.kind() };
                Err(self.explain(kind, &error.to_string()))
            }
        }
    }
}

enum Sum {
    None,
    Crc32(flate2::Crc),
    Crc16(u16),
}

impl Sum {
    fn new(check: Check) -> Self {
        match check {
            Check::None => Self::None,
            Check::Crc32(_) => Self::Crc32(flate2::Crc::new()),
            Check::Crc16(_) => Self::Crc16(0),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Crc32(crc) => crc.update(bytes),
            Self::Crc16(crc) => *crc = crc16(*crc, bytes),
        }
    }

    fn is_wrong(&self, check: Check) -> bool {
        match (self, check) {
            (Self::Crc32(crc), Check::Crc32(promised)) => crc.sum() != promised,
            (Self::Crc16(crc), Check::Crc16(promised)) => *crc != promised,
            _ => false,
        }
    }
}

/// Goes on with a CRC-16 as ARC has it.
pub(crate) fn crc16(crc: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(crc, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 })
    })
}

/// The CRC-32 of bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A decoder that appends to what it gave before, of which it may copy.
pub(crate) trait Steps {
    /// Appends a little; false at the end. It is not called again after the end or an error.
    ///
    /// # Errors
    /// Those of the stream; what was appended before counts.
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool>;
}

/// What a [`Steps`] gives, as a reader.
pub(crate) struct Unpacked<S> {
    steps: S,
    output: Vec<u8>,
    given: usize,
    /// How far back the decoder copies.
    history: usize,
    /// Bytes that may still come out.
    left: u64,
    end: Option<io::Result<()>>,
}

impl<S: Steps> Unpacked<S> {
    /// At most `size` bytes. What is copied from before the start is `before`, as far as there is any.
    pub(crate) fn new(steps: S, before: Vec<u8>, history: usize, size: u64) -> Self {
        Self { steps, given: before.len(), output: before, history, left: size, end: None }
    }
}

impl<S: Steps> Read for Unpacked<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.left == 0 {
            return Ok(0);
        }
        if self.given == self.output.len() {
            let old = self.output.len().saturating_sub(self.history);
            if old > self.history.max(STEP) {
                self.output.drain(..old);
                self.given = self.given.saturating_sub(old);
            }
            let mut quiet = 0_u32;
            while self.end.is_none() && self.output.len().saturating_sub(self.given) < STEP {
                let before = self.output.len();
                match self.steps.step(&mut self.output) {
                    Ok(true) => {}
                    Ok(false) => self.end = Some(Ok(())),
                    Err(error) => self.end = Some(Err(error)),
                }
                // What is there counts, so that a size that is known ends the stream.
                if self.output.len().saturating_sub(self.given) as u64 >= self.left {
                    break;
                }
                quiet = if self.output.len() == before { quiet.saturating_add(1) } else { 0 };
                if quiet > QUIET {
                    self.end = Some(Err(damaged("the stream goes on and gives nothing")));
                }
            }
        }
        let ready = self.output.get(self.given..).unwrap_or_default();
        let count = ready.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if count == 0 {
            return match self.end.replace(Ok(())) {
                Some(Err(error)) => Err(error),
                _ => Ok(0),
            };
        }
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Appends `length` bytes that stand `distance` bytes back.
///
/// # Errors
/// When that is before the start.
pub(crate) fn copy(output: &mut Vec<u8>, distance: usize, length: usize) -> io::Result<()> {
    let Some(start) = output.len().checked_sub(distance).filter(|_| distance > 0) else {
        return Err(damaged("a match reaches back before the start"));
    };
    let end = start.saturating_add(length);
    if distance >= length {
        output.extend_from_within(start..end);
    } else {
        for place in start..end {
            let byte = output.get(place).copied().unwrap_or_default();
            output.push(byte);
        }
    }
    Ok(())
}

/// The bytes of `packed` as they are, up to its end.
///
/// # Errors
/// None.
pub(crate) fn stored(packed: &Content, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(Packed::new(packed, progress)))
}

/// A decoder for a zlib stream. Its checksum is not looked at: what it is over comes out in any case.
///
/// # Errors
/// When there is no header of zlib.
pub(crate) fn zlib(packed: &Content, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
    let head = packed.window(0, 2)?;
    let (Some(first), Some(second)) = (head.first(), head.get(1)) else {
        return Err(Error::new(ErrorKind::UnexpectedEof, "no zlib header"));
    };
    if first & 15 != 8 || (u16::from(*first) << 8 | u16::from(*second)) % 31 != 0 {
        return Err(damaged("no zlib header"));
    }
    let decoder = decoder(DEFLATE, &packed.from(2), StreamEnd::Marker, progress)?;
    Ok(Box::new(Zlib {
        decoder,
        packed: packed.clone(),
        progress: Rc::clone(progress),
        sums: (1, 0),
        is_over: false,
    }))
}

/// A zlib stream, whose checksum is compared once all of it came out.
struct Zlib {
    decoder: Box<dyn Read>,
    packed: Content,
    progress: Rc<Progress>,
    /// Those of Adler-32.
    sums: (u32, u32),
    is_over: bool,
}

impl Zlib {
    fn add(&mut self, bytes: &[u8]) {
        const PRIME: u32 = 65_521;
        // So many fit in 32 bits before the remainder has to be taken.
        for bytes in bytes.chunks(4096) {
            for byte in bytes {
                self.sums.0 = self.sums.0.wrapping_add(u32::from(*byte));
                self.sums.1 = self.sums.1.wrapping_add(self.sums.0);
            }
            self.sums = (self.sums.0 % PRIME, self.sums.1 % PRIME);
        }
    }
}

impl Read for Zlib {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_over || buffer.is_empty() {
            return Ok(0);
        }
        let result = self.decoder.read(buffer);
        match &result {
            Ok(0) => {
                self.is_over = true;
                let checksum = self.packed.window(self.progress.consumed().saturating_add(2), 4)?;
                match crate::fields::u32_be(&checksum, 0) {
                    None => return Err(Error::new(ErrorKind::UnexpectedEof, "the checksum is missing")),
                    Some(checksum) if checksum != self.sums.1 << 16 | self.sums.0 => {
                        return Err(damaged("the checksum is wrong"));
                    }
                    Some(_) => {}
                }
            }
            Ok(count) => self.add(buffer.get(..*count).unwrap_or_default()),
            Err(error) => self.is_over = error.kind() != ErrorKind::Interrupted,
        }
        result
    }
}

/// Ranges that something was said about, to find what nothing was said about.
#[derive(Debug, Default)]
pub(crate) struct Claimed(Vec<(u64, u64)>);

/// Ranges between claimed ones that are handed over; what is beyond counts as one.
const UNCLAIMED: usize = 4096;

impl Claimed {
    /// Notes that `size` bytes from `offset` on are spoken of.
    pub(crate) fn add(&mut self, offset: u64, size: u64) {
        if size > 0 {
            self.0.push((offset, offset.saturating_add(size)));
        }
    }

    /// Hands over what lies from `from` on and is not claimed, unless it is zeros.
    ///
    /// # Errors
    /// Those of the sink and of reading the content.
    pub(crate) fn hand_over_rest(mut self, content: &Content, from: u64, sink: &mut dyn Sink) -> Flow {
        self.0.sort_unstable();
        self.0.push((content.size(), content.size()));
        let mut offset = from;
        let mut count = 0_usize;
        for (start, end) in self.0 {
            let start = start.min(content.size());
            if start > offset {
                sink.pulse()?;
                let first = skip_zeros(content, offset, sink)?;
                let size = start.saturating_sub(first);
                if first < start && count <= UNCLAIMED {
                    count = count.saturating_add(1);
                    let size = if count > UNCLAIMED { u64::MAX } else { size };
                    sink.anomaly("unclaimed", &format!("at offset {first}"));
                    sink.range(Child { name: "", relation: Relation::Overlay }, content.range(first, size))?;
                }
            }
            offset = offset.max(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails;

    impl Steps for Fails {
        fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
            output.extend_from_slice(b"abc");
            copy(output, 2, 5)?;
            copy(output, 20, 1)?;
            Ok(true)
        }
    }

    #[test]
    fn what_came_before_an_error_is_given() {
        let mut reader = Unpacked::new(Fails, Vec::new(), 8, u64::MAX);
        let mut buffer = [0; 64];
        assert_eq!(reader.read(&mut buffer).unwrap(), 8);
        assert_eq!(&buffer[..8], b"abcbcbcb");
        assert!(reader.read(&mut buffer).is_err());
    }

    #[test]
    fn checksums() {
        assert_eq!(crc16(0, b"123456789"), 0xbb3d);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
