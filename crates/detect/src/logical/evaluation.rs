//! Judges one signature after the other on one object.

use std::time::Instant;

use candor_object::{Limit, Pictures, Reason};
use zerocopy::little_endian as le;

use super::MAX_TRIGGERS;
use super::check::{Check, CompareRecord, FixedRows, NearRecord, Places, RegexRecord};
use super::expression::{MAX_EXPRESSION_DEPTH, evaluate, places};
use super::section::{CHECK, SignatureTables};
use crate::Error;
use crate::bytecode::Matches;
use crate::pattern::{Base, Hit, Matcher, Place, View, Window};
use crate::regex::{self, Cache, Flags};

/// Deepest nesting of code in the image. Patterns that count as one make it deeper than what was written.
const MAX_DEPTH: u32 = MAX_EXPRESSION_DEPTH + 32;
/// Most bytes of content that regular expressions, as in ClamAV, and YARA rules are looked for in: the content
/// must lie in memory as a whole.
pub(super) const MAX_SUBJECT: u64 = 100 << 20;
/// Most matches of a pattern that others are looked for near to. Stops work that grows with the square of them.
const MAX_NEAR_MATCHES: usize = 4096;

/// What signatures ask of one object.
pub(super) struct Evaluation<'d, 'o> {
    regexes: &'d Cache,
    tables: SignatureTables<'d>,
    matcher: Matcher<'d, 'o>,
    pictures: Option<&'o dyn Pictures>,
    deadline: Instant,
    whole: Option<Window<'o>>,
}

/// What came of one signature.
pub(super) struct Judged {
    /// Whether its expression is true.
    pub(super) truth: bool,
    /// What matched, by the place among the references.
    pub(super) hits: Vec<(u16, Hit)>,
    /// What was not looked at.
    pub(super) cut: Option<(Reason, String)>,
}

impl<'d, 'o> Evaluation<'d, 'o> {
    pub(super) fn new(
        regexes: &'d Cache,
        tables: SignatureTables<'d>,
        matcher: Matcher<'d, 'o>,
        pictures: Option<&'o dyn Pictures>,
        deadline: Instant,
    ) -> Self {
        Self { regexes, tables, matcher, pictures, deadline, whole: None }
    }

    /// The content's view, to read what matched.
    pub(super) fn view(&mut self) -> &mut View<'o> {
        self.matcher.view()
    }

    /// Judges the signature with these references and this expression.
    pub(super) fn judge(&mut self, references: &'d [le::U32], code: &[u8]) -> Result<Judged, Error> {
        let mut signature =
            Signature { evaluation: self, references, seen: Vec::new(), cut: None, nesting: 0 };
        let truth = signature.truth(code)?;
        let Signature { mut seen, cut, .. } = signature;
        seen.retain(|(_, hit)| hit.count > 0);
        seen.sort_unstable_by_key(|(place, _)| *place);
        Ok(Judged { truth, hits: seen, cut })
    }

    /// Collects the patterns that a signature asks for first; whether there are any.
    fn collects(&mut self, references: &'d [le::U32], code: &[u8]) -> Result<bool, Error> {
        let before = self.matcher.collected();
        self.judge(references, code)?;
        Ok(self.matcher.collected() > before)
    }

    /// Looks for the patterns that signatures will ask for. Where the content is not in memory, it is read once in
    /// each round for all that they ask for first, and most ask for no more when they know that.
    pub(super) fn look_ahead(&mut self, mut waiting: Vec<(&'d [le::U32], &'d [u8])>) -> Result<(), Error> {
        while !waiting.is_empty() && self.matcher.collect() {
            let mut still = Vec::new();
            for (references, code) in waiting {
                if self.collects(references, code)? {
                    still.push((references, code));
                }
            }
            self.matcher.look_for_collected()?;
            waiting = still;
        }
        Ok(())
    }

    /// Where the subsignatures of a signature matched, whether or not its expression asked.
    pub(super) fn matches(&mut self, references: &'d [le::U32], code: &[u8]) -> Result<Matches, Error> {
        let mut asked = Vec::new();
        places(code, MAX_DEPTH, &mut |number, place| asked.push((number, place)));
        let mut signature =
            Signature { evaluation: self, references, seen: Vec::new(), cut: None, nesting: 0 };
        let mut matches = Matches::default();
        for (number, place) in asked {
            let hit = signature.hit(place)?;
            let number = usize::from(number);
            if let (Some(count), Some(offset)) =
                (matches.counts.get_mut(number), matches.offsets.get_mut(number))
                && hit.count > 0
            {
                *count = count.saturating_add(hit.count);
                // Programs know no offset beyond 4 GB.
                *offset = u32::try_from(hit.first.0).unwrap_or(Matches::NOWHERE).min(*offset);
            }
        }
        Ok(matches)
    }

    /// The first places where the first subsignature of a signature matches.
    pub(super) fn starts(&mut self, references: &[le::U32], most: usize) -> Result<Vec<u64>, Error> {
        match references.first().map(|reference| reference.get()) {
            Some(reference) if reference & CHECK == 0 => Ok(self.matcher.positions(reference, most)?.0),
            _ => Err(Error::Damaged("a subsignature is missing")),
        }
    }

    /// The whole content, or nothing if that is more than [`MAX_SUBJECT`].
    pub(super) fn whole(&mut self) -> Result<Option<Window<'o>>, Error> {
        if let Some(whole) = &self.whole {
            return Ok(Some(whole.clone()));
        }
        let content = self.matcher.view().content();
        let whole = match content.as_slice() {
            Some(bytes) => Window::Whole(bytes),
            None if content.size() > MAX_SUBJECT => return Ok(None),
            None => Window::Read(content.window(0, usize::MAX)?.into_owned().into()),
        };
        Ok(Some(self.whole.insert(whole).clone()))
    }
}

/// The signature that is being judged.
struct Signature<'e, 'd, 'o> {
    evaluation: &'e mut Evaluation<'d, 'o>,
    references: &'d [le::U32],
    seen: Vec<(u16, Hit)>,
    cut: Option<(Reason, String)>,
    nesting: u32,
}

impl Signature<'_, '_, '_> {
    fn truth(&mut self, code: &[u8]) -> Result<bool, Error> {
        let value = evaluate(code, MAX_DEPTH, &mut |place| Ok::<_, Error>(self.hit(place)?.count))?;
        Ok(value.ok_or(Error::Damaged("an expression cannot be read"))?.truth)
    }

    /// The matches of what the reference at a place means.
    fn hit(&mut self, place: u16) -> Result<Hit, Error> {
        if let Some((_, hit)) = self.seen.iter().find(|(seen, _)| *seen == place) {
            return Ok(*hit);
        }
        let reference = self.references.get(usize::from(place));
        let reference = reference.ok_or(Error::Damaged("a subsignature is missing"))?.get();
        let hit = if reference & CHECK == 0 {
            self.evaluation.matcher.hit(reference)?
        } else {
            self.check(reference & !CHECK)?
        };
        self.seen.push((place, hit));
        Ok(hit)
    }

    fn check(&mut self, at: u32) -> Result<Hit, Error> {
        if self.nesting > MAX_TRIGGERS {
            return Err(Error::Damaged("subsignatures refer to each other"));
        }
        self.nesting = self.nesting.saturating_add(1);
        let hit = match self.evaluation.tables.check(at)? {
            Check::Regex(record, trigger, text) => self.regex(at, record, trigger, text),
            Check::Compare(record) => self.compare(record),
            Check::Near(record) => self.near(record),
            Check::Fixed(rows) => self.fixed(rows),
            Check::Picture(hash) => Ok(self.picture(hash)),
        };
        self.nesting = self.nesting.saturating_sub(1);
        hit
    }

    fn regex(&mut self, at: u32, record: &RegexRecord, trigger: &[u8], text: &str) -> Result<Hit, Error> {
        // Looking ahead ends here, where it would be long.
        let triggered = self.truth(trigger)? && !self.evaluation.matcher.collects();
        let place = record.place.place();
        let Some(starts) = self.evaluation.matcher.starts(place).filter(|_| triggered) else {
            return Ok(Hit::default());
        };
        let Some(whole) = self.evaluation.whole()? else {
            let detail = format!("regular expressions are not looked for in more than {MAX_SUBJECT} bytes");
            self.cut = Some((Reason::Limit(Limit::ObjectBytes), detail));
            return Ok(Hit::default());
        };
        let flags = Flags::from_bits(record.flags.get());
        let exact = place.slack == 0
            && matches!(
                place.base,
                Base::Start | Base::End | Base::EntryPoint | Base::Section(_) | Base::LastSection
            );
        let end = match place {
            _ if !flags.has(Flags::ENCOMPASS) => u64::MAX,
            Place { base: Base::InsideSection(_), .. } => starts.high.saturating_add(1),
            Place { slack: 0, .. } => u64::MAX,
            _ => starts.high,
        };
        let rolling = exact && flags.has(Flags::ROLLING);
        let starts = if rolling { starts.open() } else { starts };
        let anchored = starts.are_listed() || exact && !rolling;
        let compiled = self
            .evaluation
            .regexes
            .get(at, anchored, text, flags)
            .map_err(|_| Error::Damaged("a regular expression cannot be compiled"))?;
        let mut hit = Hit::default();
        for starts in starts.each() {
            let matches =
                regex::find(&compiled, flags, whole.as_ref(), starts, end, self.evaluation.deadline)?;
            if matches.cut {
                let detail = "its regular expression takes too many steps".to_owned();
                self.cut = Some((Reason::Limit(Limit::Time), detail));
            }
            hit.add(matches.count, matches.first);
            if hit.count > 0 && !flags.has(Flags::GLOBAL) {
                break;
            }
        }
        Ok(hit)
    }

    fn compare(&mut self, record: &CompareRecord) -> Result<Hit, Error> {
        let mut last: Option<u64> = None;
        for place in record.reference.first.get()..record.reference.end.get() {
            let hit = self.hit(place)?;
            if hit.count > 0 {
                last = last.max(Some(hit.last_start));
            }
        }
        let number = record.number();
        let start = last.and_then(|last| last.checked_add_signed(record.offset.get()));
        let Some(start) = start else { return Ok(Hit::default()) };
        let bytes = self.evaluation.view().bytes(start, usize::from(number.length));
        let holds = bytes.and_then(|bytes| number.read(bytes)).is_some_and(|number| record.holds(number));
        self.evaluation.view().check()?;
        let mut hit = Hit::default();
        hit.add(u32::from(holds), (start, start.saturating_add(u64::from(number.length))));
        Ok(hit)
    }

    fn fixed(&mut self, rows: FixedRows<'_>) -> Result<Hit, Error> {
        let mut hit = Hit::default();
        for (offset, row) in rows {
            let start = u64::from(offset);
            if self.evaluation.view().bytes(start, row.len()) == Some(row) {
                hit.add(1, (start, start.saturating_add(row.len() as u64)));
                break;
            }
        }
        self.evaluation.view().check()?;
        Ok(hit)
    }

    /// That a picture could not be decoded was said when the object was asked which signatures it starts.
    fn picture(&self, hash: u64) -> Hit {
        let deadline = self.evaluation.deadline;
        let pictures = self.evaluation.pictures;
        let found = pictures.and_then(|pictures| pictures.perceptual_hash(deadline).ok().flatten());
        let mut hit = Hit::default();
        hit.add(u32::from(found == Some(hash)), (0, 0));
        hit
    }

    fn near(&mut self, record: &NearRecord) -> Result<Hit, Error> {
        let mut hit = Hit::default();
        if self.evaluation.matcher.collects() {
            return Ok(hit);
        }
        let before = self.positions(record.before)?;
        if before.is_empty() {
            return Ok(hit);
        }
        let (low, high) = (u64::from(record.low.get()), u64::from(record.high.get()));
        for start in self.positions(record.these)? {
            let first = before.partition_point(|place| place.saturating_add(high) < start);
            if before.get(first).is_some_and(|place| place.saturating_add(low) <= start) {
                hit.add(1, (start, start));
            }
        }
        Ok(hit)
    }

    /// Where the patterns at these places begin, in ascending order.
    fn positions(&mut self, places: Places) -> Result<Vec<u64>, Error> {
        let mut all = Vec::new();
        let references = self.references.get(usize::from(places.first.get())..usize::from(places.end.get()));
        for reference in references.ok_or(Error::Damaged("a subsignature is missing"))? {
            let (positions, complete) =
                self.evaluation.matcher.positions(reference.get(), MAX_NEAR_MATCHES)?;
            all.extend(positions);
            if !complete {
                let detail = format!("more than {MAX_NEAR_MATCHES} matches that others may be near to");
                self.cut = Some((Reason::Limit(Limit::Time), detail));
            }
        }
        all.sort_unstable();
        Ok(all)
    }
}
