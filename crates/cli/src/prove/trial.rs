//! One attempt to break out, made by a worker of its own, and what is seen of it from outside.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use candor_protocol::Channel;
use tempfile::TempDir;

use super::spawn;

/// How long a worker may take for an attempt. The longest one uses two seconds of the processor.
const PATIENCE: Duration = Duration::from_secs(300);
/// What the processor's refusals and the filter's look like (`signal(7)`).
const FAULT: i32 = 11;
const FILTERED: i32 = 31;

/// An attempt as the worker program describes it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// Its number there.
    pub(super) number: String,
    /// What it is after.
    pub(super) group: String,
    /// The system call.
    pub(super) call: String,
    /// What it tries, for people.
    pub(super) what: String,
    /// How it has to fail.
    pub(super) expected: Expected,
    /// Whether it is made without confinement, too, to show that it is a real one.
    pub(super) control: Control,
    /// Mechanisms each of which refuses it alone.
    pub(super) alone: Vec<String>,
}

/// How an attempt has to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The filter kills.
    Filter,
    /// The filter kills, or the processor refuses.
    FilterOrFault,
    /// The call fails with this error.
    Error(i32),
    /// The process is killed by this signal.
    Signal(i32),
    /// The call succeeds and reaches nobody but us.
    OnlyTheParent,
}

/// Whether an attempt is made without confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// It is, and does no harm.
    Run,
    /// It is not.
    Skip,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// How it ended.
    pub(super) ending: Ending,
    /// What the confinement lacks on this system.
    pub(super) missing: Vec<String>,
    /// What was seen outside that should not have been.
    pub(super) leaked: Vec<&'static str>,
    /// Whether packets arrived here.
    arrived: Vec<Vec<u8>>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A signal killed the worker.
    Killed(i32),
    /// The call failed.
    Error(i32),
    /// The call succeeded.
    Returned(i64),
    /// The worker ended without a word.
    Silent(String),
    /// The worker could not be confined.
    Unconfined(String),
}

/// The attempts that the worker program knows.
pub(super) fn attempts(worker: &Path) -> anyhow::Result<Vec<Attempt>> {
    let output = Command::new(worker)
        .args(["--escape", "list"])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be started", worker.display()))?;
    let text = String::from_utf8(output.stdout).context("the worker's list of attempts is no text")?;
    let attempts: Option<Vec<Attempt>> = text.lines().map(read).collect();
    match attempts {
        Some(attempts) if output.status.success() && !attempts.is_empty() => Ok(attempts),
        _ => bail!("{} knows no attempts; build it anew", worker.display()),
    }
}

fn read(line: &str) -> Option<Attempt> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [number, group, call, what, expected, control, alone] = columns.as_slice() else {
        return None;
    };
    let expected = match expected.split_once(' ') {
        None if *expected == "filter" => Expected::Filter,
        None if *expected == "filter-or-fault" => Expected::FilterOrFault,
        None if *expected == "only-the-parent" => Expected::OnlyTheParent,
        Some(("errno", number)) => Expected::Error(number.parse().ok()?),
        Some(("signal", number)) => Expected::Signal(number.parse().ok()?),
        _ => return None,
    };
    let text = |text: &&str| (*text).to_owned();
    Some(Attempt {
        number: text(number),
        group: text(group),
        call: text(call),
        what: text(what),
        expected,
        control: if *control == "real" { Control::Run } else { Control::Skip },
        alone: alone.split(',').filter(|name| *name != "-").map(str::to_owned).collect(),
    })
}

/// Where attempts are made: listeners that a worker must not reach.
#[derive(Debug)]
pub(super) struct Range<'w> {
    worker: &'w Path,
    user: String,
    calls: TcpListener,
    packets: UdpSocket,
    abstract_calls: UnixListener,
}

impl<'w> Range<'w> {
    /// Opens the listeners.
    pub(super) fn new(worker: &'w Path, user: Option<(u32, u32)>) -> io::Result<Self> {
        let (calls, packets) = listeners()?;
        let name = SocketAddr::from_abstract_name(format!("candor-escape-{}", std::process::id()))?;
        let abstract_calls = UnixListener::bind_addr(&name)?;
        calls.set_nonblocking(true)?;
        packets.set_nonblocking(true)?;
        abstract_calls.set_nonblocking(true)?;
        let user = user.map_or_else(|| "-".to_owned(), |(user, group)| format!("{user}:{group}"));
        Ok(Self { worker, user, calls, packets, abstract_calls })
    }

    /// Has an attempt made, by a worker with these mechanisms.
    pub(super) fn make(&self, attempt: &Attempt, mechanisms: &str) -> anyhow::Result<Trial> {
        let ground = Ground::new(self.calls.local_addr()?.port())?;
        let (mut channel, theirs) = Channel::pair()?;
        let folder = ground.folder.path().to_str().context("the folder for temporary files has no name")?;
        let arguments = ["--escape", &attempt.number, mechanisms, &self.user, folder];
        let mut process = spawn(self.worker, &arguments, Stdio::from(theirs))?;
        channel.set_patience(Some(PATIENCE))?;
        let mut trial = Trial {
            ending: Ending::Silent(String::new()),
            missing: Vec::new(),
            leaked: Vec::new(),
            arrived: Vec::new(),
        };
        let mut other = None;
        // The first packet says how the confinement went, the last one how the attempt did.
        while let Ok(Some(packet)) = channel.receive() {
            let text = String::from_utf8_lossy(packet.bytes).into_owned();
            if !packet.descriptors.is_empty() {
                trial.leaked.push("a descriptor was sent to us");
            }
            if let Some(missing) = text.strip_prefix("ready") {
                trial.missing = missing.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
                other = Some(ground.send(&channel)?);
            } else if let Some(why) = text.strip_prefix("failed\n") {
                trial.ending = Ending::Unconfined(why.to_owned());
            } else if let Some(number) = text.strip_prefix("errno ") {
                trial.ending = Ending::Error(number.parse().context("the worker speaks nonsense")?);
            } else if let Some(number) = text.strip_prefix("returned ") {
                trial.ending = Ending::Returned(number.parse().context("the worker speaks nonsense")?);
            } else {
                trial.arrived.push(packet.bytes.to_vec());
            }
        }
        let status = wait(&mut process)?;
        if let Ending::Silent(_) = trial.ending {
            trial.ending = match status.map(|status| (status, status.signal())) {
                Some((_, Some(signal))) => Ending::Killed(signal),
                Some((status, None)) => Ending::Silent(status.to_string()),
                None => Ending::Silent("it had to be stopped".to_owned()),
            };
        }
        trial.leaked.extend(ground.changes()?);
        trial.leaked.extend(self.reached());
        if other.is_some_and(|other| Channel::new(other).receive().is_ok_and(|packet| packet.is_some())) {
            trial.leaked.push("something came out of another socket");
        }
        Ok(trial)
    }

    /// Which listener was reached since it was asked last.
    fn reached(&self) -> Vec<&'static str> {
        let mut reached = Vec::new();
        while self.calls.accept().is_ok() {
            reached.push("a TCP call came in");
        }
        while self.packets.recv(&mut [0; 16]).is_ok() {
            reached.push("a UDP packet came in");
        }
        while self.abstract_calls.accept().is_ok() {
            reached.push("a call to an abstract Unix socket came in");
        }
        reached
    }
}

/// Listeners for TCP and UDP with the same port.
fn listeners() -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = None;
    for _ in 0..20 {
        let calls = TcpListener::bind(("127.0.0.1", 0))?;
        match UdpSocket::bind(calls.local_addr()?) {
            Ok(packets) => return Ok((calls, packets)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| ErrorKind::AddrInUse.into()))
}

/// The end of a process; nothing when it had to be killed.
fn wait(process: &mut Child) -> io::Result<Option<ExitStatus>> {
    for _ in 0..5000 {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(2));
    }
    // It fails only for who has ended meanwhile.
    let _ = process.kill();
    process.wait()?;
    Ok(None)
}

/// A folder that an attempt is told of, in which everybody may do everything.
struct Ground {
    folder: TempDir,
    text: String,
}

impl Ground {
    fn new(port: u16) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("candor-escape-").tempdir()?;
        let ground = Self { folder, text: format!("{port:<5}") };
        fs::write(ground.content(), &ground.text)?;
        fs::set_permissions(ground.content(), Permissions::from_mode(0o666))?;
        fs::set_permissions(ground.folder.path(), Permissions::from_mode(0o777))?;
        Ok(ground)
    }

    fn content(&self) -> PathBuf {
        self.folder.path().join("content")
    }

    /// Sends a file, its folder and one end of a socket, as a careless parent might; the socket's other end.
    fn send(&self, channel: &Channel) -> io::Result<OwnedFd> {
        let file = File::options().read(true).write(true).open(self.content())?;
        let folder = File::open(self.folder.path())?;
        let (ours, theirs) = Channel::pair()?;
        ours.set_patience(Some(Duration::from_millis(1)))?;
        channel.send(b"go", &[file.as_fd(), folder.as_fd(), theirs.as_fd()])?;
        ours.as_fd().try_clone_to_owned()
    }

    /// What an attempt has changed.
    fn changes(&self) -> io::Result<Vec<&'static str>> {
        let mut changes = Vec::new();
        match fs::read_to_string(self.content()) {
            Ok(text) if text == self.text => {}
            _ => changes.push("a file was changed or is gone"),
        }
        if fs::metadata(self.content()).is_ok_and(|metadata| metadata.mode() & 0o7777 != 0o666) {
            changes.push("the rights of a file were changed");
        }
        if fs::read_dir(self.folder.path())?.count() > 1 {
            changes.push("a file was made");
        }
        Ok(changes)
    }
}

/// How an attempt was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// As it has to be; in words.
    Refused(String),
    /// It was not; in words.
    Through(String),
}

impl Trial {
    /// What it means where all mechanisms are on.
    pub(super) fn judge(&self, expected: Expected) -> Refusal {
        if let Some(leak) = self.leaked.first() {
            return Refusal::Through((*leak).to_owned());
        }
        let as_expected = match (expected, &self.ending) {
            (Expected::Filter | Expected::FilterOrFault, Ending::Killed(FILTERED)) => true,
            (Expected::FilterOrFault, Ending::Killed(FAULT)) => true,
            (Expected::Error(error), Ending::Error(seen)) => error == *seen,
            (Expected::Signal(signal), Ending::Killed(seen)) => signal == *seen,
            (Expected::OnlyTheParent, Ending::Returned(_)) => self.arrived == [b"out"],
            _ => false,
        };
        if !as_expected {
            return Refusal::Through(self.ending.to_string());
        }
        Refusal::Refused(match (expected, &self.ending) {
            (Expected::OnlyTheParent, _) => "it came to us, who may read it, and to nobody else".to_owned(),
            (_, ending) => ending.to_string(),
        })
    }

    /// What it means where one mechanism was on, or none.
    pub(super) fn judge_alone(&self) -> Refusal {
        match &self.ending {
            Ending::Killed(_) | Ending::Error(_) if self.leaked.is_empty() => {
                Refusal::Refused(self.ending.to_string())
            }
            _ => Refusal::Through(
                self.leaked.first().map_or_else(|| self.ending.to_string(), |leak| (*leak).to_owned()),
            ),
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Killed(FILTERED) => f.write_str("killed by the filter (SIGSYS)"),
            Self::Killed(FAULT) => f.write_str("killed by the processor (SIGSEGV)"),
            Self::Killed(24) => f.write_str("killed for its use of the processor (SIGXCPU)"),
            Self::Killed(9) => f.write_str("killed (SIGKILL)"),
            Self::Killed(signal) => write!(f, "killed by signal {signal}"),
            Self::Error(error) => {
                let text = io::Error::from_raw_os_error(*error).to_string();
                f.write_str(text.split(" (os error").next().unwrap_or_default())
            }
            Self::Returned(_) => f.write_str("gets through"),
            Self::Silent(status) => write!(f, "ended without a word ({status})"),
            Self::Unconfined(why) => write!(f, "not confined: {why}"),
        }
    }
}
