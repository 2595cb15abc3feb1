//! One worker, from its start to its end: a process of ours, or a connection to a service that has some.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use candor_object::Report;
use candor_protocol::{Assembly, Channel, Job, MOST_FORMS, Opened, OpenedPieces, Ready, Request, Start};

use crate::pool::Source;
use crate::{Error, Settings};

/// How long a worker may take until it is ready.
const STARTING: Duration = Duration::from_secs(20);
/// Time on the processor after which a worker is dead, whatever it does; its work is bounded from outside long
/// before, so this stops only what escapes that.
const PROCESSOR_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A running worker; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Worker {
    process: Option<Child>,
    channel: Channel,
    answers: Assembly,
    patience: Duration,
    packet: Vec<u8>,
}

/// Why a worker is of no use any more.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It did not answer in time.
    Hung,
    /// It ended by itself or was killed by the system.
    Ended(End),
    /// It said what it must not say.
    Broke(String),
    /// No other could be started in its place.
    NotReplaced(Error),
}

impl Worker {
    /// Starts a worker, or connects to a service, and waits until it is ready; what it said first.
    pub(crate) fn start(settings: &Settings) -> Result<(Self, Ready), Error> {
        let (process, channel) = match &settings.source {
            Source::Program(program) => {
                let (channel, theirs) = Channel::pair()?;
                (Some(spawn(&program.path, Stdio::from(theirs))?), channel)
            }
            Source::Service(socket) => {
                let stream = UnixStream::connect(socket)
                    .map_err(|error| Error::Start { program: socket.clone(), error })?;
                (None, Channel::over_stream(stream.into()))
            }
        };
        let answers = Assembly::new(settings.limits.objects.saturating_add(1).saturating_add(MOST_FORMS));
        let mut worker = Self { process, channel, answers, patience: STARTING, packet: Vec::new() };
        worker.channel.set_patience(Some(STARTING))?;
        let mut told = Ok(());
        if let Source::Program(program) = &settings.source {
            let start = Start::new(&settings.limits, program.user, settings.memory(), PROCESSOR_TIME);
            let start = start.with_passwords(program.passwords.clone());
            Request::Start(start).write(&mut worker.packet);
            let databases: Vec<_> = program.databases.iter().map(AsFd::as_fd).collect();
            told = worker.channel.send(&worker.packet, &databases);
        }
        let answer = match told {
            Ok(()) => worker.channel.receive(),
            // It was gone before it could be told anything.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            Err(error) => Err(error),
        };
        let ready = match answer {
            Ok(Some(received)) => Ready::read(received.bytes).map_err(|error| error.to_string()),
            Ok(None) => Err(worker.end().to_string()),
            Err(error) => Err(error.to_string()),
        };
        match ready {
            Ok(Ready::Refused { reason }) => Err(Error::Refused(reason)),
            Ok(greeting) => Ok((worker, greeting)),
            Err(error) => Err(Error::NotReady(error)),
        }
    }

    /// Sends files; an answer to each is expected within `patience` after the one before it.
    pub(crate) fn send<F: AsFd>(
        &mut self,
        jobs: Vec<Job>,
        files: &[F],
        patience: Duration,
    ) -> Result<(), Failure> {
        if patience != self.patience {
            self.channel.set_patience(Some(patience)).map_err(|error| self.failed(&error))?;
            self.patience = patience;
        }
        self.packet.clear();
        Request::Scan(jobs).write(&mut self.packet);
        let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        self.channel.send(&self.packet, &files).map_err(|error| self.failed(&error))
    }

    /// Waits for some answers.
    pub(crate) fn receive(&mut self, each: &mut impl FnMut(u32, Report)) -> Result<(), Failure> {
        match self.channel.receive() {
            Ok(Some(received)) if received.descriptors.is_empty() => {
                self.answers.read(received.bytes, each).map_err(|error| Failure::Broke(error.to_string()))
            }
            Ok(Some(_)) => Err(Failure::Broke("it sent a descriptor".to_owned())),
            Ok(None) => Err(Failure::Ended(self.end())),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Has a file taken apart, which may take so long.
    pub(crate) fn open(
        &mut self,
        file: &File,
        size: u64,
        as_type: &str,
        patience: Duration,
    ) -> Result<Opened, Failure> {
        self.channel.set_patience(Some(patience)).map_err(|error| self.failed(&error))?;
        self.packet.clear();
        Request::Open { size, as_type: as_type.to_owned() }.write(&mut self.packet);
        self.channel.send(&self.packet, &[file.as_fd()]).map_err(|error| self.failed(&error))?;
        let mut pieces = OpenedPieces::default();
        loop {
            let received = match self.channel.receive() {
                Ok(Some(received)) => pieces.read(received.bytes),
                Ok(None) => return Err(Failure::Ended(self.end())),
                Err(error) => return Err(self.failed(&error)),
            };
            if let Some(opened) = received.map_err(|error| Failure::Broke(error.to_string()))? {
                return Ok(opened);
            }
        }
    }

    fn failed(&mut self, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::WouldBlock => Failure::Hung,
            io::ErrorKind::InvalidData => Failure::Broke(error.to_string()),
            _ => Failure::Ended(self.end()),
        }
    }

    /// Makes sure that the process is gone. Its own end, if it came to that, is not mistaken for ours: who
    /// closed the socket is about to end.
    fn end(&mut self) -> End {
        let Some(process) = &mut self.process else { return End::Gone };
        for _ in 0..100 {
            if let Ok(Some(status)) = process.try_wait() {
                return End::Process(status);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // Killing fails only for what is gone already.
        let _ = process.kill();
        process.wait().map_or(End::Gone, End::Process)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As a process does.
    Process(ExitStatus),
    /// The service closed the connection.
    Gone,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(status) => status.fmt(f),
            Self::Gone => f.write_str("the service is gone"),
        }
    }
}

fn spawn(program: &Path, socket: Stdio) -> Result<Child, Error> {
    Command::new(program)
        .env_clear()
        .current_dir("/")
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Error::Start { program: program.to_owned(), error })
}

impl Failure {
    /// Whether it may well have nothing to do with the file: somebody else killed the worker.
    pub(crate) fn is_foreign(&self) -> bool {
        match self {
            Self::Ended(End::Process(status)) => status.signal() == Some(KILLED),
            Self::Ended(End::Gone) | Self::NotReplaced(_) => true,
            Self::Hung | Self::Broke(_) => false,
        }
    }
}

/// The number of the signal that nobody can catch.
const KILLED: i32 = 9;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung => f.write_str("the worker did not answer in time"),
            Self::Ended(end) => write!(f, "the worker ended: {end}"),
            Self::Broke(what) => write!(f, "the worker was stopped: {what}"),
            Self::NotReplaced(error) => write!(f, "no worker could be started: {error}"),
        }
    }
}
