//! What an object says about what is installed, where an inventory was asked for.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use candor_detect::trust::{Standing, standing};
use candor_detect::{self as detect, Database};
use candor_formats::Format;
use candor_inventory::{Error, Facts, HEAD, Subject, Verified, read};
use candor_object::{Limit, Object, ObjectId, Reason, Signed};

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
        let verified =
            signed.as_ref().map(|signed| verified(self.databases, object, signed, self.budget.deadline()));
        let verified = verified.transpose().unwrap_or_else(|error| {
            failures.push(("the signature", error));
            None
        });
        match object.content.window(0, HEAD) {
            Ok(head) => {
                let subject = Subject {
                    object,
                    head: &head,
                    containers: &containers(around, object),
                    layout: layout.as_ref(),
                    signed: signed.as_ref(),
                    verified: verified.as_deref().unwrap_or_default(),
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

/// What the lists of publishers say of the signatures of a program.
fn verified(
    databases: &[Arc<Database>],
    object: &Object,
    signed: &Signed,
    deadline: Instant,
) -> Result<Vec<(u64, Verified)>, Error> {
    let all = standing(databases, &object.content, signed, deadline).map_err(|error| match error {
        detect::Error::Io(error) => Error::Io(error),
        detect::Error::TimeIsUp => Error::TimeIsUp,
        other => Error::Unsupported(other.to_string()),
    })?;
    let name = |standing| match standing {
        Standing::Trusted => Verified::Yes,
        Standing::Foreign => Verified::No,
        Standing::Unknown => Verified::Present,
    };
    Ok(all.into_iter().map(|(start, standing)| (start, name(standing))).collect())
}
