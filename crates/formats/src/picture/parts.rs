//! What a picture holds besides its pixels: handed over, so that nothing hides in what viewers skip.

use std::io::Read;

use candor_object::{Child, Content, Flow, Limit, Reason, Relation, Sink, Stop};
use flate2::read::ZlibDecoder;

use crate::{Format, Glimpse, TAIL, search, zip};

/// Smallest part that is handed over, in bytes. Less is scanned with the picture and can be no object of its own.
const SMALLEST: u64 = 24;
/// Most parts of a picture.
const MOST: u32 = 4096;
/// Most ranges that are remembered of a picture that is laid out by offsets.
const MOST_RANGES: usize = 1 << 16;
/// Most holes between them that come out each for itself.
const MOST_HOLES: u32 = 64;

/// A picture that is being walked.
pub(super) struct Parts<'a> {
    pub(super) content: &'a Content,
    pub(super) sink: &'a mut dyn Sink,
    count: u32,
}

impl<'a> Parts<'a> {
    pub(super) fn new(content: &'a Content, sink: &'a mut dyn Sink) -> Self {
        Self { content, sink, count: 0 }
    }

    /// Hands over a part that lies in the picture as it is.
    pub(super) fn part(&mut self, name: &str, offset: u64, size: u64) -> Flow {
        let part = self.content.range(offset, size);
        self.hand_over(Child::part(name), part)
    }

    /// Hands over a part that is the content of a zlib stream.
    pub(super) fn packed(&mut self, name: &str, offset: u64, size: u64) -> Flow {
        self.decoded(name, &mut ZlibDecoder::new(self.content.range(offset, size).reader()))
    }

    /// Hands over what a reader gives.
    pub(super) fn decoded(&mut self, name: &str, body: &mut dyn Read) -> Flow {
        self.sink.pulse()?;
        if self.counted() { self.sink.child(Child::part(name), body) } else { Ok(()) }
    }

    /// Tells of something odd.
    pub(super) fn odd(&mut self, name: &'static str, detail: &str) {
        self.sink.anomaly(name, detail);
    }

    /// The picture ends here: the rest is something else.
    pub(super) fn overlay(&mut self, end: u64) -> Flow {
        let start = search::skip_zeros(self.content, end, self.sink)?;
        let size = self.before_archive(start)?;
        if start >= self.content.size() || size == 0 {
            return Ok(());
        }
        // Less than the smallest is told, so that it shows that something is there.
        let (start, size) = match size {
            u64::MAX if self.content.size().saturating_sub(end) < 4096 => (end, size),
            _ => (start, size),
        };
        let rest = self.content.range(start, size);
        if start == 0 {
            return Ok(());
        }
        self.sink.range(Child { name: "", relation: Relation::Overlay }, rest)
    }

    /// Hands over what no range covers, between the ranges and behind them.
    pub(super) fn uncovered(&mut self, mut ranges: Ranges) -> Flow {
        ranges.0.sort_unstable();
        let (mut end, mut holes) = (0_u64, 0_u32);
        for (start, size) in ranges.0 {
            if start >= self.content.size() {
                break;
            }
            self.sink.pulse()?;
            if start > end && end > 0 && holes < MOST_HOLES {
                let hole = self.content.range(end, start.saturating_sub(end));
                let zeros = search::zeros(self.content, end, hole.size())?;
                if zeros < hole.size() && hole.size() >= SMALLEST {
                    holes = holes.saturating_add(1);
                    if holes == MOST_HOLES {
                        // What follows is handed over as one.
                        return self.overlay(end);
                    }
                    self.sink.range(Child { name: "", relation: Relation::Overlay }, hole)?;
                }
            }
            end = end.max(start.saturating_add(size).min(self.content.size()));
        }
        self.overlay(end)
    }

    fn hand_over(&mut self, child: Child<'_>, part: Content) -> Flow {
        self.sink.pulse()?;
        if part.size() < SMALLEST || !self.counted() {
            return Ok(());
        }
        self.sink.range(child, part)
    }

    fn counted(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        if self.count == MOST {
            self.sink.gap(Reason::Limit(Limit::Objects), "a picture of more than 4096 parts");
        }
        self.count < MOST
    }

    /// How many bytes stand at an offset before an archive that is opened as the second format of the whole content, which
    /// knows where its offsets are counted from; all, if there is none.
    fn before_archive(&mut self, offset: u64) -> Result<u64, Stop> {
        let tail = self.content.window(self.content.size().saturating_sub(TAIL as u64), TAIL)?;
        let glimpse = Glimpse { head: &[], deep: &[], tail: &tail, size: self.content.size() };
        if !zip::AppendedZip.recognises(&glimpse) {
            return Ok(u64::MAX);
        }
        let begins = |head: &[u8]| head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x01\x02");
        let place = search::find(self.content, offset, (1, 4), self.sink, begins)?;
        Ok(place.map_or(u64::MAX, |place| place.saturating_sub(offset)))
    }
}

/// Ranges of a picture: offsets and sizes.
#[derive(Default)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds one; too many are forgotten, and come out as holes.
    pub(super) fn add(&mut self, offset: u64, size: u64) {
        if self.0.len() < MOST_RANGES && size > 0 {
            self.0.push((offset, size));
        }
    }
}
