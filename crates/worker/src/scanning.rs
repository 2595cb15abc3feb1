//! The life of a worker after it was confined: files in, reports out.

use std::any::Any;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use candor_engine::{Digests, Engine, read_file};
use candor_object::{Content, Gap, IN_MEMORY, Limit, ObjectId, Reason, Report};
use candor_protocol::{Answers, Channel, Job, Received, Request};
use sha2::{Digest, Sha256};

use crate::opening;

/// Answers wait no longer than this for company; so the other side hears of every file that takes its time.
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// Bytes of memory that are kept for the next files, in so many pieces.
const MOST_SPARE: usize = 24 << 20;
const MOST_BUFFERS: usize = 128;

/// Scans what comes until the channel is closed.
pub(crate) fn answer_all(channel: &mut Channel, engine: &Engine) -> io::Result<()> {
    let mut answers = Answers::default();
    let mut buffers = Buffers::default();
    loop {
        let received = match channel.receive()? {
            Some(received) => read(received)?,
            None => return Ok(()),
        };
        let (jobs, files) = match received {
            Work::Scan(jobs, files) => (jobs, files),
            Work::Open { file, size, as_type } => {
                opening::answer(channel, engine.limits(), file, size, &as_type)?;
                continue;
            }
        };
        let mut send = |packet: &[u8]| channel.send(packet, &[]);
        let mut sent = Instant::now();
        let contents: Vec<_> = jobs
            .iter()
            .zip(files)
            .map(|(job, file)| read_file(File::from(file), job.size, buffers.take(job.size)))
            .collect();
        let readable: Vec<&Content> = contents.iter().flatten().collect();
        let mut digests = engine.digests(&readable).into_iter();
        for (job, content) in jobs.into_iter().zip(contents) {
            let report = match content {
                Ok(content) => {
                    let kept = content.clone();
                    let report = scan(engine, &job, content, digests.next().unwrap_or_default());
                    buffers.give_back(kept);
                    report
                }
                Err(error) => Report::not_examined(job.size, Reason::Unreadable, error.to_string()),
            };
            match answers.add(job.ticket, &report, &mut send) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    answers.add(job.ticket, &too_long(&report), &mut send)?;
                }
                added => added?,
            }
            if sent.elapsed() >= LONGEST_WAIT {
                answers.flush(&mut send)?;
                sent = Instant::now();
            }
        }
        answers.flush(&mut send)?;
    }
}

/// What is to be done next.
enum Work {
    /// Files to scan.
    Scan(Vec<Job>, Vec<OwnedFd>),
    /// A file to take apart.
    Open { file: File, size: u64, as_type: String },
}

fn read(mut received: Received<'_>) -> io::Result<Work> {
    match Request::read(received.bytes, received.descriptors.len()) {
        Ok(Request::Scan(jobs)) => Ok(Work::Scan(jobs, received.descriptors)),
        Ok(Request::Open { size, as_type }) => {
            let file = received.descriptors.pop().ok_or(io::ErrorKind::InvalidInput)?;
            Ok(Work::Open { file: File::from(file), size, as_type })
        }
        Ok(Request::Start(_)) => Err(io::Error::other("a worker starts once")),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Memory of files that were scanned, for the next: the kernel fills new memory with zeros first.
#[derive(Default)]
struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// Memory for so many bytes, perhaps.
    fn take(&mut self, size: u64) -> Vec<u8> {
        let room = |buffer: &Vec<u8>| buffer.capacity() as u64;
        let spare = || self.0.iter().enumerate();
        let fits = spare().filter(|(_, buffer)| room(buffer) >= size).min_by_key(|(_, buffer)| room(buffer));
        // One that is too small grows; otherwise only those would be left.
        let Some((place, _)) = fits.or_else(|| spare().max_by_key(|(_, buffer)| room(buffer))) else {
            return Vec::new();
        };
        self.0.swap_remove(place)
    }

    /// Takes the memory of a content that nobody holds any more.
    fn give_back(&mut self, content: Content) {
        let held: usize = self.0.iter().map(Vec::capacity).sum();
        if let Some(buffer) = content.into_vec()
            && held.saturating_add(buffer.capacity()) <= MOST_SPARE
            && self.0.len() < MOST_BUFFERS
        {
            self.0.push(buffer);
        }
    }
}

fn scan(engine: &Engine, job: &Job, content: Content, digests: Digests) -> Report {
    let cut = job.size == 0 && content.size() >= IN_MEMORY;
    // Kept only where it is asked for: otherwise its memory serves what comes out of it.
    let whole = job.digest.then(|| content.clone());
    // A defect in a parser costs one file, and that is shown; it need not cost the worker. The engine keeps
    // nothing between two scans, so nothing half-done is seen afterwards.
    let scanned = catch_unwind(AssertUnwindSafe(|| match &job.inventory {
        Some(name) => engine.inventory(name, content, digests),
        None => engine.scan_digested(&job.name, content, digests),
    }));
    let mut report = scanned.unwrap_or_else(|panic| {
        let detail = format!("the examination failed: {}", panic_text(&*panic));
        Report::not_examined(job.size, Reason::Crashed, detail)
    });
    // The names of files are given by those who opened them.
    if let Some(root) = report.objects.first_mut() {
        root.name.clear();
    }
    if let (Some(root), Some(bytes)) =
        (report.objects.first_mut(), whole.as_ref().and_then(|whole| whole.as_slice()))
    {
        // The engine digests what it found something in.
        root.sha256.get_or_insert_with(|| Sha256::digest(bytes).into());
    }
    if cut {
        let detail = format!("the file claims no size; the first {IN_MEMORY} bytes were read");
        let reason = Reason::Limit(Limit::ObjectBytes);
        report.gaps.push(Gap { object: ObjectId::ROOT, reason, detail });
    }
    report
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("internal error")
}

/// What is left of a report that is too long for the wire: all that was found, and the root object. Findings
/// and gaps are told of the root, since the objects that they are about are gone.
fn too_long(report: &Report) -> Report {
    let mut short = report.clone();
    short.objects.truncate(1);
    short.findings.iter_mut().for_each(|finding| finding.object = ObjectId::ROOT);
    short.gaps.truncate(1000);
    short.gaps.iter_mut().for_each(|gap| gap.object = ObjectId::ROOT);
    short.facts.iter_mut().for_each(|fact| fact.object = ObjectId::ROOT);
    let detail = "the list of objects is too long to be reported".to_owned();
    short.gaps.push(Gap { object: ObjectId::ROOT, reason: Reason::Limit(Limit::Objects), detail });
    short
}
