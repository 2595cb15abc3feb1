//! Looks objects, sections and imports up in the tables of digests.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use candor_object::{Content, Evidence, Finding, MAX_EXCERPT, Object, ObjectId, Strength};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::md5::Md5;
use super::md5_lanes;
use super::section::{DigestTable, NameRecord};
use super::{ALGORITHMS, Known, Subject, category, table};
use crate::pattern::{BLOCK, Reader};
use crate::{Database, Digests, Error, Inspection};

/// Bytes that are hashed between two looks at the clock.
const CHUNK: usize = 256 << 10;

/// Adds a finding for every digest of the object, its sections and its imports that the database knows.
pub(crate) fn inspect(
    database: &Database,
    inspection: &Inspection<'_>,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    if !inspection.hashed {
        return Ok(());
    }
    let object = inspection.object;
    let whole = &object.content;
    for (name, algorithm) in
        look_up(database, Subject::Object, whole, false, Some(inspection.digests), inspection.deadline)?
    {
        let what = format!("{algorithm} of the object");
        found.push(finding(database, inspection.id, name, evidence(what, object, 0, whole.size())?));
    }
    let Some(layout) = inspection.layout else {
        return Ok(());
    };
    for (number, section) in layout.sections.iter().enumerate() {
        let data = whole.range(section.offset, section.size);
        for (name, algorithm) in look_up(database, Subject::Section, &data, false, None, inspection.deadline)?
        {
            let what = format!("{algorithm} of section {number}");
            found.push(finding(
                database,
                inspection.id,
                name,
                evidence(what, object, section.offset, data.size())?,
            ));
        }
    }
    if !layout.imports.is_empty() && database.has_digests(Subject::Imports) {
        let list = import_list(layout);
        let data = Content::from_vec(list.clone().into_bytes());
        for (name, algorithm) in look_up(database, Subject::Imports, &data, false, None, inspection.deadline)?
        {
            let excerpt = list.bytes().take(MAX_EXCERPT).collect();
            let what = format!("{algorithm} of the import list");
            let evidence = Evidence { what, offset: 0, size: 0, excerpt };
            found.push(finding(database, inspection.id, name, evidence));
        }
    }
    Ok(())
}

/// The finding that speaks for the content, if a trusted digest of it is known.
pub(crate) fn trusted(
    database: &Database,
    content: &Content,
    id: ObjectId,
    deadline: Instant,
) -> Result<Option<Finding>, Error> {
    let found = look_up(database, Subject::Object, content, true, None, deadline)?;
    Ok(found.first().map(|(name, algorithm)| {
        let what = format!("{algorithm} of the object");
        let evidence = Evidence { what, offset: 0, size: content.size(), excerpt: Vec::new() };
        finding(database, id, name, evidence)
    }))
}

/// The finding that speaks for content, if this digest of a subject in it is trusted.
pub(crate) fn trusted_digest(
    database: &Database,
    subject: Subject,
    digest: &[u8],
    content: &Content,
    id: ObjectId,
) -> Result<Option<Finding>, Error> {
    let Some(algorithm) = ALGORITHMS.iter().position(|(length, _)| *length == digest.len()) else {
        return Ok(None);
    };
    let table = database.digest_table(table(subject, algorithm, true), digest.len())?;
    Ok(table.find(content.size(), digest)?.map(|name| {
        let what = "digest of what is signed of the object, in a catalog".to_owned();
        let evidence = Evidence { what, offset: 0, size: content.size(), excerpt: Vec::new() };
        Finding { detector: "trust", ..finding(database, id, name, evidence) }
    }))
}

/// SHA-256 of content.
pub(crate) fn sha256(content: &Content, deadline: Instant) -> Result<[u8; 32], Error> {
    let [_, _, digest] = digests(content, [false, false, true], deadline)?;
    let digest = digest.unwrap_or_default();
    digest.try_into().map_err(|_| Error::Damaged("a digest has an odd length"))
}

type Names<'d> = Vec<(&'d NameRecord, &'static str)>;

/// A table for each of [`ALGORITHMS`].
type Tables<'d> = [DigestTable<'d>; 3];

fn tables(database: &Database, subject: Subject, trust: bool) -> Result<Tables<'_>, Error> {
    let open = |algorithm: usize, length| database.digest_table(table(subject, algorithm, trust), length);
    let [(md5, _), (sha1, _), (sha256, _)] = ALGORITHMS;
    Ok([open(0, md5)?, open(1, sha1)?, open(2, sha256)?])
}

fn look_up<'d>(
    database: &'d Database,
    subject: Subject,
    content: &Content,
    trust: bool,
    ready: Option<&Digests>,
    deadline: Instant,
) -> Result<Names<'d>, Error> {
    let tables = tables(database, subject, trust)?;
    let wanted = tables.map(|table| table.knows(content.size()));
    if wanted == [false; 3] {
        return Ok(Vec::new());
    }
    let mut known = Vec::new();
    let ready = |algorithm: usize| ready?.known.get(algorithm)?.get().cloned();
    let ready: Known = std::array::from_fn(ready);
    let missing = std::array::from_fn(|algorithm| {
        wanted.get(algorithm) == Some(&true) && ready.get(algorithm).is_none_or(Option::is_none)
    });
    let digests = if missing == [false; 3] {
        ready
    } else {
        let mut both = digests(content, missing, deadline)?.into_iter().zip(ready);
        std::array::from_fn(|_| both.next().and_then(|(computed, ready)| computed.or(ready)))
    };
    for ((table, digest), (_, algorithm)) in tables.iter().zip(digests).zip(ALGORITHMS) {
        if let Some(digest) = digest
            && let Some(name) = table.find(content.size(), &digest)?
        {
            known.push((name, algorithm));
        }
    }
    Ok(known)
}

/// Which digests of objects of this size the database knows and nobody left yet.
pub(crate) fn wanted(database: &Database, size: u64, digests: &Digests) -> Result<[bool; 3], Error> {
    let mut left = digests.known.iter().map(|digest| digest.get().is_some());
    Ok(tables(database, Subject::Object, false)?
        .map(|table| table.knows(size) && !left.next().unwrap_or_default()))
}

/// The MD5 of each content in memory that some database wants, computed side by side.
pub(crate) fn ahead(databases: &[Arc<Database>], contents: &[&Content]) -> Vec<Digests> {
    let all: Vec<Digests> = contents.iter().map(|_| Digests::default()).collect();
    let is_wanted = |size| {
        let mut wanted = databases.iter().map(|database| wanted(database, size, &Digests::default()));
        wanted.any(|wanted| matches!(wanted, Ok([true, ..])))
    };
    let mut places = Vec::new();
    let mut slices = Vec::new();
    for (place, content) in contents.iter().enumerate() {
        if let Some(slice) = content.as_slice().filter(|_| is_wanted(content.size())) {
            places.push(place);
            slices.push(slice);
        }
    }
    for (place, md5) in places.into_iter().zip(md5_lanes::of_all(&slices).unwrap_or_default()) {
        let (Some(digests), Some(content)) = (all.get(place), contents.get(place)) else { continue };
        if md5.length() < content.size() {
            let _ = digests.begun.set(md5);
        } else {
            let [known, ..] = &digests.known;
            let _ = known.set(md5.finalize().to_vec());
        }
    }
    all
}

/// MD5, SHA-1 and SHA-256 of content that comes in pieces, those that are wanted.
pub(crate) struct Hashers {
    /// Bytes that the MD5 has seen already.
    seen: u64,
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl Hashers {
    pub(crate) fn new([md5, sha1, sha256]: [bool; 3]) -> Self {
        let md5 = md5.then(Md5::new);
        Self { seen: 0, md5, sha1: sha1.then(Sha1::new), sha256: sha256.then(Sha256::new) }
    }

    /// The same, going on where an MD5 of the content was left.
    pub(crate) fn resume(wanted: [bool; 3], digests: &Digests) -> Self {
        let mut hashers = Self::new(wanted);
        if let (Some(md5), Some(begun)) = (&mut hashers.md5, digests.begun.get()) {
            hashers.seen = begun.length();
            *md5 = begun.clone();
        }
        hashers
    }

    /// Leaves the digests for others.
    pub(crate) fn leave(self, digests: &Digests) {
        for (place, digest) in digests.known.iter().zip(self.finish()) {
            if let Some(digest) = digest {
                let _ = place.set(digest);
            }
        }
    }

    fn finish(self) -> Known {
        [
            self.md5.map(|hash| hash.finalize().to_vec()),
            self.sha1.map(|hash| hash.finalize().to_vec()),
            self.sha256.map(|hash| hash.finalize().to_vec()),
        ]
    }
}

impl Reader for Hashers {
    fn read(&mut self, bytes: &[u8]) {
        let seen = usize::try_from(self.seen).unwrap_or(usize::MAX).min(bytes.len());
        self.seen = self.seen.saturating_sub(seen as u64);
        if let Some(hash) = &mut self.md5 {
            hash.update(bytes.get(seen..).unwrap_or_default());
        }
        if let Some(hash) = &mut self.sha1 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
    }

    fn idle(&self) -> usize {
        if self.md5.is_some() { usize::try_from(self.seen).unwrap_or(usize::MAX) } else { usize::MAX }
    }

    #[inline(always)]
    fn read_beside(&mut self, block: &[u8; BLOCK], mut beside: impl FnMut(u32)) {
        if let Self { seen: 0, md5: Some(md5), sha1: None, sha256: None } = self {
            md5.update_beside(block, beside);
        } else {
            (0..32).for_each(&mut beside);
            self.read(block);
        }
    }
}

/// The wanted ones of MD5, SHA-1 and SHA-256, in one pass.
fn digests(content: &Content, wanted: [bool; 3], deadline: Instant) -> Result<Known, Error> {
    let mut hashers = Hashers::new(wanted);
    let whole = content.as_slice();
    let mut buffer = vec![0; if whole.is_some() { 0 } else { CHUNK }];
    let mut offset = 0_u64;
    while offset < content.size() {
        let chunk = match whole {
            Some(bytes) => {
                let rest =
                    usize::try_from(offset).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
                rest.get(..CHUNK).unwrap_or(rest)
            }
            None => {
                let count = content.read_at(offset, &mut buffer)?;
                buffer.get(..count).unwrap_or_default()
            }
        };
        if chunk.is_empty() {
            break;
        }
        hashers.read(chunk);
        offset = offset.saturating_add(chunk.len() as u64);
        if Instant::now() >= deadline {
            return Err(Error::TimeIsUp);
        }
    }
    Ok(hashers.finish())
}

/// The imports as the public definition of the import hash lists them.
pub fn import_list(layout: &candor_object::Layout) -> String {
    let mut list = String::new();
    for import in &layout.imports {
        let library = import.library.to_ascii_lowercase();
        let stem = [".dll", ".sys", ".ocx"].iter().find_map(|suffix| library.strip_suffix(suffix));
        let comma = if list.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(list, "{comma}{}.{}", stem.unwrap_or(&library), import.symbol.to_ascii_lowercase());
    }
    list
}

fn evidence(what: String, object: &Object, offset: u64, size: u64) -> Result<Evidence, Error> {
    let most = usize::try_from(size).unwrap_or(MAX_EXCERPT).min(MAX_EXCERPT);
    let excerpt = object.content.window(offset, most)?.into_owned();
    Ok(Evidence { what, offset, size, excerpt })
}

fn finding(database: &Database, object: ObjectId, record: &NameRecord, evidence: Evidence) -> Finding {
    Finding {
        object,
        detector: "hash",
        name: database.text(record.name).to_owned(),
        source: database.source(record.source.get()).to_owned(),
        category: category(record.category),
        strength: Strength::Strong,
        text: String::new(),
        evidence: vec![evidence],
    }
}
