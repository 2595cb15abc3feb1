//! Patterns that are looked for when a signature asks, since they have no anchor or one that is too common.
//!
//! Content that is not in memory is read once for all that are asked for together.

use super::search::{Hit, MARGIN, MAX_COUNT, Matcher, Starts, WINDOW};
use super::section::{GroupRecord, flags};
use crate::Error;

impl<'d, 'o> Matcher<'d, 'o> {
    /// Collects patterns from now on instead of looking for each; not where the content lies in memory.
    pub(crate) fn collect(&mut self) -> bool {
        self.collected = self.view.content().as_slice().is_none().then(Vec::new);
        self.collects()
    }

    /// Whether patterns are collected.
    pub(crate) fn collects(&self) -> bool {
        self.collected.is_some()
    }

    /// How many were collected.
    pub(crate) fn collected(&self) -> usize {
        self.collected.as_ref().map_or(0, Vec::len)
    }

    /// Looks for all that were collected, and collects no more.
    pub(crate) fn look_for_collected(&mut self) -> Result<(), Error> {
        let mut numbers = self.collected.take().unwrap_or_default();
        numbers.sort_unstable();
        numbers.dedup();
        self.look_for(&numbers)
    }

    /// Looks for patterns through the whole content, which is read once for all.
    pub(super) fn look_for(&mut self, numbers: &[u32]) -> Result<(), Error> {
        let mut searches = Vec::new();
        for number in numbers {
            let pattern = self.tables.pattern(*number)?;
            let groups = self.tables.groups(pattern)?;
            let enough = if pattern.is(flags::COUNTED) { MAX_COUNT } else { 1 };
            self.hits.insert(*number, Hit::default());
            searches.extend(
                self.starts(pattern.place()).map(|starts| LateSearch::new(*number, groups, starts, enough)),
            );
        }
        if self.view.content().as_slice().is_some() {
            for search in &mut searches {
                self.go_on(search, u64::MAX)?;
            }
        } else {
            self.read_for(&mut searches)?;
        }
        self.hits.extend(searches.into_iter().map(|search| (search.number, search.hit)));
        Ok(())
    }

    /// Goes on with each search in one window after the other, as far as any of them still looks there.
    fn read_for(&mut self, searches: &mut [LateSearch<'d, 'o>]) -> Result<(), Error> {
        let mut offset = 0;
        while let Some(next) =
            searches.iter().filter_map(LateSearch::next).min().filter(|next| *next <= self.view.size())
        {
            offset = next.max(offset);
            self.view.look_at(offset, WINDOW.saturating_add(MARGIN))?;
            let end = offset.saturating_add(WINDOW as u64);
            for search in searches.iter_mut().filter(|search| search.next().is_some_and(|next| next < end)) {
                self.go_on(search, end)?;
            }
            offset = end;
        }
        Ok(())
    }

    /// Goes on with a search among the starts below `end`.
    fn go_on(&mut self, search: &mut LateSearch<'d, 'o>, end: u64) -> Result<(), Error> {
        while let Some(low) = search.next().filter(|low| *low < end) {
            let Some((group, starts)) = search.group() else { break };
            let high = starts.high.min(end.saturating_sub(1));
            match self.find(group, Starts { low, high, ..starts })? {
                Some(found) if search.is_last() => search.found(found),
                Some(found) => search.found(self.shortest(group, starts, found)?),
                None => search.low = end,
            }
            self.view.check()?;
        }
        Ok(())
    }
}

/// The search for one pattern: its groups one after the other, each behind the one before. Every further match of the
/// last group is one more match of the pattern: between the groups any number of bytes may lie, so the groups before
/// it need not be found again.
struct LateSearch<'d, 'o> {
    number: u32,
    groups: &'d [GroupRecord],
    starts: Starts<'o>,
    enough: u32,
    /// The group that is looked for, and its first possible start.
    place: usize,
    low: u64,
    /// Where the first group was found.
    first: u64,
    hit: Hit,
}

impl<'d, 'o> LateSearch<'d, 'o> {
    fn new(number: u32, groups: &'d [GroupRecord], starts: Starts<'o>, enough: u32) -> Self {
        let (low, hit) = (starts.low, Hit::default());
        Self { number, groups, starts, enough, place: 0, low, first: 0, hit }
    }

    /// The group that is looked for, and where it may begin; nothing when the search is over.
    fn group(&self) -> Option<(&'d GroupRecord, Starts<'o>)> {
        let starts = if self.place == 0 { self.starts } else { Starts::ANYWHERE };
        let group = self.groups.get(self.place).filter(|_| self.hit.count < self.enough)?;
        (self.low <= starts.high).then_some((group, starts))
    }

    /// The first possible start; nothing when the search is over.
    fn next(&self) -> Option<u64> {
        self.group().map(|_| self.low)
    }

    /// Whether no other group follows.
    fn is_last(&self) -> bool {
        self.place.saturating_add(1) >= self.groups.len()
    }

    /// The group was found here.
    fn found(&mut self, (start, end): (u64, u64)) {
        if self.place == 0 && self.hit.count == 0 {
            self.first = start;
        }
        let next = self.place.saturating_add(1);
        if let Some(group) = self.groups.get(next) {
            self.place = next;
            self.low = end.saturating_add(u64::from(group.gap.get()));
            return;
        }
        if self.hit.count == 0 {
            self.hit.first = (self.first, end);
        }
        self.hit.count = self.hit.count.saturating_add(1);
        self.hit.last_start = start;
        self.low = start.saturating_add(1);
    }
}
