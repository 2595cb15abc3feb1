//! What an object says about what is installed, where an inventory was asked for.

use std::io;

use candor_formats::Format;
use candor_inventory::{Error, Facts, HEAD, Subject, read};
use candor_object::{Limit, ObjectId, Reason};

use super::{Scan, containers};

impl Scan<'_> {
    /// Lets the readers look at the object that was pushed last.
    pub(super) fn read_facts(&mut self, id: ObjectId, format: Option<&'static dyn Format>) {
        let Some(text) = &mut self.facts else { return };
        let Some(((_, object), around)) = self.chain.split_last() else { return };
        let mut failures = Vec::new();
        let of_format = || -> io::Result<_> {
            let Some(format) = format else { return Ok((None, None)) };
            Ok((format.layout(&object.content)?, format.signed(&object.content)?))
        };
        let (layout, signed) = of_format().unwrap_or_else(|error| {
            failures.push(("the program", Error::Io(error)));
            (None, None)
        });
        match object.content.window(0, HEAD) {
            Ok(head) => {
                let subject = Subject {
                    object,
                    head: &head,
                    containers: &containers(around, object),
                    layout: layout.as_ref(),
                    signed: signed.as_ref(),
                    deadline: self.budget.deadline(),
                };
                let mut facts = Facts::new(id, &mut self.report.facts, text);
                read(&subject, &mut facts, |reader, error| failures.push((reader, error)));
            }
            Err(error) => failures.push(("the content", Error::Io(error))),
        }
        for (reader, error) in failures {
            let reason = match error {
                Error::Io(_) => Reason::Unreadable,
                Error::Damaged(_) => Reason::Damaged,
                Error::Unsupported(_) => Reason::Unsupported,
                Error::Full => Reason::Limit(Limit::Objects),
                Error::TimeIsUp => Reason::Limit(Limit::Time),
            };
            self.gap(id, reason, &format!("{reader}: {error}"));
        }
    }
}
