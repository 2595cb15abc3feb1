//! The sink of a scan: what a format hands over is scanned at once, before the format goes on.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::Instant;

use candor_object::{
    Budget, Category, Child, Content, FileType, Finding, Flow, Form, Limit, Link, Listed, MAX_NAME, ObjectId,
    Password, Reason, Sink, Stop, Strength,
};

use crate::scan::Scan;

/// Bytes that are taken from a decoder at a time.
const CHUNK: u64 = 256 << 10;

/// Takes the children of one container.
pub(crate) struct Nest<'s, 'e> {
    scan: &'s mut Scan<'e>,
    container: ObjectId,
    depth: u32,
    /// Bytes of the container that no range has shown yet, were there no overlap.
    unshown: u64,
}

impl<'s, 'e> Nest<'s, 'e> {
    /// The sink of a container.
    pub(crate) fn new(scan: &'s mut Scan<'e>, container: ObjectId, size: u64) -> Self {
        let depth = scan.depth();
        Self { scan, container, depth, unshown: size }
    }

    /// Spends an object, or notes why that is not possible: then the child is left out (`Ok(false)`), or
    /// nothing can follow at all.
    fn admit(&mut self, child: &Child<'_>) -> Result<bool, Stop> {
        let Err(limit) = self.scan.budget.spend_object(self.depth) else {
            return Ok(true);
        };
        let detail = match (limit, child.name) {
            (Limit::Depth, "") => format!("at depth {}", self.depth),
            (Limit::Depth, name) => format!("{:?} is at depth {}", clipped(name), self.depth),
            _ => String::new(),
        };
        self.scan.gap(self.container, Reason::Limit(limit), &detail);
        if limit == Limit::Depth { Ok(false) } else { Err(Stop::Spent) }
    }

    /// Reads a child until the end, the first error or a limit, and never again after that. `spend` pays for bytes
    /// beside those that are held already.
    fn read(&mut self, body: &mut dyn Read, spend: Spend) -> (Vec<u8>, Option<End>) {
        let mut bytes = self.scan.buffer();
        loop {
            let held = bytes.len();
            let result = body.take(CHUNK).read_to_end(&mut bytes);
            let count = (bytes.len() - held) as u64;
            if let Err(limit) = spend(&mut self.scan.budget, held as u64, count) {
                bytes.truncate(held);
                return (bytes, Some(End::Limit(limit)));
            }
            match result {
                Err(error) => return (bytes, Some(End::Error(error))),
                Ok(_) if count < CHUNK => return (bytes, None),
                Ok(_) => {}
            }
            if let Err(limit) = self.scan.budget.time_left() {
                return (bytes, Some(End::Limit(limit)));
            }
        }
    }

    /// Notes why a child is not complete, if it is not.
    fn note(&mut self, id: ObjectId, size: usize, end: Option<End>) -> Flow {
        match end {
            None => Ok(()),
            Some(End::Error(error)) => {
                let reason = match error.kind() {
                    ErrorKind::UnexpectedEof => Reason::Truncated,
                    ErrorKind::Unsupported => Reason::Unsupported,
                    _ => Reason::Damaged,
                };
                self.scan.gap(id, reason, &format!("after {size} bytes: {error}"));
                Ok(())
            }
            Some(End::Limit(limit)) => {
                self.scan.gap(id, Reason::Limit(limit), &format!("after {size} bytes"));
                // One child that is too large does not keep the others from being scanned.
                if matches!(limit, Limit::ObjectBytes | Limit::HeldBytes) { Ok(()) } else { Err(Stop::Spent) }
            }
        }
    }
}

/// A way to pay for bytes that come out of a container.
type Spend = fn(&mut Budget, held: u64, bytes: u64) -> Result<(), Limit>;

/// Why a child is not complete.
enum End {
    Limit(Limit),
    Error(io::Error),
}

impl Sink for Nest<'_, '_> {
    fn child(&mut self, child: Child<'_>, body: &mut dyn Read) -> Flow {
        if !self.admit(&child)? {
            return Ok(());
        }
        let (bytes, end) = self.read(body, Budget::spend_bytes);
        let size = bytes.len();
        self.scan.budget.hold(size as u64);
        let id = self.scan.object(clipped(child.name), child.relation, Content::from_vec(bytes));
        self.scan.budget.release(size as u64);
        self.note(id, size, end)
    }

    fn wants(&self, form: Form<'_>) -> bool {
        self.scan.wants(form)
    }

    fn form(&mut self, form: Form<'_>, body: &mut dyn Read) -> Flow {
        self.pulse()?;
        if let Some(why) = self.scan.switched_off(form.file_type.name()) {
            self.scan.gap(self.container, Reason::Unsupported, &format!("no {}: {why}", form.file_type));
            return Ok(());
        }
        let (bytes, end) = self.read(body, |budget, held, bytes| budget.spend_form(held, bytes));
        let size = bytes.len();
        let id = self.scan.form(form, Content::from_vec(bytes), end.is_some());
        self.note(id, size, end)
    }

    fn range(&mut self, child: Child<'_>, content: Content) -> Flow {
        if self.admit(&child)? {
            let again = content.size().saturating_sub(self.unshown);
            self.unshown = self.unshown.saturating_sub(content.size());
            if let Err(limit) = self.scan.budget.spend_range(again) {
                self.scan.gap(self.container, Reason::Limit(limit), "its members overlap");
                return Err(Stop::Spent);
            }
            self.scan.object(clipped(child.name), child.relation, content);
        }
        Ok(())
    }

    fn gap(&mut self, reason: Reason, detail: &str) {
        self.scan.gap(self.container, reason, detail);
    }

    fn anomaly(&mut self, name: &'static str, detail: &str) {
        self.scan.finding(Finding {
            object: self.container,
            detector: "format",
            name: name.to_owned(),
            source: String::new(),
            category: Category::Anomaly,
            strength: Strength::Weak,
            text: detail.to_owned(),
            evidence: Vec::new(),
        });
    }

    fn listed(&mut self, listed: Listed<'_>) {
        self.scan.listed(self.container, &listed);
    }

    fn passwords(&self, container: FileType) -> Arc<[Password]> {
        self.scan.passwords(container)
    }

    fn wants_links(&self) -> bool {
        self.scan.wants_links()
    }

    fn link(&mut self, link: Link<'_>) {
        self.scan.link(self.container, &link);
    }

    fn inside(&self, name: &str) -> u32 {
        self.scan.inside(name)
    }

    fn hold(&mut self, bytes: u64) -> bool {
        self.scan.budget.hold_decoder(bytes).is_ok()
    }

    fn release(&mut self, bytes: u64) {
        self.scan.budget.release(bytes);
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.scan.budget.deadline())
    }

    fn pulse(&mut self) -> Flow {
        self.scan.budget.time_left().map_err(|limit| {
            self.scan.gap(self.container, Reason::Limit(limit), "");
            Stop::Spent
        })
    }
}

/// The name, cut to [`MAX_NAME`] bytes at a character.
fn clipped(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
