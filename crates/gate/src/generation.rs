//! Workers with their databases, and the verdicts that they gave.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;
use std::time::Duration;

use candor_databases::Databases;
use candor_jail::{Passwords, Pool, Program, Ready, Settings, Source};
use candor_object::Limits;
use rustix::process::setpriority_process;

use crate::configuration::Configuration;
use crate::idle::be_idle;
use crate::scan::Scan;
use crate::verdicts::Verdicts;

/// Scans that may wait: each is a thread of somebody that waits for it, so that they are bounded elsewhere.
const QUEUE: usize = 1 << 20;
/// The priority of workers, lower than that of the gate.
const USUAL: i32 = 0;
/// The part of the time that an access may wait in which its scan has to end.
const SHARE: f64 = 0.8;

/// Another one takes over when databases change, and knows nothing of the verdicts of this one.
#[derive(Debug)]
pub(crate) struct Generation {
    /// Those for whom somebody waits.
    quick: Pool,
    /// One that takes its time, for what the others could not finish.
    patient: Pool,
    pub(crate) verdicts: Verdicts,
    /// Tells it from others.
    pub(crate) number: u64,
    /// SHA-256 of its databases.
    pub(crate) database: [u8; 32],
}

impl Generation {
    /// Starts workers.
    ///
    /// # Errors
    /// When one cannot be started or confined, or refuses a database.
    pub(crate) fn start(
        configuration: &Configuration,
        program: &Path,
        databases: &Databases,
        number: u64,
    ) -> Result<Self, candor_jail::Error> {
        let pool = |workers: NonZeroUsize, time: Duration, is_idle: bool| {
            let databases = databases.files.iter().map(File::try_clone).collect::<Result<_, _>>()?;
            let settings = Settings {
                source: Source::Program(Program {
                    path: program.to_owned(),
                    databases,
                    user: None,
                    passwords: Passwords::default(),
                }),
                limits: Limits { time, bytes_per_second: 0, ..Limits::default() },
                workers,
                at_once: 1,
                queue: QUEUE,
                grace: candor_jail::GRACE,
            };
            let start = || {
                // Threads and processes have the priority of the thread that starts them, and that of the gate is too high.
                let _ = setpriority_process(None, USUAL);
                if is_idle {
                    be_idle();
                }
                Pool::start(settings)
            };
            let started = thread::scope(|scope| scope.spawn(start).join());
            started.unwrap_or_else(|_| Err(io::Error::other("a thread panicked").into()))
        };
        let time = configuration.late.patience().mul_f64(SHARE);
        Ok(Self {
            quick: pool(configuration.service.workers, time, false)?,
            patient: pool(NonZeroUsize::MIN, Limits::default().time, true)?,
            verdicts: Verdicts::new(configuration.service.remembered.get()),
            number,
            database: databases.identity,
        })
    }

    /// Hands over a scan.
    pub(crate) fn submit(&self, mut scan: Scan) {
        scan.generation = self.number;
        let pool = if scan.is_patient() { &self.patient } else { &self.quick };
        pool.submit(Box::new(scan));
    }

    /// Scans that wait and that nobody waits for.
    pub(crate) fn patient(&self) -> usize {
        self.patient.waiting()
    }

    /// What the workers' confinement lacks on this system.
    pub(crate) fn missing(&self) -> Vec<String> {
        match self.quick.greeting() {
            Ready::Confined { missing } => missing.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }
}
