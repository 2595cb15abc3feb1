//! One scan: the loop over identify, detect and open, and the report that it writes.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use candor_detect::{DETECTORS, Database, Digests, Error, Inspection, sha256};
use candor_formats::{Format, identify, second};
use candor_object::{
    Budget, Category, Content, FileType, Finding, Form, Gap, Limit, Limits, Object, ObjectId, Reason,
    Relation, Report, Seen, Stop,
};

use crate::nest::Nest;

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
    pub(crate) budget: Budget,
    report: Report,
    /// The object that is being scanned and its containers, outermost first.
    chain: Vec<(ObjectId, Object)>,
    trust_asked: HashSet<ObjectId>,
    spare: Vec<Vec<u8>>,
}

impl<'e> Scan<'e> {
    pub(crate) fn new(databases: &'e [Arc<Database>], limits: &Limits, root: &Content) -> Self {
        Self {
            databases,
            budget: Budget::new(limits, root.size()),
            report: Report::default(),
            chain: Vec::new(),
            trust_asked: HashSet::new(),
            spare: Vec::new(),
        }
    }

    /// Scans the root object.
    pub(crate) fn run(mut self, name: &str, content: Content) -> Report {
        let _ = self.object(name, Relation::Root, content);
        self.report
    }

    /// Scans one object and, depth first, all that comes out of it; its number in the report.
    pub(crate) fn object(&mut self, name: &str, relation: Relation, content: Content) -> ObjectId {
        let identified = identify(&content);
        let format = *identified.as_ref().unwrap_or(&None);
        let fallback = if content.size() == 0 { FileType::EMPTY } else { FileType::DATA };
        let file_type = format.map_or(fallback, Format::file_type);
        let container = self.chain.last().map(|(_, object)| object.file_type);
        let depth = self.chain.len() as u32;
        let id = self.enter(Object { content, file_type, name: name.to_owned(), relation, depth });
        if let Err(error) = identified {
            self.unreadable(id, &error);
        }
        self.detect(id, container, format, true);
        if let Some(format) = format {
            self.open(id, format);
        }
        self.leave();
        id
    }

    /// Looks at a canonical form of the object that is being scanned. For signatures it is where that object is: in its
    /// container, at its depth.
    pub(crate) fn form(&mut self, form: Form<'_>, content: Content) -> ObjectId {
        let mut around = self.chain.iter().rev().skip(1);
        let container = around.next().map(|(_, object)| object.file_type);
        let depth = self.chain.last().map_or(0, |(_, object)| object.depth);
        let Form { name, file_type, hashed } = form;
        let relation = Relation::Normalized;
        let id = self.enter(Object { content, file_type, name: name.to_owned(), relation, depth });
        self.detect(id, container, None, hashed);
        self.leave();
        id
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

    fn detect(
        &mut self,
        id: ObjectId,
        container: Option<FileType>,
        format: Option<&'static dyn Format>,
        hashed: bool,
    ) {
        let Some((_, object)) = self.chain.last() else {
            return;
        };
        let object = object.clone();
        let layout = match format.map_or(Ok(None), |format| format.layout(&object.content)) {
            Ok(layout) => layout,
            Err(error) => {
                self.unreadable(id, &error);
                None
            }
        };
        let deadline = self.budget.deadline();
        let digests = Digests::default();
        let inspection = Inspection {
            object: &object,
            id,
            layout: layout.as_ref(),
            container,
            deadline,
            hashed,
            digests: &digests,
        };
        let mut found = Vec::new();
        for database in self.databases {
            for detector in DETECTORS {
                if let Err(error) = detector.inspect(database, &inspection, &mut found) {
                    self.failed(id, &error);
                }
            }
        }
        if !found.is_empty() {
            self.ask_for_trust(&mut found);
            match sha256(&object.content, deadline) {
                Ok(digest) => {
                    if let Some(seen) = self.report.objects.get_mut(id.0 as usize) {
                        seen.sha256 = Some(digest);
                    }
                }
                Err(error) => self.failed(id, &error),
            }
        }
        for finding in found {
            self.finding(finding);
        }
    }

    /// Looks for trusted digests of the object and its containers, each once. It is asked only where there is
    /// something to be overridden, since it costs a digest of everything.
    fn ask_for_trust(&mut self, found: &mut Vec<Finding>) {
        let deadline = self.budget.deadline();
        let mut failures = Vec::new();
        for (id, object) in &self.chain {
            if !self.trust_asked.insert(*id) {
                continue;
            }
            for database in self.databases {
                match database.trusted(&object.content, *id, deadline) {
                    Ok(finding) => found.extend(finding),
                    Err(error) => failures.push((*id, error)),
                }
            }
        }
        for (id, error) in failures {
            self.failed(id, &error);
        }
    }

    fn open(&mut self, id: ObjectId, format: &'static dyn Format) {
        let Some((_, object)) = self.chain.last() else {
            return;
        };
        let content = object.content.clone();
        let mut nest = Nest::new(self, id, content.size());
        let opened = format.open(&content, &mut nest).and_then(|()| match second(&content, format)? {
            Some(second) => second.open(&content, &mut nest),
            None => Ok(()),
        });
        match opened {
            Err(Stop::Unreadable(error)) => self.unreadable(id, &error),
            Ok(()) | Err(Stop::Spent) => {}
        }
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

    /// How many containers are around what comes out of the object that is being scanned.
    pub(crate) fn depth(&self) -> u32 {
        self.chain.len() as u32
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
