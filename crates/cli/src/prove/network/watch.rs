//! Looks at the processes of a scan: which sockets they have, and in which network they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use candor_jail::filters_of;

use crate::prove::{calls, is_root, process};

/// Tables of sockets in `/proc/PID/net`; those of the Internet, of frames, and of others.
const TABLES: [&str; 10] =
    ["tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "icmp", "packet", "netlink"];
/// How often to look whether a worker is confined by now.
const CONFINING: usize = 2000;
/// How the worker program is named in `/proc/PID/comm`.
const WORKER: &str = "candor-worker";

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// How often was looked.
    pub(super) looks: usize,
    /// The processes that were seen, by number.
    pub(super) processes: BTreeMap<u32, Process>,
    /// What the filters of workers let through, by number of the process.
    pub(super) filters: BTreeMap<u32, String>,
    /// Pipes and sockets that any of them had, with their numbers.
    pub(super) channels: BTreeSet<String>,
    holes: BTreeSet<String>,
}

/// A process of the scan.
#[derive(Debug, Default)]
pub(super) struct Process {
    pid: u32,
    name: String,
    /// Kinds of sockets that it had at any look, with the most of each.
    sockets: BTreeMap<String, usize>,
    /// Whether it could be looked into.
    seen: Seen,
    /// Whether its network is another one than ours.
    own_network: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Seen {
    #[default]
    No,
    Yes,
}

impl Watched {
    /// Looks at a process and its descendants.
    pub(super) fn look(&mut self, root: u32) -> io::Result<()> {
        self.looks += 1;
        for (pid, name) in descendants(root)? {
            let process = self.processes.entry(pid).or_default();
            process.pid = pid;
            // Between its start and its change into another program a process has the name of its parent.
            process.name = name;
            process.look(&mut self.holes, &mut self.channels);
        }
        Ok(())
    }

    /// Whether workers were seen.
    pub(super) fn has_workers(&self) -> bool {
        self.workers().next().is_some()
    }

    fn workers(&self) -> impl Iterator<Item = u32> {
        self.processes.values().filter(|process| process.name == WORKER).map(|process| process.pid)
    }

    /// Reads the filters out of all workers, as root.
    pub(super) fn look_into_workers(&mut self) {
        if !is_root() {
            return;
        }
        for pid in self.workers().collect::<Vec<_>>() {
            match filter(pid) {
                Ok(text) => {
                    self.filters.insert(pid, text);
                }
                // A worker for which there is no more to do has ended.
                Err(_) if !is_there(pid) => {}
                Err(why) => {
                    self.holes.insert(format!("worker {pid}: {why}"));
                }
            }
        }
        if self.filters.is_empty() {
            self.holes.insert("the filter of no worker could be read".to_owned());
        }
    }

    /// What should not have been seen.
    pub(super) fn holes(&self) -> Vec<String> {
        self.holes.iter().cloned().collect()
    }
}

/// Whether a process lives; one that has ended and was not waited for does not.
fn is_there(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains("zombie") && !line.contains("dead"))
}

/// What the filters of a worker mean for networks.
fn filter(pid: u32) -> anyhow::Result<String> {
    let mut facts = process::facts(pid)?;
    for _ in 0..CONFINING {
        if facts.line("Seccomp") == "2" {
            break;
        }
        // It has no files until it is confined, which takes a moment.
        thread::sleep(Duration::from_millis(5));
        facts = process::facts(pid)?;
    }
    let number = i32::try_from(pid)?;
    let filters = filters_of(number)?;
    anyhow::ensure!(!filters.is_empty(), "it has no filter of system calls");
    let socket = facts.socket().ok_or_else(|| anyhow::anyhow!("its socket is not seen"))?;
    let reachable = calls::reachable(&filters, socket)?;
    let holes = reachable.holes.into_iter().chain(facts.holes).collect::<Vec<_>>();
    anyhow::ensure!(holes.is_empty(), "{}", holes.join("; "));
    Ok(format!(
        "no call that makes, binds or connects a socket; messages through descriptor {socket} only; {} of 600 \
         calls kill",
        reachable.killing
    ))
}

impl Process {
    fn look(&mut self, holes: &mut BTreeSet<String>, channels: &mut BTreeSet<String>) {
        let pid = self.pid;
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return;
        };
        self.seen = Seen::Yes;
        if let (Ok(theirs), Ok(ours)) =
            (fs::read_link(format!("/proc/{pid}/ns/net")), fs::read_link("/proc/self/ns/net"))
        {
            self.own_network = Some(theirs != ours);
        }
        let mut sockets = BTreeMap::<String, usize>::new();
        for entry in descriptors.flatten() {
            if let Ok(what) = fs::read_link(entry.path()) {
                let what = what.to_string_lossy();
                if what.starts_with("pipe:") || what.starts_with("socket:") {
                    channels.insert(what.into_owned());
                }
            }
            let Some(kind) = kind(pid, &entry.path()) else { continue };
            if kind != PAIR {
                holes.insert(format!("process {pid} ({}) had a socket: {kind}", self.name));
            }
            *sockets.entry(kind).or_default() += 1;
        }
        for (kind, count) in sockets {
            let most = self.sockets.entry(kind).or_default();
            *most = count.max(*most);
        }
    }
}

/// What a Unix socket without a name is called: nobody else can connect to it.
const PAIR: &str = "pair of Unix sockets without a name";
/// How often a socket is looked for: the tables change while they are read.
const TRIES: usize = 10;

/// What a descriptor is, if it is a socket and stays one for as long as it takes to find out.
fn kind(pid: u32, descriptor: &Path) -> Option<String> {
    for _ in 0..TRIES {
        let what = fs::read_link(descriptor).ok()?.to_string_lossy().into_owned();
        let inode = what.strip_prefix("socket:[")?.strip_suffix(']')?;
        if let Some(kind) = in_tables(pid, inode) {
            return Some(kind);
        }
    }
    Some("of an unknown kind".to_owned())
}

/// What a socket is, by the tables of the process's network and of ours, where it may have been made.
fn in_tables(pid: u32, inode: &str) -> Option<String> {
    for place in [format!("/proc/{pid}/net"), "/proc/self/net".to_owned()] {
        let unix = fs::read_to_string(format!("{place}/unix")).unwrap_or_default();
        if let Some(row) = unix.lines().find(|line| line.split_whitespace().nth(6) == Some(inode)) {
            return Some(match row.split_whitespace().nth(7) {
                None => PAIR.to_owned(),
                Some(name) => format!("Unix socket {name}"),
            });
        }
        for table in TABLES {
            let text = fs::read_to_string(format!("{place}/{table}")).unwrap_or_default();
            if text.lines().any(|line| line.split_whitespace().any(|word| word == inode)) {
                return Some(table.to_owned());
            }
        }
    }
    None
}

/// A process and all that it started, with their names.
fn descendants(root: u32) -> io::Result<Vec<(u32, String)>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name is in parentheses and may have any character in it.
        let Some((start, rest)) = stat.rsplit_once(')') else { continue };
        let Some(parent) = rest.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()) else {
            continue;
        };
        names.insert(pid, start.split_once('(').map_or("", |(_, name)| name).to_owned());
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        if let Some(name) = names.get(&pid) {
            found.push((pid, name.clone()));
        }
        next.extend(children.remove(&pid).unwrap_or_default());
    }
    Ok(found)
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({}): ", self.pid, self.name)?;
        if self.seen == Seen::No {
            return f.write_str("only root can look into it");
        }
        let sockets: Vec<String> =
            self.sockets.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
        f.write_str(if sockets.is_empty() { "no socket" } else { "" })?;
        f.write_str(&sockets.join(", "))?;
        match self.own_network {
            Some(true) => f.write_str("; in an empty network of its own"),
            Some(false) => f.write_str("; in the network of the system"),
            None => Ok(()),
        }
    }
}
