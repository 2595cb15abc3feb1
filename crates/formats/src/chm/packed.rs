//! The section that is packed: one LZX stream with resets, and where in it the frames begin.

use std::io::{self, Error, Read};
use std::rc::Rc;

use candor_object::{Child, Content, Flow, Reason, Sink, Stop};

use super::{Entry, listed};
use crate::fields::{u32_le, u64_le};
use crate::lzx::{FRAME, Lzx};
use crate::unpack::damaged;
use crate::zip::methods::{Packed, Progress};

/// Where the packed section is, as a file of section 0.
pub(super) const CONTENT: &str = "::DataSpace/Storage/MSCompressed/Content";
const CONTROL: &str = "::DataSpace/Storage/MSCompressed/ControlData";
const RESETS: &str = "::DataSpace/Storage/MSCompressed/Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable";
/// Members that may make the decoder go back: those of honest files do not overlap.
const STEPS_BACK: u32 = 256;

/// The packed section.
pub(super) struct Section {
    content: Content,
    /// The offsets of frames, eight bytes each.
    offsets: Content,
    window_bits: u32,
    /// Frames between resets.
    interval: u64,
    /// What comes out of all.
    size: u64,
}

impl Section {
    /// The section, of the files that describe it.
    pub(super) fn new(find: impl Fn(&str) -> Option<Content>) -> io::Result<io::Result<Self>> {
        let (Some(content), Some(control)) = (find(CONTENT), find(CONTROL)) else {
            return Ok(Err(damaged("no packed section")));
        };
        let control = control.window(0, 28)?;
        let field = |at: usize| u32_le(&control, at).unwrap_or(0);
        let unit = if field(8) == 2 { FRAME as u64 } else { 1 };
        let (interval, window) =
            (u64::from(field(12)).saturating_mul(unit), u64::from(field(16)).saturating_mul(unit));
        let window_bits = window.checked_ilog2().unwrap_or(0);
        if control.get(4..8).is_none_or(|sign| sign != b"LZXC") || !(15..=21).contains(&window_bits) {
            return Ok(Err(damaged("the description of the packed section")));
        }
        let table = find(RESETS).unwrap_or_else(|| content.range(0, 0));
        let head = table.window(0, 40)?;
        let start = u64::from(u32_le(&head, 12).unwrap_or(0x28));
        let size = u64_le(&head, 16).unwrap_or(u64::MAX);
        let interval = (interval >> 15).max(1);
        Ok(Ok(Self { content, offsets: table.from(start), window_bits, interval, size }))
    }

    /// Hands over members, which are sorted by their offsets.
    pub(super) fn hand_over(&self, entries: &[Entry], sink: &mut dyn Sink) -> Flow {
        let mut steps_back = 0_u32;
        let mut cursor: Option<Cursor> = None;
        for entry in entries {
            sink.pulse()?;
            listed(entry, sink);
            let place = format!("member {:?}", entry.name);
            let usable = cursor.take().filter(|cursor| !cursor.broken && cursor.reaches(entry.offset));
            let behind = usable.as_ref().map_or(0, |cursor| cursor.frame);
            let wanted = entry.offset >> 15;
            // After damage, or far ahead, the next reset is a good place to go on.
            let reset = wanted.saturating_sub(wanted.checked_rem(self.interval).unwrap_or(0));
            let mut cursor_now = match usable {
                Some(cursor) if reset <= behind => cursor,
                other => {
                    if other.is_none() && entry.offset > 0 {
                        steps_back = steps_back.saturating_add(1);
                    }
                    if steps_back > STEPS_BACK {
                        sink.gap(Reason::Unsupported, &format!("{place}, and those behind it: they overlap"));
                        return Ok(());
                    }
                    match self.cursor(reset)? {
                        Some(cursor) => cursor,
                        None => match other {
                            Some(cursor) => cursor,
                            None => self.cursor(0)?.ok_or_else(|| Stop::Unreadable(damaged("no cursor")))?,
                        },
                    }
                }
            };
            // Frames that are of no member.
            while !cursor_now.broken && cursor_now.end() <= entry.offset && cursor_now.frame <= wanted {
                sink.pulse()?;
                if cursor_now.next_frame().is_err() {
                    break;
                }
            }
            let mut body =
                Body { cursor: &mut cursor_now, at: entry.offset, left: entry.size, place: &place };
            sink.child(Child::member(&entry.name), &mut body)?;
            if let Some(error) = cursor_now.progress.failure() {
                return Err(Stop::Unreadable(error));
            }
            cursor = Some(cursor_now);
        }
        Ok(())
    }

    /// A decoder at the start of a frame that a reset is before.
    fn cursor(&self, frame: u64) -> Result<Option<Cursor>, Stop> {
        let start = match frame {
            0 => 0,
            _ => match u64_le(&self.offsets.window(frame.saturating_mul(8), 8)?, 0) {
                Some(start) if start < self.content.size() => start,
                _ => return Ok(None),
            },
        };
        let progress = Rc::new(Progress::default());
        let input = Packed::new(&self.content.from(start), &progress);
        let Some(lzx) = Lzx::new(input, self.window_bits) else { return Ok(None) };
        let interval = self.interval;
        let size = self.size;
        Ok(Some(Cursor { lzx, progress, interval, size, frame, start: 0, bytes: Vec::new(), broken: false }))
    }
}

/// A place in the stream, and the frame before it.
struct Cursor {
    lzx: Lzx<Packed>,
    progress: Rc<Progress>,
    interval: u64,
    size: u64,
    /// The frame that comes next.
    frame: u64,
    /// Where the bytes of the last frame begin.
    start: u64,
    bytes: Vec<u8>,
    broken: bool,
}

impl Cursor {
    fn reaches(&self, offset: u64) -> bool {
        offset >= self.start || self.bytes.is_empty() && offset >= self.frame.saturating_mul(FRAME as u64)
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    fn next_frame(&mut self) -> io::Result<()> {
        if self.frame > 0 && self.frame.is_multiple_of(self.interval) {
            self.lzx.reset();
        }
        self.start = self.frame.saturating_mul(FRAME as u64);
        self.bytes.clear();
        let left = usize::try_from(self.size.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.frame = self.frame.saturating_add(1);
        let result = match left.min(FRAME) {
            0 => Err(Error::from(io::ErrorKind::UnexpectedEof)),
            size => self.lzx.frame(size, &mut self.bytes),
        };
        self.broken = result.is_err();
        result
    }
}

/// A member.
struct Body<'a> {
    cursor: &'a mut Cursor,
    at: u64,
    left: u64,
    place: &'a str,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let mut result = Ok(());
        while self.cursor.end() <= self.at && result.is_ok() {
            if self.cursor.broken {
                result = Err(damaged("the packed section is damaged before it"));
            } else {
                result = self.cursor.next_frame();
            }
        }
        let from = usize::try_from(self.at.saturating_sub(self.cursor.start)).unwrap_or(usize::MAX);
        let ready =
            self.cursor.bytes.get(from..).filter(|_| self.at >= self.cursor.start).unwrap_or_default();
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = ready.len().min(buffer.len()).min(left);
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at = self.at.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        match result {
            Err(error) if count == 0 => {
                self.left = 0;
                Err(Error::new(error.kind(), format!("{}: {error}", self.place)))
            }
            _ => Ok(count),
        }
    }
}
