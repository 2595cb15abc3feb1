//! What flows through a scan, as plain data.
//!
//! An [`Object`] is content with a [`FileType`], a name and a depth. A format takes children out of it and
//! hands them to a [`Sink`], which spends a [`Budget`]. Detectors add [`Finding`]s. The [`Report`] holds the
//! objects, the findings and the [`Gap`]s: what was seen, and what was not. Policy turns a report into a
//! [`Decision`].
//!
//! This crate has no dependency in the workspace, does no I/O of its own and judges nothing.

#![forbid(unsafe_code)]

mod budget;
mod clock;
mod content;
mod decision;
mod escape;
mod fact;
mod file_type;
mod finding;
mod gap;
mod layout;
mod object;
mod password;
mod pictures;
mod report;
mod signed;
mod sink;

pub use budget::{Budget, Limit, Limits};
pub use clock::utc;
pub use content::{Content, IN_MEMORY, Reader, Source};
pub use decision::{Action, Decision, Verdict};
pub use escape::{Escaped, harmless, is_dangerous};
pub use fact::{Attribute, Fact, FactKind, MAX_ATTRIBUTES, MAX_FACTS, MAX_VALUE};
pub use file_type::{FileType, family, kinds};
pub use finding::{Category, Evidence, Finding, MAX_EXCERPT, Strength};
pub use gap::{Gap, Reason};
pub use layout::{Import, Layout, Section};
pub use object::{MAX_NAME, Object, ObjectId, Relation};
pub use password::{MAX_PASSWORD, Password};
pub use pictures::{IconArea, IconStatistics, Icons, Pictures, Undecoded};
pub use report::{Report, Seen};
pub use signed::Signed;
pub use sink::{Child, Flow, Form, Link, Listed, Sink, Stop};
