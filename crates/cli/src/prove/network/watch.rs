//! Looks at the processes of a scan: which sockets they have, and in which network they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;

use candor_jail::filters_of;

use crate::prove::{calls, is_root, process};

/// Tables of sockets in `/proc/PID/net`; those of the Internet, of frames, and of others.
const TABLES: [&str; 10] =
    ["tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "icmp", "packet", "netlink"];
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
            process.look(&mut self.holes);
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
                Err(why) => {
                    self.holes.insert(format!("worker {pid}: {why}"));
                }
            }
        }
    }

    /// What should not have been seen.
    pub(super) fn holes(&self) -> Vec<String> {
        self.holes.iter().cloned().collect()
    }
}

/// What the filters of a worker mean for networks.
fn filter(pid: u32) -> anyhow::Result<String> {
    let facts = process::facts(pid)?;
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
    fn look(&mut self, holes: &mut BTreeSet<String>) {
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
        let mut inodes = Vec::new();
        for entry in descriptors.flatten() {
            let Ok(what) = fs::read_link(entry.path()) else { continue };
            let what = what.to_string_lossy().into_owned();
            if let Some(inode) = what.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
                inodes.push(inode.to_owned());
            }
        }
        let mut sockets = BTreeMap::<String, usize>::new();
        for inode in inodes {
            let kind = kind(pid, &inode);
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

/// A socket that is in no table of a network, or that is a Unix socket without a name.
const PAIR: &str = "pair of Unix sockets without a name";

/// What a socket is, by the tables of the process's network and of ours, where it may have been made.
fn kind(pid: u32, inode: &str) -> String {
    for place in [format!("/proc/{pid}/net"), "/proc/self/net".to_owned()] {
        for table in TABLES {
            let text = fs::read_to_string(format!("{place}/{table}")).unwrap_or_default();
            if text.lines().any(|line| line.split_whitespace().any(|word| word == inode)) {
                return table.to_owned();
            }
        }
        let unix = fs::read_to_string(format!("{place}/unix")).unwrap_or_default();
        let row = unix.lines().find(|line| line.split_whitespace().nth(6) == Some(inode));
        if let Some(row) = row {
            return match row.split_whitespace().nth(7) {
                None => PAIR.to_owned(),
                Some(name) => format!("Unix socket {name}"),
            };
        }
    }
    // The other end is closed, or the process is gone by now.
    if fs::metadata(format!("/proc/{pid}")).is_err() { PAIR.to_owned() } else { "unknown".to_owned() }
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
