//! The walk through a zip from its first byte to its last.

use std::collections::{BTreeSet, HashMap};

use candor_object::{Content, Flow, Reason, Sink, Stop};

use super::directory::{Directory, Entry};
use super::entry::{self, Member, Seen};
use super::header::{Claims, LOCAL, LOCAL_SIZE};
use super::methods::method_name;
use super::notes::Notes;
use super::scan;
use super::watch::Watch;

/// Hands over all members of the zip in `content`.
pub(super) fn open(content: &Content, sink: &mut dyn Sink) -> Flow {
    let mut watch = Watch::new(sink);
    let mut notes = Notes::new(&mut watch);
    let result = Directory::find(content, &mut notes).and_then(|directory| {
        let mut walk = Walk::new(content, &mut notes, &directory);
        walk.run()?;
        walk.recover()
    });
    notes.finish();
    result
}

struct Walk<'a, 'b> {
    content: &'a Content,
    notes: &'a mut Notes<'b>,
    directory: &'a Directory,
    /// Entries without a header where they say, by name: a local header elsewhere may be theirs.
    lost: HashMap<Vec<u8>, u64>,
    /// Central headers in `lost` that have found their local header.
    paired: BTreeSet<u64>,
    seen: Seen,
    number: u64,
    /// The end of the member that reaches farthest, and its name for people.
    farthest: (u64, String),
}

/// Names that are kept to pair lost entries with headers elsewhere.
const MAX_LOST: usize = 1 << 16;

impl<'a, 'b> Walk<'a, 'b> {
    fn new(content: &'a Content, notes: &'a mut Notes<'b>, directory: &'a Directory) -> Self {
        let (lost, paired) = (HashMap::new(), BTreeSet::new());
        let farthest = (0, String::new());
        Self { content, notes, directory, lost, paired, seen: Seen::default(), number: 0, farthest }
    }

    fn run(&mut self) -> Flow {
        for entry in self.directory.lost.iter().take(MAX_LOST) {
            self.notes.sink.pulse()?;
            if let Some(claims) =
                Claims::central(self.content, entry.central)?.filter(|c| c.name.len() < 1024)
            {
                self.lost.insert(claims.name, entry.central);
            }
        }
        let mut cursor = 0;
        let mut rest = self.directory.entries.as_slice();
        while let Some(first) = rest.first() {
            let header = first.header;
            cursor = self.search(cursor, header)?;
            let same = rest.iter().take_while(|entry| entry.header == header).count();
            let (group, after) = rest.split_at(same);
            rest = after;
            cursor = self.group(group)?.max(cursor);
        }
        self.search(cursor, self.content.size())?;
        Ok(())
    }

    /// Opens the entries for one local header; returns where its member ends.
    fn group(&mut self, group: &[Entry]) -> Result<u64, Stop> {
        let mut end = u64::MAX;
        let mut first = String::new();
        for entry in group {
            self.notes.sink.pulse()?;
            let central = Claims::central(self.content, entry.central)?;
            let Some(local) = Claims::local(self.content, entry.header)? else {
                continue;
            };
            let start = entry.header;
            let Some(opened) = self.member(start, central.as_ref(), Some(&local))? else {
                let name = central.map(|claims| claims.text()).unwrap_or_default();
                let detail = format!("entry {} {name:.100?} has the same data as {first}", self.number);
                self.notes.anomaly("zip-overlap", &detail);
                continue;
            };
            if first.is_empty() {
                first = format!("entry {}", self.number);
            }
            end = end.min(opened);
        }
        let start = group.first().map_or(0, |entry| entry.header);
        Ok(if end == u64::MAX { start.saturating_add(LOCAL_SIZE) } else { end })
    }

    /// Opens one member; returns where it ends, or nothing if all of it was handed over before.
    fn member(
        &mut self,
        header: u64,
        central: Option<&Claims>,
        local: Option<&Claims>,
    ) -> Result<Option<u64>, Stop> {
        self.number = self.number.saturating_add(1);
        let length = local.map_or(0, |claims| claims.length);
        let start = header.saturating_add(length);
        let member = Member::new(self.number, central, local, start, self.farthest.0);
        let overlap = header < self.farthest.0;
        let opened = entry::open(self.content, &member, &mut self.seen, self.notes)?;
        if overlap && opened.is_some() {
            let detail =
                format!("{} at offset {header} lies in the data of {}", member.label, self.farthest.1);
            self.notes.anomaly("zip-overlap", &detail);
        }
        if let Some(end) = opened.filter(|end| *end > self.farthest.0) {
            self.farthest = (end, member.label);
        }
        self.seen.forget_before(header);
        Ok(opened)
    }

    /// Opens the members that only local headers between `from` and `to` show; returns where it ended.
    fn search(&mut self, from: u64, to: u64) -> Result<u64, Stop> {
        let mut cursor = from;
        while let Some(header) = self.next_local(cursor, to)? {
            let adjoining = header == from || header == cursor;
            let local = Claims::local(self.content, header)?;
            let plausible = |claims: &Claims| {
                method_name(claims.method).is_some() && (!claims.name.is_empty() || claims.packed > 0)
            };
            let Some(local) = local.filter(|claims| adjoining || plausible(claims)) else {
                if adjoining {
                    let detail = format!("local header at offset {header} is cut short");
                    self.notes.gap(Reason::Truncated, &detail);
                }
                cursor = header.saturating_add(4);
                continue;
            };
            let place = self.lost.remove(&local.name);
            let central = match place {
                Some(place) => {
                    self.paired.insert(place);
                    let detail = format!("local header of {:.100?} is at offset {header}", local.text());
                    self.notes.anomaly("zip-header-place", &detail);
                    Claims::central(self.content, place)?
                }
                None => {
                    if !self.directory.entries.is_empty() {
                        let detail =
                            format!("{:.100?} at offset {header} is not in the directory", local.text());
                        self.notes.anomaly("zip-unlisted", &detail);
                    }
                    None
                }
            };
            let opened = self.member(header, central.as_ref(), Some(&local))?;
            let least = header.saturating_add(local.length);
            cursor = opened.unwrap_or(least).max(least);
        }
        Ok(cursor)
    }

    /// The next local header outside the directories that starts before `to`.
    fn next_local(&mut self, from: u64, to: u64) -> Result<Option<u64>, Stop> {
        let ranges = &self.directory.ranges;
        let mut from = from;
        let mut index = ranges.partition_point(|(start, _)| *start < from).saturating_sub(1);
        while from < to {
            while ranges.get(index).is_some_and(|(_, end)| *end <= from) {
                index = index.saturating_add(1);
            }
            let (start, end) = ranges.get(index).copied().unwrap_or((to, to));
            if start <= from && end > from {
                from = end;
                continue;
            }
            if let Some(place) = scan::find(self.content, from, start.min(to), LOCAL, self.notes.sink)? {
                return Ok(Some(place));
            }
            from = end.max(start);
        }
        Ok(None)
    }

    /// Opens the entries that only the central directory shows.
    fn recover(&mut self) -> Flow {
        // These come out of order, so where the others end says nothing about overlaps.
        self.farthest = (0, String::new());
        for entry in &self.directory.lost {
            self.notes.sink.pulse()?;
            if self.paired.contains(&entry.central) {
                continue;
            }
            let Some(central) = Claims::central(self.content, entry.central)? else {
                continue;
            };
            match entry::recover(self.content, entry.header, &central, &mut self.seen, self.notes.sink)? {
                Some(start) => {
                    let detail = format!(
                        "entry {:.100?} has no local header at offset {}",
                        central.text(),
                        entry.header
                    );
                    self.notes.anomaly("zip-header-place", &detail);
                    self.member(start, Some(&central), None)?;
                }
                None if central.disk != 0 => {
                    let detail = format!("entry {:.100?} is on disk {}", central.text(), central.disk);
                    self.notes.gap(Reason::Truncated, &detail);
                }
                None => {
                    let detail =
                        format!("entry {:.100?}: no local header at offset {}", central.text(), entry.header);
                    self.notes.gap(Reason::Damaged, &detail);
                }
            }
        }
        Ok(())
    }
}
