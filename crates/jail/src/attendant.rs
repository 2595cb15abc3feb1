//! The thread beside each worker: feeds it, hands its answers over, and replaces it when it fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use candor_object::{Reason, Report};
use candor_protocol::{self as protocol, MAX_DESCRIPTORS, Ready};
use rustix::process::{Resource, getrlimit};

use crate::Error;
use crate::pool::{Counters, Job, Opened, Settings};
use crate::queue::Queue;
use crate::worker::{Failure, Worker};

/// Bytes that go to a worker at once, unless one file has more. Another worker might be idle meanwhile.
const BATCH: u64 = 8 << 20;
/// The part of our descriptors that files with workers may take.
const PART_OF_DESCRIPTORS: u64 = 4;
/// How often a file is tried that kills its worker, and that was with a worker when somebody else killed it.
const TRIES: u32 = 2;
const FOREIGN_TRIES: u32 = 8;
/// How long to wait after a worker that could not be started.
const BEFORE_NEXT_START: Duration = Duration::from_millis(200);

/// A file on its way.
struct Flight {
    ticket: u32,
    job: Box<dyn Job>,
    opened: Opened,
}

pub(crate) struct Attendant {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    queue: Arc<Queue>,
    worker: Option<Worker>,
    flights: VecDeque<Flight>,
    /// Files that go to the worker at once.
    most: usize,
    next_ticket: u32,
    /// When the worker was last asked or last answered.
    progress: Instant,
}

impl Attendant {
    /// Starts a worker; what it said first.
    pub(crate) fn start(
        settings: Arc<Settings>,
        counters: Arc<Counters>,
        queue: Arc<Queue>,
    ) -> Result<(Self, Ready), Error> {
        let (worker, greeting) = Worker::start(&settings)?;
        counters.count_start();
        let (worker, flights) = (Some(worker), VecDeque::new());
        let most = most_at_once(&settings);
        let progress = Instant::now();
        queue.attend();
        let attendant = Self { settings, counters, queue, worker, flights, most, next_ticket: 0, progress };
        Ok((attendant, greeting))
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(&mut self) {
        loop {
            let jobs = if self.flights.is_empty() {
                let jobs = self.queue.wait(self.most);
                if jobs.is_empty() {
                    return;
                }
                jobs
            } else if self.has_enough() {
                VecDeque::new()
            } else {
                self.queue.ahead(self.most)
            };
            let batch = self.open(jobs);
            let step = if batch.is_empty() { self.collect() } else { self.send(batch) };
            if let Err(failure) = step {
                self.recover(failure);
            }
        }
    }

    /// Whether the worker has one batch before it and another behind that.
    fn has_enough(&self) -> bool {
        let bytes = self.flights.iter().fold(0, |sum: u64, flight| sum.saturating_add(flight.opened.size));
        self.flights.len() > self.most || bytes > BATCH
    }

    /// Opens what goes to the worker next: not too many bytes.
    fn open(&mut self, mut jobs: VecDeque<Box<dyn Job>>) -> Vec<Flight> {
        let mut batch = Vec::with_capacity(jobs.len());
        let mut bytes = 0_u64;
        while bytes < BATCH
            && let Some(mut job) = jobs.pop_front()
        {
            if let Some(opened) = job.open() {
                bytes = bytes.saturating_add(opened.size);
                self.next_ticket = self.next_ticket.wrapping_add(1);
                batch.push(Flight { ticket: self.next_ticket, job, opened });
            }
        }
        self.queue.put_back(jobs);
        batch
    }

    /// Sends a batch.
    fn send(&mut self, batch: Vec<Flight>) -> Result<(), Failure> {
        let busy = self.flights.len();
        if busy == 0 {
            self.progress = Instant::now();
        }
        self.flights.extend(batch);
        let worker = match &mut self.worker {
            Some(worker) => worker,
            None => self.worker.insert(replacement(&self.settings, &self.counters)?),
        };
        let patience = patience(&self.settings, self.flights.iter());
        let new = self.flights.range(busy..);
        let jobs = new.clone().map(Flight::job).collect();
        let files: Vec<_> = new.map(|flight| &*flight.opened.file).collect();
        worker.send(jobs, &files, patience)
    }

    /// Waits for answers, and hands some over.
    fn collect(&mut self) -> Result<(), Failure> {
        // Without a worker there is nothing that it was sent: see `recover`.
        let Some(worker) = self.worker.as_mut().filter(|_| !self.flights.is_empty()) else { return Ok(()) };
        let (mut answered, mut unknown) = (false, false);
        worker.receive(&mut |ticket, report| match self
            .flights
            .iter()
            .position(|flight| flight.ticket == ticket)
        {
            Some(place) => {
                answered = true;
                if let Some(flight) = self.flights.remove(place) {
                    flight.job.done(report);
                }
            }
            None => unknown = true,
        })?;
        if unknown {
            return Err(Failure::Broke("it answered what it was not asked".to_owned()));
        }
        if answered {
            self.progress = Instant::now();
        } else if self.progress.elapsed() > patience(&self.settings, self.flights.iter()) {
            // Packets that complete nothing are no sign of life.
            return Err(Failure::Hung);
        }
        Ok(())
    }

    /// Scans each file that a failed worker left unanswered alone, with another worker: so the one that is to
    /// blame is found, and the others lose nothing.
    fn recover(&mut self, failure: Failure) {
        self.lose(&failure);
        let left = std::mem::take(&mut self.flights);
        let mut blame = Blame::default();
        if left.len() == 1 {
            blame.add(failure);
        }
        for flight in left {
            self.scan_alone(flight, std::mem::take(&mut blame));
        }
    }

    fn scan_alone(&mut self, flight: Flight, mut blame: Blame) {
        let mut batch = vec![flight];
        loop {
            if let Some(failure) = blame.decided() {
                batch.into_iter().for_each(|flight| flight.give_up(failure));
                return;
            }
            let mut step = self.send(batch);
            while step.is_ok() && !self.flights.is_empty() {
                step = self.collect();
            }
            let Err(failure) = step else { return };
            self.lose(&failure);
            batch = std::mem::take(&mut self.flights).into();
            blame.add(failure);
        }
    }

    fn lose(&mut self, failure: &Failure) {
        self.worker = None;
        match failure {
            Failure::Hung => self.counters.count_hang(),
            Failure::Ended(_) | Failure::Broke(_) => self.counters.count_failure(),
            Failure::NotReplaced(_) => {}
        }
    }
}

/// How many files may go to each worker at once. A batch is with the worker while the next is prepared, and all of
/// them are open here meanwhile; other parts of the program need descriptors, too.
fn most_at_once(settings: &Settings) -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / PART_OF_DESCRIPTORS;
    let share = usize::try_from(descriptors).unwrap_or(usize::MAX) / settings.workers.get() / 2;
    share.min(settings.at_once).clamp(1, MAX_DESCRIPTORS)
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.queue.leave();
    }
}

fn replacement(settings: &Settings, counters: &Counters) -> Result<Worker, Failure> {
    match Worker::start(settings) {
        Ok((worker, _)) => {
            counters.count_start();
            Ok(worker)
        }
        Err(error) => {
            thread::sleep(BEFORE_NEXT_START);
            Err(Failure::NotReplaced(error))
        }
    }
}

/// How often a file failed while it was alone with a worker.
#[derive(Default)]
struct Blame {
    own: u32,
    foreign: u32,
    last: Option<Failure>,
}

impl Blame {
    fn add(&mut self, failure: Failure) {
        match failure {
            // Waiting as long once more would help nobody.
            Failure::Hung => self.own = TRIES,
            _ if failure.is_foreign() => self.foreign += 1,
            _ => self.own += 1,
        }
        self.last = Some(failure);
    }

    /// The last failure, if it is enough.
    fn decided(&self) -> Option<&Failure> {
        self.last.as_ref().filter(|_| self.own >= TRIES || self.foreign >= FOREIGN_TRIES)
    }
}

impl Flight {
    fn job(&self) -> protocol::Job {
        let Opened { size, digest, ref inventory, ref name, .. } = self.opened;
        let end = |text: &str, most: usize| {
            let from = text.len().saturating_sub(most);
            text[text.ceil_char_boundary(from)..].to_owned()
        };
        let inventory = inventory.as_deref().map(|path| end(path, protocol::MAX_JOB_NAME));
        protocol::Job {
            ticket: self.ticket,
            size,
            digest,
            inventory,
            name: end(name, protocol::MAX_JOB_HINT),
        }
    }

    /// Answers that the file was not examined.
    fn give_up(self, failure: &Failure) {
        let report = Report::not_examined(self.opened.size, Reason::Crashed, failure.to_string());
        self.job.done(report);
    }
}

/// How long a worker may take for any of these before it is taken for hung.
fn patience<'f>(settings: &Settings, flights: impl Iterator<Item = &'f Flight>) -> Duration {
    let limits = &settings.limits;
    let largest = flights.map(|flight| flight.opened.size).max().unwrap_or(0);
    let earned = Duration::from_secs(largest.checked_div(limits.bytes_per_second).unwrap_or(0));
    limits.time.saturating_add(earned).saturating_add(settings.grace)
}
