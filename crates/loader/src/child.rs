//! The confined process, from its start to its end.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use candor_jail::Ready;
use candor_protocol::{Channel, Compile, Compiled};
use rustix::process::Signal;

use crate::{Limits, LoadError};

/// How long it may take until it is confined, and to end when it has said everything.
const STARTING: Duration = Duration::from_secs(20);
const ENDING: Duration = Duration::from_secs(5);

/// What it says, all of which may be lies.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) left_out: u64,
    pub(crate) problems: Vec<String>,
    pub(crate) missing: Vec<String>,
}

/// Starts the program, has it compile, and makes sure that it is gone.
pub(crate) fn run(
    program: &Path,
    compile: &Compile,
    segment: &File,
    output: &File,
    limits: &Limits,
) -> Result<Said, LoadError> {
    let (channel, theirs) = Channel::pair()?;
    let process = Command::new(program)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| LoadError::Start { program: program.to_owned(), error })?;
    let mut loader = Running { process, channel, limits: *limits };
    let mut packet = Vec::new();
    compile.write(&mut packet);
    loader.channel.set_patience(Some(STARTING))?;
    loader.send(&packet, output)?;
    let missing = match Ready::read(&loader.receive(STARTING)?) {
        Ok(Ready::Confined { missing }) => missing,
        Ok(Ready::Refused { reason }) => return Err(LoadError::NotConfined(reason)),
        Ok(Ready::Service { .. }) => return Err(LoadError::Broke("it is no loader".to_owned())),
        Err(error) => return Err(LoadError::Broke(error.to_string())),
    };
    // Asking for the length is a system call that it has not.
    let length = segment.metadata()?.len();
    loader.send(&length.to_le_bytes(), segment)?;
    match Compiled::read(&loader.receive(limits.time)?) {
        Ok(Compiled::Written { left_out, problems }) => {
            // As long as it lives it could go on writing.
            loader.end(ENDING)?;
            Ok(Said { left_out, problems, missing })
        }
        Ok(Compiled::Refused { reason }) => Err(LoadError::Refused(reason)),
        Err(error) => Err(LoadError::Broke(error.to_string())),
    }
}

/// The process; dropping it kills it.
struct Running {
    process: Child,
    channel: Channel,
    limits: Limits,
}

impl Running {
    fn send(&mut self, packet: &[u8], file: &File) -> Result<(), LoadError> {
        match self.channel.send(packet, &[file.as_fd()]) {
            // It is gone already, and how it ended says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(self.failed()),
            other => Ok(other?),
        }
    }

    /// Waits for one message.
    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, LoadError> {
        self.channel.set_patience(Some(patience))?;
        match self.channel.receive() {
            Ok(Some(received)) if received.descriptors.is_empty() => Ok(received.bytes.to_owned()),
            Ok(Some(_)) => Err(LoadError::Broke("it sent a descriptor".to_owned())),
            Ok(None) => Err(self.failed()),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Err(LoadError::Time(patience)),
                io::ErrorKind::InvalidData => Err(LoadError::Broke(error.to_string())),
                // It ended with something unread.
                io::ErrorKind::ConnectionReset => Err(self.failed()),
                _ => Err(error.into()),
            },
        }
    }

    /// Why it closed the socket without the word that was due.
    fn failed(&mut self) -> LoadError {
        match self.wait(ENDING) {
            Ok(Some(status)) => self.reason(status),
            Ok(None) => LoadError::Broke("it closed the socket and lives".to_owned()),
            Err(error) => error.into(),
        }
    }

    fn reason(&self, status: ExitStatus) -> LoadError {
        let is = |signal: Signal| status.signal() == Some(signal.as_raw());
        if is(Signal::ABORT) {
            LoadError::Memory(self.limits.memory)
        } else if is(Signal::XCPU) {
            LoadError::Processor(self.limits.processor_time)
        } else if is(Signal::XFSZ) {
            LoadError::TooLong(self.limits.image)
        } else {
            LoadError::Died(status.to_string())
        }
    }

    /// Waits until it is gone, and kills it if that takes too long.
    fn end(mut self, patience: Duration) -> Result<(), LoadError> {
        match self.wait(patience)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.reason(status)),
            None => Err(LoadError::Broke("it did not end when it was done".to_owned())),
        }
    }

    fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(Some(status));
            }
            if asked.elapsed() > patience {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for what is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
