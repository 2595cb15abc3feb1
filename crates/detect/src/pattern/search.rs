//! What is done where an anchor passes, and where a signature asks for a pattern.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use candor_object::Layout;

use super::model::{Base, Place};
use super::needle;
use super::prefilter::{AnchorRecord, Filters, Reader};
use super::program::{may_end_earlier, run};
use super::section::{GroupRecord, PatternTables, flags};
use super::view::View;
use crate::Error;

/// Bytes that are searched at a time in content that is not in memory.
pub(super) const WINDOW: usize = 512 << 10;
/// Steps of work that searching a window for a literal counts as.
const STEPS_PER_WINDOW: u32 = 8 << 10;
/// Bytes beside the window's searched part that are kept, so that few matches reach out of the window.
pub(super) const MARGIN: usize = 8 << 10;
/// A pattern is counted up to here; no signature asks for more.
pub(super) const MAX_COUNT: u32 = 1 << 20;

/// Matches of one pattern in one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    /// How many matches with different starts there are; at least one is as good as all where none counts.
    pub(crate) count: u32,
    /// Start and end of the first match.
    pub(crate) first: (u64, u64),
    /// Start of the last match, where all are counted.
    pub(crate) last_start: u64,
    /// Only a group of it was seen: whether all is there is found out when a signature asks.
    partial: bool,
}

impl Hit {
    /// Adds matches that come behind those before; `first` is the start and end of the first of them.
    pub(crate) fn add(&mut self, count: u32, first: (u64, u64)) {
        if self.count == 0 {
            self.first = first;
        }
        self.count = self.count.saturating_add(count);
    }
}

/// The hits of one object by pattern.
pub(crate) type Hits = HashMap<u32, Hit, BuildHasherDefault<NumberHasher>>;

/// Hashes pattern numbers, which no attacker chooses at scan time.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}

/// Looks for patterns in one object.
pub(crate) struct Matcher<'d, 'o> {
    pub(super) tables: PatternTables<'d>,
    pub(super) view: View<'o>,
    layout: Option<&'o Layout>,
    pub(super) hits: Hits,
    pub(super) collected: Option<Vec<u32>>,
}

impl<'d, 'o> Matcher<'d, 'o> {
    /// A matcher for one object.
    pub(crate) fn new(tables: PatternTables<'d>, view: View<'o>, layout: Option<&'o Layout>) -> Self {
        Self { tables, view, layout, hits: Hits::default(), collected: None }
    }

    /// The content's view, to read what matched.
    pub(crate) fn view(&mut self) -> &mut View<'o> {
        &mut self.view
    }

    /// Goes through the whole content once; the signatures that something started. Every byte is shown to
    /// `reader` as well, once and in order.
    pub(crate) fn search(
        &mut self,
        filters: &Filters<'d>,
        reader: &mut impl Reader,
    ) -> Result<Vec<u32>, Error> {
        let mut started: Vec<u32> = filters.always.iter().map(|signature| signature.get()).collect();
        match self.view.content().as_slice() {
            Some(bytes) => self.search_whole(filters, bytes, reader, &mut started)?,
            None => self.search_windows(filters, reader, &mut started)?,
        }
        started.sort_unstable();
        started.dedup();
        Ok(started)
    }

    fn search_whole(
        &mut self,
        filters: &Filters<'d>,
        bytes: &[u8],
        reader: &mut impl Reader,
        started: &mut Vec<u32>,
    ) -> Result<(), Error> {
        for start in (0..bytes.len()).step_by(WINDOW) {
            let part = bytes.get(start..).unwrap_or_default();
            self.search_part(filters, part, start as u64, reader, started)?;
        }
        Ok(())
    }

    fn search_windows(
        &mut self,
        filters: &Filters<'d>,
        reader: &mut impl Reader,
        started: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let mut offset = 0_u64;
        while offset < self.view.size() {
            let before = offset.min(MARGIN as u64);
            let size = WINDOW.saturating_add(MARGIN).saturating_add(MARGIN);
            self.view.look_at(offset.saturating_sub(before), size)?;
            let (window, base) = self.view.window();
            let skip = usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX);
            let part = window.as_ref().get(skip..).unwrap_or_default();
            if part.is_empty() {
                // The file became shorter while it was read; what is there was searched.
                break;
            }
            self.search_part(filters, part, offset, reader, started)?;
            offset = offset.saturating_add(WINDOW as u64);
        }
        Ok(())
    }

    /// Searches the first [`WINDOW`] of `bytes`, which begin at `base`.
    fn search_part(
        &mut self,
        filters: &Filters<'d>,
        bytes: &[u8],
        base: u64,
        reader: &mut impl Reader,
        started: &mut Vec<u32>,
    ) -> Result<(), Error> {
        filters.search(bytes, WINDOW, reader, &mut |place, anchor| {
            let start = base.saturating_add(place as u64);
            self.candidate(anchor, start, started)
        })?;
        self.view.step(STEPS_PER_WINDOW);
        self.view.check()
    }

    /// Verifies a group around its anchor.
    fn candidate(&mut self, anchor: &AnchorRecord, at: u64, started: &mut Vec<u32>) -> Result<(), Error> {
        if !self.view.step(16) {
            return self.view.check();
        }
        let group = self.tables.group(anchor.group.get())?;
        let number = group.pattern.get();
        let pattern = self.tables.pattern(number)?;
        let hit = self.hits.get(&number);
        let enough = if pattern.is(flags::COUNTED) { MAX_COUNT } else { 1 };
        if hit.is_some_and(|hit| hit.partial || hit.count >= enough) {
            return Ok(());
        }
        let alone = pattern.groups.get() == 1;
        let starts = if alone { self.starts(pattern.place()) } else { Some(Starts::ANYWHERE) };
        let Some(starts) = starts else { return Ok(()) };
        let program = self.tables.program(group)?;
        let nearest = at.checked_sub(u64::from(anchor.distance.get()));
        let Some(nearest) = nearest else { return Ok(()) };
        let farthest = nearest.saturating_sub(u64::from(anchor.spread.get()));
        for start in farthest.max(starts.low)..=nearest.min(starts.high) {
            if !starts.allow(start) {
                continue;
            }
            let Some(end) = run(program, &mut self.view, start) else {
                continue;
            };
            let hit = self.hits.entry(number).or_default();
            if alone {
                if hit.count == 0 {
                    hit.first = (start, end);
                } else if start <= hit.last_start {
                    continue;
                }
                hit.last_start = start;
                hit.count = hit.count.saturating_add(1);
            } else {
                hit.partial = true;
            }
            if hit.count <= 1 {
                started.extend(self.tables.triggers(pattern)?.iter().map(|signature| signature.get()));
            }
            if !pattern.is(flags::COUNTED) || hit.partial {
                break;
            }
        }
        Ok(())
    }

    /// The hit of a pattern; looks for it now, if that was left for later. While patterns are
    /// collected, one that has to be looked for has no hit yet.
    pub(crate) fn hit(&mut self, number: u32) -> Result<Hit, Error> {
        match self.hits.get(&number) {
            Some(hit) if !hit.partial => return Ok(*hit),
            None if self.tables.pattern(number)?.is(flags::EAGER) => return Ok(Hit::default()),
            _ => {}
        }
        if let Some(collected) = &mut self.collected {
            collected.push(number);
            return Ok(Hit::default());
        }
        self.look_for(&[number])?;
        Ok(self.hits.get(&number).copied().unwrap_or_default())
    }

    /// Where matches of a pattern begin, in ascending order, at most so many; and whether these are all.
    pub(crate) fn positions(&mut self, number: u32, most: usize) -> Result<(Vec<u64>, bool), Error> {
        let pattern = self.tables.pattern(number)?;
        let groups = self.tables.groups(pattern)?;
        let mut positions = Vec::new();
        let (Some(mut starts), Some((first, others))) = (self.starts(pattern.place()), groups.split_first())
        else {
            return Ok((positions, true));
        };
        while let Some((start, mut end)) = self.find(first, starts)? {
            for group in others {
                let after = Starts::from(end.saturating_add(u64::from(group.gap.get())));
                // What does not follow here follows no later match either.
                let Some(found) = self.find(group, after)? else { return Ok((positions, true)) };
                (_, end) = self.shortest(group, after, found)?;
            }
            if positions.len() >= most {
                return Ok((positions, false));
            }
            positions.push(start);
            starts.low = start.saturating_add(1);
        }
        self.view.check()?;
        Ok((positions, true))
    }

    /// Start of the first match of a group, and the smallest end that a match has: what follows may begin there.
    pub(super) fn shortest(
        &mut self,
        group: &GroupRecord,
        starts: Starts<'_>,
        (first, mut end): (u64, u64),
    ) -> Result<(u64, u64), Error> {
        if !may_end_earlier(self.tables.program(group)?) {
            return Ok((first, end));
        }
        let mut low = first.saturating_add(1);
        while low < end {
            let within = Starts { low, high: starts.high.min(end.saturating_sub(1)), ..starts };
            let Some((start, other)) = self.find(group, within)? else { break };
            end = end.min(other);
            low = start.saturating_add(1);
        }
        Ok((first, end))
    }

    /// The first match of a group that begins where it may, as start and end.
    pub(super) fn find(
        &mut self,
        group: &GroupRecord,
        starts: Starts<'_>,
    ) -> Result<Option<(u64, u64)>, Error> {
        let program = self.tables.program(group)?;
        if let Some(listed) = starts.listed {
            let allowed =
                listed.iter().copied().filter(|start| starts.low <= *start && *start <= starts.high);
            for start in allowed {
                if !self.view.step(16) {
                    break;
                }
                if let Some(end) = run(program, &mut self.view, start) {
                    return Ok(Some((start, end)));
                }
            }
            return Ok(None);
        }
        let needle = self.tables.needle(group)?;
        let distance = u64::from(group.needle_distance.get());
        let high = starts.high.min(self.view.size());
        let mut start = starts.low;
        while start <= high {
            if !self.view.step(16) {
                return Ok(None);
            }
            if !needle.is_empty() && start < high {
                let from = start.saturating_add(distance);
                let folded = group.needle_is_folded != 0;
                let to = high.saturating_add(distance);
                let Some(at) = self.find_literal(needle, folded, from, to)? else {
                    return Ok(None);
                };
                start = at.saturating_sub(distance);
            }
            if let Some(end) = run(program, &mut self.view, start) {
                return Ok(Some((start, end)));
            }
            start = start.saturating_add(1);
        }
        Ok(None)
    }

    /// The first place between `from` and `to` where a literal begins.
    fn find_literal(
        &mut self,
        needle: &[u8],
        folded: bool,
        from: u64,
        to: u64,
    ) -> Result<Option<u64>, Error> {
        if let Some(bytes) = self.view.content().as_slice() {
            let start = usize::try_from(from).unwrap_or(usize::MAX);
            let end = usize::try_from(to).unwrap_or(usize::MAX).saturating_add(needle.len()).min(bytes.len());
            let place = bytes.get(start..end).and_then(|part| needle::find(part, needle, folded));
            self.view.step(u32::try_from(end.saturating_sub(start) / 64).unwrap_or(u32::MAX));
            return Ok(place.map(|place| from.saturating_add(place as u64)));
        }
        if let Some(place) = self.find_in_window(needle, folded, from, to) {
            return Ok(place);
        }
        let mut offset = from;
        while offset <= to && offset < self.view.size() {
            let want = usize::try_from(to.saturating_sub(offset)).unwrap_or(WINDOW).min(WINDOW);
            let bytes = self.view.content().window(offset, want.saturating_add(needle.len()))?;
            if let Some(place) = needle::find(&bytes, needle, folded) {
                return Ok(Some(offset.saturating_add(place as u64)));
            }
            if !self.view.step(STEPS_PER_WINDOW) {
                return Ok(None);
            }
            offset = offset.saturating_add(want.max(1) as u64);
        }
        Ok(None)
    }

    /// The same, if the window has all that may belong to it.
    fn find_in_window(&mut self, needle: &[u8], folded: bool, from: u64, to: u64) -> Option<Option<u64>> {
        let (window, base) = self.view.window();
        let last = to.checked_add(needle.len() as u64)?.min(self.view.size());
        let start = usize::try_from(from.checked_sub(base)?).ok()?;
        let end = usize::try_from(last.checked_sub(base)?).ok()?;
        let part = window.as_ref().get(start..end)?;
        self.view.step(u32::try_from(part.len() / 64).unwrap_or(u32::MAX));
        Some(needle::find(part, needle, folded).map(|place| from.saturating_add(place as u64)))
    }

    /// Where something may begin; nothing where the content has no such place.
    pub(crate) fn starts(&self, place: Place) -> Option<Starts<'o>> {
        let size = self.view.size();
        let sections = self.layout.map(|layout| layout.sections.as_slice()).unwrap_or_default();
        let base = match place.base {
            Base::Anywhere => return Some(Starts::ANYWHERE),
            Base::InsideSection(number) => {
                let section = sections.get(usize::from(number))?;
                let high = section.offset.checked_add(section.size)?.checked_sub(1)?;
                return Some(Starts { low: section.offset, high, listed: None });
            }
            Base::VersionInfo => {
                let listed = self.layout?.version_info.as_slice();
                let (low, high) = (*listed.first()?, *listed.last()?);
                return Some(Starts { low, high, listed: Some(listed) });
            }
            Base::Start => 0,
            // An executable whose header cannot be parsed has no end to count from, as in ClamAV.
            Base::End if self.layout.is_some_and(|layout| !layout.complete) => return None,
            Base::End => size,
            Base::EntryPoint => self.layout?.entry_point?,
            Base::Section(number) => sections.get(usize::from(number))?.offset,
            Base::LastSection => sections.last()?.offset,
        };
        let low = base.checked_add_signed(place.delta)?;
        Some(Starts { low, high: low.checked_add(u64::from(place.slack))?, listed: None })
    }
}

/// Where something may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Starts<'o> {
    /// The first place.
    pub(crate) low: u64,
    /// The last place.
    pub(crate) high: u64,
    /// The only places between them, if not all are.
    pub(super) listed: Option<&'o [u64]>,
}

impl Starts<'_> {
    pub(super) const ANYWHERE: Self = Self::from(0);

    /// Anywhere from an offset on.
    const fn from(low: u64) -> Self {
        Self { low, high: u64::MAX, listed: None }
    }

    /// The same without a last place.
    pub(crate) fn open(self) -> Self {
        Self { high: u64::MAX, ..self }
    }

    /// Whether these are single places.
    pub(crate) fn are_listed(&self) -> bool {
        self.listed.is_some()
    }

    /// Each of the single places, if these are such; else all together.
    pub(crate) fn each(self) -> impl Iterator<Item = Self> {
        let listed =
            self.listed.unwrap_or_default().iter().filter(move |at| (self.low..=self.high).contains(at));
        let single = listed.map(|at| Self { low: *at, high: *at, listed: None });
        single.chain(self.listed.is_none().then_some(self))
    }

    fn allow(&self, start: u64) -> bool {
        self.listed.is_none_or(|listed| listed.binary_search(&start).is_ok())
    }
}
