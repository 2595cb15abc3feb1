//! Disks that are far larger than their files: what is in them is handed over, and they themselves are not.

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use crate::Format;
use candor_object::{Child, Content, FileType, Flow, Form, Link, Listed, Password, Reason, Sink};

/// File systems in disks in disks.
const MOST_DEPTH: u32 = 4;

/// Opens content that is too large to be an object.
pub(super) fn open(content: &Content, name: &str, sink: &mut dyn Sink) -> Flow {
    descend(content, name, 0, sink)
}

fn descend(content: &Content, name: &str, depth: u32, sink: &mut dyn Sink) -> Flow {
    let format = if depth < MOST_DEPTH { crate::identify(content)? } else { None };
    let speaks = |format: &&dyn Format| {
        crate::is_opened(format.file_type().name()) || crate::unopened::says_so(format.file_type())
    };
    let Some(format) = format.filter(speaks) else {
        let size = content.size() >> 20;
        let detail = format!("{name:?}: {size} MiB, mostly empty, and no file system that is known");
        sink.gap(Reason::Unsupported, &detail);
        return Ok(());
    };
    let prefix = format!("{name}/");
    format.open(content, &mut Through { sink, prefix, depth })
}

struct Through<'a> {
    sink: &'a mut dyn Sink,
    prefix: String,
    depth: u32,
}

impl Through<'_> {
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Sink for Through<'_> {
    fn child(&mut self, child: Child<'_>, body: &mut dyn Read) -> Flow {
        let name = self.name(child.name);
        self.sink.child(Child { name: &name, relation: child.relation }, body)
    }

    fn range(&mut self, child: Child<'_>, content: Content) -> Flow {
        let name = self.name(child.name);
        if content.size() > super::WHOLE {
            return descend(&content, &name, self.depth.saturating_add(1), self.sink);
        }
        self.sink.range(Child { name: &name, relation: child.relation }, content)
    }

    fn wants(&self, form: Form<'_>) -> bool {
        self.sink.wants(form)
    }

    fn form(&mut self, form: Form<'_>, body: &mut dyn Read) -> Flow {
        self.sink.form(form, body)
    }

    fn gap(&mut self, reason: Reason, detail: &str) {
        let detail = format!("{}: {detail}", self.prefix);
        self.sink.gap(reason, &detail);
    }

    fn anomaly(&mut self, name: &'static str, detail: &str) {
        self.sink.anomaly(name, detail);
    }

    fn listed(&mut self, listed: Listed<'_>) {
        let name = self.name(listed.name);
        self.sink.listed(Listed { name: &name, ..listed });
    }

    fn passwords(&self, container: FileType) -> Arc<[Password]> {
        self.sink.passwords(container)
    }

    fn link(&mut self, link: Link<'_>) {
        self.sink.link(link);
    }

    fn inside(&self, name: &str) -> u32 {
        self.sink.inside(name)
    }

    fn hold(&mut self, bytes: u64) -> bool {
        self.sink.hold(bytes)
    }

    fn release(&mut self, bytes: u64) {
        self.sink.release(bytes);
    }

    fn deadline(&self) -> Option<Instant> {
        self.sink.deadline()
    }

    fn pulse(&mut self) -> Flow {
        self.sink.pulse()
    }
}
