//! The supervisor: holds the group and what privileges are needed, and never looks into a file.
//!
//! It is one thread, so that it can start a gate by forking: a gate that had to be executed would need somebody to answer
//! for the programs that are opened thereby.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use candor_databases::Databases;
use candor_protocol::Channel;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode as Permissions, OFlags};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, WaitOptions, getrlimit, kill_process, pidfd_open, pidfd_send_signal,
    setrlimit, waitpid,
};

use crate::configuration::{Configuration, Mode};
use crate::coverage::Covered;
use crate::group::{Answer, Groups};
use crate::kept::Kept;
use crate::notes::Note;
use crate::pending::{Count, PLACES, Table};
use crate::requests::{Process, Request};
use crate::status::Status;
use crate::{beginning, isolation, lease};

/// How often it looks for what is late.
const TICK: Duration = Duration::from_millis(50);
/// How long a first gate may take until it is ready.
const STARTING: Duration = Duration::from_secs(30);
/// Gates that may end within [`SHORT`] before it gives up, and so lets everything through: a machine on which nothing can be
/// opened is of no use to anybody.
const MOST_STARTS: usize = 50;
const SHORT: Duration = Duration::from_secs(10);
/// How much longer than the patience for two answers it takes until the keeper is ended as well.
const HELPLESS: Duration = Duration::from_secs(2);
/// How often files are closed that have no name any more.
const BETWEEN_TIDYING: Duration = Duration::from_secs(2);
/// Notes that are kept for `candor protect status`.
const RECENT: usize = 100;

/// The supervisor.
#[derive(Debug)]
pub(crate) struct Supervisor {
    configuration: Configuration,
    worker: PathBuf,
    groups: Groups,
    table: Table,
    databases: Databases,
    covered: Covered,
    kept: Kept,
    gate: Running,
    listener: UnixListener,
    signals: SignalFd,
    mounts: File,
    /// Where processes that do something apart tell of it.
    apart: (Channel, Channel),
    helpers: Vec<Pid>,
    /// How often databases were to be opened again.
    reloads: u64,
    /// Whether anything is watched; before that nobody is answered who asks.
    is_on: bool,
    since: Instant,
    starts: VecDeque<Instant>,
    /// How often a gate began.
    gates: u64,
    /// The gate, and a handle to it.
    process: Option<(u32, OwnedFd)>,
    /// Its signs of life, and when the last one was seen.
    beaten: (u64, Instant),
    /// How often it had read events when there were some that it left alone, and since when.
    read: (Option<u64>, Instant),
    /// Whether it was ended since it hangs.
    is_ended: bool,
    /// When files were closed that have no name any more.
    tidied: Instant,
    /// When it was looked for what is late.
    looked: Instant,
    recent: VecDeque<Note>,
}

/// A keeper with its gate, as the supervisor sees them.
#[derive(Debug)]
struct Running {
    keeper: Pid,
    handle: OwnedFd,
    requests: Channel,
    notes: Channel,
}

/// Why the loop ends.
enum Wish {
    Stop,
}

/// Runs until it is told to stop.
///
/// # Errors
/// When the kernel has no permission events or we are not root, a database or a worker cannot be used, or gates die again
/// and again.
pub(crate) fn run(mut configuration: Configuration) -> anyhow::Result<()> {
    let mut mask = SigSet::empty();
    // SIGIO tells that somebody waits for a lease.
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGIO, Signal::SIGPIPE] {
        mask.add(signal);
    }
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    // Each access that waits is an open file. The most that can be open is the most that has a place in the table.
    let most = getrlimit(Resource::Nofile).maximum.map_or(PLACES as u64, |most| most.min(PLACES as u64));
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: Some(most) })
        .context("the limit of open files")?;
    let worker = candor_jail::worker_program()?;
    let databases = candor_databases::open(&configuration.database.files)?;
    let groups = Groups::open().context(hint())?;
    let table = Table::new()?;
    let listener = listen(&configuration.service.socket)?;
    let covered = Covered::new(&configuration.file_systems);
    configuration.ahead.folders.retain(|folder| covered.is_to_be_watched(folder));
    let gate = start(&configuration, &worker, &groups, &table, &databases)?;
    let mut supervisor = Supervisor {
        covered,
        kept: Kept::new(&configuration.kept.folders),
        configuration,
        worker,
        groups,
        table,
        databases,
        gate,
        listener,
        signals,
        mounts: File::open("/proc/self/mountinfo")?,
        apart: Channel::pair().map(|(ours, theirs)| (ours, Channel::new(theirs)))?,
        helpers: Vec::new(),
        reloads: 0,
        is_on: false,
        since: Instant::now(),
        starts: VecDeque::new(),
        gates: 0,
        process: None,
        beaten: (0, Instant::now()),
        read: (None, Instant::now()),
        is_ended: false,
        tidied: Instant::now(),
        looked: Instant::now(),
        recent: VecDeque::new(),
    };
    supervisor.wait_until_ready()?;
    supervisor.covered.look(&supervisor.groups, supervisor.gate_number());
    supervisor.covered.refresh(&supervisor.groups);
    let covered = supervisor.covered.file_systems();
    let watched = covered.iter().filter(|file_system| file_system.left.is_none()).count();
    if watched == 0 {
        bail!("no file system can be watched; `file_systems` in the configuration chooses them");
    }
    supervisor.log(&format!("protection is on: {watched} file systems"));
    supervisor.is_on = true;
    let ended = supervisor.serve();
    // The gate dies with the keeper.
    let _ = kill_process(supervisor.gate.keeper, rustix::process::Signal::KILL);
    let _ = waitpid(Some(supervisor.gate.keeper), WaitOptions::empty());
    let _ = fs::remove_file(&supervisor.configuration.service.socket);
    ended
}

fn hint() -> &'static str {
    "the kernel does not let us watch files; that needs root and CONFIG_FANOTIFY_ACCESS_PERMISSIONS (Linux 6.13)"
}

/// Listens where `candor protect` asks. Only root may: what was found, and where, is nobody else's business.
fn listen(path: &PathBuf) -> anyhow::Result<UnixListener> {
    let context = || format!("cannot listen at {}", path.display());
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).with_context(context)?;
    }
    if UnixStream::connect(path).is_ok() {
        bail!("protection is on already: somebody answers at {}", path.display());
    }
    // A socket that a killed supervisor left.
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path).with_context(context)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).with_context(context)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn start(
    configuration: &Configuration,
    worker: &PathBuf,
    groups: &Groups,
    table: &Table,
    databases: &Databases,
) -> anyhow::Result<Running> {
    let (requests, their_requests) = Channel::pair()?;
    let (notes, their_notes) = Channel::pair()?;
    let parts = beginning::Parts {
        groups: groups.try_clone()?,
        table: Table::of(table.file().try_clone()?)?,
        requests: Channel::new(their_requests),
        notes: Channel::new(their_notes),
        databases: Databases {
            files: databases.files.iter().map(File::try_clone).collect::<io::Result<_>>()?,
            ..*databases
        },
        worker: File::open(worker).with_context(|| worker.display().to_string())?,
        configuration: configuration.clone(),
        supervisor: process::id(),
    };
    let keeper = beginning::fork(&parts)?;
    let handle = pidfd_open(keeper, PidfdFlags::empty())?;
    Ok(Running { keeper, handle, requests, notes })
}

impl Supervisor {
    /// Waits for the first gate. Nothing is watched yet, so that nobody waits for it.
    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < STARTING {
            self.turn()?;
            for note in &self.recent {
                match note {
                    Note::Ready { .. } => return Ok(()),
                    Note::Failed { reason } => bail!("the gate cannot start: {reason}"),
                    _ => {}
                }
            }
            if self.gates > 1 {
                bail!("the gate ended before it was ready");
            }
        }
        bail!("the gate was not ready after {} seconds", STARTING.as_secs())
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(Wish::Stop) = self.turn()? {
                self.log("protection is off");
                return Ok(());
            }
            // Requests come by the thousand, and looking through the table takes as long as many of them.
            if self.looked.elapsed() < TICK {
                continue;
            }
            self.looked = Instant::now();
            let wrong = self.table.answer_late(self.configuration.late.patience(), |number, deny| {
                self.table.count(Count::Late);
                let _ = self.groups.answer(number, if deny { Answer::Deny } else { Answer::Allow });
            });
            if wrong > 0 {
                self.log(&format!("{wrong} accesses were answered by the policy for late answers"));
            }
            self.end_what_hangs();
            if self.tidied.elapsed() > BETWEEN_TIDYING {
                self.kept.forget_deleted(&self.groups);
                self.table.set(Count::Kept, self.kept.len() as u64);
                self.tidied = Instant::now();
            }
            self.covered.look(&self.groups, self.gate_number());
        }
    }

    /// Ends a gate that gives no sign of life, or reads nothing although there is something to read; the next one takes over.
    /// If that does not help, it ends the keeper.
    fn end_what_hangs(&mut self) {
        let patience = self.configuration.late.patience();
        let beats = self.table.counted(Count::Beats);
        let reads = if self.groups.has_unread() { Some(self.table.counted(Count::Reads)) } else { None };
        if self.beaten.0 != beats {
            self.beaten = (beats, Instant::now());
        }
        if reads.is_none() || self.read.0 != reads {
            self.read = (reads, Instant::now());
        }
        let silent = self.beaten.1.elapsed().max(self.read.1.elapsed());
        if silent <= patience {
            self.is_ended = false;
            return;
        }
        let kill = rustix::process::Signal::KILL;
        match &self.process {
            Some((_, handle)) if !self.is_ended => {
                self.log("the gate hangs and is ended");
                let _ = pidfd_send_signal(handle, kill);
                self.is_ended = true;
            }
            _ if silent > patience.saturating_mul(2).saturating_add(HELPLESS) => {
                self.log("no other gate begins; the keeper is ended");
                let _ = kill_process(self.gate.keeper, kill);
                self.beaten = (beats, Instant::now());
                self.read = (reads, Instant::now());
            }
            _ => {}
        }
    }

    /// Waits for something to do, for a tick at most, and does it.
    fn turn(&mut self) -> anyhow::Result<Option<Wish>> {
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
        let input = PollFlags::IN;
        let mut ready = vec![
            PollFd::new(&self.gate.handle, input),
            PollFd::new(&self.gate.requests, input),
            PollFd::new(&self.gate.notes, input),
            PollFd::new(&self.signals, input),
            PollFd::new(&self.listener, if self.is_on { input } else { PollFlags::empty() }),
            PollFd::new(&self.mounts, PollFlags::PRI),
            PollFd::new(&self.apart.0, input),
        ];
        let own = ready.len();
        let others: Vec<_> = self.covered.changes().collect();
        ready.extend(others.iter().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::PRI)));
        match poll(&mut ready, Some(&tick)) {
            Err(rustix::io::Errno::INTR) => return Ok(None),
            result => result?,
        };
        let is_ready: Vec<bool> = ready.iter().map(|file| !file.revents().is_empty()).collect();
        drop(ready);
        let is = |index: usize| is_ready.get(index).copied().unwrap_or(false);
        let mounted = is(5) || is_ready.iter().skip(own).any(|ready| *ready);
        if is(1) {
            self.answer_request();
        }
        if is(2) && self.hear() {
            self.started()?;
        }
        if mounted {
            self.covered.refresh(&self.groups);
        }
        if is(6) {
            self.hear_apart();
        }
        if is(0) {
            self.replace_keeper()?;
        }
        if is(3) {
            while let Ok(Some(signal)) = self.signals.read_signal() {
                match i32::try_from(signal.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok()) {
                    Some(Signal::SIGTERM | Signal::SIGINT) => return Ok(Some(Wish::Stop)),
                    Some(Signal::SIGHUP) => self.reload(),
                    Some(Signal::SIGIO) => {
                        self.kept.give_back(&self.groups);
                        self.table.set(Count::Kept, self.kept.len() as u64);
                    }
                    _ => {}
                }
            }
        }
        if is(4) {
            return Ok(self.talk());
        }
        Ok(None)
    }

    fn answer_request(&mut self) {
        let Ok(Some(received)) = self.gate.requests.receive() else { return };
        let answer = match Request::read(received.bytes, received.descriptors) {
            Some((mut answer, request)) => {
                let mut files = Vec::new();
                match request {
                    Request::Unwritten(file) => answer.push(lease::is_unwritten(&file).into()),
                    Request::Opened(file, number) => {
                        answer.push(lease::is_unwritten(&file).into());
                        answer.extend(who(number).unwrap_or_default().to_bytes());
                    }
                    Request::Open(path) => files.extend(open(&path)),
                    Request::Keep(file, identity, database) => {
                        if database == self.databases.identity {
                            self.kept.keep(&self.groups, file.into(), identity);
                            self.table.set(Count::Kept, self.kept.len() as u64);
                        }
                    }
                    Request::Found(file, names) => self.found(File::from(file), names),
                }
                (answer, files)
            }
            None => return,
        };
        let (answer, files) = answer;
        let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        // A gate that is gone is noticed elsewhere.
        let _ = self.gate.requests.send(&answer, &files);
    }

    /// A gate with a handle, if the keeper started it.
    fn known(&self, process: u32) -> Option<(u32, OwnedFd)> {
        let number = Pid::from_raw(process.cast_signed())?;
        let handle = pidfd_open(number, PidfdFlags::empty()).ok()?;
        let keeper = self.gate.keeper.as_raw_nonzero().get().cast_unsigned();
        (who(process)?.parent == keeper).then_some((process, handle))
    }

    /// The gate's number; 0 between two.
    fn gate_number(&self) -> u32 {
        self.process.as_ref().map_or(0, |(number, _)| *number)
    }

    /// Hears a note; whether it is that a gate begins.
    fn hear(&mut self) -> bool {
        let Ok(Some(received)) = self.gate.notes.receive() else { return false };
        let Ok(note) = serde_json::from_slice::<Note>(received.bytes) else { return false };
        let began = if let Note::Started { process, .. } = note { Some(process) } else { None };
        if let Some(process) = began {
            self.process = self.known(process);
            self.gates = self.gates.saturating_add(1);
        }
        self.note(note);
        began.is_some()
    }

    /// Logs a note and keeps it for a while.
    fn note(&mut self, note: Note) {
        if let Ok(line) = serde_json::to_string(&note) {
            self.log(&line);
        }
        self.recent.push_back(note);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Hears what a process did that does something apart.
    fn hear_apart(&mut self) {
        if let Ok(Some(received)) = self.apart.0.receive() {
            let (told, files) = (received.bytes.to_vec(), received.descriptors);
            if !files.is_empty() {
                self.use_databases(&told, files);
            } else if let Ok(note) = serde_json::from_slice::<Note>(&told) {
                self.note(note);
            }
        }
        self.helpers.retain(|process| matches!(waitpid(Some(*process), WaitOptions::NOHANG), Ok(None)));
    }

    /// Starts another keeper in the place of one that ended: its gate is gone as well, and with it the files of the events
    /// that were read. Who waits for these is told no, since nothing is known of them.
    fn replace_keeper(&mut self) -> anyhow::Result<()> {
        // What they said last.
        while rustix::io::ioctl_fionread(&self.gate.notes).is_ok_and(|size| size > 0) {
            self.hear();
        }
        let status = waitpid(Some(self.gate.keeper), WaitOptions::NOHANG);
        for number in 0..PLACES {
            let _ = self.groups.answer(i32::try_from(number).unwrap_or(i32::MAX), Answer::Deny);
        }
        self.table.clear();
        self.log(&format!("the keeper ended ({status:?})"));
        self.gate = start(&self.configuration, &self.worker, &self.groups, &self.table, &self.databases)?;
        self.started()
    }

    /// Counts starts.
    fn started(&mut self) -> anyhow::Result<()> {
        self.starts.push_back(Instant::now());
        while self.starts.front().is_some_and(|start| start.elapsed() > SHORT) {
            self.starts.pop_front();
        }
        if self.starts.len() > MOST_STARTS {
            bail!("the gate ended {MOST_STARTS} times within {} seconds; protection is off", SHORT.as_secs());
        }
        Ok(())
    }

    /// Does with a file in which something was found what the configuration wants. Taking it into quarantine takes its
    /// time, and is done by a process of its own.
    fn found(&mut self, file: File, names: Vec<String>) {
        let protect = &self.configuration.protect;
        if protect.mode == Mode::Report || !file.metadata().is_ok_and(|file| file.is_file()) {
            return;
        }
        for note in isolation::running(&file, protect.kill) {
            self.note(note);
        }
        if !self.configuration.protect.quarantine {
            return;
        }
        let database = hex::encode(self.databases.identity);
        let vault = self.configuration.protect.vault.clone();
        let life = || {
            let note = isolation::isolate(&file, names, database, vault.as_deref());
            self.apart.1.send(&serde_json::to_vec(&note)?, &[])?;
            Ok(())
        };
        match beginning::apart(life, &self.apart.1) {
            Ok(process) => self.helpers.push(process),
            Err(error) => self.log(&format!("nothing can be taken into quarantine: {error}")),
        }
    }

    /// Opens the databases again. They are read whole, which takes its time, so that a process of its own does it.
    fn reload(&mut self) {
        self.reloads = self.reloads.saturating_add(1);
        let life = || {
            let databases = candor_databases::open(&self.configuration.database.files)
                .context("new databases are not used")?;
            let files: Vec<_> = databases.files.iter().map(AsFd::as_fd).collect();
            let told = [&self.reloads.to_le_bytes()[..], &beginning::reload(&databases)].concat();
            Ok(self.apart.1.send(&told, &files)?)
        };
        match beginning::apart(life, &self.apart.1) {
            Ok(process) => self.helpers.push(process),
            Err(error) => self.log(&format!("new databases cannot be opened: {error}")),
        }
    }

    /// Hands databases to the gate, unless they were to be opened again since.
    fn use_databases(&mut self, told: &[u8], files: Vec<OwnedFd>) {
        let Some((number, told)) = told.split_first_chunk() else { return };
        let Some(databases) = beginning::read_reload(told, files) else { return };
        if u64::from_le_bytes(*number) != self.reloads {
            return;
        }
        // What the kernel keeps is of the databases before.
        self.kept.clear(&self.groups);
        self.table.set(Count::Kept, 0);
        let files: Vec<_> = databases.files.iter().map(AsFd::as_fd).collect();
        if let Err(error) = self.gate.notes.send(told, &files) {
            self.log(&format!("the gate cannot be told of new databases: {error}"));
        }
        self.databases = databases;
    }

    /// Answers whoever asks at the socket: one word each.
    fn talk(&mut self) -> Option<Wish> {
        let Ok((mut stream, _)) = self.listener.accept() else { return None };
        let patience = Some(Duration::from_millis(200));
        let mut word = [0; 16];
        let asked = stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience));
        let count = asked.and_then(|()| stream.read(&mut word)).unwrap_or(0);
        match word.get(..count).map(<[u8]>::trim_ascii) {
            Some(b"status") => {
                let answer = serde_json::to_vec(&self.status()).unwrap_or_default();
                let _ = stream.write_all(&answer);
                None
            }
            Some(b"reload") => {
                self.reload();
                None
            }
            Some(b"stop") => Some(Wish::Stop),
            _ => None,
        }
    }

    fn status(&self) -> Status {
        let count = |(count, name): &(Count, &str)| ((*name).to_owned(), self.table.counted(*count));
        Status {
            mode: self.configuration.protect.mode.name().to_owned(),
            seconds: self.since.elapsed().as_secs(),
            restarts: self.gates.saturating_sub(1),
            signatures: self.databases.signatures,
            database: hex::encode(self.databases.identity),
            processes: (process::id(), self.gate_number()),
            file_systems: self.covered.file_systems(),
            uncovered: uncovered(),
            counts: Count::ALL.iter().map(count).collect(),
            recent: self.recent.iter().cloned().collect(),
        }
    }

    fn log(&self, line: &str) {
        // Nobody may be there to read it.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// What no file system mark can see, on this kernel.
fn uncovered() -> Vec<String> {
    [
        "programs in memory that have no file (memfd): the kernel asks nobody about them",
        "content that is written into a file that is open already: it is scanned when it is closed and when it is opened again",
        "the moment between a mount and its being watched, and up to a second in mount namespaces that are new",
        "whoever is root and wants to switch protection off",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A regular file, open for reading; whatever else is there is not touched.
fn open(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let is_file = fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
    let file = is_file.then(|| rustix::fs::open(path, flags, Permissions::empty()).ok()).flatten()?;
    File::from(file.try_clone().ok()?).metadata().is_ok_and(|file| file.is_file()).then_some(file)
}

/// Who a process is.
fn who(number: u32) -> Option<Process> {
    let folder = PathBuf::from(format!("/proc/{number}"));
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let field = |name: &str| -> Option<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    // Threads of the kernel execute no file.
    let program = fs::metadata(folder.join("exe")).map_or((0, 0), |file| (file.dev(), file.ino()));
    Some(Process { parent: field("PPid:")?, user: field("Uid:")?, program })
}
