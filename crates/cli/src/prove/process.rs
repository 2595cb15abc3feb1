//! What `/proc` tells of a running worker.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Lines of `status` that matter.
const LINES: [&str; 13] = [
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "Threads",
    "TracerPid",
];
/// Kinds of namespaces that a worker has for itself.
const SPACES: [&str; 6] = ["net", "mnt", "ipc", "uts", "cgroup", "user"];

/// What is known of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Lines of `status`: name and value.
    pub(super) status: Vec<(&'static str, String)>,
    /// Descriptors and what they are.
    pub(super) descriptors: Option<Vec<(u64, String)>>,
    /// Kinds of namespaces, and whether they are others than ours.
    pub(super) namespaces: Option<Vec<(&'static str, Space)>>,
    /// The names in its root folder.
    pub(super) root: Option<Vec<String>>,
    /// The network interfaces that it has.
    pub(super) interfaces: Option<Vec<String>>,
    /// Lines of `limits` that are set.
    pub(super) limits: Vec<String>,
    /// What should not be.
    pub(super) holes: Vec<String>,
}

/// Whether a namespace is the worker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// It is another one than ours.
    Own,
    /// It is ours.
    Shared,
}

/// The user that this process is.
pub(super) fn own_user() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

/// Looks at a process. Who is not root sees less of it, since a worker cannot be looked into by its own user.
///
/// # Errors
/// When there is no such process.
pub(super) fn facts(pid: u32) -> io::Result<Facts> {
    let path = |name: &str| PathBuf::from(format!("/proc/{pid}/{name}"));
    let status = fs::read_to_string(path("status"))?;
    let value = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .unwrap_or_default()
    };
    let mut facts = Facts::default();
    for name in LINES {
        let words: Vec<&str> = value(name).split_whitespace().collect();
        facts.status.push((name, words.join(" ")));
    }
    facts.descriptors = descriptors(path("fd")).ok();
    facts.namespaces = namespaces(pid).ok();
    facts.root = names(path("root")).ok();
    facts.interfaces =
        fs::read_to_string(path("net/dev")).ok().filter(|_| facts.namespaces.is_some()).map(|text| {
            let rows = text.lines().filter_map(|line| line.split_once(':'));
            rows.map(|(name, _)| name.trim().to_owned()).collect()
        });
    if let Ok(limits) = fs::read_to_string(path("limits")) {
        let set = limits.lines().skip(1).filter(|line| !line.contains("unlimited            unlimited"));
        facts.limits = set.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    }
    facts.holes = holes(&facts);
    Ok(facts)
}

fn descriptors(folder: PathBuf) -> io::Result<Vec<(u64, String)>> {
    let mut descriptors = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let number = entry.file_name().to_string_lossy().parse().unwrap_or(u64::MAX);
        descriptors.push((number, fs::read_link(entry.path())?.display().to_string()));
    }
    descriptors.sort();
    Ok(descriptors)
}

fn namespaces(pid: u32) -> io::Result<Vec<(&'static str, Space)>> {
    let mut spaces = Vec::new();
    for kind in SPACES {
        let theirs = fs::read_link(format!("/proc/{pid}/ns/{kind}"))?;
        let ours = fs::read_link(format!("/proc/self/ns/{kind}"))?;
        spaces.push((kind, if theirs == ours { Space::Shared } else { Space::Own }));
    }
    Ok(spaces)
}

fn names(folder: PathBuf) -> io::Result<Vec<String>> {
    // The link itself is followed by the kernel, into the worker's own mounts.
    fs::read_dir(folder.join("."))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

impl Facts {
    /// A line of `status`.
    pub(super) fn line(&self, name: &str) -> &str {
        self.status.iter().find(|(line, _)| *line == name).map_or("", |(_, value)| value)
    }

    /// The number of the worker's socket.
    pub(super) fn socket(&self) -> Option<u64> {
        let sockets = self.descriptors.iter().flatten().filter(|(_, what)| what.starts_with("socket:"));
        sockets.map(|(number, _)| *number).next()
    }

    /// Whether a namespace is the worker's own, where that is known.
    pub(super) fn has_own(&self, kind: &str) -> Option<bool> {
        let spaces = self.namespaces.as_ref()?;
        spaces.iter().find(|(name, _)| *name == kind).map(|(_, space)| *space == Space::Own)
    }
}

/// What every system can keep from a worker, and does not keep from this one.
fn holes(facts: &Facts) -> Vec<String> {
    let mut holes = Vec::new();
    for (name, wanted) in [("NoNewPrivs", "1"), ("Seccomp", "2"), ("Threads", "1")] {
        if facts.line(name) != wanted {
            holes.push(format!("{name} is {:?} and not {wanted}", facts.line(name)));
        }
    }
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        if facts.line(name).is_empty() || facts.line(name).contains(|digit| digit != '0') {
            holes.push(format!("it has capabilities: {name} is {}", facts.line(name)));
        }
    }
    // Who is root of some users only is an ordinary user outside; the worker says that by itself.
    let root = facts.line("Uid").split(' ').any(|user| user == "0");
    if root && fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.contains("4294967295")) {
        holes.push("it is root".to_owned());
    }
    for (number, what) in facts.descriptors.iter().flatten() {
        if *number <= 2 && what != "/dev/null" {
            holes.push(format!("descriptor {number} is {what} and not /dev/null"));
        }
        if *number > 2 && !what.starts_with("socket:") {
            holes.push(format!("descriptor {number} is {what}"));
        }
    }
    let sockets = facts.descriptors.iter().flatten().filter(|(number, _)| *number > 2).count();
    if facts.descriptors.is_some() && sockets != 1 {
        holes.push(format!("it has {sockets} descriptors besides the standard ones, and not one socket"));
    }
    if facts.has_own("net") == Some(true) && facts.interfaces.as_ref().is_some_and(|names| names != &["lo"]) {
        holes.push("its own network has interfaces".to_owned());
    }
    if facts.has_own("mnt") == Some(true) && facts.root.as_ref().is_some_and(|names| !names.is_empty()) {
        holes.push("its own root folder is not empty".to_owned());
    }
    holes
}
