//! How a gate begins, and what is left of it when it dies.
//!
//! The *keeper* is forked by the supervisor and gives up its privileges. It starts gates, which share its table of
//! descriptors: when one dies, the files of the events that it had read stay open, under the same numbers, and the next
//! one takes them over. So whoever waits for an answer gets it from a verdict, however often gates die. All of them are
//! forked and not executed, since executing a program opens files, and there would be nobody to answer for these.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use candor_databases::Databases;
use candor_protocol::Channel;
use rustix::process::{
    DumpableBehavior, Gid, Pid, Signal, Uid, WaitOptions, set_dumpable_behavior, setpriority_process, waitpid,
};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::configuration::Configuration;
use crate::exclusions::Exclusions;
use crate::gate::Gate;
use crate::generation::Generation;
use crate::group::Groups;
use crate::notes::{Note, Notes};
use crate::pending::Table;
use crate::requests::Supervisor;

/// How long a gate goes on whose supervisor is gone: another one may be about to begin.
const ORPHANED: Duration = Duration::from_secs(5);
/// The priority of the gate.
const FIRST: i32 = -15;
/// How often a gate tries to start its workers.
const MOST_ATTEMPTS: u8 = 5;
/// How a gate ends that shall have no successor.
const FOR_GOOD: i32 = 3;

/// What a gate gets.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) groups: Groups,
    pub(crate) table: Table,
    pub(crate) requests: Channel,
    pub(crate) notes: Channel,
    pub(crate) databases: Databases,
    /// The program of the workers.
    pub(crate) worker: File,
    pub(crate) configuration: Configuration,
    pub(crate) supervisor: u32,
}

/// Starts a keeper, which starts a gate.
///
/// # Errors
/// Those of the operating system, and more threads than one.
pub(crate) fn fork(parts: &Parts) -> io::Result<Pid> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("there are threads"));
    }
    start(0, || keep(parts).context("the keeper"), &parts.notes)
}

/// What tells of new databases, whose files go with it.
pub(crate) fn reload(databases: &Databases) -> Vec<u8> {
    let Databases { signatures, size, identity, .. } = databases;
    [&signatures.to_le_bytes()[..], &size.to_le_bytes(), identity].concat()
}

/// The databases that somebody told of.
pub(crate) fn read_reload(bytes: &[u8], files: Vec<OwnedFd>) -> Option<Databases> {
    let (signatures, rest) = bytes.split_first_chunk()?;
    let (size, rest) = rest.split_first_chunk()?;
    let identity = *rest.first_chunk()?;
    Some(Databases {
        files: files.into_iter().map(File::from).collect(),
        signatures: u64::from_le_bytes(*signatures),
        size: u64::from_le_bytes(*size),
        identity,
    })
}

/// Starts a process of the supervisor that does something and ends; what it says in case of an error goes to `notes`.
///
/// # Errors
/// Those of the operating system.
pub(crate) fn apart(life: impl FnOnce() -> anyhow::Result<()>, notes: &Channel) -> io::Result<Pid> {
    start(0, life, notes)
}

/// Starts a process that does something and ends.
#[expect(unsafe_code, reason = "nothing is executed")]
fn start(
    sharing: libc::c_int,
    life: impl FnOnce() -> anyhow::Result<()>,
    notes: &Channel,
) -> io::Result<Pid> {
    let flags = libc::c_long::from(sharing | libc::SIGCHLD);
    // SAFETY: without CLONE_VM it is fork(2): the child has its own copy of the memory, and there is one thread, so that no
    // lock is held by another one.
    let number = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    match number {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            if let Err(error) = life() {
                let note = Note::Failed { reason: format!("{error:#}") };
                let _ = notes.send(&serde_json::to_vec(&note).unwrap_or_default(), &[]);
            }
            // Nothing of the parent is ended in its name.
            // SAFETY: it ends the process.
            unsafe { libc::_exit(FOR_GOOD) }
        }
        number => {
            let number = i32::try_from(number).ok().and_then(Pid::from_raw);
            number.ok_or_else(|| io::Error::other("a process without a number"))
        }
    }
}

/// The life of the keeper: a gate after the other.
fn keep(parts: &Parts) -> anyhow::Result<()> {
    others(parts)?.into_iter().filter_map(owned).for_each(drop);
    // Everybody who opens a file waits for it.
    let _ = setpriority_process(None, FIRST);
    give_up(&parts.configuration)?;
    loop {
        let gate = start(libc::CLONE_FILES, || live(parts), &parts.notes)?;
        let ended = waitpid(Some(gate), WaitOptions::empty()).context("waiting for the gate")?;
        if ended.is_some_and(|(_, status)| status.exit_status() == Some(FOR_GOOD)) {
            return Ok(());
        }
    }
}

/// The life of a gate.
fn live(parts: &Parts) -> anyhow::Result<()> {
    // Without the keeper there would be nobody to go on.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let left = left(parts)?;
    let notes = Notes::new(parts.notes.try_clone().context("the socket for notes")?);
    notes.tell(Note::Started { process: process::id(), taken_over: left.len() as u64 });
    let keeper = rustix::process::getppid().map_or(0, |keeper| keeper.as_raw_nonzero().get().cast_unsigned());
    let gate = Arc::new(Gate::new(
        parts.groups.try_clone()?,
        Table::of(parts.table.file().try_clone()?)?,
        Supervisor::new(parts.requests.try_clone()?)?,
        notes.clone(),
        parts.configuration.clone(),
        Exclusions::new(&parts.configuration.exclude),
        [keeper, parts.supervisor],
    ));
    // What is opened from now on is answered, by our own workers as well.
    gate.start().context("starting threads")?;
    gate.take_over(left);
    let program = PathBuf::from(format!("/proc/self/fd/{}", parts.worker.as_raw_fd()));
    let mut number = 0_u64;
    let mut begin = |databases: &Databases| -> anyhow::Result<()> {
        number = number.saturating_add(1);
        let generation = Generation::start(&parts.configuration, &program, databases, number)?;
        let missing = generation.missing();
        gate.use_generation(generation);
        let database = hex::encode(databases.identity);
        notes.tell(Note::Ready { signatures: databases.signatures, database, missing });
        Ok(())
    };
    // Workers may be killed while they begin, which is no reason to deny those who wait what they want.
    let mut attempts = 1;
    while let Err(error) = begin(&parts.databases) {
        if attempts == MOST_ATTEMPTS {
            return Err(error);
        }
        attempts += 1;
    }
    let mut orders = parts.notes.try_clone()?;
    while let Ok(Some(received)) = orders.receive() {
        let Some(databases) = read_reload(received.bytes, received.descriptors) else { continue };
        if let Err(error) = begin(&databases) {
            notes.tell(Note::Failed { reason: format!("new databases are not used: {error:#}") });
        }
    }
    // Nobody is there to hear who wants to write to a file that the kernel does not ask about.
    gate.ask_about_all();
    thread::sleep(ORPHANED);
    Ok(())
}

/// The descriptors that do not belong to the parts: what the supervisor has for itself, and what a gate left that died.
fn others(parts: &Parts) -> io::Result<Vec<RawFd>> {
    let own = [parts.table.file().as_fd(), parts.worker.as_fd(), parts.requests.as_fd(), parts.notes.as_fd()];
    let own = own.into_iter().chain(parts.groups.descriptors());
    let own =
        own.chain(parts.databases.files.iter().map(AsFd::as_fd)).map(|descriptor| descriptor.as_raw_fd());
    let own: BTreeSet<RawFd> = own.chain(0..=2).collect();
    let there =
        fs::read_dir("/proc/self/fd")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(there.filter(|number| !own.contains(number)).collect())
}

/// The files of events that a gate left which died, and whether each is an execution. What it had read and not noted yet is
/// taken for one, whatever it is: then it gets its answer, and if it is something else, the answer is nobody's.
fn left(parts: &Parts) -> io::Result<Vec<(File, bool)>> {
    let noted: BTreeMap<RawFd, bool> = parts.table.take_over().into_iter().collect();
    let owned = others(parts)?.into_iter().filter_map(|number| Some((number, owned(number)?)));
    Ok(owned.map(|(number, file)| (File::from(file), noted.get(&number).copied().unwrap_or(true))).collect())
}

/// A descriptor that nobody in this process has a handle of; nothing if it is none.
#[expect(unsafe_code, reason = "what is inherited has a number and no handle")]
fn owned(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: it is open when the flags of it can be read. It was opened by the process that we are forked from, or by
    // one that shared our table and is dead; in this one, which has one thread, its handles are never dropped.
    unsafe { (libc::fcntl(number, libc::F_GETFD) >= 0).then(|| OwnedFd::from_raw_fd(number)) }
}

/// Gives up root and the ways back. There must be no other threads.
fn give_up(configuration: &Configuration) -> anyhow::Result<()> {
    let (user, group) =
        (Uid::from_raw(configuration.service.user), Gid::from_raw(configuration.service.group));
    set_thread_groups(&[]).context("giving up groups")?;
    set_thread_res_gid(group, group, group).context("becoming another group")?;
    set_thread_res_uid(user, user, user).context("becoming another user")?;
    set_no_new_privs(true).context("no_new_privs")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("not dumpable")?;
    Ok(())
}
