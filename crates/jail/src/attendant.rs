//! The thread beside each worker: feeds it, hands its answers over, and replaces it when it fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use candor_object::{Reason, Report};
use candor_protocol::{self as protocol, MAX_DESCRIPTORS, Ready};
use crossbeam_channel::Receiver;

use crate::Error;
use crate::pool::{Counters, Job, Opened, Settings};
use crate::worker::{Failure, Worker};

/// Bytes that go to a worker at once, unless one file has more. Another worker might be idle meanwhile.
const BATCH: u64 = 1 << 20;
/// A worker gets more when it has no more than this left.
const LOW: usize = MAX_DESCRIPTORS / 2;
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
    queue: Receiver<Box<dyn Job>>,
    worker: Option<Worker>,
    flights: VecDeque<Flight>,
    next_ticket: u32,
    /// When the worker was last asked or last answered.
    progress: Instant,
}

impl Attendant {
    /// Starts a worker; what it said first.
    pub(crate) fn start(
        settings: Arc<Settings>,
        counters: Arc<Counters>,
        queue: Receiver<Box<dyn Job>>,
    ) -> Result<(Self, Ready), Error> {
        let (worker, greeting) = Worker::start(&settings)?;
        counters.count_start();
        let (worker, flights) = (Some(worker), VecDeque::new());
        let attendant =
            Self { settings, counters, queue, worker, flights, next_ticket: 0, progress: Instant::now() };
        Ok((attendant, greeting))
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let first = if self.flights.is_empty() {
                let Ok(job) = self.queue.recv() else { return };
                Some(job)
            } else {
                None
            };
            let batch = self.gather(first);
            if let Err(failure) = self.exchange(batch) {
                self.recover(failure);
            }
        }
    }

    /// Opens what goes to the worker next: a fair share of what waits, and not too many bytes.
    fn gather(&mut self, first: Option<Box<dyn Job>>) -> Vec<Flight> {
        let mut batch = Vec::new();
        let mut bytes: u64 = self.flights.iter().map(|flight| flight.opened.size).sum();
        if self.flights.len() > LOW || bytes >= BATCH {
            return batch;
        }
        let share = self.queue.len() / self.settings.workers.get() + 1;
        let mut next = first.or_else(|| self.queue.try_recv().ok());
        while let Some(mut job) = next {
            if let Some(opened) = job.open() {
                bytes = bytes.saturating_add(opened.size);
                self.next_ticket = self.next_ticket.wrapping_add(1);
                batch.push(Flight { ticket: self.next_ticket, job, opened });
            }
            if batch.len() >= share.min(MAX_DESCRIPTORS) || bytes >= BATCH {
                break;
            }
            next = self.queue.try_recv().ok();
        }
        batch
    }

    /// Sends a batch, and hands over some answers.
    fn exchange(&mut self, batch: Vec<Flight>) -> Result<(), Failure> {
        let sending = !batch.is_empty();
        let first = self.flights.len();
        self.flights.extend(batch);
        if self.flights.is_empty() {
            return Ok(());
        }
        let worker = match &mut self.worker {
            Some(worker) => worker,
            None => self.worker.insert(replacement(&self.settings, &self.counters)?),
        };
        if sending {
            let patience = patience(&self.settings, self.flights.iter());
            let new = self.flights.range(first..);
            let jobs = new.clone().map(Flight::job).collect();
            let files: Vec<_> = new.map(|flight| &*flight.opened.file).collect();
            worker.send(jobs, &files, patience)?;
        }
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
        if answered || sending {
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
            let failure = loop {
                match self.exchange(std::mem::take(&mut batch)) {
                    Ok(()) if self.flights.is_empty() => return,
                    Ok(()) => {}
                    Err(failure) => break failure,
                }
            };
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
        protocol::Job { ticket: self.ticket, size: self.opened.size }
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
