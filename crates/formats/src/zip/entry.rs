//! One member of a zip: every reading that its headers allow is handed over.
//!
//! Where both headers agree there is one reading. Where they do not, each reader has its own, and so have we.
//! Checksums decide only which complaints are worth a gap, never what is handed over.

use std::collections::BTreeSet;
use std::rc::Rc;

use candor_object::{Child, Content, Limit, Listed, Reason, Sink, Stop};
use flate2::Crc;

use super::encryption::{self, Keyring};
use super::header::{CENTRAL, Claims, LOCAL};
use super::methods::{
    DEFLATE, Progress, STORED, StreamEnd, WIDE_IMPLODE, decoder, is_decoded, memory, method_name, read_ahead,
};
use super::notes::Notes;
use super::scan;
use super::stream::{Ended, Failures, Stream, probe};
use crate::fields::{u32_le, u64_le};
use crate::held::too_much;

/// How far beyond the first possible end a descriptor is looked for.
const DESCRIPTOR_SEARCH: u64 = 16 << 20;

/// Bytes that may be searched in vain, as a multiple of the content: many entries that each need a long search
/// would cost their product.
const SEARCH_PASSES: u64 = 4;

/// What is noted of a member that a password opened.
const DECRYPTED: &str = "zip-decrypted";

/// What has been handed over and what it cost to find it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Start of the data, method, size if stored.
    readings: BTreeSet<(u64, u16, u64)>,
    /// Bytes that were searched for ends and starts that no header tells, or that passwords were tried on.
    pub(super) searched: u64,
    pub(super) keyring: Keyring,
}

impl Seen {
    /// Forgets data before `offset`, which no later header can mean.
    pub(super) fn forget_before(&mut self, offset: u64) {
        if self.readings.first().is_some_and(|(start, _, _)| *start < offset) {
            self.readings = self.readings.split_off(&(offset, 0, 0));
        }
    }

    /// Whether there has been enough searching.
    pub(super) fn is_tired(&self, content: &Content) -> bool {
        self.searched > content.size().saturating_mul(SEARCH_PASSES).saturating_add(DESCRIPTOR_SEARCH)
    }
}

/// A member and what its headers claim.
pub(super) struct Member<'a> {
    /// What it is called in gaps and anomalies.
    pub(super) label: String,
    name: String,
    number: u64,
    pub(super) central: Option<&'a Claims>,
    pub(super) local: Option<&'a Claims>,
    /// Where its data starts.
    pub(super) start: u64,
    /// Up to where other members reach.
    pub(super) covered: u64,
    /// Whether its data does not lie as it is in the archive.
    decrypted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Stored(u64),
    Packed(u16),
}

/// What came of the readings.
#[derive(Default)]
struct Outcome {
    /// Whether a reading had the checksum that a header claims.
    verified: bool,
    /// Whether a reading came to its end.
    complete: bool,
    /// Whether a reading failed before anything came out.
    barren: bool,
    /// Where the readings end, the credible ones if there are any.
    ends: Vec<u64>,
    checksums: Vec<u32>,
    complaints: Vec<(Reason, String)>,
}

impl<'a> Member<'a> {
    /// The member number `number` with data from `start` on.
    pub(super) fn new(
        number: u64,
        central: Option<&'a Claims>,
        local: Option<&'a Claims>,
        start: u64,
        covered: u64,
    ) -> Self {
        let name = central.or(local).map(Claims::text).unwrap_or_default();
        let label = format!("entry {number} {name:.100?}");
        Self { label, name, number, central, local, start, covered, decrypted: false }
    }

    /// The same member with other headers, where its decrypted data is all that there is.
    pub(super) fn decrypted<'b>(&self, central: Option<&'b Claims>, local: Option<&'b Claims>) -> Member<'b> {
        let Self { label, name, number, .. } = self;
        let (label, name) = (label.clone(), name.clone());
        Member { label, name, number: *number, central, local, start: 0, covered: 0, decrypted: true }
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = &'a Claims> + use<'a> {
        self.central.into_iter().chain(self.local)
    }

    /// Checksums that a header claims; zero only where it is meant.
    pub(super) fn checksums(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.claims().filter(|c| c.crc != 0 || (!c.has_descriptor() && c.unpacked == 0)).map(|c| c.crc)
    }

    pub(super) fn stream_end(&self) -> StreamEnd {
        // The flag is that of a mark for LZMA alone; implode tells its window by it.
        let marked = self.claims().any(|claims| claims.flags & 2 != 0 && !is_old(claims.method));
        let size = self.claims().map(|claims| claims.unpacked).max().filter(|size| *size > 0 && !marked);
        size.map_or(StreamEnd::Marker, StreamEnd::Size)
    }
}

/// Hands over the member; returns where it ends, or nothing if all of it was handed over before.
pub(super) fn open(
    content: &Content,
    member: &Member<'_>,
    seen: &mut Seen,
    notes: &mut Notes<'_>,
) -> Result<Option<u64>, Stop> {
    if is_directory(content, member)? {
        let packed = member.claims().map(|claims| claims.packed).min().unwrap_or(0);
        return Ok(Some(member.start.saturating_add(packed)));
    }
    let mut readings = readings(content, member, seen, notes.sink)?;
    let mut unsupported = unsupported(member);
    let total = readings.len().saturating_add(unsupported.len());
    readings.retain(|reading| seen.readings.insert(key(member.start, *reading)));
    unsupported.retain(|method| seen.readings.insert((member.start, *method, 0)));
    if total > 0 && readings.is_empty() && unsupported.is_empty() {
        return Ok(None);
    }
    note_disagreement(member, notes);
    tell(member, notes);

    let encrypted = member.claims().filter(|claims| claims.is_encrypted()).count();
    if encrypted > 0 {
        let mut plain = false;
        for reading in &readings {
            plain |= is_plain(content, member, *reading, notes.sink)?;
        }
        if plain {
            notes.anomaly("zip-false-encryption", &format!("{} is not encrypted", member.label));
        } else {
            decrypt(content, member, seen, notes)?;
            if encrypted == member.claims().count() {
                return Ok(Some(claimed_end(content, member)));
            }
        }
    }
    hand_over(content, member, &readings, &unsupported, seen, notes).map(Some)
}

/// Hands over an encrypted member if a password opens it.
fn decrypt(
    content: &Content,
    member: &Member<'_>,
    seen: &mut Seen,
    notes: &mut Notes<'_>,
) -> Result<(), Stop> {
    let Some(opened) = encryption::unlock(content, member, seen, notes.sink)? else {
        notes.gap(Reason::Encrypted, &format!("{} is encrypted", member.label));
        return Ok(());
    };
    let (label, origin) = (&member.label, &opened.origin);
    if opened.proved {
        notes.anomaly(DECRYPTED, &format!("{label} is encrypted, and opened with the password of {origin}"));
    } else {
        let detail = format!("{label} is encrypted: the password of {origin} may be the right one");
        notes.gap(Reason::Encrypted, &detail);
    }
    let inner = opened.member(member);
    let mut seen = Seen::default();
    let readings = readings(&opened.content, &inner, &mut seen, notes.sink)?;
    let unsupported = unsupported(&inner);
    hand_over(&opened.content, &inner, &readings, &unsupported, &mut seen, notes)?;
    Ok(())
}

/// The methods that the headers name and that are not decoded.
fn unsupported(member: &Member<'_>) -> Vec<u16> {
    let methods = member.claims().map(|claims| claims.method);
    let mut methods: Vec<u16> = methods.filter(|m| *m != STORED && !is_decoded(*m)).collect();
    methods.dedup();
    methods
}

/// Hands over all readings of a member that is not encrypted; returns where it ends.
fn hand_over(
    content: &Content,
    member: &Member<'_>,
    readings: &[Reading],
    unsupported: &[u16],
    seen: &mut Seen,
    notes: &mut Notes<'_>,
) -> Result<u64, Stop> {
    let mut outcome = Outcome::default();
    let failures =
        if readings.len() == 1 && unsupported.is_empty() { Failures::Pass } else { Failures::Keep };
    for reading in readings {
        match reading {
            Reading::Stored(size) => stored(content, member, *size, &mut outcome, notes)?,
            Reading::Packed(method) => packed(content, member, *method, failures, &mut outcome, notes)?,
        }
    }
    let has_stored = readings.iter().any(|reading| matches!(reading, Reading::Stored(size) if *size > 0));
    let has_packed = readings.iter().any(|reading| matches!(reading, Reading::Packed(_)));
    let unassigned = unsupported.iter().any(|method| method_name(*method).is_none());
    if unassigned {
        // Android takes every method but deflate for stored, and its malware makes numbers up.
        raw(content, member, seen, notes)?;
    }
    if !outcome.verified
        && !has_packed
        && (has_stored || unassigned)
        && is_deflate(content, member, notes.sink)?
        && seen.readings.insert((member.start, DEFLATE, 0))
    {
        notes.anomaly("zip-hidden-deflate", &format!("{} is a deflate stream", member.label));
        packed(content, member, DEFLATE, Failures::Keep, &mut outcome, notes)?;
    }
    if outcome.barren && !has_stored && outcome.ends.is_empty() {
        raw(content, member, seen, notes)?;
    }
    Ok(conclude(content, member, unsupported, outcome, notes))
}

/// Tells what each header says of the member; a header without sizes is silent where the other has them.
fn tell(member: &Member<'_>, notes: &mut Notes<'_>) {
    let sizeless = member.claims().all(Claims::is_sizeless);
    let mut told = BTreeSet::new();
    for claims in member.claims().filter(|claims| sizeless || !claims.is_sizeless()) {
        let (name, encrypted) = (claims.text(), claims.is_encrypted());
        if told.insert((name.clone(), claims.packed, claims.unpacked, encrypted)) {
            notes.sink.listed(Listed {
                name: &name,
                packed: claims.packed,
                size: claims.unpacked,
                encrypted,
                position: Some(member.number),
            });
        }
    }
}

fn conclude(
    content: &Content,
    member: &Member<'_>,
    unsupported: &[u16],
    outcome: Outcome,
    notes: &mut Notes<'_>,
) -> u64 {
    if !outcome.verified {
        for (reason, detail) in &outcome.complaints {
            notes.gap(*reason, detail);
        }
        for method in unsupported {
            let name = method_name(*method).map(|name| format!(" ({name})")).unwrap_or_default();
            let detail = format!("{}: compression method {method}{name} is not supported", member.label);
            notes.gap(Reason::Unsupported, &detail);
        }
        if let (true, Some(found), Some(claimed)) =
            (outcome.complete, outcome.checksums.first(), member.checksums().next())
        {
            let detail = format!("{}: checksum is {found:08x}, not {claimed:08x}", member.label);
            // A stream without an end of its own may have been cut or damaged without another sign of it.
            if member.claims().any(|claims| is_old(claims.method) || claims.method == 98) {
                notes.gap(Reason::Damaged, &detail);
            } else {
                notes.anomaly("zip-checksum", &detail);
            }
        }
    }
    outcome.ends.iter().copied().min().unwrap_or_else(|| claimed_end(content, member))
}

/// Whether a method has no end of its own.
fn is_old(method: u16) -> bool {
    matches!(method, 1..=6)
}

fn key(start: u64, reading: Reading) -> (u64, u16, u64) {
    match reading {
        Reading::Stored(size) => (start, STORED, size),
        Reading::Packed(method) => (start, method, 0),
    }
}

/// Where the member ends if its headers tell the truth: the smallest claim, so that nothing behind is missed.
fn claimed_end(content: &Content, member: &Member<'_>) -> u64 {
    let packed = member.claims().filter(|c| !c.is_sizeless()).map(|c| c.packed).min().unwrap_or(0);
    member.start.saturating_add(packed).min(content.size())
}

/// Whether this is a directory without content; a slash at the end of the name alone hides nothing.
fn is_directory(content: &Content, member: &Member<'_>) -> Result<bool, Stop> {
    if !member.claims().any(|c| c.name.ends_with(b"/")) {
        return Ok(false);
    }
    if member.claims().any(|c| !c.is_sizeless() && (c.unpacked > 0 || c.packed > 2)) {
        return Ok(false);
    }
    if !member.claims().any(Claims::is_sizeless) {
        return Ok(true);
    }
    let next = content.window(member.start, 2)?;
    Ok(next.is_empty() || next.as_ref() == b"PK" || next.as_ref() == [3, 0])
}

pub(super) fn readings(
    content: &Content,
    member: &Member<'_>,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<Vec<Reading>, Stop> {
    let mut readings = Vec::new();
    let mut push = |reading| {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    };
    let sizeless = member.claims().all(Claims::is_sizeless);
    for claims in member.claims() {
        match claims.method {
            STORED if sizeless => push(Reading::Stored(stored_size(content, member, seen, sink)?)),
            STORED if claims.is_sizeless() => {}
            STORED => {
                push(Reading::Stored(claims.packed));
                if claims.unpacked > 0 {
                    push(Reading::Stored(claims.unpacked));
                }
            }
            6 if claims.flags & 2 != 0 => push(Reading::Packed(WIDE_IMPLODE)),
            method if is_decoded(method) => push(Reading::Packed(method)),
            _ => {}
        }
    }
    if readings.len() > 1 {
        readings.retain(|reading| *reading != Reading::Stored(0));
    }
    Ok(readings)
}

/// The size of stored data that no header tells: up to a descriptor that fits, else up to the next header.
pub(super) fn stored_size(
    content: &Content,
    member: &Member<'_>,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<u64, Stop> {
    let reach = if seen.is_tired(content) { 0 } else { DESCRIPTOR_SEARCH };
    let mut fallback = None;
    let (mut from, mut to) = (member.start, content.size());
    while let Some(place) = scan::find(content, from, to, b"PK", sink)? {
        from = place.saturating_add(2);
        let bytes = content.window(place, 20)?;
        let size = place.saturating_sub(member.start);
        if bytes.starts_with(b"PK\x07\x08") {
            if u32_le(&bytes, 8).map(u64::from) == Some(size) || u64_le(&bytes, 8) == Some(size) {
                return Ok(size);
            }
        } else if fallback.is_none() && (bytes.starts_with(LOCAL) || bytes.starts_with(CENTRAL)) {
            if let Some(bare) = size.checked_sub(12) {
                let before = content.window(place.saturating_sub(12), 12)?;
                if u32_le(&before, 4).map(u64::from) == Some(bare)
                    && u32_le(&before, 8).map(u64::from) == Some(bare)
                {
                    return Ok(bare);
                }
            }
            fallback = Some(size);
            to = to.min(place.saturating_add(reach));
        }
    }
    seen.searched = seen.searched.saturating_add(to.saturating_sub(member.start));
    Ok(fallback.unwrap_or_else(|| content.size().saturating_sub(member.start)))
}

/// Whether an entry that claims to be encrypted is not: its checksum is right without any key.
fn is_plain(
    content: &Content,
    member: &Member<'_>,
    reading: Reading,
    sink: &mut dyn Sink,
) -> Result<bool, Stop> {
    let crc = match reading {
        Reading::Stored(size) => Some(checksum(&content.range(member.start, size), sink)?),
        Reading::Packed(method) => {
            let rest = content.from(member.start);
            let most = member.claims().map(|claims| claims.unpacked).max().unwrap_or(0);
            probe(method, &rest, member.stream_end(), most.saturating_add(1), sink)?.crc
        }
    };
    // Without a byte of data the checksum proves nothing, but there is nothing to miss either.
    Ok(crc.is_some_and(|crc| member.checksums().any(|claimed| claimed == crc)))
}

/// Whether the data are a deflate stream although the headers say otherwise.
fn is_deflate(content: &Content, member: &Member<'_>, sink: &mut dyn Sink) -> Result<bool, Stop> {
    let rest = content.from(member.start);
    let probed = probe(DEFLATE, &rest, StreamEnd::Marker, 64 << 10, sink)?;
    // Short plain text can be a deflate stream by chance; one that fills what is claimed is none.
    let fits = member.claims().any(|c| probed.produced == c.unpacked || probed.consumed == c.packed);
    Ok(match probed.ended {
        Ended::Whole => fits && probed.produced > 0,
        Ended::Stopped => true,
        Ended::Failed => false,
    })
}

fn stored(
    content: &Content,
    member: &Member<'_>,
    size: u64,
    outcome: &mut Outcome,
    notes: &mut Notes<'_>,
) -> Result<(), Stop> {
    let body = content.range(member.start, size);
    if body.size() < size {
        let detail = format!("{}: {} of {size} bytes are there", member.label, body.size());
        outcome.complaints.push((Reason::Truncated, detail));
    } else {
        outcome.complete = true;
    }
    // Data that others cover too is not read for a checksum, or overlapping entries would cost their product.
    if member.start >= member.covered && body.size() == size {
        let crc = checksum(&body, notes.sink)?;
        outcome.verified |= member.checksums().any(|claimed| claimed == crc);
        outcome.checksums.push(crc);
    }
    outcome.ends.push(member.start.saturating_add(body.size()));
    let child = Child::member(&member.name);
    if member.decrypted { notes.sink.child(child, &mut body.reader()) } else { notes.sink.range(child, body) }
}

fn packed(
    content: &Content,
    member: &Member<'_>,
    method: u16,
    failures: Failures,
    outcome: &mut Outcome,
    notes: &mut Notes<'_>,
) -> Result<(), Stop> {
    let rest = content.from(member.start);
    let memory = memory(method, &rest)?;
    if !notes.sink.hold(memory) {
        notes.gap(Reason::Limit(Limit::HeldBytes), &too_much(&member.label, memory));
        return Ok(());
    }
    let done = decoded(content, member, method, failures, outcome, notes);
    notes.sink.release(memory);
    done
}

fn decoded(
    content: &Content,
    member: &Member<'_>,
    method: u16,
    failures: Failures,
    outcome: &mut Outcome,
    notes: &mut Notes<'_>,
) -> Result<(), Stop> {
    let rest = content.from(member.start);
    let progress = Rc::new(Progress::default());
    let mut stream = match decoder(method, &rest, member.stream_end(), &progress) {
        Ok(decoder) => Stream::new(decoder, &member.label, failures),
        Err(error) => {
            if let Some(failure) = progress.failure() {
                return Err(failure.into());
            }
            Stream::failed(error, &member.label, failures)
        }
    };
    notes.sink.child(Child::member(&member.name), &mut stream)?;
    if let Some(failure) = progress.failure() {
        return Err(failure.into());
    }
    outcome.complaints.extend(stream.complaint.take());
    let (produced, crc) = (stream.produced, stream.crc.sum());
    outcome.barren |= produced == 0 && stream.ended == Ended::Failed;
    if produced > 0 || stream.ended == Ended::Whole {
        let taken = member.start.saturating_add(progress.consumed());
        let exact = member.claims().map(|c| c.packed).find(|packed| {
            let least = progress.consumed().saturating_sub(read_ahead(method));
            (least..=progress.consumed()).contains(packed) && *packed > 0
        });
        let end = match exact {
            Some(packed) => member.start.saturating_add(packed),
            None => taken.saturating_sub(read_ahead(method)).max(member.start),
        };
        outcome.ends.push(end);
        if stream.ended == Ended::Whole {
            outcome.complete = true;
            outcome.checksums.push(crc);
            outcome.verified |= member.checksums().any(|claimed| claimed == crc)
                || descriptor_agrees(content, member, method, end, crc)?;
        }
        if stream.ended != Ended::Stopped {
            shorter(content, member, method, &stream, notes)?;
        }
    }
    Ok(())
}

/// Readers that stop at the claimed size see less than the stream holds: that reading is another object.
fn shorter(
    content: &Content,
    member: &Member<'_>,
    method: u16,
    stream: &Stream<'_>,
    notes: &mut Notes<'_>,
) -> Result<(), Stop> {
    let produced = stream.produced;
    let sizes: BTreeSet<u64> =
        member.claims().map(|c| c.unpacked).filter(|size| *size > 0 && *size != produced).collect();
    for size in sizes {
        if stream.ended == Ended::Whole {
            let detail = format!("{}: {produced} bytes came out, not {size}", member.label);
            notes.anomaly("zip-size-mismatch", &detail);
        }
        if size > produced {
            continue;
        }
        let progress = Rc::new(Progress::default());
        let rest = content.from(member.start);
        if let Ok(decoder) = decoder(method, &rest, member.stream_end(), &progress) {
            let mut stream =
                Stream::new(Box::new(std::io::Read::take(decoder, size)), &member.label, Failures::Keep);
            notes.sink.child(Child::member(&member.name), &mut stream)?;
        }
        if let Some(failure) = progress.failure() {
            return Err(failure.into());
        }
    }
    Ok(())
}

/// Whether a descriptor behind the data, with or without signature, has this checksum. Where there is a
/// descriptor and no other claim, its absence is no contradiction.
fn descriptor_agrees(
    content: &Content,
    member: &Member<'_>,
    method: u16,
    end: u64,
    crc: u32,
) -> Result<bool, Stop> {
    if !member.claims().any(Claims::has_descriptor) {
        return Ok(false);
    }
    let size = usize::try_from(read_ahead(method).saturating_add(24)).unwrap_or(24);
    let window = content.window(end, size)?;
    let wanted = crc.to_le_bytes();
    Ok(memchr::memmem::find(&window, &wanted).is_some())
}

/// Hands over the claimed bytes as they are, where no reading of the headers makes sense of them.
fn raw(content: &Content, member: &Member<'_>, seen: &mut Seen, notes: &mut Notes<'_>) -> Result<(), Stop> {
    let sizes: BTreeSet<u64> = member.claims().map(|c| c.packed).filter(|size| *size > 0).collect();
    for size in sizes {
        if seen.readings.insert((member.start, STORED, size)) {
            notes.sink.range(Child::member(&member.name), content.range(member.start, size))?;
        }
    }
    Ok(())
}

fn note_disagreement(member: &Member<'_>, notes: &mut Notes<'_>) {
    let (Some(central), Some(local)) = (member.central, member.local) else {
        return;
    };
    if central.name != local.name {
        let detail = format!("{} is called {:.100?} in its local header", member.label, local.text());
        notes.anomaly("zip-name-mismatch", &detail);
    }
    if central.method != local.method {
        let detail = format!("{}: method {} or {}", member.label, central.method, local.method);
        notes.anomaly("zip-method-mismatch", &detail);
    }
    let sizes = (central.packed, central.unpacked) != (local.packed, local.unpacked);
    if sizes && !local.is_sizeless() {
        let detail = format!(
            "{}: {} to {} bytes or {} to {}",
            member.label, central.packed, central.unpacked, local.packed, local.unpacked
        );
        notes.anomaly("zip-size-mismatch", &detail);
    }
}

pub(super) fn checksum(body: &Content, sink: &mut dyn Sink) -> Result<u32, Stop> {
    let mut crc = Crc::new();
    let mut from = 0;
    while from < body.size() {
        sink.pulse()?;
        let window = body.window(from, 1 << 20)?;
        if window.is_empty() {
            break;
        }
        crc.update(&window);
        from = from.saturating_add(window.len() as u64);
    }
    Ok(crc.sum())
}

/// Where the data of an entry starts whose local header is gone: at `header` if the name still stands there,
/// else wherever the checksum is right.
pub(super) fn recover(
    content: &Content,
    header: u64,
    central: &Claims,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<Option<u64>, Stop> {
    if header >= content.size() || seen.is_tired(content) {
        return Ok(None);
    }
    // Up to four places are tried, each over what the member claims to hold.
    let cost = central.packed.max(central.unpacked).min(content.size()).saturating_mul(4);
    seen.searched = seen.searched.saturating_add(cost).saturating_add(1 << 17);
    let broken =
        Claims::local(content, header)?.filter(|local| local.name == central.name && !local.name.is_empty());
    let by_length = broken.map(|local| header.saturating_add(local.length));
    let bare = header.saturating_add(30).saturating_add(central.name.len() as u64);
    let reach = bare.saturating_add(central.packed).saturating_add(1 << 17);
    let before_next = scan::find(content, bare, reach, LOCAL, sink)?
        .or(scan::find(content, bare, reach, CENTRAL, sink)?)
        .and_then(|next| next.checked_sub(central.packed));
    let mut starts: Vec<u64> = by_length.into_iter().collect();
    starts.extend([bare, bare.saturating_add(central.extra)]);
    starts.extend(before_next);
    for start in &starts {
        let member = Member::new(0, Some(central), None, *start, 0);
        for reading in readings(content, &member, seen, sink)? {
            if central.packed > 0 && is_plain(content, &member, reading, sink)? {
                return Ok(Some(*start));
            }
        }
    }
    Ok(by_length)
}
