//! Compressed frames in a row, which are one content: gzip members, bzip2 and xz streams, zstd and lz4 frames.
//!
//! Tools differ in what they do after the first frame, and so malware hides there: behind a second frame, behind
//! junk, behind a frame that is damaged on purpose (many decoders give out all bytes before they say that the
//! checksum is wrong). So frames are decoded as one child for as long as they follow each other, what lies
//! between or behind them is handed over as it is, and after damage the next frame is looked for.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, Flow, Reader, Reason, Relation, Sink, Stop};

use crate::held::{UNCOUNTED, holding_briefly};
use crate::search::{find, skip_zeros, zeros};

/// Bytes of a frame's start that [`Frames::begins`] is shown, where there are as many.
pub(crate) const HEAD: usize = 32;
/// Input that may bring no output before the frame counts as damaged: no encoder writes so many empty blocks,
/// and a decoder that reads on and on is deaf to the time limit.
const QUIET: u64 = 16 << 20;
/// Frames without output after which the run pauses, so that the sink can look at its clock.
const EMPTY_FRAMES: u32 = 512;
/// Zeros between frames that are jumped over without asking the sink for the time.
const PADDING: u64 = 1 << 20;
/// How often a search may go back behind what a decoder already read. More would let a nest of cut frames, each
/// in the content and in the tail of the other, grow with a larger power of its depth.
const STEPS_BACK: u32 = 1;
/// Skippable frames that are remembered for one run.
const SKIPPED: usize = 4096;
/// Smallest skippable frame that is handed over. Parallel compressors put one with a size before every frame;
/// nothing that small can be an object of its own, and it is scanned as a part of the container.
const SKIPPED_SIZE: u64 = 32;

/// A kind of frame.
pub(crate) trait Frames {
    /// What one frame is called, such as `gzip member`.
    fn noun(&self) -> &'static str;

    /// Whether a frame begins here; strict enough to search for frames in random bytes.
    fn begins(&self, head: &[u8]) -> bool;

    /// Opens the frame at the start of `input`, which begins with `head`.
    ///
    /// # Errors
    /// Those of the header.
    fn open_frame(&self, head: &[u8], input: Input) -> io::Result<Frame>;

    /// Bytes that the decoder of the frame with this head holds beside what it puts out.
    fn memory(&self, _head: &[u8]) -> u64 {
        0
    }

    /// The name that the frame at `offset` gives its content.
    ///
    /// # Errors
    /// Those of reading the content.
    fn name(&self, _content: &Content, _offset: u64) -> io::Result<String> {
        Ok(String::new())
    }
}

/// An opened frame.
pub(crate) enum Frame {
    /// Its decoder, which reads nothing behind the frame's end.
    Packed(Box<dyn Read>),
    /// It holds bytes that belong to no content: as many, after as many bytes of header.
    Skippable { header: u64, size: u64 },
}

/// What a frame's decoder reads. It knows how far the decoder came, also after the decoder is gone.
pub(crate) struct Input {
    /// What the reader reads, from the start of the frame on.
    bytes: Content,
    start: u64,
    reader: BufReader<Reader>,
    progress: Rc<Progress>,
}

impl Input {
    fn new(content: &Content, offset: u64, progress: &Rc<Progress>) -> Self {
        progress.position.set(offset);
        progress.ended.set(false);
        let bytes = content.from(offset);
        let reader = BufReader::with_capacity(32 << 10, bytes.reader());
        Self { bytes, start: offset, reader, progress: Rc::clone(progress) }
    }

    /// The content from the start of the frame on, to look at it without reading it.
    pub(crate) fn content(&self) -> Content {
        self.bytes.clone()
    }

    /// The next bytes, up to `size`, without reading them.
    ///
    /// # Errors
    /// Those of reading the content.
    pub(crate) fn peek(&self, size: usize) -> io::Result<Vec<u8>> {
        let offset = self.progress.position.get().saturating_sub(self.start);
        let window = self.bytes.window(offset, size).map_err(|error| self.progress.fail(error))?;
        Ok(window.into_owned())
    }

    /// Gives back the last `count` bytes, which the decoder read too far; nothing may be read after that.
    pub(crate) fn give_back(&self, count: usize) {
        self.progress.position.set(self.progress.position.get().saturating_sub(count as u64));
    }
}

#[derive(Default)]
struct Progress {
    position: Cell<u64>,
    /// Input since the last output.
    quiet: Cell<u64>,
    ended: Cell<bool>,
    failure: RefCell<Option<io::Error>>,
}

impl Progress {
    /// Keeps an error of the device for whoever called the format; the sink gets a copy.
    fn fail(&self, error: io::Error) -> io::Error {
        let copy = io::Error::new(error.kind(), error.to_string());
        *self.failure.borrow_mut() = Some(error);
        copy
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        if let (Some(from), Some(to)) = (available.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.progress.quiet.get() > QUIET {
            return Err(io::Error::new(ErrorKind::InvalidData, "16 MiB of input give no output"));
        }
        match self.reader.fill_buf() {
            Ok(bytes) => {
                if bytes.is_empty() {
                    self.progress.ended.set(true);
                }
                Ok(bytes)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.progress.fail(error)),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
        let amount = amount as u64;
        self.progress.position.set(self.progress.position.get().saturating_add(amount));
        self.progress.quiet.set(self.progress.quiet.get().saturating_add(amount));
    }
}

/// How a run of frames ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has not: the sink stopped reading, or the run pauses.
    Open,
    /// The last frame is whole and no other follows.
    Whole,
    /// A frame is damaged or cannot be opened.
    Broken,
    /// A frame ends too early, or its damage made the decoder read all the rest.
    Short,
}

/// The content of all frames that follow each other.
struct Run<'a> {
    frames: &'a dyn Frames,
    content: &'a Content,
    progress: Rc<Progress>,
    decoder: Option<Box<dyn Read>>,
    /// Bytes that decoders may hold; before a frame that needs more, the run pauses.
    memory: u64,
    /// Where the frame begins that is being decoded.
    frame: u64,
    empty_frames: u32,
    paused: bool,
    end: End,
    skipped: Vec<(u64, u64)>,
    forgotten: u64,
}

impl<'a> Run<'a> {
    fn new(frames: &'a dyn Frames, content: &'a Content, offset: u64, memory: u64) -> Self {
        let progress = Rc::new(Progress::default());
        progress.position.set(offset);
        Self {
            frames,
            content,
            progress,
            decoder: None,
            memory: memory.max(UNCOUNTED),
            frame: offset,
            empty_frames: 0,
            paused: false,
            end: End::Open,
            skipped: Vec::new(),
            forgotten: 0,
        }
    }

    /// Where the next frame begins, and its first bytes; nothing if there is none.
    fn find_next(&self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut offset = self.progress.position.get();
        let mut head = self.content.window(offset, HEAD)?;
        if !self.frames.begins(&head) && offset > self.frame {
            offset = offset.saturating_add(zeros(self.content, offset, PADDING)?);
            head = self.content.window(offset, HEAD)?;
        }
        Ok(self.frames.begins(&head).then(|| (offset, head.into_owned())))
    }

    fn open_next(&mut self) -> io::Result<()> {
        let next = self.find_next().map_err(|error| self.progress.fail(error))?;
        let Some((offset, head)) = next else {
            self.end = End::Whole;
            return Ok(());
        };
        self.empty_frames = self.empty_frames.saturating_add(1);
        if self.empty_frames > EMPTY_FRAMES || self.frames.memory(&head) > self.memory {
            self.paused = true;
            return Ok(());
        }
        self.frame = offset;
        let input = Input::new(self.content, offset, &self.progress);
        match self.frames.open_frame(&head, input).map_err(|error| self.explain(&error))? {
            Frame::Packed(decoder) => self.decoder = Some(decoder),
            Frame::Skippable { header, size } => {
                let start = offset.saturating_add(header);
                let end = start.saturating_add(size);
                if size >= SKIPPED_SIZE && self.skipped.len() < SKIPPED {
                    self.skipped.push((start, size));
                } else if size >= SKIPPED_SIZE {
                    self.forgotten = self.forgotten.saturating_add(1);
                }
                if end > self.content.size() {
                    self.progress.ended.set(true);
                    return Err(self.explain(&ErrorKind::UnexpectedEof.into()));
                }
                self.progress.position.set(end);
            }
        }
        Ok(())
    }

    /// Notes that the run is over, and says where and why.
    fn explain(&mut self, error: &io::Error) -> io::Error {
        self.decoder = None;
        self.end = End::Broken;
        let kind = match error.kind() {
            _ if self.progress.failure.borrow().is_some() => error.kind(),
            _ if self.progress.ended.get() => {
                self.end = End::Short;
                let text = format!("{} at offset {}: it ends too early", self.frames.noun(), self.frame);
                return io::Error::new(ErrorKind::UnexpectedEof, text);
            }
            ErrorKind::Unsupported | ErrorKind::OutOfMemory => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidData,
        };
        let (noun, reached) = (self.frames.noun(), self.progress.position.get());
        io::Error::new(
            kind,
            format!("{noun} at offset {}: {error} (noticed at offset {reached})", self.frame),
        )
    }
}

impl Read for Run<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.end == End::Open && !self.paused {
            let Some(decoder) = &mut self.decoder else {
                self.open_next()?;
                continue;
            };
            match decoder.read(buffer) {
                Ok(0) => self.decoder = None,
                Ok(count) => {
                    self.empty_frames = 0;
                    self.progress.quiet.set(0);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => return Err(self.explain(&error)),
            }
        }
        Ok(0)
    }
}

/// Takes out the content of all frames, and what lies between and behind them.
pub(crate) fn open(frames: &dyn Frames, content: &Content, sink: &mut dyn Sink) -> Flow {
    if !frames.begins(&content.window(0, HEAD)?) {
        sink.gap(Reason::Damaged, &format!("no {} at the start", frames.noun()));
        return Ok(());
    }
    let mut offset = 0;
    let mut steps_back: u32 = 0;
    loop {
        sink.pulse()?;
        let name = frames.name(content, offset)?;
        let memory = frames.memory(&content.window(offset, HEAD)?);
        let mut run = Run::new(frames, content, offset, memory);
        let what = format!("{} at offset {offset}", frames.noun());
        holding_briefly(memory, &what, sink, |sink| {
            sink.child(Child { name: &name, relation: Relation::Stream }, &mut run)
        })?;
        if let Some(error) = run.progress.failure.take() {
            return Err(Stop::Unreadable(error));
        }
        // The decoder holds memory that the search does not need.
        run.decoder = None;
        hand_over_skipped(&run, sink)?;
        let reached = run.progress.position.get();
        let from = match run.end {
            End::Open if run.paused => {
                offset = reached;
                continue;
            }
            End::Open | End::Broken => reached.max(run.frame.saturating_add(1)),
            End::Short if steps_back == STEPS_BACK => return Ok(()),
            End::Short => {
                steps_back = steps_back.saturating_add(1);
                run.frame.saturating_add(1)
            }
            End::Whole => skip_zeros(content, reached, sink)?,
        };
        let next = find(content, from, (1, HEAD), sink, |head| frames.begins(head))?;
        if run.end == End::Whole && from < content.size() {
            let rest = content.range(from, next.unwrap_or(u64::MAX).saturating_sub(from));
            if rest.size() > 0 {
                sink.anomaly("trailing-data", &format!("at offset {from}, behind a {}", frames.noun()));
                sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
            }
        }
        let Some(next) = next else { return Ok(()) };
        sink.anomaly("resumed", &format!("another {} at offset {next}", frames.noun()));
        offset = next;
    }
}

fn hand_over_skipped(run: &Run<'_>, sink: &mut dyn Sink) -> Flow {
    for (start, size) in &run.skipped {
        let name = format!("skippable frame at offset {start}");
        sink.range(Child::member(&name), run.content.range(*start, *size))?;
    }
    if run.forgotten > 0 {
        let detail = format!("{} skippable frames after the first {SKIPPED}", run.forgotten);
        sink.gap(Reason::Unsupported, &detail);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candor_object::{Budget, Limits, Source};

    use super::*;
    use crate::{Collector, Format, bzip2::Bzip2, gzip::Gzip, lz4::Lz4, lzma::Lzma, xz::Xz, zstd::Zstd};

    /// A disk on which only the first bytes can be read.
    struct BadDisk(Vec<u8>);

    impl Source for BadDisk {
        fn size(&self) -> u64 {
            1 << 40
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest =
                usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            if count == 0 { Err(io::Error::other("bad sector")) } else { Ok(count) }
        }
    }

    #[test]
    fn errors_of_the_disk_are_no_damage_of_the_content() {
        let formats: [(&dyn Format, &str); 6] = [
            (&Gzip, "gzip/one.gz"),
            (&Bzip2, "bzip2/one.bz2"),
            (&Xz, "xz/one.xz"),
            (&Zstd, "zstd/one.zst"),
            (&Lz4, "lz4/one.lz4"),
            (&Lzma, "lzma/one.lzma"),
        ];
        for (format, sample) in formats {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
            #[expect(clippy::disallowed_methods, reason = "a test reads its sample")]
            let mut bytes = std::fs::read(root.join(sample)).unwrap();
            bytes.truncate(bytes.len() - 2);
            // Windows end where the disk does, so that the head can be read.
            bytes.resize(bytes.len().max(HEAD * 4), 0);
            let content = Content::from_source(Arc::new(BadDisk(bytes)));
            let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
            let flow = format.open(&content, &mut sink);
            assert!(matches!(flow, Err(Stop::Unreadable(_))), "{sample}: {flow:?}");
        }
    }
}
