//! A file on its way to a worker and back.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use candor_jail::{Job, Opened};
use candor_object::{Gap, Limit, ObjectId, Reason, Report};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::examine::{self, Links};

/// What became of a file.
#[derive(Debug)]
pub(super) enum Examined {
    /// It was looked at; the file itself comes along, unless it is standard input.
    Report(Report, Option<Arc<File>>),
    /// It was not looked at, since it is too long.
    TooLong(Report),
    /// It cannot be opened.
    Closed(io::Error),
}

/// Which limits there are on the size of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Of a file.
    pub(super) file: u64,
    /// Of a file with all that comes out of it.
    pub(super) scan: u64,
}

/// A file on its way.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Nothing for standard input.
    place: Option<(PathBuf, Links)>,
    bounds: Bounds,
    file: Option<Arc<File>>,
    gap: Option<Gap>,
    tell: Sender<Examined>,
}

impl Candidate {
    /// A job, and where the one thing comes out that is to be said of it.
    pub(super) fn job(place: Option<(PathBuf, Links)>, bounds: Bounds) -> (Box<dyn Job>, Receiver<Examined>) {
        let (tell, hear) = bounded(1);
        (Box::new(Self { place, bounds, file: None, gap: None, tell }), hear)
    }

    fn opened(&mut self) -> io::Result<Opened> {
        match &self.place {
            Some((path, links)) => examine::open(path, *links).inspect(|opened| {
                self.file = Some(Arc::clone(&opened.file));
            }),
            None => {
                let (opened, gap) = examine::spooled(self.bounds.file.min(self.bounds.scan))?;
                self.gap = gap.map(|(_, detail)| self.bounds.gap(detail));
                Ok(opened)
            }
        }
    }
}

impl Bounds {
    /// The gap of a file that is too long.
    fn gap(self, detail: String) -> Gap {
        let limit = if self.file <= self.scan { Limit::ObjectBytes } else { Limit::UnpackedBytes };
        Gap { object: ObjectId::ROOT, reason: Reason::Limit(limit), detail }
    }
}

impl Job for Candidate {
    fn open(&mut self) -> Option<Opened> {
        let most = self.bounds.file.min(self.bounds.scan);
        let examined = match self.opened() {
            Ok(opened) if opened.size <= most => return Some(opened),
            Ok(opened) => {
                let gap = self.bounds.gap(format!("it is longer than {most} bytes"));
                Examined::TooLong(Report::not_examined(opened.size, gap.reason, gap.detail))
            }
            Err(error) => Examined::Closed(error),
        };
        // Where nobody listens any more, nobody misses it.
        let _ = self.tell.send(examined);
        None
    }

    fn done(self: Box<Self>, mut report: Report) {
        report.gaps.extend(self.gap);
        let _ = self.tell.send(Examined::Report(report, self.file));
    }
}
