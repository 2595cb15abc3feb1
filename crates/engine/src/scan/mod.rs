//! One scan: the loop over identify, detect and open, and the report that it writes.

mod facts;
mod magic;
mod passwords;
mod trust;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use candor_detect::{DETECTORS, Database, Digests, Embedded, Error, Found, Inspection, sha256};
use candor_formats::{Format, format_of, identify, is_message, named, second};
use candor_object::{
    Budget, Category, Child, Content, FileType, Finding, Flow, Form, Gap, Limit, Limits, Link, Listed,
    Object, ObjectId, Password, Reason, Relation, Report, Seen, Sink, Stop,
};

use crate::nest::Nest;
use crate::pictures::PicturesOf;

/// Most gaps of a report. Stops archives with millions of broken members from filling memory.
const MAX_GAPS: usize = 10_000;
/// Most findings of a report, for the same reason.
const MAX_FINDINGS: usize = 10_000;
/// Buffers that are kept for the next object, and the largest of them in bytes.
const SPARE_BUFFERS: usize = 8;
const SPARE_SIZE: usize = 8 << 20;

/// The state of one root object's scan.
pub(crate) struct Scan<'e> {
    databases: &'e [Arc<Database>],
    known: passwords::Known<'e>,
    pub(crate) budget: Budget,
    report: Report,
    /// The object that is being scanned and its containers, outermost first.
    chain: Vec<(ObjectId, Object)>,
    trust_asked: HashSet<ObjectId>,
    /// Digests of the object that is looked at next, if they were computed beforehand.
    digests: Digests,
    spare: Vec<Vec<u8>>,
    /// Whether the object that comes next begins somewhere in another: it is not searched for such objects itself, or
    /// their number would grow with each of them.
    embedded: bool,
    /// Bytes of the text of facts, where those are asked for.
    facts: Option<usize>,
}

impl<'e> Scan<'e> {
    pub(crate) fn new(
        databases: &'e [Arc<Database>],
        limits: &Limits,
        listed: &'e [Password],
        root: &Content,
    ) -> Self {
        Self {
            databases,
            known: passwords::Known::new(listed),
            budget: Budget::new(limits, root.size()),
            report: Report::default(),
            chain: Vec::new(),
            trust_asked: HashSet::new(),
            digests: Digests::default(),
            spare: Vec::new(),
            embedded: false,
            facts: None,
        }
    }

    /// Takes facts as well.
    pub(crate) fn with_facts(mut self) -> Self {
        self.facts = Some(0);
        self
    }

    /// Scans the root object.
    pub(crate) fn run(mut self, name: &str, content: Content, digests: Digests) -> Report {
        self.digests = digests;
        let _ = self.object(name, Relation::Root, content);
        self.report
    }

    /// Scans one object and, depth first, all that comes out of it; its number in the report.
    pub(crate) fn object(&mut self, name: &str, relation: Relation, content: Content) -> ObjectId {
        let identified = identify(&content);
        let embedded = std::mem::take(&mut self.embedded);
        let ours = identified.as_ref().unwrap_or(&None).or_else(|| self.named(name, relation));
        let told = self.told(&content, ours);
        let format = told.or(ours);
        let fallback = if content.size() == 0 { FileType::EMPTY } else { FileType::DATA };
        let file_type = format.map_or(fallback, Format::file_type);
        let depth = self.chain.len() as u32;
        // A database that is in use is full of what it looks for.
        let is_ours = self.databases.iter().any(|database| database.is_the_same_as(&content));
        let id = self.enter(Object { content, file_type, name: name.to_owned(), relation, depth });
        if is_ours {
            self.leave();
            return id;
        }
        if let Err(error) = identified {
            self.unreadable(id, &error);
        }
        self.read_facts(id, format);
        let After { handle_as, extracted, embedded: begins } = self.detect(id, format, true);
        match (told, ours) {
            // Magic of a database comes first, and hides nothing of what our own formats see.
            (Some(told), Some(ours)) => {
                self.open_once(id, told);
                self.handle_as(id, ours);
                self.set_type(told);
            }
            (told, ours) => {
                if let Some(format) = told.or(ours) {
                    self.open(id, format);
                }
            }
        }
        if !begins.is_empty() && !embedded {
            self.open_embedded(id, format, begins);
        }
        for bytes in extracted {
            // A budget that is spent has told so.
            let _ = Nest::new(self, id, 0).child(Child::stream(), &mut bytes.as_slice());
        }
        for other in handle_as {
            self.handle_as(id, other);
        }
        self.leave();
        id
    }

    /// The format that the name of an object tells; what comes out of `a.br.gz` is `a.br`.
    fn named(&self, name: &str, relation: Relation) -> Option<&'static dyn Format> {
        let outer = || {
            self.chain.last().filter(|_| relation == Relation::Stream).map(|(_, outer)| outer.name.as_str())
        };
        match name {
            "" => named(outer()?.rsplit_once('.')?.0),
            name => named(name),
        }
    }

    /// Looks at the object that was pushed last as another type: with the signatures for that, and what its
    /// format takes out.
    fn handle_as(&mut self, id: ObjectId, format: &'static dyn Format) {
        self.set_type(format);
        let findings = self.report.findings.len();
        // What such a look asks for in turn is not done: two signatures could ask for each other for ever.
        let _ = self.detect(id, Some(format), true);
        self.forget_what_is_known(findings);
        self.open(id, format);
    }

    /// Says what the object that is being scanned is looked at as.
    fn set_type(&mut self, format: &'static dyn Format) {
        if let Some((_, object)) = self.chain.last_mut() {
            object.file_type = format.file_type();
        }
    }

    /// Looks at a canonical form of the object that is being scanned. For signatures it is where that object is: in its
    /// container, at its depth. It stays in the report if there is something to be said of it, or the caller has.
    pub(crate) fn form(&mut self, form: Form<'_>, content: Content, stays: bool) -> ObjectId {
        let depth = self.chain.last().map_or(0, |(_, object)| object.depth);
        let Form { name, file_type, hashed } = form;
        let relation = Relation::Normalized;
        let id = self.enter(Object { content, file_type, name: name.to_owned(), relation, depth });
        let (findings, gaps) = (self.report.findings.len(), self.report.gaps.len());
        let _ = self.detect(id, None, hashed);
        self.leave();
        self.forget_what_is_known(findings);
        let found = self.report.findings.last().is_some_and(|finding| finding.object == id);
        if !stays && !found && self.report.gaps.len() == gaps {
            self.report.objects.pop();
        }
        id
    }

    /// Takes away those findings from a place on that the object which is being scanned has itself.
    fn forget_what_is_known(&mut self, from: usize) {
        let Some((id, _)) = self.chain.last() else { return };
        let new = self.report.findings.split_off(from.min(self.report.findings.len()));
        let is_known = |finding: &Finding| {
            let mut known = self.report.findings.iter().filter(|known| known.object == *id);
            known.any(|known| (known.detector, &known.name) == (finding.detector, &finding.name))
        };
        let new: Vec<Finding> = new.into_iter().filter(|finding| !is_known(finding)).collect();
        self.report.findings.extend(new);
    }

    /// Whether some database knows anything that such a form could be found by.
    pub(crate) fn wants(&self, form: Form<'_>) -> bool {
        self.databases.iter().any(|database| {
            let digests = form.hashed && database.knows_digests();
            // A damaged database says so when it is asked about an object.
            digests || database.searches(form.file_type).unwrap_or(true)
        })
    }

    /// Writes an object into the report and makes it the one that is being scanned.
    fn enter(&mut self, object: Object) -> ObjectId {
        let id = ObjectId(u32::try_from(self.report.objects.len()).unwrap_or(u32::MAX));
        self.report.objects.push(Seen {
            parent: self.chain.last().map(|(id, _)| *id),
            name: object.name.clone(),
            relation: object.relation,
            file_type: object.file_type,
            size: object.content.size(),
            sha256: None,
        });
        self.chain.push((id, object));
        id
    }

    /// The object that is being scanned is done.
    fn leave(&mut self) {
        if let Some((_, object)) = self.chain.pop() {
            self.keep_buffer(object.content);
        }
    }

    /// Looks at the object that was pushed last, `hashed` if by its digest as well; what is to be done after that.
    fn detect(&mut self, id: ObjectId, format: Option<&'static dyn Format>, hashed: bool) -> After {
        let Some(((_, object), around)) = self.chain.split_last() else {
            return After::default();
        };
        let containers = containers(around, object);
        let object = object.clone();
        let layout = match format.map_or(Ok(None), |format| format.layout(&object.content)) {
            Ok(layout) => layout,
            Err(error) => {
                self.unreadable(id, &error);
                None
            }
        };
        let signed = match self.signed(&object) {
            Ok(signed) => signed,
            Err(error) => {
                self.unreadable(id, &error);
                None
            }
        };
        let deadline = self.budget.deadline();
        let digests = std::mem::take(&mut self.digests);
        let pictures = PicturesOf::new(&object.content, format);
        let inspection = Inspection {
            object: &object,
            id,
            layout: layout.as_ref(),
            signed: signed.as_ref(),
            pictures: Some(&pictures),
            containers: &containers,
            deadline,
            program_time: self.budget.limits().program_time,
            hashed,
            digests: &digests,
        };
        let mut found = Found::default();
        for database in self.databases {
            for detector in DETECTORS {
                if let Err(error) = detector.inspect(database, &inspection, &mut found) {
                    self.failed(id, &error);
                }
            }
        }
        let Found { findings: found, gaps, handle_as, embedded, extracted } = found;
        for (reason, detail) in gaps {
            self.gap(id, reason, &detail);
        }
        self.found(id, &object.content, found);
        After { handle_as: others(&handle_as, object.file_type), embedded, extracted }
    }

    /// Looks at what an archive, which was pushed last, says of a member.
    pub(crate) fn listed(&mut self, id: ObjectId, listed: &Listed<'_>) {
        let Some((_, archive)) = self.chain.last() else {
            return;
        };
        let archive = archive.clone();
        let mut found = Vec::new();
        for database in self.databases {
            match database.members(&archive, id, listed, self.budget.deadline()) {
                Ok(findings) => found.extend(findings),
                Err(error) => self.failed(id, &error),
            }
        }
        // An archive of many such members says no more than one of a single one.
        found.retain(|new: &Finding| {
            !self.report.findings.iter().any(|known| known.object == id && known.name == new.name)
        });
        self.found(id, &archive.content, found);
    }

    /// Whether links of the object that is being scanned are examined: it has come out of a mail, and some database has
    /// lists for that.
    pub(crate) fn wants_links(&self) -> bool {
        let [.., (_, around), _] = self.chain.as_slice() else { return false };
        is_message(around.file_type) && self.databases.iter().any(|database| database.knows_links())
    }

    /// Looks at a link of the object that was pushed last.
    pub(crate) fn link(&mut self, id: ObjectId, link: &Link<'_>) {
        let Some((_, page)) = self.chain.last() else { return };
        let page = page.content.clone();
        let found = match candor_detect::link(self.databases, id, link, self.budget.deadline()) {
            Ok(found) => found,
            Err(error) => return self.failed_once(id, &error),
        };
        // A page of many such links says no more than one of a single one.
        let known = |new: &Finding| {
            let mut known = self.report.findings.iter().filter(|known| known.object == id);
            known.any(|known| (&known.name, known.category) == (&new.name, new.category))
        };
        let new = found.filter(|new| !known(new));
        self.found(id, &page, new.into_iter().collect());
    }

    /// Adds the findings in an object, with its digest, and what trusted lists say of it.
    fn found(&mut self, id: ObjectId, content: &Content, mut found: Vec<Finding>) {
        if found.is_empty() {
            return;
        }
        self.ask_for_trust(&mut found);
        match sha256(content, self.budget.deadline()) {
            Ok(digest) => {
                if let Some(seen) = self.report.objects.get_mut(id.0 as usize) {
                    seen.sha256 = Some(digest);
                }
            }
            Err(error) => self.failed(id, &error),
        }
        for finding in found {
            self.finding(finding);
        }
    }

    /// Opens the object as a format that is not its only one: what is behind it is left for the other.
    fn open_once(&mut self, id: ObjectId, format: &'static dyn Format) {
        let Some((_, object)) = self.chain.last() else { return };
        let content = object.content.clone();
        if let Err(Stop::Unreadable(error)) = self.open_as(id, &content, format) {
            self.unreadable(id, &error);
        }
    }

    fn open(&mut self, id: ObjectId, format: &'static dyn Format) {
        let Some((_, object)) = self.chain.last() else {
            return;
        };
        let content = object.content.clone();
        let opened = self.open_as(id, &content, format).and_then(|()| match second(&content, format)? {
            Some(second) => self.open_as(id, &content, second),
            None => Ok(()),
        });
        match opened {
            Err(Stop::Unreadable(error)) => self.unreadable(id, &error),
            Ok(()) | Err(Stop::Spent) => {}
        }
    }

    /// Lets a format take out what is inside, unless it is switched off.
    fn open_as(&mut self, id: ObjectId, content: &Content, format: &'static dyn Format) -> Flow {
        let file_type = format.file_type();
        let off = self.switched_off(file_type.name()).or_else(|| self.switched_off(file_type.family()));
        if let Some(why) = off {
            self.gap(id, Reason::Unsupported, &format!("{file_type} is not opened: {why}"));
            return Ok(());
        }
        format.open(content, &mut Nest::new(self, id, content.size()))
    }

    /// Why something is switched off, if some database says so. What a damaged one would switch off stays on.
    pub(crate) fn switched_off(&self, what: &str) -> Option<String> {
        self.databases.iter().find_map(|database| database.switched_off(what).ok().flatten())
    }

    /// Adds a finding.
    pub(crate) fn finding(&mut self, finding: Finding) {
        let room = self.report.findings.len() < MAX_FINDINGS;
        if room {
            self.report.findings.push(finding);
        } else if finding.category == Category::Malware {
            // Verdicts depend on the worst finding, so that one always finds room.
            if let Some(last) = self.report.findings.last_mut() {
                *last = finding;
            }
        }
    }

    /// Adds a gap.
    pub(crate) fn gap(&mut self, object: ObjectId, reason: Reason, detail: &str) {
        let count = self.report.gaps.len();
        if count < MAX_GAPS {
            self.report.gaps.push(Gap { object, reason, detail: detail.to_owned() });
        } else if count == MAX_GAPS {
            let detail = "further gaps of this object are not listed".to_owned();
            self.report.gaps.push(Gap { object: ObjectId::ROOT, reason, detail });
        }
    }

    fn unreadable(&mut self, id: ObjectId, error: &io::Error) {
        self.gap(id, Reason::Unreadable, &error.to_string());
    }

    fn failed(&mut self, id: ObjectId, error: &Error) {
        match error {
            Error::TimeIsUp => self.gap(id, Reason::Limit(Limit::Time), "the time was up during detection"),
            Error::Io(error) => self.unreadable(id, error),
            _ => self.gap(id, Reason::Database, &error.to_string()),
        }
    }

    /// The same, unless the gap was the last one that was told.
    fn failed_once(&mut self, id: ObjectId, error: &Error) {
        let gaps = self.report.gaps.len();
        self.failed(id, error);
        if let [.., last, new] = self.report.gaps.as_slice()
            && self.report.gaps.len() > gaps
            && last == new
        {
            self.report.gaps.pop();
        }
    }

    /// How many containers are around what comes out of the object that is being scanned.
    pub(crate) fn depth(&self) -> u32 {
        self.chain.len() as u32
    }

    /// How many of the objects from the one that is being scanned up have this name.
    pub(crate) fn inside(&self, name: &str) -> u32 {
        self.chain
            .iter()
            .filter(|(_, object)| object.name == name && object.relation != Relation::Root)
            .count() as u32
    }

    /// An empty buffer, if possible one that was used before.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn keep_buffer(&mut self, content: Content) {
        if self.spare.len() < SPARE_BUFFERS
            && let Some(mut buffer) = content.into_vec()
            && buffer.capacity() <= SPARE_SIZE
        {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

/// What is to be done after an object was looked at.
#[derive(Default)]
struct After {
    /// Formats as which signatures want it to be looked at.
    handle_as: Vec<&'static dyn Format>,
    /// Content that may begin within it.
    embedded: Vec<Embedded>,
    /// Content that programs took out of it.
    extracted: Vec<Vec<u8>>,
}

/// The formats of these types, each once, without the type that the object has anyway.
fn others(names: &[String], file_type: FileType) -> Vec<&'static dyn Format> {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| *name != file_type.name()).filter_map(format_of).collect()
}

/// The types of what an object came out of, the outermost first. What a canonical form was made from is the
/// same object in other words, and no container.
fn containers(around: &[(ObjectId, Object)], object: &Object) -> Vec<FileType> {
    let inside = around.iter().skip(1).map(|(_, object)| object).chain([object]);
    let pairs = around.iter().map(|(_, container)| container).zip(inside);
    pairs
        .filter(|(_, inside)| inside.relation != Relation::Normalized)
        .map(|(container, _)| container.file_type)
        .collect()
}
